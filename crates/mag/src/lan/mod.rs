//! The router's side of a network behind a logical mobile node: DHCPv4 for its hosts, and router
//! advertisements.
//!
//! The hosts are no mobile nodes. They get their addresses from a server on the gateway, not from
//! the anchor, and nothing of theirs is signalled. The network has one router, this one, and no
//! other DHCP server; the operator turns both on for an interface.
//!
//! A [`Lan`] is a machine of its own beside [`Mag`](crate::Mag), driven in the same way: after
//! every input, send the frames that [`Lan::poll_frame`] gives, then wait until
//! [`Lan::poll_timeout`] or the next input.

mod advertise;
mod dhcp;
mod leases;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use kedge_access_wire::icmpv6::Message;
use kedge_access_wire::{Content, Frame};
use kedge_model::{Ipv4Net, Ipv6Net, MacAddr};
use kedge_sansio::{Buffers, Now, Rng};
use kedge_telemetry::counters;

use advertise::Advertising;
use leases::Leases;

counters! {
    /// The hosts of mobile networks.
    pub struct NetworkHosts: "Hosts of Mobile Networks", "mag_network_hosts" {
        /// Frames with something wrong in them.
        malformed: "Malformed Frames",
        /// Router solicitations.
        router_solicitations: "Router Solicitations Received",
        /// Router advertisements.
        router_advertisements: "Router Advertisements Sent",
        /// Messages of clients that look for a server.
        discover: "DHCPDISCOVER Received",
        /// Answers to them.
        offer: "DHCPOFFER Sent",
        /// Messages of clients that take or extend a lease.
        request: "DHCPREQUEST Received",
        /// Leases granted.
        ack: "DHCPACK Sent",
        /// Addresses denied.
        nak: "DHCPNAK Sent",
        /// Addresses found in use.
        decline: "DHCPDECLINE Received",
        /// Addresses given back.
        release: "DHCPRELEASE Received",
        /// Clients that ask for the rest.
        inform: "DHCPINFORM Received",
        /// Clients for which no address was left.
        exhausted: "No Address Left",
        /// DHCP messages that were not used.
        discarded: "DHCP Discarded",
    }
}

/// What the hosts of a network are told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Served {
    /// The router's hardware address.
    pub mac: MacAddr,
    /// The router's link-local address; nothing is advertised without it.
    pub link_local: Option<Ipv6Addr>,
    /// The router's address in the subnet; nobody gets an address without it.
    pub ipv4: Option<Ipv4Net>,
    /// The prefixes that hosts make addresses from.
    pub ipv6: Vec<Ipv6Net>,
    /// The largest packet for the tunnel.
    pub mtu: u16,
}

impl Served {
    /// Nothing.
    const NOTHING: Self =
        Self { mac: MacAddr([0; 6]), link_local: None, ipv4: None, ipv6: Vec::new(), mtu: 0 };
}

/// A lease, to look at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaseView {
    /// The address.
    pub address: Ipv4Addr,
    /// Whose.
    pub mac: MacAddr,
    /// What is left of it.
    pub left: Duration,
}

/// The router's side of one network.
#[derive(Debug)]
pub struct Lan {
    served: Served,
    leases: Leases,
    advertising: Advertising,
    rng: Rng,
    out: VecDeque<Vec<u8>>,
    buffers: Buffers,
}

impl Lan {
    /// A network that is served nothing yet.
    pub fn new(seed: u64) -> Self {
        Self {
            served: Served::NOTHING,
            leases: Leases::default(),
            advertising: Advertising::default(),
            rng: Rng::new(seed),
            out: VecDeque::new(),
            buffers: Buffers::default(),
        }
    }

    /// Command: what the hosts are told from here on. Prefixes that are not among it any more are
    /// taken back, and leases of another subnet are forgotten.
    pub fn serve(&mut self, served: Served, now: Now) {
        if served == self.served {
            return;
        }
        let before = std::mem::replace(&mut self.served, served);
        self.leases.move_to(self.served.ipv4);
        self.advertise_anew(&before.ipv6, now);
    }

    /// A frame arrived.
    pub fn handle_frame(&mut self, octets: &[u8], count: &mut NetworkHosts, now: Now) {
        let Ok(frame) = Frame::decode(octets) else {
            count.malformed += 1;
            return;
        };
        match frame.content {
            Content::Neighbor { message: Message::RouterSolicitation(_), .. } => {
                count.router_solicitations += 1;
                self.handle_solicitation(now);
            }
            Content::Dhcpv4 { message, .. } if message.chaddr == frame.ethernet.source => {
                self.handle_dhcp(&message, count, now);
            }
            // A relay's, or in the name of another host.
            Content::Dhcpv4 { .. } => count.discarded += 1,
            _ => {}
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, count: &mut NetworkHosts, now: Now) {
        if self.poll_timeout().is_some_and(|due| due <= now.mono) {
            self.advertise(count, now);
        }
    }

    /// When [`Self::handle_timeout`] is to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.advertising.next
    }

    /// The next frame to send; give it back with [`Self::reclaim`].
    pub fn poll_frame(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    /// Takes back the octets of a frame that has been sent.
    pub fn reclaim(&mut self, bytes: Vec<u8>) {
        self.buffers.give_back(bytes);
    }

    /// The leases in the order of their addresses.
    pub fn leases(&self, now: Instant) -> impl Iterator<Item = LeaseView> {
        self.leases.views(now)
    }
}
