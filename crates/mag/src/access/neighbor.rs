//! The node as a neighbour: signs of life, questions to a silent one, ARP in the name of the
//! hosts of its subnet.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use kedge_access_wire::arp::{self, Arp, Operation};
use kedge_access_wire::icmpv6::{
    self, ALL_NODES, Message, NdOption, NeighborAdvertisement, NeighborSolicitation, Route,
};
use kedge_model::{BindingId, MacAddr};
use kedge_sansio::Now;

use super::GATEWAY_LINK_LOCAL;
use crate::entry::Neighbor;
use crate::{DetachReason, Mag, Output, Timer};

/// The least time between two questions, whatever is configured.
const MIN_INTERVAL: Duration = Duration::from_millis(100);

impl Neighbor {
    pub(crate) fn heard_at(now: Instant) -> Self {
        Self { last_heard: now, unanswered: 0, link_local: None, uses_ipv4: false }
    }
}

impl Mag {
    /// The node gave a sign of life.
    pub(super) fn hear(&mut self, id: BindingId, now: Now) {
        if let Some(entry) = self.list.get_mut(id) {
            entry.neighbor.last_heard = now.mono;
            entry.neighbor.unanswered = 0;
        }
        self.win_contest(id);
    }

    /// Remembers that the node uses its home address.
    pub(super) fn note_ipv4(&mut self, id: BindingId, source: Ipv4Addr) {
        let Some(entry) = self.list.get_mut(id) else { return };
        let home = entry.grant().and_then(|grant| grant.ipv4);
        entry.neighbor.uses_ipv4 |= home.is_some_and(|home| home.addr() == source);
    }

    /// Remembers a node's link-local address. The kernel is told of the first at once, and of
    /// another with the next thing that it is told, so that a node which shows many costs nothing.
    pub(super) fn note_ipv6(&mut self, id: BindingId, address: Ipv6Addr) {
        if address.is_unicast_link_local()
            && address != GATEWAY_LINK_LOCAL
            && let Some(entry) = self.list.get_mut(id)
        {
            let is_first = entry.neighbor.link_local.replace(address).is_none();
            if is_first {
                self.tell(id);
            }
        }
    }

    /// The node has been silent for a while, or has not answered (RFC 5213 §6.13).
    pub(crate) fn probe_due(&mut self, id: BindingId, now: Now) {
        let Some(discovery) = self.settings.detach else { return };
        let Some(entry) = self.list.get_mut(id) else { return };
        let interval = discovery.interval.max(MIN_INTERVAL);
        let quiet_until = entry.neighbor.last_heard + interval;
        if quiet_until > now.mono {
            self.set_timer(id, Timer::Probe, quiet_until);
            return;
        }
        if entry.neighbor.unanswered > discovery.retries {
            self.detach(id, DetachReason::Silent, now);
            return;
        }
        // A node that showed no address to be asked by is given longer, and not for ever: it may
        // have left for another gateway, and to go on refreshing its binding takes it from there.
        let is_heard = entry.mac.is_some();
        let due = if self.ask(id) { discovery.timeout.max(MIN_INTERVAL) } else { interval };
        if let Some(entry) = self.list.get_mut(id).filter(|_| is_heard) {
            entry.neighbor.unanswered = entry.neighbor.unanswered.saturating_add(1);
        }
        self.set_timer(id, Timer::Probe, now.mono + due);
    }

    /// Asks the node whether it is there, by every address that it is known to answer for.
    pub(crate) fn ask(&mut self, id: BindingId) -> bool {
        let Some(entry) = self.list.get_mut(id) else { return false };
        let Some(mac) = entry.mac else { return false };
        let interface = entry.interface;
        let grant = entry.grant();
        let home = grant.and_then(|grant| Some((grant.ipv4?.addr(), grant.ipv4_router?)));
        let home = home.filter(|_| entry.neighbor.uses_ipv4);
        let link_local = entry.neighbor.link_local;
        if home.is_none() && link_local.is_none() {
            return false;
        }
        self.stats.access.probes += 1;
        if let Some(target) = link_local {
            let mut bytes = self.buffers.take();
            let route = Route {
                source_mac: MacAddr::PMIPV6_GATEWAY,
                destination_mac: mac,
                source: GATEWAY_LINK_LOCAL,
                destination: target,
            };
            let options = vec![NdOption::SourceLinkLayerAddress(MacAddr::PMIPV6_GATEWAY)];
            let solicitation = NeighborSolicitation { target, options };
            icmpv6::encode_frame(&route, &Message::NeighborSolicitation(solicitation), &mut bytes);
            self.out.push_back(Output::Frame { interface, bytes });
        }
        if let Some((target, sender)) = home {
            let request = Arp {
                operation: Operation::Request,
                sender_mac: MacAddr::PMIPV6_GATEWAY,
                sender,
                target_mac: MacAddr([0; 6]),
                target,
            };
            let mut bytes = self.buffers.take();
            arp::encode_frame(MacAddr::PMIPV6_GATEWAY, mac, &request, &mut bytes);
            self.out.push_back(Output::Frame { interface, bytes });
        }
        true
    }

    /// A solicitation for the gateway's address (RFC 4861 §7.2.4). A node that wants it for itself
    /// asks without an address of its own, and is told like everybody that it is taken
    /// (RFC 4862 §5.4.3, RFC 5213 §6.8).
    pub(super) fn answer_solicitation(&mut self, id: BindingId, asker: Ipv6Addr, target: Ipv6Addr) {
        let Some(entry) = self.list.get(id).filter(|_| target == GATEWAY_LINK_LOCAL) else {
            return;
        };
        let Some(destination_mac) = entry.mac else { return };
        let interface = entry.interface;
        let is_probe = asker.is_unspecified();
        let route = Route {
            source_mac: MacAddr::PMIPV6_GATEWAY,
            destination_mac,
            source: GATEWAY_LINK_LOCAL,
            destination: if is_probe { ALL_NODES } else { asker },
        };
        let advertisement = NeighborAdvertisement {
            router: true,
            solicited: !is_probe,
            overriding: true,
            target,
            options: vec![NdOption::TargetLinkLayerAddress(MacAddr::PMIPV6_GATEWAY)],
        };
        let mut bytes = self.buffers.take();
        icmpv6::encode_frame(&route, &Message::NeighborAdvertisement(advertisement), &mut bytes);
        self.stats.access.neighbor_advertisements += 1;
        self.out.push_back(Output::Frame { interface, bytes });
    }

    /// ARP for the router, and proxy ARP (RFC 5844 §3.2.4): the other hosts of the node's subnet
    /// are behind the gateway, wherever they are. Not for the node's own address, which it may be
    /// checking for duplicates, and not for a node on the same link, which answers for itself.
    pub(super) fn answer_arp(&mut self, id: BindingId, request: Arp) {
        let Some(entry) = self.list.get(id) else { return };
        let Some(grant) = entry.grant() else { return };
        let Some(home) = grant.ipv4 else { return };
        let interface = entry.interface;
        let target = request.target;
        let is_host = home.contains(&target)
            && (home.prefix_len() > 30 || (target != home.network() && target != home.broadcast()));
        let is_router = Some(target) == grant.ipv4_router;
        if !is_router && (!is_host || target == home.addr()) {
            return;
        }
        if !is_router
            && self.list.by_home_address(target).is_some_and(|other| other.interface == interface)
        {
            return;
        }
        let reply = Arp {
            operation: Operation::Reply,
            sender_mac: MacAddr::PMIPV6_GATEWAY,
            sender: target,
            target_mac: request.sender_mac,
            target: request.sender,
        };
        let mut bytes = self.buffers.take();
        arp::encode_frame(MacAddr::PMIPV6_GATEWAY, request.sender_mac, &reply, &mut bytes);
        match is_router {
            true => self.stats.access.arp_replies += 1,
            false => self.stats.access.proxy_arp += 1,
        }
        self.out.push_back(Output::Frame { interface, bytes });
    }
}
