//! The machine's whole file system: programs of ours and a few of the host's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use kedge_lab::programs;

use crate::cpio::Archive;
use crate::kernel::{Kernel, run};

/// The modules that the scenarios need.
const MODULES: [&str; 13] = [
    "tun",
    "veth",
    "bridge",
    "vrf",
    "ip_gre",
    "ip6_gre",
    "ipip",
    "sit",
    "ip6_tunnel",
    "fou",
    "fou6",
    "sch_ingress",
    "cls_bpf",
];

/// The host's programs that the scenarios run.
const PROGRAMS: [&str; 9] =
    ["cat", "date", "dhclient", "env", "ethtool", "ip", "ping", "sh", "sysctl"];

/// Our own programs that they run. They are beside the first process, which looks for them there.
const OURS: [&str; 2] = ["kedge", "kedged"];

/// Where the modules are in the machine; their names are in the order to load them.
pub const MODULES_FOLDER: &str = "/modules";

/// The initramfs with `init` as its first process.
pub fn initramfs(kernel: &Kernel, init: &Path) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    for folder in ["/dev", "/proc", "/run", "/sys", "/tmp", "/var"] {
        archive.folder(folder);
    }
    // The kernel opens it for us before anything is mounted.
    archive.device("/dev/console", 5, 1);
    for (number, module) in kernel.modules(&MODULES)?.iter().enumerate() {
        archive.file(&format!("{MODULES_FOLDER}/{number:02}-{}.ko", module.name), &module.data);
    }
    archive.file("/init", &stripped(init)?);
    let mut libraries = libraries(init)?;
    for program in OURS {
        let path = programs::find(program)?;
        archive.file(&format!("/{program}"), &stripped(&path)?);
        libraries.extend(self::libraries(&path)?);
    }
    for program in PROGRAMS {
        let path = find(program)?;
        archive.file(&format!("/bin/{program}"), &read(&path)?);
        libraries.extend(self::libraries(&path)?);
    }
    libraries.sort();
    libraries.dedup();
    for library in libraries {
        archive.file(&library.to_string_lossy(), &read(&library)?);
    }
    Ok(archive.finish())
}

/// A program without its debugging symbols, which are most of it.
fn stripped(program: &Path) -> Result<Vec<u8>> {
    let out = program.with_extension("stripped");
    run(Command::new("strip").arg("-o").arg(&out).arg(program))?;
    read(&out)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| path.display().to_string())
}

fn find(program: &str) -> Result<PathBuf> {
    let places =
        ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(|place| Path::new(place).join(program));
    let found = places.into_iter().find(|path| path.is_file());
    found.with_context(|| format!("{program} is missing: run packaging/setup.sh"))
}

/// The shared libraries of a program and its loader, as ldd prints them: `NAME => PATH (ADDRESS)`
/// or `PATH (ADDRESS)`.
fn libraries(program: &Path) -> Result<Vec<PathBuf>> {
    let listing = run(Command::new("ldd").arg(program))?;
    let words = listing.lines().flat_map(str::split_whitespace);
    Ok(words.filter(|word| word.starts_with('/')).map(PathBuf::from).collect())
}
