//! Delegated prefixes: DHCPv6 on the access link (RFC 8415 §16, §18.3), the Delegated Mobile
//! Network Prefix option towards the anchor (RFC 7148 §5.1), and both over a handover.

use std::net::Ipv6Addr;

use kedge_access_wire::dhcpv6::{
    self, DhcpOption, IaPrefix, Identity, Message, MessageType, StatusCode,
};
use kedge_access_wire::icmpv6::Route;
use kedge_access_wire::{Content, Frame, multicast_mac};
use kedge_mag::{Event, InterfaceId, Profile, Service, Settings};
use kedge_model::{IpNet, Ipv6Net, MacAddr};
use kedge_wire::registry::Status;
use kedge_wire::{DelegatedMobileNetworkPrefix, HomeNetworkPrefix};

use crate::world::*;

pub const MOBILE_NETWORK: &str = "2001:db8:d0::/56";
const OTHER_NETWORK: &str = "2001:db8:d1::/56";
const CLIENT: [u8; 10] = [0, 3, 0, 1, 2, 0, 0, 0, 0, 7];
const SERVER: [u8; 10] = [0, 3, 0, 1, 0, 0, 0x5e, 0, 0x52, 0x13];
const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 7);
const IAID: u32 = 0x5e10_0001;

fn net(text: &str) -> Ipv6Net {
    text.parse().unwrap()
}

/// The usual gateway, whose nodes may be routers.
pub fn delegating() -> Settings {
    let mut settings = settings();
    let profile = Profile { delegated_prefixes: true, ..Profile::default() };
    settings.default_profile = Some(profile);
    settings
}

/// What an update says of delegated prefixes.
pub fn asked(update: &Sent) -> Vec<IpNet> {
    let options = update.packet.options.all::<DelegatedMobileNetworkPrefix>();
    options.map(|option| option.prefix).collect()
}

fn delegate(world: &mut World, update: &Sent, prefixes: &[&str]) {
    world.accept_with(update, 3600, |options| {
        for prefix in prefixes {
            let prefix = IpNet::V6(net(prefix));
            options.push(DelegatedMobileNetworkPrefix { prefix });
        }
    });
}

/// A router that was accepted and has these prefixes, with nothing left over.
pub fn router_with(prefixes: &[&str]) -> World {
    let mut world = World::new(delegating());
    world.solicit(IF1, NODE);
    let update = world.take_one();
    delegate(&mut world, &update, prefixes);
    world.frames.clear();
    world.events.clear();
    world
}

pub fn association(prefixes: &[&str]) -> DhcpOption {
    let lease = |prefix: &&str| {
        DhcpOption::IaPrefix(IaPrefix {
            prefix: net(prefix),
            preferred_lifetime: 0,
            valid_lifetime: 0,
            options: vec![],
        })
    };
    let options = prefixes.iter().map(lease).collect();
    DhcpOption::IaPd(Identity { iaid: IAID, t1: 0, t2: 0, options })
}

/// A message of the router; those to one server name it.
pub fn message(message_type: MessageType, options: Vec<DhcpOption>) -> Message {
    let mut all = vec![DhcpOption::ClientId(CLIENT.to_vec()), DhcpOption::ElapsedTime(0)];
    let to_one =
        [MessageType::REQUEST, MessageType::RENEW, MessageType::RELEASE, MessageType::DECLINE];
    if to_one.contains(&message_type) {
        all.push(DhcpOption::ServerId(SERVER.to_vec()));
    }
    all.extend(options);
    Message { message_type, transaction: 0xabcdef, options: all }
}

fn send_to(world: &mut World, destination: Ipv6Addr, message: &Message) {
    let destination_mac = match destination.is_multicast() {
        true => multicast_mac(destination),
        false => MacAddr::PMIPV6_GATEWAY,
    };
    let route = Route { source_mac: NODE, destination_mac, source: LINK_LOCAL, destination };
    let mut octets = Vec::new();
    dhcpv6::encode_client_frame(&route, message, &mut octets);
    world.frame(IF1, &octets);
}

pub fn send(world: &mut World, message: &Message) {
    send_to(world, dhcpv6::ALL_SERVERS, message);
}

/// The answers sent since the last time; each goes to the asking router alone.
fn answers(world: &mut World) -> Vec<Message> {
    let mut found = Vec::new();
    world.frames.retain(|(interface, octets)| {
        let frame = Frame::decode(octets).expect("the gateway sends frames");
        let Content::Dhcpv6 { ip, message } = frame.content else { return true };
        assert_eq!((*interface, frame.ethernet.destination), (IF1, NODE));
        assert_eq!((ip.source, ip.destination), (GATEWAY_LINK_LOCAL.parse().unwrap(), LINK_LOCAL));
        assert_eq!(message.transaction, 0xabcdef);
        assert_eq!(message.server_id(), Some(&SERVER[..]));
        found.push(*message);
        false
    });
    found
}

#[track_caller]
fn ask(world: &mut World, message: &Message) -> Message {
    send(world, message);
    let mut answers = answers(world);
    assert_eq!(answers.len(), 1, "{answers:?}");
    let answer = answers.remove(0);
    assert_eq!(answer.client_id(), message.client_id());
    answer
}

/// The prefixes of an answer's one association and their valid lifetimes, or its status.
fn leased(answer: &Message) -> Result<Vec<(Ipv6Net, u32)>, StatusCode> {
    let pd = answer.options.iter().find_map(|option| match option {
        DhcpOption::IaPd(identity) => Some(identity),
        _ => None,
    });
    let pd = pd.expect("an IA_PD");
    assert_eq!(pd.iaid, IAID);
    for option in &pd.options {
        if let DhcpOption::Status(status, _) = option {
            assert_eq!((pd.t1, pd.t2), (0, 0));
            return Err(*status);
        }
    }
    Ok(pd.prefixes().map(|p| (p.prefix, p.valid_lifetime)).collect())
}

fn status(answer: &Message) -> Option<StatusCode> {
    answer.options.iter().find_map(|option| match option {
        DhcpOption::Status(status, _) => Some(*status),
        _ => None,
    })
}

/// A router on an interface says something, perhaps to the point.
pub fn speak(world: &mut World, interface: InterfaceId, mac: MacAddr, kind: u8, prefixes: &[&str]) {
    let route = Route {
        source_mac: mac,
        destination_mac: multicast_mac(dhcpv6::ALL_SERVERS),
        source: LINK_LOCAL,
        destination: dhcpv6::ALL_SERVERS,
    };
    let mut octets = Vec::new();
    let message = message(MessageType(kind), vec![association(prefixes)]);
    dhcpv6::encode_client_frame(&route, &message, &mut octets);
    world.frame(interface, &octets);
}

#[test]
fn the_first_update_of_a_router_asks_for_prefixes_and_that_of_another_node_does_not() {
    let mut world = World::new(delegating());
    world.solicit(IF1, NODE);
    assert_eq!(asked(&world.take_one()), ["::/0".parse().unwrap()]);
    let mut world = World::new(settings());
    world.solicit(IF1, NODE);
    assert_eq!(asked(&world.take_one()), []);
}

#[test]
fn what_the_anchor_delegates_is_tunnelled_and_routed_to_the_router_and_refreshed_by_name() {
    let mut world = router_with(&[MOBILE_NETWORK, OTHER_NETWORK]);
    let delegated = [net(MOBILE_NETWORK), net(OTHER_NETWORK)];
    let access = world.access.values().next().unwrap();
    assert_eq!(access.delegated, delegated.map(IpNet::V6));
    let on_link: Vec<IpNet> = vec![PREFIX.parse().unwrap(), "10.1.0.7/32".parse().unwrap()];
    assert_eq!(access.inner, on_link, "what is behind the router is not on its link");
    let inner = &world.forwarding.values().next().unwrap().inner;
    assert!(delegated.iter().all(|prefix| inner.contains(&IpNet::V6(*prefix))), "{inner:?}");
    world.pass(secs(300));
    assert_eq!(asked(&world.take_one()), delegated.map(IpNet::V6));
}

#[test]
fn a_solicit_is_answered_by_an_advertise_and_a_request_by_a_reply() {
    let mut world = router_with(&[MOBILE_NETWORK]);
    world.pass(secs(60));
    let advertise = ask(&mut world, &message(MessageType::SOLICIT, vec![association(&[])]));
    assert_eq!(advertise.message_type, MessageType::ADVERTISE);
    assert!(advertise.options.contains(&DhcpOption::Preference(255)));
    // What is left of the binding: the prefix is not to outlive it.
    assert_eq!(leased(&advertise), Ok(vec![(net(MOBILE_NETWORK), 3540)]));
    let request = message(MessageType::REQUEST, vec![association(&[MOBILE_NETWORK])]);
    let reply = ask(&mut world, &request);
    assert_eq!(reply.message_type, MessageType::REPLY);
    assert_eq!(leased(&reply), Ok(vec![(net(MOBILE_NETWORK), 3540)]));
    let times = |o: &DhcpOption| matches!(o, DhcpOption::IaPd(i) if (i.t1, i.t2) == (1770, 2832));
    assert!(reply.options.iter().any(times), "{reply:?}");
    assert_eq!(world.count("mag_dhcpv6", "solicit"), 1);
    assert_eq!(world.count("mag_dhcpv6", "advertise"), 1);
    assert_eq!(world.count("mag_dhcpv6", "request"), 1);
    assert_eq!(world.count("mag_dhcpv6", "reply"), 1);
}

#[test]
fn a_solicit_with_rapid_commit_is_answered_by_a_reply_if_there_is_something_to_commit() {
    let solicit = message(MessageType::SOLICIT, vec![DhcpOption::RapidCommit, association(&[])]);
    let mut world = router_with(&[MOBILE_NETWORK]);
    let reply = ask(&mut world, &solicit);
    assert_eq!(reply.message_type, MessageType::REPLY);
    assert!(reply.options.contains(&DhcpOption::RapidCommit));
    assert!(leased(&reply).is_ok());
    let mut world = World::with_active_node(settings());
    let advertise = ask(&mut world, &solicit);
    assert_eq!(advertise.message_type, MessageType::ADVERTISE);
    assert!(!advertise.options.contains(&DhcpOption::RapidCommit));
}

#[test]
fn a_message_that_comes_before_the_anchors_answer_waits_for_it() {
    let mut world = World::new(delegating());
    send(&mut world, &message(MessageType::SOLICIT, vec![association(&[])]));
    assert!(answers(&mut world).is_empty());
    let update = world.take_one();
    delegate(&mut world, &update, &[MOBILE_NETWORK]);
    let order: Vec<_> = world.order.iter().rev().take(6).collect();
    assert!(order.contains(&&"access"), "the route is there before the answer: {order:?}");
    let [advertise] = &answers(&mut world)[..] else { panic!("one answer") };
    assert_eq!(leased(advertise).unwrap()[0].0, net(MOBILE_NETWORK));
}

#[test]
fn an_anchor_that_refuses_the_node_leaves_its_router_without_a_prefix_and_says_so() {
    let mut world = World::new(delegating());
    send(&mut world, &message(MessageType::SOLICIT, vec![association(&[])]));
    let update = world.take_one();
    world.reject(&update, Status::INSUFFICIENT_RESOURCES);
    let [advertise] = &answers(&mut world)[..] else { panic!("one answer") };
    assert_eq!(leased(advertise), Err(StatusCode::NO_PREFIX_AVAIL));
}

#[test]
fn a_node_that_may_not_have_prefixes_is_told_that_there_are_none_and_no_anchor_is_asked() {
    let mut world = World::with_active_node(settings());
    world.pass(secs(50));
    let request = message(MessageType::REQUEST, vec![association(&[MOBILE_NETWORK])]);
    assert_eq!(leased(&ask(&mut world, &request)), Err(StatusCode::NO_PREFIX_AVAIL));
    world.pass(secs(10));
    assert!(world.sent.is_empty());
}

#[test]
fn a_node_that_is_not_authorized_for_prefixes_is_served_without_them_until_an_operator_acts() {
    let mut world = World::new(delegating());
    world.solicit(IF1, NODE);
    let update = world.take_one();
    world.reject(&update, Status::NOT_AUTHORIZED_FOR_DELEGATED_MNP);
    let again = world.take_one();
    assert_eq!(asked(&again), []);
    world.accept(&again);
    assert_eq!(world.access.len(), 1, "the rest of the session is not in question");
    world.frames.clear();
    let solicit = message(MessageType::SOLICIT, vec![association(&[])]);
    assert_eq!(leased(&ask(&mut world, &solicit)), Err(StatusCode::NO_PREFIX_AVAIL));
    world.pass_until_sent();
    let refresh = world.take_one();
    assert_eq!(asked(&refresh), []);
    world.accept(&refresh);
    world.input(|mag, now| mag.apply(delegating(), now));
    world.pass_until_sent();
    assert_eq!(asked(&world.take_one()), ["::/0".parse().unwrap()]);
}

#[test]
fn prefixes_that_are_in_use_elsewhere_are_given_up_for_what_the_anchor_chooses() {
    let mut world = router_with(&[MOBILE_NETWORK]);
    world.pass(secs(300));
    let refresh = world.take_one();
    world.reject(&refresh, Status::REQUESTED_DMNP_IN_USE);
    assert_eq!(world.access.values().next().unwrap().delegated, []);
    let again = world.take_one();
    assert_eq!(asked(&again), ["::/0".parse().unwrap()]);
    assert_eq!(again.prefixes(), [net(PREFIX)], "the home network prefix is kept");
    delegate(&mut world, &again, &[OTHER_NETWORK]);
    assert_eq!(world.access.values().next().unwrap().delegated, [IpNet::V6(net(OTHER_NETWORK))]);
    // The router hears of it when it extends what it had.
    let renew = message(MessageType::RENEW, vec![association(&[MOBILE_NETWORK])]);
    let leases = leased(&ask(&mut world, &renew)).unwrap();
    assert_eq!(leases, [(net(OTHER_NETWORK), 3600), (net(MOBILE_NETWORK), 0)]);
}

#[test]
fn an_anchor_that_finds_prefixes_in_use_that_nobody_named_is_not_asked_again_and_again() {
    let mut world = World::new(delegating());
    world.solicit(IF1, NODE);
    let update = world.take_one();
    world.reject(&update, Status::REQUESTED_DMNP_IN_USE);
    let again = world.take_one();
    assert_eq!(asked(&again), []);
}

#[test]
fn renew_and_rebind_at_a_gateway_that_never_saw_the_router_are_answered_from_the_anchors_word() {
    for kind in [MessageType::RENEW, MessageType::REBIND] {
        // The router comes from another gateway, and its client has noticed nothing.
        let mut world = World::new(delegating());
        send(&mut world, &message(kind, vec![association(&[MOBILE_NETWORK])]));
        let update = world.take_one();
        assert_eq!(asked(&update), ["::/0".parse().unwrap()]);
        delegate(&mut world, &update, &[MOBILE_NETWORK]);
        let [reply] = &answers(&mut world)[..] else { panic!("one answer") };
        assert_eq!(reply.message_type, MessageType::REPLY);
        assert_eq!(leased(reply), Ok(vec![(net(MOBILE_NETWORK), 3600)]));
    }
}

#[test]
fn the_network_behind_a_router_moves_with_any_packet_of_it() {
    // A packet from the network behind the router, forwarded by it: nothing the router says of
    // itself has been heard here.
    let mut world = World::new(delegating());
    let mut octets = Vec::new();
    octets.extend(MacAddr::PMIPV6_GATEWAY.0);
    octets.extend(NODE.0);
    octets.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, 59, 63]);
    octets.extend("2001:db8:d0::5".parse::<Ipv6Addr>().unwrap().octets());
    octets.extend("2001:db8:c::10".parse::<Ipv6Addr>().unwrap().octets());
    world.frame(IF1, &octets);
    let update = world.take_one();
    delegate(&mut world, &update, &[MOBILE_NETWORK]);
    let access = world.access.values().next().unwrap();
    assert_eq!(
        (access.mac, &access.delegated[..]),
        (Some(NODE), &[IpNet::V6(net(MOBILE_NETWORK))][..])
    );
}

#[test]
fn released_prefixes_are_given_back_to_the_anchor_and_asked_for_again_by_the_next_solicit() {
    let mut world = router_with(&[MOBILE_NETWORK]);
    world.pass(secs(60));
    let release = message(MessageType::RELEASE, vec![association(&[MOBILE_NETWORK])]);
    let reply = ask(&mut world, &release);
    assert_eq!(status(&reply), Some(StatusCode::SUCCESS));
    assert!(!reply.options.iter().any(|option| matches!(option, DhcpOption::IaPd(_))));
    assert_eq!(world.access.values().next().unwrap().delegated, []);
    let inner = &world.forwarding.values().next().unwrap().inner;
    assert!(!inner.contains(&IpNet::V6(net(MOBILE_NETWORK))));
    assert!(
        matches!(&world.events[..], [Event::Delegated { prefixes, .. }] if prefixes.is_empty())
    );
    world.pass(secs(0));
    let update = world.take_one();
    assert_eq!(asked(&update), [], "no option ends the delegation (RFC 7148 section 5.2.2)");
    // An anchor that has not understood does not bring them back.
    delegate(&mut world, &update, &[MOBILE_NETWORK]);
    assert_eq!(world.access.values().next().unwrap().delegated, []);

    send(&mut world, &message(MessageType::SOLICIT, vec![association(&[])]));
    assert!(answers(&mut world).is_empty(), "the anchor is asked first");
    world.pass(secs(2));
    let update = world.take_one();
    assert_eq!(asked(&update), ["::/0".parse().unwrap()]);
    delegate(&mut world, &update, &[OTHER_NETWORK]);
    let [advertise] = &answers(&mut world)[..] else { panic!("one answer") };
    assert_eq!(leased(advertise).unwrap()[0].0, net(OTHER_NETWORK));
}

#[test]
fn of_two_prefixes_one_can_be_given_back() {
    let mut world = router_with(&[MOBILE_NETWORK, OTHER_NETWORK]);
    world.pass(secs(60));
    ask(&mut world, &message(MessageType::RELEASE, vec![association(&[OTHER_NETWORK])]));
    world.pass(secs(0));
    assert_eq!(asked(&world.take_one()), [IpNet::V6(net(MOBILE_NETWORK))]);
    // What is not there any more cannot be given back again.
    let release = message(MessageType::RELEASE, vec![association(&[OTHER_NETWORK])]);
    let reply = ask(&mut world, &release);
    assert_eq!(leased(&reply), Err(StatusCode::NO_BINDING));
}

#[test]
fn an_anchor_that_delegates_nothing_leaves_the_router_without_and_is_asked_at_its_pace() {
    let mut world = router_with(&[]);
    world.pass(secs(60));
    let solicit = message(MessageType::SOLICIT, vec![association(&[])]);
    for _ in 0..10 {
        send(&mut world, &solicit);
    }
    world.pass(secs(0));
    let update = world.take_one();
    world.accept(&update);
    let [advertise] = &answers(&mut world)[..] else { panic!("one answer to the last of them") };
    assert_eq!(leased(advertise), Err(StatusCode::NO_PREFIX_AVAIL));
    let renew = message(MessageType::RENEW, vec![association(&[MOBILE_NETWORK])]);
    send(&mut world, &renew);
    world.pass(secs(2));
    let update = world.take_one();
    world.accept(&update);
    let [reply] = &answers(&mut world)[..] else { panic!("one answer") };
    assert_eq!(leased(reply), Ok(vec![(net(MOBILE_NETWORK), 0)]), "it is told to stop using it");
}

#[test]
fn the_end_of_a_session_names_what_was_delegated_and_takes_its_routes_away() {
    let mut world = router_with(&[MOBILE_NETWORK]);
    world.input(|mag, now| {
        mag.clear(&mn("mn7@example.com"), now);
    });
    let farewell = world.take_one();
    assert!(farewell.update().lifetime.is_zero());
    assert_eq!(asked(&farewell), [IpNet::V6(net(MOBILE_NETWORK))]);
    assert!(world.access.is_empty() && world.forwarding.is_empty());
}

#[test]
fn an_anchor_that_gives_a_delegated_prefix_to_another_session_has_ended_the_first() {
    let mut world = router_with(&[MOBILE_NETWORK]);
    world.solicit(IF1, OTHER_NODE);
    let update = world.take_one();
    delegate(&mut world, &update, &[MOBILE_NETWORK]);
    let with: Vec<_> = world.access.values().filter(|n| !n.delegated.is_empty()).collect();
    assert_eq!(with.len(), 1);
    assert_eq!(with[0].mac, Some(OTHER_NODE));
}

#[test]
fn messages_that_a_server_must_discard_are_discarded_and_counted() {
    let mut world = router_with(&[MOBILE_NETWORK]);
    let pd = || association(&[]);
    let without_client = Message { options: vec![pd()], ..message(MessageType::SOLICIT, vec![]) };
    let other_server = DhcpOption::ServerId(vec![0, 3, 0, 1, 1]);
    let mut to_other = message(MessageType::REQUEST, vec![pd()]);
    to_other.options.retain(|option| !matches!(option, DhcpOption::ServerId(_)));
    let to_nobody = to_other.clone();
    to_other.options.push(other_server.clone());
    let wrong = [
        without_client,
        message(MessageType::SOLICIT, vec![other_server.clone(), pd()]),
        message(MessageType::REBIND, vec![DhcpOption::ServerId(SERVER.to_vec()), pd()]),
        to_other,
        to_nobody,
        message(MessageType::INFORMATION_REQUEST, vec![pd()]),
        message(MessageType::INFORMATION_REQUEST, vec![other_server]),
        message(MessageType::CONFIRM, vec![]),
        message(MessageType::ADVERTISE, vec![pd()]),
        message(MessageType::REPLY, vec![pd()]),
        message(MessageType::RECONFIGURE, vec![]),
    ];
    for message in &wrong {
        send(&mut world, message);
    }
    // And by unicast, what is never sent so (RFC 8415 section 18.4).
    let gateway = GATEWAY_LINK_LOCAL.parse().unwrap();
    send_to(&mut world, gateway, &message(MessageType::SOLICIT, vec![pd()]));
    assert!(answers(&mut world).is_empty());
    assert_eq!(world.count("mag_dhcpv6", "discarded"), wrong.len() as u64 + 1);
}

#[test]
fn a_renew_by_unicast_is_told_to_use_the_group() {
    let mut world = router_with(&[MOBILE_NETWORK]);
    let renew = message(MessageType::RENEW, vec![association(&[MOBILE_NETWORK])]);
    send_to(&mut world, GATEWAY_LINK_LOCAL.parse().unwrap(), &renew);
    let [reply] = &answers(&mut world)[..] else { panic!("one answer") };
    assert_eq!(status(reply), Some(StatusCode::USE_MULTICAST));
    assert_eq!(reply.options.len(), 3, "both identifiers and the status: {reply:?}");
}

#[test]
fn addresses_are_not_given_but_confirmed() {
    let mut world = router_with(&[]);
    let addresses = |list: &[&str]| {
        let address = |text: &&str| DhcpOption::IaAddress {
            address: text.parse().unwrap(),
            preferred_lifetime: 0,
            valid_lifetime: 0,
            options: vec![],
        };
        let options = list.iter().map(address).collect();
        DhcpOption::IaNa(Identity { iaid: 1, t1: 0, t2: 0, options })
    };
    let answer = ask(&mut world, &message(MessageType::SOLICIT, vec![addresses(&[])]));
    let none = |o: &DhcpOption| {
        matches!(o, DhcpOption::IaNa(ia) if matches!(ia.options[..],
            [DhcpOption::Status(StatusCode::NO_ADDRS_AVAIL, _)]))
    };
    assert!(answer.options.iter().any(none), "{answer:?}");
    let mut confirm = |list: &[&str]| {
        status(&ask(&mut world, &message(MessageType::CONFIRM, vec![addresses(list)])))
    };
    assert_eq!(confirm(&["2001:db8:1:7::5"]), Some(StatusCode::SUCCESS));
    let mixed = ["2001:db8:1:7::5", "2001:db8:1:8::5"];
    assert_eq!(confirm(&mixed), Some(StatusCode::NOT_ON_LINK));
}

#[test]
fn an_information_request_is_answered_though_there_is_nothing_to_say() {
    let mut world = router_with(&[]);
    let reply = ask(&mut world, &message(MessageType::INFORMATION_REQUEST, vec![]));
    assert_eq!((reply.message_type, reply.options.len()), (MessageType::REPLY, 2));
}

#[test]
fn a_message_with_very_many_associations_gets_an_answer_that_fits_into_a_packet() {
    let mut world = router_with(&[MOBILE_NETWORK]);
    let many =
        (0..80).map(|iaid| DhcpOption::IaPd(Identity { iaid, t1: 0, t2: 0, options: vec![] }));
    send(&mut world, &message(MessageType::SOLICIT, many.collect()));
    let longest = world.frames.iter().map(|(_, octets)| octets.len()).max().unwrap();
    assert!(longest <= 1280 + 14, "{longest}");
    assert_eq!(answers(&mut world).len(), 1);
}

#[test]
fn ipv4_subnets_and_repeated_or_empty_options_of_the_anchor_are_not_delegated() {
    let mut world = World::new(delegating());
    world.solicit(IF1, NODE);
    let update = world.take_one();
    world.accept_with(&update, 3600, |options| {
        for prefix in ["192.0.2.0/28", MOBILE_NETWORK, MOBILE_NETWORK, "::/0", "2001:db8:d0::1/56"]
        {
            options.push(DelegatedMobileNetworkPrefix { prefix: prefix.parse().unwrap() });
        }
    });
    assert_eq!(world.access.values().next().unwrap().delegated, [IpNet::V6(net(MOBILE_NETWORK))]);
}

#[test]
fn a_session_of_one_family_has_its_prefixes_too() {
    let mut settings = delegating();
    let profile =
        Profile { service: Service::Ipv6, delegated_prefixes: true, ..Profile::default() };
    settings.default_profile = Some(profile);
    let mut world = World::new(settings);
    world.solicit(IF1, NODE);
    let update = world.take_one();
    let mut options = update.echo();
    options.push(HomeNetworkPrefix::new(net(PREFIX)));
    options.push(DelegatedMobileNetworkPrefix { prefix: IpNet::V6(net(MOBILE_NETWORK)) });
    world.answer(&update, Status::ACCEPTED, 600, options);
    let solicit = message(MessageType::SOLICIT, vec![association(&[])]);
    assert_eq!(leased(&ask(&mut world, &solicit)), Ok(vec![(net(MOBILE_NETWORK), 600)]));
}
