//! Translators on the path (RFC 5555 §4.2, docs/decisions/data-shares-the-signalling-port.md).

mod kit;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use kedge_lma::{
    Authentication, AuthenticationHome, Denial, EncapsulationPolicy, Rejection, Rhythm, Settings,
    What,
};
use kedge_model::Encapsulation;
use kedge_wire::auth::{self, AuthVerdict, Key};
use kedge_wire::registry::{RevocationStatus, Status};
use kedge_wire::{
    BuFlags, GreKeyOption, Heartbeat, HeartbeatFlags, Ipv4CareOfAddress, LmaAddress,
    MobilityOption, NatDetection, Options, Packet, RestartCounter,
};
use kit::*;

/// The gateway's own address; the translator's is MAG1_V4.
const OWN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 11);
const OTHER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 12);
/// What a gateway is told where there is a translator and data goes over UDP.
const FOUND: NatDetection = NatDetection { force_udp: true, refresh_time: 25 };

/// An update of the gateway that has `own`, through a translator that gives it `port`.
fn from_behind(own: Ipv4Addr, port: u16) -> Pbu {
    let from = SocketAddr::new(MAG1_V4.parse().unwrap(), port);
    Pbu { from, ..attach(MAG1_V4) }.with(Ipv4CareOfAddress(own))
}

fn shared(peer_port: u16) -> Encapsulation {
    Encapsulation::Udp { local_port: 5_436, peer_port }
}

fn chosen(outcome: &Outcome) -> Encapsulation {
    outcome.forward().as_ref().unwrap().paths[0].tunnel.encapsulation
}

#[test]
fn a_care_of_address_that_is_not_the_source_makes_data_share_the_signalling_port() {
    let mut world = World::new();
    let (ack, outcome) = world.accepted(&from_behind(OWN, 40_001));
    assert_eq!(chosen(&outcome), shared(40_001));
    let tunnel = outcome.forward().as_ref().unwrap().paths[0].tunnel;
    assert_eq!(tunnel.peer, MAG1_V4.parse::<IpAddr>().unwrap(), "RFC 5844 §4.1.1: the source");
    assert_eq!(ack.options.get::<NatDetection>(), Some(FOUND));
    assert_eq!(ack.path.peer.port(), 40_001);
}

#[test]
fn a_care_of_address_that_is_the_source_is_no_translators() {
    let mut world = World::new();
    let own = MAG1_V4.parse().unwrap();
    let told = attach(MAG1_V4).with(Ipv4CareOfAddress(own));
    let (ack, outcome) = world.accepted(&told.with(LmaAddress(LMA4.parse().unwrap())));
    assert_eq!(chosen(&outcome), Encapsulation::IpInIp);
    assert!(ack.options.get::<NatDetection>().is_none());
}

#[test]
fn a_source_port_of_its_own_is_no_translators() {
    let mut world = World::new();
    let from = SocketAddr::new(MAG1_V4.parse().unwrap(), 40_001);
    let ask = Pbu { from, ..attach(MAG1_V4) }.flags(BuFlags::A | BuFlags::P | BuFlags::F);
    let (ack, outcome) = world.accepted(&ask);
    let data = Encapsulation::Udp { local_port: 5_437, peer_port: 5_437 };
    assert_eq!(chosen(&outcome), data, "RFC 5844 §4.1.4.1");
    assert_eq!(ack.options.get::<NatDetection>().unwrap().refresh_time, u32::MAX);
}

#[test]
fn an_anchor_that_was_sent_to_by_another_address_is_behind_a_translator() {
    let mut world = World::new();
    let ask = attach(MAG1_V4).with(LmaAddress("198.51.100.1".parse().unwrap()));
    let (ack, outcome) = world.accepted(&ask);
    assert_eq!(chosen(&outcome), shared(5_436));
    assert_eq!(ack.options.get::<NatDetection>(), Some(FOUND));
}

#[test]
fn the_options_mean_nothing_over_ipv6() {
    let mut world = World::new();
    let (ack, outcome) = world.accepted(&attach(MAG1).with(Ipv4CareOfAddress(OWN)));
    assert_eq!(chosen(&outcome), Encapsulation::IpInIp);
    assert!(ack.options.get::<NatDetection>().is_none());
}

#[test]
fn a_refresh_from_another_port_moves_the_path_and_is_no_handover() {
    let mut world = World::new();
    world.accepted(&from_behind(OWN, 40_001));
    let (_, outcome) = world.accepted(&from_behind(OWN, 40_002).handoff(5));
    assert_eq!(chosen(&outcome), shared(40_002));
    assert_eq!(world.count("binding_updates_refresh.accepted"), 1);
    assert!(outcome.indications().is_empty(), "no gateway has lost the node");
    assert_eq!(world.only_binding().paths.first().signal.peer.port(), 40_002);
    let (_, outcome) = world.accepted(&from_behind(OWN, 40_002).handoff(5));
    assert!(outcome.forwards.is_empty(), "the same port changes nothing");
}

#[test]
fn a_path_moves_only_for_who_has_the_key() {
    let key = Key::new(0x67, b"0123456789abcdef");
    let home_address = AuthenticationHome::CareOf;
    let authentication =
        Some(Authentication { key: key.clone(), home_address, updates_only: false });
    let mut world = World::with(Settings { authentication, ..settings() });
    // The gateway does not know its outer address: protection is computed over its own.
    let (ack, _) = world.accepted(&from_behind(OWN, 40_001).signed(&key));
    let own = IpAddr::V4(OWN);
    assert_eq!(auth::verify(&ack.bytes, |_| Some(&key), own, own), AuthVerdict::Valid);
    let stranger = Key::new(0x67, b"another secret..");
    let stolen = from_behind(OWN, 40_009).handoff(5).signed(&stranger);
    world.denied(&stolen, Denial::AuthenticationFailed);
    assert_eq!(world.only_binding().paths.first().signal.peer.port(), 40_001);

    // Whoever changes the address that it was computed over has not the key.
    let pbu = from_behind(OWN, 40_001).handoff(5).signed(&key);
    let mut bytes = pbu.bytes(world.now, 9);
    let at = bytes.windows(4).position(|octets| octets == OWN.octets()).unwrap();
    bytes[at + 3] ^= 1;
    let (result, _) = world.deliver(pbu.path(), &bytes);
    assert_eq!(result, Err(Rejection::Denied(Denial::AuthenticationFailed)));
}

#[test]
fn gateways_behind_one_translator_are_two_gateways() {
    let mut world = World::new();
    world.accepted(&from_behind(OWN, 40_001));
    let (_, outcome) = world.accepted(&from_behind(OTHER, 40_002).handoff(3));
    assert_eq!(chosen(&outcome), shared(40_002));
    assert_eq!(world.count("binding_updates_handoff.accepted"), 1);
    let bri = outcome.indication();
    assert_eq!(bri.path.peer.port(), 40_001, "the gateway that lost the node is told");
    world.acknowledge(&bri, RevocationStatus::SUCCESS).0.unwrap();
    // What it says too late changes nothing.
    let (result, outcome) = world.send(&from_behind(OWN, 40_001).deregister());
    assert!(result.is_err() && outcome.ack().is_none());
    assert!(world.only_binding().is_active());
    world.accepted(&from_behind(OTHER, 40_002).deregister());
    assert!(!world.only_binding().is_active());
}

#[test]
fn a_restart_behind_a_translator_is_that_of_one_gateway() {
    let mut world = World::new();
    world.accepted(&from_behind(OWN, 40_001));
    let other_node = from_behind(OTHER, 40_002).mn("other@x").link_layer_id(&[2, 0, 0, 0, 0, 2]);
    world.accepted(&other_node);
    let announce = |world: &mut World, counter: u32| {
        let flags = HeartbeatFlags::R | HeartbeatFlags::U;
        let options = Options::from_iter([
            MobilityOption::from(RestartCounter(counter)),
            Ipv4CareOfAddress(OWN).into(),
        ]);
        let path = from_behind(OWN, 40_001).path();
        let bytes = message(path, Heartbeat { flags, sequence: 0 }, options);
        world.advance(secs(1));
        world.deliver(path, &bytes).1
    };
    announce(&mut world, 1);
    let outcome = announce(&mut world, 2);
    assert!(outcome.what().iter().any(|what| matches!(what, What::PeerRestarted { .. })));
    let is_active = |nai: &str| world.bindings_of(nai)[0].is_active();
    assert!(!is_active(MN) && is_active("other@x"));
}

#[test]
fn a_gateway_behind_a_translator_is_not_asked_whether_it_lives() {
    let heartbeat = Some(Rhythm { interval: secs(10), timeout: secs(3), allowed: 3 });
    let mut world = World::with(Settings { heartbeat, ..settings() });
    world.accepted(&from_behind(OWN, 40_001));
    assert!(world.wait(secs(100)).sent.is_empty());
    // One that is not is.
    world.accepted(&attach(MAG1).mn("other@x"));
    assert!(!world.wait(secs(10)).sent.is_empty());
}

#[test]
fn a_heartbeat_from_behind_a_translator_is_answered_as_its_gateway_can_verify() {
    let key = Key::new(0x67, b"0123456789abcdef");
    let home_address = AuthenticationHome::CareOf;
    let authentication =
        Some(Authentication { key: key.clone(), home_address, updates_only: false });
    let mut world = World::with(Settings { authentication, ..settings() });
    let path = from_behind(OWN, 40_001).path();
    let options = Options::from_iter([Ipv4CareOfAddress(OWN)]);
    let request = Heartbeat { flags: HeartbeatFlags::NONE, sequence: 4 };
    let mut bytes = message(path, request, options);
    let own = IpAddr::V4(OWN);
    auth::sign(&mut bytes, 0, &key, own, own);
    let (result, outcome) = world.deliver(path, &bytes);
    assert_eq!(result, Ok(()));
    let (to, _, answer) = &outcome.sent[0];
    assert_eq!(to.peer.port(), 40_001);
    assert_eq!(auth::verify(answer, |_| Some(&key), own, own), AuthVerdict::Valid);
    assert!(Packet::decode(answer).is_ok());
}

#[test]
fn gre_tells_of_a_translator_and_goes_over_udp_once_the_gateway_asks_for_it() {
    for policy in [EncapsulationPolicy::Gre, EncapsulationPolicy::AsRequested] {
        let mut world = World::with(Settings { encapsulation: policy, ..settings() });
        let ask = from_behind(OWN, 40_001).with(GreKeyOption { key: Some(5) });
        let (ack, outcome) = world.accepted(&ask);
        assert!(matches!(chosen(&outcome), Encapsulation::Gre { send_key: Some(5), .. }));
        let told = ack.options.get::<NatDetection>();
        assert_eq!(told, Some(NatDetection { force_udp: false, ..FOUND }));

        let flags = BuFlags::A | BuFlags::P | BuFlags::F | BuFlags::T;
        let (ack, outcome) = world.accepted(&ask.handoff(5).flags(flags));
        let receive_key = ack.options.get::<GreKeyOption>().unwrap().key;
        let expected = Encapsulation::GreUdp {
            local_port: 5_436,
            peer_port: 40_001,
            send_key: Some(5),
            receive_key,
        };
        assert_eq!((chosen(&outcome), ack.status()), (expected, Status::ACCEPTED));
        assert_eq!(ack.options.get::<NatDetection>(), Some(FOUND));
    }
}
