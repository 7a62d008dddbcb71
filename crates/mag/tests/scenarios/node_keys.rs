//! Keys of nodes (RFC 4285): the profile of a node goes before what is agreed with its anchor.

use std::net::IpAddr;

use kedge_mag::{Auth, AuthHome, Profile, Service, Settings};
use kedge_wire::auth::{self, AuthVerdict, Key};
use kedge_wire::registry::Status;
use kedge_wire::{
    BaFlags, BindingAcknowledgement, Heartbeat, HeartbeatFlags, HomeNetworkPrefix, Message,
    Options, Packet,
};

use crate::world::*;

fn of_anchor() -> Key {
    Key::new(0x100, b"everybody")
}

fn of_node() -> Key {
    Key::new(0x101, b"node")
}

fn auth_with(key: Key) -> Auth {
    Auth { key, home: AuthHome::CareOf, updates_only: false }
}

/// A key for the first node, and one for all that its anchor says of others.
fn keys() -> Settings {
    let mut settings = with_lma(settings(), |lma| lma.auth = Some(auth_with(of_anchor())));
    let with_key =
        Profile { service: Service::Ipv6, auth: Some(auth_with(of_node())), ..Profile::default() };
    settings.profiles.insert(mn("mn7@example.com"), with_key);
    settings
}

fn care_of() -> IpAddr {
    "2001:db8::11".parse().unwrap()
}

fn is_signed(sent: &Sent, key: &Key) -> bool {
    auth::verify(&sent.bytes, |_| Some(key), care_of(), care_of()) == AuthVerdict::Valid
}

fn accept_signed(world: &mut World, update: &Sent, prefix: &str, key: &Key) {
    let mut options = update.echo();
    options.push(HomeNetworkPrefix::new(prefix.parse().unwrap()));
    let message = BindingAcknowledgement {
        status: Status::ACCEPTED,
        flags: BaFlags::P,
        sequence: update.update().sequence,
        lifetime: kedge_model::Lifetime::from_secs(3600),
    };
    let mut bytes = Vec::new();
    Packet { message: Message::BindingAcknowledgement(message), options }.encode(&mut bytes);
    auth::sign(&mut bytes, 0, key, care_of(), care_of());
    world.deliver_bytes(update.path, bytes);
}

#[test]
fn updates_about_a_node_with_a_key_are_signed_with_it_and_so_must_their_answers_be() {
    let mut world = World::new(keys());
    world.solicit(IF1, NODE);
    let update = world.take_one();
    assert!(is_signed(&update, &of_node()));
    accept_signed(&mut world, &update, PREFIX, &of_anchor());
    assert_eq!(world.count("mag_discards", "authentication_unknown_spi"), 1);
    world.accept(&update);
    assert_eq!(world.count("mag_discards", "authentication_missing"), 1);
    assert!(world.forwarding.is_empty());
    accept_signed(&mut world, &update, PREFIX, &of_node());
    assert_eq!(world.forwarding.len(), 1);
}

#[test]
fn nodes_without_a_key_and_what_is_about_no_node_go_with_the_anchors() {
    let mut world = World::new(keys());
    world.solicit(IF2, OTHER_NODE);
    let update = world.take_one();
    assert!(is_signed(&update, &of_anchor()));
    accept_signed(&mut world, &update, OTHER_PREFIX, &of_node());
    assert!(world.forwarding.is_empty(), "another node's key does not do");
    accept_signed(&mut world, &update, OTHER_PREFIX, &of_anchor());
    assert_eq!(world.forwarding.len(), 1);
    let request = Heartbeat { flags: HeartbeatFlags::NONE, sequence: 9 };
    let mut bytes = Vec::new();
    let message = Message::Heartbeat(request);
    Packet { message, options: Options::new() }.encode(&mut bytes);
    auth::sign(&mut bytes, 0, &of_anchor(), care_of(), care_of());
    world.deliver_bytes(update.path, bytes);
    assert!(is_signed(&world.take_one(), &of_anchor()));
}
