//! Router advertisements: the home link, for one node (RFC 5213 §6.7 and §6.9.2).
//!
//! An advertisement goes to all nodes of the link by its IPv6 destination and to one node alone
//! by its Ethernet destination (RFC 6085 §3), so two nodes on one interface each see only their
//! own home link. Its source is the one gateway of RFC 6543: a node that moves sees no other
//! router.
//!
//! Lifetimes are what is left of the binding: a node whose gateway has lost the anchor stops to
//! use the prefix about when the anchor stops to serve it. Timers: `Timer::Advertise`.

use std::time::Duration;

use kedge_access_wire::icmpv6::{
    self, ALL_NODES, Message, NdOption, PrefixInformation, Route, RouterAdvertisement,
};
use kedge_access_wire::multicast_mac;
use kedge_model::{BindingId, Ipv6Net, MacAddr};
use kedge_sansio::Now;

use super::GATEWAY_LINK_LOCAL;
use crate::entry::Advertising;
use crate::{LinkState, Mag, Output, Timer};

/// Between two unsolicited advertisements, at most: a third of MaxRtrAdvInterval's default, so
/// that a lost one is no loss (RFC 4861 §6.2.1).
const INTERVAL: Duration = Duration::from_secs(200);
/// The first few follow one another quickly (RFC 4861 §6.2.4, MAX_INITIAL_RTR_ADVERTISEMENTS),
/// as close as MIN_DELAY_BETWEEN_RAS allows.
pub(super) const INITIAL_ADVERTISEMENTS: u32 = 3;
const MIN_DELAY: Duration = Duration::from_secs(3);
/// Between answers to solicitations. RFC 4861 §6.2.6 asks for MIN_DELAY_BETWEEN_RAS because an
/// advertisement costs every node of the link; ours cost the asking node alone, and one that has
/// just been handed over should not wait three seconds.
const MIN_ANSWER_DELAY: Duration = Duration::from_millis(500);
/// The longest Router Lifetime (RFC 4861 §4.2).
const MAX_ROUTER_LIFETIME: u64 = 9000;
/// IPv6 requires this much of every link (RFC 8200 §5); a smaller MTU option is ignored.
const MIN_MTU: u16 = 1280;
/// The prefix length with which hosts make addresses on Ethernet (RFC 4862 §5.5.3, RFC 2464 §4).
const AUTONOMOUS_PREFIX_LEN: u8 = 64;

impl Mag {
    /// The session has new addresses: says so at once, and answers the DHCP message that waited.
    /// Prefixes of `before`, and those that the node brought, are taken back unless they are granted.
    pub(crate) fn announce(&mut self, id: BindingId, before: &[Ipv6Net], now: Now) {
        let Some(entry) = self.list.get_mut(id) else { return };
        let mut earlier = std::mem::take(&mut entry.advertising.earlier);
        let Some(grant) = entry.grant() else { return };
        earlier.retain(|prefix| !grant.prefixes.iter().any(|granted| granted.contains(prefix)));
        let gone = before.iter().copied().filter(|prefix| !grant.prefixes.contains(prefix));
        let withdrawn: Vec<Ipv6Net> = gone.chain(earlier.iter().copied()).collect();
        entry.advertising = Advertising {
            sent: 0,
            last: None,
            mtu: None,
            withdrawals_left: if withdrawn.is_empty() { 0 } else { INITIAL_ADVERTISEMENTS as u8 },
            withdrawn,
            earlier,
        };
        self.advertise(id, now);
        self.answer_waiting_dhcp(id);
    }

    /// A router solicitation: answered at once, unless the last answer was just now. Before the
    /// anchor has accepted nothing is said (RFC 5213 §6.9.2 (1)); that it accepts will say it.
    pub(super) fn handle_solicitation(&mut self, id: BindingId, now: Now) {
        let Some(entry) = self.list.get(id) else { return };
        match entry.advertising.last {
            Some(last) if now.mono < last + MIN_ANSWER_DELAY => {
                if entry.grant().is_some() {
                    self.set_timer(id, Timer::Advertise, last + MIN_ANSWER_DELAY);
                }
            }
            Some(_) | None => self.advertise(id, now),
        }
    }

    /// Sends an advertisement and starts the timer of the next one.
    pub(crate) fn advertise(&mut self, id: BindingId, now: Now) {
        let Some(entry) = self.list.get(id).filter(|entry| !entry.is_router()) else { return };
        let Some(grant) = entry.grant() else { return };
        if grant.prefixes.is_empty() && entry.advertising.withdrawals_left == 0 {
            return;
        }
        let left = grant.expires.saturating_duration_since(now.mono).as_secs().max(1);
        let lifetime = u32::try_from(left).unwrap_or(u32::MAX);
        let interval = INTERVAL.min(grant.lifetime.duration() / 3).max(MIN_DELAY);
        let gone = match entry.advertising.withdrawals_left {
            0 => &[][..],
            _ => &entry.advertising.withdrawn[..],
        };
        let prefixes = grant.prefixes.iter().map(|prefix| information(*prefix, lifetime));
        let prefixes = prefixes.chain(gone.iter().map(|prefix| information(*prefix, 0)));
        let options = prefixes.map(NdOption::PrefixInformation).collect();
        // Who has no prefix here has no IPv6 router here either.
        let router_lifetime = match grant.prefixes.is_empty() {
            true => 0,
            false => left.min(MAX_ROUTER_LIFETIME) as u16,
        };
        self.send_advertisement(id, router_lifetime, options);

        // RFC 4861 §6.2.4: not strictly periodic, between three quarters and the whole.
        let jitter = self.rng.below(interval.as_millis() as u32 / 4 + 1);
        let Some(entry) = self.list.get_mut(id) else { return };
        let advertising = &mut entry.advertising;
        advertising.sent = advertising.sent.saturating_add(1);
        advertising.last = Some(now.mono);
        advertising.withdrawals_left = advertising.withdrawals_left.saturating_sub(1);
        let wait = match advertising.sent < INITIAL_ADVERTISEMENTS {
            true => MIN_DELAY,
            false => interval - Duration::from_millis(jitter.into()),
        };
        self.set_timer(id, Timer::Advertise, now.mono + wait);
    }

    /// Tells the node that the gateway is no router for it any more and its prefixes are not to
    /// be used (RFC 4861 §6.2.5, RFC 5213 §6.12). A node that has gone does not hear it.
    pub(crate) fn advertise_end(&mut self, id: BindingId) {
        let Some(entry) = self.list.get(id).filter(|entry| !entry.is_router()) else { return };
        let Some(grant) = entry.grant() else { return };
        let link_is_down = self.links.get(&entry.interface).is_some_and(|l| *l != LinkState::Up);
        if grant.prefixes.is_empty() || link_is_down {
            return;
        }
        let options = grant.prefixes.iter().map(|prefix| information(*prefix, 0));
        let options = options.map(NdOption::PrefixInformation).collect();
        self.send_advertisement(id, 0, options);
    }

    fn send_advertisement(
        &mut self,
        id: BindingId,
        router_lifetime: u16,
        mut options: Vec<NdOption>,
    ) {
        let Some(mtu) = self.node_mtu(id) else { return };
        let Some(entry) = self.list.get_mut(id) else { return };
        entry.advertising.mtu = Some(mtu);
        let interface = entry.interface;
        let destination_mac = entry.mac.unwrap_or(multicast_mac(ALL_NODES));
        options.push(NdOption::Mtu(mtu.max(MIN_MTU).into()));
        options.push(NdOption::SourceLinkLayerAddress(MacAddr::PMIPV6_GATEWAY));
        let message = Message::RouterAdvertisement(RouterAdvertisement {
            hop_limit: 64,
            router_lifetime,
            options,
            ..RouterAdvertisement::default()
        });
        let route = Route {
            source_mac: MacAddr::PMIPV6_GATEWAY,
            destination_mac,
            source: GATEWAY_LINK_LOCAL,
            destination: ALL_NODES,
        };
        let mut bytes = self.buffers.take();
        icmpv6::encode_frame(&route, &message, &mut bytes);
        self.stats.access.router_advertisements += 1;
        self.out.push_back(Output::Frame { interface, bytes });
    }
}

fn information(prefix: Ipv6Net, lifetime: u32) -> PrefixInformation {
    PrefixInformation {
        prefix,
        on_link: true,
        autonomous: prefix.prefix_len() == AUTONOMOUS_PREFIX_LEN,
        valid_lifetime: lifetime,
        preferred_lifetime: lifetime,
    }
}
