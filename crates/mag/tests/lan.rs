//! What the hosts of a network behind a logical mobile node are told, in virtual time.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant, SystemTime};

use kedge_access_wire::dhcpv4::{self, DhcpOption, Message, MessageType, Op};
use kedge_access_wire::icmpv6::{
    self, Message as Nd, NdOption, RouterAdvertisement, RouterSolicitation,
};
use kedge_access_wire::{Content, Frame, multicast_mac};
use kedge_mag::{Lan, NetworkHosts, Served};
use kedge_model::MacAddr;
use kedge_sansio::Now;

const ROUTER_MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 7, 0, 1);

fn host(number: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 1, number])
}

fn served(ipv4: &str, ipv6: &[&str]) -> Served {
    Served {
        mac: ROUTER_MAC,
        link_local: Some("fe80::1".parse().unwrap()),
        ipv4: Some(ipv4.parse().unwrap()),
        ipv6: ipv6.iter().map(|prefix| prefix.parse().unwrap()).collect(),
        mtu: 1460,
    }
}

struct World {
    lan: Lan,
    count: NetworkHosts,
    start: Instant,
    clock: Duration,
}

impl World {
    fn new(served: Served) -> Self {
        let mut world = Self {
            lan: Lan::new(1),
            count: NetworkHosts::default(),
            start: Instant::now(),
            clock: Duration::ZERO,
        };
        world.serve(served);
        world
    }

    fn now(&self) -> Now {
        Now { mono: self.start + self.clock, wall: SystemTime::UNIX_EPOCH + self.clock }
    }

    fn serve(&mut self, served: Served) {
        let now = self.now();
        self.lan.serve(served, now);
    }

    /// Lets time pass and gives the advertisements with the seconds at which they were sent.
    fn pass(&mut self, seconds: u64) -> Vec<(u64, RouterAdvertisement)> {
        let end = self.clock + Duration::from_secs(seconds);
        let mut sent = Vec::new();
        while let Some(due) = self.lan.poll_timeout() {
            let due = due.saturating_duration_since(self.start);
            if due > end {
                break;
            }
            self.clock = self.clock.max(due);
            let now = self.now();
            self.lan.handle_timeout(&mut self.count, now);
            for frame in self.frames() {
                let Content::Neighbor { ip, message: Nd::RouterAdvertisement(ra) } = frame.content
                else {
                    panic!("no advertisement: {frame:?}");
                };
                assert_eq!((ip.source.to_string(), ip.hop_limit), ("fe80::1".to_owned(), 255));
                sent.push((self.clock.as_secs(), ra));
            }
        }
        self.clock = end;
        sent
    }

    fn frames(&mut self) -> Vec<Frame> {
        let frames = std::iter::from_fn(|| self.lan.poll_frame());
        frames.map(|octets| Frame::decode(&octets).expect("a frame")).collect()
    }

    fn solicit(&mut self) {
        let all_routers = "ff02::2".parse().unwrap();
        let route = icmpv6::Route {
            source_mac: host(1),
            destination_mac: multicast_mac(all_routers),
            source: "fe80::9".parse().unwrap(),
            destination: all_routers,
        };
        let mut octets = Vec::new();
        let message = Nd::RouterSolicitation(RouterSolicitation::default());
        icmpv6::encode_frame(&route, &message, &mut octets);
        self.frame(&octets);
    }

    fn frame(&mut self, octets: &[u8]) {
        let now = self.now();
        self.lan.handle_frame(octets, &mut self.count, now);
    }

    /// What the server says to a message of a client, if anything.
    fn dhcp(&mut self, message: &Message) -> Option<Message> {
        let route = dhcpv4::Route {
            source_mac: message.chaddr,
            destination_mac: MacAddr::BROADCAST,
            source: message.ciaddr,
            destination: Ipv4Addr::BROADCAST,
        };
        let mut octets = Vec::new();
        dhcpv4::encode_client_frame(&route, message, &mut octets);
        self.frame(&octets);
        let mut frames = self.frames();
        assert!(frames.len() <= 1, "{frames:?}");
        let frame = frames.pop()?;
        assert_eq!(frame.ethernet.source, ROUTER_MAC);
        assert_eq!(frame.ethernet.destination, message.chaddr, "to the asking host alone");
        match frame.content {
            Content::Dhcpv4 { message: answer, .. } => {
                assert_eq!(answer.xid, message.xid);
                Some(*answer)
            }
            other => panic!("no DHCP: {other:?}"),
        }
    }

    /// A host goes through discovery and gets an address.
    fn lease(&mut self, number: u8) -> Ipv4Addr {
        let offer = self.dhcp(&message(number, MessageType::DISCOVER, vec![])).expect("an offer");
        assert_eq!(offer.message_type, MessageType::OFFER);
        let wanted = vec![
            DhcpOption::RequestedAddress(offer.yiaddr),
            DhcpOption::ServerIdentifier(offer.server_identifier().expect("a server")),
        ];
        let ack = self.dhcp(&message(number, MessageType::REQUEST, wanted)).expect("an answer");
        assert_eq!((ack.message_type, ack.yiaddr), (MessageType::ACK, offer.yiaddr));
        ack.yiaddr
    }

    fn request(&mut self, number: u8, address: Ipv4Addr) -> MessageType {
        let wanted = vec![DhcpOption::RequestedAddress(address)];
        let answer = self.dhcp(&message(number, MessageType::REQUEST, wanted));
        answer.expect("an answer").message_type
    }
}

fn message(number: u8, message_type: MessageType, options: Vec<DhcpOption>) -> Message {
    Message {
        op: Op::Request,
        message_type,
        xid: 0xabcd,
        secs: 0,
        broadcast: false,
        ciaddr: Ipv4Addr::UNSPECIFIED,
        yiaddr: Ipv4Addr::UNSPECIFIED,
        siaddr: Ipv4Addr::UNSPECIFIED,
        giaddr: Ipv4Addr::UNSPECIFIED,
        chaddr: host(number),
        options,
    }
}

/// The prefixes of an advertisement and their valid lifetimes.
fn prefixes(ra: &RouterAdvertisement) -> Vec<(String, u32)> {
    let prefixes = ra.options.iter().filter_map(|option| match option {
        NdOption::PrefixInformation(p) => Some((p.prefix.to_string(), p.valid_lifetime)),
        _ => None,
    });
    prefixes.collect()
}

#[test]
fn a_host_gets_an_address_of_the_subnet_with_its_mask_router_and_mtu() {
    let mut world = World::new(served("10.7.0.1/28", &[]));
    let offer = world.dhcp(&message(1, MessageType::DISCOVER, vec![])).unwrap();
    for option in [
        DhcpOption::ServerIdentifier(ROUTER),
        DhcpOption::SubnetMask(Ipv4Addr::new(255, 255, 255, 240)),
        DhcpOption::Router(vec![ROUTER]),
        DhcpOption::InterfaceMtu(1460),
        DhcpOption::LeaseTime(3600),
    ] {
        assert!(offer.options.contains(&option), "{option:?} in {offer:?}");
    }
    let address = world.lease(1);
    assert_eq!(address, offer.yiaddr);
    let leases: Vec<_> = world.lan.leases(world.now().mono).collect();
    assert_eq!(leases.len(), 1);
    assert_eq!((leases[0].address, leases[0].mac), (address, host(1)));
    assert_eq!(leases[0].left, Duration::from_secs(3600));
}

#[test]
fn every_host_address_but_the_routers_is_handed_out_once_and_then_none() {
    let mut world = World::new(served("10.7.0.1/28", &[]));
    let mut got: Vec<Ipv4Addr> = (0..13).map(|number| world.lease(number)).collect();
    got.sort();
    let all: Vec<Ipv4Addr> = (2..15).map(|last| Ipv4Addr::new(10, 7, 0, last)).collect();
    assert_eq!(got, all);
    assert_eq!(world.dhcp(&message(99, MessageType::DISCOVER, vec![])), None);
    assert_eq!(world.count.exhausted, 1);
    world.pass(3601);
    world.lease(99);
}

#[test]
fn offers_alone_hold_addresses_for_a_minute() {
    let mut world = World::new(served("10.7.0.1/30", &[]));
    assert!(world.dhcp(&message(1, MessageType::DISCOVER, vec![])).is_some());
    assert_eq!(world.dhcp(&message(2, MessageType::DISCOVER, vec![])), None);
    world.pass(60);
    assert!(world.dhcp(&message(2, MessageType::DISCOVER, vec![])).is_some());
}

#[test]
fn a_host_keeps_its_address_and_a_server_that_has_forgotten_it_says_the_same() {
    let mut world = World::new(served("10.7.0.1/24", &[]));
    let address = world.lease(7);
    world.pass(4000);
    assert_eq!(world.lease(7), address);
    let mut forgetful = World::new(served("10.7.0.1/24", &[]));
    assert_eq!(forgetful.lease(7), address);
    // A host that comes back with another one keeps that, since nobody has it.
    let mut forgetful = World::new(served("10.7.0.1/24", &[]));
    assert_eq!(forgetful.request(7, Ipv4Addr::new(10, 7, 0, 200)), MessageType::ACK);
}

#[test]
fn an_address_of_another_host_of_another_subnet_or_the_routers_is_denied() {
    let mut world = World::new(served("10.7.0.1/24", &[]));
    let address = world.lease(1);
    for denied in [address, Ipv4Addr::new(10, 8, 0, 9), ROUTER, Ipv4Addr::new(10, 7, 0, 255)] {
        assert_eq!(world.request(2, denied), MessageType::NAK, "{denied}");
    }
    assert_eq!(world.count.nak, 4);
    assert_eq!(world.request(1, address), MessageType::ACK);
}

#[test]
fn a_renewal_is_answered_to_the_address_of_the_host() {
    let mut world = World::new(served("10.7.0.1/24", &[]));
    let address = world.lease(1);
    world.pass(1800);
    let renewal = Message { ciaddr: address, ..message(1, MessageType::REQUEST, vec![]) };
    let ack = world.dhcp(&renewal).unwrap();
    assert_eq!((ack.message_type, ack.ciaddr, ack.yiaddr), (MessageType::ACK, address, address));
    let left = world.lan.leases(world.now().mono).next().unwrap().left;
    assert_eq!(left, Duration::from_secs(3600));
}

#[test]
fn an_address_given_back_is_free_and_one_found_in_use_is_set_aside() {
    let mut world = World::new(served("10.7.0.1/30", &[]));
    let address = world.lease(1);
    let release = Message { ciaddr: address, ..message(1, MessageType::RELEASE, vec![]) };
    assert_eq!(world.dhcp(&release), None);
    assert_eq!(world.lease(2), address);
    let used = vec![DhcpOption::RequestedAddress(address), DhcpOption::ServerIdentifier(ROUTER)];
    // Of a host that does not have it, it means nothing.
    assert_eq!(world.dhcp(&message(3, MessageType::DECLINE, used.clone())), None);
    assert_eq!(world.request(2, address), MessageType::ACK);
    assert_eq!(world.dhcp(&message(2, MessageType::DECLINE, used)), None);
    assert_eq!(world.lan.leases(world.now().mono).count(), 0);
    assert_eq!(world.dhcp(&message(1, MessageType::DISCOVER, vec![])), None);
    world.pass(3600);
    assert_eq!(world.lease(1), address);
}

#[test]
fn messages_of_relays_for_other_servers_and_answers_are_counted_and_dropped() {
    let mut world = World::new(served("10.7.0.1/24", &[]));
    let relayed = Message { giaddr: ROUTER, ..message(1, MessageType::DISCOVER, vec![]) };
    let chosen = DhcpOption::ServerIdentifier(Ipv4Addr::new(10, 7, 0, 9));
    let elsewhere = message(1, MessageType::REQUEST, vec![chosen]);
    let answer = message(1, MessageType::OFFER, vec![]);
    for message in [relayed, elsewhere, answer] {
        assert_eq!(world.dhcp(&message), None);
    }
    assert_eq!(world.count.discarded, 3);
    world.frame(&[0xff; 20]);
    let mut unserved = World::new(Served { ipv4: None, ..served("10.7.0.1/24", &[]) });
    assert_eq!(unserved.dhcp(&message(1, MessageType::DISCOVER, vec![])), None);
    assert_eq!(unserved.count.discarded, 1);
}

#[test]
fn another_subnet_forgets_the_leases() {
    let mut world = World::new(served("10.7.0.1/24", &[]));
    let address = world.lease(1);
    world.serve(served("10.9.0.1/24", &[]));
    assert_eq!(world.lan.leases(world.now().mono).count(), 0);
    assert_eq!(world.request(1, address), MessageType::NAK);
    assert_eq!(world.lease(1).octets()[..2], [10, 9]);
}

#[test]
fn prefixes_are_advertised_quickly_at_first_and_then_every_few_minutes() {
    let mut world = World::new(served("10.7.0.1/24", &["2001:db8:7::/64"]));
    let sent = world.pass(1000);
    let times: Vec<u64> = sent.iter().map(|(at, _)| *at).collect();
    assert_eq!(times[..3], [0, 16, 32]);
    assert!(times[3..].windows(2).all(|pair| (150..=200).contains(&(pair[1] - pair[0]))));
    for (_, ra) in &sent {
        assert_eq!(prefixes(ra), [("2001:db8:7::/64".to_owned(), 3600)]);
        assert_eq!(ra.router_lifetime, 600);
        assert!(ra.options.contains(&NdOption::Mtu(1460)));
        assert!(ra.options.contains(&NdOption::SourceLinkLayerAddress(ROUTER_MAC)));
    }
    assert_eq!(world.count.router_advertisements, sent.len() as u64);
}

#[test]
fn a_solicitation_is_answered_within_half_a_second_but_not_more_often_than_every_three() {
    let mut world = World::new(served("10.7.0.1/24", &["2001:db8:7::/64"]));
    world.pass(100);
    world.solicit();
    assert_eq!(world.pass(1).len(), 1);
    for _ in 0..10 {
        world.solicit();
    }
    assert_eq!(world.pass(1).len(), 0);
    assert_eq!(world.pass(3).len(), 1);
}

#[test]
fn a_prefix_that_is_gone_is_taken_back_three_times() {
    let mut world = World::new(served("10.7.0.1/24", &["2001:db8:7::/64"]));
    world.pass(100);
    world.serve(served("10.7.0.1/24", &["2001:db8:8::/64"]));
    let gone = ("2001:db8:7::/64".to_owned(), 0);
    let sent = world.pass(600);
    let withdrawals: Vec<bool> = sent.iter().map(|(_, ra)| prefixes(ra).contains(&gone)).collect();
    assert_eq!(withdrawals.iter().filter(|gone| **gone).count(), 3);
    assert!(withdrawals[..3].iter().all(|gone| *gone), "{withdrawals:?}");
    world.serve(served("10.7.0.1/24", &[]));
    let sent = world.pass(600);
    assert_eq!(sent.len(), 3, "and then there is nothing to say");
    assert!(sent.iter().all(|(_, ra)| ra.router_lifetime == 0));
}

#[test]
fn a_network_without_prefixes_or_link_local_address_is_silent() {
    let mut world = World::new(served("10.7.0.1/24", &[]));
    world.solicit();
    assert_eq!(world.pass(1000).len(), 0);
    let without = Served { link_local: None, ..served("10.7.0.1/24", &["2001:db8:7::/64"]) };
    let mut world = World::new(without);
    world.solicit();
    assert_eq!(world.pass(1000).len(), 0);
}
