//! The tunnels that bindings use, by what an arriving outer packet shows of them.

use std::net::IpAddr;

use foldhash::quality::RandomState;
use hashbrown::HashMap;
use kedge_model::{Encapsulation, GreKey, Tunnel, VrfId};

use crate::DropReason;

/// What identifies a tunnel in the packets we receive from it.
///
/// The peer's UDP port is not part of it: RFC 5844 §4.1.4.1 prints 5437, and a peer that spreads
/// its flows over source ports is understood too; the inner address must be the binding's anyway.
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
    /// UDP to this port of ours.
    Udp(u16),
}

impl From<&Tunnel> for TunnelEnd {
    fn from(tunnel: &Tunnel) -> Self {
        Self {
            transport: tunnel.transport,
            local: tunnel.local,
            peer: tunnel.peer,
            carrier: match tunnel.encapsulation {
                Encapsulation::IpInIp => Carrier::IpInIp,
                Encapsulation::Gre { receive_key, .. } => Carrier::Gre(receive_key),
                Encapsulation::Udp { local_port, .. } => Carrier::Udp(local_port),
            },
        }
    }
}

/// Names a [`TunnelEnd`] that some binding uses, for as long as one does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct EndId(u32);

#[derive(Debug)]
struct End {
    key: TunnelEnd,
    /// The inner worlds of the bindings that use it, and how many do. More than one only where
    /// customers share a tunnel, and then their addresses are told apart by being different.
    vrfs: Vec<(VrfId, u32)>,
}

/// All tunnel ends in use.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    ids: HashMap<TunnelEnd, EndId, RandomState>,
    ends: Vec<Option<End>>,
    free: Vec<u32>,
    /// How many ends there are between two addresses.
    peers: HashMap<(VrfId, IpAddr, IpAddr), u32, RandomState>,
}

impl Ends {
    /// The end that an arriving packet belongs to.
    pub fn find(&self, key: &TunnelEnd) -> Result<EndId, DropReason> {
        match self.ids.get(key) {
            Some(id) => Ok(*id),
            None if self.peers.contains_key(&(key.transport, key.local, key.peer)) => {
                Err(DropReason::UnknownKey)
            }
            None => Err(DropReason::UnknownPeer),
        }
    }

    /// The inner worlds that a packet from this end may belong to.
    pub fn vrfs(&self, id: EndId) -> impl Iterator<Item = VrfId> + '_ {
        let end = self.ends.get(id.0 as usize).and_then(Option::as_ref);
        end.into_iter().flat_map(|end| end.vrfs.iter().map(|(vrf, _)| *vrf))
    }

    /// One more path of a binding in `vrf` uses the end.
    pub fn acquire(&mut self, key: TunnelEnd, vrf: VrfId) -> EndId {
        let id = match self.ids.get(&key) {
            Some(id) => *id,
            None => {
                let end = Some(End { key, vrfs: Vec::new() });
                let at = match self.free.pop() {
                    Some(at) => {
                        self.ends[at as usize] = end;
                        at
                    }
                    None => {
                        self.ends.push(end);
                        u32::try_from(self.ends.len() - 1).expect("fewer than 2^32 tunnels")
                    }
                };
                self.ids.insert(key, EndId(at));
                *self.peers.entry((key.transport, key.local, key.peer)).or_default() += 1;
                EndId(at)
            }
        };
        if let Some(end) = &mut self.ends[id.0 as usize] {
            match end.vrfs.iter_mut().find(|(v, _)| *v == vrf) {
                Some((_, users)) => *users += 1,
                None => end.vrfs.push((vrf, 1)),
            }
        }
        id
    }

    /// One path of a binding in `vrf` uses it no more.
    pub fn release(&mut self, id: EndId, vrf: VrfId) {
        let Some(Some(end)) = self.ends.get_mut(id.0 as usize) else { return };
        if let Some(at) = end.vrfs.iter().position(|(v, _)| *v == vrf) {
            end.vrfs[at].1 -= 1;
            if end.vrfs[at].1 == 0 {
                end.vrfs.remove(at);
            }
        }
        if !end.vrfs.is_empty() {
            return;
        }
        let key = end.key;
        self.ends[id.0 as usize] = None;
        self.free.push(id.0);
        self.ids.remove(&key);
        let pair = (key.transport, key.local, key.peer);
        if let Some(count) = self.peers.get_mut(&pair) {
            *count -= 1;
            if *count == 0 {
                self.peers.remove(&pair);
            }
        }
    }
}
