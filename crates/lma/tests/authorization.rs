//! Nodes whose profile AAA has (RFC 6572 §6): what is asked, when, and what the answer does.

mod kit;

use kedge_lma::{
    Change, Denial, Discard, MobileNetworkPool, NoProfile, Profile, Question, Rejection, Release,
    Service, Settings, State, Unchecked, What,
};
use kedge_model::{CustomerId, MnId};
use kedge_wire::registry::{MnIdSubtype, RevocationStatus, Status};
use kedge_wire::{DelegatedMobileNetworkPrefix, MnIdOption, ServiceSelection};
use kit::*;

fn with_aaa() -> Settings {
    Settings { aaa: true, default_profile: None, ..settings() }
}

/// An anchor whose node has been accepted by AAA with this profile, and its acknowledgement.
fn bound(profile: Profile, pbu: &Pbu) -> (World, Ack) {
    let mut world = World::with(with_aaa());
    let question = world.asks(pbu);
    let ack = world.authorize(&question, Ok(profile)).ack().unwrap();
    (world, ack)
}

fn mn() -> MnId {
    MnId::nai(MN).unwrap()
}

#[test]
fn a_first_update_waits_for_aaa_and_is_then_accepted() {
    let mut world = World::with(with_aaa());
    let pbu = attach(MAG1).ipv4("0.0.0.0/0").with(ServiceSelection::new(b"internet").unwrap());
    let question = world.asks(&pbu);
    let Question { mn_id, wants_ipv4, wants_ipv6, path, .. } = &question;
    assert_eq!((mn_id, *wants_ipv4, *wants_ipv6), (&mn(), true, true));
    assert_eq!(path.peer.ip(), v6(MAG1));
    assert_eq!(question.link_layer_id.as_ref().unwrap().octets(), [2, 0, 0, 0, 0, 1]);
    assert_eq!(question.service.as_deref(), Some(&b"internet"[..]));
    assert_eq!((world.lma.pending(), world.lma.len()), (1, 0));
    let outcome = world.authorize(&question, Ok(profile(Service::Dual)));
    assert_eq!(outcome.ack().unwrap().status(), Status::ACCEPTED);
    assert_eq!((world.lma.pending(), world.lma.len()), (0, 1));
    assert_eq!(world.moved("aaa_authentication"), [("attempts", 1), ("success", 1)]);
    assert_eq!(world.count("binding_updates_initial.accepted"), 1);
}

#[test]
fn a_refusal_denies_and_leaves_nothing() {
    // Not even the default profile helps a node that AAA does not want.
    let default_profile = Some(profile(Service::Dual));
    let mut world = World::with(Settings { default_profile, ..with_aaa() });
    let question = world.asks(&attach(MAG1));
    let ack = world.authorize(&question, Err(NoProfile::Refused)).ack().unwrap();
    assert_eq!(ack.status(), Status::PROXY_REG_NOT_ENABLED);
    let moved = world.moved("aaa_authentication");
    assert_eq!(moved, [("attempts", 1), ("failures", 1), ("actual_auth_failures", 1)]);
    assert_nothing_left(&mut world);
}

#[test]
fn when_nobody_answers_the_default_profile_serves_or_the_update_is_denied() {
    let mut world = World::with(with_aaa());
    let question = world.asks(&attach(MAG1));
    let ack = world.authorize(&question, Err(NoProfile::Unreachable)).ack().unwrap();
    assert_eq!(ack.status(), Status::INSUFFICIENT_RESOURCES);
    let moved = world.moved("aaa_authentication");
    assert_eq!(moved, [("attempts", 1), ("failures", 1), ("timeout_failures", 1)]);
    let default_profile = Some(profile(Service::Dual));
    let mut world = World::with(Settings { default_profile, ..with_aaa() });
    let question = world.asks(&attach(MAG1));
    let ack = world.authorize(&question, Err(NoProfile::Failed)).ack().unwrap();
    assert_eq!(ack.status(), Status::ACCEPTED);
    assert_eq!(world.count("aaa_authentication.misc_auth_failures"), 1);
    // Its refresh does not ask again.
    world.accepted(&attach(MAG1).handoff(5));
}

#[test]
fn a_known_node_is_not_asked_about_again() {
    let (mut world, _) = bound(profile(Service::Dual), &attach(MAG1));
    world.accepted(&attach(MAG1).handoff(5));
    world.accepted(&attach(MAG2).handoff(3));
    world.accepted(&attach(MAG2).link_layer_id(&[2, 0, 0, 0, 0, 2]));
    assert_eq!(world.lma.len(), 2, "a second interface shares what is known");
    world.accepted(&attach(MAG2).deregister());
    world.accepted(&attach(MAG1).handoff(3));
    assert_eq!(world.count("aaa_authentication.attempts"), 1);
}

#[test]
fn what_was_said_ends_with_the_last_session() {
    let (mut world, _) = bound(profile(Service::Dual), &attach(MAG1));
    world.accepted(&attach(MAG1).deregister());
    world.wait(secs(10));
    assert!(world.lma.is_empty());
    world.asks(&attach(MAG1));
}

#[test]
fn a_node_with_a_configured_profile_is_not_asked_about() {
    let mut settings = with_aaa();
    settings.profiles.insert(MN.to_owned(), profile(Service::Dual));
    settings.profiles.insert("@known.example".to_owned(), profile(Service::Dual));
    let mut world = World::with(settings);
    world.accepted(&attach(MAG1));
    world.accepted(&attach(MAG1).mn("b@known.example").link_layer_id(&[2, 0, 0, 0, 0, 2]));
    assert_eq!(world.count("aaa_authentication.attempts"), 0);
}

#[test]
fn a_repeated_update_takes_the_place_of_the_one_before_and_asks_nothing() {
    let mut world = World::with(with_aaa());
    let question = world.asks(&attach(MAG1));
    let (result, outcome) = world.send(&attach(MAG1).sequence(77).time(Time::Now));
    assert!(result.is_ok() && outcome.is_empty());
    assert_eq!(world.lma.pending(), 1);
    assert_eq!(world.count("discard_reasons.initial_auth_pending"), 1);
    let ack = world.authorize(&question, Ok(profile(Service::Dual))).ack().unwrap();
    assert_eq!(ack.body.sequence.0, 77, "the later one is answered");
    assert_eq!(world.count("aaa_authentication.attempts"), 1);
}

#[test]
fn an_older_update_does_not_replace_the_one_that_waits() {
    let mut world = World::with(with_aaa());
    let question = world.asks(&attach(MAG2).sequence(5).time(Time::Now));
    world.discarded(&attach(MAG1).time(Time::Off(-2)), Discard::AuthorizationPending);
    let ack = world.authorize(&question, Ok(profile(Service::Dual))).ack().unwrap();
    assert_eq!(ack.path.peer.ip(), v6(MAG2));
}

#[test]
fn a_second_answer_and_a_late_one_change_nothing() {
    let mut world = World::with(with_aaa());
    let question = world.asks(&attach(MAG1));
    world.authorize(&question, Ok(profile(Service::Dual)));
    assert!(world.authorize(&question, Err(NoProfile::Refused)).is_empty());
    let late = world.asks(&attach(MAG1).mn("late@example.com"));
    let outcome = world.wait(secs(60));
    assert_eq!(outcome.ack().unwrap().status(), Status::INSUFFICIENT_RESOURCES);
    assert!(world.authorize(&late, Ok(profile(Service::Dual))).is_empty());
    assert_eq!(world.lma.len(), 1);
    let moved = world.moved("aaa_authentication");
    let expected = [("attempts", 2), ("success", 1), ("failures", 1), ("timeout_failures", 1)];
    assert_eq!(moved, expected);
}

#[test]
fn a_timestamp_is_judged_by_when_the_update_came() {
    let mut world = World::with(with_aaa());
    let question = world.asks(&attach(MAG1));
    // Longer than the window of seven seconds.
    world.wait(secs(20));
    let ack = world.authorize(&question, Ok(profile(Service::Dual))).ack().unwrap();
    assert_eq!(ack.status(), Status::ACCEPTED);
}

#[test]
fn what_can_be_refused_without_aaa_is_not_asked() {
    let mut world = World::with(with_aaa());
    world.denied(&attach(MAG1).time(Time::Off(-60)), Denial::TimestampMismatch);
    world.denied(&Pbu { handoff: None, ..attach(MAG1) }, Denial::MissingHandoffIndicator);
    world.denied(&attach(STRANGER), Denial::UnknownMag);
    world.discarded(&attach(MAG1).deregister(), Discard::SessionNotFound);
    let unnamed = Pbu { mn_id: None, ..attach(MAG1) };
    let opaque = MnIdOption::new(MnIdSubtype(200), b"imsi").unwrap();
    world.denied(&unnamed.with(opaque), Denial::UnknownNode);
    assert_eq!(world.count("aaa_authentication.attempts"), 0);
}

#[test]
fn a_gateway_that_gives_the_node_up_gets_no_session_for_it() {
    let mut world = World::with(with_aaa());
    let question = world.asks(&attach(MAG1));
    // Another gateway's de-registration is none of its business.
    world.discarded(&attach(MAG2).deregister(), Discard::SessionNotFound);
    assert_eq!(world.lma.pending(), 1);
    let (result, _) = world.send(&attach(MAG1).deregister());
    assert_eq!(result, Err(Rejection::Discarded(Discard::SessionNotFound)));
    assert_eq!(world.lma.pending(), 0);
    assert!(world.authorize(&question, Ok(profile(Service::Dual))).is_empty());
    assert_nothing_left(&mut world);
}

#[test]
fn too_many_questions_are_an_overload() {
    let mut world = World::with(with_aaa());
    let mut denied = 0;
    for n in 0..16_390_u32 {
        let pbu = attach(MAG1).mn(&format!("{n}@example.com"));
        world.advance(ms(1));
        let bytes = pbu.bytes(world.now, 1);
        let (result, _) = world.deliver(pbu.path(), &bytes);
        match result {
            Ok(()) => assert_eq!(denied, 0, "none is taken once it is full"),
            Err(rejection) => {
                assert_eq!(rejection, Rejection::Denied(Denial::Congestion));
                denied += 1;
            }
        }
    }
    assert_eq!((denied, world.lma.pending()), (6, 16_384));
    assert_eq!(world.count("deny_insufficient_resources.input_queue_exceeded"), 6);
    world.wait(secs(100));
    assert_nothing_left(&mut world);
}

#[test]
fn the_addresses_of_aaa_are_the_nodes() {
    let given = Profile {
        ipv4: Some([10, 0, 0, 77].into()),
        prefixes: vec!["2001:db8:100:77::/64".parse().unwrap()],
        ..profile(Service::Dual)
    };
    let (mut world, ack) = bound(given.clone(), &attach(MAG1).ipv4("0.0.0.0/0"));
    assert_eq!(ack.prefixes(), ["2001:db8:100:77::/64"]);
    let ipv4 = world.only_binding().addresses.ipv4.unwrap();
    assert_eq!((ipv4.address.octets(), ipv4.prefix_len), ([10, 0, 0, 77], 24));
    // They are gone from the pool: another node with the same has none.
    let question = world.asks(&attach(MAG1).mn("twin@example.com"));
    let ack = world.authorize(&question, Ok(given.clone())).ack().unwrap();
    assert_eq!(ack.status(), Status::INSUFFICIENT_RESOURCES);
    world.lma.clear(CustomerId::DEFAULT, &mn(), world.now);
    world.drain_acknowledging();
    for (pbu, status) in [
        (
            attach(MAG1).prefixes(&["2001:db8:100:78::/64"]),
            Status::NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX,
        ),
        (attach(MAG1).ipv4("10.0.0.78/24"), Status::NOT_AUTHORIZED_FOR_IPV4_HOME_ADDRESS),
    ] {
        let question = world.asks(&pbu);
        let ack = world.authorize(&question, Ok(given.clone())).ack().unwrap();
        assert_eq!(ack.status(), status);
    }
    let question = world.asks(&attach(MAG1).prefixes(&["2001:db8:100:77::/64"]));
    let ack = world.authorize(&question, Ok(given)).ack().unwrap();
    assert_eq!(ack.prefixes(), ["2001:db8:100:77::/64"]);
}

#[test]
fn the_mobile_networks_of_aaa_are_the_nodes_and_no_others() {
    let mut settings = with_aaa();
    let start = "172.16.0.0".parse().unwrap();
    settings.networks.get_mut("home").unwrap().mobile_networks =
        vec![MobileNetworkPool { start, pool_len: 16, network_len: 24 }];
    let mut world = World::with(settings);
    let given =
        Profile { delegated: vec!["172.16.9.0/24".parse().unwrap()], ..profile(Service::Dual) };
    let option = |prefix: &str| DelegatedMobileNetworkPrefix { prefix: prefix.parse().unwrap() };
    let question = world.asks(&attach(MAG1).with(option("172.16.8.0/24")));
    let ack = world.authorize(&question, Ok(given.clone())).ack().unwrap();
    assert_eq!(ack.status(), Status::NOT_AUTHORIZED_FOR_DELEGATED_MNP);
    let question = world.asks(&attach(MAG1).with(option("0.0.0.0/0")));
    let ack = world.authorize(&question, Ok(given)).ack().unwrap();
    assert_eq!(ack.status(), Status::ACCEPTED);
    assert_eq!(*world.only_binding().delegated, ["172.16.9.0/24".parse().unwrap()]);
}

/// `mobile-network aaa-authorized`.
#[test]
fn where_aaa_names_them_mobile_networks_are_of_any_place_and_no_others() {
    let option = |prefix: &str| DelegatedMobileNetworkPrefix { prefix: prefix.parse().unwrap() };
    let mut settings = with_aaa();
    settings.networks.get_mut("home").unwrap().unchecked = Unchecked::NamedByAaa;
    let mut world = World::with(settings.clone());
    let delegated = vec!["192.168.7.0/24".parse().unwrap()];
    let given = Profile { delegated, ..profile(Service::Dual) };
    let question = world.asks(&attach(MAG1).with(option("192.168.8.0/24")));
    let ack = world.authorize(&question, Ok(given.clone())).ack().unwrap();
    assert_eq!(ack.status(), Status::NOT_AUTHORIZED_FOR_DELEGATED_MNP);
    let question = world.asks(&attach(MAG1).with(option("192.168.7.0/24")));
    let ack = world.authorize(&question, Ok(given)).ack().unwrap();
    assert_eq!(ack.status(), Status::ACCEPTED);
    assert_eq!(*world.only_binding().delegated, ["192.168.7.0/24".parse().unwrap()]);

    // What AAA does not name is nobody's.
    let mut world = World::with(settings);
    let question = world.asks(&attach(MAG1).with(option("192.168.7.0/24")));
    let ack = world.authorize(&question, Ok(profile(Service::Dual))).ack().unwrap();
    assert_eq!(ack.status(), Status::NOT_AUTHORIZED_FOR_DELEGATED_MNP);
}

#[test]
fn a_session_ends_when_aaa_says_and_its_gateway_is_told() {
    let given = Profile { session: Some(secs(402)), ..profile(Service::Dual) };
    let (mut world, ack) = bound(given, &attach(MAG1));
    assert_eq!(ack.body.lifetime.secs(), 400);
    world.wait(secs(300));
    let (ack, _) = world.accepted(&attach(MAG1).handoff(5));
    assert_eq!(ack.body.lifetime.secs(), 100);
    world.wait(secs(99));
    let (ack, _) = world.accepted(&attach(MAG1).handoff(5));
    assert_eq!(ack.body.lifetime.secs(), 4, "a lifetime is never none");
    let outcome = world.wait(secs(3));
    let bri = outcome.indication();
    assert!(matches!(world.only_binding().state, State::Revoking(_)));
    let (_, outcome) = world.acknowledge(&bri, RevocationStatus::SUCCESS);
    let what = outcome.what();
    assert!(
        what.iter().any(|what| { matches!(what, What::Released { reason: Release::Revoked, .. }) })
    );
    assert_nothing_left(&mut world);
}

#[test]
fn aaa_changes_how_long_a_session_lasts() {
    let (mut world, _) = bound(profile(Service::Dual), &attach(MAG1));
    let change = Change { session: Some(secs(30)), class: Some(vec![Box::from(&b"gold"[..])]) };
    let changed = |world: &mut World, nai: &str| {
        let node = MnId::nai(nai).unwrap();
        world.lma.change_authorization(CustomerId::DEFAULT, &node, &change, world.now)
    };
    assert_eq!(changed(&mut world, "nobody@example.com"), 0);
    assert_eq!(changed(&mut world, MN), 1);
    let authorized = world.only_binding().authorized.as_ref().unwrap();
    assert_eq!(authorized.profile.class, [Box::from(&b"gold"[..])]);
    world.wait(secs(29));
    assert!(world.only_binding().is_active());
    assert_eq!(world.wait(secs(1)).indications().len(), 1);
}

#[test]
fn an_update_that_waits_for_a_session_is_still_known_when_that_ends() {
    let (mut world, _) = bound(profile(Service::Dual), &attach(MAG1));
    world.waits(&attach(MAG2).handoff(4).link_layer_id(&[2, 0, 0, 0, 0, 2]));
    let outcome = world.wait(secs(10));
    assert_eq!(outcome.ack().unwrap().status(), Status::ACCEPTED);
    assert_eq!(world.count("aaa_authentication.attempts"), 1);
}

#[test]
fn a_session_from_before_aaa_goes_on_and_one_of_aaa_ends_without_it() {
    let before = Settings { default_profile: Some(profile(Service::Dual)), ..settings() };
    let mut world = World::with(before.clone());
    world.accepted(&attach(MAG1));
    world.lma.apply(Settings { aaa: true, ..before }, world.now);
    world.accepted(&attach(MAG1).handoff(5));
    let (mut world, _) = bound(profile(Service::Dual), &attach(MAG1));
    assert_eq!(world.lma.apply(with_aaa(), world.now), 0);
    assert_eq!(world.lma.apply(Settings { aaa: false, ..with_aaa() }, world.now), 1);
}
