//! A session from its beginning to its end: what a node gets, what is forwarded, what is counted.

mod kit;

use std::net::{IpAddr, Ipv4Addr};

use kedge_lma::{Denial, Discard, Dscp, Ipv4Home, Rejection, Release, Settings, Usage, What};
use kedge_model::{CustomerId, Encapsulation, IpNet, MnId};
use kedge_wire::registry::Ipv4HomeAddressStatus;
use kedge_wire::{
    AlternateCareOfAddress, BaFlags, DhcpSupportMode, HomeNetworkPrefix, Ipv4DefaultRouter,
    Ipv4HomeAddressReply, LinkLocalAddress, TimestampOption,
};
use kit::*;

const NONE: [&str; 0] = [];

#[test]
fn a_dual_stack_node_gets_a_prefix_an_address_and_a_tunnel() {
    let mut world = World::new();
    let (ack, outcome) = world.accepted(&attach(MAG1).ipv4("0.0.0.0/0"));
    assert_eq!(ack.status().0, 0);
    assert!(ack.body.flags.contains(BaFlags::P));
    assert_eq!(ack.body.lifetime.secs(), 600);
    assert_eq!(ack.prefixes(), ["2001:db8:100::/64"]);
    let reply = ack.options.get::<Ipv4HomeAddressReply>().unwrap();
    assert_eq!(reply.status, Ipv4HomeAddressStatus::SUCCESS);
    assert_eq!(reply.address.to_string(), "10.0.0.2/24");
    assert_eq!(ack.options.get::<Ipv4DefaultRouter>().unwrap().0, Ipv4Addr::new(10, 0, 0, 1));
    assert!(ack.options.get::<DhcpSupportMode>().unwrap().server);
    assert!(ack.options.get::<LinkLocalAddress>().is_none(), "not asked for");

    let want = outcome.forward().as_ref().unwrap();
    assert_eq!(
        want.inner,
        ["2001:db8:100::/64", "10.0.0.2/32"].map(|p| p.parse::<IpNet>().unwrap())
    );
    let tunnel = want.paths[0].tunnel;
    assert_eq!((tunnel.local, tunnel.peer), (v6(LMA).into(), v6(MAG1).into()));
    assert_eq!((tunnel.encapsulation, tunnel.mtu), (Encapsulation::IpInIp, 1_460));
    assert!(want.paths[0].weight > 0);

    let home = Ipv4Home {
        address: Ipv4Addr::new(10, 0, 0, 2),
        prefix_len: 24,
        router: Ipv4Addr::new(10, 0, 0, 1),
    };
    let binding = world.only_binding();
    assert_eq!(binding.addresses.ipv4, Some(home));
    assert_eq!(world.lma.peer_name(binding.paths.first()), Some("mag1"));
    let (ipv4, ipv6) = world.lma.usage("home").unwrap();
    assert_eq!(ipv4, Some(Usage { taken: 1, size: 253 }));
    assert_eq!(ipv6, Some(Usage { taken: 1, size: 65_536 }));
    assert_eq!(world.count("binding_acks_sent.accepted_initial"), 1);
    assert_eq!(world.count("binding_updates_initial.accepted"), 1);
}

#[test]
fn a_node_gets_the_families_that_are_asked_for() {
    let mut world = World::new();
    let (ack, _) = world.accepted(&attach(MAG1));
    assert!(ack.options.get::<Ipv4HomeAddressReply>().is_none());
    let (ack, outcome) = world.accepted(&attach(MAG1).mn("b@x").prefixes(&NONE).ipv4("0.0.0.0/0"));
    assert!(ack.options.get::<HomeNetworkPrefix>().is_none(), "RFC 5844 §3.1.2.6");
    assert_eq!(
        outcome.forward().as_ref().unwrap().inner,
        ["10.0.0.2/32".parse::<IpNet>().unwrap()]
    );
}

#[test]
fn the_maximum_limits_how_many_prefixes_are_assigned() {
    for (maximum, assigned) in [(0, 1), (1, 1), (2, 2), (3, 3), (200, 3)] {
        let mut world = World::with(Settings { hnp_maximum: maximum, ..settings() });
        let (ack, _) = world.accepted(&attach(MAG1).prefixes(&["::/0"; 5]));
        assert_eq!(ack.prefixes().len(), assigned, "{maximum}");
    }
}

#[test]
fn the_lifetime_granted_is_the_smaller_one() {
    let mut world = World::new();
    let (ack, _) = world.accepted(&attach(MAG1).lifetime(100_000));
    assert_eq!(ack.body.lifetime.secs(), 3_600);
    let (ack, _) = world.accepted(&attach(MAG1).lifetime(8));
    assert_eq!(ack.body.lifetime.secs(), 8);
}

#[test]
fn a_refresh_time_is_advised_where_it_is_below_the_lifetime() {
    let advised = |world: &mut World, lifetime| {
        let (ack, _) = world.accepted(&attach(MAG1).lifetime(lifetime));
        let options = ack.options;
        options.get::<kedge_wire::BindingRefreshAdvice>().map(|advice| advice.0.secs())
    };
    assert_eq!(advised(&mut World::new(), 600), None);
    let refresh_advice = Some(kedge_model::Lifetime::from_secs(120));
    let mut world = World::with(Settings { refresh_advice, ..settings() });
    assert_eq!(advised(&mut world, 600), Some(120));
    assert_eq!(advised(&mut world, 120), None, "RFC 6275 section 10.3.1: it must be less");
    assert_eq!(advised(&mut world, 0), None);
}

#[test]
fn a_refresh_extends_the_lifetime_and_changes_no_forwarding() {
    let mut world = World::new();
    world.accepted(&attach(MAG1));
    world.wait(secs(400));
    let (_, outcome) = world.accepted(&attach(MAG1).handoff(5).prefixes(&["2001:db8:100::/64"]));
    assert!(outcome.forwards.is_empty() && outcome.events.is_empty());
    assert!(world.wait(secs(599)).is_empty());
    assert_eq!(world.wait(secs(1)).forwards.len(), 1);
    assert_eq!(world.count("binding_updates_refresh.accepted"), 1);
    assert_eq!(world.count("binding_acks_sent.accepted_registration"), 2);
}

#[test]
fn an_expired_binding_leaves_nothing_behind() {
    let mut world = World::new();
    world.accepted(&attach(MAG1).ipv4("0.0.0.0/0"));
    let outcome = world.wait(secs(600));
    assert_eq!(*outcome.forward(), None);
    assert!(matches!(outcome.what()[..], [What::Released { reason: Release::Expired, .. }]));
    assert!(outcome.sent.is_empty());
    assert_nothing_left(&mut world);
    assert_eq!(world.count("disconnects.lifetime_expiry"), 1);
}

#[test]
fn a_handover_moves_the_tunnel_and_keeps_the_addresses() {
    let mut world = World::new();
    world.accepted(&attach(MAG1).ipv4("0.0.0.0/0"));
    let (ack, outcome) = world.accepted(&attach(MAG2).ipv4("0.0.0.0/0").handoff(3));
    assert_eq!(ack.prefixes(), ["2001:db8:100::/64"]);
    assert_eq!(outcome.forward().as_ref().unwrap().paths[0].tunnel.peer, v6(MAG2));
    let [What::HandedOver { from, to, .. }] = outcome.what()[..] else { panic!("{outcome:?}") };
    assert_eq!((*from, *to), (v6(MAG1).into(), v6(MAG2).into()));
    assert_eq!(world.count("binding_updates_handoff.accepted"), 1);
    let bindings: Vec<_> = world.lma.peers().map(|peer| peer.bindings).collect();
    assert_eq!(bindings, [0, 1]);
}

#[test]
fn a_handover_gives_back_the_family_that_is_not_asked_for_again() {
    let mut world = World::new();
    world.accepted(&attach(MAG1).ipv4("0.0.0.0/0"));
    let (_, outcome) = world.accepted(&attach(MAG2).prefixes(&NONE).ipv4("0.0.0.0/0").handoff(3));
    assert_eq!(outcome.forward().as_ref().unwrap().inner.len(), 1);
    assert_eq!(world.lma.usage("home").unwrap().1.unwrap().taken, 0);
    assert!(outcome.what().iter().any(|what| matches!(what, What::Readdressed { .. })));
    let (_, outcome) = world.accepted(&attach(MAG1).handoff(3));
    assert_eq!(world.lma.usage("home").unwrap().0.unwrap().taken, 0);
    assert_eq!(
        outcome.forward().as_ref().unwrap().inner,
        ["2001:db8:100::/64".parse::<IpNet>().unwrap()]
    );
}

#[test]
fn a_refresh_gives_back_the_family_that_it_does_not_mention_and_adds_one_that_is_new() {
    let mut world = World::new();
    world.accepted(&attach(MAG1));
    let (ack, outcome) = world.accepted(&attach(MAG1).handoff(5).ipv4("0.0.0.0/0"));
    assert!(ack.options.get::<Ipv4HomeAddressReply>().is_some());
    assert_eq!(outcome.forward().as_ref().unwrap().inner.len(), 2);
    assert!(matches!(outcome.what()[..], [What::Readdressed { .. }]));
    let (ack, outcome) = world.accepted(&attach(MAG1).handoff(5));
    assert!(ack.options.get::<Ipv4HomeAddressReply>().is_none());
    assert_eq!(outcome.forward().as_ref().unwrap().inner.len(), 1);
    assert!(matches!(outcome.what()[..], [What::Readdressed { .. }]));
    assert!(world.only_binding().addresses.ipv4.is_none());
    world.accepted(&attach(MAG1).handoff(5).ipv4("0.0.0.0/0"));
    let (ack, _) = world.accepted(&attach(MAG1).handoff(5).prefixes(&NONE).ipv4("10.0.0.2/24"));
    assert_eq!(ack.prefixes().len(), 0, "what is not asked for is not answered");
    assert!(world.only_binding().addresses.prefixes.is_empty());
    let (free4, free6) = world.lma.usage("home").unwrap();
    assert_eq!((free4.unwrap().taken, free6.unwrap().taken), (1, 0));
}

#[test]
fn a_refresh_that_asks_for_what_is_not_there_changes_nothing() {
    let mut settings = settings();
    settings.networks.insert("home".to_owned(), network(30, 48));
    let mut world = World::with(settings);
    world.accepted(&attach(MAG1).mn("a@x").ipv4("0.0.0.0/0"));
    world.accepted(&attach(MAG1));
    let before = world.bindings_of(MN)[0].addresses;
    world.denied(&attach(MAG2).handoff(3).ipv4("0.0.0.0/0"), Denial::PoolExhausted);
    let binding = world.bindings_of(MN)[0];
    assert_eq!((binding.addresses, binding.care_of()), (before, v6(MAG1).into()));
}

#[test]
fn deregistration_is_answered_at_once_and_the_session_lingers_without_traffic() {
    let mut world = World::new();
    world.accepted(&attach(MAG1));
    let (ack, outcome) = world.accepted(&attach(MAG1).deregister());
    assert!(ack.body.lifetime.is_zero());
    assert_eq!(ack.prefixes(), ["2001:db8:100::/64"]);
    assert_eq!(*outcome.forward(), None, "traffic is dropped");
    assert!(matches!(outcome.what()[..], [What::Deregistered { .. }]));
    assert!(world.wait(ms(9_999)).is_empty());
    assert_eq!(world.lma.len(), 1);
    let outcome = world.wait(ms(1));
    assert!(outcome.forwards.is_empty(), "nothing was forwarded any more");
    assert!(matches!(outcome.what()[..], [What::Released { reason: Release::Deregistered, .. }]));
    assert_nothing_left(&mut world);
    assert_eq!(world.count("disconnects.deregistrations"), 1);
    assert_eq!(world.count("binding_acks_sent.accepted_deregistration"), 1);
    assert_eq!(world.count("binding_updates_deregistration.accepted"), 1);
}

#[test]
fn a_repeated_deregistration_is_answered_again_and_does_not_prolong_the_wait() {
    let mut world = World::new();
    world.accepted(&attach(MAG1));
    world.accepted(&attach(MAG1).deregister());
    world.wait(secs(5));
    let (_, outcome) = world.accepted(&attach(MAG1).deregister());
    assert!(outcome.forwards.is_empty() && outcome.events.is_empty());
    world.wait(secs(5));
    assert!(world.lma.is_empty());
}

#[test]
fn a_lingering_session_resumes_at_its_own_gateway_and_at_another() {
    for (mag, same) in [(MAG1, true), (MAG2, false)] {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        world.accepted(&attach(MAG1).deregister());
        let (ack, outcome) = world.accepted(&attach(mag).handoff(if same { 1 } else { 3 }));
        assert_eq!(ack.prefixes(), ["2001:db8:100::/64"]);
        assert!(outcome.forward().is_some());
        match outcome.what()[..] {
            [What::Resumed { .. }] => assert!(same),
            [What::HandedOver { .. }] => assert!(!same),
            ref other => panic!("{other:?}"),
        }
        assert!(world.wait(secs(60)).is_empty(), "the delete wait is over");
    }
}

#[test]
fn a_deregistration_from_the_gateway_that_was_left_is_ignored() {
    let mut world = World::new();
    world.accepted(&attach(MAG1));
    world.accepted(&attach(MAG2).handoff(3));
    world.discarded(&attach(MAG1).deregister(), Discard::SessionNotFound);
    assert!(world.only_binding().is_active());
}

#[test]
fn deregistering_one_family_leaves_the_other() {
    let mut world = World::new();
    world.accepted(&attach(MAG1).ipv4("0.0.0.0/0"));
    let (ack, outcome) =
        world.accepted(&attach(MAG1).prefixes(&NONE).ipv4("10.0.0.2/24").deregister());
    assert!(ack.body.lifetime.is_zero());
    assert_eq!(
        outcome.forward().as_ref().unwrap().inner,
        ["2001:db8:100::/64".parse::<IpNet>().unwrap()]
    );
    assert_eq!(world.lma.usage("home").unwrap().0.unwrap().taken, 0);
    assert!(world.only_binding().is_active());

    world.accepted(&attach(MAG1).handoff(5).ipv4("0.0.0.0/0"));
    let (_, outcome) = world.accepted(&attach(MAG1).prefixes(&["2001:db8:100::/64"]).deregister());
    assert_eq!(
        outcome.forward().as_ref().unwrap().inner,
        ["10.0.0.2/32".parse::<IpNet>().unwrap()]
    );
    assert_eq!(world.lma.usage("home").unwrap().1.unwrap().taken, 0);
    world.accepted(&attach(MAG1).prefixes(&NONE).ipv4("10.0.0.2/24").deregister());
    world.wait(secs(10));
    assert_nothing_left(&mut world);
}

#[test]
fn the_timestamp_comes_back_as_it_was_sent() {
    let mut world = World::new();
    let (ack, _) = world.accepted(&attach(MAG1).time(Time::Off(2)));
    let sent = world.now.wall + secs(2);
    assert_eq!(
        ack.options.get::<TimestampOption>().unwrap().0,
        kedge_model::Timestamp::from_system_time(sent)
    );
    let (ack, _) = world.accepted(&attach(MAG1).mn("b@x").sequence(9));
    assert!(ack.options.get::<TimestampOption>().is_none());
    assert_eq!(ack.body.sequence.0, 9);
}

#[test]
fn a_link_local_address_of_zero_is_answered_with_the_sessions() {
    let mut world = World::new();
    let ask = |address: &str| attach(MAG1).handoff(5).with(LinkLocalAddress(v6(address)));
    let answered = |ack: &Ack| ack.options.get::<LinkLocalAddress>().unwrap().0;
    let (ack, _) = world.accepted(&ask("::"));
    assert_eq!(answered(&ack), v6("fe80::200:5eff:fe00:5213"), "RFC 6543");
    let (ack, _) = world.accepted(&ask("fe80::7"));
    assert_eq!(answered(&ack), v6("fe80::7"));
    let (ack, _) = world.accepted(&ask("::"));
    assert_eq!(answered(&ack), v6("fe80::7"));
}

#[test]
fn the_alternate_care_of_address_is_the_tunnels_end_and_the_answer_goes_to_the_sender() {
    let mut world = World::new();
    let other = v6("2001:db8:1::99");
    let (ack, outcome) = world.accepted(&attach(MAG1).with(AlternateCareOfAddress(other)));
    assert_eq!(ack.path.peer.ip(), v6(MAG1));
    assert_eq!(outcome.forward().as_ref().unwrap().paths[0].tunnel.peer, other);
    assert_eq!(world.only_binding().care_of(), IpAddr::from(other));
    world.accepted(&attach(MAG1).with(AlternateCareOfAddress(other)).handoff(5));
    assert_eq!(world.count("binding_updates_refresh.accepted"), 1);

    let mut over_ipv4 = World::new();
    let (_, outcome) = over_ipv4.accepted(&attach(MAG1_V4).with(AlternateCareOfAddress(other)));
    let peer = outcome.forward().as_ref().unwrap().paths[0].tunnel.peer;
    assert_eq!(peer, MAG1_V4.parse::<IpAddr>().unwrap(), "RFC 5844 §4.1.1");
}

#[test]
fn an_operator_clears_one_node_or_all() {
    let mut world = World::new();
    for nai in ["a@x", "b@x", "c@x"] {
        world.accepted(&attach(MAG1).mn(nai).ipv4("0.0.0.0/0"));
    }
    world.accepted(&attach(MAG1).mn("b@x").link_layer_id(&[7]));
    world.accepted(&attach(MAG1).mn("c@x").ipv4("0.0.0.0/0").deregister());
    let b = MnId::nai("b@x").unwrap();
    assert_eq!(world.lma.clear(CustomerId::DEFAULT, &b, world.now), 2);
    let outcome = world.drain_acknowledging();
    assert_eq!(outcome.forwards.iter().filter(|(_, want)| want.is_none()).count(), 2);
    assert!(world.bindings_of("b@x").is_empty() && world.lma.len() == 2);
    assert_eq!(world.lma.clear(CustomerId::DEFAULT, &b, world.now), 0);
    assert_eq!(world.lma.clear(CustomerId(5), &MnId::nai("a@x").unwrap(), world.now), 0);
    assert_eq!(world.lma.clear_all(world.now), 2);
    assert_eq!(
        world.drain_acknowledging().forwards.len(),
        1,
        "the lingering one was not forwarded"
    );
    assert_nothing_left(&mut world);
    assert_eq!(world.count("disconnects.admin_drops"), 4);
}

#[test]
fn freed_addresses_are_handed_out_again() {
    let mut settings = settings();
    settings.networks.insert("home".to_owned(), network(30, 64));
    let mut world = World::with(settings);
    for nai in ["a@x", "b@x", "c@x"] {
        world.accepted(&attach(MAG1).mn(nai).ipv4("0.0.0.0/0"));
        world.accepted(&attach(MAG1).mn(nai).ipv4("0.0.0.0/0").deregister());
        world.wait(secs(10));
    }
    assert_nothing_left(&mut world);
}

#[test]
fn binding_ids_are_never_used_again() {
    let mut world = World::new();
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..20 {
        for nai in ["a@x", "b@x"] {
            let (_, outcome) = world.accepted(&attach(MAG1).mn(nai));
            assert!(seen.insert(outcome.forwards[0].0), "round {round}");
        }
        world.lma.clear_all(world.now);
        world.drain_acknowledging();
    }
}

#[test]
fn counters_of_each_gateway_are_kept_apart() {
    let mut world = World::new();
    world.accepted(&attach(MAG1));
    world.accepted(&attach(MAG2).mn("b@x"));
    world.denied(&attach(MAG2).mn("b@x").time(Time::Off(-99)), Denial::TimestampOld);
    world.discarded(&attach(MAG2).mn("c@x").deregister(), Discard::SessionNotFound);
    let of = |name: &str| {
        let peer = world.lma.peers().find(|peer| peer.name.as_deref() == Some(name)).unwrap();
        let c = peer.counters;
        ([c.received, c.accepted, c.denied, c.discarded], peer.bindings)
    };
    assert_eq!(of("mag1"), ([1, 1, 0, 0], 1));
    assert_eq!(of("mag2"), ([3, 1, 1, 1], 1));
}

#[test]
fn a_message_that_could_not_be_sent_is_counted() {
    let mut world = World::new();
    let (_, outcome) = world.accepted(&attach(MAG1));
    let (_, _, bytes) = outcome.sent.into_iter().next().unwrap();
    world.lma.handle_send_error(bytes);
    assert_eq!(world.count("binding_acks_sent.send_error"), 1);
    assert_eq!(world.count("binding_acks_sent.total"), 1);
}

#[test]
fn the_code_point_of_an_answer_follows_the_settings_of_its_gateway() {
    let mut settings = settings();
    settings.dscp = Some(Dscp { value: 46, force: false });
    settings.peers[1].dscp = Some(Dscp { value: 8, force: true });
    let mut world = World::with(settings);
    assert_eq!(world.accepted(&attach(MAG1)).1.sent[0].1, 46);
    assert_eq!(world.accepted(&attach(MAG2).mn("b@x")).1.sent[0].1, 8);
}

#[test]
fn every_group_of_the_specification_is_there_in_its_order() {
    let keys: Vec<_> = World::new().lma.statistics().iter().map(|group| group.key).collect();
    assert_eq!(
        keys,
        [
            "aaa_authentication",
            "binding_updates_received",
            "binding_updates_initial",
            "binding_updates_refresh",
            "binding_updates_deregistration",
            "binding_updates_handoff",
            "binding_acks_sent",
            "deny_reasons",
            "deny_insufficient_resources",
            "deny_admin_prohibited",
            "deny_unspecified",
            "discard_reasons",
            "binding_revocation",
            "revocation_triggers_sent",
            "revocation_ack_status",
            "revocation_ack_discarded",
            "disconnects",
            "gateways",
            "deny_other",
            "other_signalling",
        ]
    );
}

#[test]
fn a_rejection_says_what_happened() {
    assert_eq!(
        Rejection::from(Denial::UnknownNode).to_string(),
        "denied with status 153: no profile is for this node"
    );
    assert_eq!(Rejection::from(Discard::Checksum).to_string(), "discarded: checksum is wrong");
}
