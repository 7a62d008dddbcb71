//! What the oracle has seen: who held which address, and since when a binding has had what.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use kedge_lma::{Event, HomeAddresses, What};
use kedge_model::{BindingId, IpNet, MnId};

use crate::plan::{Plan, customer_number};

/// Everything seen in a run.
#[derive(Debug)]
pub struct Memory {
    /// Who of a customer was ever given a prefix or an address.
    held: BTreeMap<(usize, IpNet), BTreeSet<MnId>>,
    /// By anchor, what each binding has, from its beginning to its end.
    bindings: Vec<BTreeMap<BindingId, Life>>,
    /// By anchor and customer, how many bindings began since its machine was made, and ended.
    lives: Vec<Vec<(u64, u64)>>,
    /// Nodes whose IPv4 address was revoked. Their gateway does not ask for one any more, until
    /// the node comes anew.
    without_ipv4: BTreeSet<(usize, MnId)>,
    /// Whether somebody was refused who is served at rest.
    pub excluded: bool,
    /// Packets that hosts sent into a tunnel.
    pub sent: u64,
    /// Answers that arrived at hosts.
    pub answered: u64,
}

/// A binding, as the events tell it.
#[derive(Debug)]
struct Life {
    customer: usize,
    addresses: HomeAddresses,
    delegated: Box<[IpNet]>,
}

impl Memory {
    /// Nothing yet.
    pub fn new(plan: &Plan) -> Self {
        Self {
            held: BTreeMap::new(),
            bindings: (0..plan.anchors).map(|_| BTreeMap::new()).collect(),
            lives: vec![vec![(0, 0); plan.customers]; plan.anchors],
            without_ipv4: BTreeSet::new(),
            excluded: false,
            sent: 0,
            answered: 0,
        }
    }

    /// An anchor has lost everything of a customer.
    pub fn forget(&mut self, anchor: usize, customer: usize) {
        self.bindings[anchor].retain(|_, life| life.customer != customer);
        self.lives[anchor][customer] = (0, 0);
    }

    /// Takes an anchor's report; it has to make sense after those before it.
    pub fn handle_event(&mut self, anchor: usize, event: &Event) {
        let customer = customer_number(event.customer);
        let bindings = &mut self.bindings[anchor];
        let given: Vec<IpNet> = match &event.what {
            What::Bound { binding, addresses, .. } => {
                self.lives[anchor][customer].0 += 1;
                let life = Life { customer, addresses: *addresses, delegated: Box::default() };
                let before = bindings.insert(*binding, life);
                assert!(before.is_none(), "{binding:?} began twice");
                addresses.routed().collect()
            }
            What::Readdressed { binding, addresses } => {
                let life = bindings.get_mut(binding);
                life.expect("a binding has addresses before it began").addresses = *addresses;
                addresses.routed().collect()
            }
            What::Delegated { binding, prefixes } => {
                let life = bindings.get_mut(binding);
                life.expect("a binding has networks before it began").delegated = prefixes.clone();
                prefixes.to_vec()
            }
            What::Released { binding, .. } => {
                self.lives[anchor][customer].1 += 1;
                let before = bindings.remove(binding);
                assert!(before.is_some(), "{binding:?} ended before it began");
                Vec::new()
            }
            _ => Vec::new(),
        };
        for net in given {
            self.held.entry((customer, net)).or_default().insert(event.mn_id.clone());
        }
    }

    /// A binding has what the events say that it has.
    pub fn check(&self, anchor: usize, id: BindingId, addresses: HomeAddresses, nets: &[IpNet]) {
        let life = self.bindings[anchor].get(&id).expect("nobody told of this binding");
        let told = (life.addresses, &life.delegated[..]);
        assert_eq!(told, (addresses, nets), "the events tell another story of {id:?}");
    }

    /// How many bindings of a customer began at an anchor, and ended.
    pub fn lives(&self, anchor: usize, customer: usize) -> (u64, u64) {
        self.lives[anchor][customer]
    }

    /// Whether an address was ever this node's, or in a network behind it.
    pub fn was_held(&self, customer: usize, address: IpAddr, by: &MnId) -> bool {
        let lengths: &[u8] = if address.is_ipv4() { &[32, 28, 24] } else { &[64, 56] };
        lengths.iter().any(|len| {
            let net = IpNet::new_assert(address, *len).trunc();
            self.held.get(&(customer, net)).is_some_and(|nodes| nodes.contains(by))
        })
    }

    /// An operator took a node's IPv4 address.
    pub fn may_lack_ipv4(&mut self, customer: usize, mn_id: &MnId) {
        self.without_ipv4.insert((customer, mn_id.clone()));
    }

    /// Whether a node is certain to have an address, where the anchor serves IPv4.
    pub fn has_ipv4(&self, customer: usize, mn_id: &MnId) -> bool {
        !self.without_ipv4.contains(&(customer, mn_id.clone()))
    }

    /// Every prefix and address that was ever given out, and whose customer's node had it.
    pub fn ever_held(&self) -> impl Iterator<Item = (usize, IpNet)> + '_ {
        self.held.keys().copied()
    }
}
