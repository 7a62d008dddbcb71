//! Which session an update is about: the rules of RFC 5213 §5.4.1, one by one, and of RFC 5844
//! §3.1.2.7.

mod kit;

use kedge_lma::{Denial, Discard, Settings, What};
use kedge_model::{BindingId, IpNet, Timestamp};
use kedge_wire::registry::RevocationStatus;
use kit::*;

const OTHER_INTERFACE: &[u8] = &[2, 0, 0, 0, 0, 2];
const HNP: &str = "2001:db8:100::/64";

/// What came of an update.
#[derive(PartialEq, Debug)]
enum Seen {
    /// The one session is another gateway's now.
    Moved,
    /// The one session went on.
    Refreshed,
    /// There are two sessions.
    Second,
}

/// A node is registered by `first`; then `then` is accepted.
fn after(first: &Pbu, then: &Pbu) -> Seen {
    let mut world = World::new();
    let (_, outcome) = world.accepted(first);
    let id = outcome.forwards[0].0;
    let (ack, outcome) = world.accepted(then);
    seen(&world, id, &ack, &outcome)
}

fn seen(world: &World, id: BindingId, ack: &Ack, outcome: &Outcome) -> Seen {
    if world.lma.len() == 2 {
        assert!(matches!(outcome.what()[0], What::Bound { binding, .. } if *binding != id));
        assert_ne!(ack.prefixes(), [HNP], "a second session has its own prefix");
        return Seen::Second;
    }
    assert_eq!(world.only_binding().id, id);
    assert_eq!(ack.prefixes(), [HNP], "the session keeps its prefix");
    match outcome.what()[..] {
        [] => {
            assert!(outcome.forwards.is_empty());
            Seen::Refreshed
        }
        [What::HandedOver { .. }] => {
            let peer = outcome.forward().as_ref().unwrap().paths[0].tunnel.peer;
            assert_eq!(peer, world.only_binding().care_of());
            Seen::Moved
        }
        ref other => panic!("{other:?}"),
    }
}

mod a_prefix_is_the_key {
    use super::*;

    fn with_prefix(mag: &str) -> Pbu {
        attach(mag).prefixes(&[HNP])
    }

    #[test]
    fn rule_2_a_prefix_of_no_session_asks_for_a_new_one() {
        let mut world = World::new();
        let (ack, _) = world.accepted(&attach(MAG1).prefixes(&["2001:db8:100:9::/64"]));
        assert_eq!(ack.prefixes(), ["2001:db8:100:9::/64"]);
    }

    #[test]
    fn rule_3_another_nodes_prefix_is_refused_even_to_be_given_back() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        world.denied(&with_prefix(MAG1).mn("b@x"), Denial::PrefixNotAuthorized);
        world.denied(&with_prefix(MAG1).mn("b@x").deregister(), Denial::PrefixNotAuthorized);
        assert!(world.only_binding().is_active());
    }

    #[test]
    fn rule_5_the_same_interface_by_link_layer_identifier_updates_whatever_the_indicator() {
        for handoff in [1, 3, 4, 5] {
            assert_eq!(after(&attach(MAG1), &with_prefix(MAG2).handoff(handoff)), Seen::Moved);
        }
    }

    #[test]
    fn rule_5_handoff_between_interfaces_updates() {
        let then = with_prefix(MAG2).handoff(2).link_layer_id(OTHER_INTERFACE).technology(5);
        assert_eq!(after(&attach(MAG1), &then), Seen::Moved);
    }

    #[test]
    fn rule_5_handoff_between_gateways_without_identifiers_updates() {
        let first = attach(MAG1).no_link_layer_id();
        let then = with_prefix(MAG2).handoff(3).no_link_layer_id();
        assert_eq!(after(&first, &then), Seen::Moved);
    }

    #[test]
    fn rule_5_the_same_gateway_and_technology_updates() {
        let then = with_prefix(MAG1).handoff(5).no_link_layer_id();
        assert_eq!(after(&attach(MAG1), &then), Seen::Refreshed);
    }

    #[test]
    fn rule_6_anything_else_asks_for_a_new_session_which_cannot_have_the_same_prefix() {
        for then in [
            // Another interface, and no handoff between interfaces.
            with_prefix(MAG2).handoff(3).link_layer_id(OTHER_INTERFACE),
            // Another technology.
            with_prefix(MAG1).handoff(5).technology(5),
            // The session has an identifier, the update none.
            with_prefix(MAG2).handoff(3).no_link_layer_id(),
            // Neither has one, and it is no handoff between gateways.
            with_prefix(MAG2).handoff(4).no_link_layer_id(),
        ] {
            let mut world = World::new();
            world.accepted(&attach(MAG1));
            world.denied(&then, Denial::PrefixNotAuthorized);
        }
    }

    #[test]
    fn rule_6_handoff_between_gateways_over_another_technology_is_no_update() {
        let mut world = World::new();
        world.accepted(&attach(MAG1).no_link_layer_id());
        let other = with_prefix(MAG2).handoff(3).no_link_layer_id().technology(5);
        world.denied(&other, Denial::PrefixNotAuthorized);
    }

    #[test]
    fn rule_6_a_deregistration_of_no_session_is_ignored() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        let unknown = attach(MAG1).prefixes(&["2001:db8:100:9::/64"]).deregister();
        world.discarded(&unknown, Discard::SessionNotFound);
        let not_its_own = with_prefix(MAG2).link_layer_id(OTHER_INTERFACE).deregister();
        world.discarded(&not_its_own, Discard::SessionNotFound);
        assert_eq!(world.count("discard_reasons.session_not_found"), 2);
        assert_eq!(world.count("binding_updates_deregistration.received"), 2);
    }
}

mod a_link_layer_identifier_is_the_key {
    use super::*;

    #[test]
    fn rule_2_the_same_interface_updates_whatever_the_indicator() {
        for handoff in [1, 2, 3, 4, 5] {
            assert_eq!(after(&attach(MAG1), &attach(MAG2).handoff(handoff)), Seen::Moved);
            assert_eq!(after(&attach(MAG1), &attach(MAG1).handoff(handoff)), Seen::Refreshed);
        }
    }

    #[test]
    fn rule_2_another_technology_is_another_interface() {
        assert_eq!(after(&attach(MAG1), &attach(MAG2).handoff(3).technology(5)), Seen::Second);
    }

    #[test]
    fn rule_3_handoff_between_interfaces_moves_the_only_session() {
        let then = attach(MAG2).handoff(2).link_layer_id(OTHER_INTERFACE);
        assert_eq!(after(&attach(MAG1), &then), Seen::Moved);
    }

    #[test]
    fn rule_3_with_two_sessions_handoff_between_interfaces_makes_a_third() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        world.accepted(&attach(MAG1).link_layer_id(OTHER_INTERFACE));
        world.accepted(&attach(MAG2).handoff(2).link_layer_id(&[3]));
        assert_eq!(world.lma.len(), 3);
    }

    #[test]
    fn rule_5_anything_else_makes_a_new_session() {
        for handoff in [1, 3, 5, 0, 6] {
            let then = attach(MAG2).handoff(handoff).link_layer_id(OTHER_INTERFACE);
            assert_eq!(after(&attach(MAG1), &then), Seen::Second, "{handoff}");
        }
    }

    #[test]
    fn rule_5_a_deregistration_of_no_session_is_ignored() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        for interface in [attach(MAG1).link_layer_id(OTHER_INTERFACE), attach(MAG1).technology(5)] {
            world.discarded(&interface.deregister().mn("b@x"), Discard::SessionNotFound);
        }
    }

    /// A gateway that names a free prefix begins a session of its own for an interface that has one
    /// (§5.4.1.1 (2)).
    #[test]
    fn of_two_sessions_of_an_interface_the_senders_is_found_and_else_the_latest() {
        const SECOND: &str = "2001:db8:100:9::/64";
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        world.accepted(&attach(MAG2).prefixes(&[SECOND]));
        assert_eq!(world.lma.len(), 2);
        for (mag, prefix) in [(MAG1, HNP), (MAG2, SECOND)] {
            let (ack, _) = world.accepted(&attach(mag).handoff(5));
            assert_eq!(ack.prefixes(), [prefix], "each gateway refreshes its own");
        }
        // One that serves neither gets the later of them.
        let (ack, _) = world.accepted(&attach(MAG1_V4).prefixes(&["::/0"]).handoff(3));
        assert_eq!(ack.prefixes(), [SECOND]);
        let (ack, _) = world.accepted(&attach(MAG1).deregister());
        assert_eq!(ack.prefixes(), [HNP], "and each gives up its own");
        let [first, second] = world.bindings_of(MN)[..] else { panic!("two sessions") };
        assert!(first.is_active() && !second.is_active(), "the latest is the first");
    }

    #[test]
    fn an_identifier_of_zeros_is_none_but_comes_back() {
        let mut world = World::new();
        world.accepted(&attach(MAG1).link_layer_id(&[0; 6]));
        assert_eq!(world.only_binding().link_layer_id, None);
        let (ack, _) = world.accepted(&attach(MAG2).handoff(3).link_layer_id(&[0; 2]));
        let echoed = ack.options.get::<kedge_wire::MnLinkLayerId<'_>>().unwrap();
        assert_eq!(echoed.identifier(), [0; 2]);
        assert_eq!(world.lma.len(), 1);
    }
}

mod the_node_alone_is_the_key {
    use super::*;

    fn bare(mag: &str, handoff: u8) -> Pbu {
        attach(mag).no_link_layer_id().handoff(handoff)
    }

    #[test]
    fn rule_2_both_kinds_of_handoff_move_the_only_session() {
        for handoff in [2, 3] {
            assert_eq!(after(&attach(MAG1), &bare(MAG2, handoff)), Seen::Moved);
        }
    }

    #[test]
    fn rule_3_the_gateway_in_charge_does_not_wait_for_itself() {
        assert_eq!(after(&bare(MAG1, 1), &bare(MAG1, 4)), Seen::Refreshed);
    }

    #[test]
    fn rule_4_anything_else_makes_a_new_session() {
        for handoff in [1, 5, 0] {
            assert_eq!(after(&attach(MAG1), &bare(MAG2, handoff)), Seen::Second, "{handoff}");
        }
    }

    #[test]
    fn rule_4_with_two_sessions_a_handoff_makes_a_third() {
        for handoff in [2, 3, 4] {
            let mut world = World::new();
            world.accepted(&attach(MAG1));
            world.accepted(&attach(MAG1).link_layer_id(OTHER_INTERFACE));
            world.accepted(&bare(MAG2, handoff));
            assert_eq!(world.lma.len(), 3, "{handoff}");
        }
    }

    #[test]
    fn a_deregistration_finds_the_only_session_of_its_gateway() {
        let mut world = World::new();
        world.accepted(&bare(MAG1, 1));
        world.discarded(&bare(MAG2, 4).lifetime(0), Discard::SessionNotFound);
        let (ack, _) = world.accepted(&bare(MAG1, 4).lifetime(0));
        assert!(ack.body.lifetime.is_zero());
    }
}

mod an_ipv4_home_address_is_the_key {
    use super::*;

    fn ipv4_only(mag: &str, address: &str) -> Pbu {
        let none: [&str; 0] = [];
        attach(mag).prefixes(&none).ipv4(address)
    }

    #[test]
    fn it_finds_its_session_by_the_rules_for_prefixes() {
        let mut world = World::new();
        world.accepted(&ipv4_only(MAG1, "0.0.0.0/0"));
        let (_, outcome) = world.accepted(&ipv4_only(MAG2, "10.0.0.2/24").handoff(3));
        assert!(matches!(outcome.what()[..], [What::HandedOver { .. }]));
        let other = ipv4_only(MAG1, "10.0.0.2/24").link_layer_id(OTHER_INTERFACE).handoff(3);
        world.denied(&other, Denial::Ipv4AddressNotAuthorized);
        world.denied(
            &ipv4_only(MAG1, "10.0.0.2/24").mn("b@x").deregister(),
            Denial::Ipv4AddressNotAuthorized,
        );
    }

    #[test]
    fn a_free_address_asks_for_a_new_session() {
        let mut world = World::new();
        world.accepted(&ipv4_only(MAG1, "0.0.0.0/0"));
        world.accepted(&ipv4_only(MAG2, "10.0.0.9/24"));
        assert_eq!(world.lma.len(), 2);
    }
}

mod handoff_state_unknown {
    use super::*;

    /// A new gateway that does not know how the node came to it.
    fn unknown() -> Pbu {
        attach(MAG2).handoff(4).link_layer_id(OTHER_INTERFACE)
    }

    #[test]
    fn the_update_waits_and_then_takes_over_the_deregistered_session() {
        for unknown in [unknown(), unknown().no_link_layer_id()] {
            let mut world = World::new();
            world.accepted(&attach(MAG1).ipv4("0.0.0.0/0"));
            world.waits(&unknown.ipv4("0.0.0.0/0"));

            world.advance(ms(500));
            let (_, outcome) = world.send(&attach(MAG1).ipv4("0.0.0.0/0").deregister());
            assert_eq!(outcome.sent.len(), 2, "both gateways get their answer, nobody else");
            assert_eq!(outcome.sent[1].0.peer.ip(), v6(MAG2));
            let last = outcome.forwards.last().unwrap().1.as_ref().unwrap();
            assert_eq!(last.paths[0].tunnel.peer, v6(MAG2));
            assert_eq!(last.inner, [HNP.parse::<IpNet>().unwrap(), "10.0.0.2/32".parse().unwrap()]);
            assert_eq!((world.lma.pending(), world.lma.len()), (0, 1));
            assert_eq!(world.count("binding_updates_handoff.accepted"), 1);
            assert!(world.wait(secs(60)).is_empty(), "neither wait is left running");
        }
    }

    #[test]
    fn without_deregistration_a_new_session_begins_when_the_wait_is_over() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        world.waits(&unknown());
        let outcome = world.wait(ms(1_499));
        assert!(outcome.without_revocations().is_empty());
        let outcome = world.wait(ms(1));
        assert!(outcome.ack().unwrap().status().is_accepted());
        assert_eq!((world.lma.len(), world.lma.pending()), (2, 0));
        assert_eq!(world.count("binding_updates_initial.accepted"), 2);
    }

    #[test]
    fn a_session_already_deregistered_is_taken_over_at_once() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        world.accepted(&attach(MAG1).deregister());
        let (ack, outcome) = world.accepted(&unknown());
        assert_eq!(ack.prefixes(), [HNP]);
        assert!(matches!(outcome.what()[..], [What::HandedOver { .. }]));
        assert!(world.wait(secs(60)).is_empty());
    }

    #[test]
    fn a_later_update_takes_the_place_of_one_that_waits_and_the_wait_goes_on() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        world.waits(&unknown().lifetime(100));
        world.wait(ms(1_000));
        world.waits(&unknown().lifetime(200));
        assert_eq!(world.count("discard_reasons.superseded"), 1);
        let outcome = world.wait(ms(500));
        assert_eq!(outcome.ack().unwrap().body.lifetime.secs(), 200);
    }

    #[test]
    fn an_update_that_says_how_the_node_came_ends_the_wait_of_its_gateway() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        world.waits(&unknown());
        let (_, outcome) = world.accepted(&unknown().handoff(2));
        assert_eq!((world.lma.pending(), world.lma.len()), (0, 1));
        // The old gateway is told that the node has left, and asked no longer whether it has.
        world.acknowledge(&outcome.indication(), RevocationStatus::SUCCESS).0.unwrap();
        assert!(world.wait(secs(60)).is_empty());
    }

    #[test]
    fn the_end_of_the_session_that_is_waited_for_ends_the_wait() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        world.waits(&unknown());
        let mn = kedge_model::MnId::nai(MN).unwrap();
        assert_eq!(world.lma.clear(Default::default(), &mn, world.now), 1);
        let outcome = world.drain_acknowledging();
        assert!(outcome.ack().unwrap().status().is_accepted());
        assert_eq!((world.lma.pending(), world.lma.len()), (0, 1));
    }

    #[test]
    fn without_a_wait_time_a_new_session_begins_at_once() {
        let mut world = World::with(Settings { create_wait: ms(0), ..settings() });
        world.accepted(&attach(MAG1));
        world.accepted(&unknown());
        assert_eq!(world.lma.len(), 2);
    }

    #[test]
    fn a_waiting_update_that_may_no_longer_be_accepted_is_denied() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        world.waits(&unknown());
        let none = Settings { default_profile: None, ..settings() };
        assert_eq!(world.lma.apply(none, world.now), 1);
        let outcome = world.drain_acknowledging();
        assert_eq!(outcome.ack().unwrap().status(), Denial::UnknownNode.status());
        assert_eq!(world.lma.pending(), 0);
    }

    #[test]
    fn an_update_that_waited_does_not_turn_the_sessions_time_back() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        world.waits(&unknown());
        assert!(world.send(&attach(MAG1).deregister().time(Time::Off(3))).0.is_ok());
        let last = world.only_binding().timestamp;
        assert!(last > Timestamp::from_system_time(world.now.wall));
    }
}
