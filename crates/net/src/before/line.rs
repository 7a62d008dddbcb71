//! The lines of the file, to be written and to be read.

use std::fs;
use std::sync::OnceLock;

use kedge_model::MacAddr;

use crate::sysctl::Sysctl;
use crate::thing::Thing;

/// Device and inode of a namespace.
pub(super) type Id = (u64, u64);

/// What a line says.
#[derive(PartialEq, Debug)]
pub(super) enum Line {
    /// What a thing was.
    Was(Thing, String),
    /// It is again.
    Back(Thing),
    /// Where this is said of, and its name; nowhere, if it was before this boot.
    Place(Option<Id>, Option<String>),
    /// Nothing is said of there any more.
    Left,
}

/// A thing and the value that it is given; `None` is one that tells by its mark whose it is.
pub(super) fn write(thing: &Thing) -> Option<String> {
    match thing {
        Thing::Sysctl { entry, value } => Some(format!("sysctl {} {value}", entry.path())),
        Thing::Mac { device, mac } => Some(format!("mac {device} {mac}")),
        _ => None,
    }
}

/// The line that what is said of a namespace stands behind.
pub(super) fn place((device, inode): Id, name: Option<&str>) -> String {
    let name = name.map(|name| format!(" {name}")).unwrap_or_default();
    format!("place {} {device}:{inode}{name}\n", boot_id())
}

/// What a line says; `None` if it makes no sense.
pub(super) fn read(line: &str) -> Option<Line> {
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        ["left"] => return Some(Line::Left),
        ["place", boot, id, ref name @ ..] => {
            let (device, inode) = id.split_once(':')?;
            let id = Some((device.parse().ok()?, inode.parse().ok()?));
            let name = (!name.is_empty()).then(|| name.join(" "));
            return Some(Line::Place(id.filter(|_| boot == boot_id()), name));
        }
        _ => {}
    }
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

/// The kernel's name for the time since it was started. It is read once: a look for a name below
/// /proc/sys passes those of all namespaces.
fn boot_id() -> &'static str {
    static BOOT_ID: OnceLock<String> = OnceLock::new();
    BOOT_ID.get_or_init(|| {
        let read = fs::read_to_string("/proc/sys/kernel/random/boot_id");
        read.unwrap_or_default().trim().to_owned()
    })
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
            "place",
            "place x y",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
        let sysctl = Thing::Sysctl { entry: Sysctl::ipv4("all", "forwarding"), value: "1".into() };
        let was = Line::Was(sysctl.clone(), "0".to_owned());
        assert_eq!(read("sysctl ipv4/conf/all/forwarding 1 0"), Some(was));
        assert_eq!(read("back sysctl ipv4/conf/all/forwarding 1"), Some(Line::Back(sysctl)));
        assert_eq!(read("place another-boot 1:2 red"), Some(Line::Place(None, Some("red".into()))));
        let here = format!("place {} 1:2", boot_id());
        assert_eq!(read(&here), Some(Line::Place(Some((1, 2)), None)));
    }
}
