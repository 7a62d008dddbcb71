//! The code point of what the anchor says, in the five cases of `dscp control-plane`: without a
//! value; with one for what the anchor says first, and for the answer to a message without a code
//! point, with the same, and with another one. And with `force`, which leaves one case.

mod kit;

use kedge_lma::{Dscp, Rhythm, Settings};
use kedge_model::{CustomerId, Datagram, MnId, Sequence, SignalPath};
use kedge_wire::registry::RevocationTrigger;
use kedge_wire::{
    BindingRevocationIndication, Heartbeat, HeartbeatFlags, MnIdOption, Options, RevocationFlags,
    set_checksum,
};
use kit::*;

const VALUE: u8 = 45;
const OTHER: u8 = 10;
const CONFIGURED: Option<Dscp> = Some(Dscp { value: VALUE, force: false });
const FORCED: Option<Dscp> = Some(Dscp { value: VALUE, force: true });

fn world(dscp: Option<Dscp>) -> World {
    let heartbeat = Some(Rhythm { interval: secs(60), timeout: secs(3), allowed: 3 });
    World::with(Settings { dscp, heartbeat, ..settings() })
}

/// The value said of the gateway alone, against what is said of the anchor.
fn world_of_gateway(dscp: Dscp) -> World {
    let mut settings = Settings { dscp: Some(Dscp { value: 7, force: true }), ..settings() };
    settings.peers[0].dscp = Some(dscp);
    World::with(settings)
}

/// The code points of a Proxy Binding Acknowledgement, a Heartbeat Response and a Binding
/// Revocation Acknowledgement, to messages that came with `received`.
fn answers(dscp: Option<Dscp>, received: u8) -> [u8; 3] {
    answers_of(world(dscp), received)
}

fn answers_of(mut world: World, received: u8) -> [u8; 3] {
    let path = attach(MAG1).path();
    let update = attach(MAG1).bytes(world.now, 1);
    let request = Heartbeat { flags: HeartbeatFlags::NONE, sequence: 9 };
    let request = message(path, request, Options::new());
    let mut options = Options::new();
    options.push(MnIdOption::from(&MnId::nai(MN).unwrap()));
    let (trigger, flags) = (RevocationTrigger::ADMINISTRATIVE_REASON, RevocationFlags::P);
    let revocation = BindingRevocationIndication { trigger, sequence: Sequence(77), flags };
    let revocation = message(path, revocation, options);
    [update, request, revocation].map(|bytes| answer(&mut world, path, received, &bytes))
}

fn answer(world: &mut World, path: SignalPath, received: u8, bytes: &[u8]) -> u8 {
    let datagram = Datagram { path, dscp: received, bytes };
    assert_eq!(world.lma.handle_datagram(datagram, world.now), Ok(()));
    let sent = world.drain().sent;
    assert_eq!(sent.len(), 1, "one answer");
    sent[0].1
}

/// The code points of a Heartbeat Request, of a Binding Revocation Indication, and of that again.
fn said_first(dscp: Option<Dscp>) -> Vec<u8> {
    let mut world = world(dscp);
    world.accepted(&attach(MAG1));
    let mut said = world.wait(secs(60)).sent;
    assert_eq!(world.lma.clear(CustomerId::DEFAULT, &MnId::nai(MN).unwrap(), world.now), 1);
    said.extend(world.drain().sent);
    said.extend(world.wait(secs(1)).sent);
    said.iter().map(|(_, dscp, _)| *dscp).collect()
}

#[test]
fn without_a_value_answers_take_the_requests_code_point_and_nothing_else_has_one() {
    assert_eq!(answers(None, OTHER), [OTHER; 3]);
    assert_eq!(answers(None, 0), [0; 3]);
    assert_eq!(said_first(None), [0; 3]);
}

#[test]
fn with_a_value_heartbeats_and_revocations_of_the_anchors_own_have_it() {
    assert_eq!(said_first(CONFIGURED), [VALUE; 3]);
}

#[test]
fn with_a_value_the_answer_to_a_message_without_a_code_point_has_it() {
    assert_eq!(answers(CONFIGURED, 0), [VALUE; 3]);
}

#[test]
fn with_a_value_the_answer_to_a_message_with_the_same_has_what_was_received() {
    assert_eq!(answers(CONFIGURED, VALUE), [VALUE; 3]);
}

#[test]
fn with_a_value_the_answer_to_a_message_with_another_has_what_was_received() {
    assert_eq!(answers(CONFIGURED, OTHER), [OTHER; 3]);
}

#[test]
fn with_force_everything_has_the_value() {
    for received in [0, VALUE, OTHER] {
        assert_eq!(answers(FORCED, received), [VALUE; 3]);
    }
    assert_eq!(said_first(FORCED), [VALUE; 3]);
}

#[test]
fn a_gateways_own_value_goes_before_that_of_the_anchor() {
    let own = Dscp { value: VALUE, force: false };
    for (received, expected) in [(0, VALUE), (VALUE, VALUE), (OTHER, OTHER)] {
        assert_eq!(answers_of(world_of_gateway(own), received), [expected; 3]);
        // A Binding Error, in answer to a message of a type that there is not.
        let mut world = world_of_gateway(own);
        let path = attach(MAG1).path();
        let mut unknown = vec![59, 0, 99, 0, 0, 0, 0, 0];
        set_checksum(v6(MAG1), v6(LMA), &mut unknown);
        let datagram = Datagram { path, dscp: received, bytes: &unknown };
        assert!(world.lma.handle_datagram(datagram, world.now).is_err());
        assert_eq!(world.drain().sent[0].1, expected);
    }
}
