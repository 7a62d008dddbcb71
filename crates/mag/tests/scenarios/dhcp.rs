//! The DHCP server of a node's home link (RFC 5844 §3.4, RFC 2131 §4.3).

use std::net::Ipv4Addr;

use kedge_access_wire::dhcpv4::{DhcpOption, Message, MessageType};
use kedge_mag::{DetachReason, Event, Profile, Service, Settings};
use kedge_model::MacAddr;
use kedge_wire::registry::{HandoffIndicatorValue, Status};

use crate::world::*;

const HOME_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 7);
const WRONG: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 99);

fn ipv4_only() -> Settings {
    let mut settings = settings();
    settings.default_profile = Some(Profile { service: Service::Ipv4, ..Profile::default() });
    settings
}

/// What the gateway said to the one message that was sent.
#[track_caller]
fn ask(world: &mut World, message: &Message) -> (MacAddr, Ipv4Addr, Message) {
    world.dhcp(IF1, message);
    let mut answers = world.take_dhcp();
    assert_eq!(answers.len(), 1, "{answers:?}");
    answers.remove(0)
}

#[test]
fn a_discover_attaches_the_node_and_is_answered_when_the_anchor_has_accepted() {
    let mut world = World::new(settings());
    world.dhcp(IF1, &dhcp_message(MessageType::DISCOVER, vec![]));
    assert!(world.take_dhcp().is_empty());
    let update = world.take_one();
    world.accept_with(&update, 1000, |_| {});
    let (mac, to, offer) = world.take_dhcp().remove(0);
    assert_eq!((mac, to), (NODE, HOME_ADDRESS), "to the node alone");
    assert_eq!((offer.message_type, offer.xid), (MessageType::OFFER, 0xabcd));
    assert_eq!(offer.yiaddr, HOME_ADDRESS);
    // RFC 5844 §3.4.1 and §3.4.3, RFC 2131 table 3.
    for option in [
        DhcpOption::ServerIdentifier(ROUTER),
        DhcpOption::SubnetMask(Ipv4Addr::new(255, 255, 255, 0)),
        DhcpOption::Router(vec![ROUTER]),
        DhcpOption::InterfaceMtu(1460),
        DhcpOption::LeaseTime(1000),
        DhcpOption::RenewalTime(500),
        DhcpOption::RebindingTime(875),
    ] {
        assert!(offer.options.contains(&option), "{option:?} is missing in {offer:?}");
    }
}

#[test]
fn the_address_asked_for_is_granted_if_it_is_the_nodes_and_denied_otherwise() {
    // SELECTING, INIT-REBOOT, RENEWING or REBINDING (RFC 2131 table 4).
    let selecting = |address| {
        let server = DhcpOption::ServerIdentifier(ROUTER);
        let requested = DhcpOption::RequestedAddress(address);
        dhcp_message(MessageType::REQUEST, vec![server, requested])
    };
    let rebooting =
        |address| dhcp_message(MessageType::REQUEST, vec![DhcpOption::RequestedAddress(address)]);
    let renewing =
        |address| Message { ciaddr: address, ..dhcp_message(MessageType::REQUEST, vec![]) };
    let mut world = World::with_active_node(settings());
    for (right, wrong) in [
        (selecting(HOME_ADDRESS), selecting(WRONG)),
        (rebooting(HOME_ADDRESS), rebooting(WRONG)),
        (renewing(HOME_ADDRESS), renewing(WRONG)),
    ] {
        let (_, to, ack) = ask(&mut world, &right);
        assert_eq!((ack.message_type, ack.yiaddr), (MessageType::ACK, HOME_ADDRESS));
        assert_eq!(to, HOME_ADDRESS);
        assert_eq!(ack.ciaddr, right.ciaddr);
        let (mac, to, nak) = ask(&mut world, &wrong);
        assert_eq!((nak.message_type, nak.yiaddr), (MessageType::NAK, Ipv4Addr::UNSPECIFIED));
        assert_eq!((mac, to), (NODE, Ipv4Addr::BROADCAST));
        assert!(nak.options.contains(&DhcpOption::ServerIdentifier(ROUTER)));
        assert!(!nak.options.iter().any(|o| matches!(o, DhcpOption::LeaseTime(_))));
    }
    assert_eq!((world.count("mag_dhcp", "ack"), world.count("mag_dhcp", "nak")), (3, 3));
}

#[test]
fn a_request_to_another_server_is_not_ours() {
    let mut world = World::with_active_node(settings());
    let other = DhcpOption::ServerIdentifier(Ipv4Addr::new(10, 9, 9, 9));
    let requested = DhcpOption::RequestedAddress(HOME_ADDRESS);
    world.dhcp(IF1, &dhcp_message(MessageType::REQUEST, vec![other, requested]));
    assert!(world.take_dhcp().is_empty());
}

#[test]
fn a_node_that_comes_with_an_address_waits_for_the_anchor_and_keeps_it() {
    let mut world = World::new(settings());
    let requested = DhcpOption::RequestedAddress(HOME_ADDRESS);
    world.dhcp(IF2, &dhcp_message(MessageType::REQUEST, vec![requested]));
    let update = world.take_one();
    assert!(world.frames.is_empty());
    world.accept(&update);
    assert_eq!(world.take_dhcp()[0].2.message_type, MessageType::ACK);
}

/// RFC 5844 §3.4.1, figure 8: the server's address is the node's default router, here too.
#[test]
fn a_renewal_by_unicast_is_answered_by_a_gateway_that_never_saw_the_client() {
    for ciaddr in [HOME_ADDRESS, WRONG] {
        let mut world = World::new(settings());
        let renew = Message { ciaddr, ..dhcp_message(MessageType::REQUEST, vec![]) };
        let route = kedge_access_wire::dhcpv4::Route {
            source_mac: NODE,
            destination_mac: MacAddr::PMIPV6_GATEWAY,
            source: ciaddr,
            destination: ROUTER,
        };
        let mut octets = Vec::new();
        kedge_access_wire::dhcpv4::encode_client_frame(&route, &renew, &mut octets);
        world.frame(IF1, &octets);
        assert!(world.take_dhcp().is_empty(), "the anchor is asked first");
        let update = world.take_one();
        world.accept(&update);
        let (mac, to, answer) = world.take_dhcp().remove(0);
        assert_eq!(mac, NODE);
        let expected = match ciaddr == HOME_ADDRESS {
            true => (MessageType::ACK, HOME_ADDRESS, HOME_ADDRESS),
            // RFC 2131 §4.1: to everybody, since the address is not the client's any more.
            false => (MessageType::NAK, Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST),
        };
        assert_eq!((answer.message_type, answer.yiaddr, to), expected);
        assert_eq!(answer.server_identifier(), Some(ROUTER), "as every gateway says");
    }
}

#[test]
fn a_node_that_comes_with_an_address_is_told_no_when_the_anchor_refuses() {
    let mut world = World::new(settings());
    let requested = DhcpOption::RequestedAddress(HOME_ADDRESS);
    world.dhcp(IF1, &dhcp_message(MessageType::REQUEST, vec![requested]));
    let update = world.take_one();
    world.reject(&update, Status::INSUFFICIENT_RESOURCES);
    let (_, _, nak) = world.take_dhcp().remove(0);
    assert_eq!(nak.message_type, MessageType::NAK);
    assert!(nak.options.iter().any(|o| matches!(o, DhcpOption::ServerIdentifier(_))));
}

#[test]
fn a_node_without_an_ipv4_address_is_offered_none() {
    let mut settings = settings();
    settings.default_profile = Some(Profile { service: Service::Ipv6, ..Profile::default() });
    let mut world = World::with_active_node(settings);
    world.dhcp(IF1, &dhcp_message(MessageType::DISCOVER, vec![]));
    assert!(world.take_dhcp().is_empty());
    let requested = DhcpOption::RequestedAddress(HOME_ADDRESS);
    let (_, _, nak) = ask(&mut world, &dhcp_message(MessageType::REQUEST, vec![requested]));
    assert_eq!(nak.message_type, MessageType::NAK);
}

#[test]
fn the_broadcast_bit_and_the_clients_address_decide_where_an_answer_goes() {
    let mut world = World::with_active_node(settings());
    let discover = dhcp_message(MessageType::DISCOVER, vec![]);
    let (mac, to, offer) = ask(&mut world, &Message { broadcast: true, ..discover });
    assert_eq!((mac, to, offer.broadcast), (NODE, Ipv4Addr::BROADCAST, true));
    let renew = dhcp_message(MessageType::REQUEST, vec![]);
    let renew = Message { ciaddr: HOME_ADDRESS, broadcast: true, ..renew };
    assert_eq!(ask(&mut world, &renew).1, HOME_ADDRESS);
}

#[test]
fn an_inform_is_answered_without_address_and_lease() {
    let mut world = World::with_active_node(settings());
    let inform = dhcp_message(MessageType::INFORM, vec![]);
    let (_, to, ack) = ask(&mut world, &Message { ciaddr: HOME_ADDRESS, ..inform });
    assert_eq!((ack.message_type, ack.yiaddr), (MessageType::ACK, Ipv4Addr::UNSPECIFIED));
    assert_eq!(to, HOME_ADDRESS);
    assert!(ack.options.contains(&DhcpOption::Router(vec![ROUTER])));
    let is_time =
        |o: &DhcpOption| matches!(o, DhcpOption::LeaseTime(_) | DhcpOption::RenewalTime(_));
    assert!(!ack.options.iter().any(is_time));
}

#[test]
fn a_release_ends_a_session_that_has_nothing_else() {
    let release =
        |address| Message { ciaddr: address, ..dhcp_message(MessageType::RELEASE, vec![]) };
    let mut world = World::with_active_node(ipv4_only());
    world.dhcp(IF1, &release(WRONG));
    assert!(world.sent.is_empty(), "it is not its address");
    world.dhcp(IF1, &release(HOME_ADDRESS));
    assert!(world.take_one().update().lifetime.is_zero());
    let released = |e: &Event| matches!(e, Event::Detached { reason: DetachReason::Released, .. });
    assert!(world.events.iter().any(released));

    let mut world = World::with_active_node(settings());
    world.dhcp(IF1, &release(HOME_ADDRESS));
    assert!(world.sent.is_empty(), "its prefixes are still in use");
}

#[test]
fn a_declined_address_is_reported() {
    let mut world = World::with_active_node(settings());
    world.dhcp(IF1, &dhcp_message(MessageType::DECLINE, vec![]));
    let [Event::AddressInUse { address, .. }] = world.events[..] else {
        panic!("{:?}", world.events);
    };
    assert_eq!(address, HOME_ADDRESS);
}

#[test]
fn a_message_in_the_name_of_another_node_is_not_used() {
    let mut world = World::with_active_node(settings());
    let discover = dhcp_message(MessageType::DISCOVER, vec![]);
    let route = kedge_access_wire::dhcpv4::Route {
        source_mac: NODE,
        destination_mac: MacAddr::BROADCAST,
        source: Ipv4Addr::UNSPECIFIED,
        destination: Ipv4Addr::BROADCAST,
    };
    for message in [
        Message { chaddr: OTHER_NODE, ..discover.clone() },
        Message { giaddr: WRONG, ..discover.clone() },
        Message { op: kedge_access_wire::dhcpv4::Op::Reply, ..discover },
    ] {
        let mut octets = Vec::new();
        kedge_access_wire::dhcpv4::encode_client_frame(&route, &message, &mut octets);
        world.frame(IF1, &octets);
    }
    assert!(world.take_dhcp().is_empty());
    assert_eq!(world.count("mag_dhcp", "discarded"), 3);
    assert_eq!(world.count("mag_dhcp", "discover"), 0);
}

#[test]
fn two_nodes_on_one_interface_are_kept_apart() {
    let mut world = World::with_active_node(settings());
    world.solicit(IF1, OTHER_NODE);
    let update = world.take_one();
    let mut options = update.echo();
    options.push(kedge_wire::HomeNetworkPrefix::new("2001:db8:1:8::/64".parse().unwrap()));
    options.push(kedge_wire::Ipv4HomeAddressReply {
        status: kedge_wire::registry::Ipv4HomeAddressStatus::SUCCESS,
        address: "10.1.0.8/24".parse().unwrap(),
    });
    world.answer(&update, Status::ACCEPTED, 3600, options);
    let (_, to, ra) = world.take_advertisements().remove(0);
    assert_eq!(to, OTHER_NODE);
    assert!(format!("{ra:?}").contains("2001:db8:1:8::"), "{ra:?}");
    let discover = dhcp_message(MessageType::DISCOVER, vec![]);
    assert_eq!(ask(&mut world, &discover).2.yiaddr, HOME_ADDRESS);
    let (mac, _, offer) = ask(&mut world, &Message { chaddr: OTHER_NODE, ..discover });
    assert_eq!((mac, offer.yiaddr), (OTHER_NODE, Ipv4Addr::new(10, 1, 0, 8)));
    // From an anchor that names no router, the first host of the subnet is it.
    assert!(offer.options.contains(&DhcpOption::Router(vec![ROUTER])));
}

#[test]
fn a_client_that_looks_for_a_server_again_may_have_been_elsewhere() {
    let mut world = World::with_active_node(settings());
    world.pass(secs(100));
    ask(&mut world, &dhcp_message(MessageType::DISCOVER, vec![]));
    world.pass(secs(0));
    assert_eq!(world.take_one().handoff(), HandoffIndicatorValue::UNKNOWN);
    // A renewal is no such sign.
    let mut world = World::with_active_node(settings());
    world.pass(secs(100));
    let renew = dhcp_message(MessageType::REQUEST, vec![]);
    ask(&mut world, &Message { ciaddr: HOME_ADDRESS, ..renew });
    world.pass(secs(10));
    assert!(world.sent.is_empty());
}
