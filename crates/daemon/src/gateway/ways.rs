//! What the ways to the anchors were found to carry, for the nodes to be told (RFC 5213 §6.9.5).
//!
//! The forwarder learns it from errors that its packets meet, and keeps it for a while. Nobody waits
//! for that: whoever sends too large a packet is told by ICMP at once. So it is looked at now and
//! then, while there are nodes.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use kedge_model::VrfId;

use crate::forwarding::Plane;

const EVERY: Duration = Duration::from_secs(5);

/// When they are looked at.
#[derive(Default)]
pub struct Ways {
    looked: Option<Instant>,
}

impl Ways {
    /// When [`Self::look`] is to be called next.
    pub fn due(&self) -> Option<Instant> {
        self.looked.map(|looked| looked + EVERY)
    }

    /// What the ways to peers carry, if it is time to look: the largest outer packet to each that
    /// was found to carry less than its first link.
    pub fn look(
        &mut self,
        plane: &Plane,
        transport: VrfId,
        now: Instant,
    ) -> Option<BTreeMap<IpAddr, u16>> {
        if self.due().is_some_and(|due| now < due) {
            return None;
        }
        self.looked = Some(now);
        let ways = plane.narrow_ways().into_iter().filter(|way| way.transport == transport);
        Some(ways.map(|way| (way.peer, way.outer_mtu)).collect())
    }
}
