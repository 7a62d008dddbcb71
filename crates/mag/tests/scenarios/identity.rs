//! Nodes that AAA says the identity of (RFC 6572 §5).

use std::collections::BTreeMap;

use kedge_mag::{Identity, Profile, Service, Settings, Unidentified};
use kedge_model::MacAddr;
use kedge_wire::MnIdOption;

use crate::world::*;

pub fn with_aaa() -> Settings {
    Settings { aaa: true, default_profile: None, ..settings() }
}

pub fn identity() -> Identity {
    let profile = Profile { service: Service::Ipv6, ..Profile::default() };
    Identity { mn_id: mn("mn9@example.com"), profile }
}

/// A gateway that has asked about the stranger.
fn asked() -> World {
    let mut world = World::new(with_aaa());
    world.solicit(IF1, STRANGER);
    assert_eq!(world.questions, [(IF1, STRANGER)]);
    assert_eq!(world.mag.sessions(), 0);
    world
}

impl World {
    fn identified(&mut self, answer: Result<Identity, Unidentified>) {
        self.input(|mag, now| mag.handle_identity(STRANGER, answer, now));
    }
}

#[test]
fn a_node_that_aaa_knows_is_registered_under_the_name_that_aaa_gives() {
    let mut world = asked();
    // While the question runs, what the node says asks nothing.
    world.solicit(IF1, STRANGER);
    assert_eq!(world.questions.len(), 1);
    world.identified(Ok(identity()));
    let update = world.take_one();
    let named = update.packet.options.get::<MnIdOption>().expect("an identifier").to_mn_id();
    assert_eq!(named, mn("mn9@example.com"));
    assert_eq!(world.count("mag_access", "identified"), 1);
    // A second answer is none.
    world.identified(Err(Unidentified::Refused));
    assert_eq!(world.mag.sessions(), 1);
    assert_eq!(world.count("mag_access", "identities_refused"), 0);
}

#[test]
fn a_refused_node_is_left_alone_for_a_while_and_an_unanswered_one_for_less() {
    let mut world = asked();
    world.identified(Err(Unidentified::Refused));
    world.pass(secs(299));
    world.solicit(IF1, STRANGER);
    assert_eq!(world.questions.len(), 1);
    world.pass(secs(2));
    world.solicit(IF1, STRANGER);
    assert_eq!(world.questions.len(), 2);
    world.identified(Err(Unidentified::Unanswered));
    world.pass(secs(11));
    world.solicit(IF1, STRANGER);
    assert_eq!(world.questions.len(), 3);
    let of = |name| world.count("mag_access", name);
    let counts = ["identities_asked", "identities_refused", "identities_unanswered"].map(of);
    assert_eq!(counts, [3, 1, 1]);
}

#[test]
fn a_node_of_the_table_is_not_asked_about_nor_anybody_without_aaa() {
    let profiles = BTreeMap::from([(mn("mn7@example.com"), Profile::default())]);
    let mut world = World::new(Settings { profiles, ..with_aaa() });
    world.solicit(IF1, NODE);
    assert_eq!((world.questions.len(), world.mag.sessions()), (0, 1));
    let mut world = World::new(settings());
    world.solicit(IF1, STRANGER);
    assert!(world.questions.is_empty());
}

#[test]
fn what_was_learned_outlives_a_commit_and_gives_way_to_the_table() {
    let mut world = asked();
    world.identified(Ok(identity()));
    assert_eq!(world.mag.ended_by(&with_aaa()).for_good, 0);
    world.input(|mag, now| mag.apply(with_aaa(), now));
    assert_eq!(world.mag.sessions(), 1);
    assert_eq!(world.mag.ended_by(&Settings { aaa: false, ..with_aaa() }).for_good, 1);
    let mut table = with_aaa();
    table.identities.insert(STRANGER, mn("own@example.com"));
    table.profiles.insert(mn("own@example.com"), Profile::default());
    assert_eq!(world.mag.ended_by(&table).to_begin_again, 1, "under its configured name");
}

#[test]
fn a_flood_of_addresses_asks_no_more_than_so_much_at_a_time() {
    let mut world = World::new(with_aaa());
    for n in 0..600_u16 {
        let [high, low] = n.to_be_bytes();
        world.solicit(IF1, MacAddr([2, 9, 0, 0, high, low]));
    }
    assert_eq!(world.questions.len(), 256);
    // Nobody answers: their time ends, and others have their turn.
    world.pass(secs(61));
    world.solicit(IF1, STRANGER);
    assert_eq!(world.questions.len(), 257);
    assert_eq!(world.count("mag_access", "identities_unanswered"), 256);
}
