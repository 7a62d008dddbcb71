//! A side's data plane: the reference tables and forwarder, fed by what the machine wants.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use kedge_dataplane::{
    Arrived, BindingCells, Forwarder, Local, OuterPacket, Side, Tables, TotalCells, Verdict,
};
use kedge_model::{BindingId, Forwarding};

use crate::plan::{DATA_PORT, INNER, TRANSPORT};

/// Tables, and what they are meant to hold.
#[derive(Debug)]
pub struct Plane {
    forwarder: Forwarder,
    /// What the machine has asked for.
    pub wanted: BTreeMap<BindingId, Forwarding>,
}

impl Plane {
    /// Empty tables at an address.
    pub fn new(side: Side, address: IpAddr) -> Self {
        let local = Local { vrf: TRANSPORT, address, udp_port: DATA_PORT, signalling_port: None };
        let mut tables = Tables::new(side);
        tables.add_device(INNER).expect("there is room for one");
        tables.add_local(local).expect("there is room for one");
        let forwarder = Forwarder::new(tables, Arc::new(TotalCells::default()));
        Self { forwarder, wanted: BTreeMap::new() }
    }

    /// Does what the machine wants. It wants nothing twice, nothing that is another binding's,
    /// and nothing that the tables cannot hold.
    pub fn want(&mut self, binding: BindingId, want: Option<Forwarding>) {
        assert_ne!(self.wanted.get(&binding), want.as_ref(), "wanted twice for {binding:?}");
        match want {
            Some(want) => {
                let cells = Arc::new(BindingCells::default());
                if let Err(error) = self.forwarder.tables.bind(binding, &want, cells) {
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
    pub fn encapsulate(&mut self, packet: &[u8], now: Instant) -> Vec<OuterPacket> {
        match self.forwarder.encapsulate(INNER, packet, now) {
            Verdict::Forward(outer) => outer,
            Verdict::Local | Verdict::Drop(_) | Verdict::Reply(..) => Vec::new(),
        }
    }

    /// The node's packet in an outer one; none if it is refused.
    pub fn decapsulate(&mut self, outer: &[u8], now: Instant) -> Option<Vec<u8>> {
        let arrived = Arrived::parse(TRANSPORT, outer).expect("whole outer packets");
        match self.forwarder.decapsulate(&arrived, now) {
            Verdict::Forward(inner) => {
                assert_eq!(inner.vrf, INNER);
                Some(inner.bytes)
            }
            Verdict::Local | Verdict::Drop(_) | Verdict::Reply(..) => None,
        }
    }

    /// The binding that the tables hold an address for.
    pub fn holder(&self, address: IpAddr) -> Option<BindingId> {
        let slot = self.forwarder.tables.find(INNER, address)?;
        self.forwarder.tables.held(slot).map(|held| held.binding)
    }
}

/// Whereto an outer packet goes.
pub fn destination(outer: &OuterPacket) -> IpAddr {
    assert_eq!(outer.transport, TRANSPORT);
    let arrived = Arrived::parse(TRANSPORT, &outer.bytes).expect("whole outer packets");
    arrived.local
}
