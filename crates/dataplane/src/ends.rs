//! The tunnels that bindings use, by what an arriving outer packet shows of them.

use std::net::IpAddr;

use foldhash::quality::RandomState;
use hashbrown::HashMap;
use kedge_model::{Encapsulation, GreKey, Tunnel, VrfId};

use crate::DropReason;
use crate::ways::{Users, WayId, WayKey, Ways};

/// An address of this host at which tunnels may start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Local {
    /// The transport routing world.
    pub vrf: VrfId,
    /// The address.
    pub address: IpAddr,
    /// The port of UDP encapsulation there.
    pub udp_port: u16,
    /// The signalling port there, which data shares where a translator is on its way: `None` where
    /// signalling is not over UDP.
    pub signalling_port: Option<u16>,
}

/// What identifies a tunnel in the packets we receive from it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TunnelEnd {
    /// The routing world of the outer packet.
    pub transport: VrfId,
    /// Our address.
    pub local: IpAddr,
    /// The peer's address.
    pub peer: IpAddr,
    /// What is between the two IP headers.
    pub carrier: Carrier,
}

/// What is between the outer and the inner IP header of a packet we receive.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Carrier {
    /// Nothing.
    IpInIp,
    /// GRE, with the key that we chose.
    Gre(Option<GreKey>),
    /// UDP, the inner packet right behind it.
    Udp(Ports),
    /// GRE in UDP, with the key that we chose (RFC 5845 §7.1).
    GreUdp(Ports, Option<GreKey>),
}

/// What the UDP header of a packet we receive tells about its tunnel.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ports {
    /// It came to our port for data. The peer's port tells nothing: RFC 5844 §4.1.4.1 prints
    /// 5437, and a peer that spreads its flows over source ports is understood too.
    Data,
    /// It came to our signalling port, and from this port of the peer, the one that its signalling
    /// comes from: only that tells gateways behind one translator apart.
    Signalling(u16),
}

impl Ports {
    /// What a packet tells that came to our port `to` from the peer's port `from`.
    pub fn new(to: u16, from: u16, data_port: u16) -> Self {
        if to == data_port { Self::Data } else { Self::Signalling(from) }
    }
}

impl TunnelEnd {
    /// The end of a tunnel of ours that starts at a local with this port for data.
    pub(crate) fn of(tunnel: &Tunnel, data_port: u16) -> Self {
        let ports = |local_port, peer_port| Ports::new(local_port, peer_port, data_port);
        let carrier = match tunnel.encapsulation {
            Encapsulation::IpInIp => Carrier::IpInIp,
            Encapsulation::Gre { receive_key, .. } => Carrier::Gre(receive_key),
            Encapsulation::Udp { local_port, peer_port } => {
                Carrier::Udp(ports(local_port, peer_port))
            }
            Encapsulation::GreUdp { local_port, peer_port, receive_key, .. } => {
                Carrier::GreUdp(ports(local_port, peer_port), receive_key)
            }
        };
        Self { transport: tunnel.transport, local: tunnel.local, peer: tunnel.peer, carrier }
    }
}

/// Names a [`TunnelEnd`] that some binding uses, for as long as one does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct EndId(u32);

#[derive(Debug)]
struct End {
    key: TunnelEnd,
    way: WayId,
    users: Users,
}

/// All tunnel ends in use.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    ids: HashMap<TunnelEnd, EndId, RandomState>,
    ends: Vec<Option<End>>,
    free: Vec<u32>,
    /// Between which addresses they are.
    pub ways: Ways,
}

impl Ends {
    /// The end that an arriving packet belongs to.
    pub fn find(&self, key: &TunnelEnd) -> Result<EndId, DropReason> {
        match self.ids.get(key) {
            Some(id) => Ok(*id),
            None if self.ways.find(&WayKey::of_end(key)).is_some() => Err(DropReason::UnknownKey),
            None => Err(DropReason::UnknownPeer),
        }
    }

    /// The inner worlds that a packet from this end may belong to.
    pub fn vrfs(&self, id: EndId) -> impl Iterator<Item = VrfId> + '_ {
        let end = self.ends.get(id.0 as usize).and_then(Option::as_ref);
        end.into_iter().flat_map(|end| end.users.worlds())
    }

    /// One more path of a binding in `vrf` uses the end, and the way there.
    pub fn acquire(&mut self, key: TunnelEnd, vrf: VrfId) -> (EndId, WayId) {
        let way = self.ways.acquire(WayKey::of_end(&key), vrf);
        let id = *self.ids.entry(key).or_insert_with(|| {
            let at = self.free.pop().unwrap_or_else(|| {
                self.ends.push(None);
                u32::try_from(self.ends.len() - 1).expect("fewer than 2^32 tunnels")
            });
            self.ends[at as usize] = Some(End { key, way, users: Users::default() });
            EndId(at)
        });
        if let Some(end) = &mut self.ends[id.0 as usize] {
            end.users.add(vrf);
        }
        (id, way)
    }

    /// One path of a binding in `vrf` uses them no more.
    pub fn release(&mut self, id: EndId, vrf: VrfId) {
        let Some(place) = self.ends.get_mut(id.0 as usize) else { return };
        let Some(end) = place else { return };
        self.ways.release(end.way, vrf);
        if end.users.remove(vrf) {
            self.ids.remove(&end.key);
            *place = None;
            self.free.push(id.0);
        }
    }
}
