//! A side's data plane: the reference tables and forwarder, fed by what the machine wants.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use kedge_dataplane::{
    Arrived, Forwarder, InnerPacket, Local, OuterPacket, Side, Tables, TotalCells, Verdict,
};
use kedge_model::{BindingId, Forwarding, VrfId};

use crate::plan::{DATA_PORT, Plan, SIGNALLING_PORT, inner};

/// Tables, and what they are meant to hold.
#[derive(Debug)]
pub struct Plane {
    forwarder: Forwarder,
    /// What the machine has asked for.
    pub wanted: BTreeMap<BindingId, Forwarding>,
}

impl Plane {
    /// Empty tables.
    pub fn new(side: Side) -> Self {
        let forwarder = Forwarder::new(Tables::new(side), Arc::new(TotalCells::default()));
        Self { forwarder, wanted: BTreeMap::new() }
    }

    /// Has a device for a customer, and an address where its tunnels end.
    pub fn serve(&mut self, plan: &Plan, customer: usize, address: IpAddr) {
        let vrf = plan.transport(customer);
        let signalling_port = address.is_ipv4().then_some(SIGNALLING_PORT);
        let local = Local { vrf, address, udp_port: DATA_PORT, signalling_port };
        let tables = &mut self.forwarder.tables;
        tables.add_device(inner(customer)).expect("there is room for it");
        tables.add_local(local).expect("there is room for it");
    }

    /// Does what the machine wants. It wants nothing twice, nothing that is another binding's,
    /// and nothing that the tables cannot hold.
    pub fn want(&mut self, binding: BindingId, want: Option<Forwarding>) {
        assert_ne!(self.wanted.get(&binding), want.as_ref(), "wanted twice for {binding:?}");
        match want {
            Some(want) => {
                // Nobody reads what bindings carry.
                if let Err(error) = self.forwarder.tables.bind(binding, &want, 0) {
                    panic!("the tables refuse what the machine wants: {error}");
                }
                self.wanted.insert(binding, want);
            }
            None => {
                self.forwarder.tables.unbind(binding);
                self.wanted.remove(&binding);
            }
        }
    }

    /// The outer packets of a node's packet; none if it is refused.
    pub fn encapsulate(&mut self, vrf: VrfId, packet: &[u8], now: Instant) -> Vec<OuterPacket> {
        match self.forwarder.encapsulate(vrf, packet, now) {
            Verdict::Forward(outer) => outer,
            Verdict::Local | Verdict::Drop(_) | Verdict::Reply(..) => Vec::new(),
        }
    }

    /// The node's packet in an outer one; none if it is refused.
    pub fn decapsulate(
        &mut self,
        transport: VrfId,
        outer: &[u8],
        now: Instant,
    ) -> Option<InnerPacket> {
        let arrived = Arrived::parse(transport, outer).expect("whole outer packets");
        match self.forwarder.decapsulate(&arrived, now) {
            Verdict::Forward(inner) => Some(inner),
            Verdict::Local | Verdict::Drop(_) | Verdict::Reply(..) => None,
        }
    }

    /// The binding that the tables hold an address for.
    pub fn holder(&self, vrf: VrfId, address: IpAddr) -> Option<BindingId> {
        let slot = self.forwarder.tables.find(vrf, address)?;
        self.forwarder.tables.held(slot).map(|held| held.binding)
    }
}

/// Whereto an outer packet goes.
pub fn destination(outer: &OuterPacket) -> IpAddr {
    let arrived = Arrived::parse(outer.transport, &outer.bytes).expect("whole outer packets");
    arrived.local
}
