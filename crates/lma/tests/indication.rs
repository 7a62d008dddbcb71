//! Bindings that a gateway revokes: RFC 5846 §6.1.2, §6.2.1, §8.2 and §13.

mod kit;

use kedge_lma::{Authentication, AuthenticationHome, Discard, Rejection, Settings};
use kedge_model::{MnId, Sequence, SignalPath};
use kedge_wire::auth::{AuthVerdict, Key, sign, verify};
use kedge_wire::registry::{RevocationStatus as Status, RevocationTrigger as Trigger};
use kedge_wire::{
    AlternateCareOfAddress, BindingRevocationAcknowledgement, BindingRevocationIndication,
    HomeNetworkPrefix, Ipv4HomeAddressRequest, Message, MnIdOption, MobilityOption, Options,
    Packet, RevocationFlags, set_checksum,
};
use kit::*;

const P: RevocationFlags = RevocationFlags::P;
const REASON: Trigger = Trigger::ADMINISTRATIVE_REASON;

fn named(nai: &str) -> Options {
    let mut options = Options::new();
    options.push(MnIdOption::from(&MnId::nai(nai).unwrap()));
    options
}

fn and<'a>(mut options: Options, option: impl Into<MobilityOption<'a>>) -> Options {
    options.push(option);
    options
}

fn prefix(n: u16) -> HomeNetworkPrefix {
    HomeNetworkPrefix::new(format!("2001:db8:100:{n:x}::/64").parse().unwrap())
}

fn indication(trigger: Trigger, flags: RevocationFlags) -> BindingRevocationIndication {
    BindingRevocationIndication { trigger, sequence: Sequence(77), flags }
}

/// A gateway revokes; its answer.
#[track_caller]
fn revoke(
    world: &mut World,
    mag: &str,
    (trigger, flags): (Trigger, RevocationFlags),
    options: Options,
) -> (BindingRevocationAcknowledgement, Options, Outcome) {
    let path = attach(mag).path();
    let before = world.count("binding_revocation.acks_sent");
    let (result, outcome) =
        world.deliver(path, &message(path, indication(trigger, flags), options));
    assert_eq!(result, Ok(()));
    let (to, _, bytes) = outcome
        .sent
        .iter()
        .find(|(_, _, bytes)| bytes[2] == 16)
        .expect("an indication is acknowledged");
    assert_eq!(*to, path);
    let packet = Packet::decode(bytes).unwrap();
    let Message::BindingRevocationAcknowledgement(bra) = packet.message else {
        panic!("{packet:?}")
    };
    assert_eq!((bra.sequence, bra.flags), (Sequence(77), flags), "§6.1.2: they come back");
    assert_eq!(world.count("binding_revocation.acks_sent"), before + 1);
    (bra, packet.options, outcome)
}

#[track_caller]
fn status(
    world: &mut World,
    mag: &str,
    kind: (Trigger, RevocationFlags),
    options: Options,
) -> Status {
    revoke(world, mag, kind, options).0.status
}

/// One node with two sessions and another with one at mag1, a third at mag2.
fn world() -> World {
    let mut world = World::new();
    world.accepted(&attach(MAG1).mn("a@x").link_layer_id(&[1]).ipv4("0.0.0.0/0"));
    world.accepted(&attach(MAG1).mn("a@x").link_layer_id(&[2]));
    world.accepted(&attach(MAG1).mn("b@x"));
    world.accepted(&attach(MAG2).mn("c@x"));
    world
}

#[test]
fn the_identifier_alone_means_all_sessions_of_the_node() {
    let mut world = world();
    assert_eq!(status(&mut world, MAG1, (REASON, P), named("a@x")), Status::SUCCESS);
    assert!(world.bindings_of("a@x").is_empty());
    assert_eq!(world.lma.len(), 2);
    assert_eq!(world.moved("disconnects"), [("other", 2)]);
    assert_eq!(world.moved("binding_revocation"), [("received", 1), ("acks_sent", 1)]);
}

#[test]
fn prefixes_pick_sessions_of_the_node() {
    let mut world = world();
    let one = and(named("a@x"), prefix(1));
    assert_eq!(status(&mut world, MAG1, (REASON, P), one), Status::SUCCESS);
    let left = world.bindings_of("a@x");
    assert_eq!(left[0].addresses.prefixes.iter().next(), Some(prefix(0).prefix));
    assert_eq!(world.lma.len(), 3);

    let mut world = self::world();
    let both = and(and(named("a@x"), prefix(0)), prefix(1));
    assert_eq!(status(&mut world, MAG1, (REASON, P), both), Status::SUCCESS);
    assert!(world.bindings_of("a@x").is_empty());
}

#[test]
fn what_was_not_there_is_named_in_a_partial_success() {
    let mut world = world();
    let options = and(and(named("a@x"), prefix(0)), prefix(9));
    let (bra, options, _) = revoke(&mut world, MAG1, (REASON, P), options);
    assert_eq!(bra.status, Status::PARTIAL_SUCCESS);
    assert_eq!(options.all::<HomeNetworkPrefix>().collect::<Vec<_>>(), [prefix(9)]);
    assert!(options.get::<MnIdOption<'_>>().is_some());
    assert_eq!(world.bindings_of("a@x").len(), 1);
}

#[test]
fn ipv4_alone_can_be_revoked() {
    let mut world = world();
    let flags = P | RevocationFlags::V;
    let with = |address: &str| {
        let address = address.parse().unwrap();
        and(named("a@x"), Ipv4HomeAddressRequest { address })
    };
    let missing = status(&mut world, MAG1, (REASON, flags), named("a@x"));
    assert_eq!(missing, Status::IPV4_HOME_ADDRESS_OPTION_REQUIRED);
    let other = status(&mut world, MAG1, (REASON, flags), with("10.0.0.99/24"));
    assert_eq!(other, Status::BINDING_DOES_NOT_EXIST);
    let (bra, _, outcome) = revoke(&mut world, MAG1, (REASON, flags), with("10.0.0.2/24"));
    assert_eq!(bra.status, Status::SUCCESS);
    assert_eq!(outcome.forward().as_ref().unwrap().inner[..], [prefix(0).prefix.into()]);
    assert_eq!(world.lma.len(), 4);
    assert_eq!(world.lma.usage("home").unwrap().0.unwrap().taken, 0);

    let mut world = World::new();
    world.accepted(&attach(MAG1).mn("a@x").prefixes::<&str>(&[]).ipv4("0.0.0.0/0"));
    let only = status(&mut world, MAG1, (REASON, flags), with("10.0.0.2/24"));
    assert_eq!(only, Status::SUCCESS);
    assert!(world.lma.is_empty(), "nothing was left of it");
}

mod all_bindings_at_once {
    use super::*;

    const ALL: (Trigger, RevocationFlags) =
        (Trigger::PER_PEER_POLICY, RevocationFlags::P.with(RevocationFlags::G));

    #[test]
    fn are_those_at_the_address_it_comes_from() {
        for identity in ["mag1", "mag1@example.net"] {
            let mut world = world();
            world.accepted(&attach(MAG1_V4).mn("d@x"));
            assert_eq!(status(&mut world, MAG1, ALL, named(identity)), Status::SUCCESS);
            assert_eq!(world.lma.len(), 2);
            assert_eq!((world.bindings_of("c@x").len(), world.bindings_of("d@x").len()), (1, 1));
        }
    }

    #[test]
    fn or_those_at_the_care_of_address_it_names() {
        let mut world = world();
        let other = AlternateCareOfAddress(v6("2001:db8:1::99"));
        world.accepted(&attach(MAG1).mn("d@x").with(other));
        let options = and(named("mag1"), other);
        assert_eq!(status(&mut world, MAG1, ALL, options), Status::SUCCESS);
        assert_eq!((world.lma.len(), world.bindings_of("d@x").len()), (4, 0));
    }

    #[test]
    fn but_not_another_gateways() {
        let mut world = world();
        let options = and(named("mag2"), AlternateCareOfAddress(v6(MAG1)));
        assert_eq!(status(&mut world, MAG2, ALL, options), Status::BINDING_DOES_NOT_EXIST);
        assert_eq!(world.lma.len(), 4);
    }

    #[test]
    fn are_for_a_gateway_that_names_itself_as_it_is_configured() {
        let mut world = world();
        for options in [Options::new(), named("mag2"), named("a@x")] {
            let denied = status(&mut world, MAG1, ALL, options);
            assert_eq!(denied, Status::GLOBAL_REVOCATION_NOT_AUTHORIZED);
        }
        let mut world = World::with(Settings { dynamic_mag_learning: true, ..settings() });
        world.accepted(&attach(STRANGER));
        let denied = status(&mut world, STRANGER, ALL, named("stranger"));
        assert_eq!(denied, Status::GLOBAL_REVOCATION_NOT_AUTHORIZED);
        assert_eq!(world.lma.len(), 1);
    }
}

#[test]
fn an_indication_that_is_not_valid_is_denied_with_the_reason() {
    let global = P | RevocationFlags::G;
    let peer = Trigger::PER_PEER_POLICY;
    let realm = Trigger::REVOKING_MOBILITY_NODE_LOCAL_POLICY;
    for (kind, options, expected) in [
        ((Trigger(8), P), named("a@x"), Status::REVOCATION_TRIGGER_NOT_SUPPORTED),
        ((Trigger(250), P), named("a@x"), Status::REVOCATION_TRIGGER_NOT_SUPPORTED),
        ((realm, global), named("@x"), Status::REVOCATION_TRIGGER_NOT_SUPPORTED),
        ((REASON, global), named("mag1"), Status::REVOCATION_FUNCTION_NOT_SUPPORTED),
        ((peer, P), named("a@x"), Status::REVOCATION_FUNCTION_NOT_SUPPORTED),
        ((REASON, RevocationFlags::NONE), named("a@x"), Status::REVOCATION_FUNCTION_NOT_SUPPORTED),
        ((REASON, P), Options::new(), Status::REVOKED_MOBILE_NODES_IDENTITY_REQUIRED),
        ((REASON, P), named("nobody@x"), Status::BINDING_DOES_NOT_EXIST),
        ((REASON, P), and(named("b@x"), prefix(0)), Status::BINDING_DOES_NOT_EXIST),
        ((REASON, P), named("c@x"), Status::BINDING_DOES_NOT_EXIST), // mag2's
    ] {
        let mut world = world();
        assert_eq!(status(&mut world, MAG1, kind, options), expected, "{kind:?}");
        assert_eq!(world.lma.len(), 4);
        assert_eq!(world.moved("binding_revocation"), [("received", 1), ("acks_sent", 1)]);
    }
}

#[test]
fn a_gateway_revokes_under_any_of_its_addresses() {
    let mut world = world();
    assert_eq!(status(&mut world, MAG1_V4, (REASON, P), named("a@x")), Status::SUCCESS);
}

#[test]
fn a_session_that_another_gateway_waits_for_is_its() {
    let mut world = World::new();
    world.accepted(&attach(MAG1));
    world.waits(&attach(MAG2).handoff(4).link_layer_id(&[2, 0, 0, 0, 0, 2]));
    let (bra, _, outcome) = revoke(&mut world, MAG1, (REASON, P), named(MN));
    assert_eq!(bra.status, Status::SUCCESS);
    assert!(outcome.ack().unwrap().status().is_accepted());
    assert_eq!(world.only_binding().care_of(), v6(MAG2));
    assert!(world.wait(secs(60)).is_empty());
}

mod an_indication_is_dropped {
    use super::*;

    #[track_caller]
    fn dropped(world: &mut World, path: SignalPath, bytes: &[u8], discard: Discard) {
        let (result, outcome) = world.deliver(path, bytes);
        assert_eq!(result, Err(Rejection::Discarded(discard)));
        assert!(outcome.is_empty(), "{outcome:?}");
        assert_eq!(world.moved("binding_revocation"), [("received", 1)]);
        assert_eq!(world.count("other_signalling.discarded"), 1);
        assert_eq!(world.count("revocation_ack_discarded.total"), 0);
    }

    #[test]
    fn when_its_sender_is_no_gateway() {
        let path = attach(STRANGER).path();
        let bytes = message(path, indication(REASON, P), named("a@x"));
        dropped(&mut world(), path, &bytes, Discard::UnknownMag);
    }

    #[test]
    fn when_its_source_is_a_group() {
        let path = attach("ff02::1").path();
        let bytes = message(path, indication(REASON, P), named("a@x"));
        dropped(&mut world(), path, &bytes, Discard::Unexpected);
    }

    #[test]
    fn when_it_is_not_protected_and_is_answered_protected_when_it_is() {
        let key = Key::new(0x67, b"0123456789abcdef");
        let authentication = Some(Authentication {
            key: key.clone(),
            home_address: AuthenticationHome::CareOf,
            updates_only: false,
        });
        let mut world = World::with(Settings { authentication, ..settings() });
        world.accepted(&attach(MAG1).signed(&key));
        let path = attach(MAG1).path();
        let mut bytes = message(path, indication(REASON, P), named(MN));
        dropped(&mut world, path, &bytes, Discard::NotAuthenticated);
        assert_eq!(world.lma.len(), 1);

        sign(&mut bytes, 0, &key, v6(MAG1).into(), v6(MAG1).into());
        set_checksum(v6(MAG1), v6(LMA), &mut bytes);
        let (result, outcome) = world.deliver(path, &bytes);
        assert_eq!(result, Ok(()));
        let mag = v6(MAG1).into();
        let verdict = verify(&outcome.sent[0].2, |_| Some(&key), mag, mag);
        assert_eq!((verdict, world.lma.len()), (AuthVerdict::Valid, 0));
    }
}
