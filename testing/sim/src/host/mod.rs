//! A mobile node's interface: an ordinary host that knows nothing of mobility.
//!
//! It solicits routers and takes what they advertise, runs a DHCP client, answers whoever asks
//! whether it is there, and sends packets to a correspondent from every address that it has. On
//! another link it keeps what it was given until it is told otherwise or it expires.

mod delegation;
mod dhcp;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use kedge_access_wire::arp::{self, Arp, Operation};
use kedge_access_wire::icmpv6::{
    self, Message, NdOption, NeighborAdvertisement, NeighborSolicitation, Route,
    RouterAdvertisement, RouterSolicitation, solicited_node,
};
use kedge_access_wire::{Content, EthernetHeader, Frame, multicast_mac};
use kedge_mag::InterfaceId;
use kedge_model::{Ipv6Net, MacAddr, MnId};

use crate::chance::Chance;
use crate::packet::{self, Asker, Ping};
use crate::plan::Plan;

/// All routers on the link (RFC 4291 §2.7.1).
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// Whom the nodes talk to.
const CORRESPONDENT_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 7);
/// Whom the nodes talk to.
const CORRESPONDENT_V4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 7);
const ECHO_PORT: u16 = 7;

/// Where a host is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// Which gateway's link.
    pub gateway: usize,
    /// Which of its links.
    pub interface: InterfaceId,
}

/// A mobile node's interface.
#[derive(Debug)]
pub struct Host {
    number: usize,
    /// Its hardware address.
    pub mac: MacAddr,
    /// Whose interface it is.
    pub mn_id: MnId,
    /// Where it is, if it is anywhere.
    pub place: Option<Place>,
    dhcp: dhcp::Client,
    /// For the network behind it, if it is a router.
    delegation: Option<delegation::Client>,
    /// Until when a prefix is valid.
    prefixes: BTreeMap<Ipv6Net, Instant>,
    solicitation: Option<Instant>,
    solicitations: u32,
    pings: u64,
    /// The last answer by address.
    answered: BTreeMap<IpAddr, u64>,
    out: Vec<Vec<u8>>,
}

impl Host {
    /// A host that is nowhere.
    pub fn new(number: usize, plan: &Plan) -> Self {
        let mac = plan.mac(number);
        let router = || delegation::Client::new(mac, link_local(number));
        Self {
            number,
            mac,
            mn_id: plan.mn_id(number),
            place: None,
            dhcp: dhcp::Client::new(mac),
            delegation: plan.is_router(number).then(router),
            prefixes: BTreeMap::new(),
            solicitation: None,
            solicitations: 0,
            pings: 0,
            answered: BTreeMap::new(),
            out: Vec::new(),
        }
    }

    /// The link came up: the host checks its address, solicits routers and looks for a lease.
    pub fn attach(&mut self, place: Place, now: Instant, chance: &mut Chance) {
        self.place = Some(place);
        self.solicitation = Some(now);
        self.solicitations = 0;
        self.dhcp.start(now, chance);
        if let Some(client) = &mut self.delegation {
            client.start(now, chance);
        }
        let target = self.link_local();
        let probe = NeighborSolicitation { target, options: Vec::new() };
        let group = solicited_node(target);
        self.send_nd(Ipv6Addr::UNSPECIFIED, group, Message::NeighborSolicitation(probe));
    }

    /// The link went down.
    pub fn detach(&mut self) {
        self.place = None;
        self.solicitation = None;
        self.dhcp.stop();
        if let Some(client) = &mut self.delegation {
            client.stop();
        }
        self.out.clear();
    }

    /// Gives its IPv4 address back.
    pub fn release(&mut self, now: Instant) {
        self.out.extend(self.dhcp.release(now));
    }

    /// The next frame to send.
    pub fn poll_frame(&mut self) -> Option<Vec<u8>> {
        if self.out.is_empty() { None } else { Some(self.out.remove(0)) }
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let delegation = self.delegation.as_ref().and_then(delegation::Client::due);
        [self.solicitation, self.dhcp.due(), delegation].into_iter().flatten().min()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant, chance: &mut Chance) {
        if self.solicitation.is_some_and(|due| due <= now) {
            // RFC 7559: until a router answers, ever less often.
            self.solicitations += 1;
            let backoff = Duration::from_secs(2 << self.solicitations.min(5));
            self.solicitation = Some(now + backoff);
            let options = vec![NdOption::SourceLinkLayerAddress(self.mac)];
            let message = Message::RouterSolicitation(RouterSolicitation { options });
            self.send_nd(self.link_local(), ALL_ROUTERS, message);
        }
        self.out.extend(self.dhcp.handle_timeout(now, chance));
        if let Some(client) = &mut self.delegation {
            self.out.extend(client.handle_timeout(now, chance));
        }
    }

    /// Takes a frame from the link.
    pub fn handle_frame(&mut self, octets: &[u8], now: Instant, chance: &mut Chance) {
        let frame = Frame::decode(octets).expect("a gateway sends well-formed frames");
        assert_eq!(frame.ethernet.source, MacAddr::PMIPV6_GATEWAY);
        match frame.content {
            Content::Arp(request) => self.answer_arp(request, now),
            Content::Neighbor { ip, message } => match message {
                Message::RouterAdvertisement(ra) => self.take_advertisement(&ra, now),
                Message::NeighborSolicitation(ns) => self.answer_solicitation(ip.source, &ns, now),
                _ => {}
            },
            Content::Dhcpv4 { message, .. } => {
                if self.dhcp.handle(&message, now, chance)
                    && let Some(lease) = self.dhcp.lease(now)
                {
                    self.announce(lease.address);
                }
            }
            Content::Ipv4(_) | Content::Ipv6(_) => self.take_packet(&octets[EthernetHeader::LEN..]),
            Content::Dhcpv6 { message, .. } => {
                let client = self.delegation.as_mut().expect("nobody asked for this");
                client.handle(&message, now, chance);
            }
            Content::Other => panic!("nobody asked for this"),
        }
    }

    /// Sends a question from every address that it has.
    pub fn ping(&mut self, now: Instant) {
        self.pings += 1;
        let ping = Ping { asker: Asker::Host(self.number), number: self.pings };
        for address in self.addresses(now) {
            let to = correspondent(address);
            let from = SocketAddr::new(address, 40_000);
            let packet = packet::write(from, SocketAddr::new(to, ECHO_PORT), ping);
            let mut frame = MacAddr::PMIPV6_GATEWAY.0.to_vec();
            frame.extend_from_slice(&self.mac.0);
            frame.extend_from_slice(if address.is_ipv4() { &[8, 0] } else { &[0x86, 0xdd] });
            frame.extend_from_slice(&packet);
            self.out.push(frame);
        }
    }

    /// How many questions it has asked.
    pub fn pings(&self) -> u64 {
        self.pings
    }

    /// Whether this question from this address was answered, or one after it.
    pub fn is_answered(&self, address: IpAddr, number: u64) -> bool {
        self.answered.get(&address).is_some_and(|answered| *answered >= number)
    }

    /// The address that it makes of a prefix.
    pub fn address_of(&self, prefix: Ipv6Net) -> Ipv6Addr {
        let interface = 0x1000 + self.number as u128;
        Ipv6Addr::from_bits(prefix.network().to_bits() | interface)
    }

    /// The prefixes that are valid.
    pub fn prefixes(&self, now: Instant) -> Vec<Ipv6Net> {
        let valid = self.prefixes.iter().filter(|(_, until)| **until > now);
        valid.map(|(prefix, _)| *prefix).collect()
    }

    /// The prefixes of the network behind it.
    pub fn delegated(&self, now: Instant) -> Vec<Ipv6Net> {
        self.delegation.iter().flat_map(|client| client.prefixes(now)).collect()
    }

    /// The IPv4 address.
    pub fn ipv4(&self, now: Instant) -> Option<Ipv4Addr> {
        self.dhcp.lease(now).map(|lease| lease.address)
    }

    /// Every global address, also of hosts behind it.
    pub fn addresses(&self, now: Instant) -> Vec<IpAddr> {
        let prefixes = self.prefixes(now).into_iter().chain(self.delegated(now));
        let ipv6 = prefixes.map(|p| IpAddr::V6(self.address_of(p)));
        ipv6.chain(self.ipv4(now).map(IpAddr::V4)).collect()
    }

    fn link_local(&self) -> Ipv6Addr {
        link_local(self.number)
    }

    fn take_advertisement(&mut self, ra: &RouterAdvertisement, now: Instant) {
        let lifetime = |seconds: u32| now + Duration::from_secs(seconds.into());
        for option in &ra.options {
            if let NdOption::PrefixInformation(information) = option
                && information.autonomous
            {
                // RFC 4862 §5.5.3 (e) would keep two hours of an unsecured prefix; a host that
                // did would go on with what another subscriber may have got since.
                self.prefixes.insert(information.prefix, lifetime(information.valid_lifetime));
            }
        }
        self.prefixes.retain(|_, until| *until > now);
        if ra.router_lifetime > 0 {
            self.solicitation = Some(lifetime(ra.router_lifetime.into()));
            self.solicitations = 0;
        } else {
            self.solicitation = Some(now + Duration::from_secs(1));
        }
    }

    fn answer_solicitation(&mut self, source: Ipv6Addr, ns: &NeighborSolicitation, now: Instant) {
        let is_own =
            ns.target == self.link_local() || self.addresses(now).contains(&IpAddr::V6(ns.target));
        if !is_own || source.is_unspecified() {
            return;
        }
        let answer = NeighborAdvertisement {
            router: false,
            solicited: true,
            overriding: true,
            target: ns.target,
            options: vec![NdOption::TargetLinkLayerAddress(self.mac)],
        };
        self.send_nd(ns.target, source, Message::NeighborAdvertisement(answer));
    }

    fn answer_arp(&mut self, request: Arp, now: Instant) {
        if request.operation != Operation::Request || self.ipv4(now) != Some(request.target) {
            return;
        }
        self.send_arp(
            request.sender_mac,
            Arp {
                operation: Operation::Reply,
                sender_mac: self.mac,
                sender: request.target,
                target_mac: request.sender_mac,
                target: request.sender,
            },
        );
    }

    /// RFC 5227 §2.3.
    fn announce(&mut self, address: Ipv4Addr) {
        self.send_arp(
            MacAddr::BROADCAST,
            Arp {
                operation: Operation::Request,
                sender_mac: self.mac,
                sender: address,
                target_mac: MacAddr([0; 6]),
                target: address,
            },
        );
    }

    fn take_packet(&mut self, packet: &[u8]) {
        let (_, to, ping) = packet::read(packet).expect("nobody sends a node anything else");
        if ping.asker == Asker::Host(self.number) {
            self.answered.insert(to.ip(), ping.number);
        }
    }

    fn send_arp(&mut self, destination: MacAddr, arp: Arp) {
        let mut frame = Vec::new();
        arp::encode_frame(self.mac, destination, &arp, &mut frame);
        self.out.push(frame);
    }

    fn send_nd(&mut self, source: Ipv6Addr, destination: Ipv6Addr, message: Message) {
        let destination_mac = match destination.is_multicast() {
            true => multicast_mac(destination),
            false => MacAddr::PMIPV6_GATEWAY,
        };
        let route = Route { source_mac: self.mac, destination_mac, source, destination };
        let mut frame = Vec::new();
        icmpv6::encode_frame(&route, &message, &mut frame);
        self.out.push(frame);
    }
}

/// Whom a node talks to from an address.
pub fn correspondent(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => CORRESPONDENT_V4.into(),
        IpAddr::V6(_) => CORRESPONDENT_V6.into(),
    }
}

fn link_local(number: usize) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0x10, 0x5eff, 0xfe10, number as u16)
}
