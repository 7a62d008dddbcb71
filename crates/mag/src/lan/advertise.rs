//! Router advertisements to the hosts of a network (RFC 4861 §6.2).

use std::time::{Duration, Instant};

use kedge_access_wire::icmpv6::{
    self, ALL_NODES, Message, NdOption, PrefixInformation, Route, RouterAdvertisement,
};
use kedge_access_wire::multicast_mac;
use kedge_model::Ipv6Net;
use kedge_sansio::Now;

use super::{Lan, NetworkHosts};

/// MaxRtrAdvInterval, a third of its default, so that a lost advertisement is no loss (§6.2.1).
const INTERVAL: Duration = Duration::from_secs(200);
/// AdvDefaultLifetime: three times that (§6.2.1).
const ROUTER_LIFETIME: u16 = 600;
/// AdvValidLifetime and AdvPreferredLifetime. A prefix that an anchor delegated goes with the
/// binding, so these are not the days of §6.2.1.
const VALID_LIFETIME: u32 = 3600;
const PREFERRED_LIFETIME: u32 = 1800;
/// MAX_INITIAL_RTR_ADVERTISEMENTS; as often a prefix is taken back.
const INITIAL: u32 = 3;
/// MAX_INITIAL_RTR_ADVERT_INTERVAL.
const INITIAL_INTERVAL: Duration = Duration::from_secs(16);
/// MIN_DELAY_BETWEEN_RAS.
const MIN_DELAY: Duration = Duration::from_secs(3);
/// MAX_RA_DELAY_TIME, in milliseconds.
const MAX_ANSWER_DELAY: u32 = 500;
/// IPv6 requires this much of every link (RFC 8200 §5).
const MIN_MTU: u16 = 1280;
/// The prefix length with which hosts make addresses on Ethernet (RFC 2464 §4).
const AUTONOMOUS_PREFIX_LEN: u8 = 64;

/// When the next advertisement is due, and what it takes back.
#[derive(Debug, Default)]
pub(super) struct Advertising {
    pub(super) next: Option<Instant>,
    last: Option<Instant>,
    sent: u32,
    withdrawn: Vec<Ipv6Net>,
}

impl Lan {
    /// The prefixes are others than `before`.
    pub(super) fn advertise_anew(&mut self, before: &[Ipv6Net], now: Now) {
        let advertising = &mut self.advertising;
        let served = &self.served.ipv6;
        advertising.withdrawn.extend(before.iter().filter(|prefix| !served.contains(prefix)));
        advertising.withdrawn.retain(|prefix| !served.contains(prefix));
        advertising.withdrawn.dedup();
        advertising.sent = 0;
        let says = !served.is_empty() || !advertising.withdrawn.is_empty();
        advertising.next = (says && self.served.link_local.is_some()).then_some(now.mono);
    }

    /// §6.2.6: all hosts hear the answer, so it waits for others, and is not given too often.
    pub(super) fn handle_solicitation(&mut self, now: Now) {
        let delay = Duration::from_millis(self.rng.below(MAX_ANSWER_DELAY + 1).into());
        let advertising = &mut self.advertising;
        let earliest = advertising.last.map_or(now.mono, |last| last + MIN_DELAY);
        let answer = (now.mono + delay).max(earliest);
        advertising.next = advertising.next.map(|due| due.min(answer));
    }

    /// Sends an advertisement and says when the next one is due (§6.2.4).
    pub(super) fn advertise(&mut self, count: &mut NetworkHosts, now: Now) {
        self.advertising.next = None;
        let Some(source) = self.served.link_local else { return };
        let withdrawn = std::mem::take(&mut self.advertising.withdrawn);
        let information = |prefix: &Ipv6Net, valid_lifetime, preferred_lifetime| {
            NdOption::PrefixInformation(PrefixInformation {
                prefix: *prefix,
                on_link: true,
                autonomous: prefix.prefix_len() == AUTONOMOUS_PREFIX_LEN,
                valid_lifetime,
                preferred_lifetime,
            })
        };
        let served = self.served.ipv6.iter();
        let served = served.map(|p| information(p, VALID_LIFETIME, PREFERRED_LIFETIME));
        let mut options: Vec<NdOption> =
            served.chain(withdrawn.iter().map(|prefix| information(prefix, 0, 0))).collect();
        options.push(NdOption::Mtu(self.served.mtu.max(MIN_MTU).into()));
        options.push(NdOption::SourceLinkLayerAddress(self.served.mac));
        let message = Message::RouterAdvertisement(RouterAdvertisement {
            hop_limit: 64,
            // Without a prefix here there is no way from here.
            router_lifetime: if self.served.ipv6.is_empty() { 0 } else { ROUTER_LIFETIME },
            options,
            ..RouterAdvertisement::default()
        });
        let route = Route {
            source_mac: self.served.mac,
            destination_mac: multicast_mac(ALL_NODES),
            source,
            destination: ALL_NODES,
        };
        let mut bytes = self.buffers.take();
        icmpv6::encode_frame(&route, &message, &mut bytes);
        self.out.push_back(bytes);
        count.router_advertisements += 1;

        let jitter = self.rng.below(INTERVAL.as_millis() as u32 / 4 + 1);
        let advertising = &mut self.advertising;
        advertising.sent = advertising.sent.saturating_add(1);
        advertising.last = Some(now.mono);
        let initial = advertising.sent < INITIAL;
        if initial {
            advertising.withdrawn = withdrawn;
        }
        let wait = match initial {
            true => INITIAL_INTERVAL,
            false => INTERVAL - Duration::from_millis(jitter.into()),
        };
        let says = !self.served.ipv6.is_empty() || !advertising.withdrawn.is_empty();
        advertising.next = says.then(|| now.mono + wait);
    }
}
