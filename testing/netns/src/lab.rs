//! The guard: unique names, and nothing left behind.
//!
//! Everything a lab makes carries its **tag**, `<prefix>-<pid>-<number>`: the namespaces are
//! `<tag>-<host>` and the directory for logs and sockets is `/tmp/<tag>`. So cleaning up needs
//! no memory of what was made: it is the same walk over names when the lab is dropped (also by
//! a panic), when SIGINT or SIGTERM arrives, and when a later lab of the same prefix finds the
//! leftovers of a process that was killed.
//!
//! Every process runs inside one of the namespaces, so the kernel's own list of who is inside
//! finds daemons that forked away, too.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::{
        Mutex, Once, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

use crate::{
    Host,
    error::{Context, LabError, Result},
    process::{run, run_with_input},
    wait,
};

/// Where iproute2 keeps the names of namespaces.
pub(crate) const NAMESPACES: &str = "/run/netns";

/// Labs of this process that are alive, for the signal handler.
static ALIVE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
static NUMBER: AtomicU32 = AtomicU32::new(0);
static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static SIGNALS: Once = Once::new();

/// Namespaces, processes and files of one experiment; all gone when it is dropped.
#[derive(Debug)]
pub struct Lab {
    tag: String,
    dir: PathBuf,
}

impl Lab {
    /// Opens a lab. Leftovers of dead processes that used the same prefix are removed first.
    pub fn new(prefix: &str) -> Result<Self> {
        if !nix::unistd::geteuid().is_root() {
            return Err(LabError::NotRoot);
        }
        SIGNALS.call_once(watch_signals);
        sweep(prefix)?;

        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let tag = format!("{prefix}-{}-{number}", process::id());
        let dir = std::env::temp_dir().join(&tag);
        fs::create_dir(&dir).context(|| format!("making {}", dir.display()))?;
        ALIVE.lock().unwrap_or_else(PoisonError::into_inner).insert(tag.clone());
        Ok(Self { tag, dir })
    }

    /// Makes a host: a namespace of its own, loopback up, nothing else in it.
    pub fn host(&self, name: &str) -> Result<Host> {
        let namespace = format!("{}-{name}", self.tag);
        run(Command::new("ip").args(["netns", "add", &namespace]))?;
        let host = Host::new(name, namespace, self.dir.clone());
        host.ip("link set lo up")?;
        Ok(host)
    }

    /// Makes many hosts that only their namespaces are wanted of, called by the stem and a number
    /// from 1 on.
    pub fn worlds(&self, stem: &str, count: usize) -> Result<Vec<Host>> {
        let names: Vec<String> = (1..=count).map(|number| format!("{stem}{number}")).collect();
        let namespace = |name: &String| format!("{}-{name}", self.tag);
        let lines = names.iter().map(|name| format!("netns add {}\n", namespace(name)));
        run_with_input(Command::new("ip").args(["-batch", "-"]), &lines.collect::<String>())?;
        let host = |name: &String| Host::new(name, namespace(name), self.dir.clone());
        Ok(names.iter().map(host).collect())
    }

    /// Where logs, captures, sockets and configuration of this lab are.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What every name of this lab begins with.
    #[must_use]
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// Removes everything and says what refused to go: the explicit form of dropping.
    pub fn close(self) -> Result<()> {
        remove(&self.tag)?;
        match leftovers(&self.tag) {
            left if left.is_empty() => Ok(()),
            left => Err(LabError::Unexpected(format!("left behind: {}", left.join(", ")))),
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        ALIVE.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.tag);
        if let Err(error) = remove(&self.tag) {
            eprintln!("cleaning up {}: {error}", self.tag);
        }
    }
}

/// Whether SIGINT or SIGTERM has come: the labs are being removed and the process is about to
/// end, so whatever fails now fails for that reason.
#[must_use]
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Everything on the host that carries this tag: namespaces, processes in them, files.
#[must_use]
pub fn leftovers(tag: &str) -> Vec<String> {
    let mut left = Vec::new();
    for namespace in namespaces_of(tag) {
        let inside = processes_in(std::slice::from_ref(&namespace));
        left.push(format!("namespace {namespace} with {} processes", inside.len()));
    }
    let dir = std::env::temp_dir().join(tag);
    if dir.exists() {
        left.push(format!("directory {}", dir.display()));
    }
    left
}

fn namespaces_of(tag: &str) -> Vec<String> {
    let owned = format!("{tag}-");
    names_in(Path::new(NAMESPACES)).into_iter().filter(|n| n.starts_with(&owned)).collect()
}

fn names_in(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|e| e.file_name().into_string().ok()).collect()
}

fn processes_in(namespaces: &[String]) -> Vec<Pid> {
    let identity = |path: &Path| fs::metadata(path).map(|meta| (meta.dev(), meta.ino())).ok();
    let ours: BTreeSet<(u64, u64)> =
        namespaces.iter().filter_map(|name| identity(&Path::new(NAMESPACES).join(name))).collect();
    let is_inside = |pid: &i32| {
        let its = identity(Path::new(&format!("/proc/{pid}/ns/net")));
        its.is_some_and(|its| ours.contains(&its))
    };
    let all = names_in(Path::new("/proc")).into_iter().filter_map(|name| name.parse().ok());
    all.filter(is_inside).map(Pid::from_raw).collect()
}

/// Kills what runs in the namespaces of `tag`, then removes them and the directory.
fn remove(tag: &str) -> Result<()> {
    let namespaces = namespaces_of(tag);
    wait::until(wait::SOON, "the processes of the namespaces to end", || {
        let inside = processes_in(&namespaces);
        for pid in &inside {
            // It may have ended by itself since it was listed.
            let _ = kill(*pid, Signal::SIGKILL);
        }
        if inside.is_empty() { Ok(()) } else { Err(format!("{inside:?}")) }
    })?;
    let lines = namespaces.iter().map(|namespace| format!("netns delete {namespace}\n"));
    // Whatever one refuses, the others go.
    let mut ip = Command::new("ip");
    let removed = run_with_input(ip.args(["-force", "-batch", "-"]), &lines.collect::<String>());
    let dir = std::env::temp_dir().join(tag);
    if dir.exists() {
        fs::remove_dir_all(&dir).context(|| format!("removing {}", dir.display()))?;
    }
    removed.map(drop)
}

/// Removes what processes left behind that used `prefix` and are no more.
fn sweep(prefix: &str) -> Result<()> {
    let temp = names_in(&std::env::temp_dir());
    let tags: BTreeSet<String> = names_in(Path::new(NAMESPACES))
        .iter()
        .chain(&temp)
        .filter_map(|name| tag_of(prefix, name))
        .filter(|(_, pid)| !runs(*pid))
        .map(|(tag, _)| tag)
        .collect();
    // Somebody else may be at it, too: what counts is that it is gone.
    tags.iter().try_for_each(|tag| remove(tag).or_else(|error| gone(tag, error)))
}

/// All is well with what failed to be removed and is not there any more.
fn gone(tag: &str, error: LabError) -> Result<()> {
    wait::until(wait::SOON, "its leftovers to go", || match &leftovers(tag)[..] {
        [] => Ok(()),
        left => Err(format!("{error}: {}", left.join(", "))),
    })
}

/// Whether a process runs. One that ended and was not yet waited for has no program any more.
fn runs(pid: u32) -> bool {
    fs::read_link(format!("/proc/{pid}/exe")).is_ok()
}

/// The tag at the front of a name of ours, and the process in it.
fn tag_of(prefix: &str, name: &str) -> Option<(String, u32)> {
    let mut parts = name.strip_prefix(prefix)?.strip_prefix('-')?.split('-');
    let pid: u32 = parts.next()?.parse().ok()?;
    let number: u32 = parts.next()?.parse().ok()?;
    Some((format!("{prefix}-{pid}-{number}"), pid))
}

/// On SIGINT and SIGTERM: clean up, then end with the status a shell expects.
fn watch_signals() {
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else { return };
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            INTERRUPTED.store(true, Ordering::Relaxed);
            eprintln!("\ninterrupted: cleaning up");
            for tag in ALIVE.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                // Whoever is working may have just made one more: look twice.
                let _ = remove(tag);
                let _ = remove(tag);
            }
            process::exit(128 + signal);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_namespace_and_directory_names_of_its_own_prefix_only() {
        let tag = Some(("kglab-12-0".to_owned(), 12));
        assert_eq!(tag_of("kglab", "kglab-12-0-mag1"), tag);
        assert_eq!(tag_of("kglab", "kglab-12-0"), tag);
        assert_eq!(tag_of("kglab", "kglabel-12-0"), None);
        assert_eq!(tag_of("kglab", "kglab-other"), None);
    }
}
