//! The service that a node selects (RFC 5149).

mod kit;

use kedge_lma::{Denial, Profile, Rejection, Release, Service, Settings, What};
use kedge_wire::ServiceSelection;
use kedge_wire::registry::RevocationTrigger;
use kit::*;

/// Nodes of this anchor may have the service `internet` alone.
fn world() -> World {
    let profile = Profile { apn: Some("internet".to_owned()), ..profile(Service::Dual) };
    World::with(Settings { default_profile: Some(profile), ..settings() })
}

fn select(pbu: Pbu, service: &'static str) -> Pbu {
    pbu.with(ServiceSelection::new(service.as_bytes()).unwrap())
}

fn refused(world: &mut World, pbu: &Pbu) -> Outcome {
    let (result, outcome) = world.send(pbu);
    assert_eq!(result, Err(Rejection::Denied(Denial::ServiceNotAuthorized)));
    assert_eq!(outcome.ack().unwrap().status().0, 151);
    outcome
}

fn released(outcome: &Outcome) -> bool {
    outcome
        .what()
        .iter()
        .any(|what| matches!(what, What::Released { reason: Release::Revoked, .. }))
}

#[test]
fn the_service_of_the_profile_and_an_update_that_selects_none_are_accepted() {
    let mut world = world();
    world.accepted(&select(attach(MAG1), "internet"));
    world.accepted(&attach(MAG1).mn("b@x"));
}

#[test]
fn a_name_is_the_services_only_if_every_octet_is() {
    let mut world = world();
    for other in ["ims", "Internet", "internet.example", "intern", "internet\0"] {
        refused(&mut world, &select(attach(MAG1), other));
    }
    assert!(world.lma.is_empty());
    assert_eq!(world.count("deny_reasons.service_authorization_failed"), 5);
}

/// As mobile operators write it (3GPP TS 23.003 §9.1).
#[test]
fn a_name_is_the_services_in_labels_too() {
    let mut world = world();
    world.accepted(&select(attach(MAG1), "\x08internet"));
    for other in ["\x07internet", "\x08internet\x00", "\x05inter\x03net"] {
        refused(&mut world, &select(attach(MAG1).mn("b@x"), other));
    }
}

#[test]
fn a_profile_without_a_service_accepts_any() {
    let mut world = World::new();
    world.accepted(&select(attach(MAG1), "ims"));
}

#[test]
fn a_change_to_a_service_that_is_not_the_nodes_ends_its_session() {
    let mut world = world();
    world.accepted(&select(attach(MAG1), "internet"));
    let outcome = refused(&mut world, &select(attach(MAG1).handoff(5), "ims"));
    assert!(released(&outcome) && outcome.indications().is_empty(), "the answer says it");
    assert_eq!(outcome.forward(), &None);
    assert!(world.lma.is_empty());
    assert_eq!(world.count("disconnects.other"), 1);
}

#[test]
fn the_gateway_in_charge_is_told_when_another_one_asked_for_the_change() {
    let mut world = world();
    world.accepted(&attach(MAG1));
    let outcome = refused(&mut world, &select(attach(MAG2).handoff(3), "ims"));
    let bri = outcome.indication();
    assert_eq!(bri.path.peer.ip(), attach(MAG1).from.ip());
    assert_eq!(bri.body.trigger, RevocationTrigger::ADMINISTRATIVE_REASON);
    assert_eq!(outcome.forward(), &None);
    world.wait(secs(10));
    assert!(world.lma.is_empty());
}

#[test]
fn an_old_message_and_a_deregistration_with_a_wrong_service_end_nothing() {
    let mut world = world();
    world.accepted(&attach(MAG1).time(Time::Off(3)));
    for pbu in [attach(MAG1).handoff(5), attach(MAG1).deregister().time(Time::Off(4))] {
        let outcome = refused(&mut world, &select(pbu, "ims"));
        assert!(!released(&outcome) && world.only_binding().is_active());
    }
}

#[test]
fn another_session_of_the_node_goes_on() {
    let mut world = world();
    world.accepted(&attach(MAG1));
    world.accepted(&attach(MAG1).link_layer_id(&[7]));
    refused(&mut world, &select(attach(MAG1).link_layer_id(&[7]).handoff(5), "ims"));
    assert_eq!(world.only_binding().link_layer_id.as_ref().unwrap().octets(), [2, 0, 0, 0, 0, 1]);
}
