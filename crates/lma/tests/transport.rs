//! How messages arrive and leave, how they are protected, and which tunnel they make.

mod kit;

use std::net::{IpAddr, SocketAddr};

use kedge_lma::{
    Authentication, AuthenticationHome, Denial, Discard, EncapsulationPolicy, Profile, Rejection,
    Service, Settings,
};
use kedge_model::{Encapsulation, SignalPath, VrfId};
use kedge_wire::auth::{self, AuthVerdict, Key};
use kedge_wire::registry::{BindingErrorStatus, MhType, Status};
use kedge_wire::{
    BaFlags, BindingAcknowledgement, BindingError, BindingRevocationAcknowledgement, BuFlags,
    GreKeyOption, Heartbeat, HeartbeatFlags, Message, NatDetection, Options, Packet,
    RestartCounter, RevocationFlags, UnknownMessage, set_checksum, verify_checksum,
};
use kit::*;

const FORCE: BuFlags = BuFlags::F;

mod arrival {
    use super::*;

    #[test]
    fn a_wrong_checksum_is_dropped_over_ipv6() {
        let mut world = World::new();
        let broken = Pbu { break_checksum: true, ..attach(MAG1) };
        world.discarded(&broken, Discard::Checksum);
        assert_eq!(world.count("discard_reasons.checksum"), 1);
        assert_eq!(world.count("binding_updates_received.discarded"), 1);
    }

    #[test]
    fn the_checksum_field_is_ignored_over_udp() {
        let mut world = World::new();
        world.accepted(&Pbu { break_checksum: true, ..attach(MAG1_V4) });
    }

    #[test]
    fn a_header_longer_than_the_datagram_is_dropped() {
        let mut world = World::new();
        let pbu = attach(MAG1_V4);
        let bytes = pbu.bytes(world.now, 1);
        let (result, outcome) = world.deliver(pbu.path(), &bytes[..bytes.len() - 8]);
        assert_eq!(result, Err(Discard::InvalidLength.into()));
        assert!(outcome.is_empty());
        assert_eq!(world.count("discard_reasons.invalid_length"), 1);
    }

    #[test]
    fn a_malformed_option_is_dropped() {
        let mut world = World::new();
        let pbu = attach(MAG1_V4);
        let mut bytes = pbu.bytes(world.now, 1);
        bytes[13] = 200; // the first option's Length
        let (result, outcome) = world.deliver(pbu.path(), &bytes);
        assert!(matches!(result, Err(Rejection::Discarded(Discard::Malformed(_)))));
        assert!(outcome.is_empty());
        assert_eq!(world.count("discard_reasons.decode_failure"), 1);
    }

    #[test]
    fn no_datagram_however_short_is_a_surprise() {
        let mut world = World::new();
        let pbu = attach(MAG1_V4);
        let bytes = pbu.bytes(world.now, 1);
        for len in 0..bytes.len() {
            let (result, outcome) = world.deliver(pbu.path(), &bytes[..len]);
            assert!(matches!(result, Err(Rejection::Discarded(_))), "{len}");
            assert!(outcome.is_empty());
        }
        let updates = world.count("binding_updates_received.discarded");
        assert_eq!(updates + world.count("other_signalling.discarded"), bytes.len() as u64);
    }

    #[test]
    fn an_answer_over_udp_goes_back_to_the_port_the_update_came_from() {
        let mut world = World::new();
        let from: SocketAddr = (MAG1_V4.parse::<IpAddr>().unwrap(), 40_000).into();
        let (ack, outcome) = world.accepted(&Pbu { from, ..attach(MAG1_V4) });
        assert_eq!(ack.path.peer, from);
        assert_eq!(ack.path.local, SocketAddr::new(LMA4.parse().unwrap(), 5_436));
        let tunnel = outcome.forward().as_ref().unwrap().paths[0].tunnel;
        assert_eq!((tunnel.local, tunnel.peer), (LMA4.parse().unwrap(), from.ip()));
    }

    #[test]
    fn gateways_of_two_routing_worlds_are_two_gateways() {
        let mut world = World::new();
        let pbu = attach(MAG1);
        let bytes = pbu.bytes(world.now, 1);
        let elsewhere = SignalPath { transport: VrfId(9), ..pbu.path() };
        assert_eq!(world.deliver(elsewhere, &bytes).0, Err(Denial::UnknownMag.into()));
    }
}

mod protection {
    use super::*;

    fn key() -> Key {
        Key::new(0x67, b"0123456789abcdef")
    }

    fn own(home_address: AuthenticationHome, updates_only: bool) -> Option<Authentication> {
        Some(Authentication { key: key(), home_address, updates_only })
    }

    fn protected() -> Settings {
        Settings { authentication: own(AuthenticationHome::CareOf, false), ..settings() }
    }

    #[test]
    fn updates_and_acknowledgements_are_protected_over_both_transports() {
        for mag in [MAG1, MAG1_V4] {
            let mut world = World::with(protected());
            let (ack, _) = world.accepted(&attach(mag).signed(&key()));
            assert!(is_valid(&ack, ack.path.peer.ip()));
        }
    }

    #[test]
    fn denials_are_protected_too() {
        let mut world = World::with(protected());
        let wrong = attach(MAG1).signed(&Key::new(0x67, b"another secret.."));
        let ack = world.denied(&wrong, Denial::AuthenticationFailed);
        assert!(is_valid(&ack, v6(MAG1).into()));
    }

    #[test]
    fn an_update_without_required_protection_is_dropped() {
        let mut world = World::with(protected());
        world.discarded(&attach(MAG1), Discard::NotAuthenticated);
        assert_eq!(world.count("discard_reasons.not_authenticated"), 1);
    }

    #[test]
    fn protection_by_a_sender_that_there_is_no_key_of_is_dropped() {
        let mut world = World::new();
        world.discarded(&attach(MAG1).signed(&key()), Discard::NotAuthenticated);
    }

    #[test]
    fn a_changed_octet_is_noticed() {
        let mut world = World::with(protected());
        let pbu = attach(MAG1_V4).signed(&key());
        let mut bytes = pbu.bytes(world.now, 1);
        bytes[7] ^= 1; // the sequence number
        assert_eq!(world.deliver(pbu.path(), &bytes).0, Err(Denial::AuthenticationFailed.into()));
    }

    #[test]
    fn a_gateways_own_key_replaces_the_anchors() {
        let other = Key::new(0x87e, b"key2");
        let mut settings = protected();
        settings.peers[0].authentication = Some(Authentication {
            key: other.clone(),
            home_address: AuthenticationHome::CareOf,
            updates_only: false,
        });
        let mut world = World::with(settings);
        world.denied(&attach(MAG1).signed(&key()), Denial::UnknownSpi);
        let (ack, _) = world.accepted(&attach(MAG1).signed(&other));
        let home = v6(MAG1).into();
        assert_eq!(auth::verify(&ack.bytes, |_| Some(&other), home, home), AuthVerdict::Valid);
        world.accepted(&attach(MAG2).signed(&key()).mn("b@x"));
    }

    #[test]
    fn the_home_address_of_the_input_is_what_the_settings_say() {
        let zero = IpAddr::from(v6("::"));
        for (setting, asked, answered) in [
            (AuthenticationHome::CareOf, v6(MAG1).into(), v6(MAG1).into()),
            (AuthenticationHome::Zero, zero, zero),
            (AuthenticationHome::HomeNetworkPrefix, zero, v6("2001:db8:100::").into()),
        ] {
            let authentication = own(setting, false);
            let mut world = World::with(Settings { authentication, ..settings() });
            let signed = Pbu { key: Some((key(), Some(asked))), ..attach(MAG1) };
            let (ack, _) = world.accepted(&signed);
            assert!(is_valid(&ack, answered), "{setting:?}");
        }
    }

    #[test]
    fn heartbeats_are_protected_unless_updates_alone_are() {
        let request = |signed: bool| {
            let mut bytes = heartbeat_request(11);
            if signed {
                auth::sign(&mut bytes, 0, &key(), v6(MAG1).into(), v6(MAG1).into());
            }
            checksummed(bytes)
        };
        let path = attach(MAG1).path();
        let mut world = World::with(protected());
        let (result, outcome) = world.deliver(path, &request(false));
        assert_eq!(result, Err(Discard::NotAuthenticated.into()));
        assert!(outcome.is_empty());
        let (result, outcome) = world.deliver(path, &request(true));
        assert_eq!(result, Ok(()));
        let (key, home) = (key(), v6(MAG1).into());
        let verdict = auth::verify(&outcome.sent[0].2, |_| Some(&key), home, home);
        assert_eq!(verdict, AuthVerdict::Valid);

        let authentication = own(AuthenticationHome::CareOf, true);
        let mut updates_only = World::with(Settings { authentication, ..settings() });
        let (result, outcome) = updates_only.deliver(path, &request(false));
        assert_eq!(result, Ok(()));
        let verdict = auth::verify(&outcome.sent[0].2, |_| Some(&key), home, home);
        assert_eq!(verdict, AuthVerdict::Missing);
        updates_only.discarded(&attach(MAG1), Discard::NotAuthenticated);
    }

    fn is_valid(ack: &Ack, home: IpAddr) -> bool {
        let key = key();
        let care_of = ack.path.peer.ip();
        auth::verify(&ack.bytes, |_| Some(&key), care_of, home) == AuthVerdict::Valid
    }
}

mod encapsulation {
    use super::*;

    fn with(policy: EncapsulationPolicy) -> World {
        World::with(Settings { encapsulation: policy, ..settings() })
    }

    fn chosen(outcome: &Outcome) -> (Encapsulation, u16) {
        let tunnel = outcome.forward().as_ref().unwrap().paths[0].tunnel;
        (tunnel.encapsulation, tunnel.mtu)
    }

    fn gre(key: Option<u32>) -> GreKeyOption {
        GreKeyOption { key }
    }

    const UDP: Encapsulation = Encapsulation::Udp { local_port: 5_437, peer_port: 5_437 };
    const PLAIN_GRE: Encapsulation = Encapsulation::Gre { send_key: None, receive_key: None };

    #[test]
    fn ip_in_ip_is_what_nobody_asks_for() {
        let mut world = World::new();
        assert_eq!(chosen(&world.accepted(&attach(MAG1)).1), (Encapsulation::IpInIp, 1_460));
        let (ack, outcome) = world.accepted(&attach(MAG1_V4).mn("b@x"));
        assert_eq!(chosen(&outcome), (Encapsulation::IpInIp, 1_480));
        assert!(ack.options.get::<NatDetection>().is_none());
        assert!(ack.options.get::<GreKeyOption>().is_none());
    }

    #[test]
    fn the_f_flag_gets_udp_and_is_told_so() {
        let mut world = World::new();
        let forced = attach(MAG1_V4).flags(BuFlags::A | BuFlags::P | FORCE);
        let (ack, outcome) = world.accepted(&forced);
        assert_eq!(chosen(&outcome), (UDP, 1_472));
        let told = NatDetection { force_udp: true, refresh_time: u32::MAX };
        assert_eq!(ack.options.get::<NatDetection>(), Some(told));
    }

    #[test]
    fn udp_by_policy_needs_no_f_flag_and_refuses_gre_by_status_2() {
        let mut world = with(EncapsulationPolicy::Udp);
        let (ack, outcome) = world.accepted(&attach(MAG1).with(gre(Some(5))));
        assert_eq!(chosen(&outcome), (UDP, 1_452));
        assert_eq!(ack.status(), Status::GRE_KEY_OPTION_NOT_REQUIRED);
        assert!(ack.options.get::<GreKeyOption>().is_none());
        assert!(ack.options.get::<NatDetection>().unwrap().force_udp);
        assert_eq!(world.count("binding_acks_sent.accepted_initial"), 0, "status 0 alone counts");
    }

    #[test]
    fn a_gre_key_is_answered_with_the_anchors_own() {
        for policy in [EncapsulationPolicy::Gre, EncapsulationPolicy::AsRequested] {
            let mut world = with(policy);
            let (ack, outcome) = world.accepted(&attach(MAG1).with(gre(Some(77))));
            let own = ack.options.get::<GreKeyOption>().unwrap().key;
            assert!(own.is_some());
            let keyed = Encapsulation::Gre { send_key: Some(77), receive_key: own };
            assert_eq!(chosen(&outcome), (keyed, 1_452));
        }
    }

    #[test]
    fn the_anchors_key_stays_over_refreshes_and_handovers() {
        let mut world = World::new();
        let own = |ack: &Ack| ack.options.get::<GreKeyOption>().unwrap().key;
        let (ack, _) = world.accepted(&attach(MAG1).with(gre(Some(1))));
        let first = own(&ack);
        let (ack, outcome) = world.accepted(&attach(MAG1).handoff(5).with(gre(Some(1))));
        assert_eq!(own(&ack), first);
        assert!(outcome.forwards.is_empty());
        let (ack, outcome) = world.accepted(&attach(MAG2).handoff(3).with(gre(Some(2))));
        assert_eq!(own(&ack), first);
        assert_eq!(
            chosen(&outcome).0,
            Encapsulation::Gre { send_key: Some(2), receive_key: first }
        );
        let (ack, _) = world.accepted(&attach(MAG1).mn("b@x").with(gre(Some(1))));
        assert_ne!(own(&ack), first, "each session has its own");
    }

    #[test]
    fn an_option_without_key_is_gre_without_keys() {
        for policy in [EncapsulationPolicy::Gre, EncapsulationPolicy::AsRequested] {
            let mut world = with(policy);
            let (ack, outcome) = world.accepted(&attach(MAG1).with(gre(None)));
            assert_eq!(chosen(&outcome), (PLAIN_GRE, 1_456));
            assert_eq!(ack.options.get::<GreKeyOption>(), Some(gre(None)));
        }
    }

    #[test]
    fn where_no_keys_are_generated_gre_goes_without() {
        let keyless = Settings {
            encapsulation: EncapsulationPolicy::Gre,
            generate_grekey: false,
            ..settings()
        };
        let mut world = World::with(keyless);
        let (ack, outcome) = world.accepted(&attach(MAG1));
        assert_eq!(chosen(&outcome).0, PLAIN_GRE);
        assert!(ack.options.get::<GreKeyOption>().is_none());
        let (ack, outcome) = world.accepted(&attach(MAG1).mn("b@x").with(gre(Some(3))));
        assert_eq!(chosen(&outcome).0, PLAIN_GRE);
        assert_eq!(ack.options.get::<GreKeyOption>(), Some(gre(None)));
    }

    const TLV: BuFlags = BuFlags::T;

    #[test]
    fn the_t_flag_gets_gre_in_udp_and_comes_back() {
        let mut world = World::new();
        let tlv = attach(MAG1_V4).flags(BuFlags::A | BuFlags::P | FORCE | TLV);
        let (ack, outcome) = world.accepted(&tlv.clone().with(gre(Some(3))));
        assert_eq!(ack.status(), Status::ACCEPTED);
        assert!(ack.body.flags.contains(BaFlags::T));
        let own = ack.options.get::<GreKeyOption>().unwrap().key;
        let (local_port, peer_port) = (5_437, 5_437);
        let expected =
            Encapsulation::GreUdp { local_port, peer_port, send_key: Some(3), receive_key: own };
        assert_eq!(chosen(&outcome), (expected, 1_460));
        assert!(ack.options.get::<NatDetection>().unwrap().force_udp);

        let (ack, outcome) = world.accepted(&tlv.mn("b@x"));
        assert!(!ack.body.flags.contains(BaFlags::T), "RFC 5845 §5.1: only with GRE");
        assert_eq!(chosen(&outcome).0, UDP);
        let (ack, _) = world.accepted(&attach(MAG1_V4).mn("c@x").with(gre(Some(3))));
        assert!(!ack.body.flags.contains(BaFlags::T), "RFC 5845 §7.2: only where it was asked for");
    }

    #[test]
    fn where_udp_is_not_accepted_the_tlv_header_is_refused_by_status_3() {
        let mut world = World::with(Settings { accept_forced_udp: false, ..settings() });
        let over_ipv4 = attach(MAG1_V4).flags(BuFlags::A | BuFlags::P | TLV);
        let mut over_ipv6 = World::new();
        let tlv = attach(MAG1).flags(BuFlags::A | BuFlags::P | TLV);
        for (world, ask) in [(&mut world, over_ipv4), (&mut over_ipv6, tlv)] {
            let (ack, outcome) = world.accepted(&ask.with(gre(Some(3))));
            assert_eq!(ack.status(), Status::GRE_TUNNELING_BUT_TLV_HEADER_NOT_SUPPORTED);
            assert!(!ack.body.flags.contains(BaFlags::T));
            assert!(matches!(chosen(&outcome).0, Encapsulation::Gre { send_key: Some(3), .. }));
            assert!(ack.options.get::<NatDetection>().is_none());
        }
    }

    #[test]
    fn a_customers_key_is_that_of_all_its_bindings_and_needs_no_option() {
        let mut world = World::with(Settings {
            encapsulation: EncapsulationPolicy::Gre,
            gre_key: Some(42),
            ..settings()
        });
        let symmetric = Encapsulation::Gre { send_key: Some(42), receive_key: Some(42) };
        for nai in ["a@x", "b@x"] {
            let (ack, outcome) = world.accepted(&attach(MAG1).mn(nai));
            assert_eq!(chosen(&outcome).0, symmetric);
            assert!(ack.options.get::<GreKeyOption>().is_none());
        }
        let (ack, outcome) = world.accepted(&attach(MAG1).mn("c@x").with(gre(Some(42))));
        assert_eq!(chosen(&outcome).0, symmetric);
        assert_eq!(ack.options.get::<GreKeyOption>(), Some(gre(Some(42))));
    }

    /// Where keys are generated, an update without the option is refused; not through a tunnel that
    /// both ends are configured for.
    #[test]
    fn a_static_tunnel_to_a_gateway_needs_no_option_and_has_the_fixed_key_or_none() {
        for gre_key in [None, Some(42)] {
            let mut settings =
                Settings { encapsulation: EncapsulationPolicy::Gre, gre_key, ..settings() };
            settings.peers[0].encapsulation = Some(EncapsulationPolicy::StaticGre);
            let mut world = World::with(settings);
            let (ack, outcome) = world.accepted(&attach(MAG1));
            let expected = Encapsulation::Gre { send_key: gre_key, receive_key: gre_key };
            assert_eq!(chosen(&outcome).0, expected);
            assert!(ack.options.get::<GreKeyOption>().is_none());
        }
        let mut static_for_one = Settings { encapsulation: EncapsulationPolicy::Gre, ..settings() };
        static_for_one.peers[0].encapsulation = Some(EncapsulationPolicy::StaticGre);
        let mut world = World::with(static_for_one);
        world.accepted(&attach(MAG1));
        world.denied(&attach(MAG2).mn("b@x"), Denial::GreKeyRequired);
        // A gateway that asks for keys is given them.
        let (ack, _) = world.accepted(&attach(MAG1).mn("c@x").with(gre(Some(8))));
        assert!(ack.options.get::<GreKeyOption>().is_some_and(|option| option.key.is_some()));
    }

    #[test]
    fn a_nodes_fixed_key_is_what_its_gateway_is_told() {
        let fixed = Profile { uplink_key: Some(9), ..profile(Service::Dual) };
        let mut world =
            World::with(Settings { default_profile: Some(fixed), gre_key: Some(42), ..settings() });
        let (ack, outcome) = world.accepted(&attach(MAG1).with(gre(Some(8))));
        assert_eq!(ack.options.get::<GreKeyOption>(), Some(gre(Some(9))));
        let fixed = Encapsulation::Gre { send_key: Some(8), receive_key: Some(9) };
        assert_eq!(chosen(&outcome).0, fixed);
    }

    #[test]
    fn a_gateways_own_policy_replaces_the_anchors() {
        let mut settings = Settings { encapsulation: EncapsulationPolicy::Gre, ..settings() };
        settings.peers[1].encapsulation = Some(EncapsulationPolicy::Udp);
        let mut world = World::with(settings);
        assert_eq!(chosen(&world.accepted(&attach(MAG2)).1).0, UDP);
        world.denied(&attach(MAG1).handoff(3), Denial::GreKeyRequired);
        assert_eq!(world.only_binding().care_of(), v6(MAG2));
    }

    #[test]
    fn a_deregistration_needs_no_gre_key() {
        let mut world = with(EncapsulationPolicy::Gre);
        world.accepted(&attach(MAG1).with(gre(Some(1))));
        let (ack, _) = world.accepted(&attach(MAG1).deregister());
        assert!(ack.options.get::<GreKeyOption>().is_none(), "RFC 5845 §4.2");
    }
}

mod other_messages {
    use super::*;

    #[test]
    fn a_heartbeat_request_is_answered_with_the_restart_counter() {
        let mut world = World::with(Settings { restart_counter: 42, ..settings() });
        let (result, outcome) =
            world.deliver(attach(MAG1).path(), &checksummed(heartbeat_request(9)));
        assert_eq!(result, Ok(()));
        let (path, _, bytes) = &outcome.sent[0];
        assert_eq!(path.peer.ip(), v6(MAG1));
        assert!(verify_checksum(v6(LMA), v6(MAG1), bytes));
        let packet = Packet::decode(bytes).unwrap();
        assert_eq!(packet.message, Heartbeat { flags: HeartbeatFlags::R, sequence: 9 }.into());
        assert_eq!(packet.options.get::<RestartCounter>(), Some(RestartCounter(42)));
        assert_eq!(world.count("other_signalling.heartbeats_answered"), 1);
        assert_eq!(world.lma.peers().next().unwrap().counters.heartbeats, 1);
    }

    #[test]
    fn a_heartbeat_over_udp_is_answered_over_udp() {
        let mut world = World::new();
        let (_, outcome) = world.deliver(attach(MAG1_V4).path(), &heartbeat_request(9));
        assert_eq!(outcome.sent[0].0.peer.port(), 5_436);
        assert_eq!(outcome.sent[0].2[4..6], [0, 0]);
    }

    #[test]
    fn a_heartbeat_response_or_a_strangers_request_gets_no_answer() {
        let mut world = World::new();
        let response = Heartbeat { flags: HeartbeatFlags::R, sequence: 1 };
        let (result, outcome) = world.deliver(attach(MAG1_V4).path(), &encoded(response.into()));
        assert_eq!(result, Err(Discard::Unexpected.into()));
        assert!(outcome.is_empty());
        let stranger = attach("192.0.2.66").path();
        let (result, outcome) = world.deliver(stranger, &heartbeat_request(1));
        assert_eq!(result, Err(Discard::UnknownMag.into()));
        assert!(outcome.is_empty());
        assert_eq!(world.count("other_signalling.discarded"), 2);
    }

    #[test]
    fn an_unknown_type_is_answered_with_a_binding_error_over_both_transports() {
        let mut world = World::new();
        let unknown = encoded(UnknownMessage::new(MhType(77), vec![0; 2]).unwrap().into());
        let (result, outcome) = world.deliver(attach(MAG1).path(), &checksummed(unknown.clone()));
        assert_eq!(result, Err(Discard::UnknownType(77).into()));
        assert!(verify_checksum(v6(LMA), v6(MAG1), &outcome.sent[0].2));
        let error = BindingError {
            status: BindingErrorStatus::UNRECOGNIZED_MH_TYPE,
            home_address: v6("::"),
        };
        assert_eq!(Packet::decode(&outcome.sent[0].2).unwrap().message, error.into());

        let (result, outcome) = world.deliver(attach(MAG1_V4).path(), &unknown);
        assert_eq!(result, Err(Discard::UnknownType(77).into()));
        let (path, _, bytes) = &outcome.sent[0];
        assert_eq!(*path, attach(MAG1_V4).path(), "the way that it came");
        assert_eq!(bytes[4..6], [0, 0], "RFC 5844 §4.1.3.2: UDP has the checksum");
        assert_eq!(Packet::decode(bytes).unwrap().message, error.into());

        let flood = (0..50).map(|_| {
            world.deliver(attach(MAG1).path(), &checksummed(unknown.clone())).1.sent.len()
        });
        assert_eq!(flood.sum::<usize>(), 8, "ten at once are the limit");
        assert_eq!(world.count("other_signalling.binding_errors_sent"), 10);
    }

    #[test]
    fn messages_of_an_anchor_and_errors_get_no_answer() {
        let mut world = World::new();
        let ack = BindingAcknowledgement {
            status: Status::ACCEPTED,
            flags: Default::default(),
            sequence: Default::default(),
            lifetime: Default::default(),
        };
        let error = BindingError { status: BindingErrorStatus(2), home_address: v6("::") };
        for message in [Message::from(ack), error.into()] {
            let (result, outcome) =
                world.deliver(attach(MAG1).path(), &checksummed(encoded(message)));
            assert_eq!(result, Err(Discard::Unexpected.into()));
            assert!(outcome.is_empty());
        }
    }

    #[test]
    fn a_revocation_acknowledgement_that_answers_nothing_is_counted() {
        let mut world = World::new();
        let ack = BindingRevocationAcknowledgement {
            status: kedge_wire::registry::RevocationStatus(0),
            sequence: kedge_model::Sequence(1),
            flags: RevocationFlags::P,
        };
        let good = checksummed(encoded(ack.into()));
        let mut bad = good.clone();
        bad[4] ^= 1;
        let path = attach(MAG1).path();
        assert_eq!(world.deliver(path, &good).0, Err(Discard::NoMatchingRequest.into()));
        assert_eq!(world.deliver(path, &bad).0, Err(Discard::Checksum.into()));
        assert_eq!(world.count("revocation_ack_discarded.no_matching_request"), 1);
        assert_eq!(world.count("revocation_ack_discarded.checksum"), 1);
        assert_eq!(world.count("revocation_ack_discarded.total"), 2);
    }
}

fn heartbeat_request(sequence: u32) -> Vec<u8> {
    encoded(Heartbeat { flags: HeartbeatFlags::NONE, sequence }.into())
}

fn encoded(message: Message<'static>) -> Vec<u8> {
    let mut bytes = Vec::new();
    Packet { message, options: Options::new() }.encode(&mut bytes);
    bytes
}

fn checksummed(mut bytes: Vec<u8>) -> Vec<u8> {
    set_checksum(v6(MAG1), v6(LMA), &mut bytes);
    bytes
}
