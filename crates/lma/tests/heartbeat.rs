//! Whether gateways live, and whether they remember: RFC 5847 §3.

mod kit;

use kedge_lma::{
    Authentication, AuthenticationHome, Discard, Life, Rejection, Rhythm, Settings, State, What,
};
use kedge_model::SignalPath;
use kedge_wire::auth::{AuthVerdict, Key, verify};
use kedge_wire::registry::BindingErrorStatus;
use kedge_wire::{
    BindingError, Heartbeat, HeartbeatFlags as Flags, Message, Options, Packet, RestartCounter,
};
use kit::*;

fn beating() -> Settings {
    let heartbeat = Some(Rhythm { interval: secs(60), timeout: secs(3), allowed: 3 });
    Settings { heartbeat, restart_counter: 9, ..settings() }
}

/// A gateway with one session, and the first request to it.
fn asked() -> (World, Heartbeat) {
    let mut world = World::with(beating());
    world.accepted(&attach(MAG1));
    let request = only_request(&world.wait(secs(60)));
    (world, request)
}

/// The same once it has answered one request: it knows heartbeats. The request after that.
fn heard() -> (World, Heartbeat) {
    let (mut world, request) = asked();
    respond(&mut world, request.sequence, Flags::R, 1).0.unwrap();
    let request = only_request(&world.wait(secs(60)));
    (world, request)
}

fn heartbeats(outcome: &Outcome) -> Vec<(SignalPath, Heartbeat, Options)> {
    let sent = outcome.sent.iter().map(|(path, _, bytes)| (path, Packet::decode(bytes).unwrap()));
    let beats = sent.filter_map(|(path, packet)| match packet.message {
        Message::Heartbeat(heartbeat) => Some((*path, heartbeat, packet.options)),
        _ => None,
    });
    beats.collect()
}

#[track_caller]
fn only_request(outcome: &Outcome) -> Heartbeat {
    let [(path, heartbeat, options)] = &heartbeats(outcome)[..] else { panic!("{outcome:?}") };
    assert_eq!(*path, attach(MAG1).path());
    assert_eq!((heartbeat.flags, options.iter().count()), (Flags::NONE, 0));
    *heartbeat
}

/// The gateway's answer.
fn respond(
    world: &mut World,
    sequence: u32,
    flags: Flags,
    counter: u32,
) -> (Result<(), Rejection>, Outcome) {
    let mut options = Options::new();
    options.push(RestartCounter(counter));
    let path = attach(MAG1).path();
    world.deliver(path, &message(path, Heartbeat { flags, sequence }, options))
}

fn life(world: &World) -> Life {
    world.lma.peers().find(|peer| peer.name.as_deref() == Some("mag1")).unwrap().heart.life()
}

fn is_unreachable(world: &World) -> bool {
    world.only_binding().state == State::Unreachable
}

fn is_lingering(world: &World) -> bool {
    matches!(world.only_binding().state, State::Lingering(_))
}

#[test]
fn a_gateway_is_asked_once_an_interval_while_it_has_sessions() {
    let (mut world, first) = asked();
    assert_eq!(respond(&mut world, first.sequence, Flags::R, 1).0, Ok(()));
    let outcome = world.wait(ms(59_999));
    assert!(outcome.sent.is_empty());
    let second = only_request(&world.wait(ms(1)));
    assert_eq!(second.sequence, first.sequence + 1);
    assert_eq!(respond(&mut world, second.sequence, Flags::R, 1).0, Ok(()));
    world.accepted(&attach(MAG1).deregister());
    world.wait(secs(10));
    assert!(world.wait(secs(600)).is_empty());
    assert_eq!(world.lma.poll_timeout(), None);
    assert_eq!(world.count("other_signalling.heartbeats_sent"), 2);
    assert_eq!(world.count("other_signalling.heartbeat_responses"), 2);
}

#[test]
fn nobody_is_asked_unless_the_settings_say_so() {
    let mut world = World::new();
    world.accepted(&attach(MAG1));
    assert!(heartbeats(&world.wait(secs(300))).is_empty());
}

#[test]
fn a_gateway_that_misses_more_than_allowed_is_down_and_its_sessions_are_others_to_take() {
    let (mut world, _) = heard();
    for _ in 0..3 {
        let outcome = world.wait(secs(3));
        only_request(&outcome);
        assert!(outcome.events.is_empty(), "three may be missed");
    }
    let outcome = world.wait(secs(3));
    assert!(matches!(outcome.what()[..], [What::PeerDown { .. }]), "{:?}", outcome.what());
    assert_eq!(outcome.forward(), &None);
    assert!(is_unreachable(&world));
    let (ack, _) = world.accepted(&attach(MAG2).handoff(4));
    assert_eq!(ack.prefixes(), ["2001:db8:100::/64"], "another gateway takes it over");
}

#[test]
fn the_sessions_of_a_gateway_that_stays_down_end_with_their_lifetimes() {
    let (mut world, _) = heard();
    world.wait(secs(12));
    assert!(is_unreachable(&world));
    let outcome = world.wait(secs(600));
    assert!(world.lma.is_empty() && outcome.forwards.is_empty());
    assert_eq!(world.moved("disconnects"), [("lifetime_expiry", 1)]);
    world.wait(secs(60));
    assert_eq!(world.lma.poll_timeout(), None, "there is nothing to ask for");
}

/// A gateway that is down, and the number of the last request to it.
fn down() -> (World, u32) {
    let (mut world, _) = heard();
    world.wait(secs(11));
    let last = only_request(&world.wait(secs(1))).sequence;
    assert!(is_unreachable(&world) && life(&world) == Life::Down);
    (world, last)
}

#[test]
fn a_gateway_that_answers_again_is_up_and_its_sessions_go_on() {
    let (mut world, last) = down();
    let (result, outcome) = respond(&mut world, last, Flags::R, 1);
    assert_eq!(result, Ok(()));
    assert!(matches!(outcome.what()[..], [What::PeerUp { .. }, What::Resumed { .. }]));
    assert!(outcome.forward().is_some() && world.only_binding().is_active());
}

#[test]
fn a_gateway_that_answers_again_after_a_restart_has_lost_its_sessions() {
    let (mut world, last) = down();
    let (_, outcome) = respond(&mut world, last, Flags::R, 2);
    assert!(matches!(outcome.what()[..], [What::PeerUp { .. }, What::PeerRestarted { .. }]));
    assert!(outcome.forwards.is_empty() && is_lingering(&world));
    world.wait(secs(10));
    assert_eq!(world.moved("disconnects"), [("other", 1)]);
}

#[test]
fn a_gateway_that_is_down_may_extend_its_session_or_give_it_up_or_be_left() {
    let (mut world, _) = down();
    let (_, outcome) = world.accepted(&attach(MAG1).handoff(5));
    assert!(matches!(outcome.what()[..], [What::Resumed { .. }]));
    assert!(world.only_binding().is_active());

    let (mut world, _) = down();
    let (_, outcome) = world.accepted(&attach(MAG1).deregister());
    assert!(outcome.forwards.is_empty() && is_lingering(&world));

    let (mut world, _) = down();
    let (_, outcome) = world.accepted(&attach(MAG2).handoff(3));
    assert_eq!(outcome.indication().path, attach(MAG1).path(), "it is told in case it hears");
    assert!(world.only_binding().is_active());
}

#[test]
fn a_session_of_a_gateway_that_is_down_can_be_revoked() {
    let (mut world, _) = down();
    assert_eq!(world.lma.clear_all(world.now), 1);
    let outcome = world.drain();
    assert_eq!(outcome.indications().len(), 1);
    assert!(outcome.forwards.is_empty(), "nothing was forwarded");
    world.wait(secs(3));
    assert!(world.lma.is_empty());
}

#[test]
fn a_gateway_that_has_never_answered_keeps_its_sessions_and_goes_on_being_asked() {
    let (mut world, _) = asked();
    for _ in 0..3 {
        assert!(world.wait(secs(3)).events.is_empty());
    }
    assert_eq!(life(&world), Life::Unknown);
    let outcome = world.wait(secs(3));
    assert!(matches!(outcome.what()[..], [What::PeerWithoutHeartbeat { .. }]));
    assert!(outcome.forwards.is_empty() && world.only_binding().is_active());
    assert_eq!(life(&world), Life::Silent);
    assert!(world.wait(secs(59)).sent.is_empty(), "it is asked once an interval");
    let request = only_request(&world.wait(secs(1)));
    let (_, outcome) = respond(&mut world, request.sequence, Flags::R, 1);
    assert!(matches!(outcome.what()[..], [What::PeerUp { .. }]));
    assert_eq!(life(&world), Life::Up);
    world.wait(secs(60 + 12));
    assert_eq!(life(&world), Life::Down, "who has answered once is missed");
    assert!(is_unreachable(&world));
}

#[test]
fn a_gateway_that_asks_knows_heartbeats_and_is_missed_when_it_does_not_answer() {
    let (mut world, _) = asked();
    respond(&mut world, 77, Flags::NONE, 1).0.unwrap();
    assert!(world.wait(secs(12)).what().iter().any(|w| matches!(w, What::PeerDown { .. })));
}

#[test]
fn an_answer_that_is_late_or_twice_is_dropped() {
    let (mut world, request) = asked();
    for (sequence, result) in [
        (request.sequence.wrapping_add(1), Err(Rejection::Discarded(Discard::Unexpected))),
        (request.sequence, Ok(())),
        (request.sequence, Err(Rejection::Discarded(Discard::Unexpected))),
    ] {
        assert_eq!(respond(&mut world, sequence, Flags::R, 1).0, result);
    }
}

#[test]
fn a_gateway_with_another_restart_counter_has_lost_the_sessions_it_had_before() {
    for unsolicited in [false, true] {
        let (mut world, request) = asked();
        respond(&mut world, request.sequence, Flags::R, 1).0.unwrap();
        let request = only_request(&world.wait(secs(60)));
        // Registered by the gateway's new life, before its counter was heard.
        world.accepted(&attach(MAG1).mn("new@x"));
        let (result, outcome) = match unsolicited {
            false => respond(&mut world, request.sequence, Flags::R, 2),
            true => respond(&mut world, 12_345, Flags::R | Flags::U, 2),
        };
        assert_eq!(result, Ok(()));
        assert!(outcome.sent.is_empty(), "§3.2: no response is necessary");
        assert!(matches!(outcome.what()[..], [What::PeerRestarted { .. }]));
        assert!(matches!(world.bindings_of(MN)[0].state, State::Lingering(_)));
        assert!(world.bindings_of("new@x")[0].is_active());
    }
}

#[test]
fn the_first_restart_counter_is_no_restart() {
    let (mut world, request) = asked();
    let (_, outcome) = respond(&mut world, request.sequence, Flags::R, 77);
    assert!(outcome.is_empty() && world.only_binding().is_active());
}

#[test]
fn a_gateway_that_does_not_know_the_message_is_never_asked_again() {
    let (mut world, _) = asked();
    let path = attach(MAG1).path();
    let error = |status| {
        let home_address = std::net::Ipv6Addr::UNSPECIFIED;
        message(path, BindingError { status, home_address }, Options::new())
    };
    let other = world.deliver(path, &error(BindingErrorStatus(1))).0;
    assert_eq!(other, Err(Rejection::Discarded(Discard::Unexpected)));
    let (result, outcome) = world.deliver(path, &error(BindingErrorStatus::UNRECOGNIZED_MH_TYPE));
    assert_eq!(result, Ok(()));
    assert!(matches!(outcome.what()[..], [What::PeerWithoutHeartbeat { .. }]));
    assert_eq!(life(&world), Life::Refused);
    world.accepted(&attach(MAG1).mn("b@x"));
    assert!(heartbeats(&world.wait(secs(500))).is_empty());
    let unasked = world.deliver(path, &error(BindingErrorStatus::UNRECOGNIZED_MH_TYPE)).0;
    assert_eq!(unasked, Err(Rejection::Discarded(Discard::Unexpected)));
}

#[test]
fn an_anchor_that_starts_again_says_so_with_its_counter() {
    let mut world = World::with(beating());
    let path = attach(MAG1).path();
    world.lma.announce_restart([path]);
    let outcome = world.drain();
    let [(to, heartbeat, options)] = &heartbeats(&outcome)[..] else { panic!("{outcome:?}") };
    assert_eq!((*to, heartbeat.flags), (path, Flags::R | Flags::U));
    assert_eq!(options.get::<RestartCounter>(), Some(RestartCounter(9)));
}

#[test]
fn requests_are_protected_and_so_must_answers_be() {
    let key = Key::new(0x67, b"0123456789abcdef");
    let authentication = Some(Authentication {
        key: key.clone(),
        home_address: AuthenticationHome::CareOf,
        updates_only: false,
    });
    let mut world = World::with(Settings { authentication, ..beating() });
    world.accepted(&attach(MAG1).signed(&key));
    let outcome = world.wait(secs(60));
    let mag = v6(MAG1).into();
    assert_eq!(verify(&outcome.sent[0].2, |_| Some(&key), mag, mag), AuthVerdict::Valid);
    let sequence = heartbeats(&outcome)[0].1.sequence;
    let result = respond(&mut world, sequence, Flags::R, 1).0;
    assert_eq!(result, Err(Rejection::Discarded(Discard::NotAuthenticated)));
}

#[test]
fn the_clock_of_a_gateway_starts_with_its_first_session_and_not_before() {
    let mut world = World::with(beating());
    assert!(world.wait(secs(600)).is_empty());
    world.accepted(&attach(MAG1));
    world.accepted(&attach(MAG1).mn("b@x"));
    assert!(heartbeats(&world.wait(ms(59_900))).is_empty());
    assert_eq!(heartbeats(&world.wait(ms(100))).len(), 1, "one for all of its sessions");
}
