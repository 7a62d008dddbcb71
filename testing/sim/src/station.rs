//! The stations of a domain: an anchor or a gateway, each with its data plane, and what the kernel
//! of a gateway knows about its access links.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Instant;

use kedge_dataplane::Side;
use kedge_lma::{Customers, Lma, Now};
use kedge_mag::{AccessNode, Branch, InterfaceId, LinkState, Mag};
use kedge_model::{BindingId, IpNet};

use crate::clock::Skew;
use crate::plan::{AnchorOrders, GatewayOrders, Plan, customer_id};
use crate::plane::Plane;

/// An anchor.
#[derive(Debug)]
pub struct Anchor {
    /// The machines of all customers.
    pub customers: Customers,
    /// Its tables.
    pub plane: Plane,
    /// How wrong its clock is.
    pub skew: Skew,
    /// How often it has restarted.
    pub restarts: u32,
    /// What an operator has changed.
    pub orders: AnchorOrders,
    /// When it will be woken.
    pub wake: Option<Instant>,
}

impl Anchor {
    /// An anchor that knows nothing.
    pub fn new(plan: &Plan, number: usize, restarts: u32, seed: u64, now: Now) -> Self {
        let orders = AnchorOrders::default();
        let mut plane = Plane::new(Side::Anchor);
        for customer in 0..plan.customers {
            let address = plan.anchor_address(number, customer);
            plane.serve(plan, customer, address);
        }
        Self {
            customers: Customers::new(plan.anchor(number, restarts, orders), seed, now),
            plane,
            skew: Skew::default(),
            restarts,
            orders,
            wake: None,
        }
    }

    /// The machine of a customer; `None` if the anchor does not serve it.
    pub fn machine(&self, customer: usize) -> Option<&Lma> {
        self.customers.customer(customer_id(customer)).map(|customer| customer.lma())
    }

    /// Does something to the machine of a customer, if there is one.
    pub fn order<T>(&mut self, customer: usize, act: impl FnOnce(&mut Lma) -> T) -> Option<T> {
        self.customers.with(customer_id(customer), act)
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
    /// What an operator has changed.
    pub orders: GatewayOrders,
    /// The networks behind itself.
    pub branch: Branch,
    /// How many questions hosts of those networks have asked.
    pub pings: u64,
    /// The last answer by address.
    pub answered: BTreeMap<IpAddr, u64>,
    /// When it will be woken.
    pub wake: Option<Instant>,
}

impl Gateway {
    /// A gateway that knows nothing, all of whose links are up.
    pub fn new(plan: &Plan, number: usize, restarts: u32, seed: u64) -> Self {
        let orders = GatewayOrders::default();
        let mut plane = Plane::new(Side::Gateway);
        plane.serve(plan, plan.customer_of_gateway(number), plan.gateway_address(number));
        Self {
            mag: Mag::new(plan.gateway(number, restarts, orders), seed),
            plane,
            access: BTreeMap::new(),
            down: BTreeSet::new(),
            skew: Skew::default(),
            restarts,
            orders,
            branch: Branch::default(),
            pings: 0,
            answered: BTreeMap::new(),
            wake: None,
        }
    }

    /// The state of a link.
    pub fn link(&self, interface: InterfaceId) -> LinkState {
        if self.down.contains(&interface) { LinkState::Down } else { LinkState::Up }
    }

    /// The node that the kernel has a route to.
    pub fn route(&self, destination: IpAddr) -> Option<&AccessNode> {
        let is_it = |net: &IpNet| net.contains(&destination);
        self.access.values().find(|node| node.inner.iter().chain(&node.delegated).any(is_it))
    }
}
