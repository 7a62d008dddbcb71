//! Every counter of revocations, heartbeats and gateways moves by its event, and only by it:
//! what is named moves by one, all others of the anchor stand still.

mod kit;

use kedge_lma::{Rhythm, Settings};
use kedge_model::{CustomerId, MnId, Sequence, SignalPath};
use kedge_wire::registry::{
    BindingErrorStatus, RevocationStatus as Status, RevocationTrigger as Trigger,
};
use kedge_wire::{
    BindingError, BindingRevocationAcknowledgement, BindingRevocationIndication, Heartbeat,
    HeartbeatFlags as Flags, Message, MnIdOption, Options, Packet, RestartCounter, RevocationFlags,
};
use kit::*;

const SENT: &str = "binding_revocation.sent";
const P: RevocationFlags = RevocationFlags::P;

fn mn() -> MnId {
    MnId::nai(MN).unwrap()
}

fn registered() -> World {
    let mut world = World::new();
    world.accepted(&attach(MAG1));
    world
}

fn order(trigger: Trigger) -> impl FnOnce(&mut World) -> Bri {
    move |world| {
        world.lma.revoke(CustomerId::DEFAULT, &mn(), trigger, world.now);
        world.drain().indication()
    }
}

fn clear(world: &mut World) -> Bri {
    world.lma.clear(CustomerId::DEFAULT, &mn(), world.now);
    world.drain().indication()
}

/// What an accepted update moves.
const ACCEPTED: [&str; 4] = [
    "binding_updates_received.total",
    "binding_updates_received.accepted",
    "binding_acks_sent.total",
    "binding_acks_sent.accepted_registration",
];
const INITIAL: [&str; 3] = [
    "binding_updates_initial.received",
    "binding_updates_initial.accepted",
    "binding_acks_sent.accepted_initial",
];
const HANDOFF: [&str; 2] = ["binding_updates_handoff.received", "binding_updates_handoff.accepted"];

mod an_indication {
    use super::*;

    #[test]
    fn is_counted_under_its_trigger() {
        for (trigger, row) in [
            (Trigger::UNSPECIFIED, "unspecified"),
            (Trigger::ADMINISTRATIVE_REASON, "administrative"),
            (Trigger::USER_INITIATED_SESSION_TERMINATION, "user_initiated_termination"),
            (Trigger::ACCESS_NETWORK_SESSION_TERMINATION, "access_network_termination"),
            (Trigger::POSSIBLE_OUT_OF_SYNC_BCE_STATE, "out_of_sync_bce"),
            (Trigger(99), "unknown"),
        ] {
            let row = format!("revocation_triggers_sent.{row}");
            registered().moves(&[SENT, &row], order(trigger));
        }
    }

    #[test]
    fn about_many_bindings_is_counted_once_a_gateway() {
        let mut world = registered();
        world.accepted(&attach(MAG1).mn("b@example.com"));
        world.moves(&[SENT, "revocation_triggers_sent.revoking_node_local_policy"], |world| {
            world.lma.clear_realm(CustomerId::DEFAULT, "example.com", world.now)
        });
        let mut world = registered();
        world.accepted(&attach(MAG1).mn("b@example.com"));
        world.moves(&[SENT, "revocation_triggers_sent.per_peer_policy"], |world| {
            world.lma.clear_peer("mag1", world.now)
        });
    }

    #[test]
    fn of_a_handover_is_counted_by_what_is_known_of_the_access() {
        for (first, then, row) in [
            (4, 4, "inter_mag_handoff_same_att"),
            (4, 5, "inter_mag_handoff_different_att"),
            (4, 0, "inter_mag_handoff_unknown"),
        ] {
            let mut world = World::new();
            world.accepted(&attach(MAG1).technology(first));
            let row = format!("revocation_triggers_sent.{row}");
            let moved = [&ACCEPTED[..], &HANDOFF, &[SENT, &row]].concat();
            world.moves(&moved, |world| {
                world.accepted(&attach(MAG2).technology(then).handoff(2));
            });
        }
    }

    #[test]
    fn that_is_sent_again_and_given_up_is_counted_each_time() {
        let mut world = registered();
        clear(&mut world);
        world.moves(&["binding_revocation.retries_sent"], |world| world.wait(ms(1_000)));
        let ended = ["binding_revocation.not_acknowledged", "disconnects.admin_drops"];
        world.moves(&ended, |world| world.wait(ms(2_000)));
    }

    #[test]
    fn while_it_waits_drops_updates_under_their_reason() {
        let mut world = registered();
        clear(&mut world);
        let moved = [
            "binding_updates_received.total",
            "binding_updates_received.discarded",
            "binding_updates_refresh.received",
            "discard_reasons.revocation_pending",
        ];
        world.moves(&moved, |world| world.send(&attach(MAG1).handoff(5)).0.unwrap_err());
    }

    #[test]
    fn of_a_gateway_is_counted_with_its_acknowledgement_and_what_it_ends() {
        let path = attach(MAG1).path();
        let bri = |nai: &str| {
            let mut options = Options::new();
            options.push(MnIdOption::from(&MnId::nai(nai).unwrap()));
            let (trigger, sequence) = (Trigger::UNSPECIFIED, Sequence(5));
            let body = BindingRevocationIndication { trigger, sequence, flags: P };
            message(path, body, options)
        };
        let mut world = registered();
        let answered = ["binding_revocation.received", "binding_revocation.acks_sent"];
        world.moves(&answered, |world| world.deliver(path, &bri("nobody@x")).0.unwrap());
        world.moves(&[&answered[..], &["disconnects.other"]].concat(), |world| {
            world.deliver(path, &bri(MN)).0.unwrap();
        });
        let stranger = attach(STRANGER).path();
        let dropped = ["binding_revocation.received", "other_signalling.discarded"];
        let (trigger, sequence) = (Trigger::UNSPECIFIED, Sequence(5));
        let body = BindingRevocationIndication { trigger, sequence, flags: P };
        let bytes = message(stranger, body, Options::new());
        world.moves(&dropped, |world| world.deliver(stranger, &bytes).0.unwrap_err());
    }
}

mod an_acknowledgement {
    use super::*;

    #[test]
    fn is_counted_under_its_status() {
        for (status, row) in [
            (Status::SUCCESS, "success"),
            (Status::PARTIAL_SUCCESS, "partial_success"),
            (Status::BINDING_DOES_NOT_EXIST, "binding_does_not_exist"),
            (Status::IPV4_HOME_ADDRESS_OPTION_REQUIRED, "no_ipv4_hoa_binding"),
            (Status::GLOBAL_REVOCATION_NOT_AUTHORIZED, "global_revocation_not_authorized"),
            (Status::REVOKED_MOBILE_NODES_IDENTITY_REQUIRED, "mn_id_required"),
            (Status::REVOCATION_FAILED_MN_IS_ATTACHED, "mn_attached"),
            (Status::REVOCATION_TRIGGER_NOT_SUPPORTED, "trigger_not_supported"),
            (Status::REVOCATION_FUNCTION_NOT_SUPPORTED, "revocation_not_supported"),
            (Status::PROXY_BINDING_REVOCATION_NOT_SUPPORTED, "proxy_revocation_not_supported"),
            (Status(77), "unknown"),
        ] {
            let mut world = registered();
            let bri = clear(&mut world);
            let row = format!("revocation_ack_status.{row}");
            let moved = ["binding_revocation.acks_received", &row, "disconnects.admin_drops"];
            world.moves(&moved, |world| world.acknowledge(&bri, status).0.unwrap());
        }
    }

    /// A spoilt acknowledgement moves this row and the total, and nothing else.
    #[track_caller]
    fn dropped(row: &str, spoil: impl FnOnce(&Bri, Vec<u8>) -> (SignalPath, Vec<u8>)) {
        let mut world = registered();
        // Over IPv4, where no checksum is in the way of other faults.
        world.accepted(&attach(MAG1_V4).handoff(5));
        let bri = clear(&mut world);
        let (sequence, flags) = (bri.body.sequence, bri.body.flags);
        let body = BindingRevocationAcknowledgement { status: Status::SUCCESS, sequence, flags };
        let mut options = Options::new();
        options.push(MnIdOption::from(&mn()));
        let (path, bytes) = spoil(&bri, message(bri.path, body, options));
        let row = format!("revocation_ack_discarded.{row}");
        world.moves(&["revocation_ack_discarded.total", &row], |world| {
            world.deliver(path, &bytes).0.unwrap_err()
        });
    }

    #[test]
    fn that_is_dropped_is_counted_under_its_fault() {
        const BR_TYPE: usize = 6;
        const SEQUENCE: usize = 9;
        const FLAGS: usize = 10;
        const MN_ID_LENGTH: usize = 13;
        let set = |at: usize, to: fn(u8) -> u8| {
            move |bri: &Bri, mut bytes: Vec<u8>| {
                bytes[at] = to(bytes[at]);
                (bri.path, bytes)
            }
        };
        dropped("no_matching_request", set(SEQUENCE, |octet| octet ^ 1));
        dropped("badly_formed", set(FLAGS, |octet| octet ^ 0x20));
        dropped("decode_error", set(MN_ID_LENGTH, |_| 200));
        dropped("invalid_length", set(1, |octet| octet + 1));
        dropped("invalid_type", set(BR_TYPE, |_| 3));
        dropped("session_not_found", |bri, _| {
            let mut options = Options::new();
            options.push(MnIdOption::from(&MnId::nai("nobody@x").unwrap()));
            let (sequence, flags) = (bri.body.sequence.next(), bri.body.flags);
            let status = Status::SUCCESS;
            let body = BindingRevocationAcknowledgement { status, sequence, flags };
            (bri.path, message(bri.path, body, options))
        });
        dropped("checksum", |_, mut bytes| {
            bytes[4] ^= 1;
            (attach(MAG1).path(), bytes)
        });
    }
}

mod a_heartbeat {
    use super::*;

    const MISSED: [&str; 2] =
        ["other_signalling.heartbeats_missed", "other_signalling.heartbeats_sent"];

    fn beating() -> World {
        let heartbeat = Some(Rhythm { interval: secs(60), timeout: secs(3), allowed: 1 });
        let mut world = World::with(Settings { heartbeat, delete_wait: secs(900), ..settings() });
        world.accepted(&attach(MAG1));
        world
    }

    /// The number of the request that comes in this time.
    fn request(world: &mut World, time: u64) -> u32 {
        let sent = world.wait(secs(time)).sent;
        assert_eq!(sent.len(), 1);
        match Packet::decode(&sent[0].2).unwrap().message {
            Message::Heartbeat(heartbeat) => heartbeat.sequence,
            other => panic!("{other:?}"),
        }
    }

    fn say(world: &mut World, flags: Flags, sequence: u32, counter: u32) {
        let mut options = Options::new();
        options.push(RestartCounter(counter));
        let path = attach(MAG1).path();
        let _ = world.deliver(path, &message(path, Heartbeat { flags, sequence }, options)).0;
    }

    /// A gateway that has answered once, and the number of the request after that.
    fn heard() -> (World, u32) {
        let mut world = beating();
        let first = request(&mut world, 60);
        say(&mut world, Flags::R, first, 1);
        let second = request(&mut world, 60);
        (world, second)
    }

    #[test]
    fn is_counted_when_it_is_sent_and_when_it_is_answered_at_either_end() {
        let mut world = beating();
        let number = world.moves(&["other_signalling.heartbeats_sent"], |world| request(world, 60));
        world.moves(&["other_signalling.heartbeat_responses"], |world| {
            say(world, Flags::R, number, 1);
        });
        world.moves(&["other_signalling.heartbeats_answered"], |world| {
            say(world, Flags::NONE, 9, 1);
        });
        world.moves(&["other_signalling.discarded"], |world| say(world, Flags::R, number, 1));
    }

    #[test]
    fn that_is_missed_is_counted_and_one_too_many_is_a_gateway_down() {
        let (mut world, _) = heard();
        world.moves(&MISSED, |world| request(world, 3));
        let number =
            world.moves(&[&MISSED[..], &["gateways.down"]].concat(), |world| request(world, 3));
        world.moves(&["other_signalling.heartbeat_responses", "gateways.up"], |world| {
            say(world, Flags::R, number, 1);
        });
    }

    #[test]
    fn that_was_never_answered_is_a_gateway_without_heartbeats() {
        let mut world = beating();
        request(&mut world, 60);
        world.moves(&MISSED, |world| request(world, 3));
        let moved = [&MISSED[..], &["gateways.without_heartbeat"]].concat();
        world.moves(&moved, |world| request(world, 3));
        world.moves(&MISSED, |world| request(world, 60));
    }

    #[test]
    fn with_another_counter_is_a_gateway_restarted() {
        for flags in [Flags::R, Flags::R | Flags::U] {
            let (mut world, number) = heard();
            let moved = ["other_signalling.heartbeat_responses", "gateways.restarted"];
            world.moves(&moved, |world| say(world, flags, number, 2));
        }
    }

    #[test]
    fn answered_by_a_binding_error_is_counted_once() {
        let mut world = beating();
        request(&mut world, 60);
        let path = attach(MAG1).path();
        let status = BindingErrorStatus::UNRECOGNIZED_MH_TYPE;
        let error = BindingError { status, home_address: std::net::Ipv6Addr::UNSPECIFIED };
        let bytes = message(path, error, Options::new());
        let moved = ["other_signalling.binding_errors_received", "gateways.without_heartbeat"];
        world.moves(&moved, |world| world.deliver(path, &bytes).0.unwrap());
        world.moves(&["other_signalling.discarded"], |world| {
            world.deliver(path, &bytes).0.unwrap_err()
        });
    }

    #[test]
    fn that_tells_of_a_restart_is_counted() {
        let path = attach(MAG1).path();
        World::new().moves(&["other_signalling.restarts_announced"], |world| {
            world.lma.announce_restart([path]);
        });
    }
}

#[test]
fn a_binding_error_is_counted_when_it_ends_a_revocation() {
    let mut world = registered();
    clear(&mut world);
    let path = attach(MAG1).path();
    let status = BindingErrorStatus::UNRECOGNIZED_MH_TYPE;
    let error = BindingError { status, home_address: std::net::Ipv6Addr::UNSPECIFIED };
    let moved = [
        "other_signalling.binding_errors_received",
        "binding_revocation.not_acknowledged",
        "disconnects.admin_drops",
    ];
    let bytes = message(path, error, Options::new());
    world.moves(&moved, |world| world.deliver(path, &bytes).0.unwrap());
}

#[test]
fn a_binding_error_is_counted_when_it_is_sent() {
    let path = attach(MAG1).path();
    let mut bytes = message(path, Heartbeat { flags: Flags::NONE, sequence: 1 }, Options::new());
    bytes[2] = 99;
    if let (std::net::IpAddr::V6(local), std::net::IpAddr::V6(peer)) =
        (path.local.ip(), path.peer.ip())
    {
        kedge_wire::set_checksum(peer, local, &mut bytes);
    }
    let moved = ["other_signalling.binding_errors_sent", "other_signalling.discarded"];
    World::new().moves(&moved, |world| world.deliver(path, &bytes).0.unwrap_err());
}

#[test]
fn a_gateway_that_is_learned_is_counted_with_its_first_update() {
    let mut world = World::with(Settings { dynamic_mag_learning: true, ..settings() });
    let moved = [&ACCEPTED[..], &INITIAL, &["gateways.learned"]].concat();
    world.moves(&moved, |world| world.accepted(&attach(STRANGER)));
    world.moves(&[&ACCEPTED[..], &INITIAL].concat(), |world| {
        world.accepted(&attach(STRANGER).mn("b@x"));
    });
}

mod a_binding_that_ends {
    use super::*;

    #[test]
    fn is_counted_under_its_cause() {
        let mut world = World::new();
        world.accepted(&attach(MAG1).lifetime(4));
        world.moves(&["disconnects.lifetime_expiry"], |world| world.wait(secs(4)));
        world.accepted(&attach(MAG1));
        world.accepted(&attach(MAG1).deregister());
        world.moves(&["disconnects.deregistrations"], |world| world.wait(secs(10)));
        world.accepted(&attach(MAG1));
        world.accepted(&attach(MAG1).deregister());
        world.moves(&["disconnects.admin_drops"], |world| {
            world.lma.clear(CustomerId::DEFAULT, &mn(), world.now)
        });
    }
}
