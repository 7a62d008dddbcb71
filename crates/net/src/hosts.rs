//! The ledgers of all network namespaces that the daemon works in.
//!
//! One namespace has one ledger ([`Owned`]), whatever it is called and however many routing worlds
//! are in it: what a sweep finds there is of an earlier run only while nothing has been made. It
//! also has one daemon, which claims it by a socket of an abstract name, as those are apart for
//! each namespace.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::PathBuf;

use kedge_model::World;

use crate::NetError;
use crate::before::Notes;
use crate::namespace::Namespace;
use crate::owned::{Owned, Thing};
use crate::place::Place;

/// The abstract name by which one daemon claims a network namespace.
const CLAIM: &str = "kedge/netns";

/// A ledger for each namespace.
#[derive(Debug)]
pub struct Hosts {
    /// The first is that of the daemon's own namespace.
    hosts: Vec<Host>,
    /// In which of them each world is known to be.
    places: HashMap<World, usize>,
    /// Where their earlier values are noted.
    notes: Notes,
}

#[derive(Debug)]
struct Host {
    owned: Owned,
    _claim: UnixListener,
}

/// Something that is wanted in the kernel.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Wanted {
    /// A namespace, as a world: two VRF devices of one namespace may want the same thing.
    world: World,
    thing: Thing,
}

impl Wanted {
    /// A thing in the namespace that a world is in.
    pub fn new(world: &World, thing: Thing) -> Self {
        let world = match world {
            World::Own | World::Device(_) => World::Own,
            World::Namespace(_) => world.clone(),
        };
        Self { world, thing }
    }
}

impl Hosts {
    /// Claims the daemon's own namespace; `None` if another daemon has it. `notes` is where its
    /// earlier values are noted (see [`Owned::note_in`]). Gives what an earlier run had left behind
    /// there, for the log.
    pub fn open(notes: PathBuf) -> Result<Option<(Self, Vec<String>)>, NetError> {
        let own = Namespace::current()?;
        let Some(claim) = claim(&own)? else { return Ok(None) };
        let notes = Notes::open(notes);
        let (host, swept) = Host::open(own, claim, &notes, None)?;
        let places = HashMap::from([(World::Own, 0)]);
        Ok(Some((Self { hosts: vec![host], places, notes }, swept)))
    }

    /// The ledger of the daemon's own namespace.
    pub fn own(&mut self) -> &mut Owned {
        &mut self.hosts[0].owned
    }

    /// The ledger of the namespace that a world is in, where [`Self::enter`] has been.
    pub fn of(&mut self, world: &World) -> Result<&mut Owned, NetError> {
        let host = self.places.get(world).and_then(|place| self.hosts.get_mut(*place));
        let none = || NetError::new("work in", world, io::ErrorKind::NotFound.into());
        host.map(|host| &mut host.owned).ok_or_else(none)
    }

    /// Makes something in the namespace that a world is in.
    pub fn make(&mut self, wanted: &Wanted) -> Result<(), NetError> {
        self.of(&wanted.world)?.make(wanted.thing.clone())
    }

    /// Unmakes it; what went with its namespace is gone already.
    pub fn unmake(&mut self, wanted: &Wanted) -> Result<(), NetError> {
        self.of(&wanted.world).map_or(Ok(()), |owned| owned.unmake(&wanted.thing))
    }

    /// Makes sure that a world is there, that no other daemon works in its namespace, and that
    /// nothing of an earlier run is left there. Gives what was, for the log. A world that was
    /// entered is not looked for again.
    pub fn enter(&mut self, world: &World) -> Result<Vec<String>, NetError> {
        if self.places.contains_key(world) {
            return Ok(Vec::new());
        }
        let place = Place::find(world).inspect_err(|error| {
            // What an earlier run left there went with it.
            if let World::Namespace(name) = world
                && error.is_absent()
            {
                self.notes.forget_name(name);
            }
        })?;
        let namespace = place.namespace();
        let known = self.hosts.iter().position(|host| host.owned.namespace() == namespace);
        if let Some(known) = known {
            self.places.insert(world.clone(), known);
            return Ok(Vec::new());
        }
        let claim = claim(namespace)?.ok_or_else(|| {
            let cause = io::Error::other("another kedged works there");
            NetError::new("work in", namespace, cause)
        })?;
        let name = match world {
            World::Namespace(name) => Some(name.as_str()),
            World::Own | World::Device(_) => None,
        };
        let (host, swept) = Host::open(namespace.clone(), claim, &self.notes, name)?;
        self.places.insert(world.clone(), self.hosts.len());
        self.hosts.push(host);
        Ok(swept)
    }

    /// The namespaces that an earlier run has worked in and did not leave, and this one has not
    /// entered: what was left there is undone when they are entered, and left.
    pub fn abandoned(&self) -> Vec<World> {
        let worlds = self
            .notes
            .names()
            .into_iter()
            .map(World::Namespace)
            .filter(|world| !self.places.contains_key(world));
        let mut worlds: Vec<World> = worlds.collect();
        worlds.sort();
        worlds
    }

    /// Whether another namespace than the one that was entered has the name of a world by now.
    pub fn is_made_anew(&self, world: &World) -> bool {
        let host = self.places.get(world).and_then(|place| self.hosts.get(*place));
        let found = Place::find(world).ok();
        host.zip(found).is_some_and(|(host, found)| found.namespace() != host.owned.namespace())
    }

    /// The worlds that were entered and are none of these.
    pub fn others(&self, worlds: &BTreeSet<World>) -> Vec<World> {
        let is_other = |world: &&World| **world != World::Own && !worlds.contains(world);
        self.places.keys().filter(is_other).cloned().collect()
    }

    /// Leaves a world. If no other one that was entered is in its namespace, what was made there is
    /// unmade. Gives what could not be.
    pub fn leave(&mut self, world: &World) -> Vec<NetError> {
        let Some(gone) = self.places.remove(world) else { return Vec::new() };
        if self.places.values().any(|place| *place == gone) {
            return Vec::new();
        }
        let mut host = self.hosts.swap_remove(gone);
        let moved = self.hosts.len();
        self.places.values_mut().filter(|place| **place == moved).for_each(|at| *at = gone);
        host.owned.unmake_all()
    }

    /// Unmakes everything everywhere, and gives what could not be.
    pub fn unmake_all(&mut self) -> Vec<NetError> {
        self.hosts.iter_mut().rev().flat_map(|host| host.owned.unmake_all()).collect()
    }

    /// [`Owned::put_back`], everywhere.
    pub fn put_back(&mut self) -> Vec<Result<String, NetError>> {
        self.hosts.iter_mut().flat_map(|host| host.owned.put_back()).collect()
    }

    /// All ledgers, that of the daemon's own namespace first.
    pub fn ledgers(&mut self) -> impl Iterator<Item = &mut Owned> {
        self.hosts.iter_mut().map(|host| &mut host.owned)
    }
}

impl Host {
    fn open(
        namespace: Namespace,
        claim: UnixListener,
        notes: &Notes,
        name: Option<&str>,
    ) -> Result<(Self, Vec<String>), NetError> {
        let mut owned = Owned::open(namespace)?;
        owned.note_among(notes, name);
        let swept = owned.sweep()?;
        Ok((Self { owned, _claim: claim }, swept))
    }
}

/// `None` if another process has it.
fn claim(namespace: &Namespace) -> Result<Option<UnixListener>, NetError> {
    let bind = || UnixListener::bind_addr(&SocketAddr::from_abstract_name(CLAIM)?);
    match namespace.within(bind)? {
        Ok(claim) => Ok(Some(claim)),
        Err(e) if e.kind() == io::ErrorKind::AddrInUse => Ok(None),
        Err(e) => Err(NetError::new("claim", namespace, e)),
    }
}
