//! Revocations that the gateway sends (RFC 5846 §9.2).

use std::time::Duration;

use kedge_mag::{BindingState, Event, Revocation, Settings};
use kedge_model::Sequence;
use kedge_wire::registry::{BindingErrorStatus, RevocationStatus, RevocationTrigger};
use kedge_wire::{
    BindingError, BindingRevocationAcknowledgement, BindingRevocationIndication, Message,
    MnIdOption, Options, Packet, RevocationFlags,
};

use crate::world::*;

/// Two nodes with service.
fn two_nodes(settings: Settings) -> World {
    let mut world = World::with_active_node(settings);
    world.solicit(IF2, OTHER_NODE);
    let update = world.take_one();
    world.accept(&update);
    world
}

/// An operator ended all sessions; the indication that says so.
#[track_caller]
fn cleared(world: &mut World) -> BindingRevocationIndication {
    world.input(|mag, now| assert_eq!(mag.clear_all(now), 2));
    let sent = world.take_one();
    let Message::BindingRevocationIndication(bri) = sent.packet.message else {
        panic!("{sent:?}");
    };
    bri
}

fn acknowledge(world: &mut World, sequence: Sequence, status: RevocationStatus) {
    let flags = RevocationFlags::P | RevocationFlags::G;
    let message = Message::BindingRevocationAcknowledgement(BindingRevocationAcknowledgement {
        status,
        sequence,
        flags,
    });
    world.deliver(path_from("2001:db8::1"), &Packet { message, options: Options::new() });
}

#[test]
fn all_sessions_of_an_anchor_are_ended_by_one_message() {
    let mut world = two_nodes(settings());
    world.input(|mag, now| assert_eq!(mag.clear_all(now), 2));
    assert!(world.forwarding.is_empty() && world.access.is_empty());
    let sent = world.take_one();
    let Message::BindingRevocationIndication(bri) = sent.packet.message else {
        panic!("{sent:?}");
    };
    assert_eq!(bri.trigger, RevocationTrigger::PER_PEER_POLICY);
    assert_eq!(bri.flags, RevocationFlags::P | RevocationFlags::G);
    let name = sent.packet.options.get::<MnIdOption<'_>>().expect("MUST be included");
    assert_eq!(name.identifier(), b"MAG1");
    assert_eq!(sent.packet.options.iter().count(), 1);
    acknowledge(&mut world, bri.sequence, RevocationStatus::SUCCESS);
    assert!(world.mag.is_idle() && world.sent.is_empty());
    world.pass(secs(10));
    assert!(world.sent.is_empty(), "it is over");
    assert_eq!(world.count("mag_binding_revocation", "acks_received"), 1);
}

#[test]
fn one_session_is_ended_by_a_deregistration() {
    let mut world = World::with_active_node(settings());
    world.input(|mag, now| assert_eq!(mag.clear_all(now), 1));
    assert!(world.take_one().update().lifetime.is_zero());
}

#[test]
fn an_indication_is_sent_again_as_configured_and_then_given_up() {
    let revocation = Revocation { min_delay: secs(1), max_delay: secs(3), retries: 3 };
    let mut world = two_nodes(Settings { revocation, ..settings() });
    let first = cleared(&mut world);
    for wait in [1, 2, 3] {
        world.pass(secs(wait) - Duration::from_millis(1));
        assert!(world.sent.is_empty());
        world.pass(Duration::from_millis(1));
        let again = world.take_one();
        assert_eq!(again.packet.message, Message::BindingRevocationIndication(first));
    }
    assert!(!world.mag.is_idle());
    world.pass(secs(3));
    assert!(world.mag.is_idle() && world.sent.is_empty());
    let count = |key| world.count("mag_binding_revocation", key);
    assert_eq!(["sent", "retries_sent", "not_acknowledged"].map(count), [1, 3, 1]);
}

#[test]
fn an_anchor_that_does_not_allow_it_is_told_of_each_session_and_never_asked_again() {
    let mut world = two_nodes(settings());
    let bri = cleared(&mut world);
    acknowledge(&mut world, bri.sequence, RevocationStatus::GLOBAL_REVOCATION_NOT_AUTHORIZED);
    assert!(matches!(world.events.last(), Some(Event::RevocationRefused { .. })));
    let farewells = std::mem::take(&mut world.sent);
    assert_eq!(farewells.len(), 2);
    for farewell in &farewells {
        assert!(farewell.update().lifetime.is_zero());
        assert_eq!(farewell.prefixes().len(), 1, "what was granted is named");
        let echo = farewell.echo();
        world.answer(farewell, kedge_wire::registry::Status::ACCEPTED, 0, echo);
    }
    assert!(world.mag.is_idle());
    for (interface, node) in [(IF1, NODE), (IF2, OTHER_NODE)] {
        world.pass(secs(2));
        world.solicit(interface, node);
        let update = world.take_one();
        world.accept(&update);
    }
    world.input(|mag, now| assert_eq!(mag.clear_all(now), 2));
    assert!(world.sent.iter().all(|sent| sent.update().lifetime.is_zero()));
}

#[test]
fn nobody_is_registered_with_an_anchor_that_may_be_revoking_everything() {
    let mut world = two_nodes(settings());
    let bri = cleared(&mut world);
    world.pass(Duration::from_millis(500));
    world.solicit(IF1, NODE);
    assert!(world.sent.is_empty(), "a retransmission would end the new session");
    acknowledge(&mut world, bri.sequence, RevocationStatus::SUCCESS);
    let update = world.take_one();
    world.accept(&update);
    let state = world.mag.bindings(world.now().mono).next().unwrap().state;
    assert_eq!(state, BindingState::Active);
}

#[test]
fn an_acknowledgement_of_something_else_is_ignored() {
    let mut world = two_nodes(settings());
    acknowledge(&mut world, Sequence(1), RevocationStatus::SUCCESS);
    let bri = cleared(&mut world);
    acknowledge(&mut world, bri.sequence.next(), RevocationStatus::SUCCESS);
    assert!(!world.mag.is_idle());
    assert_eq!(world.count("mag_discards", "unmatched_revocation"), 2);
    acknowledge(&mut world, bri.sequence, RevocationStatus::SUCCESS);
    acknowledge(&mut world, bri.sequence, RevocationStatus::SUCCESS);
    assert!(world.mag.is_idle());
    assert_eq!(world.count("mag_discards", "unmatched_revocation"), 3);
}

#[test]
fn an_anchor_that_does_not_know_revocations_is_told_of_each_session() {
    let mut world = two_nodes(settings());
    cleared(&mut world);
    let message = Message::BindingError(BindingError {
        status: BindingErrorStatus::UNRECOGNIZED_MH_TYPE,
        home_address: std::net::Ipv6Addr::UNSPECIFIED,
    });
    world.deliver(path_from("2001:db8::1"), &Packet { message, options: Options::new() });
    assert_eq!(world.sent.len(), 2);
    assert!(world.sent.iter().all(|sent| sent.update().lifetime.is_zero()));
    assert_eq!(world.count("mag_binding_revocation", "not_acknowledged"), 1);
}
