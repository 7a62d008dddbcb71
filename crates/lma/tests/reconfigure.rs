//! Other settings, in service: whom they touch, and whom they do not.

mod kit;

use kedge_lma::{Ipv6Pool, Network, Profile, Service, Settings};
use kedge_model::VrfId;
use kedge_wire::registry::{RevocationStatus, RevocationTrigger};
use kedge_wire::{HomeNetworkPrefix, Ipv4HomeAddressRequest, RevocationFlags};
use kit::*;

#[test]
fn settings_change_in_service() {
    let mut world = World::new();
    world.accepted(&attach(MAG1).ipv4("0.0.0.0/0"));
    let before = world.only_binding().addresses;

    world.lma.apply(settings(), world.now);
    assert!(world.drain().is_empty(), "the same settings change nothing");

    // Another MTU is another tunnel.
    world.lma.apply(Settings { link_mtu: 1_400, ..settings() }, world.now);
    let outcome = world.drain();
    assert_eq!(outcome.forward().as_ref().unwrap().paths[0].tunnel.mtu, 1_360);
    world.lma.apply(Settings { tunnel_mtu: Some(1_280), vrf: VrfId(4), ..settings() }, world.now);
    let outcome = world.drain();
    let want = outcome.forward().as_ref().unwrap();
    assert_eq!((want.paths[0].tunnel.mtu, want.vrf), (1_280, VrfId(4)));

    // Other pools: the session keeps its addresses, and nobody else gets them.
    let mut other = settings();
    other.networks.insert("home".to_owned(), network(25, 47));
    other.networks.insert("more".to_owned(), Network::default());
    world.lma.apply(other, world.now);
    let (ack, _) = world.accepted(&attach(MAG1).mn("b@x").ipv4("0.0.0.0/0"));
    assert_eq!(ack.prefixes(), ["2001:db8:100:1::/64"]);
    assert_eq!(world.bindings_of(MN)[0].addresses, before);

    assert!(world.drain().is_empty(), "nobody is disturbed");
}

/// One change each: what has no place any more ends, and nothing else is touched.
#[test]
fn a_change_revokes_the_bindings_that_it_has_no_place_for_and_those_alone() {
    type Change = fn(&mut Settings);
    let without_its_gateway: Change = |settings| drop(settings.peers.remove(0));
    let without_its_network: Change = |settings| settings.networks.clear();
    let without_its_profile: Change = |settings| settings.default_profile = None;
    let without_its_family: Change =
        |settings| settings.default_profile = Some(profile(Service::Ipv4));
    let without_its_gateways_address: Change =
        |settings| settings.peers[0].addresses.retain(|address| address.is_ipv4());
    let with_another_network: Change = |settings| {
        settings.networks.insert("away".to_owned(), network(24, 48));
        let away = Profile { network: Some("away".to_owned()), ..profile(Service::Dual) };
        settings.default_profile = Some(away);
    };
    let with_other_pools: Change = |settings| {
        let start = "2001:db8:200::".parse().unwrap();
        let home = settings.networks.get_mut("home").unwrap();
        home.ipv6 = vec![Ipv6Pool { start, prefix_len: 48 }];
    };
    for change in [
        without_its_gateway,
        without_its_network,
        without_its_profile,
        without_its_family,
        without_its_gateways_address,
        with_another_network,
        with_other_pools,
    ] {
        let mut before = settings();
        before.profiles.insert("kept@x".to_owned(), profile(Service::Dual));
        before.networks.insert("other".to_owned(), Network::default());
        let mut world = World::with(before.clone());
        world.accepted(&attach(MAG1).ipv4("0.0.0.0/0"));
        let mut after = before;
        change(&mut after);
        assert_eq!(world.lma.ended_by(&after), 1);
        assert_eq!(world.lma.apply(after, world.now), 1);
        let outcome = world.drain();
        assert_eq!(outcome.forwards.len(), 1);
        assert!(outcome.forward().is_none(), "its traffic stops at once");
        let bri = outcome.indication();
        assert_eq!(bri.body.trigger, RevocationTrigger::ADMINISTRATIVE_REASON);
        world.acknowledge(&bri, RevocationStatus::SUCCESS).0.unwrap();
        assert_nothing_left(&mut world);
    }
}

#[test]
fn a_binding_that_is_to_lose_its_ipv4_address_loses_that_alone() {
    for with_pool in [true, false] {
        let mut world = World::new();
        world.accepted(&attach(MAG1).ipv4("0.0.0.0/0"));
        let mut after = settings();
        match with_pool {
            true => after.default_profile = Some(profile(Service::Ipv6)),
            false => after.networks.get_mut("home").unwrap().ipv4.clear(),
        }
        assert_eq!(world.lma.ended_by(&after), 0);
        assert_eq!(world.lma.apply(after.clone(), world.now), 0);
        let bri = world.drain().indication();
        assert_eq!(bri.body.trigger, RevocationTrigger::ADMINISTRATIVE_REASON);
        assert_eq!(bri.body.flags, RevocationFlags::P | RevocationFlags::V);
        assert!(bri.options.get::<Ipv4HomeAddressRequest>().is_some());
        assert_eq!(bri.options.get::<HomeNetworkPrefix>(), None);
        assert_eq!(world.lma.apply(after, world.now), 0);
        assert!(world.drain().is_empty(), "it is being done");
        world.acknowledge(&bri, RevocationStatus::SUCCESS).0.unwrap();
        let binding = world.only_binding();
        assert!(binding.is_active() && binding.addresses.ipv4.is_none());
    }
}

#[test]
fn a_gateway_that_is_not_configured_any_more_but_may_be_learned_keeps_its_nodes() {
    let mut world = World::new();
    world.accepted(&attach(MAG1));
    let mut learning = Settings { dynamic_mag_learning: true, ..settings() };
    learning.peers.remove(0);
    assert_eq!(world.lma.ended_by(&learning), 0);
    assert_eq!(world.lma.apply(learning, world.now), 0);
    assert_eq!(world.lma.peer_name(world.only_binding().paths.first()), None);
    world.accepted(&attach(MAG1).handoff(5));
}
