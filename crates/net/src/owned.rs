//! The ledger of what the daemon made in the kernel, and how it goes away again.
//!
//! There are two ways out. A clean stop works the ledger off from its end to its beginning, so
//! that what was built on something goes before it, and puts old values back. After a crash there
//! is no ledger: [`Owned::sweep`] finds what carries the daemon's mark. Sysctls and MAC addresses
//! carry none; what they were before is noted in a file, see [`Owned::note_in`].
//!
//! One namespace has one ledger and, because marks do not tell daemons apart, one daemon.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use kedge_model::MacAddr;

use crate::NetError;
use crate::before::{Before, Notes};
use crate::namespace::Namespace;
use crate::netlink::{Neighbour, Netlink};
use crate::sysctl::Sysctl;

pub use crate::thing::Thing;

/// The names of devices that the daemon makes begin with this.
pub const DEVICE_PREFIX: &str = "kedge";

/// How a thing goes away.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Undo {
    Remove,
    RestoreMac(MacAddr),
    RestoreSysctl(String),
    /// It was there before us.
    Nothing,
}

/// What the daemon made in one namespace, in the order in which it was made.
#[derive(Debug)]
pub struct Owned {
    namespace: Namespace,
    netlink: Netlink,
    next: u64,
    order: BTreeMap<u64, (Thing, Undo)>,
    places: HashMap<Thing, u64>,
    before: Option<Before>,
}

impl Owned {
    /// An empty ledger for `namespace`.
    pub fn open(namespace: Namespace) -> Result<Self, NetError> {
        let netlink = namespace.within(Netlink::open)??;
        Ok(Self {
            namespace,
            netlink,
            next: 0,
            order: BTreeMap::new(),
            places: HashMap::new(),
            before: None,
        })
    }

    /// Notes in this file what sysctls and MAC addresses were, so that they can be
    /// put back after a crash, see [`Self::put_back`]. The file is there until [`Self::unmake_all`].
    pub fn note_in(&mut self, path: PathBuf) {
        self.note_among(&Notes::open(path), None);
    }

    /// [`Self::note_in`], in a file that other namespaces are noted in, too; by this name, if it is
    /// not the daemon's own.
    pub(crate) fn note_among(&mut self, notes: &Notes, name: Option<&str>) {
        let mut before = notes.of(&self.namespace, name);
        before.begin();
        self.before = Some(before);
    }

    /// The namespace whose ledger it is.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The connection that the ledger uses, for looking things up.
    pub fn netlink(&mut self) -> &mut Netlink {
        &mut self.netlink
    }

    /// Makes a thing and enters it. Making what is in the ledger already does nothing; an
    /// address or neighbour that somebody else had put there is left to them at the end.
    pub fn make(&mut self, thing: Thing) -> Result<(), NetError> {
        if self.places.contains_key(&thing) {
            return Ok(());
        }
        let undo = match &thing {
            Thing::Route(route) => self.netlink.add_route(route).map(|()| Undo::Remove)?,
            Thing::Rule(rule) => self.netlink.add_rule(rule).map(|()| Undo::Remove)?,
            Thing::Address(address) => match self.netlink.add_address(address) {
                Err(e) if e.is_present() => Undo::Nothing,
                result => result.map(|()| Undo::Remove)?,
            },
            Thing::Neighbour(neighbour) => {
                self.netlink.add_neighbour(neighbour).map(|()| Undo::Remove)?
            }
            Thing::Guard(guard) => self.netlink.add_guard(*guard).map(|()| Undo::Remove)?,
            Thing::Mac { device, mac } => self.change_mac(&thing, device, *mac)?,
            Thing::Sysctl { entry, value } => self.change_sysctl(&thing, entry, value)?,
        };
        self.places.insert(thing.clone(), self.next);
        self.order.insert(self.next, (thing, undo));
        self.next += 1;
        Ok(())
    }

    /// Unmakes a thing of the ledger; one that is not in it is not touched. What somebody else
    /// has removed meanwhile is as gone as it should be.
    pub fn unmake(&mut self, thing: &Thing) -> Result<(), NetError> {
        let Some(place) = self.places.remove(thing) else { return Ok(()) };
        match self.order.remove(&place) {
            Some((thing, undo)) => self.undo(&thing, undo),
            None => Ok(()),
        }
    }

    /// Strikes a thing out of the ledger: it went with its device. Another device may bear the
    /// name by now, and nothing of it is ours.
    pub fn forget(&mut self, thing: &Thing) {
        if let Some(place) = self.places.remove(thing) {
            self.order.remove(&place);
            self.strike(thing);
        }
    }

    /// Unmakes everything, the last made first, and gives what could not be.
    pub fn unmake_all(&mut self) -> Vec<NetError> {
        let mut failures = Vec::new();
        while let Some((_, (thing, undo))) = self.order.pop_last() {
            self.places.remove(&thing);
            failures.extend(self.undo(&thing, undo).err());
        }
        failures.extend(self.put_back().into_iter().filter_map(Result::err));
        self.before.iter_mut().for_each(Before::end);
        failures
    }

    /// Puts back what a daemon that crashed has noted, what is still as it set it, and what is
    /// not in the ledger again: the last changed first. Gives what was put back, and why what could
    /// not be stays as it is and noted, for the log.
    ///
    /// Call it when everything that is wanted has been made. A MAC address that went back and
    /// forth would be learnt by the nodes of its link at the wrong moment.
    pub fn put_back(&mut self) -> Vec<Result<String, NetError>> {
        let noted = self.before.as_ref().map_or(Vec::new(), Before::all);
        let mut results = Vec::new();
        for (thing, was) in noted.into_iter().rev() {
            if self.places.contains_key(&thing) {
                continue;
            }
            let undo = match &thing {
                Thing::Mac { device, mac } => match self.netlink.link(device) {
                    Ok(link) if link.mac == Some(*mac) => was.parse().ok().map(Undo::RestoreMac),
                    _ => None,
                },
                Thing::Sysctl { entry, value } => match entry.read(&self.namespace) {
                    Ok(now) if now == *value => Some(Undo::RestoreSysctl(was)),
                    _ => None,
                },
                _ => None,
            };
            match undo {
                Some(undo) => results.push(self.undo(&thing, undo).map(|()| thing.to_string())),
                None => self.strike(&thing),
            }
        }
        results
    }

    /// What was made and not unmade, in the order of making.
    pub fn things(&self) -> impl Iterator<Item = &Thing> {
        self.order.values().map(|(thing, _)| thing)
    }

    /// Removes all that carries the daemon's mark: before the first [`Owned::make`], that is what
    /// a daemon that crashed left behind. Gives what was removed, for the log. Call it when it is
    /// certain that no other daemon runs in this namespace.
    pub fn sweep(&mut self) -> Result<Vec<String>, NetError> {
        let mut left = Vec::new();
        left.extend(self.netlink.own_rules()?.into_iter().map(Thing::Rule));
        left.extend(self.netlink.own_routes()?.into_iter().map(Thing::Route));
        left.extend(self.netlink.own_neighbours()?.into_iter().map(Thing::Neighbour));
        left.extend(self.netlink.own_guards()?.into_iter().map(Thing::Guard));
        left.extend(self.netlink.own_addresses()?.into_iter().map(Thing::Address));
        let mut swept = Vec::new();
        for thing in left {
            self.undo(&thing, Undo::Remove)?;
            swept.push(thing.to_string());
        }
        // The mark of a device is its name, which others may use: only a kind that the daemon
        // makes is taken for its own.
        for link in self.netlink.links()? {
            if link.tun && link.name.starts_with(DEVICE_PREFIX) {
                gone(self.netlink.delete_link(link.index))?;
                swept.push(format!("device {}", link.name));
            }
        }
        Ok(swept)
    }

    /// What a thing was before a daemon that crashed made it as it is.
    fn noted(&self, thing: &Thing) -> Option<String> {
        self.before.as_ref()?.of(thing)
    }

    fn note(&mut self, thing: &Thing, was: String) {
        if let Some(before) = &mut self.before {
            before.note(thing, was);
        }
    }

    fn strike(&mut self, thing: &Thing) {
        if let Some(before) = &mut self.before {
            before.strike(thing);
        }
    }

    fn change_mac(&mut self, thing: &Thing, name: &str, mac: MacAddr) -> Result<Undo, NetError> {
        let link = self.netlink.link(name)?;
        let Some(old) = link.mac else {
            // There is nothing to go back to.
            self.netlink.set_mac(link.index, mac)?;
            return Ok(Undo::Nothing);
        };
        if old == mac {
            let was = self.noted(thing).and_then(|was| was.parse().ok());
            return Ok(was.map_or(Undo::Nothing, Undo::RestoreMac));
        }
        self.note(thing, old.to_string());
        self.netlink.set_mac(link.index, mac).inspect_err(|_| self.strike(thing))?;
        Ok(Undo::RestoreMac(old))
    }

    fn change_sysctl(
        &mut self,
        thing: &Thing,
        entry: &Sysctl,
        value: &str,
    ) -> Result<Undo, NetError> {
        let (old, opened) = entry.open(&self.namespace)?;
        if old == value {
            let was = self.noted(thing);
            return Ok(was.map_or(Undo::Nothing, Undo::RestoreSysctl));
        }
        self.note(thing, old.clone());
        opened.write(value).inspect_err(|_| self.strike(thing))?;
        Ok(Undo::RestoreSysctl(old))
    }

    fn undo(&mut self, thing: &Thing, undo: Undo) -> Result<(), NetError> {
        self.undo_in_kernel(thing, undo)?;
        self.strike(thing);
        Ok(())
    }

    fn undo_in_kernel(&mut self, thing: &Thing, undo: Undo) -> Result<(), NetError> {
        match (thing, undo) {
            (_, Undo::Nothing) => Ok(()),
            (Thing::Route(route), _) => gone(self.netlink.remove_route(route)),
            (Thing::Rule(rule), _) => gone(self.netlink.remove_rule(rule)),
            (Thing::Address(address), _) => gone(self.netlink.remove_address(address)),
            (Thing::Neighbour(Neighbour { device, address, .. }), _) => {
                gone(self.netlink.remove_neighbour(*device, *address))
            }
            (Thing::Guard(guard), _) => gone(self.netlink.remove_guard(*guard)),
            (Thing::Mac { device, .. }, Undo::RestoreMac(old)) => {
                let restore = |netlink: &mut Netlink| {
                    let index = netlink.link(device)?.index;
                    netlink.set_mac(index, old)
                };
                gone(restore(&mut self.netlink))
            }
            (Thing::Sysctl { entry, .. }, Undo::RestoreSysctl(old)) => {
                gone(entry.write(&self.namespace, &old))
            }
            (Thing::Mac { .. } | Thing::Sysctl { .. }, _) => Ok(()),
        }
    }
}

/// What is absent need not be removed.
fn gone(result: Result<(), NetError>) -> Result<(), NetError> {
    match result {
        Err(e) if e.is_absent() => Ok(()),
        result => result,
    }
}
