//! Bindings that the anchor takes back: RFC 5846 §6 and §8.1.

mod kit;

use kedge_lma::{
    Authentication, AuthenticationHome, Discard, Rejection, Revocation, Settings, State, What,
};
use kedge_model::{CustomerId, MnId, SignalPath};
use kedge_wire::auth::{AuthVerdict, Key, verify};
use kedge_wire::registry::{
    BindingErrorStatus, RevocationStatus as Status, RevocationTrigger as Trigger,
};
use kedge_wire::{
    AlternateCareOfAddress, BindingError, BindingRevocationAcknowledgement, HomeNetworkPrefix,
    Ipv4HomeAddressRequest, MnIdOption, Options, RevocationFlags,
};
use kit::*;

const P: RevocationFlags = RevocationFlags::P;
const HNP: &str = "2001:db8:100::/64";

/// A node that was registered by one gateway and has come to another.
fn roamed() -> (World, Outcome) {
    let mut world = World::new();
    world.accepted(&attach(MAG1).ipv4("0.0.0.0/0"));
    let (_, outcome) = world.accepted(&attach(MAG2).ipv4("0.0.0.0/0").handoff(3));
    (world, outcome)
}

fn mn() -> MnId {
    MnId::nai(MN).unwrap()
}

fn clear(world: &mut World) -> Outcome {
    assert_eq!(world.lma.clear(CustomerId::DEFAULT, &mn(), world.now), 1);
    world.drain()
}

mod the_gateway_that_a_node_left_is_told {
    use super::*;

    #[test]
    fn by_an_indication_with_what_it_had_along_the_way_its_update_came() {
        let (world, outcome) = roamed();
        let bri = outcome.indication();
        assert_eq!(bri.path, attach(MAG1).path());
        assert_eq!(bri.body.trigger, Trigger::INTER_MAG_HANDOVER_SAME_ACCESS_TYPE);
        assert_eq!(bri.body.flags, P);
        assert_eq!(bri.options.get::<MnIdOption<'_>>(), Some(MnIdOption::from(&mn())));
        let prefixes: Vec<_> = bri.options.all::<HomeNetworkPrefix>().collect();
        assert_eq!(prefixes, [HomeNetworkPrefix::new(HNP.parse().unwrap())]);
        assert_eq!(bri.options.get::<Ipv4HomeAddressRequest>(), None, "only with the V flag");
        assert_eq!(world.count("binding_revocation.sent"), 1);
        assert!(world.only_binding().is_active(), "the node is served at once");
    }

    #[test]
    fn over_ipv4_from_and_to_the_ports_of_its_update() {
        let mut world = World::new();
        let mut first = attach(MAG1_V4);
        first.from.set_port(40_000);
        world.accepted(&first);
        let (_, outcome) = world.accepted(&attach(MAG2).handoff(3));
        assert_eq!(outcome.indication().path, first.path());
    }

    #[test]
    fn with_the_care_of_address_when_it_is_another() {
        let mut world = World::new();
        let other = v6("2001:db8:1::99");
        world.accepted(&attach(MAG1).with(AlternateCareOfAddress(other)));
        let (_, outcome) = world.accepted(&attach(MAG2).handoff(3));
        let option = outcome.indication().options.get::<AlternateCareOfAddress>();
        assert_eq!(option, Some(AlternateCareOfAddress(other)));
    }

    #[test]
    fn with_the_trigger_that_the_access_technologies_say() {
        for (first, then, trigger, row) in [
            (4, 4, Trigger::INTER_MAG_HANDOVER_SAME_ACCESS_TYPE, "inter_mag_handoff_same_att"),
            (
                4,
                5,
                Trigger::INTER_MAG_HANDOVER_DIFFERENT_ACCESS_TYPE,
                "inter_mag_handoff_different_att",
            ),
            (0, 4, Trigger::INTER_MAG_HANDOVER_UNKNOWN, "inter_mag_handoff_unknown"),
            (4, 0, Trigger::INTER_MAG_HANDOVER_UNKNOWN, "inter_mag_handoff_unknown"),
        ] {
            let mut world = World::new();
            world.accepted(&attach(MAG1).technology(first));
            let (_, outcome) = world.accepted(&attach(MAG2).technology(then).handoff(2));
            assert_eq!(outcome.indication().body.trigger, trigger);
            assert_eq!(world.moved("revocation_triggers_sent"), [(row, 1)]);
        }
    }

    #[test]
    fn protected_like_everything_else_that_it_is_sent() {
        let key = Key::new(0x67, b"0123456789abcdef");
        for updates_only in [false, true] {
            let authentication = Authentication {
                key: key.clone(),
                home_address: AuthenticationHome::CareOf,
                updates_only,
            };
            let mut world =
                World::with(Settings { authentication: Some(authentication), ..settings() });
            world.accepted(&attach(MAG1).signed(&key));
            let (_, outcome) = world.accepted(&attach(MAG2).handoff(3).signed(&key));
            let bri = outcome.indication();
            let mag = bri.path.peer.ip();
            let verdict = verify(&bri.bytes, |_| Some(&key), mag, mag);
            let expected = if updates_only { AuthVerdict::Missing } else { AuthVerdict::Valid };
            assert_eq!(verdict, expected);

            let (result, _) = world.acknowledge(&bri, Status::SUCCESS);
            if updates_only {
                assert_eq!(result, Ok(()));
            } else {
                assert_eq!(result, Err(Rejection::Discarded(Discard::NotAuthenticated)));
                assert_eq!(
                    world.moved("revocation_ack_discarded"),
                    [("total", 1), ("not_authenticated", 1)]
                );
            }
        }
    }

    #[test]
    fn but_not_one_that_has_deregistered_the_node() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        world.accepted(&attach(MAG1).deregister());
        let (_, outcome) = world.accepted(&attach(MAG2).handoff(3));
        assert!(outcome.indications().is_empty());
    }

    #[test]
    fn but_not_one_that_only_has_another_address() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        let (_, outcome) = world.accepted(&attach(MAG1_V4).handoff(3));
        assert!(outcome.indications().is_empty(), "both are mag1's");
    }

    #[test]
    fn and_nobody_is_when_a_binding_expires() {
        let mut world = World::new();
        world.accepted(&attach(MAG1).lifetime(8));
        let outcome = world.wait(secs(60));
        assert!(world.lma.is_empty() && outcome.sent.is_empty());
    }
}

mod an_indication_is_sent_again {
    use super::*;

    #[test]
    fn once_after_a_second_and_given_up_after_two_more() {
        let (mut world, outcome) = roamed();
        let bri = outcome.indication();
        assert!(world.wait(ms(999)).is_empty());
        let again = world.wait(ms(1)).indication();
        assert_eq!((again.path, &again.bytes), (bri.path, &bri.bytes), "the same message");
        assert_eq!(
            world.moved("binding_revocation"),
            [("sent", 1), ("retries_sent", 1)],
            "{bri:?}"
        );
        assert!(world.wait(ms(1_999)).is_empty());
        let outcome = world.wait(ms(1));
        assert!(outcome.sent.is_empty());
        assert!(matches!(outcome.what()[..], [What::RevocationFailed { status: None, .. }]));
        assert_eq!(
            world.moved("binding_revocation"),
            [("sent", 1), ("retries_sent", 1), ("not_acknowledged", 1)]
        );
        assert!(world.only_binding().is_active(), "the node is where it is");
    }

    #[test]
    fn as_often_and_as_late_as_the_settings_say() {
        let revocation = Revocation { delay_min: ms(500), delay_max: ms(1_500), retries: 4 };
        let mut world = World::with(Settings { revocation, ..settings() });
        world.accepted(&attach(MAG1));
        world.accepted(&attach(MAG2).handoff(3));
        for wait in [500, 1_000, 1_500, 1_500] {
            assert!(world.wait(ms(wait - 1)).is_empty());
            world.wait(ms(1)).indication();
        }
        assert!(world.wait(ms(1_499)).is_empty());
        assert_eq!(world.count("binding_revocation.not_acknowledged"), 0);
        world.wait(ms(1));
        assert_eq!(world.count("binding_revocation.not_acknowledged"), 1);
        assert!(world.wait(secs(60)).is_empty());
    }

    #[test]
    fn not_when_it_is_acknowledged() {
        let (mut world, outcome) = roamed();
        let (result, outcome) = world.acknowledge(&outcome.indication(), Status::SUCCESS);
        assert!(result.is_ok() && outcome.is_empty());
        assert_eq!(world.moved("binding_revocation"), [("sent", 1), ("acks_received", 1)]);
        assert!(world.wait(secs(60)).is_empty());
    }

    #[test]
    fn not_when_the_node_is_back_at_the_gateway() {
        let (mut world, outcome) = roamed();
        let late = outcome.indication();
        let (_, outcome) = world.accepted(&attach(MAG1).ipv4("0.0.0.0/0").handoff(3));
        let to_mag2 = outcome.indication();
        assert_eq!(to_mag2.path.peer.ip(), v6(MAG2));
        let again = world.wait(ms(1_000)).indications();
        assert_eq!(again.len(), 1, "mag1 is not told again");
        assert_eq!(again[0].bytes, to_mag2.bytes);
        let (result, _) = world.acknowledge(&late, Status::SUCCESS);
        assert_eq!(result, Err(Rejection::Discarded(Discard::NoMatchingRequest)));
        assert!(world.only_binding().is_active());
    }
}

mod an_acknowledgement {
    use super::*;

    #[test]
    fn is_counted_by_its_status_whatever_it_is() {
        for (status, row) in [
            (Status::SUCCESS, "success"),
            (Status::PARTIAL_SUCCESS, "partial_success"),
            (Status::BINDING_DOES_NOT_EXIST, "binding_does_not_exist"),
            (Status::IPV4_HOME_ADDRESS_OPTION_REQUIRED, "no_ipv4_hoa_binding"),
            (Status::GLOBAL_REVOCATION_NOT_AUTHORIZED, "global_revocation_not_authorized"),
            (Status::REVOKED_MOBILE_NODES_IDENTITY_REQUIRED, "mn_id_required"),
            (Status::REVOCATION_FAILED_MN_IS_ATTACHED, "mn_attached"),
            (Status::REVOCATION_TRIGGER_NOT_SUPPORTED, "trigger_not_supported"),
            (Status::PROXY_BINDING_REVOCATION_NOT_SUPPORTED, "proxy_revocation_not_supported"),
            (Status::REVOCATION_FUNCTION_NOT_SUPPORTED, "revocation_not_supported"),
            (Status(77), "unknown"),
        ] {
            let (mut world, outcome) = roamed();
            let (result, outcome) = world.acknowledge(&outcome.indication(), status);
            assert_eq!(result, Ok(()));
            assert_eq!(world.moved("revocation_ack_status"), [(row, 1)]);
            let failed = outcome.what().into_iter().any(
                |w| matches!(w, What::RevocationFailed { status: Some(s), .. } if *s == status),
            );
            assert_eq!(failed, !status.is_success());
        }
    }

    /// What is sent back, spoilt in some way, is dropped under `row` and the indication waits on.
    #[track_caller]
    fn dropped(row: &str, discard: Discard, spoil: impl FnOnce(&Bri) -> (SignalPath, Vec<u8>)) {
        let (mut world, outcome) = roamed();
        let bri = outcome.indication();
        let (path, bytes) = spoil(&bri);
        let (result, outcome) = world.deliver(path, &bytes);
        assert!(outcome.is_empty());
        assert_eq!(world.moved("revocation_ack_discarded"), [("total", 1), (row, 1)]);
        assert_eq!(world.moved("binding_revocation"), [("sent", 1)]);
        if !matches!(result, Err(Rejection::Discarded(Discard::Malformed(_)))) {
            assert_eq!(result, Err(Rejection::Discarded(discard)));
        }
        assert_eq!(world.wait(ms(1_000)).indication().bytes, bri.bytes);
    }

    fn answer(bri: &Bri) -> BindingRevocationAcknowledgement {
        let (sequence, flags) = (bri.body.sequence, bri.body.flags);
        BindingRevocationAcknowledgement { status: Status::SUCCESS, sequence, flags }
    }

    #[test]
    fn with_another_number_matches_nothing() {
        dropped("no_matching_request", Discard::NoMatchingRequest, |bri| {
            let body = BindingRevocationAcknowledgement {
                sequence: bri.body.sequence.next(),
                ..answer(bri)
            };
            (bri.path, message(bri.path, body, Options::new()))
        });
    }

    #[test]
    fn from_another_gateway_matches_nothing() {
        dropped("no_matching_request", Discard::NoMatchingRequest, |bri| {
            let path = attach(MAG2).path();
            (path, message(path, answer(bri), Options::new()))
        });
    }

    #[test]
    fn about_a_node_without_binding_finds_no_session() {
        dropped("session_not_found", Discard::SessionNotFound, |bri| {
            let mut options = Options::new();
            options.push(MnIdOption::from(&MnId::nai("nobody@example.com").unwrap()));
            let body = BindingRevocationAcknowledgement {
                sequence: bri.body.sequence.next(),
                ..answer(bri)
            };
            (bri.path, message(bri.path, body, options))
        });
    }

    #[test]
    fn with_other_flags_contradicts_the_indication() {
        dropped("badly_formed", Discard::Contradiction, |bri| {
            let flags = P | RevocationFlags::G;
            let body = BindingRevocationAcknowledgement { flags, ..answer(bri) };
            (bri.path, message(bri.path, body, Options::new()))
        });
    }

    #[test]
    fn with_a_wrong_checksum_is_dropped() {
        dropped("checksum", Discard::Checksum, |bri| {
            let mut bytes = message(bri.path, answer(bri), Options::new());
            bytes[4] ^= 1;
            (bri.path, bytes)
        });
    }

    #[test]
    fn with_an_option_that_runs_over_the_end_does_not_decode() {
        dropped("decode_error", Discard::Unexpected, |bri| {
            let mut options = Options::new();
            options.push(MnIdOption::from(&mn()));
            let path = attach(MAG1_V4).path();
            let mut bytes = message(path, answer(bri), options);
            bytes[13] = 200; // the identifier's length
            (path, bytes)
        });
    }

    #[test]
    fn longer_than_its_datagram_is_dropped() {
        dropped("invalid_length", Discard::InvalidLength, |bri| {
            let path = attach(MAG1_V4).path();
            let mut bytes = message(path, answer(bri), Options::new());
            bytes[1] += 1;
            (path, bytes)
        });
    }

    #[test]
    fn of_a_revocation_type_that_nobody_knows_is_dropped() {
        dropped("invalid_type", Discard::Unexpected, |bri| {
            let path = attach(MAG1_V4).path();
            let mut bytes = message(path, answer(bri), Options::new());
            bytes[6] = 3;
            (path, bytes)
        });
    }
}

mod an_order {
    use super::*;

    #[test]
    fn of_the_operator_ends_the_binding_when_its_gateway_has_answered_whatever_it_says() {
        for status in [Status::SUCCESS, Status::REVOCATION_FAILED_MN_IS_ATTACHED, Status(250)] {
            let mut world = World::new();
            world.accepted(&attach(MAG1));
            let outcome = clear(&mut world);
            let bri = outcome.indication();
            assert_eq!((bri.path, bri.body.flags), (attach(MAG1).path(), P));
            assert_eq!(bri.body.trigger, Trigger::ADMINISTRATIVE_REASON);
            assert_eq!(world.moved("revocation_triggers_sent"), [("administrative", 1)]);
            assert_eq!(outcome.forward(), &None, "nothing is forwarded from here on");
            assert_eq!(world.only_binding().state, State::Revoking(bri.body.sequence));

            let (result, _) = world.acknowledge(&bri, status);
            assert!(result.is_ok() && world.lma.is_empty());
            assert_eq!(world.moved("disconnects"), [("admin_drops", 1)]);
            let (ack, _) = world.accepted(&attach(MAG1));
            assert_eq!(ack.prefixes(), [HNP], "a clear is no ban");
        }
    }

    #[test]
    fn ends_the_binding_when_its_gateway_says_nothing() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        clear(&mut world);
        world.wait(ms(2_999));
        assert_eq!(world.lma.len(), 1);
        world.wait(ms(1));
        assert!(world.lma.is_empty());
        assert_eq!(world.count("binding_revocation.not_acknowledged"), 1);
        assert_eq!(world.count("disconnects.admin_drops"), 1);
        assert_eq!(world.lma.poll_timeout(), None);
    }

    #[test]
    fn that_is_repeated_ends_the_binding_at_once() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        let first = clear(&mut world).indication();
        let outcome = clear(&mut world);
        assert!(outcome.sent.is_empty() && world.lma.is_empty());
        assert_eq!(world.acknowledge(&first, Status::SUCCESS).0, Ok(()));
    }

    #[test]
    fn is_told_nobody_when_the_gateway_has_deregistered_the_node() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        world.accepted(&attach(MAG1).deregister());
        assert!(clear(&mut world).sent.is_empty() && world.lma.is_empty());
    }

    #[test]
    fn about_all_bindings_is_one_message_without_options_to_each_gateway() {
        let mut world = World::new();
        for (mag, nai) in [(MAG1, "a@x"), (MAG1, "b@x"), (MAG2, "c@x"), (MAG1_V4, "d@x")] {
            world.accepted(&attach(mag).mn(nai));
        }
        assert_eq!(world.lma.clear_all(world.now), 4);
        let bris = world.drain().indications();
        let told: Vec<_> = bris.iter().map(|bri| bri.path).collect();
        assert_eq!(told, [MAG1, MAG2, MAG1_V4].map(|mag| attach(mag).path()));
        for bri in &bris {
            assert_eq!(bri.body.flags, P | RevocationFlags::G);
            assert_eq!(bri.body.trigger, Trigger::PER_PEER_POLICY);
            assert_eq!(bri.options.iter().count(), 0, "RFC 5846 §8.1");
        }
        assert_eq!(world.moved("revocation_triggers_sent"), [("per_peer_policy", 3)]);
        assert!(world.lma.bindings().all(|binding| !binding.is_active()));

        assert!(world.acknowledge(&bris[0], Status::SUCCESS).0.is_ok());
        assert_eq!(world.lma.len(), 2, "those of the gateway that answered are gone");
        world.wait(secs(3));
        assert!(world.lma.is_empty());
        assert_eq!(world.count("disconnects.admin_drops"), 4);
    }

    #[test]
    fn about_one_gateway_leaves_the_others() {
        let mut world = World::new();
        for (mag, nai) in [(MAG1, "a@x"), (MAG2, "b@x"), (MAG1_V4, "c@x")] {
            world.accepted(&attach(mag).mn(nai));
        }
        assert_eq!(world.lma.clear_peer("mag3", world.now), 0);
        assert_eq!(world.lma.clear_peer("mag1", world.now), 2);
        let outcome = world.drain_acknowledging();
        let told: Vec<_> = outcome.indications().iter().map(|bri| bri.path).collect();
        assert_eq!(told, [MAG1, MAG1_V4].map(|mag| attach(mag).path()));
        assert_eq!(world.only_binding().care_of(), v6(MAG2));
    }

    #[test]
    fn about_a_realm_is_one_message_with_the_realm_to_each_gateway() {
        let mut world = World::new();
        let nodes = [
            (MAG1, "a@x.example"),
            (MAG1, "b@x.example"),
            (MAG2, "c@x.example"),
            (MAG1, "d@sub.x.example"),
            (MAG1, "x.example"),
            (MAG1, "e@y.example"),
        ];
        for (mag, nai) in nodes {
            world.accepted(&attach(mag).mn(nai));
        }
        let clear =
            |world: &mut World, realm| world.lma.clear_realm(CustomerId::DEFAULT, realm, world.now);
        assert_eq!(clear(&mut world, "z.example"), 0);
        assert_eq!(clear(&mut world, "x.example"), 3);
        let bris = world.drain().indications();
        let told: Vec<_> = bris.iter().map(|bri| bri.path).collect();
        assert_eq!(told, [MAG1, MAG2].map(|mag| attach(mag).path()));
        for bri in &bris {
            assert_eq!(bri.body.flags, P | RevocationFlags::G);
            assert_eq!(bri.body.trigger, Trigger::REVOKING_MOBILITY_NODE_LOCAL_POLICY);
            let realm = MnId::nai("@x.example").unwrap();
            assert_eq!(bri.options.get::<MnIdOption<'_>>(), Some(MnIdOption::from(&realm)));
            assert_eq!(bri.options.iter().count(), 1, "what they share, and nothing else");
        }
        assert_eq!(world.moved("revocation_triggers_sent"), [("revoking_node_local_policy", 2)]);
        world.acknowledge(&bris[0], Status::SUCCESS).0.unwrap();
        let partial = Status::REVOKED_MOBILE_NODES_IDENTITY_REQUIRED;
        world.acknowledge(&bris[1], partial).0.unwrap();
        world.wait(secs(3));
        assert_eq!(world.lma.len(), 3, "they end, whatever is answered");
        assert_eq!(world.moved("disconnects"), [("admin_drops", 3)]);
    }

    #[test]
    fn about_many_that_its_gateway_refuses_is_repeated_for_each() {
        let mut world = World::new();
        world.accepted(&attach(MAG1).mn("a@x"));
        world.accepted(&attach(MAG1).mn("b@x"));
        world.lma.clear_all(world.now);
        let all = world.drain().indication();
        let (_, outcome) = world.acknowledge(&all, Status::REVOCATION_FUNCTION_NOT_SUPPORTED);
        let each = outcome.indications();
        assert_eq!(each.len(), 2);
        for bri in &each {
            assert_eq!((bri.body.flags, bri.body.trigger), (P, Trigger::ADMINISTRATIVE_REASON));
            assert!(bri.options.get::<MnIdOption<'_>>().is_some());
        }
        assert!(outcome.forwards.is_empty(), "nothing was forwarded for them already");
        world.acknowledge(&each[0], Status::SUCCESS).0.unwrap();
        assert_eq!(world.lma.len(), 1);
        world.acknowledge(&each[1], Status::REVOCATION_TRIGGER_NOT_SUPPORTED).0.unwrap();
        assert!(world.lma.is_empty(), "there is nothing more to try");
        assert_eq!(world.moved("disconnects"), [("admin_drops", 2)]);
    }

    #[test]
    fn that_its_gateway_does_not_understand_is_not_repeated() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        world.accepted(&attach(MAG2).mn("b@x"));
        assert_eq!(world.lma.clear_all(world.now), 2);
        world.drain();
        let status = BindingErrorStatus::UNRECOGNIZED_MH_TYPE;
        let error = BindingError { status, home_address: std::net::Ipv6Addr::UNSPECIFIED };
        let path = attach(MAG1).path();
        let bytes = message(path, error, Options::new());
        let (result, outcome) = world.deliver(path, &bytes);
        assert_eq!(result, Ok(()));
        assert!(outcome.what().iter().any(|w| matches!(w, What::RevocationFailed { .. })));
        assert_eq!(world.only_binding().care_of(), v6(MAG2), "the other is still being told");
        let again = world.wait(ms(1_000)).indications();
        assert_eq!(again.len(), 1);
        assert_eq!(again[0].path.peer.ip(), v6(MAG2));
        assert_eq!(world.count("binding_revocation.not_acknowledged"), 1);
        let (result, _) = world.deliver(path, &bytes);
        assert_eq!(result, Err(Rejection::Discarded(Discard::Unexpected)), "nothing waits for it");
    }

    #[test]
    fn carries_its_trigger_and_counts_it() {
        for (trigger, row) in [
            (Trigger::UNSPECIFIED, "unspecified"),
            (Trigger::USER_INITIATED_SESSION_TERMINATION, "user_initiated_termination"),
            (Trigger::ACCESS_NETWORK_SESSION_TERMINATION, "access_network_termination"),
            (Trigger::POSSIBLE_OUT_OF_SYNC_BCE_STATE, "out_of_sync_bce"),
            (Trigger(99), "unknown"),
        ] {
            let mut world = World::new();
            world.accepted(&attach(MAG1));
            assert_eq!(world.lma.revoke(CustomerId::DEFAULT, &mn(), trigger, world.now), 1);
            let bri = world.drain().indication();
            assert_eq!(bri.body.trigger, trigger);
            assert_eq!(world.moved("revocation_triggers_sent"), [(row, 1)]);
            world.acknowledge(&bri, Status::SUCCESS).0.unwrap();
            assert_eq!(world.moved("disconnects"), [("other", 1)]);
        }
    }

    #[test]
    fn about_one_of_two_ipv4_sessions_names_its_address() {
        let mut world = World::new();
        let ipv4 = |interface: &[u8]| {
            attach(MAG1).prefixes::<&str>(&[]).ipv4("0.0.0.0/0").link_layer_id(interface)
        };
        world.accepted(&ipv4(&[1]));
        world.accepted(&ipv4(&[2]));
        assert_eq!(world.lma.clear(CustomerId::DEFAULT, &mn(), world.now), 2);
        for bri in world.drain().indications() {
            assert_eq!(bri.body.flags, P | RevocationFlags::V);
            assert!(bri.options.get::<Ipv4HomeAddressRequest>().is_some());
        }
        let mut world = World::new();
        world.accepted(&ipv4(&[1]));
        let bri = clear(&mut world).indication();
        assert_eq!((bri.body.flags, bri.options.iter().count()), (P, 1), "the only one");
    }

    #[test]
    fn about_ipv4_alone_leaves_the_prefix() {
        for answered in [true, false] {
            let mut world = World::new();
            world.accepted(&attach(MAG1).ipv4("0.0.0.0/0"));
            let trigger = Trigger::USER_INITIATED_SESSION_TERMINATION;
            let count = world.lma.revoke_ipv4(CustomerId::DEFAULT, &mn(), trigger, world.now);
            let outcome = world.drain();
            let bri = outcome.indication();
            assert_eq!((count, bri.body.flags), (1, P | RevocationFlags::V));
            let address = "10.0.0.2/24".parse().unwrap();
            let option = bri.options.get::<Ipv4HomeAddressRequest>();
            assert_eq!(option, Some(Ipv4HomeAddressRequest { address }));
            assert_eq!(bri.options.get::<HomeNetworkPrefix>(), None, "RFC 5846 §8.1");
            let outcome = match answered {
                true => world.acknowledge(&bri, Status::SUCCESS).1,
                false => world.wait(secs(3)),
            };
            let inner = &outcome.forward().as_ref().unwrap().inner;
            assert_eq!(inner[..], [HNP.parse().unwrap()]);
            assert_eq!(world.lma.usage("home").unwrap().0.unwrap().taken, 0);
        }
    }
}

mod while_a_binding_is_taken_back {
    use super::*;

    #[test]
    fn updates_that_would_extend_it_are_dropped_and_counted() {
        for update in [attach(MAG1).handoff(5), attach(MAG2).handoff(3)] {
            let mut world = World::new();
            world.accepted(&attach(MAG1));
            let bri = clear(&mut world).indication();
            world.discarded(&update, Discard::RevocationPending);
            assert_eq!(world.moved("discard_reasons"), [("revocation_pending", 1)]);
            world.acknowledge(&bri, Status::SUCCESS).0.unwrap();
            world.accepted(&update);
        }
    }

    #[test]
    fn an_update_with_the_ipv4_address_that_it_is_losing_is_dropped() {
        let mut world = World::new();
        world.accepted(&attach(MAG1).ipv4("0.0.0.0/0"));
        let trigger = Trigger::USER_INITIATED_SESSION_TERMINATION;
        world.lma.revoke_ipv4(CustomerId::DEFAULT, &mn(), trigger, world.now);
        let bri = world.drain().indication();
        let refresh = attach(MAG1).prefixes(&[HNP]).handoff(5);
        world.discarded(&refresh.clone().ipv4("10.0.0.2/24"), Discard::RevocationPending);
        world.accepted(&refresh);
        world.acknowledge(&bri, Status::SUCCESS).0.unwrap();
        assert_eq!(world.only_binding().addresses.ipv4, None);
        world.accepted(&refresh.ipv4("0.0.0.0/0"));
    }

    #[test]
    fn its_lifetime_may_run_out() {
        let revocation = Revocation { delay_max: secs(10), retries: 3, ..Default::default() };
        let mut world = World::with(Settings { revocation, ..settings() });
        world.accepted(&attach(MAG1).lifetime(4));
        let bri = clear(&mut world).indication();
        world.wait(secs(5));
        assert!(world.lma.is_empty());
        assert_eq!(world.moved("disconnects"), [("lifetime_expiry", 1)]);
        assert_eq!(world.acknowledge(&bri, Status::SUCCESS).0, Ok(()));
    }

    #[test]
    fn the_gateway_that_a_node_left_cannot_refresh_it_back() {
        let (mut world, outcome) = roamed();
        let stale = attach(MAG1).ipv4("10.0.0.2/24").prefixes(&[HNP]).handoff(5);
        world.discarded(&stale, Discard::RevocationPending);
        assert_eq!(world.only_binding().care_of(), v6(MAG2));
        world.acknowledge(&outcome.indication(), Status::SUCCESS).0.unwrap();
    }
}

mod a_gateway_is_asked_for_a_node_that_another_has_announced {
    use super::*;

    /// A second gateway does not know how the node came; the first is asked.
    fn contested() -> (World, Bri) {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        let unknown = attach(MAG2).handoff(4).link_layer_id(&[2, 0, 0, 0, 0, 2]);
        let (result, outcome) = world.send(&unknown);
        assert!(result.is_ok() && outcome.without_revocations().is_empty());
        let bri = outcome.indication();
        assert_eq!(bri.path, attach(MAG1).path());
        assert_eq!(bri.body.trigger, Trigger::INTER_MAG_HANDOVER_UNKNOWN);
        (world, bri)
    }

    #[test]
    fn and_when_it_gives_it_up_the_session_moves_at_once() {
        for status in [Status::SUCCESS, Status::PARTIAL_SUCCESS, Status::BINDING_DOES_NOT_EXIST] {
            let (mut world, bri) = contested();
            let (_, outcome) = world.acknowledge(&bri, status);
            assert_eq!(outcome.ack().unwrap().prefixes(), [HNP]);
            assert_eq!(world.only_binding().care_of(), v6(MAG2));
            assert!(outcome.indications().is_empty(), "the first gateway knows");
            assert!(world.wait(secs(60)).is_empty());
        }
    }

    #[test]
    fn and_when_the_node_is_still_there_the_other_has_a_session_of_its_own() {
        let (mut world, bri) = contested();
        let (_, outcome) = world.acknowledge(&bri, Status::REVOCATION_FAILED_MN_IS_ATTACHED);
        assert_ne!(outcome.ack().unwrap().prefixes(), [HNP]);
        assert_eq!(world.lma.len(), 2);
        assert!(world.lma.bindings().all(|binding| binding.is_active()));
        assert!(world.wait(secs(60)).is_empty());
    }

    #[test]
    fn and_when_it_cannot_say_the_wait_goes_on() {
        let (mut world, bri) = contested();
        let (_, outcome) = world.acknowledge(&bri, Status::REVOCATION_FUNCTION_NOT_SUPPORTED);
        assert!(outcome.sent.is_empty());
        assert_eq!(world.lma.pending(), 1);
        let (_, outcome) = world.send(&attach(MAG1).deregister());
        assert_eq!(outcome.sent.len(), 2);
        assert_eq!(world.only_binding().care_of(), v6(MAG2));
    }

    #[test]
    fn and_when_it_knows_no_revocations_the_wait_goes_on() {
        let (mut world, bri) = contested();
        let status = BindingErrorStatus::UNRECOGNIZED_MH_TYPE;
        let error = BindingError { status, home_address: std::net::Ipv6Addr::UNSPECIFIED };
        let bytes = message(bri.path, error, Options::new());
        let (result, outcome) = world.deliver(bri.path, &bytes);
        assert!(result.is_ok() && outcome.sent.is_empty());
        assert_eq!(world.lma.pending(), 1);
        let outcome = world.wait(ms(1_500));
        assert!(outcome.indications().is_empty(), "it is not asked again");
        assert!(outcome.ack().unwrap().status().is_accepted());
    }

    #[test]
    fn and_when_it_says_nothing_the_wait_ends_as_without_asking() {
        let (mut world, _) = contested();
        let outcome = world.wait(ms(1_500));
        assert_eq!(outcome.indications().len(), 1, "one retransmission");
        assert!(outcome.ack().unwrap().status().is_accepted());
        assert_eq!(world.lma.len(), 2);
        assert!(world.wait(secs(60)).without_revocations().is_empty());
    }

    #[test]
    fn and_it_is_given_up_when_its_retries_end_before_the_wait() {
        let mut world = World::with(Settings { create_wait: secs(20), ..settings() });
        world.accepted(&attach(MAG1));
        world.waits(&attach(MAG2).handoff(4).link_layer_id(&[2, 0, 0, 0, 0, 2]));
        assert!(world.wait(ms(2_999)).ack().is_none());
        assert!(world.wait(ms(1)).ack().unwrap().status().is_accepted());
        assert_eq!(world.lma.len(), 2);
    }
}
