//! What gateways are told to do (RFC 8127 §5.1).

mod kit;

use kedge_lma::{Denial, Rhythm, Settings};
use kedge_wire::{BuFlags, HeartbeatControl, LmaControlledMagParameters};
use kit::*;

fn world(heartbeat: Option<Rhythm>, impose_heartbeat: bool) -> World {
    World::with(Settings { heartbeat, impose_heartbeat, ..settings() })
}

const RHYTHM: Rhythm = Rhythm { interval: secs(90), timeout: secs(4), allowed: 2 };

#[test]
fn every_acceptance_says_the_heartbeat_values_while_they_are_imposed() {
    let mut world = world(Some(RHYTHM), true);
    let heartbeat =
        HeartbeatControl { interval: 90, retransmission_delay: 4, max_retransmissions: 2 };
    let told = LmaControlledMagParameters { heartbeat: Some(heartbeat), reregistration: None };
    for update in [attach(MAG1), attach(MAG1).handoff(5), attach(MAG2).handoff(3)] {
        assert_eq!(world.accepted(&update).0.options.get(), Some(told));
    }
    let settings = Settings { impose_heartbeat: false, ..world.lma.settings().clone() };
    world.lma.apply(settings, world.now);
    let (answer, _) = world.accepted(&attach(MAG2).handoff(5));
    assert_eq!(answer.options.get::<LmaControlledMagParameters>(), None);
}

#[test]
fn nothing_is_said_of_heartbeats_that_there_are_none_of_or_that_are_not_imposed() {
    for (heartbeat, impose) in [(None, true), (Some(RHYTHM), false)] {
        let (answer, _) = world(heartbeat, impose).accepted(&attach(MAG1));
        assert_eq!(answer.options.get::<LmaControlledMagParameters>(), None);
    }
}

#[test]
fn neither_a_denial_nor_the_end_of_a_binding_says_them() {
    let mut world = world(Some(RHYTHM), true);
    let denial = world.denied(&attach(MAG1).flags(BuFlags::A), Denial::HomeBitNotSet);
    assert_eq!(denial.options.get::<LmaControlledMagParameters>(), None);
    world.accepted(&attach(MAG1));
    let (farewell, _) = world.accepted(&attach(MAG1).handoff(4).deregister());
    assert_eq!(farewell.options.get::<LmaControlledMagParameters>(), None);
}
