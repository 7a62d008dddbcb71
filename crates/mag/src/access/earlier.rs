//! Prefixes of a home link that the node had before it came here.
//!
//! A session that moves keeps its prefixes. One whose anchor has lost it, or that begins anew at
//! another anchor, does not, and the gateway that hears of the new prefixes has never heard of the
//! old ones: nobody would tell the node to stop using them. But the node shows them, as the sources
//! of its packets and in its duplicate address detection. What it shows and was not granted is
//! taken back in its next advertisements, at once (RFC 5213 §6.12): a preferred lifetime of zero
//! ends the use of the addresses for what is new, and a valid lifetime of zero is cut by the host
//! to two hours (RFC 4862 §5.5.3), in which nothing reaches it anyway.

use std::net::{IpAddr, Ipv6Addr};

use kedge_model::{BindingId, Ipv6Net};
use kedge_sansio::Now;

use super::ra::INITIAL_ADVERTISEMENTS;
use crate::Mag;
use crate::entry::Entry;

/// How many prefixes of each session are remembered. A node has one or two; one that shows more
/// makes them up.
const MAX_EARLIER: usize = 4;

impl Mag {
    /// The node used an address, or wants to.
    pub(super) fn note_use(&mut self, id: BindingId, address: Ipv6Addr, now: Now) {
        let Some(entry) = self.list.get_mut(id) else { return };
        let Some(prefix) = subnet(address) else { return };
        let earlier = &entry.advertising.earlier;
        if is_granted(entry, address) || earlier.contains(&prefix) || earlier.len() == MAX_EARLIER {
            return;
        }
        entry.advertising.earlier.push(prefix);
        if entry.grant().is_some() {
            if !entry.advertising.withdrawn.contains(&prefix) {
                entry.advertising.withdrawn.push(prefix);
            }
            entry.advertising.withdrawals_left = INITIAL_ADVERTISEMENTS as u8;
            self.advertise(id, now);
        }
    }
}

fn is_granted(entry: &Entry, address: Ipv6Addr) -> bool {
    entry.grant().is_some_and(|grant| {
        grant.prefixes.iter().any(|prefix| prefix.contains(&address))
            || grant.delegated.iter().any(|prefix| prefix.contains(&IpAddr::V6(address)))
    })
}

/// The prefix that a host made an address from; `None` for addresses that no router gives.
fn subnet(address: Ipv6Addr) -> Option<Ipv6Net> {
    let is_global = !address.is_unspecified()
        && !address.is_loopback()
        && !address.is_multicast()
        && !address.is_unicast_link_local();
    Ipv6Net::new(address, 64).ok().filter(|_| is_global).map(|prefix| prefix.trunc())
}
