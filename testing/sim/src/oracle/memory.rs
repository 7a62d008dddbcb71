//! What the oracle has seen: who held which address, and since when a binding has had what.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use kedge_lma::{Event, HomeAddresses, What};
use kedge_model::{BindingId, IpNet, MnId};

/// Everything seen in a run.
#[derive(Debug)]
pub struct Memory {
    /// Who was ever given a prefix or an address.
    held: BTreeMap<IpNet, BTreeSet<MnId>>,
    /// By anchor, what each binding has, from its beginning to its end.
    bindings: Vec<BTreeMap<BindingId, HomeAddresses>>,
    /// By anchor, how many bindings ended since it started.
    pub ended: Vec<u64>,
    /// The same, how many began.
    pub begun: Vec<u64>,
    /// Nodes whose IPv4 address was revoked. Their gateway does not ask for one any more, until
    /// the node comes anew.
    without_ipv4: BTreeSet<MnId>,
    /// Packets that hosts sent into a tunnel.
    pub sent: u64,
    /// Answers that arrived at hosts.
    pub answered: u64,
}

impl Memory {
    /// Nothing yet.
    pub fn new(anchors: usize) -> Self {
        Self {
            held: BTreeMap::new(),
            bindings: vec![BTreeMap::new(); anchors],
            ended: vec![0; anchors],
            begun: vec![0; anchors],
            without_ipv4: BTreeSet::new(),
            sent: 0,
            answered: 0,
        }
    }

    /// An anchor has lost everything.
    pub fn forget(&mut self, anchor: usize) {
        self.bindings[anchor].clear();
        self.ended[anchor] = 0;
        self.begun[anchor] = 0;
    }

    /// Takes an anchor's report; it has to make sense after those before it.
    pub fn handle_event(&mut self, anchor: usize, event: &Event) {
        let bindings = &mut self.bindings[anchor];
        match &event.what {
            What::Bound { binding, addresses, .. } => {
                self.begun[anchor] += 1;
                let before = bindings.insert(*binding, *addresses);
                assert_eq!(before, None, "{binding:?} began twice");
                self.hold(&event.mn_id, addresses);
            }
            What::Readdressed { binding, addresses } => {
                let before = bindings.insert(*binding, *addresses);
                assert!(before.is_some(), "{binding:?} has addresses before it began");
                self.hold(&event.mn_id, addresses);
            }
            What::Released { binding, .. } => {
                self.ended[anchor] += 1;
                let before = bindings.remove(binding);
                assert!(before.is_some(), "{binding:?} ended before it began");
            }
            _ => {}
        }
    }

    fn hold(&mut self, mn_id: &MnId, addresses: &HomeAddresses) {
        for net in addresses.routed() {
            self.held.entry(net).or_default().insert(mn_id.clone());
        }
    }

    /// What the events say that a binding has.
    pub fn addresses(&self, anchor: usize, binding: BindingId) -> Option<HomeAddresses> {
        self.bindings[anchor].get(&binding).copied()
    }

    /// Whether an address was ever this node's.
    pub fn was_held(&self, address: IpAddr, by: &MnId) -> bool {
        let net = match address {
            IpAddr::V4(_) => IpNet::from(address),
            IpAddr::V6(_) => IpNet::new_assert(address, 64).trunc(),
        };
        self.held.get(&net).is_some_and(|nodes| nodes.contains(by))
    }

    /// An operator took a node's IPv4 address.
    pub fn may_lack_ipv4(&mut self, mn_id: &MnId) {
        self.without_ipv4.insert(mn_id.clone());
    }

    /// Whether a node is certain to have an address, where the anchor serves IPv4.
    pub fn has_ipv4(&self, mn_id: &MnId) -> bool {
        !self.without_ipv4.contains(mn_id)
    }

    /// Every prefix and address that was ever given out.
    pub fn ever_held(&self) -> impl Iterator<Item = &IpNet> {
        self.held.keys()
    }
}
