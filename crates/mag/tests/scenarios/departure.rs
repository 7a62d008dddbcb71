//! How nodes go, and what the anchor is told (RFC 5213 §6.9.1.4, §6.13).

use std::net::Ipv4Addr;
use std::time::Duration;

use kedge_access_wire::arp::Operation;
use kedge_access_wire::icmpv6::{Message, NeighborAdvertisement};
use kedge_access_wire::{Content, Frame};
use kedge_mag::{DetachDiscovery, DetachReason, Event, LinkState, Profile, Service, Settings};
use kedge_wire::registry::{HandoffIndicatorValue, Status};

use crate::world::*;

pub fn with_discovery() -> Settings {
    let mut settings = settings();
    let discovery = DetachDiscovery { interval: secs(10), timeout: secs(2), retries: 2 };
    settings.detach = Some(discovery);
    settings
}

fn reasons(world: &World) -> Vec<DetachReason> {
    let reason = |event: &Event| match event {
        Event::Detached { reason, .. } => Some(*reason),
        _ => None,
    };
    world.events.iter().filter_map(reason).collect()
}

#[test]
fn a_link_that_goes_down_ends_the_sessions_of_its_nodes() {
    for state in [LinkState::Down, LinkState::Gone] {
        let mut world = World::with_active_node(settings());
        world.pass(secs(100));
        world.frames.clear();
        world.input(|mag, now| mag.handle_link(IF2, state, now));
        assert_eq!(world.forwarding.len(), 1, "another link");
        world.input(|mag, now| mag.handle_link(IF1, state, now));
        assert!(world.forwarding.is_empty() && world.access.is_empty());
        assert!(world.frames.is_empty(), "nobody is there to hear");
        let end = world.take_one();
        assert!(end.update().lifetime.is_zero());
        assert_eq!(end.handoff(), HandoffIndicatorValue::UNKNOWN);
        assert_eq!(end.prefixes(), [PREFIX.parse().unwrap()]);
        assert_eq!(end.address(), Some(HOME.parse().unwrap()));
        assert_eq!(reasons(&world), [DetachReason::Link]);
        world.answer(&end, Status::ACCEPTED, 0, end.echo());
        assert!(world.mag.is_idle());
        world.pass(secs(100));
        assert!(world.sent.is_empty());
        assert_eq!(
            world.count("mag_binding_acknowledgements_received", "deregistration_replies"),
            1
        );
    }
}

#[test]
fn an_anchor_that_does_not_answer_a_farewell_is_told_three_times() {
    let mut world = World::with_active_node(settings());
    world.input(|mag, now| mag.handle_link(IF1, LinkState::Down, now));
    world.pass(secs(60));
    assert_eq!(world.sent.len(), 3);
    assert!(world.mag.is_idle());
    assert_eq!(world.count("mag_binding_updates_sent", "deregistration"), 1);
    assert_eq!(world.count("mag_binding_updates_sent", "deregistration_retransmitted"), 2);
}

#[test]
fn a_node_that_comes_back_is_registered_and_its_farewell_not_repeated() {
    let mut world = World::with_active_node(settings());
    world.input(|mag, now| mag.handle_link(IF1, LinkState::Down, now));
    world.input(|mag, now| mag.handle_link(IF1, LinkState::Up, now));
    world.solicit(IF1, NODE);
    let [end, begin] = &world.sent[..] else { panic!("{:?}", world.sent) };
    assert!(end.update().lifetime.is_zero() && !begin.update().lifetime.is_zero());
    let begin = world.sent.remove(1);
    world.accept(&begin);
    world.sent.clear();
    world.pass(secs(60));
    assert!(world.sent.is_empty());
    assert_eq!(world.forwarding.len(), 1);
}

#[test]
fn an_update_on_its_way_is_followed_by_a_farewell() {
    let mut world = World::new(settings());
    world.solicit(IF1, NODE);
    let update = world.take_one();
    world.input(|mag, now| mag.handle_link(IF1, LinkState::Down, now));
    assert!(world.take_one().update().lifetime.is_zero());
    world.accept(&update);
    assert!(world.forwarding.is_empty(), "too late");
}

#[test]
fn nobody_is_served_on_a_link_that_is_down() {
    let mut world = World::new(settings());
    world.input(|mag, now| mag.handle_link(IF1, LinkState::Down, now));
    world.solicit(IF1, NODE);
    assert!(world.sent.is_empty());
}

#[test]
fn a_silent_node_is_asked_and_then_given_up() {
    let mut world = World::with_active_node(with_discovery());
    world.arp(IF1, NODE, Ipv4Addr::new(10, 1, 0, 7), ROUTER);
    world.frames.clear();
    world.pass(Duration::from_millis(9_999));
    world.take_advertisements();
    assert!(world.frames.is_empty());
    world.pass(Duration::from_millis(1));
    let [(_, nd), (_, arp)] = &world.frames[..] else { panic!("{:?}", world.frames) };
    let nd = Frame::decode(nd).unwrap();
    assert_eq!(nd.ethernet.destination, NODE);
    let Content::Neighbor { ip, message: Message::NeighborSolicitation(ns) } = nd.content else {
        panic!("no solicitation");
    };
    assert_eq!(ip.destination.to_string(), "fe80::7", "unicast, as reachability is probed");
    assert_eq!((ip.source.to_string(), ns.target), (GATEWAY_LINK_LOCAL.to_owned(), ip.destination));
    let Content::Arp(arp) = Frame::decode(arp).unwrap().content else { panic!("no ARP") };
    assert_eq!((arp.operation, arp.sender), (Operation::Request, ROUTER));
    assert_eq!(arp.target, Ipv4Addr::new(10, 1, 0, 7));

    world.pass(secs(5));
    assert_eq!(world.forwarding.len(), 1, "asked three times, two seconds each");
    world.pass(secs(1));
    assert!(world.forwarding.is_empty());
    assert_eq!(reasons(&world), [DetachReason::Silent]);
    assert!(world.take_one().update().lifetime.is_zero());
    assert_eq!(world.count("mag_access", "probes"), 3);
}

#[test]
fn a_node_that_answers_stays() {
    let mut world = World::with_active_node(with_discovery());
    for _ in 0..20 {
        world.pass(secs(11));
        let message = Message::NeighborAdvertisement(NeighborAdvertisement {
            router: false,
            solicited: true,
            overriding: false,
            target: "fe80::7".parse().unwrap(),
            options: vec![],
        });
        let gateway = GATEWAY_LINK_LOCAL.parse().unwrap();
        world.neighbor(IF1, NODE, "fe80::7".parse().unwrap(), gateway, &message);
    }
    assert_eq!(world.forwarding.len(), 1);
    assert_eq!(world.count("mag_access", "probes"), 20);
}

#[test]
fn a_node_that_can_be_asked_nothing_is_given_up_after_a_longer_silence() {
    let mut settings = with_discovery();
    settings.default_profile = Some(Profile { service: Service::Ipv4, ..Profile::default() });
    let mut world = World::new(settings);
    world.arp(IF1, NODE, Ipv4Addr::UNSPECIFIED, Ipv4Addr::new(10, 1, 0, 7));
    let update = world.take_one();
    world.accept(&update);
    world.pass(secs(39));
    assert_eq!(world.forwarding.len(), 1);
    assert!(world.frames.is_empty());
    // It may have gone to another gateway, and a refresh from here would take its binding back.
    world.pass(secs(1));
    assert_eq!(reasons(&world), [DetachReason::Silent]);
}

#[test]
fn an_operator_ends_one_session_or_all_and_the_node_hears_of_it() {
    let mut world = World::with_active_node(settings());
    world.solicit(IF2, OTHER_NODE);
    let update = world.take_one();
    world.accept(&update);
    world.frames.clear();
    world.input(|mag, now| assert_eq!(mag.clear(&mn("nobody@example.com"), now), 0));
    world.input(|mag, now| assert_eq!(mag.clear(&mn("mn7@example.com"), now), 1));
    let (_, to, end) = world.take_advertisements().remove(0);
    assert_eq!((to, end.router_lifetime), (NODE, 0));
    assert_eq!(world.forwarding.len(), 1);
    world.input(|mag, now| assert_eq!(mag.clear_all(now), 1));
    assert_eq!(reasons(&world), [DetachReason::Cleared; 2]);
    assert!(world.forwarding.is_empty());
    // Whoever is heard again is registered again.
    world.sent.clear();
    world.solicit(IF1, NODE);
    assert!(!world.take_one().update().lifetime.is_zero());
}

#[test]
fn a_gateway_that_stops_says_farewell_for_all_and_serves_nobody_any_more() {
    let mut world = World::with_active_node(settings());
    world.input(|mag, now| mag.shutdown(now));
    assert_eq!(world.take_advertisements().len(), 1);
    let end = world.take_one();
    world.solicit(IF1, NODE);
    assert!(world.sent.is_empty());
    assert!(!world.mag.is_idle());
    world.answer(&end, Status::ACCEPTED, 0, end.echo());
    assert!(world.mag.is_idle());
}

#[test]
fn new_settings_touch_only_what_they_change() {
    let mut settings = settings();
    settings.identities.insert(STRANGER, mn("mn9@example.com"));
    settings.tunnel_mtu = Some(1400);
    let mut world = World::with_active_node(crate::world::settings());
    world.input(|mag, now| mag.apply(settings, now));
    assert!(world.sent.is_empty());
    assert_eq!(world.forwarding.values().next().unwrap().paths[0].tunnel.mtu, 1400);

    // Another identity, another anchor, no identity.
    let mut other = crate::world::settings();
    other.identities.insert(NODE, mn("renamed@example.com"));
    world.input(|mag, now| mag.apply(other, now));
    let [end, begin] = &world.sent[..] else { panic!("{:?}", world.sent) };
    assert!(end.update().lifetime.is_zero() && !begin.update().lifetime.is_zero());
    world.sent.clear();
    let moved = with_lma(crate::world::settings(), |lma| {
        lma.address = "2001:db8::2".parse().unwrap();
    });
    world.input(|mag, now| mag.apply(moved, now));
    assert_eq!(world.sent[0].path.peer.to_string(), "[2001:db8::1]:0");
    assert_eq!(world.sent[1].path.peer.to_string(), "[2001:db8::2]:0");
    world.sent.clear();
    let mut none = crate::world::settings();
    none.identities.clear();
    world.input(|mag, now| mag.apply(none, now));
    assert!(world.take_one().update().lifetime.is_zero());
}
