//! What sysctls and Ethernet addresses were before the daemon changed them, in a file.
//!
//! Nothing in the kernel tells a value that a daemon set from one that an operator did, so a
//! daemon that crashed could not be cleaned up after. The file says it, a line for each value that
//! is not as it was, and another one when it is again:
//!
//! ```text
//! place <boot id> <device and inode of the network namespace>
//! sysctl ipv4/conf/all/forwarding 1 0
//! mac eth1 00:00:5e:00:52:13 02:00:00:00:00:01
//! back sysctl ipv4/conf/all/forwarding 1
//! ```
//!
//! It is there while a daemon works in the namespace, and after a crash says where one did. A line
//! is written before the change is made. The file holds for the boot and the namespace in
//! its first line alone, and a value that is not what the daemon set is somebody else's by now.
//! Where the file cannot be written the change is made all the same: service comes before tidiness.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::OnceLock;

use kedge_model::MacAddr;

use crate::namespace::Namespace;
use crate::sysctl::Sysctl;
use crate::thing::Thing;

/// The values that were there before.
#[derive(Debug)]
pub(crate) struct Before {
    path: PathBuf,
    place: String,
    /// In the order in which they were changed.
    values: BTreeMap<u64, (Thing, String)>,
    /// Where each is.
    at: HashMap<Thing, u64>,
    next: u64,
    /// How many lines the file has below its first; `None` if it has to be begun.
    lines: Option<usize>,
}

impl Before {
    /// Reads what a daemon that crashed here has left; anything else in the file is void.
    pub(crate) fn open(path: PathBuf, namespace: &Namespace) -> Self {
        let (device, inode) = namespace.identity();
        let place = format!("place {} {device}:{inode}", boot_id());
        let (values, at) = (BTreeMap::new(), HashMap::new());
        let text = fs::read_to_string(&path).unwrap_or_default();
        let mut before = Self { path, place, values, at, next: 0, lines: None };
        let mut lines = text.lines();
        if lines.next() == Some(&before.place) {
            lines.filter_map(read).for_each(|line| match line {
                Line::Was(thing, was) => before.enter(thing, was),
                Line::Back(thing) => drop(before.forget(&thing)),
            });
            before.lines = Some(text.lines().count() - 1);
        }
        before
    }

    /// Has the file there from here on, whatever is changed.
    pub(crate) fn begin(&mut self) {
        if self.lines.is_none() {
            self.lines = Some(self.values.len());
            let _ = self.write_whole();
        }
    }

    /// The place is left. The file stays if something could not be put back.
    pub(crate) fn end(&mut self) {
        if self.values.is_empty() {
            self.lines = None;
            let _ = fs::remove_file(&self.path);
        }
    }

    /// Notes what a thing that is about to be made was.
    pub(crate) fn note(&mut self, thing: &Thing, was: String) {
        let line = write(thing).map(|words| format!("{words} {was}"));
        self.enter(thing.clone(), was);
        self.append(line);
    }

    /// The thing is as it was, or gone.
    pub(crate) fn strike(&mut self, thing: &Thing) {
        if !self.forget(thing) {
            return;
        }
        self.append(write(thing).map(|words| format!("back {words}")));
    }

    /// What a thing was.
    pub(crate) fn of(&self, thing: &Thing) -> Option<&str> {
        self.values.get(self.at.get(thing)?).map(|(_, was)| was.as_str())
    }

    /// Everything that is noted, in the order in which it was changed.
    pub(crate) fn all(&self) -> Vec<(Thing, String)> {
        self.values.values().cloned().collect()
    }

    fn enter(&mut self, thing: Thing, was: String) {
        self.forget(&thing);
        self.at.insert(thing.clone(), self.next);
        self.values.insert(self.next, (thing, was));
        self.next += 1;
    }

    fn forget(&mut self, thing: &Thing) -> bool {
        self.at.remove(thing).is_some_and(|at| self.values.remove(&at).is_some())
    }

    /// Writes a line more, or the file anew when it is not begun or mostly says what is over.
    fn append(&mut self, line: Option<String>) {
        /// A file this short is not worth the trouble.
        const SHORT: usize = 64;
        let Some(line) = line else { return };
        match self.lines {
            Some(lines) if lines < 2 * self.values.len() + SHORT => {
                self.lines = Some(lines + 1);
                let file = fs::OpenOptions::new().append(true).open(&self.path);
                let _ = file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
            }
            _ => {
                self.lines = Some(self.values.len());
                let _ = self.write_whole();
            }
        }
    }

    fn write_whole(&self) -> io::Result<()> {
        let lines = self.values.values();
        let lines = lines.filter_map(|(thing, was)| Some(format!("{} {was}\n", write(thing)?)));
        let text: String = [format!("{}\n", self.place)].into_iter().chain(lines).collect();
        let mut name = self.path.clone().into_os_string();
        name.push(".new");
        fs::write(&name, text)?;
        fs::rename(&name, &self.path)
    }
}

/// The kernel's name for the time since it was started. It is read once: a look for a name below
/// /proc/sys passes those of all namespaces.
fn boot_id() -> &'static str {
    static BOOT_ID: OnceLock<String> = OnceLock::new();
    BOOT_ID.get_or_init(|| {
        let read = fs::read_to_string("/proc/sys/kernel/random/boot_id");
        read.unwrap_or_default().trim().to_owned()
    })
}

/// What a line says.
#[derive(PartialEq, Debug)]
enum Line {
    /// What a thing was.
    Was(Thing, String),
    /// It is again.
    Back(Thing),
}

/// A thing and the value that it is given; `None` is one that tells by its mark whose it is.
fn write(thing: &Thing) -> Option<String> {
    match thing {
        Thing::Sysctl { entry, value } => Some(format!("sysctl {} {value}", entry.path())),
        Thing::Mac { device, mac } => Some(format!("mac {device} {mac}")),
        _ => None,
    }
}

fn read(line: &str) -> Option<Line> {
    let words: Vec<&str> = line.split(' ').collect();
    let (kind, name, set, was) = match words[..] {
        ["back", kind, name, set] => (kind, name, set, None),
        [kind, name, set, was] => (kind, name, set, Some(was)),
        _ => return None,
    };
    let thing = match kind {
        "sysctl" => Thing::Sysctl { entry: Sysctl::at(name), value: set.to_owned() },
        "mac" => Thing::Mac { device: name.to_owned(), mac: set.parse().ok()? },
        _ => return None,
    };
    let Some(was) = was else { return Some(Line::Back(thing)) };
    // An address that is none could not be put back.
    let sound = !matches!(thing, Thing::Mac { .. }) || was.parse::<MacAddr>().is_ok();
    sound.then(|| Line::Was(thing, was.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_no_value_that_was_before() {
        for line in [
            "",
            "mac eth0 nonsense 02:00:00:00:00:01",
            "mac eth0 02:00:00:00:00:01 x",
            "sysctl ipv4/conf/all/forwarding 1",
            "route 1 2 3",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
        let sysctl = Thing::Sysctl { entry: Sysctl::ipv4("all", "forwarding"), value: "1".into() };
        let was = Line::Was(sysctl.clone(), "0".to_owned());
        assert_eq!(read("sysctl ipv4/conf/all/forwarding 1 0"), Some(was));
        assert_eq!(read("back sysctl ipv4/conf/all/forwarding 1"), Some(Line::Back(sysctl)));
    }

    #[test]
    fn a_file_says_what_is_not_as_it_was_however_often_that_changes() {
        let dir = tempfile::tempdir().unwrap();
        let (path, here) = (dir.path().join("before"), Namespace::current().unwrap());
        let sysctl = |device: u32| Thing::Sysctl {
            entry: Sysctl::ipv4(&format!("eth{device}"), "rp_filter"),
            value: "0".to_owned(),
        };
        let mut before = Before::open(path.clone(), &here);
        (0..100).for_each(|device| before.note(&sysctl(device), "2".to_owned()));
        for _ in 0..50 {
            (10..100).for_each(|device| before.strike(&sysctl(device)));
            (10..100).rev().for_each(|device| before.note(&sysctl(device), "1".to_owned()));
        }
        let again = Before::open(path.clone(), &here);
        assert_eq!(again.all(), before.all());
        let value = |device, value: &str| (sysctl(device), value.to_owned());
        assert_eq!(again.all()[..2], [value(0, "2"), value(1, "2")]);
        assert_eq!(again.all()[10], value(99, "1"));
        assert_eq!((again.of(&sysctl(10)), again.of(&sysctl(100))), (Some("1"), None));
        assert!(fs::metadata(&path).unwrap().len() < 20_000, "what is over is not kept");
        before.end();
        assert!(path.exists());
        (0..100).for_each(|device| before.strike(&sysctl(device)));
        assert!(Before::open(path.clone(), &here).all().is_empty());
        before.end();
        assert!(!path.exists());
        before.begin();
        assert!(path.exists());
    }
}
