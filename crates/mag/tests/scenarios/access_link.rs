//! Router advertisements, neighbours and ARP (RFC 5213 §6.7-6.9.2, RFC 6543, RFC 5844 §3.2.4).

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use kedge_access_wire::arp::{self, Arp, Operation};
use kedge_access_wire::dhcpv4::{DhcpOption, MessageType};
use kedge_access_wire::icmpv6::{Message, NdOption, NeighborSolicitation, PrefixInformation};
use kedge_access_wire::icmpv6::{RouterAdvertisement, solicited_node};
use kedge_access_wire::{Content, Frame};
use kedge_model::{Ipv6Net, MacAddr};
use kedge_wire::HomeNetworkPrefix;
use kedge_wire::registry::{HandoffIndicatorValue, Status};

use crate::world::*;

fn prefixes(ra: &RouterAdvertisement) -> Vec<PrefixInformation> {
    let prefix = |option: &NdOption| match option {
        NdOption::PrefixInformation(prefix) => Some(*prefix),
        _ => None,
    };
    ra.options.iter().filter_map(prefix).collect()
}

/// The ARP answers sent since the last time.
fn arp_replies(world: &mut World) -> Vec<Ipv4Addr> {
    let frames = std::mem::take(&mut world.frames);
    let reply = |octets: &[u8]| match Frame::decode(octets).unwrap().content {
        Content::Arp(arp) if arp.operation == Operation::Reply => {
            assert_eq!(arp.sender_mac, MacAddr::PMIPV6_GATEWAY);
            Some(arp.sender)
        }
        _ => None,
    };
    frames.iter().filter_map(|(_, octets)| reply(octets)).collect()
}

#[test]
fn an_advertisement_shows_the_home_link_to_the_node_alone() {
    let mut world = World::new(settings());
    world.solicit(IF1, NODE);
    let update = world.take_one();
    world.accept(&update);
    let advertisements = world.take_advertisements();
    let [(interface, to, ra)] = &advertisements[..] else { panic!("{advertisements:?}") };
    assert_eq!((*interface, *to), (IF1, NODE));
    assert_eq!(ra.router_lifetime, 3600);
    assert!(!ra.managed && !ra.other);
    let expected = PrefixInformation {
        prefix: PREFIX.parse().unwrap(),
        on_link: true,
        autonomous: true,
        valid_lifetime: 3600,
        preferred_lifetime: 3600,
    };
    assert_eq!(prefixes(ra), [expected]);
    assert!(ra.options.contains(&NdOption::Mtu(1460)), "the tunnel's MTU");
    let gateway = NdOption::SourceLinkLayerAddress(MacAddr::PMIPV6_GATEWAY);
    assert!(ra.options.contains(&gateway));
}

#[test]
fn a_link_that_carries_less_than_the_tunnel_says_its_own_mtu() {
    let mut settings = settings();
    settings.tunnel_mtu = Some(9000);
    let mut world = World::new(settings);
    world.solicit(IF1, NODE);
    let update = world.take_one();
    world.accept(&update);
    assert_eq!(world.forwarding.values().next().unwrap().paths[0].tunnel.mtu, 9000);
    assert!(world.take_advertisements()[0].2.options.contains(&NdOption::Mtu(1500)));
}

/// What the advertisements since the last time say.
fn advertised_mtus(world: &mut World) -> Vec<u32> {
    let mtu = |option: &NdOption| match option {
        NdOption::Mtu(mtu) => Some(*mtu),
        _ => None,
    };
    let advertisements = world.take_advertisements();
    advertisements.iter().flat_map(|(_, _, ra)| ra.options.iter().filter_map(mtu)).collect()
}

#[test]
fn nodes_are_told_at_once_what_the_way_to_their_anchor_carries_and_when_it_carries_more() {
    let mut world = World::with_active_node(settings());
    world.pass(secs(50));
    world.frames.clear();
    let ways = |anchor: &str, mtu| BTreeMap::from([(anchor.parse().unwrap(), mtu)]);
    world.input(|mag, now| mag.handle_ways(ways("2001:db8::1", 1400), now));
    assert_eq!(advertised_mtus(&mut world), [1360], "less the tunnel's headers");
    let request = dhcp_message(
        MessageType::REQUEST,
        vec![DhcpOption::RequestedAddress(Ipv4Addr::new(10, 1, 0, 7))],
    );
    world.dhcp(IF1, &request);
    let (_, _, ack) = world.take_dhcp().remove(0);
    assert!(ack.options.contains(&DhcpOption::InterfaceMtu(1360)), "{:?}", ack.options);
    world.input(|mag, now| mag.handle_ways(ways("2001:db8::1", 1400), now));
    assert!(world.frames.is_empty(), "that is no news");
    // No link of IPv6 carries less, whatever the tunnel has to do for that.
    world.input(|mag, now| mag.handle_ways(ways("2001:db8::1", 1280), now));
    assert_eq!(advertised_mtus(&mut world), [1280]);
    // Another anchor's way is no matter to it.
    world.input(|mag, now| mag.handle_ways(ways("2001:db8:99::1", 1300), now));
    assert_eq!(advertised_mtus(&mut world), [1460]);
    world.input(|mag, now| mag.handle_mtu(IF1, 1400, now));
    assert_eq!(advertised_mtus(&mut world), [1400], "the link's own");
    let mut settings = world.mag.settings().clone();
    settings.tunnel_mtu = Some(1350);
    world.input(|mag, now| mag.apply(settings, now));
    assert_eq!(advertised_mtus(&mut world), [1350], "by commit");
}

#[test]
fn advertisements_are_repeated_and_say_what_is_left_of_the_binding() {
    let mut world = World::with_active_node(settings());
    world.pass(secs(7));
    assert_eq!(world.take_advertisements().len(), 2, "the first few come quickly");
    world.pass(secs(200));
    let later = world.take_advertisements();
    assert_eq!(later.len(), 1, "{later:?}");
    let left = prefixes(&later[0].2)[0].valid_lifetime;
    assert!((3600 - 207..=3600 - 150).contains(&left), "{left}");
}

#[test]
fn a_solicitation_of_a_served_node_is_answered_at_once_but_not_twice_in_a_moment() {
    let mut world = World::with_active_node(settings());
    world.pass(secs(1));
    world.solicit(IF1, NODE);
    assert_eq!(world.take_advertisements().len(), 1);
    for _ in 0..10 {
        world.solicit(IF1, NODE);
    }
    assert!(world.take_advertisements().is_empty());
    world.pass(Duration::from_millis(500));
    assert_eq!(world.take_advertisements().len(), 1);
}

#[test]
fn prefixes_that_changed_are_taken_back_in_the_next_advertisements() {
    let mut world = World::with_active_node(settings());
    world.pass(secs(300));
    let refresh = world.take_one();
    world.frames.clear();
    let other: Ipv6Net = "2001:db8:2:7::/64".parse().unwrap();
    let mut options = refresh.echo();
    options.push(HomeNetworkPrefix::new(other));
    world.answer(&refresh, Status::ACCEPTED, 3600, options);
    let inner = &world.access.values().next().unwrap().inner;
    assert_eq!(inner[..], [other.into()]);
    world.pass(secs(7));
    let advertisements = world.take_advertisements();
    assert_eq!(advertisements.len(), 3);
    for (_, _, ra) in advertisements {
        let lifetimes: Vec<_> =
            prefixes(&ra).iter().map(|p| (p.prefix, p.preferred_lifetime > 0)).collect();
        assert_eq!(lifetimes, [(other, true), (PREFIX.parse().unwrap(), false)]);
    }
    world.pass(secs(200));
    assert_eq!(prefixes(&world.take_advertisements()[0].2).len(), 1);
}

/// A packet of `NODE` to somewhere else.
pub fn packet_from(source: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    octets.extend(MacAddr::PMIPV6_GATEWAY.0);
    octets.extend(NODE.0);
    octets.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, 59, 64]);
    octets.extend(source.parse::<Ipv6Addr>().unwrap().octets());
    octets.extend("2001:db8:c::10".parse::<Ipv6Addr>().unwrap().octets());
    octets
}

#[test]
fn a_prefix_that_a_node_brings_and_is_not_granted_is_taken_back_at_once() {
    let old: Ipv6Net = "2001:db8:2:7::/64".parse().unwrap();
    // Its anchor has lost it, and nobody has told this gateway what it had.
    let mut world = World::new(settings());
    world.frame(IF1, &packet_from("2001:db8:2:7::5"));
    let update = world.take_one();
    world.accept(&update);
    world.pass(secs(7));
    let advertisements = world.take_advertisements();
    assert_eq!(advertisements.len(), 3);
    for (_, to, ra) in &advertisements {
        assert_eq!(*to, NODE);
        let said: Vec<_> = prefixes(ra)
            .iter()
            .map(|p| (p.prefix, p.preferred_lifetime > 0, p.valid_lifetime > 0))
            .collect();
        assert_eq!(said, [(PREFIX.parse().unwrap(), true, true), (old, false, false)]);
    }
    world.pass(secs(200));
    assert_eq!(prefixes(&world.take_advertisements()[0].2).len(), 1, "it has heard it by now");
    // Old connections of the node go on for a while: that is no news.
    world.frame(IF1, &packet_from("2001:db8:2:7::5"));
    assert!(world.take_advertisements().is_empty());
}

#[test]
fn a_node_that_checks_an_address_of_another_link_hears_that_it_is_none_here() {
    let mut world = World::with_active_node(settings());
    let target: Ipv6Addr = "2001:db8:2:7::abcd".parse().unwrap();
    let check = Message::NeighborSolicitation(NeighborSolicitation { target, options: vec![] });
    world.neighbor(IF1, NODE, Ipv6Addr::UNSPECIFIED, solicited_node(target), &check);
    let advertisements = world.take_advertisements();
    let [(_, NODE, ra)] = &advertisements[..] else { panic!("{advertisements:?}") };
    assert!(prefixes(ra).iter().any(|p| p.prefix.contains(&target) && p.preferred_lifetime == 0));
}

#[test]
fn what_a_node_keeps_is_not_taken_back_and_what_it_makes_up_is_bounded() {
    let mut world = World::new(settings());
    world.frame(IF1, &packet_from("2001:db8:1:7::5"));
    let update = world.take_one();
    world.accept(&update);
    assert_eq!(prefixes(&world.take_advertisements()[0].2).len(), 1);
    for n in 0..50 {
        world.frame(IF1, &packet_from(&format!("2001:db8:3:{n}::5")));
    }
    let advertisements = world.take_advertisements();
    assert_eq!(advertisements.len(), 4);
    assert_eq!(prefixes(&advertisements[3].2).len(), 1 + 4);
}

#[test]
fn a_node_without_a_prefix_is_told_of_no_router() {
    let mut settings = settings();
    settings.default_profile =
        Some(kedge_mag::Profile { service: kedge_mag::Service::Ipv4, ..Default::default() });
    let mut world = World::with_active_node(settings);
    world.frame(IF1, &packet_from("2001:db8:2:7::5"));
    let (_, _, ra) = world.take_advertisements().remove(0);
    assert_eq!((ra.router_lifetime, prefixes(&ra)[0].preferred_lifetime), (0, 0));
}

#[test]
fn the_nodes_own_address_checks_are_not_disturbed() {
    let mut world = World::with_active_node(settings());
    world.pass(secs(50));
    world.frames.clear();
    // Duplicate address detection of a link-local and of a global address.
    for address in ["fe80::7", "2001:db8:1:7::abcd"] {
        let target: Ipv6Addr = address.parse().unwrap();
        let message =
            Message::NeighborSolicitation(NeighborSolicitation { target, options: vec![] });
        let group = solicited_node(target);
        world.neighbor(IF1, NODE, Ipv6Addr::UNSPECIFIED, group, &message);
    }
    // RFC 5227 probe and announcement.
    let home = Ipv4Addr::new(10, 1, 0, 7);
    world.arp(IF1, NODE, Ipv4Addr::UNSPECIFIED, home);
    world.arp(IF1, NODE, home, home);
    assert!(world.frames.is_empty(), "{:?}", world.frames);
    // But they are signs of a link that came up.
    world.pass(secs(0));
    assert_eq!(world.take_one().handoff(), HandoffIndicatorValue::UNKNOWN);
}

#[test]
fn arp_for_the_other_hosts_of_the_subnet_is_answered_in_their_name() {
    let mut world = World::with_active_node(settings());
    let home = Ipv4Addr::new(10, 1, 0, 7);
    world.arp(IF1, NODE, home, Ipv4Addr::new(10, 1, 0, 55));
    assert_eq!(arp_replies(&mut world), [Ipv4Addr::new(10, 1, 0, 55)]);
    for nobody in [
        home,                         // the node has it
        Ipv4Addr::new(10, 2, 0, 1),   // another subnet
        Ipv4Addr::new(10, 1, 0, 0),   // no host
        Ipv4Addr::new(10, 1, 0, 255), // no host
    ] {
        world.arp(IF1, NODE, home, nobody);
        assert!(arp_replies(&mut world).is_empty(), "{nobody}");
    }
    // What a node asks another one on its link is between them.
    let question = Arp {
        operation: Operation::Request,
        sender_mac: NODE,
        sender: home,
        target_mac: OTHER_NODE,
        target: Ipv4Addr::new(10, 1, 0, 55),
    };
    let mut octets = Vec::new();
    arp::encode_frame(NODE, OTHER_NODE, &question, &mut octets);
    world.frame(IF1, &octets);
    assert!(arp_replies(&mut world).is_empty());
    assert_eq!(world.count("mag_access", "proxy_arp"), 1);
}

#[test]
fn the_gateways_addresses_are_told_to_the_nodes_that_are_served_and_to_nobody_else() {
    let mut world = World::with_active_node(settings());
    world.frames.clear();
    let [gateway, its_own]: [Ipv6Addr; 2] =
        ["fe80::200:5eff:fe00:5213", "fe80::7"].map(|address| address.parse().unwrap());
    let options = vec![NdOption::SourceLinkLayerAddress(NODE)];
    let question =
        |target, options| Message::NeighborSolicitation(NeighborSolicitation { target, options });
    let home = Ipv4Addr::new(10, 1, 0, 7);
    // Who is that address, is it still there, and may it be mine?
    let asked = question(gateway, options);
    world.neighbor(IF1, NODE, its_own, solicited_node(gateway), &asked);
    let check = question(gateway, vec![]);
    world.neighbor(IF1, NODE, Ipv6Addr::UNSPECIFIED, solicited_node(gateway), &check);
    let answers: Vec<_> = std::mem::take(&mut world.frames)
        .iter()
        .map(|(_, octets)| Frame::decode(octets).unwrap())
        .filter_map(|frame| match frame.content {
            Content::Neighbor { ip, message: Message::NeighborAdvertisement(na) } => {
                assert_eq!(frame.ethernet.destination, NODE);
                assert_eq!(
                    (ip.source, na.target, na.router, na.overriding),
                    (gateway, gateway, true, true)
                );
                let us = NdOption::TargetLinkLayerAddress(MacAddr::PMIPV6_GATEWAY);
                assert_eq!(na.options, [us]);
                Some((ip.destination, na.solicited))
            }
            _ => None,
        })
        .collect();
    assert_eq!(answers, [(its_own, true), ("ff02::1".parse().unwrap(), false)]);
    world.arp(IF1, NODE, home, ROUTER);
    assert_eq!(arp_replies(&mut world), [ROUTER]);
    assert_eq!(world.count("mag_access", "arp_replies"), 1);
    assert_eq!(world.count("mag_access", "neighbor_advertisements"), 2);
    let mut settings = settings();
    settings.default_profile = None;
    let mut world = World::new(settings);
    world.neighbor(IF1, OTHER_NODE, its_own, solicited_node(gateway), &check);
    world.arp(IF1, OTHER_NODE, home, ROUTER);
    assert!(world.frames.is_empty(), "{:?}", world.frames);
}

#[test]
fn packets_from_anothers_addresses_are_counted_and_a_first_link_local_address_is_told() {
    let mut world = World::with_active_node(settings());
    let foreign = |world: &World| world.count("mag_access", "foreign_sources");
    for own in ["2001:db8:1:7::5", "fe80::7"] {
        world.frame(IF1, &packet_from(own));
    }
    assert_eq!(foreign(&world), 0);
    world.frame(IF1, &packet_from("2001:db8:1:8::5"));
    assert_eq!(foreign(&world), 1);
    let shown = |world: &World| world.access.values().next().unwrap().link_local;
    assert_eq!(shown(&world), Some("fe80::7".parse().unwrap()));
    // One that shows many changes nothing in the kernel.
    world.frame(IF1, &packet_from("fe80::8"));
    assert_eq!(shown(&world), Some("fe80::7".parse().unwrap()));
}

#[test]
fn malformed_frames_and_frames_of_our_own_are_no_nodes() {
    let mut world = World::new(settings());
    world.frame(IF1, &[1, 2, 3]);
    assert_eq!(world.count("mag_access", "malformed"), 1);
    let mut settings = settings();
    settings.interfaces.get_mut(&IF1).unwrap().identity = Some(mn("anyone@example.com"));
    let mut world = World::new(settings);
    world.solicit(IF1, MacAddr::PMIPV6_GATEWAY);
    world.solicit(IF1, MacAddr([0x33, 0x33, 0, 0, 0, 1]));
    assert!(world.sent.is_empty());
}
