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

mod line;
mod log;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::namespace::Namespace;
use crate::thing::Thing;

use line::Id;
use log::Log;

/// The file, for all namespaces. Clones are of the same one.
#[derive(Clone, Debug)]
pub(crate) struct Notes(Arc<Mutex<Log>>);

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
        Self(Arc::new(Mutex::new(Log::open(path))))
    }

    /// What is noted of a namespace, the daemon's own if it is not called anything. Another one that
    /// had its name is gone, and so is what was noted of that.
    pub(crate) fn of(&self, namespace: &Namespace, name: Option<&str>) -> Before {
        self.at(namespace.identity(), name)
    }

    fn at(&self, id: Id, name: Option<&str>) -> Before {
        let mut log = self.lock();
        let gone = log.called(name).into_iter().filter(|other| *other != id);
        gone.for_each(|gone| log.leave(gone));
        drop(log);
        Before { notes: self.clone(), id, name: name.map(str::to_owned) }
    }

    /// The names of the namespaces that something is noted of.
    pub(crate) fn names(&self) -> Vec<String> {
        self.lock().names()
    }

    /// There is no such namespace any more.
    pub(crate) fn forget_name(&self, name: &str) {
        let mut log = self.lock();
        log.called(Some(name)).into_iter().for_each(|gone| log.leave(gone));
    }

    /// What is held is whole between any two statements.
    fn lock(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Before {
    /// Has the namespace in the file from here on, whatever is changed.
    pub(crate) fn begin(&mut self) {
        self.notes.lock().begin(self.id, self.name.as_deref());
    }

    /// The namespace is left. It stays in the file if something could not be put back.
    pub(crate) fn end(&mut self) {
        let mut log = self.notes.lock();
        if log.values(self.id).next().is_none() {
            log.leave(self.id);
        }
    }

    /// Notes what a thing that is about to be made was.
    pub(crate) fn note(&mut self, thing: &Thing, was: String) {
        let mut log = self.notes.lock();
        log.begin(self.id, self.name.as_deref());
        log.note(self.id, thing, was);
    }

    /// The thing is as it was, or gone.
    pub(crate) fn strike(&mut self, thing: &Thing) {
        self.notes.lock().strike(self.id, thing);
    }

    /// What a thing was.
    pub(crate) fn of(&self, thing: &Thing) -> Option<String> {
        self.notes.lock().value(self.id, thing).map(str::to_owned)
    }

    /// Everything that is noted, in the order in which it was changed.
    pub(crate) fn all(&self) -> Vec<(Thing, String)> {
        self.notes.lock().values(self.id).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::sysctl::Sysctl;

    fn sysctl(device: u32) -> Thing {
        let entry = Sysctl::ipv4(&format!("eth{device}"), "rp_filter");
        Thing::Sysctl { entry, value: "0".to_owned() }
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
    fn a_file_that_could_not_be_written_says_all_once_it_can_be() {
        let dir = tempfile::tempdir().unwrap();
        let (state, away) = (dir.path().join("state"), dir.path().join("away"));
        fs::create_dir(&state).unwrap();
        let path = state.join("before");
        let notes = Notes::open(path.clone());
        let (mut red, mut blue) = (notes.at((4, 1), Some("red")), notes.at((4, 2), Some("blue")));
        red.note(&sysctl(0), "1".to_owned());
        fs::rename(&state, &away).unwrap();
        blue.note(&sysctl(0), "2".to_owned());
        fs::rename(&away, &state).unwrap();
        blue.note(&sysctl(1), "2".to_owned());
        let again = Notes::open(path);
        let value = |device, value: &str| (sysctl(device), value.to_owned());
        assert_eq!(again.at((4, 1), Some("red")).all(), [value(0, "1")]);
        assert_eq!(again.at((4, 2), Some("blue")).all(), [value(0, "2"), value(1, "2")]);
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
