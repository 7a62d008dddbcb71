//! Whether anchors live, and whether they remember: RFC 5847 §3.

use std::time::Duration;

use kedge_mag::{Event, Profile, Settings};
use kedge_sansio::Rhythm;
use kedge_wire::registry::BindingErrorStatus;
use kedge_wire::{
    BindingError, Heartbeat, HeartbeatFlags as Flags, Message, Options, Packet, RestartCounter,
};

use crate::world::*;

fn beating() -> Settings {
    let heartbeat = Some(Rhythm { interval: secs(60), timeout: secs(3), allowed: 3 });
    Settings { heartbeat, ..settings() }
}

/// A gateway with one session, and the first request to its anchor.
fn asked() -> (World, Heartbeat) {
    let mut world = World::with_active_node(beating());
    world.pass(secs(60));
    let request = take_request(&mut world);
    (world, request)
}

#[track_caller]
fn take_request(world: &mut World) -> Heartbeat {
    let sent = world.take_one();
    let Message::Heartbeat(heartbeat) = sent.packet.message else { panic!("{sent:?}") };
    assert_eq!(sent.path, path_from("2001:db8::1"));
    assert_eq!((heartbeat.flags, sent.packet.options.iter().count()), (Flags::NONE, 0));
    heartbeat
}

fn respond(world: &mut World, flags: Flags, sequence: u32, counter: u32) {
    let mut options = Options::new();
    options.push(RestartCounter(counter));
    let message = Message::Heartbeat(Heartbeat { flags, sequence });
    world.deliver(path_from("2001:db8::1"), &Packet { message, options });
}

#[test]
fn an_anchor_is_asked_once_an_interval_while_it_has_sessions() {
    let (mut world, first) = asked();
    respond(&mut world, Flags::R, first.sequence, 1);
    world.pass(Duration::from_millis(59_999));
    assert!(world.sent.is_empty());
    world.pass(Duration::from_millis(1));
    let second = take_request(&mut world);
    assert_eq!(second.sequence, first.sequence + 1);
    respond(&mut world, Flags::R, second.sequence, 1);
    world.input(|mag, now| assert_eq!(mag.clear_all(now), 1));
    world.pass(secs(300));
    assert!(world.sent.iter().all(|s| !matches!(s.packet.message, Message::Heartbeat(_))));
    assert_eq!(world.count("mag_other_signalling", "heartbeats_sent"), 2);
    assert_eq!(world.count("mag_other_signalling", "heartbeat_responses"), 2);
}

/// Two anchors with sessions, the first with a rhythm of its own, if one is given; the times, in
/// seconds, at which each was asked within two minutes.
fn asked_within_two_minutes(own: Option<Rhythm>, others: Option<Rhythm>) -> [Vec<u64>; 2] {
    let settings = two_anchors();
    let mut settings = with_lma(settings, |lma| lma.heartbeat = own);
    settings.heartbeat = others;
    let at_the_second = Profile { lma: Some("LMA2".to_owned()), ..Profile::default() };
    settings.profiles.insert(mn("mn8@example.com"), at_the_second);
    let mut world = World::with_active_node(settings);
    world.solicit(IF2, OTHER_NODE);
    let update = world.take_one();
    world.accept(&update);
    let mut asked = [Vec::new(), Vec::new()];
    for second in 1..=120 {
        world.pass(secs(1));
        for sent in std::mem::take(&mut world.sent) {
            let Message::Heartbeat(request) = sent.packet.message else { panic!("{sent:?}") };
            asked[usize::from(sent.path != path_from("2001:db8::1"))].push(second);
            let mut options = Options::new();
            options.push(RestartCounter(1));
            let response = Heartbeat { flags: Flags::R, ..request };
            let message = Message::Heartbeat(response);
            world.deliver(sent.path, &Packet { message, options });
        }
    }
    asked
}

#[test]
fn an_anchor_with_a_rhythm_of_its_own_is_asked_by_it_and_the_others_by_the_gateways() {
    let own = Rhythm { interval: secs(50), timeout: secs(3), allowed: 3 };
    let others = Rhythm { interval: secs(40), timeout: secs(3), allowed: 3 };
    let asked = asked_within_two_minutes(Some(own), Some(others));
    assert_eq!(asked, [vec![50, 100], vec![40, 80, 120]]);
    assert_eq!(asked_within_two_minutes(Some(own), None), [vec![50, 100], vec![]]);
}

#[test]
fn a_rhythm_of_its_own_decides_when_an_anchor_is_down() {
    let rhythm = Rhythm { interval: secs(60), timeout: secs(2), allowed: 0 };
    let settings = with_lma(beating(), |lma| lma.heartbeat = Some(rhythm));
    let mut world = World::with_active_node(settings);
    world.pass(Duration::from_millis(61_999));
    assert!(!world.events.iter().any(|e| matches!(e, Event::PeerDown { .. })));
    world.pass(Duration::from_millis(1));
    assert!(world.events.iter().any(|e| matches!(e, Event::PeerDown { .. })));
}

#[test]
fn a_restart_is_announced_to_the_anchors_that_heartbeats_are_exchanged_with() {
    let rhythm = beating().heartbeat;
    let mut settings = with_lma(two_anchors(), |lma| lma.heartbeat = rhythm);
    let announced = |settings: &Settings| {
        let mut world = World::new(settings.clone());
        world.input(|mag, _| mag.announce_restart());
        world.sent.iter().map(|sent| sent.path.peer.ip().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(announced(&settings), ["2001:db8::1"]);
    settings.heartbeat = rhythm;
    assert_eq!(announced(&settings), ["2001:db8::1", "2001:db8::2"]);
}

#[test]
fn an_anchor_that_misses_more_than_allowed_is_reported_and_so_is_its_return() {
    let (mut world, _) = asked();
    let mut last = 0;
    for _ in 0..4 {
        assert!(!world.events.iter().any(|e| matches!(e, Event::PeerDown { .. })));
        world.pass(secs(3));
        last = take_request(&mut world).sequence;
    }
    assert!(world.events.iter().any(|e| matches!(e, Event::PeerDown { .. })));
    assert_eq!(world.forwarding.len(), 1, "the session has its lifetime");
    world.pass(secs(30));
    assert!(world.sent.is_empty(), "one that is down is asked once an interval");
    respond(&mut world, Flags::R, last, 1);
    assert!(world.events.iter().any(|e| matches!(e, Event::PeerUp { .. })));
}

#[test]
fn an_anchor_that_has_restarted_is_told_of_every_node_again() {
    for unsolicited in [false, true] {
        let (mut world, first) = asked();
        respond(&mut world, Flags::R, first.sequence, 1);
        if unsolicited {
            respond(&mut world, Flags::R | Flags::U, 4_711, 2);
        } else {
            world.pass(secs(60));
            let second = take_request(&mut world);
            respond(&mut world, Flags::R, second.sequence, 2);
        }
        assert!(world.events.iter().any(|e| matches!(e, Event::PeerRestarted { .. })));
        world.pass(secs(1));
        let update = world.sent.remove(0);
        assert_eq!(update.update().lifetime.secs(), settings().registration.lifetime.secs());
        assert_eq!(update.prefixes(), [PREFIX.parse().unwrap()], "what the node has");
    }
}

#[test]
fn an_anchor_that_does_not_know_the_message_is_never_asked_again() {
    let (mut world, _) = asked();
    let status = BindingErrorStatus::UNRECOGNIZED_MH_TYPE;
    let home_address = std::net::Ipv6Addr::UNSPECIFIED;
    let message = Message::BindingError(BindingError { status, home_address });
    world.deliver(path_from("2001:db8::1"), &Packet { message, options: Options::new() });
    world.pass(secs(100));
    assert!(world.sent.is_empty());
    world.solicit(IF2, OTHER_NODE);
    let update = world.take_one();
    world.accept(&update);
    world.pass(secs(70));
    assert!(world.sent.is_empty());
}

#[test]
fn a_gateway_that_starts_again_says_so_with_its_counter() {
    let mut world = World::new(beating());
    world.input(|mag, _| mag.announce_restart());
    let sent = world.take_one();
    let heartbeat = Heartbeat { flags: Flags::R | Flags::U, sequence: 0 };
    assert_eq!(sent.packet.message, Message::Heartbeat(heartbeat));
    assert_eq!(sent.packet.options.get::<RestartCounter>(), Some(RestartCounter(5)));
    assert_eq!(sent.path, path_from("2001:db8::1"));
}
