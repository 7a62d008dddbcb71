//! What other settings take from bindings that exist, and what they leave.

mod kit;

use kedge_lma::{Service, Settings};
use kedge_wire::registry::{RevocationStatus as Status, RevocationTrigger as Trigger};
use kedge_wire::{HomeNetworkPrefix, Ipv4HomeAddressRequest, RevocationFlags};
use kit::*;

/// A node with both families at each of two gateways.
fn world() -> World {
    let mut world = World::new();
    world.accepted(&attach(MAG1).mn("a@x").ipv4("0.0.0.0/0"));
    world.accepted(&attach(MAG2).mn("b@x").ipv4("0.0.0.0/0"));
    world
}

/// Applies the settings; the indications that follow, and how many bindings end as was foretold.
fn change(world: &mut World, settings: Settings) -> (Vec<Bri>, usize) {
    let foretold = world.lma.would_withdraw(&settings);
    world.lma.apply(settings);
    world.drain();
    let ended = world.lma.withdraw(world.now);
    assert_eq!(ended, foretold);
    let bris = world.drain().indications();
    assert!(bris.iter().all(|bri| bri.body.trigger == Trigger::ADMINISTRATIVE_REASON));
    (bris, ended)
}

#[test]
fn settings_that_allow_as_much_take_nothing() {
    let mut world = world();
    let (bris, ended) = change(&mut world, Settings { hnp_maximum: 2, ..settings() });
    assert_eq!((bris.len(), ended), (0, 0));
    assert!(world.lma.bindings().all(|binding| binding.is_active()));
}

#[test]
fn a_node_without_a_profile_is_revoked_and_others_are_not() {
    let mut world = world();
    let profiles = [("a@x".to_owned(), profile(Service::Dual))].into();
    let (bris, ended) =
        change(&mut world, Settings { profiles, default_profile: None, ..settings() });
    assert_eq!((bris.len(), ended), (1, 1));
    assert_eq!(bris[0].path.peer.ip(), v6(MAG2));
    world.acknowledge(&bris[0], Status::SUCCESS).0.unwrap();
    assert_eq!(world.bindings_of("a@x").len(), 1);
    assert_eq!(world.lma.len(), 1);
    assert_eq!(world.moved("disconnects"), [("other", 1)]);
}

#[test]
fn the_nodes_of_a_gateway_that_is_configured_no_longer_are_revoked() {
    let mut world = world();
    let mut without = settings();
    without.peers.retain(|peer| peer.name != "mag1");
    let (bris, ended) = change(&mut world, without);
    assert_eq!((bris.len(), ended), (1, 1));
    assert_eq!(bris[0].path.peer.ip(), v6(MAG1));
    // It is no gateway any more, and what it would say is not heard.
    assert!(world.acknowledge(&bris[0], Status::SUCCESS).0.is_ok());
    assert_eq!(world.lma.len(), 1);
}

#[test]
fn a_family_that_is_not_served_any_more_is_revoked_alone_if_it_is_ipv4() {
    let mut world = world();
    let service = Some(profile(Service::Ipv6));
    let (bris, ended) = change(&mut world, Settings { default_profile: service, ..settings() });
    assert_eq!((bris.len(), ended), (2, 0));
    for bri in &bris {
        assert_eq!(bri.body.flags, RevocationFlags::P | RevocationFlags::V);
        assert!(bri.options.get::<Ipv4HomeAddressRequest>().is_some());
        assert_eq!(bri.options.get::<HomeNetworkPrefix>(), None);
    }
    assert_eq!(world.lma.withdraw(world.now), 0, "it is being done");
    assert!(world.drain().indications().is_empty());
    for bri in &bris {
        world.acknowledge(bri, Status::SUCCESS).0.unwrap();
    }
    assert!(world.lma.bindings().all(|b| b.is_active() && b.addresses.ipv4.is_none()));

    let mut world = self::world();
    let service = Some(profile(Service::Ipv4));
    let (bris, ended) = change(&mut world, Settings { default_profile: service, ..settings() });
    assert_eq!((bris.len(), ended), (2, 2), "IPv6 cannot be revoked alone");
}

#[test]
fn a_network_that_is_gone_takes_its_nodes_with_it() {
    let mut world = world();
    let networks = Default::default();
    let (bris, ended) = change(&mut world, Settings { networks, ..settings() });
    assert_eq!((bris.len(), ended), (2, 2));
}
