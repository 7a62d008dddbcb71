//! What sysctls and Ethernet addresses were before the daemon changed them, in a file.
//!
//! Nothing in the kernel tells a value that a daemon set from one that an operator did, so a
//! daemon that crashed could not be cleaned up after. The file says it, a line for each value
//! that is not as it was:
//!
//! ```text
//! place <boot id> <device and inode of the network namespace>
//! sysctl ipv4/conf/all/forwarding 1 0
//! mac eth1 00:00:5e:00:52:13 02:00:00:00:00:01
//! ```
//!
//! It is written before the change is made. It holds for the boot and the namespace in its first
//! line alone, and a value that is not what the daemon set is somebody else's by now. Where the
//! file cannot be written the change is made all the same: service comes before tidiness.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use kedge_model::MacAddr;

use crate::namespace::Namespace;
use crate::sysctl::Sysctl;
use crate::thing::Thing;

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The values that were there before, in the order in which they were changed.
#[derive(Debug)]
pub(crate) struct Before {
    path: PathBuf,
    place: String,
    values: Vec<(Thing, String)>,
}

impl Before {
    /// Reads what a daemon that crashed here has left; anything else in the file is void.
    pub(crate) fn open(path: PathBuf, namespace: &Namespace) -> Self {
        let boot = fs::read_to_string(BOOT_ID).unwrap_or_default();
        let (device, inode) = namespace.identity();
        let place = format!("place {} {device}:{inode}", boot.trim());
        let text = fs::read_to_string(&path).unwrap_or_default();
        let mut lines = text.lines();
        let holds = lines.next() == Some(place.as_str());
        let values = if holds { lines.filter_map(read).collect() } else { Vec::new() };
        Self { path, place, values }
    }

    /// Notes what a thing that is about to be made was.
    pub(crate) fn note(&mut self, thing: &Thing, was: String) {
        self.values.retain(|(noted, _)| noted != thing);
        self.values.push((thing.clone(), was));
        self.save();
    }

    /// The thing is as it was, or gone.
    pub(crate) fn strike(&mut self, thing: &Thing) {
        let count = self.values.len();
        self.values.retain(|(noted, _)| noted != thing);
        if self.values.len() != count {
            self.save();
        }
    }

    /// What a thing was.
    pub(crate) fn of(&self, thing: &Thing) -> Option<&str> {
        self.values.iter().find(|(noted, _)| noted == thing).map(|(_, was)| was.as_str())
    }

    /// Everything that is noted, in the order in which it was changed.
    pub(crate) fn all(&self) -> &[(Thing, String)] {
        &self.values
    }

    fn save(&self) {
        if self.values.is_empty() {
            let _ = fs::remove_file(&self.path);
            return;
        }
        let mut text = format!("{}\n", self.place);
        for (thing, was) in &self.values {
            let _ = match thing {
                Thing::Sysctl { entry, value } => {
                    writeln!(text, "sysctl {} {value} {was}", entry.path())
                }
                Thing::Mac { device, mac } => writeln!(text, "mac {device} {mac} {was}"),
                _ => Ok(()),
            };
        }
        let mut name = self.path.clone().into_os_string();
        name.push(".new");
        let _ = fs::write(&name, text).and_then(|()| fs::rename(&name, &self.path));
    }
}

fn read(line: &str) -> Option<(Thing, String)> {
    let words: Vec<&str> = line.split(' ').collect();
    let [kind, name, set, was] = words[..] else { return None };
    let thing = match kind {
        "sysctl" => Thing::Sysctl { entry: Sysctl::at(name), value: set.to_owned() },
        "mac" => Thing::Mac { device: name.to_owned(), mac: set.parse().ok()? },
        _ => return None,
    };
    // An address that is none could not be put back.
    let sound = !matches!(thing, Thing::Mac { .. }) || was.parse::<MacAddr>().is_ok();
    sound.then(|| (thing, was.to_owned()))
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
        assert_eq!(read("sysctl ipv4/conf/all/forwarding 1 0"), Some((sysctl, "0".to_owned())));
    }
}
