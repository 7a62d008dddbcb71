//! Heartbeats (RFC 5847), revocations (RFC 5846 §9.1) and errors.

use std::time::Duration;

use kedge_mag::{BindingState, Event, Refusal};
use kedge_model::Sequence;
use kedge_wire::registry::{BindingErrorStatus, MnIdSubtype, RevocationStatus, RevocationTrigger};
use kedge_wire::{
    AlternateCareOfAddress, BindingError, BindingRevocationIndication, Heartbeat, HeartbeatFlags,
    HomeNetworkPrefix, Ipv4HomeAddressRequest, Message, MnIdOption, Options, Packet,
    RestartCounter, RevocationFlags,
};

use crate::world::*;

const P: RevocationFlags = RevocationFlags::P;

fn named(nai: &str) -> Options {
    let mut options = Options::new();
    options.push(MnIdOption::new(MnIdSubtype::NAI, nai.as_bytes()).unwrap());
    options
}

/// Sends an indication and gives the status that came back.
#[track_caller]
fn revoke(
    world: &mut World,
    trigger: RevocationTrigger,
    flags: RevocationFlags,
    options: Options,
) -> RevocationStatus {
    let indication = BindingRevocationIndication { trigger, sequence: Sequence(77), flags };
    let message = Message::BindingRevocationIndication(indication);
    world.deliver(path_from("2001:db8::1"), &Packet { message, options });
    let answer = world.take_one();
    let Message::BindingRevocationAcknowledgement(bra) = answer.packet.message else {
        panic!("{answer:?}");
    };
    assert_eq!((bra.sequence, bra.flags), (Sequence(77), flags));
    bra.status
}

#[test]
fn a_heartbeat_is_answered_with_the_restart_counter() {
    let mut world = World::new(settings());
    let path = path_from("2001:db8::1");
    let request = Heartbeat { flags: HeartbeatFlags::NONE, sequence: 9 };
    let message = Message::Heartbeat(request);
    world.deliver(path, &Packet { message, options: Options::new() });
    let answer = world.take_one();
    assert_eq!(answer.path, path);
    let response = Heartbeat { flags: HeartbeatFlags::R, sequence: 9 };
    assert_eq!(answer.packet.message, Message::Heartbeat(response));
    assert_eq!(answer.packet.options.get::<RestartCounter>(), Some(RestartCounter(5)));
}

#[test]
fn a_response_to_a_request_that_was_not_made_is_not_answered() {
    let mut world = World::new(settings());
    let response = Heartbeat { flags: HeartbeatFlags::R, sequence: 0 };
    let packet = Packet { message: Message::Heartbeat(response), options: Options::new() };
    world.deliver(path_from("2001:db8::1"), &packet);
    assert!(world.sent.is_empty());
    assert_eq!(world.count("mag_discards", "unexpected"), 1);
}

#[test]
fn a_binding_error_is_reported() {
    let mut world = World::new(settings());
    let error = BindingError {
        status: BindingErrorStatus(2),
        home_address: std::net::Ipv6Addr::UNSPECIFIED,
    };
    let packet = Packet { message: Message::BindingError(error), options: Options::new() };
    world.deliver(path_from("2001:db8::1"), &packet);
    assert!(matches!(world.events[..], [Event::BindingError { .. }]));
    assert_eq!(world.count("mag_other_signalling", "binding_errors"), 1);
}

#[test]
fn after_a_handover_the_anchor_takes_the_binding_back_and_nothing_remains() {
    let mut world = World::with_active_node(settings());
    let mut options = named("mn7@example.com");
    options.push(HomeNetworkPrefix::new(PREFIX.parse().unwrap()));
    let trigger = RevocationTrigger::INTER_MAG_HANDOVER_SAME_ACCESS_TYPE;
    assert_eq!(revoke(&mut world, trigger, P, options), RevocationStatus::SUCCESS);
    assert!(world.forwarding.is_empty() && world.access.is_empty());
    assert!(world.mag.is_idle(), "the anchor knows; there is no farewell");
    world.solicit(IF1, NODE);
    world.take_one();
}

/// The anchor asks whether a node has left; nothing is said before the node had time to answer.
fn contested(world: &mut World) -> Packet {
    let indication = BindingRevocationIndication {
        trigger: RevocationTrigger::INTER_MAG_HANDOVER_UNKNOWN,
        sequence: Sequence(78),
        flags: P,
    };
    let message = Message::BindingRevocationIndication(indication);
    let packet = Packet { message, options: named("mn7@example.com") };
    let probes = world.count("mag_access", "probes");
    world.deliver(path_from("2001:db8::1"), &packet);
    assert!(world.sent.is_empty(), "{:?}", world.sent);
    assert_eq!(world.count("mag_access", "probes"), probes + 1);
    packet
}

#[track_caller]
fn status_of(sent: &Sent) -> RevocationStatus {
    let Message::BindingRevocationAcknowledgement(bra) = sent.packet.message else {
        panic!("{sent:?}");
    };
    assert_eq!(bra.sequence, Sequence(78));
    bra.status
}

#[test]
fn a_node_that_the_anchor_asks_for_and_that_is_heard_stays() {
    let mut world = World::with_active_node(settings());
    contested(&mut world);
    world.pass(Duration::from_millis(400));
    world.solicit(IF1, NODE);
    let answer = world.take_one();
    assert_eq!(status_of(&answer), RevocationStatus::REVOCATION_FAILED_MN_IS_ATTACHED);
    assert_eq!(
        answer.packet.options.get::<MnIdOption<'_>>().unwrap().to_mn_id(),
        mn("mn7@example.com")
    );
    assert_eq!(world.forwarding.len(), 1);
    assert_eq!(world.count("mag_revocation_ack_status_sent", "mn_attached"), 1);
    world.pass(secs(1));
    assert_eq!(world.forwarding.len(), 1, "the question is over");
}

#[test]
fn a_node_that_the_anchor_asks_for_and_that_is_silent_has_left() {
    let mut world = World::with_active_node(settings());
    let again = contested(&mut world);
    world.deliver(path_from("2001:db8::1"), &again);
    assert_eq!(world.count("mag_access", "probes"), 1, "it has been asked");
    world.pass(Duration::from_millis(499));
    assert!(world.sent.is_empty());
    world.pass(Duration::from_millis(1));
    assert_eq!(status_of(&world.take_one()), RevocationStatus::SUCCESS);
    assert!(world.forwarding.is_empty() && world.mag.is_idle());
}

#[test]
fn a_node_whose_end_the_anchor_is_being_told_is_given_up_at_once() {
    let mut world = World::with_active_node(settings());
    world.input(|mag, now| assert_eq!(mag.clear(&mn("mn7@example.com"), now), 1));
    world.take_one();
    let trigger = RevocationTrigger::INTER_MAG_HANDOVER_UNKNOWN;
    let mut options = named("mn7@example.com");
    options.push(HomeNetworkPrefix::new(PREFIX.parse().unwrap()));
    assert_eq!(revoke(&mut world, trigger, P, options), RevocationStatus::SUCCESS);
    assert!(world.mag.is_idle(), "the farewell is not repeated");
}

#[test]
fn prefixes_that_are_not_the_nodes_are_named_in_a_partial_success() {
    let mut world = World::with_active_node(settings());
    let foreign = HomeNetworkPrefix::new("2001:db8:9::/64".parse().unwrap());
    let mut options = named("mn7@example.com");
    options.push(HomeNetworkPrefix::new(PREFIX.parse().unwrap()));
    options.push(foreign);
    let indication = BindingRevocationIndication {
        trigger: RevocationTrigger::ADMINISTRATIVE_REASON,
        sequence: Sequence(78),
        flags: P,
    };
    let message = Message::BindingRevocationIndication(indication);
    world.deliver(path_from("2001:db8::1"), &Packet { message, options });
    let answer = world.take_one();
    assert_eq!(status_of(&answer), RevocationStatus::PARTIAL_SUCCESS);
    assert_eq!(answer.packet.options.all().collect::<Vec<HomeNetworkPrefix>>(), [foreign]);
    assert!(world.forwarding.is_empty());
}

#[test]
fn an_anchor_may_take_the_bindings_of_a_realm_back() {
    let global = P | RevocationFlags::G;
    let trigger = RevocationTrigger::REVOKING_MOBILITY_NODE_LOCAL_POLICY;
    let at = |realm: &str, care_of: &str| {
        let mut options = named(realm);
        options.push(AlternateCareOfAddress(care_of.parse().unwrap()));
        options
    };
    let unnamed = RevocationStatus::REVOKED_MOBILE_NODES_IDENTITY_REQUIRED;
    let success = RevocationStatus::SUCCESS;
    for (options, status, left) in [
        (named("@example.com"), success, 0),
        (at("@example.com", "2001:db8::11"), success, 0),
        (at("@example.com", "2001:db8::12"), unnamed, 1),
        (named("@com"), unnamed, 1),
        (named("@"), unnamed, 1),
        (named("example.com"), unnamed, 1),
        (Options::new(), unnamed, 1),
    ] {
        let mut world = World::with_active_node(settings());
        assert_eq!(revoke(&mut world, trigger, global, options), status);
        assert_eq!(world.forwarding.len(), left);
    }
}

#[test]
fn a_binding_revoked_for_a_reason_is_not_registered_at_once_again() {
    let mut world = World::with_active_node(settings());
    let trigger = RevocationTrigger::ADMINISTRATIVE_REASON;
    let status = revoke(&mut world, trigger, P, named("mn7@example.com"));
    assert_eq!(status, RevocationStatus::SUCCESS);
    assert!(world.forwarding.is_empty());
    let state = world.mag.bindings(world.now().mono).next().unwrap().state;
    assert_eq!(state, BindingState::Refused(Refusal::Revoked));
    world.solicit(IF1, NODE);
    world.pass(secs(9));
    assert!(world.sent.is_empty());
    world.pass(secs(1));
    world.take_one();
}

#[test]
fn an_anchor_may_take_all_its_bindings_back() {
    let mut world = World::with_active_node(settings());
    world.solicit(IF2, OTHER_NODE);
    let update = world.take_one();
    world.accept(&update);
    let flags = P | RevocationFlags::G;
    let trigger = RevocationTrigger::PER_PEER_POLICY;
    assert_eq!(revoke(&mut world, trigger, flags, Options::new()), RevocationStatus::SUCCESS);
    assert!(world.forwarding.is_empty());
    assert_eq!(world.count("mag_other_signalling", "bindings_revoked"), 2);
}

#[test]
fn the_ipv4_address_alone_can_be_taken_back() {
    let mut world = World::with_active_node(settings());
    let flags = P | RevocationFlags::V;
    let trigger = RevocationTrigger::ADMINISTRATIVE_REASON;
    let with = |address: &str| {
        let mut options = named("mn7@example.com");
        options.push(Ipv4HomeAddressRequest { address: address.parse().unwrap() });
        options
    };
    let missing = revoke(&mut world, trigger, flags, named("mn7@example.com"));
    assert_eq!(missing, RevocationStatus::IPV4_HOME_ADDRESS_OPTION_REQUIRED);
    let wrong = revoke(&mut world, trigger, flags, with("10.1.0.99/24"));
    assert_eq!(wrong, RevocationStatus::BINDING_DOES_NOT_EXIST);
    assert_eq!(revoke(&mut world, trigger, flags, with(HOME)), RevocationStatus::SUCCESS);
    let inner = &world.forwarding.values().next().expect("the prefix stays").inner;
    assert_eq!(inner[..], [PREFIX.parse().unwrap()]);
    world.pass(secs(1));
    let refresh = world.take_one();
    assert_eq!((refresh.prefixes().len(), refresh.address()), (1, None));
    world.accept(&refresh);
    // An operator's action, or the node's next attachment, asks for it again.
    world.input(|mag, now| mag.apply(settings(), now));
    world.pass(secs(300));
    let refresh = world.take_one();
    assert!(refresh.address().is_some_and(|address| address.addr().is_unspecified()));
    world.accept(&refresh);
    assert_eq!(world.forwarding.values().next().unwrap().inner.len(), 2);
}

#[test]
fn an_indication_that_is_not_valid_is_denied_with_the_reason() {
    let mut world = World::with_active_node(settings());
    let reason = RevocationTrigger::ADMINISTRATIVE_REASON;
    let peer = RevocationTrigger::PER_PEER_POLICY;
    let global = P | RevocationFlags::G;
    let us = || named("mn7@example.com");
    let foreign = || {
        let mut options = us();
        options.push(HomeNetworkPrefix::new("2001:db8:9::/64".parse().unwrap()));
        options
    };
    for (trigger, flags, options, status) in [
        (reason, RevocationFlags::NONE, us(), RevocationStatus::REVOCATION_FUNCTION_NOT_SUPPORTED),
        (reason, global, us(), RevocationStatus::REVOCATION_FUNCTION_NOT_SUPPORTED),
        (peer, P, us(), RevocationStatus::REVOCATION_FUNCTION_NOT_SUPPORTED),
        (peer, global, us(), RevocationStatus::REVOCATION_FUNCTION_NOT_SUPPORTED),
        (RevocationTrigger(8), P, us(), RevocationStatus::REVOCATION_TRIGGER_NOT_SUPPORTED),
        (reason, P, Options::new(), RevocationStatus::REVOKED_MOBILE_NODES_IDENTITY_REQUIRED),
        (reason, P, named("mn8@example.com"), RevocationStatus::BINDING_DOES_NOT_EXIST),
        (reason, P, foreign(), RevocationStatus::BINDING_DOES_NOT_EXIST),
    ] {
        assert_eq!(revoke(&mut world, trigger, flags, options), status);
    }
    let sent = |status| world.count("mag_revocation_ack_status_sent", status);
    let denied = ["revocation_not_supported", "trigger_not_supported", "mn_id_required"];
    assert_eq!(denied.map(sent), [4, 1, 1]);
    assert_eq!(sent("binding_does_not_exist"), 2);
    assert_eq!(world.forwarding.len(), 1);
}
