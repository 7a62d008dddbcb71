//! From the first sign of a node to an established session, and keeping it (RFC 5213 §6.9.1).

use std::time::Duration;

use kedge_access_wire::dhcpv4::MessageType;
use kedge_mag::{
    BindingState, DetachReason, Event, LinkState, Profile, Replay, Service, Settings, Trigger,
    TunnelMode,
};
use kedge_model::{Encapsulation, IpNet, Ipv6Net, Lifetime, Sequence};
use kedge_wire::registry::{
    AccessTechnologyType, HandoffIndicatorValue, Ipv4HomeAddressStatus, OptionType, Status,
};
use kedge_wire::{
    AccessTechnology, BindingRefreshAdvice, BuFlags, GreKeyOption, HomeNetworkPrefix,
    Ipv4HomeAddressReply, Message, MnIdOption, MnLinkLayerId, NatDetection, TimestampOption,
};

use crate::world::*;

#[test]
fn the_first_update_is_the_one_of_rfc_5213_section_6_9_1_5() {
    let mut world = World::new(settings());
    world.solicit(IF1, NODE);
    let update = world.take_one();
    let bu = update.update();
    assert!(bu.flags.contains(BuFlags::A | BuFlags::P), "{:?}", bu.flags);
    assert!(!bu.flags.contains(BuFlags::F));
    assert_eq!(bu.lifetime, Lifetime::from_secs(3600));
    assert_eq!(update.path.local.to_string(), "[2001:db8::11]:0");
    assert_eq!(update.path.peer.to_string(), "[2001:db8::1]:0");
    let options = &update.packet.options;
    assert_eq!(options.get::<MnIdOption<'_>>().unwrap().to_mn_id(), mn("mn7@example.com"));
    assert_eq!(update.prefixes(), [Ipv6Net::default()], "one all-zero prefix");
    assert_eq!(update.address().unwrap().addr().to_string(), "0.0.0.0");
    assert_eq!(update.handoff(), HandoffIndicatorValue::UNKNOWN);
    let technology = options.get::<AccessTechnology>().unwrap().0;
    assert_eq!(technology, AccessTechnologyType::IEEE_802_3);
    assert_eq!(options.get::<MnLinkLayerId<'_>>().unwrap().identifier(), NODE.0);
    assert!(options.get::<TimestampOption>().is_some());
    // The gateway's link-local address is fixed (RFC 6543), so it is not negotiated.
    assert!(!options.contains(OptionType::LINK_LOCAL_ADDRESS));
    assert!(!options.contains(OptionType::GRE_KEY));
    let [Event::Attached { mn_id, interface, mac, trigger, .. }] = &world.events[..] else {
        panic!("{:?}", world.events);
    };
    assert_eq!((mn_id, *interface, *mac), (&mn("mn7@example.com"), IF1, Some(NODE)));
    assert_eq!(*trigger, Trigger::RouterSolicitation);
    // The checksum is the one of the IPv6 transport.
    let local = "2001:db8::11".parse().unwrap();
    let peer = "2001:db8::1".parse().unwrap();
    assert!(kedge_wire::verify_checksum(local, peer, &update.bytes));
}

#[test]
fn an_accepted_update_sets_up_tunnel_and_routes_and_only_then_advertises() {
    let mut world = World::new(settings());
    world.solicit(IF1, NODE);
    let update = world.take_one();
    assert!(world.frames.is_empty() && world.forwarding.is_empty(), "nothing is promised yet");
    world.pass(Duration::from_millis(20));
    world.accept(&update);

    let forwarding = world.forwarding.values().next().unwrap();
    let inner: Vec<IpNet> = vec![PREFIX.parse().unwrap(), "10.1.0.7/32".parse().unwrap()];
    assert_eq!(forwarding.inner, inner);
    assert_eq!(forwarding.vrf.0, 3);
    let [path] = forwarding.paths[..] else { panic!("one path") };
    assert_eq!(path.tunnel.encapsulation, Encapsulation::IpInIp);
    assert_eq!(path.tunnel.mtu, 1460, "1500 less an IPv6 header");
    assert_eq!(path.tunnel.local.to_string(), "2001:db8::11");

    let node = world.access.values().next().unwrap();
    assert_eq!((node.interface, node.mac, &node.inner), (IF1, Some(NODE), &inner));
    assert_eq!((node.ipv4_router, node.ipv4_prefix_len), (Some(ROUTER), 24));

    assert_eq!(world.take_advertisements().len(), 1);
    let registered = world.events.iter().find_map(|event| match event {
        Event::Registered { prefixes, ipv4, took, .. } => Some((prefixes.clone(), *ipv4, *took)),
        _ => None,
    });
    let (prefixes, ipv4, took) = registered.expect("the registration is reported");
    assert_eq!(prefixes, [PREFIX.parse().unwrap()]);
    assert_eq!(ipv4, Some(HOME.parse().unwrap()));
    assert_eq!(took, Duration::from_millis(20));
    assert_eq!(world.count("mag_binding_acknowledgements_received", "initial_accepted"), 1);
}

#[test]
fn routes_and_tunnel_are_there_before_the_node_is_told_to_use_them() {
    let mut world = World::new(settings());
    world.solicit(IF1, NODE);
    world.dhcp(IF1, &dhcp_message(MessageType::DISCOVER, vec![]));
    let update = world.take_one();
    world.order.clear();
    world.accept(&update);
    assert_eq!(world.order, ["access", "forward", "frame", "frame", "event"]);
}

#[test]
fn a_lost_update_is_sent_again_with_doubling_intervals_and_a_later_time_each() {
    let mut world = World::new(Settings { replay_window: None, ..settings() });
    world.solicit(IF1, NODE);
    world.pass(secs(1 + 2 + 4 + 8 + 16 + 32 + 32));
    assert_eq!(world.sent.len(), 8, "after 0, 1, 3, 7, 15, 31, 63 and 95 seconds");
    let sequences: Vec<Sequence> = world.sent.iter().map(|s| s.update().sequence).collect();
    assert!(sequences.windows(2).all(|pair| pair[1] == pair[0].next()), "{sequences:?}");
    let times: Vec<_> =
        world.sent.iter().map(|s| s.packet.options.get::<TimestampOption>().unwrap().0).collect();
    assert!(times.windows(2).all(|pair| pair[1] > pair[0]), "{times:?}");
    assert_eq!(world.count("mag_binding_updates_sent", "initial"), 1);
    assert_eq!(world.count("mag_binding_updates_sent", "initial_retransmitted"), 7);
    let unanswered = |e: &&Event| matches!(e, Event::Unanswered { attempts: 3, .. });
    assert_eq!(world.events.iter().filter(unanswered).count(), 1);
    // It goes on for as long as the node is there, and any of the last four may be answered.
    let late = world.sent.remove(5);
    world.accept(&late);
    assert_eq!(world.forwarding.len(), 1);
}

/// The types of a message's options.
fn kinds(sent: &Sent) -> Vec<OptionType> {
    sent.packet.options.iter().map(|option| option.kind()).collect()
}

#[test]
fn a_binding_is_refreshed_before_it_runs_out_with_what_it_has() {
    let mut world = World::new(settings());
    world.solicit(IF1, NODE);
    let first = world.take_one();
    world.accept(&first);
    world.events.clear();
    world.pass(secs(299));
    assert!(world.sent.is_empty());
    world.pass(secs(1));
    let refresh = world.take_one();
    assert_eq!(kinds(&refresh), kinds(&first), "the same set of options (RFC 5213 §6.9.1.3 (1))");
    assert_eq!(refresh.handoff(), HandoffIndicatorValue::NOT_CHANGED);
    assert_eq!(refresh.prefixes(), [PREFIX.parse().unwrap()]);
    assert_eq!(refresh.address(), Some(HOME.parse().unwrap()));
    let before = world.forwarding.clone();
    world.accept(&refresh);
    assert_eq!(world.forwarding, before);
    assert!(world.events.is_empty(), "a refresh is no news: {:?}", world.events);
    world.pass(secs(300));
    assert_eq!(world.take_one().handoff(), HandoffIndicatorValue::NOT_CHANGED);
    assert_eq!(world.count("mag_binding_updates_sent", "refresh"), 2);
}

#[test]
fn a_short_lifetime_is_refreshed_at_half_of_it_and_the_anchors_advice_is_taken() {
    let mut world = World::new(settings());
    world.solicit(IF1, NODE);
    let update = world.take_one();
    world.accept_with(&update, 60, |_| {});
    world.pass(secs(29));
    assert!(world.sent.is_empty());
    world.pass(secs(1));
    let refresh = world.take_one();
    world.accept_with(&refresh, 60, |options| {
        options.push(BindingRefreshAdvice(Lifetime::from_secs(12)));
    });
    world.pass(secs(12));
    world.take_one();
}

#[test]
fn a_binding_that_nobody_extends_ends_with_its_lifetime_and_is_begun_anew() {
    let mut world = World::new(settings());
    world.solicit(IF1, NODE);
    let update = world.take_one();
    world.accept_with(&update, 60, |_| {});
    world.frames.clear();
    world.pass(secs(59));
    assert_eq!(world.forwarding.len(), 1, "it is the anchor's promise until then");
    world.sent.clear();
    world.frames.clear();
    world.pass(secs(1));
    assert!(world.forwarding.is_empty() && world.access.is_empty());
    let (_, _, end) = world.take_advertisements().pop().expect("the node is told");
    assert_eq!(end.router_lifetime, 0);
    assert!(world.events.iter().any(|e| matches!(e, Event::Expired { .. })));
    let anew = world.take_one();
    assert_eq!(anew.prefixes(), [Ipv6Net::default()]);
    world.accept(&anew);
    assert_eq!(world.forwarding.len(), 1);
}

#[test]
fn a_node_that_just_came_up_on_its_link_is_asserted_again_soon_but_not_often() {
    let mut world = World::with_active_node(settings());
    world.pass(secs(10));
    for _ in 0..5 {
        world.solicit(IF1, NODE);
    }
    world.pass(Duration::ZERO);
    let update = world.take_one();
    assert_eq!(update.handoff(), HandoffIndicatorValue::UNKNOWN, "it may have been elsewhere");
    assert_eq!(update.prefixes(), [PREFIX.parse().unwrap()]);
    world.accept(&update);
    world.solicit(IF1, NODE);
    world.pass(Duration::from_millis(1900));
    assert!(world.sent.is_empty(), "not within two seconds of the last one");
    world.pass(Duration::from_millis(200));
    let update = world.take_one();
    world.accept(&update);
    world.pass(secs(200));
    assert!(world.sent.is_empty(), "once is enough");
    assert_eq!(world.count("mag_binding_updates_sent", "reassertions"), 2);
}

#[test]
fn any_packet_of_a_known_node_attaches_it_and_none_of_a_stranger() {
    let mut world = World::new(settings());
    world.arp(IF1, STRANGER, ROUTER, ROUTER);
    assert!(world.sent.is_empty());
    assert_eq!(world.count("mag_access", "unknown_nodes"), 1);
    world.arp(IF2, NODE, "10.1.0.7".parse().unwrap(), ROUTER);
    assert_eq!(world.take_one().prefixes(), [Ipv6Net::default()]);
    assert!(matches!(world.events[..], [Event::Attached { trigger: Trigger::Neighbor, .. }]));
}

#[test]
fn every_node_of_an_interface_may_have_the_interfaces_identity() {
    let mut settings = settings();
    settings.interfaces.get_mut(&IF1).unwrap().identity = Some(mn("anyone@example.com"));
    let mut world = World::new(settings);
    world.solicit(IF1, STRANGER);
    let update = world.take_one();
    let id = update.packet.options.get::<MnIdOption<'_>>().unwrap().to_mn_id();
    assert_eq!(id, mn("anyone@example.com"));
    // An entry for the hardware address is more specific.
    world.solicit(IF1, NODE);
    let update = world.take_one();
    let id = update.packet.options.get::<MnIdOption<'_>>().unwrap().to_mn_id();
    assert_eq!(id, mn("mn7@example.com"));
}

#[test]
fn a_static_node_is_registered_when_its_link_comes_up_and_gets_its_address_when_heard() {
    let mut settings = settings();
    let interface = settings.interfaces.get_mut(&IF1).unwrap();
    interface.identity = Some(mn("pump@example.com"));
    interface.static_node = true;
    let mut world = World::new(settings);
    world.input(|mag, now| mag.handle_link(IF1, LinkState::Up, now));
    let update = world.take_one();
    assert!(!update.packet.options.contains(OptionType::MN_LINK_LAYER_ID), "it is not known");
    world.accept(&update);
    let (_, to, _) = world.take_advertisements().pop().unwrap();
    assert_eq!(to.to_string(), "33:33:00:00:00:01", "to whoever is there");
    world.solicit(IF1, STRANGER);
    assert_eq!(world.access.values().next().unwrap().mac, Some(STRANGER));
    assert_eq!(world.mag.bindings(world.now().mono).count(), 1, "it is the same node");
    world.pass(secs(300));
    let refresh = world.take_one();
    assert!(!refresh.packet.options.contains(OptionType::MN_LINK_LAYER_ID), "the same options");
}

#[test]
fn the_families_asked_for_are_those_of_the_profile() {
    for (service, prefixes, address) in
        [(Service::Ipv4, 0, true), (Service::Ipv6, 1, false), (Service::Dual, 1, true)]
    {
        let mut settings = settings();
        let profile = Profile { service, lma: Some("LMA1".to_owned()), ..Profile::default() };
        settings.profiles.insert(mn("mn7@example.com"), profile);
        let mut world = World::new(settings);
        world.solicit(IF1, NODE);
        let update = world.take_one();
        assert_eq!((update.prefixes().len(), update.address().is_some()), (prefixes, address));
        world.accept(&update);
        assert_eq!(world.take_advertisements().len(), prefixes, "no prefix, no advertisement");
        // RFC 5844 §3.2.3.3: so do the updates after it.
        world.pass_until_sent();
        let refresh = world.take_one();
        assert_eq!((refresh.prefixes().len(), refresh.address().is_some()), (prefixes, address));
        world.accept(&refresh);
        world.input(|mag, now| assert_eq!(mag.clear_all(now), 1));
        let farewell = world.take_one();
        assert_eq!((farewell.prefixes().len(), farewell.address().is_some()), (prefixes, address));
    }
}

#[test]
fn gre_keys_are_exchanged_each_side_choosing_what_it_receives() {
    let settings = with_lma(settings(), |lma| lma.encapsulation = TunnelMode::GreKeyed);
    let mut world = World::new(settings);
    world.solicit(IF1, NODE);
    let update = world.take_one();
    let ours = update.packet.options.get::<GreKeyOption>().unwrap().key.expect("a downlink key");
    world.accept_with(&update, 3600, |o| o.push(GreKeyOption { key: Some(99) }));
    let tunnel = world.forwarding.values().next().unwrap().paths[0].tunnel;
    let expected = Encapsulation::Gre { send_key: Some(99), receive_key: Some(ours) };
    assert_eq!(tunnel.encapsulation, expected);
    assert_eq!(tunnel.mtu, 1452);
    world.pass(secs(300));
    let refresh = world.take_one();
    assert_eq!(refresh.packet.options.get::<GreKeyOption>().unwrap().key, Some(ours));
    world.accept_with(&refresh, 3600, |o| o.push(GreKeyOption { key: Some(99) }));
    // Another session has another key; a de-registration has none (RFC 5845 §4.2).
    world.solicit(IF1, OTHER_NODE);
    let other = world.take_one();
    assert_ne!(other.packet.options.get::<GreKeyOption>().unwrap().key, Some(ours));
    world.input(|mag, now| {
        mag.clear(&mn("mn7@example.com"), now);
    });
    assert!(!world.take_one().packet.options.contains(OptionType::GRE_KEY));
}

#[test]
fn a_nodes_fixed_downlink_key_is_what_its_updates_carry() {
    let mut settings = with_lma(settings(), |lma| lma.encapsulation = TunnelMode::GreKeyed);
    let profile = settings.default_profile.get_or_insert_default();
    profile.downlink_key = Some(77);
    let mut world = World::new(settings);
    world.solicit(IF1, NODE);
    let update = world.take_one();
    assert_eq!(update.packet.options.get::<GreKeyOption>().unwrap().key, Some(77));
}

#[test]
fn an_anchor_without_gre_gets_ip_in_ip_and_is_not_asked_again() {
    let settings = with_lma(settings(), |lma| lma.encapsulation = TunnelMode::Gre);
    let mut world = World::new(settings);
    world.solicit(IF1, NODE);
    let update = world.take_one();
    assert_eq!(update.packet.options.get::<GreKeyOption>().unwrap().key, None);
    world.accept(&update);
    let tunnel = world.forwarding.values().next().unwrap().paths[0].tunnel;
    assert_eq!(tunnel.encapsulation, Encapsulation::IpInIp);
    world.solicit(IF1, OTHER_NODE);
    assert!(!world.take_one().packet.options.contains(OptionType::GRE_KEY));
}

/// The anchor is configured for it too, and knows nothing of RFC 5845: it is neither asked nor told.
#[test]
fn a_static_gre_tunnel_needs_no_option_in_either_direction_and_has_no_keys() {
    let settings = with_lma(settings(), |lma| lma.encapsulation = TunnelMode::StaticGre);
    let mut world = World::new(settings);
    for node in [NODE, OTHER_NODE] {
        world.solicit(IF1, node);
        let update = world.take_one();
        assert!(!update.packet.options.contains(OptionType::GRE_KEY));
        world.accept(&update);
    }
    let without_keys = Encapsulation::Gre { send_key: None, receive_key: None };
    for forwarding in world.forwarding.values() {
        assert_eq!(forwarding.paths[0].tunnel.encapsulation, without_keys);
    }
}

#[test]
fn status_2_turns_gre_off_for_this_session_alone() {
    let settings = with_lma(settings(), |lma| lma.encapsulation = TunnelMode::Gre);
    let mut world = World::new(settings);
    world.solicit(IF1, NODE);
    let update = world.take_one();
    let mut options = update.echo();
    options.push(kedge_wire::HomeNetworkPrefix::new(PREFIX.parse().unwrap()));
    world.answer(&update, Status::GRE_KEY_OPTION_NOT_REQUIRED, 3600, options);
    let tunnel = world.forwarding.values().next().expect("it is a success").paths[0].tunnel;
    assert_eq!(tunnel.encapsulation, Encapsulation::IpInIp);
    world.solicit(IF1, OTHER_NODE);
    let others = world.take_one();
    assert!(others.packet.options.contains(OptionType::GRE_KEY));
    world.accept_with(&others, 3600, |options| options.push(GreKeyOption { key: None }));
    world.pass_until_sent();
    let is_firsts = |sent: &&Sent| {
        let named = sent.packet.options.get::<MnIdOption<'_>>().unwrap().to_mn_id();
        named == mn("mn7@example.com")
    };
    let refresh = world.sent.iter().find(is_firsts).expect("the first node's refresh");
    assert!(!kinds(refresh).contains(&OptionType::GRE_KEY), "RFC 5845 §4.2: MUST NOT");
}

#[test]
fn over_ipv4_signalling_is_udp_and_the_anchor_decides_about_udp_for_data() {
    let settings = with_lma(settings(), |lma| {
        lma.address = "192.0.2.1".parse().unwrap();
        lma.encapsulation = TunnelMode::Udp;
    });
    let mut world = World::new(settings);
    world.solicit(IF1, NODE);
    let update = world.take_one();
    assert_eq!(update.path.local.to_string(), "192.0.2.11:5436");
    assert_eq!(update.path.peer.to_string(), "192.0.2.1:5436");
    assert_eq!(update.bytes[4..6], [0, 0], "the UDP checksum is used (RFC 5844 §4.2.2.1)");
    assert!(update.update().flags.contains(BuFlags::F));
    world.accept_with(&update, 3600, |options| {
        options.push(NatDetection { force_udp: true, refresh_time: u32::MAX });
    });
    let tunnel = world.forwarding.values().next().unwrap().paths[0].tunnel;
    let udp = Encapsulation::Udp { local_port: 5437, peer_port: 5437 };
    assert_eq!((tunnel.encapsulation, tunnel.mtu), (udp, 1472));
}

#[test]
fn without_the_nat_detection_option_ipv4_is_carried_in_ipv4() {
    let settings = with_lma(settings(), |lma| {
        lma.address = "192.0.2.1".parse().unwrap();
        lma.encapsulation = TunnelMode::Udp;
    });
    let mut world = World::new(settings);
    world.solicit(IF1, NODE);
    let update = world.take_one();
    world.accept(&update);
    let tunnel = world.forwarding.values().next().unwrap().paths[0].tunnel;
    assert_eq!((tunnel.encapsulation, tunnel.mtu), (Encapsulation::IpInIp, 1480));
}

#[test]
fn a_second_interface_of_a_node_at_the_same_gateway_is_new() {
    let mut settings = settings();
    settings.identities.insert(OTHER_NODE, mn("mn7@example.com"));
    let mut world = World::new(settings);
    world.solicit(IF1, NODE);
    let first = world.take_one();
    assert_eq!(first.handoff(), HandoffIndicatorValue::UNKNOWN);
    world.accept(&first);
    world.solicit(IF2, OTHER_NODE);
    assert_eq!(world.take_one().handoff(), HandoffIndicatorValue::NEW_INTERFACE);
}

#[test]
fn a_node_that_moves_to_another_port_keeps_its_session() {
    let mut world = World::with_active_node(settings());
    let binding = *world.forwarding.keys().next().unwrap();
    world.pass(secs(5));
    world.frames.clear();
    world.solicit(IF2, NODE);
    assert_eq!(world.access[&binding].interface, IF2);
    let (interface, ..) = world.take_advertisements()[0];
    assert_eq!(interface, IF2);
    world.input(|mag, now| mag.handle_link(IF1, LinkState::Down, now));
    assert_eq!(world.forwarding.len(), 1, "it is not there any more");
}

#[test]
fn a_node_that_moves_to_another_technology_gets_another_session() {
    let mut settings = settings();
    let interface = settings.interfaces.get_mut(&IF2).unwrap();
    interface.access_technology = AccessTechnologyType::IEEE_802_11A_B_G;
    let mut world = World::with_active_node(settings);
    world.solicit(IF2, NODE);
    let [end, begin] = &world.sent[..] else { panic!("{:?}", world.sent) };
    assert!(end.update().lifetime.is_zero());
    assert_eq!(begin.prefixes(), [Ipv6Net::default()]);
    let technology = begin.packet.options.get::<AccessTechnology>().unwrap().0;
    assert_eq!(technology, AccessTechnologyType::IEEE_802_11A_B_G);
    let moved = |e: &Event| matches!(e, Event::Detached { reason: DetachReason::Moved, .. });
    assert!(world.events.iter().any(moved));
    // The old session's end is not repeated behind the new one's beginning.
    world.sent.clear();
    world.pass(secs(10));
    assert!(world.sent.iter().all(|sent| !sent.update().lifetime.is_zero()));
}

#[test]
fn a_full_gateway_turns_nodes_away() {
    let mut settings = settings();
    settings.max_bindings = 1;
    let mut world = World::with_active_node(settings);
    world.solicit(IF1, OTHER_NODE);
    assert!(world.sent.is_empty());
    assert!(matches!(world.events[..], [Event::Full { interface: IF1, .. }]));
    assert_eq!(world.count("mag_access", "full"), 1);
}

#[test]
fn a_static_node_that_found_the_gateway_full_tries_again_with_longer_and_longer_waits() {
    let mut settings = settings();
    settings.max_bindings = 1;
    let link = settings.interfaces.get_mut(&IF2).unwrap();
    (link.identity, link.static_node) = (Some(mn("static@example.com")), true);
    let mut world = World::with_active_node(settings);
    world.input(|mag, now| mag.handle_link(IF2, LinkState::Up, now));
    assert_eq!(world.count("mag_access", "full"), 1);
    // After 10, 30 and 70 seconds.
    for (wait, turned_away) in [(9, 1), (1, 2), (19, 2), (1, 3), (39, 3), (1, 4)] {
        world.pass(secs(wait));
        assert_eq!(world.count("mag_access", "full"), turned_away);
    }
    world.sent.clear();
    world.input(|mag, now| mag.handle_link(IF1, LinkState::Down, now));
    let end = world.take_one();
    world.accept_with(&end, 0, |_| {});
    world.pass(secs(79));
    assert!(world.sent.is_empty());
    world.pass(secs(1));
    let identity = world.take_one().packet.options.get::<MnIdOption<'_>>().unwrap().to_mn_id();
    assert_eq!(identity, mn("static@example.com"));
    assert_eq!(world.count("mag_access", "full"), 4);
}

#[test]
fn what_is_shown_is_what_is_held() {
    let mut world = World::new(settings());
    world.solicit(IF1, NODE);
    world.pass(secs(1));
    let view = world.mag.bindings(world.now().mono).next().unwrap();
    assert_eq!((view.state, view.transmissions), (BindingState::Registering, 2));
    assert_eq!(view.next_update, Some(secs(2)));
    let update = world.sent.remove(0);
    world.accept(&update);
    world.pass(secs(100));
    let view = world.mag.bindings(world.now().mono).next().unwrap();
    assert_eq!(view.state, BindingState::Active);
    assert_eq!(view.lifetime, Some((Lifetime::from_secs(3600), secs(3500))));
    assert_eq!(view.lma_name, "LMA1");
    assert_eq!(view.link_local, Some("fe80::7".parse().unwrap()));
    assert_eq!(view.ipv4_router, Some(ROUTER));
    assert_eq!(view.tunnel, Some(world.forwarding.values().next().unwrap().paths[0].tunnel));
}

#[test]
fn everything_wanted_is_told_again_on_request() {
    let mut world = World::with_active_node(settings());
    let (forwarding, access) = (world.forwarding.clone(), world.access.clone());
    world.forwarding.clear();
    world.access.clear();
    world.input(|mag, _| mag.repeat_wanted());
    assert_eq!((world.forwarding, world.access), (forwarding, access));
}

#[test]
fn an_accepted_update_without_addresses_is_no_service() {
    let mut world = World::new(settings());
    world.solicit(IF1, NODE);
    let update = world.take_one();
    world.answer(&update, Status::ACCEPTED, 3600, update.echo());
    assert!(world.forwarding.is_empty());
    assert!(world.events.iter().any(|e| matches!(e, Event::Refused { .. })));
}

#[test]
fn the_end_of_a_session_is_not_the_answer_to_an_update_with_the_same_number() {
    let mut world = World::new(with_lma(settings(), |lma| lma.encapsulation = TunnelMode::Gre));
    world.solicit(IF1, NODE);
    let update = world.take_one();
    // A de-registration's acknowledgement has no lifetime and no GRE Key option.
    world.answer(&update, Status::ACCEPTED, 0, update.echo());
    assert_eq!(world.count("mag_discards", "unmatched"), 1);
    world.pass(secs(1));
    let again = world.take_one();
    assert!(again.packet.options.contains(OptionType::GRE_KEY), "the anchor still knows GRE");
}

#[test]
fn what_the_anchor_gives_to_another_node_the_first_one_has_no_more() {
    let mut world = World::with_active_node(settings());
    world.solicit(IF1, OTHER_NODE);
    let update = world.take_one();
    // The anchor was restarted and knows nothing of the first node.
    let mut options = update.echo();
    options.push(HomeNetworkPrefix::new(PREFIX.parse().unwrap()));
    world.answer(&update, Status::ACCEPTED, 3600, options);
    let states: Vec<_> = world.mag.bindings(world.now().mono).map(|view| view.state).collect();
    assert_eq!(states, [BindingState::Registering, BindingState::Active]);
    assert_eq!((world.forwarding.len(), world.access.len()), (1, 1));
    let again = world.take_one();
    assert_eq!(again.prefixes(), ["::/0".parse().unwrap()], "anything will do");
}

/// To an anchor that compares the numbers of a node and not of a session, the second interface
/// does not begin out of its window.
#[test]
fn without_timestamps_the_numbers_of_a_nodes_interfaces_follow_one_another() {
    let mut settings = Settings { replay: Replay::Sequence, ..settings() };
    settings.identities.insert(OTHER_NODE, mn("mn7@example.com"));
    let mut world = World::new(settings);
    world.solicit(IF1, NODE);
    let first = world.take_one();
    world.accept(&first);
    world.solicit(IF2, OTHER_NODE);
    let second = world.take_one();
    assert_eq!(second.update().sequence, first.update().sequence.next());
    world.accept_with(&second, 3600, |options| {
        *options = second.echo();
        options.push(HomeNetworkPrefix::new(OTHER_PREFIX.parse().unwrap()));
    });
    world.pass(secs(300));
    let refreshes: Vec<Sequence> = world.sent.drain(..).map(|s| s.update().sequence).collect();
    let number = second.update().sequence;
    assert_eq!(refreshes, [number.next(), number.next().next()]);
}

/// RFC 5844's double status: the update is accepted and the address is not.
#[test]
fn an_address_that_was_not_assigned_is_asked_for_in_every_refresh() {
    let mut world = World::new(settings());
    world.solicit(IF1, NODE);
    let update = world.take_one();
    let mut options = update.echo();
    options.push(HomeNetworkPrefix::new(PREFIX.parse().unwrap()));
    let status = Ipv4HomeAddressStatus::FAILURE_REASON_UNSPECIFIED;
    options.push(Ipv4HomeAddressReply { status, address: "0.0.0.0/0".parse().unwrap() });
    world.answer(&update, Status::ACCEPTED, 3600, options);
    world.pass(secs(300));
    let refresh = world.take_one();
    assert_eq!(refresh.prefixes(), [PREFIX.parse().unwrap()]);
    assert!(refresh.address().is_some_and(|address| address.addr().is_unspecified()));
    world.accept(&refresh);
    assert_eq!(world.forwarding.values().next().unwrap().inner.len(), 2);
}

/// Routes to all destinations, to groups or to a link's own addresses would not be a node's.
#[test]
fn what_no_node_can_have_is_not_taken_from_an_anchor_either() {
    let homes =
        ["203.0.113.7/0", "127.0.0.1/8", "224.0.0.5/4", "255.255.255.255/32", "169.254.1.1/16"];
    for home in homes {
        let mut world = World::new(settings());
        world.solicit(IF1, NODE);
        let update = world.take_one();
        let mut options = update.echo();
        for prefix in [PREFIX, "2001:db8::/0", "fe80::/64", "ff02::/64", "::/64", PREFIX] {
            options.push(HomeNetworkPrefix::new(prefix.parse().unwrap()));
        }
        let address = home.parse().unwrap();
        options.push(Ipv4HomeAddressReply { status: Ipv4HomeAddressStatus::SUCCESS, address });
        world.answer(&update, Status::ACCEPTED, 3600, options);
        let forwarding = world.forwarding.values().next().unwrap();
        assert_eq!(forwarding.inner, [PREFIX.parse::<IpNet>().unwrap()], "{home}");
    }
}

#[test]
fn an_unknown_type_over_udp_is_answered_with_a_binding_error_to_where_it_came_from() {
    let settings = with_lma(settings(), |lma| lma.address = "192.0.2.1".parse().unwrap());
    let mut world = World::new(settings);
    world.solicit(IF1, NODE);
    let path = world.take_one().path;
    world.deliver_bytes(path, vec![59, 0, 99, 0, 0, 0, 0, 0]);
    let sent = world.take_one();
    assert!(matches!(sent.packet.message, Message::BindingError(_)));
    assert_eq!((sent.path, &sent.bytes[4..6]), (path, &[0, 0][..]), "RFC 5844 §4.2.2");
}
