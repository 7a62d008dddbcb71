//! How fast updates are sent (RFC 6275 §11.8).

use std::collections::BTreeSet;
use std::time::Duration;

use kedge_mag::{BindingState, LinkState, Settings};
use kedge_model::{Ipv6Net, MacAddr, MnId};
use kedge_wire::registry::Status;
use kedge_wire::{HomeNetworkPrefix, MnIdOption};

use crate::world::*;

const NODES: u16 = 1000;
/// Exchanges that an anchor is given at a time.
const WINDOW: usize = 256;

fn mac(node: u16) -> MacAddr {
    let [high, low] = node.to_be_bytes();
    MacAddr([2, 0, 0, 1, high, low])
}

fn crowd() -> World {
    let mut settings = Settings { max_bindings: 10_000, ..settings() };
    for node in 0..NODES {
        settings.identities.insert(mac(node), mn(&format!("n{node}@example.com")));
    }
    World::new(settings)
}

/// Everybody attaches in the same moment.
fn arrive(world: &mut World) {
    for node in 0..NODES {
        world.input(|mag, now| mag.attach(IF1, mac(node), now));
    }
}

/// The node that an update is about.
fn who(update: &Sent) -> MnId {
    update.packet.options.get::<MnIdOption<'_>>().unwrap().to_mn_id()
}

/// The anchor accepts an update with a prefix of the node's own.
fn accept(world: &mut World, update: &Sent) {
    let mut options = update.echo();
    let nai = update.packet.options.get::<MnIdOption<'_>>().unwrap();
    let nai = std::str::from_utf8(nai.identifier()).unwrap().to_owned();
    let number: u16 = nai.trim_start_matches('n').split('@').next().unwrap().parse().unwrap();
    let prefix: Ipv6Net = format!("2001:db8:5:{number:x}::/64").parse().unwrap();
    options.push(HomeNetworkPrefix::new(prefix));
    world.answer(update, Status::ACCEPTED, 3600, options);
}

fn active(world: &World) -> usize {
    let views = world.mag.bindings(world.now().mono);
    views.filter(|view| view.state == BindingState::Active).count()
}

#[test]
fn thousands_of_nodes_that_attach_at_once_are_registered_at_the_anchors_own_pace() {
    let mut world = crowd();
    arrive(&mut world);
    assert_eq!(world.sent.len(), WINDOW, "the others wait");
    let mut answered = 0;
    while !world.sent.is_empty() {
        let update = world.sent.remove(0);
        accept(&mut world, &update);
        world.frames.clear();
        answered += 1;
        let open = world.sent.len();
        assert!(open <= WINDOW, "{open} are open after {answered} answers");
    }
    assert_eq!((answered, active(&world)), (usize::from(NODES), usize::from(NODES)));
    assert_eq!(world.count("mag_binding_updates_sent", "initial"), NODES.into());
    assert_eq!(world.count("mag_binding_updates_sent", "initial_retransmitted"), 0);
}

#[test]
fn nodes_that_the_anchor_ignores_do_not_keep_the_others_out() {
    let mut world = crowd();
    arrive(&mut world);
    let ignored: BTreeSet<MnId> = world.sent.drain(..).map(|sent| who(&sent)).collect();
    assert_eq!(ignored.len(), WINDOW);
    for _ in 0..40 {
        world.pass(Duration::from_millis(100));
        let sent: Vec<Sent> = world.sent.drain(..).collect();
        for update in sent {
            if !ignored.contains(&who(&update)) {
                accept(&mut world, &update);
            }
        }
        world.frames.clear();
    }
    assert_eq!(active(&world), usize::from(NODES) - WINDOW);
}

#[test]
fn an_anchor_that_is_silent_is_not_flooded() {
    let mut world = crowd();
    arrive(&mut world);
    let mut most = world.sent.len();
    for _ in 0..120 {
        world.sent.clear();
        world.pass(secs(1));
        most = most.max(world.sent.len());
    }
    assert!(most <= 3 * WINDOW, "{most} updates within a second");
}

#[test]
fn a_node_that_waits_for_its_turn_and_leaves_is_not_the_anchors_business() {
    let mut world = crowd();
    arrive(&mut world);
    world.input(|mag, now| mag.handle_link(IF1, LinkState::Down, now));
    world.pass(secs(300));
    let known: BTreeSet<MnId> = world.sent.iter().map(who).collect();
    assert_eq!(known.len(), WINDOW, "those that were told of are told to have left");
    assert!(world.mag.is_idle());
}

#[test]
fn a_node_that_comes_and_goes_causes_three_updates_a_second_and_the_last_word_is_true() {
    for ends_up in [true, false] {
        let mut world = World::new(settings());
        for _ in 0..20 {
            world.input(|mag, now| mag.handle_link(IF1, LinkState::Up, now));
            world.solicit(IF1, NODE);
            world.pass(Duration::from_millis(20));
            world.input(|mag, now| mag.handle_link(IF1, LinkState::Down, now));
            world.pass(Duration::from_millis(20));
        }
        if ends_up {
            world.input(|mag, now| mag.handle_link(IF1, LinkState::Up, now));
            world.solicit(IF1, NODE);
        }
        assert_eq!(world.sent.len(), 3, "within 800 milliseconds");
        world.pass(secs(1));
        let last = world.sent.last().unwrap().update();
        assert_eq!(!last.lifetime.is_zero(), ends_up);
    }
}
