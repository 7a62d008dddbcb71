//! The gateways: what is agreed with each, and what each has sent.
//!
//! A configured gateway is known by its addresses. Any other becomes known by its first accepted
//! update, if `dynamic_mag_learning` is on; so nobody without the key fills the table.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::quality::FixedState;
use kedge_model::{SignalPath, VrfId};
use kedge_telemetry::counters;

use crate::heartbeat::Heart;
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
        /// Messages of any kind that were dropped.
        discarded: "Discarded",
        /// Heartbeat requests that were answered.
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
}

/// What is agreed between the anchor and a gateway.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub authentication: Option<Authentication>,
    pub encapsulation: EncapsulationPolicy,
    pub dscp: Option<Dscp>,
}

/// Names a gateway as long as the anchor lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PeerIndex(u32);

#[derive(Debug)]
pub(crate) struct Peers {
    list: Vec<PeerState>,
    by_address: HashMap<(VrfId, IpAddr), PeerIndex, FixedState>,
    /// The row that gateways beyond the limit share.
    overflow: Option<PeerIndex>,
    anchor: Policy,
    learning: bool,
}

impl Peers {
    /// The most gateways that are learned; any more share one row.
    const LEARNED: usize = 65_536;

    /// `seed` keeps peers from choosing addresses that collide.
    pub fn new(settings: &Settings, seed: u64) -> Self {
        let anchor = Policy::of(settings);
        let mut peers = Self {
            list: Vec::new(),
            by_address: HashMap::with_hasher(FixedState::with_seed(seed)),
            overflow: None,
            anchor,
            learning: false,
        };
        peers.configure(settings);
        peers
    }

    /// Takes over other settings; gateways keep their counters.
    pub fn configure(&mut self, settings: &Settings) {
        self.anchor = Policy::of(settings);
        self.learning = settings.dynamic_mag_learning;
        for peer in &mut self.list {
            peer.name = None;
            peer.policy = None;
        }
        for peer in &settings.peers {
            let policy = Policy {
                authentication: peer
                    .authentication
                    .clone()
                    .or_else(|| settings.authentication.clone()),
                encapsulation: peer.encapsulation.unwrap_or(settings.encapsulation),
                dscp: peer.dscp.or(settings.dscp),
            };
            let known = peer
                .addresses
                .iter()
                .find_map(|address| self.by_address.get(&(peer.transport, *address)));
            let index = known.copied().unwrap_or_else(|| add(&mut self.list, peer.transport));
            let state = &mut self.list[index.0 as usize];
            state.name = Some(peer.name.clone());
            state.policy = Some(policy);
            state.addresses.clone_from(&peer.addresses);
            for address in &peer.addresses {
                self.by_address.insert((peer.transport, *address), index);
            }
        }
    }

    /// The gateway that sends on this path, if it is known.
    pub fn find(&self, path: &SignalPath) -> Option<PeerIndex> {
        self.by_address.get(&(path.transport, path.peer.ip())).copied()
    }

    /// Whether the sender may register nodes.
    pub fn is_authorized(&self, peer: Option<PeerIndex>) -> bool {
        self.learning || peer.is_some_and(|index| self.get(index).name.is_some())
    }

    /// The gateway that sends on this path, learned if it was not known.
    pub fn learn(&mut self, path: &SignalPath) -> PeerIndex {
        if let Some(index) = self.find(path) {
            return index;
        }
        if self.list.len() >= Self::LEARNED {
            return *self.overflow.get_or_insert_with(|| add(&mut self.list, path.transport));
        }
        let index = add(&mut self.list, path.transport);
        self.by_address.insert((path.transport, path.peer.ip()), index);
        self.get_mut(index).addresses.push(path.peer.ip());
        index
    }

    /// Whether this row is that of several gateways.
    pub fn is_shared(&self, index: PeerIndex) -> bool {
        self.overflow == Some(index)
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

    pub fn iter(&self) -> impl Iterator<Item = &PeerState> {
        self.list.iter()
    }
}

fn add(list: &mut Vec<PeerState>, transport: VrfId) -> PeerIndex {
    let index = u32::try_from(list.len()).expect("fewer than 2^32 gateways");
    list.push(PeerState {
        name: None,
        transport,
        addresses: Vec::new(),
        bindings: 0,
        counters: PeerCounters::default(),
        heart: Heart::default(),
        policy: None,
    });
    PeerIndex(index)
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
