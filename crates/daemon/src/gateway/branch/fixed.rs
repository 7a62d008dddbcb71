//! The fixed link of a branch: while it works, the branch does without the anchor.
//!
//! It works while it has a carrier and, where a prefix is watched, while the host would send
//! packets for that prefix through it. Carriers come and go with events of the kernel; routes are
//! looked at once a second.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use kedge_model::Ipv4Net;
use kedge_net::netlink::DeviceIndex;
use kedge_net::owned::Owned;
use kedge_sansio::Now;

use super::survey::Survey;
use crate::apply::FixedLinkPlan;

const INTERVAL: Duration = Duration::from_secs(1);

/// A fixed link as it is.
pub struct FixedLink {
    plan: FixedLinkPlan,
    /// Its device, while it has a carrier.
    device: Option<DeviceIndex>,
    works: bool,
    /// When the route is looked at again.
    due: Option<Instant>,
}

impl FixedLink {
    /// One that has not been looked at.
    pub fn new(plan: FixedLinkPlan) -> Self {
        Self { plan, device: None, works: false, due: None }
    }

    /// The device's name.
    pub fn name(&self) -> &str {
        &self.plan.device
    }

    /// Whether it is used in place of the anchor.
    pub fn works(&self) -> bool {
        self.works
    }

    /// Takes the host as it is.
    pub fn look(&mut self, survey: &Survey, host: &mut Owned, now: Now) {
        let link = survey.link(&self.plan.device).filter(|link| link.running);
        self.device = link.map(|link| link.index);
        self.works = self.leads_there(host);
        self.due = self.plan.watch.map(|_| now.mono + INTERVAL);
    }

    /// Looks at the route, if that is due; whether that makes a difference.
    pub fn has_changed(&mut self, host: &mut Owned, now: Now) -> bool {
        if self.due.is_none_or(|due| now.mono < due) {
            return false;
        }
        self.due = Some(now.mono + INTERVAL);
        self.leads_there(host) != self.works
    }

    /// When [`Self::has_changed`] is to be called.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// A prefix without a route is no fault: it is what the watch is for.
    fn leads_there(&self, host: &mut Owned) -> bool {
        let Some(device) = self.device else { return false };
        self.plan.watch.is_none_or(|prefix| {
            let route = host.netlink().lookup(IpAddr::V4(middle(prefix)), None, None);
            route.is_ok_and(|route| route.device == device)
        })
    }
}

/// An address of a prefix that is a host's in all of them, that of all addresses too.
fn middle(prefix: Ipv4Net) -> Ipv4Addr {
    // Of a single address there is no half.
    let half = 0x8000_0000_u32.checked_shr(prefix.prefix_len().into()).unwrap_or(0);
    Ipv4Addr::from_bits(prefix.network().to_bits() | half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_prefix_is_an_address_of_it() {
        for (prefix, address) in [
            ("0.0.0.0/0", "128.0.0.0"),
            ("10.0.0.0/8", "10.128.0.0"),
            ("192.0.2.0/24", "192.0.2.128"),
            ("192.0.2.6/31", "192.0.2.7"),
            ("192.0.2.7/32", "192.0.2.7"),
        ] {
            let middle = middle(prefix.parse().expect("a prefix"));
            assert_eq!(middle.to_string(), address);
        }
    }
}
