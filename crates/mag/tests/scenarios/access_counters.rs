//! For each counter of the access links: the frame, or the silence, that moves it, and that it
//! moves nothing else of its group but what belongs to it.

use std::net::{Ipv4Addr, Ipv6Addr};

use kedge_access_wire::dhcpv4::{DhcpOption, Message, MessageType};
use kedge_access_wire::dhcpv6::{self, MessageType as Type};
use kedge_access_wire::icmpv6::{Message as Nd, NdOption, NeighborSolicitation, solicited_node};
use kedge_mag::{Settings, Unidentified};

use crate::access_link::packet_from;
use crate::delegation::{MOBILE_NETWORK, association, message, router_with, send};
use crate::departure::with_discovery;
use crate::identity::{identity, with_aaa};
use crate::tally::moves;
use crate::world::*;

const ACCESS: &str = "mag_access";
const DHCP: &str = "mag_dhcp";
const DHCPV6: &str = "mag_dhcpv6";
const HOME_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 7);

#[test]
pub fn frames_of_who_is_not_served_are_counted_by_why() {
    let frame = |settings, why: &'static str, mac| {
        let keys = ["frames", why];
        let mut world = World::new(settings);
        moves(&mut world, &[ACCESS], &[(ACCESS, &keys)], |w| w.solicit(IF1, mac));
    };
    frame(settings(), "unknown_nodes", STRANGER);
    frame(Settings { default_profile: None, ..settings() }, "unserved_nodes", NODE);
    frame(Settings { max_bindings: 0, ..settings() }, "full", NODE);
    let mut world = World::new(settings());
    let malformed = ["frames", "malformed"];
    moves(&mut world, &[ACCESS], &[(ACCESS, &malformed)], |w| w.frame(IF1, &[0; 10]));
}

#[test]
pub fn a_nodes_coming_and_going_are_counted_and_so_is_what_it_asks_and_is_told() {
    let mut world = World::new(settings());
    let came = ["frames", "attached", "router_solicitations"];
    moves(&mut world, &[ACCESS], &[(ACCESS, &came)], |w| w.solicit(IF1, NODE));
    let update = world.take_one();
    moves(&mut world, &[ACCESS], &[(ACCESS, &["router_advertisements"])], |w| w.accept(&update));
    // A prefix that is none here: the node is told so.
    let foreign = ["frames", "foreign_sources", "router_advertisements"];
    moves(&mut world, &[ACCESS], &[(ACCESS, &foreign)], |w| {
        w.frame(IF1, &packet_from("2001:db8:66::1"));
    });
    let gateway: Ipv6Addr = GATEWAY_LINK_LOCAL.parse().unwrap();
    let question = Nd::NeighborSolicitation(NeighborSolicitation {
        target: gateway,
        options: vec![NdOption::SourceLinkLayerAddress(NODE)],
    });
    let answered = ["frames", "neighbor_messages", "neighbor_advertisements"];
    moves(&mut world, &[ACCESS], &[(ACCESS, &answered)], |w| {
        w.neighbor(IF1, NODE, "fe80::7".parse().unwrap(), solicited_node(gateway), &question);
    });
    let router = ["frames", "arp", "arp_replies"];
    moves(&mut world, &[ACCESS], &[(ACCESS, &router)], |w| {
        w.arp(IF1, NODE, HOME_ADDRESS, ROUTER);
    });
    let neighbour = ["frames", "arp", "proxy_arp"];
    moves(&mut world, &[ACCESS], &[(ACCESS, &neighbour)], |w| {
        w.arp(IF1, NODE, HOME_ADDRESS, Ipv4Addr::new(10, 1, 0, 9));
    });
    // The node is told that its prefix is over.
    let gone = ["detached", "router_advertisements"];
    moves(&mut world, &[ACCESS], &[(ACCESS, &gone)], |w| {
        w.input(|mag, now| assert_eq!(mag.clear(&mn("mn7@example.com"), now), 1));
    });
}

#[test]
pub fn a_question_whether_a_node_is_there_is_a_probe() {
    let mut world = World::with_active_node(with_discovery());
    world.pass(secs(9));
    moves(&mut world, &[ACCESS], &[(ACCESS, &["probes"])], |w| w.pass(secs(1)));
}

#[test]
pub fn questions_to_aaa_are_counted_by_their_answers() {
    for (answer, keys) in [
        (Some(Ok(identity())), ["identified", "attached"].as_slice()),
        (Some(Err(Unidentified::Refused)), &["identities_refused"]),
        (None, &["identities_unanswered"]),
    ] {
        let mut world = World::new(with_aaa());
        let asks = ["frames", "unknown_nodes", "identities_asked"];
        let asked = |world: &mut World| world.solicit(IF1, STRANGER);
        moves(&mut world, &[ACCESS], &[(ACCESS, &asks)], asked);
        moves(&mut world, &[ACCESS], &[(ACCESS, keys)], |w| {
            let answer = answer.unwrap_or(Err(Unidentified::Unanswered));
            w.input(|mag, now| mag.handle_identity(STRANGER, answer, now));
        });
    }
}

#[test]
pub fn each_message_of_dhcp_is_counted_and_so_is_its_answer() {
    let requested = |address| vec![DhcpOption::RequestedAddress(address)];
    let other = DhcpOption::ServerIdentifier(Ipv4Addr::new(10, 9, 9, 9));
    for (kind, options, keys) in [
        (MessageType::DISCOVER, vec![], ["discover", "offer"].as_slice()),
        (MessageType::REQUEST, requested(HOME_ADDRESS), &["request", "ack"]),
        (MessageType::REQUEST, requested(Ipv4Addr::new(10, 1, 0, 99)), &["request", "nak"]),
        (MessageType::REQUEST, vec![other], &["request", "discarded"]),
        (MessageType::INFORM, vec![], &["inform", "ack"]),
        (MessageType::DECLINE, vec![], &["decline"]),
        (MessageType::RELEASE, vec![], &["release"]),
    ] {
        let mut world = World::with_active_node(settings());
        let message = dhcp_message(kind, options);
        moves(&mut world, &[DHCP], &[(DHCP, keys)], |w| w.dhcp(IF1, &message));
    }
    let mut world = World::with_active_node(settings());
    let relayed = Message { giaddr: ROUTER, ..dhcp_message(MessageType::DISCOVER, vec![]) };
    moves(&mut world, &[DHCP], &[(DHCP, &["discarded"])], |w| w.dhcp(IF1, &relayed));
}

#[test]
pub fn each_message_of_dhcpv6_is_counted_and_so_is_its_answer() {
    let address = dhcpv6::DhcpOption::IaAddress {
        address: "2001:db8:1:7::5".parse().unwrap(),
        preferred_lifetime: 0,
        valid_lifetime: 0,
        options: vec![],
    };
    let addresses = dhcpv6::DhcpOption::IaNa(dhcpv6::Identity {
        iaid: 1,
        t1: 0,
        t2: 0,
        options: vec![address],
    });
    let network = || vec![association(&[MOBILE_NETWORK])];
    for (kind, options, keys) in [
        (Type::SOLICIT, vec![association(&[])], ["solicit", "advertise"].as_slice()),
        (Type::REQUEST, network(), &["request", "reply"]),
        (Type::CONFIRM, vec![addresses], &["confirm", "reply"]),
        (Type::RENEW, network(), &["renew", "reply"]),
        (Type::REBIND, network(), &["rebind", "reply"]),
        (Type::RELEASE, network(), &["release", "reply"]),
        (Type::DECLINE, network(), &["decline", "reply"]),
        (Type::INFORMATION_REQUEST, vec![], &["information_request", "reply"]),
        (Type::ADVERTISE, vec![], &["discarded"]),
    ] {
        let mut world = router_with(&[MOBILE_NETWORK]);
        let message = message(kind, options);
        moves(&mut world, &[DHCPV6], &[(DHCPV6, keys)], |w| send(w, &message));
    }
}
