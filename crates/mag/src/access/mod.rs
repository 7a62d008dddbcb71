//! Frames of the access links: whose they are, and what they ask for.
//!
//! All that is said on such a link is answered here, and only to nodes that are served: router
//! solicitations, to the asking node alone, neighbour solicitations and ARP for the gateway's own
//! addresses and for the other hosts of a node's subnet, and DHCP of both families.

pub(crate) mod delegation;
mod dhcp;
pub(crate) mod dhcpv6;
mod earlier;
mod mtu;
mod neighbor;
mod ra;

use std::net::{IpAddr, Ipv6Addr};

use kedge_access_wire::arp::{Arp, Operation};
use kedge_access_wire::icmpv6::Message;
use kedge_access_wire::{Content, Frame, Ipv6Header};
use kedge_model::{BindingId, MacAddr};
use kedge_sansio::Now;
use tracing::debug;

use crate::{InterfaceId, Mag, Trigger};

/// The link-local address of every gateway on every access link (RFC 6543 §3).
const GATEWAY_LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0x0200, 0x5eff, 0xfe00, 0x5213);

impl Mag {
    /// A frame arrived on an access interface. Every frame is a sign of life of its sender, and
    /// may be the first one. DHCP, ARP and Neighbor Discovery frames have to be whole; others may
    /// be cut short behind their IP header.
    pub fn handle_frame(&mut self, interface: InterfaceId, octets: &[u8], now: Now) {
        self.stats.access.frames += 1;
        let frame = match Frame::decode(octets) {
            Ok(frame) => frame,
            Err(error) => {
                debug!(?interface, %error, "malformed frame");
                self.stats.access.malformed += 1;
                return;
            }
        };
        let source = frame.ethernet.source;
        // Our own frames come back from some packet sockets; nobody sends from a group.
        if source == MacAddr::PMIPV6_GATEWAY || source.is_group() {
            return;
        }
        let trigger = match &frame.content {
            Content::Neighbor { message: Message::RouterSolicitation(_), .. } => {
                Trigger::RouterSolicitation
            }
            Content::Neighbor { .. } | Content::Arp(_) => Trigger::Neighbor,
            Content::Dhcpv4 { .. } | Content::Dhcpv6 { .. } => Trigger::Dhcp,
            Content::Ipv4(_) | Content::Ipv6(_) => Trigger::Packet,
            Content::Other => return,
        };
        // Some packet sockets see what nodes of one link say to each other.
        let to = frame.ethernet.destination;
        let is_for_us = to == MacAddr::PMIPV6_GATEWAY || to.is_group();
        let known = self.list.by_mac(source);
        let Some(id) = self.attend(interface, source, trigger, now) else { return };
        self.hear(id, now);
        let is_new = known != Some(id);
        match frame.content {
            Content::Arp(arp) if is_for_us => self.handle_arp(id, arp, is_new, now),
            Content::Arp(arp) => self.note_ipv4(id, arp.sender),
            Content::Neighbor { ip, message } => {
                self.handle_neighbor(id, ip, &message, is_for_us, is_new, now)
            }
            Content::Dhcpv4 { message, .. } => self.handle_dhcp(id, message, is_new, now),
            Content::Dhcpv6 { ip, message } => self.handle_dhcpv6(id, ip, message, is_new, now),
            Content::Ipv4(ip) => {
                self.note_ipv4(id, ip.source);
                self.note_source(id, IpAddr::V4(ip.source));
            }
            Content::Ipv6(ip) => {
                self.note_source(id, IpAddr::V6(ip.source));
                self.note_ipv6(id, ip.source);
                self.note_use(id, ip.source, now);
            }
            Content::Other => {}
        }
    }

    /// Counts a packet that a served node sent from an address that is not its own. Where packets
    /// are told apart it was not forwarded (RFC 5213 §6.10.5).
    fn note_source(&mut self, id: BindingId, source: IpAddr) {
        let is_none = match source {
            IpAddr::V4(v4) => v4.is_unspecified(),
            IpAddr::V6(v6) => v6.is_unspecified() || v6.is_unicast_link_local(),
        };
        let grant = self.list.get(id).and_then(|entry| entry.grant());
        if !is_none && grant.is_some_and(|g| !g.inner().iter().any(|net| net.contains(&source))) {
            self.stats.access.foreign_sources += 1;
        }
    }

    fn handle_arp(&mut self, id: BindingId, arp: Arp, is_new: bool, now: Now) {
        self.stats.access.arp += 1;
        self.note_ipv4(id, arp.sender);
        if arp.is_probe_or_announcement() {
            if !is_new {
                self.reassert(id, now);
            }
        } else if arp.operation == Operation::Request {
            self.answer_arp(id, arp);
        }
    }

    fn handle_neighbor(
        &mut self,
        id: BindingId,
        ip: Ipv6Header,
        message: &Message,
        is_for_us: bool,
        is_new: bool,
        now: Now,
    ) {
        self.note_ipv6(id, ip.source);
        self.note_use(id, ip.source, now);
        match message {
            Message::RouterSolicitation(_) => {
                self.stats.access.router_solicitations += 1;
                self.handle_solicitation(id, now);
                if !is_new {
                    self.reassert(id, now);
                }
            }
            // Duplicate address detection, of a host whose link has come up (RFC 4862 §5.4).
            Message::NeighborSolicitation(ns) if ip.source.is_unspecified() => {
                self.stats.access.neighbor_messages += 1;
                self.note_ipv6(id, ns.target);
                self.note_use(id, ns.target, now);
                self.answer_solicitation(id, ip.source, ns.target);
                if !is_new {
                    self.reassert(id, now);
                }
            }
            Message::NeighborSolicitation(ns) => {
                self.stats.access.neighbor_messages += 1;
                if is_for_us {
                    self.answer_solicitation(id, ip.source, ns.target);
                }
            }
            Message::NeighborAdvertisement(_) => self.stats.access.neighbor_messages += 1,
            // The node is no router of ours.
            Message::RouterAdvertisement(_) => {}
        }
    }
}
