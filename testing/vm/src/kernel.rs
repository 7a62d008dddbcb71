//! The kernel of Debian's package: downloaded and unpacked, never installed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// The package that depends on the current kernel's.
const META_PACKAGE: &str = "linux-image-amd64";

/// What of the package is unpacked: the kernel, and the folders of the modules that we load and
/// of those they need.
const WANTED: [&str; 4] = [
    "./boot/vmlinuz-*",
    "./lib/modules/*/kernel/drivers/net/*.ko",
    "./lib/modules/*/kernel/lib/*",
    "./lib/modules/*/kernel/net/*",
];

/// A kernel and its modules on our disk.
#[derive(Debug)]
pub struct Kernel {
    folder: PathBuf,
}

/// A module as a file.
#[derive(Debug)]
pub struct Module {
    /// Its name, with underscores.
    pub name: String,
    /// The file's contents.
    pub data: Vec<u8>,
}

impl Kernel {
    /// The kernel kept in `cache`, downloaded first if it is not there.
    pub fn provide(cache: &Path) -> Result<Self> {
        let folder = cache.join("kernel");
        if !folder.is_dir() {
            // Made aside and renamed when complete: an interrupted download leaves no half.
            let work = cache.join(format!("kernel.{}", std::process::id()));
            fs::create_dir_all(&work)?;
            download(&work)?;
            fs::rename(&work, &folder).context("putting the kernel in its place")?;
        }
        Ok(Self { folder })
    }

    /// The file that boots.
    pub fn image(&self) -> Result<PathBuf> {
        let boot = self.folder.join("boot");
        let mut entries = fs::read_dir(&boot).with_context(|| boot.display().to_string())?;
        let first = entries.next().with_context(|| format!("{}: empty", boot.display()))??;
        Ok(first.path())
    }

    /// These modules and those they need, in an order in which they can be loaded.
    pub fn modules(&self, names: &[&str]) -> Result<Vec<Module>> {
        let mut files = BTreeMap::new();
        find_modules(&self.folder.join("lib/modules"), &mut files)?;
        let mut ordered = Vec::new();
        for name in names {
            add_module(name, &files, &mut ordered)?;
        }
        Ok(ordered)
    }
}

fn download(folder: &Path) -> Result<()> {
    let depends =
        run(Command::new("apt-cache").env("LC_ALL", "C").args(["depends", META_PACKAGE]))?;
    let package = depends.lines().find_map(|line| line.trim().strip_prefix("Depends: "));
    let package = package.context("apt knows no kernel package: run apt-get update")?;
    run(Command::new("apt-get").args(["download", package]).current_dir(folder))?;
    let deb = fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let deb = deb.into_iter().find(|path| path.extension().is_some_and(|e| e == "deb"));
    let deb = deb.with_context(|| format!("apt-get download {package} left no file"))?;

    // The archive goes through a file: a pipe's writer cannot say why it failed.
    let tar = folder.join("package.tar");
    let file = fs::File::create(&tar)?;
    let mut unpack = Command::new("dpkg-deb");
    let status = unpack.arg("--fsys-tarfile").arg(&deb).stdout(file).status()?;
    ensure!(status.success(), "dpkg-deb cannot read {}", deb.display());
    let mut extract = Command::new("tar");
    extract.args(["--extract", "--wildcards", "--file"]).arg(&tar).arg("--directory").arg(folder);
    run(extract.args(WANTED))?;
    fs::remove_file(tar)?;
    fs::remove_file(deb)?;
    Ok(())
}

fn find_modules(folder: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            find_modules(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "ko") {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            files.insert(stem.replace('-', "_"), path);
        }
    }
    Ok(())
}

fn add_module(
    name: &str,
    files: &BTreeMap<String, PathBuf>,
    ordered: &mut Vec<Module>,
) -> Result<()> {
    if ordered.iter().any(|module| module.name == name) {
        return Ok(());
    }
    let path = files.get(name).with_context(|| format!("the kernel package has no {name}.ko"))?;
    let data = fs::read(path).with_context(|| path.display().to_string())?;
    for needed in needs(&data) {
        add_module(&needed, files, ordered)?;
    }
    ordered.push(Module { name: name.to_owned(), data });
    Ok(())
}

/// The modules that a module says it needs: its `.modinfo` section has a NUL-terminated string
/// `depends=a,b`. (The package has no modules.dep; that is made when it is installed.)
fn needs(module: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(at) = module.windows(KEY.len()).position(|window| window == KEY) else {
        return Vec::new();
    };
    let list = module[at + KEY.len()..].split(|octet| *octet == 0).next().unwrap_or_default();
    let list = String::from_utf8_lossy(list);
    list.split(',').filter(|name| !name.is_empty()).map(|name| name.replace('-', "_")).collect()
}

/// Runs a command to its end; its output, or its complaint as an error.
pub(crate) fn run(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("starting {name}"))?;
    if !output.status.success() {
        bail!(
            "{command:?} ({}): {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modules_needs_are_read_from_its_own_words() {
        let module = b"\x7fELF..\0license=GPL\0depends=ip6_tunnel,ip-tunnel\0name=ip6_gre\0";
        assert_eq!(needs(module), ["ip6_tunnel", "ip_tunnel"]);
        assert!(needs(b"\0license=GPL\0depends=\0name=gre\0").is_empty());
        assert!(needs(b"").is_empty());
    }
}
