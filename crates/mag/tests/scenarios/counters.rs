//! For each counter of signalling: the event that moves it, and that it moves nothing else but
//! the sums it is part of.

use std::time::Duration;

use kedge_mag::{Auth, AuthHome, Mag, Settings};
use kedge_model::{Lifetime, Sequence, Timestamp};
use kedge_sansio::Rhythm;
use kedge_wire::auth::{self, Key};
use kedge_wire::registry::{
    BindingErrorStatus, HandoffIndicatorValue, RevocationStatus, RevocationTrigger, Status,
};
use kedge_wire::{
    BaFlags, BindingAcknowledgement, BindingError, BindingRevocationAcknowledgement,
    BindingRevocationIndication, HandoffIndicator, Heartbeat, HeartbeatFlags,
    Ipv4HomeAddressRequest, Message, MnIdOption, Options, Packet, RestartCounter, RevocationFlags,
    TimestampOption,
};

use crate::tally::{self, Counts};
use crate::world::*;

const SENT: &str = "mag_binding_updates_sent";
const RECEIVED: &str = "mag_binding_acknowledgements_received";
const DISCARDS: &str = "mag_discards";
const REVOCATION: &str = "mag_binding_revocation";
const OTHER: &str = "mag_other_signalling";

/// The groups that this file is about; frames and advertisements move the others.
const GROUPS: [&str; 9] = [
    SENT,
    RECEIVED,
    "mag_denied_by_lma",
    DISCARDS,
    REVOCATION,
    "mag_revocation_triggers_received",
    "mag_revocation_ack_status_sent",
    "mag_revocation_ack_status",
    OTHER,
];

/// What an event moved in these groups, and by how much.
fn moved(world: &mut World, event: impl FnOnce(&mut World)) -> Counts {
    tally::moved(world, &GROUPS, event)
}

/// An event moves exactly these counters of these groups, each by one.
#[track_caller]
fn moves(
    world: &mut World,
    expected: &[(&'static str, &[&'static str])],
    event: impl FnOnce(&mut World),
) {
    tally::moves(world, &GROUPS, expected, event);
}

#[test]
pub fn updates_are_counted_by_what_they_are_for() {
    let mut world = World::new(settings());
    moves(&mut world, &[(SENT, &["total", "initial"])], |w| w.solicit(IF1, NODE));
    moves(&mut world, &[(SENT, &["total", "initial_retransmitted"])], |w| w.pass(secs(1)));
    let update = world.sent.pop().unwrap();
    let accepted = ["total", "accepted", "initial_accepted", "initial_replies"];
    moves(&mut world, &[(RECEIVED, &accepted)], |w| w.accept(&update));
    moves(&mut world, &[(SENT, &["total", "refresh"])], |w| w.pass(secs(300)));
    moves(&mut world, &[(SENT, &["total", "refresh_retransmitted"])], |w| w.pass(secs(1)));
    let refresh = world.sent.pop().unwrap();
    let replied = ["total", "accepted", "refresh_replies"];
    moves(&mut world, &[(RECEIVED, &replied)], |w| w.accept(&refresh));
    let again = ["total", "refresh", "reassertions"];
    moves(&mut world, &[(SENT, &again)], |w| {
        w.solicit(IF1, NODE);
        w.pass(secs(2));
    });
    let refresh = world.sent.pop().unwrap();
    world.accept(&refresh);
    moves(&mut world, &[(SENT, &["total", "deregistration"])], |w| {
        w.input(|mag, now| assert_eq!(mag.clear(&mn("mn7@example.com"), now), 1));
    });
    let last = ["total", "deregistration_retransmitted"];
    moves(&mut world, &[(SENT, &last)], |w| w.pass(secs(1)));
    let farewell = world.sent.pop().unwrap();
    let over = ["total", "accepted", "deregistration_replies"];
    moves(&mut world, &[(RECEIVED, &over)], |w| {
        w.answer(&farewell, Status::ACCEPTED, 0, farewell.echo());
    });
}

#[test]
pub fn a_denial_is_counted_with_its_reason_and_its_kind() {
    let mut world = World::new(settings());
    world.solicit(IF1, NODE);
    let update = world.take_one();
    let groups: [(&str, &[&str]); 2] = [
        (RECEIVED, &["total", "denied", "initial_replies"]),
        ("mag_denied_by_lma", &["insufficient_resources"]),
    ];
    moves(&mut world, &groups, |w| w.reject(&update, Status::INSUFFICIENT_RESOURCES));
}

fn acknowledgement(flags: BaFlags, sequence: Sequence, options: Options) -> Packet {
    let message = Message::BindingAcknowledgement(BindingAcknowledgement {
        status: Status::ACCEPTED,
        flags,
        sequence,
        lifetime: Lifetime::from_secs(3600),
    });
    Packet { message, options }
}

#[test]
pub fn an_acknowledgement_that_is_not_used_is_an_error_with_a_reason() {
    let errors = |reason| -> [(&'static str, &'static [&'static str]); 2] {
        [(RECEIVED, &["total", "errors"]), (DISCARDS, reason)]
    };
    let mut world = World::new(settings());
    world.solicit(IF1, NODE);
    let update = world.take_one();
    let right = update.update().sequence;
    moves(&mut world, &errors(&["unmatched"]), |w| {
        let packet = acknowledgement(BaFlags::P, right.next(), update.echo());
        w.deliver(update.path, &packet);
    });
    moves(&mut world, &errors(&["not_proxy"]), |w| {
        let packet = acknowledgement(BaFlags::NONE, right, update.echo());
        w.deliver(update.path, &packet);
    });
    moves(&mut world, &errors(&["echo_mismatch"]), |w| {
        let mut options = Options::new();
        options.push(update.packet.options.get::<MnIdOption<'_>>().unwrap());
        options.push(update.packet.options.get::<TimestampOption>().unwrap());
        options.push(HandoffIndicator(HandoffIndicatorValue::NEW_INTERFACE));
        w.deliver(update.path, &acknowledgement(BaFlags::P, right, options));
    });
}

#[test]
pub fn an_acceptance_that_comes_after_the_window_is_stale() {
    for (window, late) in [(Some(secs(2)), true), (Some(secs(4)), false), (None, false)] {
        let mut world = World::new(Settings { replay_window: window, ..settings() });
        world.solicit(IF1, NODE);
        let update = world.take_one();
        world.pass(Duration::from_millis(2_500));
        let moved = moved(&mut world, |w| w.accept(&update));
        assert_eq!(moved.contains_key(&(DISCARDS, "stale")), late);
        assert_eq!(world.forwarding.len(), usize::from(!late));
    }
}

/// An anchor whose clock is elsewhere says so with its own time (RFC 5213 §5.5 (9)).
#[test]
fn a_rejection_with_the_anchors_own_time_is_not_stale() {
    let mut world = World::new(settings());
    world.solicit(IF1, NODE);
    let update = world.take_one();
    let mut options = Options::new();
    options.push(update.packet.options.get::<MnIdOption<'_>>().unwrap());
    options.push(TimestampOption(Timestamp(0)));
    world.answer(&update, Status::TIMESTAMP_MISMATCH, 0, options);
    assert_eq!(world.count("mag_denied_by_lma", "timestamp_mismatch"), 1);
}

#[test]
pub fn what_is_no_message_of_an_anchor_is_discarded_with_a_reason() {
    let path = path_from("2001:db8::1");
    let mut world = World::new(settings());
    moves(&mut world, &[(DISCARDS, &["checksum"])], |w| {
        let bytes = [59, 1, 6, 0, 1, 2, 0, 0];
        let datagram = kedge_model::Datagram { path, dscp: 0, bytes: &bytes };
        w.input(|mag, now| {
            mag.handle_datagram(datagram, now);
        });
    });
    moves(&mut world, &[(DISCARDS, &["malformed"])], |w| {
        w.deliver_bytes(path, vec![59, 9, 6, 0, 0, 0, 0, 0]);
    });
    let request = Message::Heartbeat(Heartbeat { flags: HeartbeatFlags::NONE, sequence: 1 });
    let request = Packet { message: request, options: Options::new() };
    moves(&mut world, &[(DISCARDS, &["unknown_peer"])], |w| {
        w.deliver(path_from("2001:db8::bad"), &request);
    });
    moves(&mut world, &[(DISCARDS, &["unexpected"])], |w| {
        let message = Message::Heartbeat(Heartbeat { flags: HeartbeatFlags::R, sequence: 1 });
        w.deliver(path, &Packet { message, options: Options::new() });
    });
    // RFC 6275 §9.2: it is answered, but not as often as somebody likes (§9.3.3).
    let unknown = vec![59, 0, 99, 0, 0, 0, 0, 0];
    let groups: [(&str, &[&str]); 2] =
        [(DISCARDS, &["unknown_type"]), (OTHER, &["binding_errors_sent"])];
    moves(&mut world, &groups, |w| w.deliver_bytes(path, unknown.clone()));
    let Message::BindingError(error) = world.take_one().packet.message else { panic!("an error") };
    assert_eq!(error.status, BindingErrorStatus::UNRECOGNIZED_MH_TYPE);
    for _ in 1..10 {
        moves(&mut world, &groups, |w| w.deliver_bytes(path, unknown.clone()));
        world.take_one();
    }
    moves(&mut world, &[(DISCARDS, &["unknown_type"])], |w| w.deliver_bytes(path, unknown));
    // RFC 5846 §6.2: the type of a revocation is known, whatever kind of one it says it is.
    world.pass(secs(1));
    let revocation = vec![59, 1, 16, 0, 0, 0, 9, 1, 0, 1, 0x80, 0, 0, 0, 0, 0];
    moves(&mut world, &[(DISCARDS, &["unknown_type"])], |w| w.deliver_bytes(path, revocation));
    assert!(world.sent.is_empty());
    moves(&mut world, &[(DISCARDS, &["unmatched_revocation"])], |w| {
        let message = Message::BindingRevocationAcknowledgement(BindingRevocationAcknowledgement {
            status: RevocationStatus::SUCCESS,
            sequence: Sequence(1),
            flags: RevocationFlags::P,
        });
        w.deliver(path, &Packet { message, options: Options::new() });
    });
}

#[test]
pub fn what_is_not_authentic_is_discarded_with_a_reason() {
    let (key, home) = (Key::new(0x100, b"0123456789abcdef"), AuthHome::CareOf);
    let auth = Auth { key, home, updates_only: false };
    let mut world = World::new(with_lma(settings(), |lma| lma.auth = Some(auth)));
    let path = path_from("2001:db8::1");
    let mut bytes = Vec::new();
    let request = Message::Heartbeat(Heartbeat { flags: HeartbeatFlags::NONE, sequence: 1 });
    Packet { message: request, options: Options::new() }.encode(&mut bytes);
    let signed = |key: &Key| {
        let mut bytes = bytes.clone();
        auth::sign(&mut bytes, 0, key, path.local.ip(), path.local.ip());
        bytes
    };
    moves(&mut world, &[(DISCARDS, &["authentication_missing"])], |w| {
        w.deliver_bytes(path, bytes.clone());
    });
    moves(&mut world, &[(DISCARDS, &["authentication_unknown_spi"])], |w| {
        w.deliver_bytes(path, signed(&Key::new(0x101, b"0123456789abcdef")));
    });
    moves(&mut world, &[(DISCARDS, &["authentication_failed"])], |w| {
        w.deliver_bytes(path, signed(&Key::new(0x100, b"another password")));
    });
}

pub fn revoke(
    world: &mut World,
    trigger: RevocationTrigger,
    flags: RevocationFlags,
    more: Options,
) {
    let indication = BindingRevocationIndication { trigger, sequence: Sequence(77), flags };
    let message = Message::BindingRevocationIndication(indication);
    world.deliver(path_from("2001:db8::1"), &Packet { message, options: more });
}

pub fn node() -> Options {
    let mut options = Options::new();
    options.push(MnIdOption::from(&mn("mn7@example.com")));
    options
}

#[test]
pub fn every_trigger_of_a_revocation_has_its_counter() {
    let triggers = [
        (0, "unspecified"),
        (1, "administrative"),
        (2, "inter_mag_handoff_same_att"),
        (3, "inter_mag_handoff_different_att"),
        (5, "user_initiated_termination"),
        (6, "access_network_termination"),
        (7, "out_of_sync_bce"),
        (128, "per_peer_policy"),
    ];
    for (trigger, key) in triggers {
        let mut world = World::with_active_node(settings());
        let trigger = RevocationTrigger(trigger);
        let (flags, options) = match trigger.is_global() {
            true => (RevocationFlags::P | RevocationFlags::G, Options::new()),
            false => (RevocationFlags::P, node()),
        };
        let key = [key];
        let groups: [(&str, &[&str]); 4] = [
            (REVOCATION, &["received", "acks_sent"]),
            ("mag_revocation_ack_status_sent", &["success"]),
            (OTHER, &["bindings_revoked"]),
            ("mag_revocation_triggers_received", &key),
        ];
        let moved = moved(&mut world, |w| revoke(w, trigger, flags, options));
        let keys = groups.iter().flat_map(|(g, keys)| keys.iter().map(|k| ((*g, *k), 1)));
        assert_eq!(moved, keys.collect(), "trigger {}", trigger.0);
    }
}

#[test]
pub fn a_revocation_that_is_denied_revokes_nothing() {
    let mut world = World::with_active_node(settings());
    let groups: [(&str, &[&str]); 3] = [
        (REVOCATION, &["received", "acks_sent"]),
        ("mag_revocation_triggers_received", &["unknown"]),
        ("mag_revocation_ack_status_sent", &["trigger_not_supported"]),
    ];
    let flags = RevocationFlags::P;
    moves(&mut world, &groups, |w| revoke(w, RevocationTrigger(99), flags, node()));
}

#[test]
pub fn an_address_revoked_alone_is_counted_as_that() {
    let mut world = World::with_active_node(settings());
    let mut options = node();
    options.push(Ipv4HomeAddressRequest { address: HOME.parse().unwrap() });
    let groups: [(&str, &[&str]); 4] = [
        (REVOCATION, &["received", "acks_sent"]),
        ("mag_revocation_triggers_received", &["administrative"]),
        ("mag_revocation_ack_status_sent", &["success"]),
        (OTHER, &["addresses_revoked"]),
    ];
    let flags = RevocationFlags::P | RevocationFlags::V;
    moves(&mut world, &groups, |w| {
        revoke(w, RevocationTrigger::ADMINISTRATIVE_REASON, flags, options);
    });
}

#[test]
pub fn the_gateways_own_revocations_are_counted_by_what_becomes_of_them() {
    let clear = |mag: &mut Mag, now| assert_eq!(mag.clear_all(now), 2);
    let mut world = sessions_of_two();
    moves(&mut world, &[(REVOCATION, &["sent"])], |w| w.input(clear));
    moves(&mut world, &[(REVOCATION, &["retries_sent"])], |w| w.pass(secs(1)));
    moves(&mut world, &[(REVOCATION, &["not_acknowledged"])], |w| w.pass(secs(2)));
    let mut world = sessions_of_two();
    world.input(clear);
    let Message::BindingRevocationIndication(bri) = world.take_one().packet.message else {
        panic!("an indication");
    };
    let message = Message::BindingRevocationAcknowledgement(BindingRevocationAcknowledgement {
        status: RevocationStatus::SUCCESS,
        sequence: bri.sequence,
        flags: bri.flags,
    });
    let groups: [(&str, &[&str]); 2] =
        [(REVOCATION, &["acks_received"]), ("mag_revocation_ack_status", &["success"])];
    let packet = Packet { message, options: Options::new() };
    moves(&mut world, &groups, |w| w.deliver(path_from("2001:db8::1"), &packet));
}

/// A gateway with two nodes at its anchor.
pub fn sessions_of_two() -> World {
    let mut world = World::with_active_node(settings());
    world.solicit(IF2, OTHER_NODE);
    let update = world.take_one();
    world.accept(&update);
    world
}

#[test]
pub fn heartbeats_are_counted_by_direction_and_by_what_they_show() {
    let path = path_from("2001:db8::1");
    let mut settings = settings();
    settings.heartbeat = Some(Rhythm { interval: secs(60), timeout: secs(3), allowed: 0 });
    let mut world = World::with_active_node(settings);
    let heartbeat = |flags, sequence, counter: Option<u32>| {
        let message = Message::Heartbeat(Heartbeat { flags, sequence });
        let mut options = Options::new();
        counter.into_iter().for_each(|counter| options.push(RestartCounter(counter)));
        Packet { message, options }
    };
    moves(&mut world, &[(OTHER, &["heartbeats_answered"])], |w| {
        w.deliver(path, &heartbeat(HeartbeatFlags::NONE, 9, None));
    });
    moves(&mut world, &[(OTHER, &["heartbeats_sent"])], |w| w.pass(secs(60)));
    let Message::Heartbeat(request) = world.sent.pop().unwrap().packet.message else {
        panic!("a heartbeat");
    };
    moves(&mut world, &[(OTHER, &["heartbeat_responses"])], |w| {
        w.deliver(path, &heartbeat(HeartbeatFlags::R, request.sequence, Some(1)));
    });
    let restarted = ["heartbeat_responses", "anchors_restarted"];
    moves(&mut world, &[(OTHER, &restarted)], |w| {
        w.deliver(path, &heartbeat(HeartbeatFlags::R | HeartbeatFlags::U, 0, Some(2)));
    });
    // The sessions that the anchor has lost are registered again.
    world.pass(secs(1));
    let update = world.sent.pop().unwrap();
    world.accept(&update);
    world.pass(secs(59));
    world.sent.clear();
    moves(&mut world, &[(OTHER, &["heartbeats_sent", "anchors_down"])], |w| w.pass(secs(3)));
    let Message::Heartbeat(request) = world.sent.pop().unwrap().packet.message else {
        panic!("a heartbeat");
    };
    moves(&mut world, &[(OTHER, &["heartbeat_responses", "anchors_up"])], |w| {
        w.deliver(path, &heartbeat(HeartbeatFlags::R, request.sequence, Some(2)));
    });
    moves(&mut world, &[(OTHER, &["restarts_announced"])], |w| {
        w.input(|mag, _| mag.announce_restart());
    });
    moves(&mut world, &[(OTHER, &["binding_errors"])], |w| {
        let home_address = std::net::Ipv6Addr::UNSPECIFIED;
        let status = BindingErrorStatus::UNRECOGNIZED_MH_TYPE;
        let message = Message::BindingError(BindingError { status, home_address });
        w.deliver(path, &Packet { message, options: Options::new() });
    });
}
