//! The code point of what the gateway says, in the five cases of `dscp control-plane`: without a
//! value; with one for what the gateway says first, and for the answer to a message without a code
//! point, with the same, and with another one. And with `force`, which leaves one case. All of it
//! holds for the value of an anchor as for that of the gateway, which it goes before.

use kedge_mag::{Dscp, Settings};
use kedge_model::Sequence;
use kedge_sansio::Rhythm;
use kedge_wire::registry::{MnIdSubtype, RevocationTrigger};
use kedge_wire::{
    BindingRevocationIndication, Heartbeat, HeartbeatFlags, Message, MnIdOption, Options, Packet,
    RevocationFlags,
};

use crate::world::*;

const VALUE: u8 = 45;
const OTHER: u8 = 10;
const UNSET: Dscp = Dscp { value: None, force: false };
const CONFIGURED: Dscp = Dscp { value: Some(VALUE), force: false };
const FORCED: Dscp = Dscp { value: Some(VALUE), force: true };

/// The same said of the gateway, and of the anchor, against what the gateway says.
fn said_of(dscp: Dscp) -> [Settings; 2] {
    let heartbeat = Some(Rhythm { interval: secs(60), timeout: secs(3), allowed: 3 });
    let gateway = Settings { dscp, heartbeat, ..settings() };
    let forced_another = Dscp { value: Some(7), force: true };
    let against = Settings { dscp: forced_another, heartbeat, ..settings() };
    [gateway, with_lma(against, |lma| lma.dscp = Some(dscp))]
}

/// The code points of a Heartbeat Response, a Binding Revocation Acknowledgement and a Binding
/// Error, to messages that came with `received`.
fn answers(dscp: Dscp, received: u8) -> [u8; 3] {
    let [gateway, anchor] = said_of(dscp).map(|settings| {
        let mut world = World::with_active_node(settings);
        let request = Heartbeat { flags: HeartbeatFlags::NONE, sequence: 9 };
        let mut options = Options::new();
        options.push(MnIdOption::new(MnIdSubtype::NAI, b"mn7@example.com").unwrap());
        let (trigger, flags) = (RevocationTrigger::ADMINISTRATIVE_REASON, RevocationFlags::P);
        let revocation = BindingRevocationIndication { trigger, sequence: Sequence(77), flags };
        let known = [
            Packet { message: Message::Heartbeat(request), options: Options::new() },
            Packet { message: Message::BindingRevocationIndication(revocation), options },
        ];
        let [request, revocation] = known.map(|packet| {
            let mut bytes = Vec::new();
            packet.encode(&mut bytes);
            bytes
        });
        let unknown = vec![59, 0, 99, 0, 0, 0, 0, 0];
        [request, revocation, unknown].map(|bytes| {
            world.deliver_marked(path_from("2001:db8::1"), received, bytes);
            world.take_one().dscp
        })
    });
    assert_eq!(gateway, anchor);
    gateway
}

/// The code points of a Proxy Binding Update, of that again, of a Heartbeat Request, of an
/// unsolicited Heartbeat Response and of a Binding Revocation Indication.
fn said_first(dscp: Dscp) -> [u8; 5] {
    let [gateway, anchor] = said_of(dscp).map(|settings| {
        let mut world = World::new(settings);
        world.solicit(IF1, NODE);
        let first = world.take_one();
        world.pass(secs(1));
        let again = world.take_one();
        world.accept(&again);
        world.pass(secs(60));
        let request = world.take_one();
        world.input(|mag, _| mag.announce_restart());
        let announcement = world.take_one();
        world.input(|mag, now| assert_eq!(mag.clear_all(now), 1));
        let revocation = world.take_one();
        [first, again, request, announcement, revocation].map(|sent| sent.dscp)
    });
    assert_eq!(gateway, anchor);
    gateway
}

#[test]
fn without_a_value_answers_take_the_requests_code_point_and_nothing_else_has_one() {
    assert_eq!(answers(UNSET, OTHER), [OTHER; 3]);
    assert_eq!(answers(UNSET, 0), [0; 3]);
    assert_eq!(said_first(UNSET), [0; 5]);
}

#[test]
fn with_a_value_updates_heartbeats_and_revocations_of_the_gateways_own_have_it() {
    assert_eq!(said_first(CONFIGURED), [VALUE; 5]);
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
    assert_eq!(said_first(FORCED), [VALUE; 5]);
}
