//! From a bare kernel to a machine with devices and modules, and off again.

use std::fs::{self, File};

use anyhow::{Context, Result};
use kedge_vm::image::MODULES_FOLDER;
use nix::kmod::{ModuleInitFlags, finit_module};
use nix::mount::MsFlags;
use nix::sys::reboot::{RebootMode, reboot};

/// Mounts the kernel's own file systems, and memory for what is written.
pub fn mount() -> Result<()> {
    let places = [
        ("proc", "/proc"),
        ("sysfs", "/sys"),
        ("devtmpfs", "/dev"),
        ("tmpfs", "/run"),
        ("tmpfs", "/tmp"),
    ];
    for (kind, place) in places {
        let (options, flags) = (None::<&str>, MsFlags::empty());
        nix::mount::mount(Some(kind), place, Some(kind), flags, options)
            .with_context(|| format!("mounting {place}"))?;
    }
    Ok(())
}

/// Loads all modules of the image and says how many they are.
pub fn load_modules() -> Result<usize> {
    let files = fs::read_dir(MODULES_FOLDER).context(MODULES_FOLDER)?;
    let mut paths: Vec<_> = files.flatten().map(|file| file.path()).collect();
    paths.sort();
    for path in &paths {
        let what = || format!("loading {}", path.display());
        let file = File::open(path).with_context(what)?;
        finit_module(&file, c"", ModuleInitFlags::empty()).with_context(what)?;
    }
    Ok(paths.len())
}

/// The kernel's version.
pub fn release() -> Result<String> {
    let release = nix::sys::utsname::uname()?;
    Ok(release.release().to_string_lossy().into_owned())
}

/// Ends the machine. A reboot is what QEMU is told to take for the end; it needs no ACPI.
pub fn power_off() -> Result<()> {
    nix::unistd::sync();
    match reboot(RebootMode::RB_AUTOBOOT)? {}
}
