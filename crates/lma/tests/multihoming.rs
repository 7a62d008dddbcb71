//! Nodes with several interfaces, and interfaces with several prefixes (RFC 5213 §5.2, §5.4).

mod kit;

use kedge_lma::{Denial, Settings, What};
use kit::*;

const WLAN: &[u8] = &[2, 0, 0, 0, 0, 1];
const LTE: &[u8] = &[2, 0, 0, 0, 0, 2];

/// The node's attachment by each of its interfaces: IEEE 802.11 at the first gateway, 3GPP E-UTRAN
/// at the second.
fn wlan() -> Pbu {
    attach(MAG1).technology(4).link_layer_id(WLAN)
}

fn lte() -> Pbu {
    attach(MAG2).technology(11).link_layer_id(LTE)
}

fn two_each() -> World {
    World::with(Settings { hnp_maximum: 2, ..settings() })
}

const TWO: [&str; 2] = ["::/0", "::/0"];

#[test]
fn each_interface_has_a_session_with_prefixes_lifetime_and_tunnel_of_its_own() {
    let mut world = World::new();
    let (first, _) = world.accepted(&wlan().lifetime(100));
    let (second, _) = world.accepted(&lte().lifetime(500));
    assert_eq!(first.prefixes(), ["2001:db8:100::/64"]);
    assert_eq!(second.prefixes(), ["2001:db8:100:1::/64"]);
    let care_of: Vec<_> = world.bindings_of(MN).iter().map(|b| b.care_of()).collect();
    assert_eq!(care_of, [lte().from.ip(), wlan().from.ip()]);
    world.wait(secs(101));
    assert_eq!(world.only_binding().care_of(), lte().from.ip(), "the other one goes on");
}

#[test]
fn giving_up_one_interface_leaves_the_others_alone() {
    let mut world = World::new();
    world.accepted(&wlan());
    world.accepted(&lte());
    world.accepted(&wlan().deregister());
    world.wait(secs(11));
    assert_eq!(world.only_binding().care_of(), lte().from.ip());
}

#[test]
fn a_refresh_is_of_the_interface_that_it_names() {
    let mut world = World::new();
    world.accepted(&wlan());
    world.accepted(&lte());
    let (ack, outcome) = world.accepted(&wlan().handoff(5));
    assert_eq!(ack.prefixes(), ["2001:db8:100::/64"]);
    assert!(outcome.forwards.is_empty());
    let (ack, _) = world.accepted(&lte().handoff(5).prefixes(&["2001:db8:100:1::/64"]));
    assert_eq!(ack.prefixes(), ["2001:db8:100:1::/64"]);
    assert_eq!(world.lma.len(), 2);
}

/// What each of the five values of the Handoff Indicator option does (§8.4) for a node that has
/// one session, by its interface at the first gateway.
#[test]
fn the_five_handoff_values_decide_between_moving_a_session_waiting_and_a_new_one() {
    #[derive(PartialEq, Debug)]
    enum Then {
        New,
        Moved,
        Waits,
    }
    use Then::*;
    // The same interface at another gateway, another interface, and neither said.
    let cases = [
        (1, [Moved, New, New]),
        (2, [Moved, Moved, Moved]),
        (3, [Moved, New, Moved]),
        (4, [Moved, Waits, Waits]),
        (5, [Moved, New, New]),
    ];
    for (handoff, expected) in cases {
        let there = attach(MAG2).technology(4).handoff(handoff);
        let asked = [
            there.clone().link_layer_id(WLAN),
            there.clone().link_layer_id(LTE),
            there.no_link_layer_id(),
        ];
        for (pbu, expected) in asked.iter().zip(expected) {
            let mut world = World::new();
            world.accepted(&wlan());
            let (result, outcome) = world.send(pbu);
            assert_eq!(result, Ok(()));
            let then = match outcome.ack() {
                None => Waits,
                Some(_) if world.lma.len() == 2 => New,
                Some(_) => Moved,
            };
            assert_eq!(then, expected, "handoff {handoff}, {:?}", pbu.link_layer_id);
            let moved = outcome.what().iter().any(|what| matches!(what, What::HandedOver { .. }));
            assert_eq!(moved, then == Moved);
        }
    }
}

#[test]
fn a_handoff_between_interfaces_moves_all_prefixes_to_the_other_one() {
    let mut world = two_each();
    let (first, _) = world.accepted(&wlan().prefixes(&TWO));
    assert_eq!(first.prefixes().len(), 2);
    let (second, _) = world.accepted(&lte().handoff(2));
    assert_eq!(second.prefixes(), first.prefixes(), "one option is enough to ask for them");
    let binding = world.only_binding();
    assert_eq!(binding.link_layer_id.as_ref().unwrap().octets(), LTE);
    assert_eq!(binding.access_technology.0, 11);
    // What it was before is another interface from here on.
    world.accepted(&wlan());
    assert_eq!(world.lma.len(), 2);
}

#[test]
fn a_session_is_found_by_any_of_its_prefixes_and_only_with_all_of_them() {
    let mut world = two_each();
    let (ack, _) = world.accepted(&wlan().prefixes(&TWO));
    let (one, two) = (ack.prefixes()[0].clone(), ack.prefixes()[1].clone());
    for some in [vec![&one], vec![&two], vec![&one, &one], vec![&two, &one, &two]] {
        let pbu = lte().handoff(2).prefixes(&some);
        world.denied(&pbu, Denial::PrefixSetMismatch);
    }
    let (ack, _) = world.accepted(&lte().handoff(2).prefixes(&[&two, &one]));
    assert_eq!(ack.prefixes(), [one, two]);
    assert_eq!(world.lma.len(), 1);
}

#[test]
fn prefixes_of_two_sessions_are_no_ones_set() {
    let mut world = World::with(Settings { hnp_maximum: 3, ..settings() });
    let (first, _) = world.accepted(&wlan());
    let (second, _) = world.accepted(&lte());
    let both = [first.prefixes(), second.prefixes()].concat();
    world.denied(&wlan().handoff(5).prefixes(&both), Denial::PrefixSetMismatch);
    world.denied(&lte().handoff(5).prefixes(&both), Denial::PrefixSetMismatch);
}

#[test]
fn the_maximum_holds_for_each_interface_by_itself() {
    let mut world = two_each();
    for (n, pbu) in [wlan(), lte()].into_iter().enumerate() {
        let (ack, _) = world.accepted(&pbu.prefixes(&["::/0", "::/0", "::/0"]));
        let numbers = [2 * n, 2 * n + 1];
        let expected: Vec<String> = numbers
            .iter()
            .map(|n| match n {
                0 => "2001:db8:100::/64".to_owned(),
                n => format!("2001:db8:100:{n}::/64"),
            })
            .collect();
        assert_eq!(ack.prefixes(), expected);
    }
}

#[test]
fn one_prefix_by_name_and_one_of_the_anchors_choice_make_a_session_of_two() {
    let mut world = two_each();
    let (ack, outcome) = world.accepted(&wlan().prefixes(&["2001:db8:100:7::/64", "::/0"]));
    assert_eq!(ack.prefixes(), ["2001:db8:100:7::/64", "2001:db8:100::/64"]);
    assert_eq!(outcome.forward().as_ref().unwrap().inner.len(), 2);
}
