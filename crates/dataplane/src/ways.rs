//! The ways between two outer addresses that tunnels use, and what they were found to carry.
//!
//! What a path carries is a matter of the two addresses, not of what travels between them: one
//! error teaches all tunnels and bindings that go the same way (RFC 8201 §5.2).

use std::net::IpAddr;
use std::time::{Duration, Instant};

use foldhash::quality::RandomState;
use hashbrown::HashMap;
use kedge_model::VrfId;

use crate::TunnelEnd;
use crate::icmp::IPV6_MINIMUM_MTU;

/// A path may have become wider after this long (RFC 8201 §4, RFC 1191 §6.3).
const LOWERED_FOR: Duration = Duration::from_secs(600);

/// Between which addresses a tunnel's outer packets go.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct WayKey {
    /// Their routing world.
    pub transport: VrfId,
    /// Our address.
    pub local: IpAddr,
    /// The peer's address.
    pub peer: IpAddr,
}

impl WayKey {
    /// The addresses of a tunnel's end.
    pub fn of_end(end: &TunnelEnd) -> Self {
        Self { transport: end.transport, local: end.local, peer: end.peer }
    }
}

/// Inner worlds, and how many paths of each. More than one only where customers share a tunnel, or
/// tunnels between the same addresses; then their nodes are told apart by their own addresses.
#[derive(Debug, Default)]
pub(crate) struct Users(Vec<(VrfId, u32)>);

impl Users {
    /// One path of this world more.
    pub fn add(&mut self, vrf: VrfId) {
        match self.0.iter_mut().find(|(v, _)| *v == vrf) {
            Some((_, paths)) => *paths += 1,
            None => self.0.push((vrf, 1)),
        }
    }

    /// One path of this world less; whether there are none any more, of no world.
    pub fn remove(&mut self, vrf: VrfId) -> bool {
        if let Some(at) = self.0.iter().position(|(v, _)| *v == vrf) {
            self.0[at].1 -= 1;
            if self.0[at].1 == 0 {
                self.0.remove(at);
            }
        }
        self.0.is_empty()
    }

    /// The worlds.
    pub fn worlds(&self) -> impl Iterator<Item = VrfId> + '_ {
        self.0.iter().map(|(vrf, _)| *vrf)
    }
}

/// Names a way for as long as a tunnel uses it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct WayId(u32);

/// A way that was found to carry less than its first link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Narrow {
    /// The routing world of the outer packets.
    pub transport: VrfId,
    /// Our address.
    pub local: IpAddr,
    /// The peer's address.
    pub peer: IpAddr,
    /// The largest outer packet that gets through.
    pub outer_mtu: u16,
    /// Until when that is believed.
    pub until: Instant,
}

#[derive(Debug)]
struct Way {
    key: WayKey,
    users: Users,
    /// The largest outer packet, and until when that is believed.
    lowered: Option<(u16, Instant)>,
}

/// All ways in use.
#[derive(Debug, Default)]
pub(crate) struct Ways {
    ids: HashMap<WayKey, WayId, RandomState>,
    ways: Vec<Option<Way>>,
    free: Vec<u32>,
}

impl Ways {
    /// The way between two addresses that a tunnel uses.
    pub fn find(&self, key: &WayKey) -> Option<WayId> {
        self.ids.get(key).copied()
    }

    /// The inner worlds whose packets go this way.
    pub fn vrfs(&self, id: WayId) -> impl Iterator<Item = VrfId> + '_ {
        let way = self.ways.get(id.0 as usize).and_then(Option::as_ref);
        way.into_iter().flat_map(|way| way.users.worlds())
    }

    /// One more path of a binding in `vrf` goes this way.
    pub fn acquire(&mut self, key: WayKey, vrf: VrfId) -> WayId {
        let id = *self.ids.entry(key).or_insert_with(|| {
            let at = self.free.pop().unwrap_or_else(|| {
                self.ways.push(None);
                u32::try_from(self.ways.len() - 1).expect("fewer than 2^32 ways")
            });
            let way = Way { key, users: Users::default(), lowered: None };
            self.ways[at as usize] = Some(way);
            WayId(at)
        });
        if let Some(way) = &mut self.ways[id.0 as usize] {
            way.users.add(vrf);
        }
        id
    }

    /// One path of a binding in `vrf` goes it no more.
    pub fn release(&mut self, id: WayId, vrf: VrfId) {
        let Some(place) = self.ways.get_mut(id.0 as usize) else { return };
        let Some(way) = place else { return };
        if way.users.remove(vrf) {
            self.ids.remove(&way.key);
            *place = None;
            self.free.push(id.0);
        }
    }

    /// The largest outer packet, where the way was found to carry less than its first link.
    pub fn lowered(&self, id: WayId, now: Instant) -> Option<u16> {
        let (mtu, until) = self.ways.get(id.0 as usize)?.as_ref()?.lowered?;
        (now < until).then_some(mtu)
    }

    /// Notes that outer packets of more than `outer_mtu` octets do not get through. `false` if that
    /// cannot be.
    pub fn lower(&mut self, id: WayId, outer_mtu: u32, now: Instant) -> bool {
        let known = self.lowered(id, now).unwrap_or(u16::MAX);
        let Some(Some(way)) = self.ways.get_mut(id.0 as usize) else { return false };
        let outer_mtu = match (way.key.peer, outer_mtu) {
            // A router that knows nothing of RFC 1191: its §5 has us take this.
            (IpAddr::V4(_), 0) => 576,
            // No path carries less (RFC 791 §3.2).
            (IpAddr::V4(_), mtu) => mtu.max(68),
            // RFC 8201 §4: discarded, for no path carries less.
            (IpAddr::V6(_), mtu) if mtu < IPV6_MINIMUM_MTU.into() => return false,
            (IpAddr::V6(_), mtu) => mtu,
        };
        let outer_mtu = u16::try_from(outer_mtu).unwrap_or(u16::MAX);
        if outer_mtu <= known {
            way.lowered = Some((outer_mtu, now + LOWERED_FOR));
        }
        true
    }

    /// Those that carry less than their first link.
    pub fn narrow(&self, now: Instant) -> impl Iterator<Item = Narrow> {
        self.ways.iter().flatten().filter_map(move |way| {
            let (outer_mtu, until) = way.lowered.filter(|(_, until)| now < *until)?;
            let WayKey { transport, local, peer } = way.key;
            Some(Narrow { transport, local, peer, outer_mtu, until })
        })
    }
}
