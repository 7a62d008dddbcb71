//! The ways between two outer addresses that tunnels use, and what they were found to carry.
//!
//! What a path carries is a matter of the two addresses, not of what travels between them: one
//! error teaches all tunnels and bindings that go the same way (RFC 8201 §5.2).

use std::net::IpAddr;
use std::time::{Duration, Instant};

use foldhash::quality::RandomState;
use hashbrown::HashMap;
use kedge_model::VrfId;

use crate::icmp::IPV6_MINIMUM_MTU;

/// A path may have become wider after this long (RFC 8201 §4, RFC 1191 §6.3).
const LOWERED_FOR: Duration = Duration::from_secs(600);

/// The routing world, our address and the peer's.
pub(crate) type WayKey = (VrfId, IpAddr, IpAddr);

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
    /// Tunnel ends there.
    users: u32,
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
    /// Whether a tunnel goes this way.
    pub fn contains(&self, key: &WayKey) -> bool {
        self.ids.contains_key(key)
    }

    /// One more tunnel end uses the way.
    pub fn acquire(&mut self, key: WayKey) -> WayId {
        let id = *self.ids.entry(key).or_insert_with(|| {
            let at = self.free.pop().unwrap_or_else(|| {
                self.ways.push(None);
                u32::try_from(self.ways.len() - 1).expect("fewer than 2^32 ways")
            });
            self.ways[at as usize] = Some(Way { key, users: 0, lowered: None });
            WayId(at)
        });
        if let Some(way) = &mut self.ways[id.0 as usize] {
            way.users += 1;
        }
        id
    }

    /// One tunnel end uses it no more.
    pub fn release(&mut self, id: WayId) {
        let Some(place) = self.ways.get_mut(id.0 as usize) else { return };
        let Some(way) = place else { return };
        way.users = way.users.saturating_sub(1);
        if way.users == 0 {
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
    pub fn lower(&mut self, key: &WayKey, outer_mtu: u32, now: Instant) -> bool {
        let outer_mtu = match (key.2, outer_mtu) {
            // A router that knows nothing of RFC 1191: its §5 has us take this.
            (IpAddr::V4(_), 0) => 576,
            // No path carries less (RFC 791 §3.2).
            (IpAddr::V4(_), mtu) => mtu.max(68),
            // RFC 8201 §4: discarded, for no path carries less.
            (IpAddr::V6(_), mtu) if mtu < IPV6_MINIMUM_MTU.into() => return false,
            (IpAddr::V6(_), mtu) => mtu,
        };
        let outer_mtu = u16::try_from(outer_mtu).unwrap_or(u16::MAX);
        let Some(&id) = self.ids.get(key) else { return false };
        let known = self.lowered(id, now).unwrap_or(u16::MAX);
        if let Some(Some(way)) = self.ways.get_mut(id.0 as usize)
            && outer_mtu <= known
        {
            way.lowered = Some((outer_mtu, now + LOWERED_FOR));
        }
        true
    }

    /// Those that carry less than their first link.
    pub fn narrow(&self, now: Instant) -> impl Iterator<Item = Narrow> {
        self.ways.iter().flatten().filter_map(move |way| {
            let (outer_mtu, until) = way.lowered.filter(|(_, until)| now < *until)?;
            let (transport, local, peer) = way.key;
            Some(Narrow { transport, local, peer, outer_mtu, until })
        })
    }
}
