//! Every counter of a gateway is moved by its event.

use std::collections::BTreeSet;

use kedge_wire::registry::{RevocationStatus, RevocationTrigger, Status};
use kedge_wire::{
    BindingRevocationAcknowledgement, HeartbeatControl, LmaControlledMagParameters, Message,
    Options, Packet, RevocationFlags,
};

use crate::counters::{node, revoke, sessions_of_two};
use crate::tally::{Counter, moved, moves, never_moved};
use crate::world::*;
use crate::{access_counters, counters};

const STATUS_SENT: &str = "mag_revocation_ack_status_sent";
const STATUS_RECEIVED: &str = "mag_revocation_ack_status";
const P: RevocationFlags = RevocationFlags::P;

/// Counters of what a gateway never does.
const STILL: &[Counter] = &[
    // RFC 5846 §5.2: 130 is an anchor's, 135 a mobile node's; there is no status without a name.
    (STATUS_SENT, "global_revocation_not_authorized"),
    (STATUS_SENT, "proxy_revocation_not_supported"),
    (STATUS_SENT, "unknown"),
];

#[test]
fn every_counter_of_a_gateway_is_moved_by_its_event() {
    let unmoved = never_moved(&[
        counters::updates_are_counted_by_what_they_are_for,
        counters::a_denial_is_counted_with_its_reason_and_its_kind,
        counters::an_acknowledgement_that_is_not_used_is_an_error_with_a_reason,
        counters::an_acceptance_that_comes_after_the_window_is_stale,
        counters::what_is_no_message_of_an_anchor_is_discarded_with_a_reason,
        counters::what_is_not_authentic_is_discarded_with_a_reason,
        counters::every_trigger_of_a_revocation_has_its_counter,
        counters::a_revocation_that_is_denied_revokes_nothing,
        counters::an_address_revoked_alone_is_counted_as_that,
        counters::the_gateways_own_revocations_are_counted_by_what_becomes_of_them,
        counters::heartbeats_are_counted_by_direction_and_by_what_they_show,
        every_status_of_a_denial_has_its_counter,
        every_status_of_a_revocation_has_its_counter,
        what_is_rare_is_counted_too,
        access_counters::frames_of_who_is_not_served_are_counted_by_why,
        access_counters::a_nodes_coming_and_going_are_counted_and_so_is_what_it_asks_and_is_told,
        access_counters::a_question_whether_a_node_is_there_is_a_probe,
        access_counters::questions_to_aaa_are_counted_by_their_answers,
        access_counters::each_message_of_dhcp_is_counted_and_so_is_its_answer,
        access_counters::each_message_of_dhcpv6_is_counted_and_so_is_its_answer,
    ]);
    let still: BTreeSet<Counter> = STILL.iter().copied().collect();
    let missing: Vec<_> = unmoved.difference(&still).collect();
    assert!(missing.is_empty(), "no event moves {missing:#?}");
    let stale: Vec<_> = still.difference(&unmoved).collect();
    assert!(stale.is_empty(), "these move, or are none: {stale:#?}");
}

#[test]
fn every_status_of_a_denial_has_its_counter() {
    let group = "mag_denied_by_lma";
    for status in 128..=255 {
        let mut world = World::new(settings());
        world.solicit(IF1, NODE);
        let update = world.take_one();
        let moved = moved(&mut world, &[group], |w| w.reject(&update, Status(status)));
        assert_eq!(moved.into_values().collect::<Vec<_>>(), [1], "status {status}");
    }
}

#[test]
fn every_status_of_a_revocation_has_its_counter() {
    let reason = RevocationTrigger::ADMINISTRATIVE_REASON;
    let v = P | RevocationFlags::V;
    let mut partly = node();
    partly.push(kedge_wire::HomeNetworkPrefix::new(PREFIX.parse().unwrap()));
    partly.push(kedge_wire::HomeNetworkPrefix::new(OTHER_PREFIX.parse().unwrap()));
    for (trigger, flags, options, key) in [
        (reason, P, node(), "success"),
        (reason, P, partly, "partial_success"),
        (reason, P, Options::new(), "mn_id_required"),
        (reason, v, node(), "no_ipv4_hoa_binding"),
        (reason, RevocationFlags::NONE, node(), "revocation_not_supported"),
        (RevocationTrigger(99), P, node(), "trigger_not_supported"),
    ] {
        let mut world = World::with_active_node(settings());
        moves(&mut world, &[STATUS_SENT], &[(STATUS_SENT, &[key])], |w| {
            revoke(w, trigger, flags, options);
        });
    }
    let mut world = World::new(settings());
    let nobody = ["binding_does_not_exist"];
    moves(&mut world, &[STATUS_SENT], &[(STATUS_SENT, &nobody)], |w| revoke(w, reason, P, node()));
    let mut world = World::with_active_node(settings());
    moves(&mut world, &[STATUS_SENT], &[(STATUS_SENT, &["mn_attached"])], |w| {
        revoke(w, RevocationTrigger::INTER_MAG_HANDOVER_UNKNOWN, P, node());
        w.solicit(IF1, NODE);
    });

    for (status, key) in [
        (0, "success"),
        (1, "partial_success"),
        (128, "binding_does_not_exist"),
        (129, "no_ipv4_hoa_binding"),
        (130, "global_revocation_not_authorized"),
        (131, "mn_id_required"),
        (132, "mn_attached"),
        (133, "trigger_not_supported"),
        (134, "revocation_not_supported"),
        (135, "proxy_revocation_not_supported"),
        (136, "unknown"),
    ] {
        let mut world = sessions_of_two();
        world.input(|mag, now| assert_eq!(mag.clear_all(now), 2));
        let Message::BindingRevocationIndication(bri) = world.take_one().packet.message else {
            panic!("an indication");
        };
        let message = Message::BindingRevocationAcknowledgement(BindingRevocationAcknowledgement {
            status: RevocationStatus(status),
            sequence: bri.sequence,
            flags: bri.flags,
        });
        let packet = Packet { message, options: Options::new() };
        moves(&mut world, &[STATUS_RECEIVED], &[(STATUS_RECEIVED, &[key])], |w| {
            w.deliver(path_from("2001:db8::1"), &packet);
        });
    }
}

#[test]
fn what_is_rare_is_counted_too() {
    let mut world = World::new(two_anchors());
    world.solicit(IF1, NODE);
    let update = world.take_one();
    let sent = "mag_binding_updates_sent";
    moves(&mut world, &[sent], &[(sent, &["total", "initial", "anchor_changes"])], |w| {
        w.reject(&update, Status::INSUFFICIENT_RESOURCES);
    });

    let mut world = World::new(settings());
    world.solicit(IF1, NODE);
    let update = world.take_one();
    let zero = HeartbeatControl { interval: 0, retransmission_delay: 1, max_retransmissions: 1 };
    let discards = "mag_discards";
    moves(&mut world, &[discards], &[(discards, &["zero_parameters"])], |w| {
        w.accept_with(&update, 3600, |options| {
            options
                .push(LmaControlledMagParameters { heartbeat: Some(zero), ..Default::default() });
        });
    });

    let other = "mag_other_signalling";
    moves(&mut world, &[other], &[(other, &["parameter_problems_sent"])], |w| {
        w.input(|mag, _| mag.handle_problem_told());
    });

    let triggers = "mag_revocation_triggers_received";
    let mut realm = Options::new();
    realm.push(kedge_wire::MnIdOption::from(&mn("@example.com")));
    let global = P | RevocationFlags::G;
    for (trigger, flags, options, key) in [
        (RevocationTrigger::INTER_MAG_HANDOVER_UNKNOWN, P, node(), "inter_mag_handoff_unknown"),
        (
            RevocationTrigger::REVOKING_MOBILITY_NODE_LOCAL_POLICY,
            global,
            realm,
            "revoking_node_local_policy",
        ),
    ] {
        let mut world = World::with_active_node(settings());
        moves(&mut world, &[triggers], &[(triggers, &[key])], |w| {
            revoke(w, trigger, flags, options);
        });
    }
}
