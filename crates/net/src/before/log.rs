//! What the file says, and what of it still holds.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;

use super::line::{self, Id, Line};
use crate::thing::Thing;

/// The file, and what of it still holds.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    places: BTreeMap<Id, Place>,
    next: u64,
    /// How many lines the file has; `None` if it has to be begun.
    lines: Option<usize>,
    /// How many of them say what still holds.
    live: usize,
    /// Which namespace its end is about.
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

impl Log {
    /// Reads what a daemon that crashed has left.
    pub fn open(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let places = BTreeMap::new();
        let mut log = Self { path, places, next: 0, lines: None, live: 0, last: None };
        let mut place = None;
        for said in text.lines() {
            match (line::read(said), place) {
                (Some(Line::Place(id, name)), _) => {
                    place = id;
                    if let Some(id) = id {
                        log.enter_place(id, name);
                    }
                }
                (Some(Line::Was(thing, was)), Some(id)) => log.enter(id, thing, was),
                (Some(Line::Back(thing)), Some(id)) => drop(log.forget(id, &thing)),
                (Some(Line::Left), Some(id)) => drop(log.forget_place(id)),
                _ => {}
            }
        }
        // What is void is left out as soon as something is written.
        log.lines = (!text.is_empty()).then(|| text.lines().count());
        log.last = place;
        log
    }

    /// The names of the namespaces that something is noted of.
    pub fn names(&self) -> Vec<String> {
        self.places.values().filter_map(|place| place.name.clone()).collect()
    }

    /// The namespaces that have had this name.
    pub fn called(&self, name: Option<&str>) -> Vec<Id> {
        let called = self.places.iter().filter(|(_, place)| place.name.as_deref() == name);
        called.map(|(id, _)| *id).collect()
    }

    /// What is noted of a namespace, in the order in which it was changed.
    pub fn values(&self, id: Id) -> impl Iterator<Item = &(Thing, String)> {
        self.places.get(&id).into_iter().flat_map(|place| place.values.values())
    }

    /// What a thing was.
    pub fn value(&self, id: Id, thing: &Thing) -> Option<&str> {
        let place = self.places.get(&id)?;
        place.values.get(place.at.get(thing)?).map(|(_, was)| was.as_str())
    }

    /// Has a namespace in the file from here on.
    pub fn begin(&mut self, id: Id, name: Option<&str>) {
        if !self.places.contains_key(&id) {
            self.enter_place(id, name.map(str::to_owned));
            self.append(id, None);
        }
    }

    /// Notes what a thing of a namespace that is in the file was.
    pub fn note(&mut self, id: Id, thing: &Thing, was: String) {
        let said = line::write(thing).map(|words| format!("{words} {was}"));
        self.enter(id, thing.clone(), was);
        self.append(id, said);
    }

    /// A thing is as it was, or gone.
    pub fn strike(&mut self, id: Id, thing: &Thing) {
        if self.forget(id, thing) {
            self.append(id, line::write(thing).map(|words| format!("back {words}")));
        }
    }

    /// Nothing is noted of a namespace any more.
    pub fn leave(&mut self, id: Id) {
        let head = self.head_behind(id);
        if !self.forget_place(id) {
            return;
        }
        if self.places.is_empty() {
            (self.lines, self.last) = (None, None);
            let _ = fs::remove_file(&self.path);
        } else {
            self.write(id, head + "left\n");
        }
    }

    fn enter_place(&mut self, id: Id, name: Option<String>) {
        let is_new = !self.places.contains_key(&id);
        self.live += usize::from(is_new);
        self.places.entry(id).or_default().name = name;
    }

    fn forget_place(&mut self, id: Id) -> bool {
        let known = self.places.remove(&id);
        self.live -= known.as_ref().map_or(0, |place| 1 + place.values.len());
        known.is_some()
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
    fn head(&self, id: Id) -> String {
        line::place(id, self.places.get(&id).and_then(|place| place.name.as_deref()))
    }

    /// The same, unless the end of the file is about that namespace already.
    fn head_behind(&self, id: Id) -> String {
        if self.last == Some(id) { String::new() } else { self.head(id) }
    }

    fn append(&mut self, id: Id, said: Option<String>) {
        let said = said.map(|said| said + "\n").unwrap_or_default();
        self.write(id, self.head_behind(id) + &said);
    }

    /// Writes more, or the file anew: when it is not begun, mostly says what is over, or could not
    /// be added to and may end in half a line.
    fn write(&mut self, id: Id, text: String) {
        /// A file this short is not worth the trouble.
        const SHORT: usize = 64;
        let lines = self.lines.filter(|lines| *lines < 2 * self.live + SHORT);
        match lines {
            Some(lines) if self.add(&text).is_ok() => {
                self.lines = Some(lines + text.lines().count());
                self.last = Some(id);
            }
            _ => {
                self.lines = self.write_whole().is_ok().then_some(self.live);
                self.last = self.places.keys().next_back().copied();
            }
        }
    }

    fn add(&self, text: &str) -> io::Result<()> {
        File::options().append(true).open(&self.path)?.write_all(text.as_bytes())
    }

    fn write_whole(&self) -> io::Result<()> {
        let mut text = String::new();
        for (id, place) in &self.places {
            text.push_str(&self.head(*id));
            for (thing, was) in place.values.values() {
                text.extend(line::write(thing).map(|words| format!("{words} {was}\n")));
            }
        }
        let mut name = self.path.clone().into_os_string();
        name.push(".new");
        fs::write(&name, text)?;
        fs::rename(&name, &self.path)
    }
}
