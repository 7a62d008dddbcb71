//! Which gateways are known, how many, and for how long.

mod kit;

use kedge_lma::{Denial, Discard, Load, Peer, Rejection, Rhythm, Settings};
use kedge_model::{Lifetime, VrfId};
use kit::*;

const HOUR: std::time::Duration = secs(3_600);

/// Nobody is configured; two may be learned.
fn learning() -> World {
    let settings = Settings {
        peers: Vec::new(),
        dynamic_mag_learning: true,
        learned_mag_maximum: 2,
        lifetime: Lifetime::from_secs(100_000),
        ..settings()
    };
    World::with(settings)
}

/// The addresses of the gateways that are known.
fn known(world: &World) -> Vec<String> {
    world.lma.peers().flat_map(|peer| peer.addresses.iter().map(ToString::to_string)).collect()
}

fn leave(world: &mut World, mag: &str, nai: &str) {
    world.accepted(&attach(mag).mn(nai).deregister());
    world.wait(secs(10));
}

mod a_gateway_that_is_not_configured {
    use super::*;

    #[test]
    fn is_refused_without_learning_and_learned_with_it_by_an_accepted_update_alone() {
        let mut world = World::new();
        world.denied(&attach(STRANGER), Denial::UnknownMag);
        let mut world = learning();
        world.denied(&attach(STRANGER).time(Time::Off(-99)), Denial::TimestampMismatch);
        assert_eq!(known(&world), [""; 0]);
        world.accepted(&attach(STRANGER));
        assert_eq!(known(&world), [STRANGER]);
    }

    #[test]
    fn is_forgotten_an_hour_after_its_last_binding() {
        let mut world = learning();
        world.accepted(&attach(MAG1));
        world.accepted(&attach(MAG2).mn("b@x").lifetime(40_000));
        leave(&mut world, MAG1, MN);
        world.wait(HOUR - ms(1));
        assert_eq!(known(&world), [MAG1, MAG2]);
        world.moves(&["gateways.forgotten"], |world| world.wait(ms(1)));
        assert_eq!(known(&world), [MAG2]);
        leave(&mut world, MAG2, "b@x");
        world.wait(HOUR);
        assert_eq!((known(&world).len(), world.lma.poll_timeout()), (0, None));
    }

    #[test]
    fn is_not_forgotten_when_it_has_bindings_again() {
        let mut world = learning();
        world.accepted(&attach(MAG1));
        leave(&mut world, MAG1, MN);
        world.wait(HOUR / 2);
        world.accepted(&attach(MAG1).lifetime(40_000));
        world.wait(HOUR);
        assert_eq!(known(&world), [MAG1]);
    }

    #[test]
    fn gives_its_place_to_a_new_one_when_it_has_no_bindings() {
        let mut world = learning();
        world.accepted(&attach(MAG1));
        world.accepted(&attach(MAG2).mn("b@x"));
        leave(&mut world, MAG2, "b@x");
        leave(&mut world, MAG1, MN);
        world.accepted(&attach(STRANGER));
        assert_eq!(known(&world), [MAG1, STRANGER], "MAG2 had none for longer");
        assert_eq!(world.moved("gateways"), [("learned", 3), ("forgotten", 1)]);
    }

    #[test]
    fn is_refused_while_every_place_is_that_of_a_gateway_with_bindings() {
        let mut world = learning();
        world.accepted(&attach(MAG1));
        world.accepted(&attach(MAG2).mn("b@x"));
        let expected = [
            "binding_updates_received.total",
            "binding_updates_received.denied",
            "binding_updates_initial.received",
            "binding_updates_initial.denied",
            "binding_acks_sent.total",
            "binding_acks_sent.denied",
            "deny_reasons.insufficient_resources",
            "deny_insufficient_resources.no_memory",
        ];
        world.moves(&expected, |world| {
            world.denied(&attach(STRANGER).mn("c@x"), Denial::TooManyMags)
        });
        // Nor does a node of a known gateway go there.
        world.denied(&attach(STRANGER).handoff(3), Denial::TooManyMags);
        assert_eq!(world.only_binding_of(MN), v6(MAG1));
        assert_eq!(world.lma.usage("home").unwrap().1.unwrap().taken, 2, "nothing is held for it");
        world.accepted(&attach(MAG1).mn("d@x"));
        leave(&mut world, MAG2, "b@x");
        world.accepted(&attach(STRANGER).mn("c@x"));
    }

    #[test]
    fn leaves_no_heartbeat_when_it_gives_its_place_away() {
        let rhythm = Rhythm { interval: secs(60), timeout: secs(3), allowed: 3 };
        let mut world = World::with(Settings {
            peers: Vec::new(),
            dynamic_mag_learning: true,
            learned_mag_maximum: 1,
            heartbeat: Some(rhythm),
            ..settings()
        });
        world.accepted(&attach(MAG1));
        leave(&mut world, MAG1, MN);
        world.accepted(&attach(MAG2));
        let sent = world.wait(secs(61)).sent;
        assert_eq!(sent.len(), 1, "one timer, one request");
        assert_eq!(sent[0].0.peer.ip(), v6(MAG2));
    }
}

mod other_settings {
    use super::*;

    fn peer(name: &str, addresses: &[&str]) -> Peer {
        let addresses = addresses.iter().map(|a| a.parse().unwrap()).collect();
        let (authentication, encapsulation, dscp) = (None, None, None);
        let (name, transport) = (name.to_owned(), VrfId::DEFAULT);
        Peer { name, transport, addresses, authentication, encapsulation, dscp }
    }

    fn names(world: &World) -> Vec<(Option<&str>, u32)> {
        world.lma.peers().map(|peer| (peer.name.as_deref(), peer.bindings)).collect()
    }

    #[test]
    fn take_the_right_to_register_from_an_address_that_they_do_not_name() {
        let mut world = World::new();
        world.accepted(&attach(MAG1_V4));
        world.lma.apply(Settings { peers: vec![peer("mag1", &[MAG1])], ..settings() }, world.now);
        world.drain_acknowledging();
        world.denied(&attach(MAG1_V4).mn("b@x"), Denial::UnknownMag);
        world.accepted(&attach(MAG1).mn("b@x"));
    }

    #[test]
    fn part_a_gateway_in_two_and_each_has_the_bindings_of_its_address() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        world.accepted(&attach(MAG1_V4).mn("b@x"));
        let peers = vec![peer("one", &[MAG1]), peer("two", &[MAG1_V4])];
        world.lma.apply(Settings { peers, ..settings() }, world.now);
        assert_eq!(names(&world), [(Some("one"), 1), (Some("two"), 1)]);
        let told = |outcome: Outcome| outcome.indications().len();
        let moved = attach(MAG1_V4).handoff(3);
        assert_eq!(told(world.accepted(&moved).1), 1, "they are two gateways now");
    }

    #[test]
    fn join_two_gateways_and_a_node_between_them_has_not_moved() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        world.accepted(&attach(MAG2).mn("b@x"));
        let peers = vec![peer("both", &[MAG1, MAG2])];
        world.lma.apply(Settings { peers, ..settings() }, world.now);
        assert_eq!(names(&world), [(Some("both"), 2)]);
        let (_, outcome) = world.accepted(&attach(MAG1).mn("b@x").handoff(3));
        assert!(outcome.indications().is_empty());
    }

    #[test]
    fn forget_a_gateway_without_bindings_and_keep_one_with_some_until_they_end() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        world.lma.apply(Settings { peers: Vec::new(), ..settings() }, world.now);
        assert_eq!(names(&world), [(None, 1)], "its binding is being revoked");
        world.wait(secs(3));
        assert!(world.lma.is_empty());
        assert_eq!((names(&world).len(), world.lma.poll_timeout()), (0, None));
    }
}

mod an_anchor_that_is_behind {
    use super::*;

    const NEW: [&str; 2] = ["binding_updates_received.total", "binding_updates_initial.received"];

    #[test]
    fn denies_new_sessions_and_does_everything_for_those_there_are() {
        for load in [Load::Busy, Load::Saturated] {
            let mut world = World::new();
            world.accepted(&attach(MAG1));
            world.accepted(&attach(MAG1).mn("b@x"));
            world.lma.set_load(load);
            world.accepted(&attach(MAG1).handoff(5));
            world.accepted(&attach(MAG2).handoff(3));
            world.accepted(&attach(MAG1).mn("b@x").deregister());
            let (result, outcome) = world.send(&attach(MAG1).mn("c@x"));
            assert!(result.is_err() && outcome.sent.len() < 2, "{load:?}");
            world.lma.set_load(Load::Normal);
            world.accepted(&attach(MAG1).mn("c@x"));
        }
    }

    #[test]
    fn denies_them_with_130_while_it_is_busy() {
        let mut world = World::new();
        world.lma.set_load(Load::Busy);
        let denied = [
            "binding_updates_received.denied",
            "binding_updates_initial.denied",
            "binding_acks_sent.total",
            "binding_acks_sent.denied",
            "deny_reasons.insufficient_resources",
            "deny_insufficient_resources.input_queue_exceeded",
        ];
        let ack = world.moves(&[&NEW[..], &denied].concat(), |world| {
            world.denied(&attach(MAG1), Denial::Congestion)
        });
        assert_eq!(ack.status().0, 130);
    }

    #[test]
    fn drops_them_while_it_is_saturated() {
        let mut world = World::new();
        world.lma.set_load(Load::Saturated);
        let dropped = ["binding_updates_received.discarded", "discard_reasons.congestion"];
        world.moves(&[&NEW[..], &dropped].concat(), |world| {
            world.discarded(&attach(MAG1), Discard::Congestion);
        });
        // A wait for another gateway's de-registration is a new session's too.
        world.lma.set_load(Load::Normal);
        world.accepted(&attach(MAG1));
        world.lma.set_load(Load::Saturated);
        let unknown = attach(MAG2).handoff(4).link_layer_id(&[2, 0, 0, 0, 0, 2]);
        let (result, outcome) = world.send(&unknown);
        assert_eq!(result, Err(Rejection::Discarded(Discard::Congestion)));
        assert!(outcome.is_empty() && world.lma.pending() == 0);
    }
}
