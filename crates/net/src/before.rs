//! What sysctls and Ethernet addresses were before the daemon changed them, in a file.
//!
//! Nothing in the kernel tells a value that a daemon set from one that an operator did, so a
//! daemon that crashed could not be cleaned up after. The file says it, a line for each value that
//! is not as it was, and another one when it is again, behind one that says where:
//!
//! ```text
//! place <boot id> <device and inode of the network namespace> [<its name>]
//! sysctl ipv4/conf/all/forwarding 1 0
//! mac eth1 00:00:5e:00:52:13 02:00:00:00:00:01
//! back sysctl ipv4/conf/all/forwarding 1
//! left
//! ```
//!
//! A namespace is in it while a daemon works there, and after a crash that says where one did. A
//! line is written before the change is made. What is said holds for that boot and that namespace
//! alone, and a value that is not what the daemon set is somebody else's by now. Where the file
//! cannot be written the change is made all the same: service comes before tidiness.
//!
//! It is one file for all namespaces: some file systems look for long before they make as many new
//! ones as were removed a moment ago.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use kedge_model::MacAddr;

use crate::namespace::Namespace;
use crate::sysctl::Sysctl;
use crate::thing::Thing;

/// Device and inode of a namespace.
type Id = (u64, u64);

/// The file, for all namespaces. Clones are of the same one.
#[derive(Clone, Debug)]
pub(crate) struct Notes(Arc<Mutex<Log>>);

#[derive(Debug)]
struct Log {
    path: PathBuf,
    places: BTreeMap<Id, Place>,
    next: u64,
    /// How many lines the file has; `None` if it has to be begun.
    lines: Option<usize>,
    /// How many of them say what still holds.
    live: usize,
    /// Which place its end is about.
    last: Option<Id>,
}

/// What is noted of one namespace.
#[derive(Default, Debug)]
struct Place {
    name: Option<String>,
    /// In the order in which they were changed.
    values: BTreeMap<u64, (Thing, String)>,
    /// Where each is.
    at: HashMap<Thing, u64>,
}

/// The values that were there before, of one namespace.
#[derive(Debug)]
pub(crate) struct Before {
    notes: Notes,
    id: Id,
    name: Option<String>,
}

impl Notes {
    /// Reads what a daemon that crashed has left.
    pub(crate) fn open(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let places = BTreeMap::new();
        let mut log = Log { path, places, next: 0, lines: None, live: 0, last: None };
        let mut place = None;
        for line in text.lines() {
            match (read(line), place) {
                (Some(Line::Place(id, name)), _) => {
                    place = id;
                    if let Some(id) = id {
                        log.begin(id, name);
                    }
                }
                (Some(Line::Was(thing, was)), Some(id)) => log.enter(id, thing, was),
                (Some(Line::Back(thing)), Some(id)) => drop(log.forget(id, &thing)),
                (Some(Line::Left), Some(id)) => log.drop_place(id),
                _ => {}
            }
        }
        // What is void is left out as soon as something is written.
        log.lines = (!text.is_empty()).then(|| text.lines().count());
        log.last = place;
        Self(Arc::new(Mutex::new(log)))
    }

    /// What is noted of a namespace, the daemon's own if it is not called anything. Another one that
    /// had its name is gone, and so is what was noted of that.
    pub(crate) fn of(&self, namespace: &Namespace, name: Option<&str>) -> Before {
        self.at(namespace.identity(), name)
    }

    fn at(&self, id: Id, name: Option<&str>) -> Before {
        let mut log = self.lock();
        let is_gone = |(other, place): (&Id, &Place)| {
            (*other != id && place.name.as_deref() == name).then_some(*other)
        };
        let gone: Vec<Id> = log.places.iter().filter_map(is_gone).collect();
        gone.into_iter().for_each(|gone| log.leave(gone));
        drop(log);
        Before { notes: self.clone(), id, name: name.map(str::to_owned) }
    }

    /// The names of the namespaces that something is noted of.
    pub(crate) fn names(&self) -> Vec<String> {
        self.lock().places.values().filter_map(|place| place.name.clone()).collect()
    }

    /// There is no such namespace any more.
    pub(crate) fn forget_name(&self, name: &str) {
        let mut log = self.lock();
        let has_it =
            |(id, place): (&Id, &Place)| (place.name.as_deref() == Some(name)).then_some(*id);
        let gone: Vec<Id> = log.places.iter().filter_map(has_it).collect();
        gone.into_iter().for_each(|gone| log.leave(gone));
    }

    /// What is held is whole between any two statements.
    fn lock(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Before {
    /// Has the namespace in the file from here on, whatever is changed.
    pub(crate) fn begin(&mut self) {
        let mut log = self.notes.lock();
        if !log.places.contains_key(&self.id) {
            log.begin(self.id, self.name.clone());
            log.append(self.id, None);
        }
    }

    /// The namespace is left. It stays in the file if something could not be put back.
    pub(crate) fn end(&mut self) {
        let mut log = self.notes.lock();
        if log.places.get(&self.id).is_some_and(|place| place.values.is_empty()) {
            log.leave(self.id);
        }
    }

    /// Notes what a thing that is about to be made was.
    pub(crate) fn note(&mut self, thing: &Thing, was: String) {
        self.begin();
        let line = write(thing).map(|words| format!("{words} {was}"));
        let mut log = self.notes.lock();
        log.enter(self.id, thing.clone(), was);
        log.append(self.id, line);
    }

    /// The thing is as it was, or gone.
    pub(crate) fn strike(&mut self, thing: &Thing) {
        let mut log = self.notes.lock();
        if log.forget(self.id, thing) {
            log.append(self.id, write(thing).map(|words| format!("back {words}")));
        }
    }

    /// What a thing was.
    pub(crate) fn of(&self, thing: &Thing) -> Option<String> {
        let log = self.notes.lock();
        let place = log.places.get(&self.id)?;
        place.values.get(place.at.get(thing)?).map(|(_, was)| was.clone())
    }

    /// Everything that is noted, in the order in which it was changed.
    pub(crate) fn all(&self) -> Vec<(Thing, String)> {
        let log = self.notes.lock();
        let place = log.places.get(&self.id);
        place.map_or(Vec::new(), |place| place.values.values().cloned().collect())
    }
}

impl Log {
    fn begin(&mut self, id: Id, name: Option<String>) {
        let is_new = !self.places.contains_key(&id);
        self.live += usize::from(is_new);
        self.places.entry(id).or_default().name = name;
    }

    fn drop_place(&mut self, id: Id) {
        if let Some(place) = self.places.remove(&id) {
            self.live -= 1 + place.values.len();
        }
    }

    /// Nothing is noted of a namespace any more.
    fn leave(&mut self, id: Id) {
        let head = self.head(id);
        self.drop_place(id);
        if self.places.is_empty() {
            (self.lines, self.last) = (None, None);
            let _ = fs::remove_file(&self.path);
        } else if self.last == Some(id) {
            self.write(id, "left\n".to_owned());
        } else {
            self.write(id, format!("{head}left\n"));
        }
    }

    fn enter(&mut self, id: Id, thing: Thing, was: String) {
        self.forget(id, &thing);
        let Some(place) = self.places.get_mut(&id) else { return };
        place.at.insert(thing.clone(), self.next);
        place.values.insert(self.next, (thing, was));
        self.next += 1;
        self.live += 1;
    }

    fn forget(&mut self, id: Id, thing: &Thing) -> bool {
        let Some(place) = self.places.get_mut(&id) else { return false };
        let known = place.at.remove(thing).is_some_and(|at| place.values.remove(&at).is_some());
        self.live -= usize::from(known);
        known
    }

    /// The line that what is said of a namespace stands behind.
    fn head(&self, (device, inode): Id) -> String {
        let name = self.places.get(&(device, inode)).and_then(|place| place.name.as_deref());
        let name = name.map(|name| format!(" {name}")).unwrap_or_default();
        format!("place {} {device}:{inode}{name}\n", boot_id())
    }

    fn append(&mut self, id: Id, line: Option<String>) {
        let head = if self.last == Some(id) { String::new() } else { self.head(id) };
        let line = line.map(|line| line + "\n").unwrap_or_default();
        self.write(id, head + &line);
    }

    /// Writes more, or the file anew when it is not begun or mostly says what is over.
    fn write(&mut self, id: Id, text: String) {
        /// A file this short is not worth the trouble.
        const SHORT: usize = 64;
        match self.lines {
            Some(lines) if lines < 2 * self.live + SHORT => {
                self.lines = Some(lines + text.lines().count());
                self.last = Some(id);
                let file = File::options().append(true).open(&self.path);
                let _ = file.and_then(|mut file| file.write_all(text.as_bytes()));
            }
            _ => {
                self.lines = Some(self.live);
                self.last = self.places.keys().next_back().copied();
                let _ = self.write_whole();
            }
        }
    }

    fn write_whole(&self) -> io::Result<()> {
        let mut text = String::new();
        for (id, place) in &self.places {
            text.push_str(&self.head(*id));
            for (thing, was) in place.values.values() {
                text.extend(write(thing).map(|words| format!("{words} {was}\n")));
            }
        }
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
    /// Where this is said of, and its name; nowhere, if it was before this boot.
    Place(Option<Id>, Option<String>),
    /// Nothing is said of there any more.
    Left,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn sysctl(device: u32) -> Thing {
        let entry = Sysctl::ipv4(&format!("eth{device}"), "rp_filter");
        Thing::Sysctl { entry, value: "0".to_owned() }
    }

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

    #[test]
    fn a_file_says_what_is_not_as_it_was_however_often_that_changes() {
        let dir = tempfile::tempdir().unwrap();
        let (path, here) = (dir.path().join("before"), Namespace::current().unwrap());
        let open = || Notes::open(path.clone()).of(&here, None);
        let mut before = open();
        (0..100).for_each(|device| before.note(&sysctl(device), "2".to_owned()));
        for _ in 0..50 {
            (10..100).for_each(|device| before.strike(&sysctl(device)));
            (10..100).rev().for_each(|device| before.note(&sysctl(device), "1".to_owned()));
        }
        let again = open();
        assert_eq!(again.all(), before.all());
        let value = |device, value: &str| (sysctl(device), value.to_owned());
        assert_eq!(again.all()[..2], [value(0, "2"), value(1, "2")]);
        assert_eq!(again.all()[10], value(99, "1"));
        assert_eq!((again.of(&sysctl(10)).as_deref(), again.of(&sysctl(100))), (Some("1"), None));
        assert!(fs::metadata(&path).unwrap().len() < 20_000, "what is over is not kept");
        before.end();
        assert!(path.exists());
        (0..100).for_each(|device| before.strike(&sysctl(device)));
        assert!(open().all().is_empty());
        before.end();
        assert!(!path.exists());
        before.begin();
        assert!(path.exists());
    }

    #[test]
    fn namespaces_are_apart_in_one_file_and_leave_it_each_for_itself() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("before");
        let notes = Notes::open(path.clone());
        let name = |place: u64| format!("ns{place}");
        let mut places: Vec<Before> =
            (0..300).map(|place| notes.at((4, place), Some(&name(place)))).collect();
        let mut own = notes.at((4, 1000), None);
        own.note(&sysctl(7), "2".to_owned());
        for place in &mut places {
            place.begin();
            place.note(&sysctl(0), "1".to_owned());
            place.note(&sysctl(1), "1".to_owned());
        }
        for place in places.iter_mut().skip(2) {
            place.strike(&sysctl(0));
            place.strike(&sysctl(1));
            place.end();
        }
        places[1].strike(&sysctl(0));
        let again = Notes::open(path.clone());
        let mut names = again.names();
        names.sort();
        assert_eq!(names, ["ns0", "ns1"]);
        assert_eq!(again.at((4, 0), Some("ns0")).all().len(), 2);
        assert_eq!(again.at((4, 1), Some("ns1")).all(), [(sysctl(1), "1".to_owned())]);
        assert_eq!(again.at((4, 1000), None).all(), [(sysctl(7), "2".to_owned())]);
        assert!(fs::metadata(&path).unwrap().len() < 30_000, "what is over is not kept");
        // Another namespace has the name by now.
        assert!(again.at((4, 2000), Some("ns0")).all().is_empty());
        again.forget_name("ns1");
        assert_eq!(Notes::open(path).names(), Vec::<String>::new());
    }
}
