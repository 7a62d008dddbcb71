//! The stations of a domain: an anchor or a gateway, each with its data plane, and what the kernel
//! of a gateway knows about its access links.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Instant;

use kedge_dataplane::Side;
use kedge_lma::Lma;
use kedge_mag::{AccessNode, InterfaceId, LinkState, Mag};
use kedge_model::{BindingId, IpNet};

use crate::clock::Skew;
use crate::plan::Plan;
use crate::plane::Plane;

/// An anchor.
#[derive(Debug)]
pub struct Anchor {
    /// The machine.
    pub lma: Lma,
    /// Its tables.
    pub plane: Plane,
    /// How wrong its clock is.
    pub skew: Skew,
    /// How often it has restarted.
    pub restarts: u32,
    /// When it will be woken.
    pub wake: Option<Instant>,
}

impl Anchor {
    /// An anchor that knows nothing.
    pub fn new(plan: &Plan, number: usize, restarts: u32, seed: u64) -> Self {
        Self {
            lma: Lma::new(plan.anchor(number, restarts), seed),
            plane: Plane::new(Side::Anchor, plan.anchor_address(number)),
            skew: Skew::default(),
            restarts,
            wake: None,
        }
    }
}

/// A gateway.
#[derive(Debug)]
pub struct Gateway {
    /// The machine.
    pub mag: Mag,
    /// Its tables.
    pub plane: Plane,
    /// What its kernel holds for its nodes.
    pub access: BTreeMap<BindingId, AccessNode>,
    /// The links without a carrier.
    pub down: BTreeSet<InterfaceId>,
    /// How wrong its clock is.
    pub skew: Skew,
    /// How often it has restarted.
    pub restarts: u32,
    /// When it will be woken.
    pub wake: Option<Instant>,
}

impl Gateway {
    /// A gateway that knows nothing, all of whose links are up.
    pub fn new(plan: &Plan, number: usize, restarts: u32, seed: u64) -> Self {
        Self {
            mag: Mag::new(plan.gateway(number, restarts), seed),
            plane: Plane::new(Side::Gateway, plan.gateway_address(number)),
            access: BTreeMap::new(),
            down: BTreeSet::new(),
            skew: Skew::default(),
            restarts,
            wake: None,
        }
    }

    /// The state of a link.
    pub fn link(&self, interface: InterfaceId) -> LinkState {
        if self.down.contains(&interface) { LinkState::Down } else { LinkState::Up }
    }

    /// The node that the kernel has a route to.
    pub fn route(&self, destination: IpAddr) -> Option<&AccessNode> {
        let holds = |node: &&AccessNode| node.inner.iter().any(|net| holds(net, destination));
        self.access.values().find(holds)
    }
}

fn holds(net: &IpNet, address: IpAddr) -> bool {
    net.contains(&address)
}
