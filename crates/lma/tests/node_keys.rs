//! Keys of nodes (RFC 4285): the profile of a node, or of its realm, goes before what is agreed
//! with its gateway.

mod kit;

use std::collections::BTreeMap;

use kedge_lma::{Authentication, AuthenticationHome, Denial, Discard, Profile, Service, Settings};
use kedge_wire::auth::{self, AuthVerdict, Key};
use kit::*;

fn of_all() -> Key {
    Key::new(0x100, b"everybody")
}

fn of_node() -> Key {
    Key::new(0x101, b"node")
}

fn of_realm() -> Key {
    Key::new(0x102, b"realm")
}

fn authentication(key: Key) -> Authentication {
    Authentication { key, home_address: AuthenticationHome::CareOf, updates_only: false }
}

/// An anchor with a key for all gateways, for one node and for one realm.
fn world() -> World {
    let with_key = |key| Profile {
        authentication: Some(authentication(key).into()),
        ..profile(Service::Dual)
    };
    World::with(Settings {
        authentication: Some(authentication(of_all())),
        profiles: BTreeMap::from([
            (MN.to_owned(), with_key(of_node())),
            ("@x".to_owned(), with_key(of_realm())),
        ]),
        ..settings()
    })
}

fn is_signed(ack: &Ack, key: &Key) -> bool {
    let care_of = v6(MAG1).into();
    auth::verify(&ack.bytes, |_| Some(key), care_of, care_of) == AuthVerdict::Valid
}

#[test]
fn a_nodes_key_goes_before_its_gateways_and_a_realms_is_that_of_its_nodes() {
    let mut world = world();
    for (nai, key) in [(MN, of_node()), ("b@x", of_realm()), ("c@y", of_all())] {
        let (ack, _) = world.accepted(&attach(MAG1).mn(nai).signed(&key));
        assert!(is_signed(&ack, &key), "{nai}");
    }
}

#[test]
fn the_gateways_key_does_not_do_for_a_node_with_a_key_and_the_denial_is_signed_with_the_nodes() {
    let mut world = world();
    let denial = world.denied(&attach(MAG1).signed(&of_all()), Denial::UnknownSpi);
    assert!(is_signed(&denial, &of_node()));
    world.denied(&attach(MAG1).signed(&Key::new(0x101, b"other")), Denial::AuthenticationFailed);
    world.discarded(&attach(MAG1), Discard::NotAuthenticated);
}

#[test]
fn a_node_may_have_a_key_where_gateways_have_none() {
    let mut world = world();
    let nobodys = Settings { authentication: None, ..world.lma.settings().clone() };
    world.lma.apply(nobodys, world.now);
    world.discarded(&attach(MAG1), Discard::NotAuthenticated);
    world.accepted(&attach(MAG1).signed(&of_node()));
    world.accepted(&attach(MAG1).mn("c@y"));
}
