//! The gateways: what is agreed with each, and what each has sent.
//!
//! A configured gateway is known by its addresses. Any other becomes known by its first accepted
//! update, if `dynamic_mag_learning` is on; so nobody without the key fills the table. What the
//! anchor learns it also forgets: a learned gateway that has had no bindings for an hour, and
//! before that the one that has had none for longest, when a new one needs its place. While every
//! place is taken by a gateway with bindings, no other is learned and its updates are denied.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use foldhash::quality::FixedState;
use kedge_model::{SignalPath, VrfId};
use kedge_sansio::TimerId;
use kedge_telemetry::counters;

use crate::heart::Heart;
use crate::settings::{Authentication, Dscp, EncapsulationPolicy, Settings};

counters! {
    /// What one gateway has sent.
    pub struct PeerCounters: "Peer", "peer" {
        /// Binding Updates that were answered or dropped.
        received: "Updates Received",
        /// Of them accepted.
        accepted: "Accepted",
        /// Of them denied.
        denied: "Denied",
        /// Binding Updates that were dropped.
        discarded: "Discarded",
        /// Other messages that were dropped.
        unusable: "Other Messages Discarded",
        /// Revocation indications sent to it for the first time.
        indications_sent: "Indications Sent",
        /// Of them acknowledged.
        indications_acknowledged: "Indications Acknowledged",
        /// Revocation indications it sent that were acknowledged.
        indications_received: "Indications Received",
        /// Heartbeat requests sent to it.
        heartbeats_sent: "Heartbeats Sent",
        /// Of them not answered in time.
        heartbeats_missed: "Heartbeats Missed",
        /// Its heartbeat requests, which were answered.
        heartbeats: "Heartbeats Answered",
    }
}

/// A gateway the anchor has dealings with.
#[derive(Debug)]
pub struct PeerState {
    /// Its name in the configuration; `None` for one that was learned.
    pub name: Option<String>,
    /// The routing world its messages come from.
    pub transport: VrfId,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// How many bindings have their path to it.
    pub bindings: u32,
    /// What it has sent.
    pub counters: PeerCounters,
    /// Whether it lives.
    pub heart: Heart,
    /// Its own agreement; `None` where the anchor's holds.
    policy: Option<Policy>,
    /// Since when it has been learned and without bindings.
    idle_since: Option<Instant>,
    /// Whether this row is no gateway's.
    is_nobody: bool,
}

/// What is agreed between the anchor and a gateway.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub authentication: Option<Authentication>,
    pub encapsulation: EncapsulationPolicy,
    pub dscp: Option<Dscp>,
}

/// Names a gateway as long as it has bindings or a place in the configuration.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct PeerIndex(u32);

#[derive(Debug)]
pub(crate) struct Peers {
    list: Vec<PeerState>,
    /// The rows of `list` that are nobody's.
    vacant: Vec<PeerIndex>,
    by_address: HashMap<(VrfId, IpAddr), PeerIndex, FixedState>,
    /// Learned gateways without bindings, the one that has had none for longest first.
    idle: BTreeSet<(Instant, PeerIndex)>,
    configured: usize,
    anchor: Policy,
    learning: bool,
    /// The most gateways that are learned.
    maximum: usize,
}

impl Peers {
    /// How long a learned gateway without bindings is remembered.
    const REMEMBERED: Duration = Duration::from_secs(3_600);

    /// `seed` keeps peers from choosing addresses that collide.
    pub fn new(settings: &Settings, seed: u64) -> Self {
        let mut peers = Self {
            list: Vec::new(),
            vacant: Vec::new(),
            by_address: HashMap::with_hasher(FixedState::with_seed(seed)),
            idle: BTreeSet::new(),
            configured: 0,
            anchor: Policy::of(settings),
            learning: false,
            maximum: 0,
        };
        peers.configure(settings);
        peers
    }

    /// Takes over other settings; gateways keep their counters. One that is configured no longer
    /// is as if learned, until [`Self::drop_unnamed`].
    pub fn configure(&mut self, settings: &Settings) {
        self.anchor = Policy::of(settings);
        self.learning = settings.dynamic_mag_learning;
        self.maximum = settings.learned_mag_maximum as usize;
        self.configured = settings.peers.len();
        for peer in &mut self.list {
            peer.name = None;
            peer.policy = None;
        }
        let known = self.by_address.clone();
        self.by_address.clear();
        for peer in &settings.peers {
            let policy = Policy {
                authentication: peer
                    .authentication
                    .clone()
                    .or_else(|| settings.authentication.clone()),
                encapsulation: peer.encapsulation.unwrap_or(settings.encapsulation),
                dscp: peer.dscp.or(settings.dscp),
            };
            // It goes on where one of its addresses was known, unless another has gone on there.
            let rows = peer.addresses.iter().filter_map(|a| known.get(&(peer.transport, *a)));
            let free = rows.copied().find(|row| self.get(*row).name.is_none());
            let index = free.unwrap_or_else(|| self.add(peer.transport));
            let state = self.get_mut(index);
            state.name = Some(peer.name.clone());
            state.policy = Some(policy);
            state.addresses.clone_from(&peer.addresses);
            if let Some(since) = state.idle_since.take() {
                self.idle.remove(&(since, index));
            }
            for address in &peer.addresses {
                self.by_address.insert((peer.transport, *address), index);
            }
        }
        // Of the others, each keeps the addresses that none of these has.
        for at in 0..self.list.len() {
            let state = &mut self.list[at];
            if state.name.is_some() {
                continue;
            }
            let index = PeerIndex(at as u32); // `add` gave the rows their numbers
            let by_address = &mut self.by_address;
            let is_ours =
                |a: &IpAddr| *by_address.entry((state.transport, *a)).or_insert(index) == index;
            state.addresses.retain(is_ours);
        }
    }

    /// Gives a binding of one gateway to another.
    pub fn hand_over(&mut self, from: PeerIndex, to: PeerIndex) {
        self.get_mut(from).bindings -= 1;
        self.gain(to);
    }

    /// Forgets the gateways that are configured no longer and have no bindings; their timers come
    /// back.
    pub fn drop_unnamed(&mut self) -> Vec<TimerId> {
        let mut timers = Vec::new();
        for at in 0..self.list.len() {
            let index = PeerIndex(at as u32); // `add` gave the rows their numbers
            let state = &self.list[at];
            let learned = state.idle_since.is_some() && !state.addresses.is_empty();
            if state.name.is_none() && state.bindings == 0 && !learned && !state.is_nobody {
                timers.extend(self.vacate(index));
            }
        }
        timers
    }

    /// The gateway that sends on this path, if it is known.
    pub fn find(&self, path: &SignalPath) -> Option<PeerIndex> {
        self.by_address.get(&(path.transport, path.peer.ip())).copied()
    }

    /// The gateway that is configured under this name, or has this address.
    pub fn named(&self, name: &str) -> Option<PeerIndex> {
        let address: Option<IpAddr> = name.parse().ok();
        let has_it = |peer: &PeerState| {
            peer.name.as_deref() == Some(name)
                || address.is_some_and(|address| peer.addresses.contains(&address))
        };
        let at = self.list.iter().position(has_it)?;
        u32::try_from(at).ok().map(PeerIndex)
    }

    /// Whether the sender may register nodes.
    pub fn is_authorized(&self, peer: Option<PeerIndex>) -> bool {
        self.learning || peer.is_some_and(|index| self.get(index).name.is_some())
    }

    /// Whether the gateway that sends on this path is known, or can be learned.
    pub fn has_place(&self, path: &SignalPath) -> bool {
        !self.is_full() || !self.idle.is_empty() || self.find(path).is_some()
    }

    /// The gateway that sends on this path, learned if it was not known, and the one that was
    /// forgotten for that.
    pub fn learn(&mut self, path: &SignalPath) -> (PeerIndex, Learned) {
        if let Some(index) = self.find(path) {
            return (index, Learned::Known);
        }
        let mut learned = Learned::New;
        if self.is_full()
            && let Some((_, index)) = self.idle.pop_first()
        {
            learned = Learned::InPlaceOf(self.vacate(index));
        }
        let index = self.add(path.transport);
        self.by_address.insert((path.transport, path.peer.ip()), index);
        self.get_mut(index).addresses.push(path.peer.ip());
        (index, learned)
    }

    /// A gateway has one more binding.
    pub fn gain(&mut self, index: PeerIndex) {
        let state = self.get_mut(index);
        state.bindings += 1;
        if let Some(since) = state.idle_since.take() {
            self.idle.remove(&(since, index));
        }
    }

    /// A gateway has one binding less. One that may register no other is forgotten with its last;
    /// its timer comes back.
    pub fn lose(&mut self, index: PeerIndex, now: Instant) -> Option<TimerId> {
        let learning = self.learning;
        let state = self.get_mut(index);
        state.bindings -= 1;
        if state.bindings > 0 || state.name.is_some() {
            return None;
        }
        if !learning {
            return self.vacate(index);
        }
        state.idle_since = Some(now);
        self.idle.insert((now, index));
        None
    }

    /// When the next gateway is to be forgotten.
    pub fn next_forgotten(&self) -> Option<Instant> {
        self.idle.first().map(|(since, _)| *since + Self::REMEMBERED)
    }

    /// Forgets one gateway that has been without bindings for long enough; its timer comes back.
    pub fn forget(&mut self, now: Instant) -> Option<Option<TimerId>> {
        let (since, index) = *self.idle.first()?;
        if since + Self::REMEMBERED > now {
            return None;
        }
        self.idle.pop_first();
        Some(self.vacate(index))
    }

    pub fn policy(&self, peer: Option<PeerIndex>) -> &Policy {
        peer.and_then(|index| self.get(index).policy.as_ref()).unwrap_or(&self.anchor)
    }

    pub fn get(&self, index: PeerIndex) -> &PeerState {
        &self.list[index.0 as usize]
    }

    pub fn get_mut(&mut self, index: PeerIndex) -> &mut PeerState {
        &mut self.list[index.0 as usize]
    }

    /// What the sender on a path has sent, if it is known.
    pub fn counters_mut(&mut self, peer: Option<PeerIndex>) -> Option<&mut PeerCounters> {
        peer.map(|index| &mut self.get_mut(index).counters)
    }

    pub fn clear_counters(&mut self) {
        self.list.iter_mut().for_each(|peer| peer.counters = PeerCounters::default());
    }

    pub fn iter(&self) -> impl Iterator<Item = &PeerState> {
        self.list.iter().filter(|peer| !peer.is_nobody)
    }

    fn is_full(&self) -> bool {
        self.list.len() - self.vacant.len() - self.configured >= self.maximum
    }

    fn add(&mut self, transport: VrfId) -> PeerIndex {
        let index = self.vacant.pop().unwrap_or_else(|| {
            let index = u32::try_from(self.list.len()).expect("fewer than 2^32 gateways");
            self.list.push(PeerState::vacant());
            PeerIndex(index)
        });
        let state = PeerState { transport, is_nobody: false, ..PeerState::vacant() };
        *self.get_mut(index) = state;
        index
    }

    /// Empties the row of a gateway that has no bindings; its heartbeat's timer comes back.
    fn vacate(&mut self, index: PeerIndex) -> Option<TimerId> {
        let state = std::mem::replace(self.get_mut(index), PeerState::vacant());
        for address in &state.addresses {
            self.by_address.remove(&(state.transport, *address));
        }
        if let Some(since) = state.idle_since {
            self.idle.remove(&(since, index));
        }
        self.vacant.push(index);
        state.heart.timer()
    }
}

/// How a gateway became known.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Learned {
    /// It was.
    Known,
    /// There was room.
    New,
    /// Another was forgotten for it, which had this timer.
    InPlaceOf(Option<TimerId>),
}

impl PeerState {
    fn vacant() -> Self {
        Self {
            name: None,
            transport: VrfId::DEFAULT,
            addresses: Vec::new(),
            bindings: 0,
            counters: PeerCounters::default(),
            heart: Heart::default(),
            policy: None,
            idle_since: None,
            is_nobody: true,
        }
    }
}

impl Policy {
    /// The protection of what is neither an update nor an acknowledgement of one.
    pub fn beyond_updates(&self) -> Option<&Authentication> {
        self.authentication.as_ref().filter(|authentication| !authentication.updates_only)
    }

    fn of(settings: &Settings) -> Self {
        Self {
            authentication: settings.authentication.clone(),
            encapsulation: settings.encapsulation,
            dscp: settings.dscp,
        }
    }
}
