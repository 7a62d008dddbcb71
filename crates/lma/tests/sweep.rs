//! Orders about very many bindings, which are carried out by the slice.

mod kit;

use kedge_lma::{Discard, Settings};
use kedge_wire::registry::RevocationStatus as Status;
use kit::*;

const MANY: usize = 1_000;

/// An anchor with very many bindings at one gateway.
fn crowded() -> World {
    let networks = [("home".to_owned(), network(16, 40))].into();
    let mut world = World::with(Settings { networks, bce_maximum: 10_000, ..settings() });
    for number in 0..MANY {
        world.accepted(&attach(MAG1).mn(&node(number)));
    }
    world
}

fn node(number: usize) -> String {
    format!("n{number}@example.com")
}

/// What is due before a millisecond has passed, and by how many turns.
fn turns(world: &mut World) -> (usize, Outcome) {
    let (end, mut turns) = (world.now.mono + ms(1), 0);
    let mut outcome = Outcome::default();
    while let Some(due) = world.lma.poll_timeout().filter(|due| *due <= end) {
        turns += 1;
        world.advance(due.saturating_duration_since(world.now.mono));
        world.lma.handle_timeout(world.now);
        outcome.join(world.drain());
    }
    (turns, outcome)
}

#[test]
fn between_the_slices_of_an_order_others_are_served_and_those_it_is_about_are_not_extended() {
    let mut world = crowded();
    assert_eq!(world.lma.clear_all(world.now), MANY);
    let mut outcome = world.drain();
    let bri = outcome.indication();
    let first = outcome.forwards.len();
    assert!(first > 0 && first <= MANY / 4, "{first} in the first slice");
    let last = attach(MAG1).mn(&node(MANY - 1)).handoff(5);
    world.discarded(&last, Discard::RevocationPending);
    world.accepted(&attach(MAG2).mn("new@example.com"));
    let (slices, rest) = turns(&mut world);
    assert!(slices >= 3, "{slices} slices");
    assert!(rest.indications().is_empty(), "the gateway is told once");
    outcome.join(rest);
    let ended = outcome.forwards.iter().filter(|(_, want)| want.is_none()).count();
    assert_eq!(ended, MANY);
    world.acknowledge(&bri, Status::SUCCESS).0.unwrap();
    assert!(world.lma.len() as usize > MANY / 2, "they end by the slice, too");
    world.accepted(&attach(MAG2).mn("new@example.com").handoff(5));
    assert!(turns(&mut world).0 >= 3);
    assert!(world.only_binding().is_active());
    assert_eq!(world.moved("disconnects"), [("admin_drops", MANY as u64)]);
}

#[test]
fn what_comes_in_the_very_moment_of_an_order_is_not_its_business() {
    let mut world = crowded();
    world.lma.clear_all(world.now);
    let bri = world.drain().indication();
    let new = attach(MAG2).mn("new@example.com");
    let bytes = new.bytes(world.now, 1);
    assert_eq!(world.deliver(new.path(), &bytes).0, Ok(()));
    turns(&mut world);
    world.acknowledge(&bri, Status::SUCCESS).0.unwrap();
    turns(&mut world);
    assert!(world.only_binding().is_active());
}

#[test]
fn an_answer_before_the_last_slice_ends_them_all() {
    let mut world = crowded();
    assert_eq!(world.lma.clear_peer("mag1", world.now), MANY);
    let bri = world.drain().indication();
    world.acknowledge(&bri, Status::SUCCESS).0.unwrap();
    turns(&mut world);
    assert_nothing_left(&mut world);
}

#[test]
fn a_refusal_is_followed_by_a_message_about_each_by_the_slice() {
    let mut world = crowded();
    let realm = "example.com";
    assert_eq!(world.lma.clear_realm(Default::default(), realm, world.now), MANY);
    let bri = world.drain().indication();
    turns(&mut world);
    let refusal = Status::REVOCATION_FUNCTION_NOT_SUPPORTED;
    let (_, mut outcome) = world.acknowledge(&bri, refusal);
    assert!(outcome.indications().len() <= MANY / 4);
    outcome.join(turns(&mut world).1);
    let each = outcome.indications();
    assert_eq!(each.len(), MANY);
    for bri in &each {
        world.acknowledge(bri, Status::SUCCESS).0.unwrap();
    }
    assert_nothing_left(&mut world);
}

#[test]
fn other_settings_find_no_order_half_done() {
    let mut world = crowded();
    world.lma.clear_all(world.now);
    let settings = world.lma.settings().clone();
    assert_eq!(world.lma.apply(settings, world.now), 0);
    assert!(world.lma.bindings().all(|binding| !binding.is_active()));
}
