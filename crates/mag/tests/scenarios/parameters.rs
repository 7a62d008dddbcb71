//! What an anchor wants in place of what is configured (RFC 8127 §5.2).

use std::time::Duration;

use kedge_mag::Settings;
use kedge_sansio::Rhythm;
use kedge_wire::{
    HeartbeatControl, LmaControlledMagParameters as Parameters, Message, ReregistrationControl,
};

use crate::world::*;

const HEARTBEAT: HeartbeatControl =
    HeartbeatControl { interval: 90, retransmission_delay: 7, max_retransmissions: 2 };
const REREGISTRATION: ReregistrationControl =
    ReregistrationControl { start_time: 50, initial_retransmission: 3, max_retransmission: 6 };

/// The anchor accepts, with a lifetime of an hour, and wants this.
fn accept(world: &mut World, update: &Sent, parameters: Parameters) {
    world.accept_with(update, 3600, |options| options.push(parameters));
}

/// A gateway with a session that was accepted with these.
fn accepted(settings: Settings, parameters: Parameters) -> World {
    let mut world = World::new(settings);
    world.solicit(IF1, NODE);
    let update = world.take_one();
    accept(&mut world, &update, parameters);
    world
}

fn heartbeat(control: HeartbeatControl) -> Parameters {
    Parameters { heartbeat: Some(control), reregistration: None }
}

/// The seconds until the next message, which is a heartbeat.
#[track_caller]
fn next_heartbeat(world: &mut World) -> u64 {
    let before = world.now().mono;
    world.pass_until_sent();
    let sent = world.take_one();
    assert!(matches!(sent.packet.message, Message::Heartbeat(_)), "{sent:?}");
    world.now().mono.duration_since(before).as_secs()
}

#[test]
fn an_anchor_that_wants_heartbeats_is_asked_as_it_says_whatever_is_configured() {
    let rhythm = |seconds| Rhythm { interval: secs(seconds), timeout: secs(3), allowed: 9 };
    let local = with_lma(settings(), |lma| lma.heartbeat = Some(rhythm(30)));
    for settings in [settings(), Settings { heartbeat: Some(rhythm(60)), ..settings() }, local] {
        let mut world = accepted(settings, heartbeat(HEARTBEAT));
        assert_eq!(next_heartbeat(&mut world), 90);
        let missing = [(); 3].map(|()| next_heartbeat(&mut world));
        assert_eq!(missing, [7; 3]);
        assert_eq!(world.count("mag_other_signalling", "anchors_down"), 1, "two may be missed");
    }
}

#[test]
fn an_anchor_that_does_not_mind_any_more_is_asked_as_configured() {
    let configured = Rhythm { interval: secs(200), timeout: secs(3), allowed: 3 };
    let wanted = HeartbeatControl { interval: 3000, ..HEARTBEAT };
    let settings = Settings { heartbeat: Some(configured), ..settings() };
    let mut world = accepted(settings, heartbeat(wanted));
    world.pass(secs(300));
    let refresh = world.take_one();
    accept(&mut world, &refresh, heartbeat(HEARTBEAT));
    assert_eq!(next_heartbeat(&mut world), 90, "another wish holds at once");
    let lma = world.mag.settings().lmas["LMA1"].clone();
    assert_eq!(world.mag.heartbeat_of(&lma).map(|rhythm| rhythm.interval), Some(secs(90)));
    world.pass(secs(210));
    let refresh = world.sent.pop().expect("a refresh");
    world.accept(&refresh);
    assert_eq!(world.mag.heartbeat_of(&lma), Some(configured));
}

#[test]
fn a_session_is_refreshed_when_the_anchor_wants_it_and_as_often_as_it_says() {
    let wanted = Parameters { reregistration: Some(REREGISTRATION), heartbeat: None };
    let mut world = accepted(settings(), wanted);
    world.pass(secs(3399));
    assert!(world.sent.is_empty(), "the configured 300 s do not count");
    world.pass(secs(1));
    world.take_one();
    for wait in [3, 6, 6] {
        world.pass(secs(wait) - Duration::from_millis(1));
        assert!(world.sent.is_empty());
        world.pass(Duration::from_millis(1));
        world.take_one();
    }
}

#[test]
fn a_refresh_that_would_be_due_before_the_session_began_is_due_half_way() {
    let control = ReregistrationControl { start_time: 901, ..REREGISTRATION };
    let wanted = Parameters { reregistration: Some(control), heartbeat: None };
    let mut world = accepted(settings(), wanted);
    world.pass(secs(1799));
    assert!(world.sent.is_empty());
    world.pass(secs(1));
    world.take_one();
}

#[test]
fn an_acknowledgement_with_a_zero_is_ignored_and_counted() {
    let reregistration = |control| Parameters { reregistration: Some(control), heartbeat: None };
    let zeros = [
        heartbeat(HeartbeatControl { interval: 0, ..HEARTBEAT }),
        heartbeat(HeartbeatControl { max_retransmissions: 0, ..HEARTBEAT }),
        reregistration(ReregistrationControl { start_time: 0, ..REREGISTRATION }),
        reregistration(ReregistrationControl { initial_retransmission: 0, ..REREGISTRATION }),
        reregistration(ReregistrationControl { max_retransmission: 0, ..REREGISTRATION }),
    ];
    for wanted in zeros {
        let mut world = accepted(settings(), wanted);
        assert!(world.forwarding.is_empty(), "{wanted:?}");
        assert_eq!(world.count("mag_discards", "zero_parameters"), 1);
        world.pass(secs(1));
        world.take_one();
    }
    // §5.2 leaves this one out.
    let at_once = HeartbeatControl { retransmission_delay: 0, ..HEARTBEAT };
    let mut world = accepted(settings(), heartbeat(at_once));
    assert_eq!(world.forwarding.len(), 1);
    assert_eq!([(); 2].map(|()| next_heartbeat(&mut world)), [90, 1]);
}
