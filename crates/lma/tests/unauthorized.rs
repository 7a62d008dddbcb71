//! Networks whose addresses and prefixes are taken as gateways send them, and how many prefixes
//! there may be.

mod kit;

use kedge_lma::{Delegated, Denial, MnpMaximum, MobileNetworkPool, Network, Settings, Unchecked};
use kedge_model::VrfId;
use kedge_wire::{DelegatedMobileNetworkPrefix, Ipv4DefaultRouter, Ipv4HomeAddressReply};
use kit::*;

/// No pool at all.
fn world() -> World {
    World::with(unauthorized())
}

fn unauthorized() -> Settings {
    let mut settings = settings();
    settings.networks.insert("home".to_owned(), Network::unauthorized());
    settings
}

/// Home addresses from pools, mobile networks as they are sent, and one pool for who asks for any.
fn mixed() -> Settings {
    let mut settings = settings();
    let home = settings.networks.get_mut("home").unwrap();
    home.unchecked = Unchecked::MobileNetworks;
    let start = "172.16.0.0".parse().unwrap();
    home.mobile_networks = vec![MobileNetworkPool { start, pool_len: 22, network_len: 24 }];
    settings
}

/// A router with an IPv4 home address and prefixes for what is behind it.
fn router(nai: &str, home: &str, prefixes: &[&str]) -> Pbu {
    ask(attach(MAG1).mn(nai).prefixes::<&str>(&[]).ipv4(home), prefixes)
}

fn ask(pbu: Pbu, prefixes: &[&str]) -> Pbu {
    prefixes.iter().fold(pbu, |pbu, prefix| {
        pbu.with(DelegatedMobileNetworkPrefix { prefix: prefix.parse().unwrap() })
    })
}

fn answered(ack: &Ack) -> Vec<String> {
    ack.options.all::<DelegatedMobileNetworkPrefix>().map(|o| o.prefix.to_string()).collect()
}

#[test]
fn everything_is_taken_as_it_is_sent_and_forwarded() {
    let mut world = world();
    let networks = ["192.168.7.0/24", "2001:db8:beef::/48"];
    let pbu = ask(attach(MAG1).prefixes(&["2001:db8:7::/64"]).ipv4("10.9.0.5/24"), &networks);
    let (ack, outcome) = world.accepted(&pbu);
    assert_eq!(ack.prefixes(), ["2001:db8:7::/64"]);
    assert_eq!(answered(&ack), networks);
    let reply = ack.options.all::<Ipv4HomeAddressReply>().next().expect("a reply");
    assert_eq!((reply.status.0, reply.address.to_string().as_str()), (0, "10.9.0.5/24"));
    let router = ack.options.all::<Ipv4DefaultRouter>().next().expect("a router");
    assert_eq!(router.0.to_string(), "10.9.0.1");
    let forwarding = outcome.forward().clone().unwrap();
    let inner: Vec<String> = forwarding.inner.iter().map(ToString::to_string).collect();
    assert_eq!(inner, ["2001:db8:7::/64", "10.9.0.5/32", "192.168.7.0/24", "2001:db8:beef::/48"]);
    assert_eq!(world.lma.delegated(), Delegated { ipv4: 1, ipv6: 1 });
}

#[test]
fn what_another_node_holds_any_part_of_is_refused_with_the_status_of_its_kind() {
    let mut world = world();
    let first = ask(
        attach(MAG1).mn("a@x").prefixes(&["2001:db8:7::/64"]).ipv4("10.9.0.5/24"),
        &["192.168.0.0/16", "2001:db8:beef::/48"],
    );
    world.accepted(&first);
    let other = || attach(MAG2).mn("b@x");
    for taken in ["2001:db8:7::/64", "2001:db8:beef:1::/64"] {
        world.denied(&other().prefixes(&[taken]), Denial::PrefixNotAuthorized);
    }
    for taken in ["10.9.0.5/24", "10.9.0.5/32", "192.168.3.4/24"] {
        world.denied(&router("b@x", taken, &[]), Denial::Ipv4AddressNotAuthorized);
    }
    let overlapping = [
        "192.168.0.0/16",
        "192.168.5.0/24",
        "192.0.0.0/8",
        "10.9.0.0/24",
        "10.9.0.5/32",
        "2001:db8:beef::/48",
        "2001:db8:beef:1::/64",
        "2001:db8::/32",
        "2001:db8:7::/128",
    ];
    for taken in overlapping {
        let free = "172.20.0.0/16";
        let pbu = router("b@x", "10.10.0.1/24", &[free, taken]);
        world.denied(&pbu, Denial::DelegatedPrefixInUse);
    }
    assert_eq!(world.count("deny_other.delegated_prefix_in_use"), overlapping.len() as u64);
    assert_eq!(world.lma.delegated(), Delegated { ipv4: 1, ipv6: 1 }, "denials leave nothing");
    world.accepted(&router("b@x", "10.10.0.1/24", &["172.20.0.0/16"]));
}

#[test]
fn parts_of_one_request_do_not_overlap_either() {
    let mut world = world();
    let nested = ["192.168.0.0/16", "192.168.5.0/24"];
    world.denied(&router("a@x", "10.9.0.5/24", &nested), Denial::DelegatedPrefixInUse);
    world.denied(&router("a@x", "10.9.0.5/24", &["10.9.0.0/24"]), Denial::DelegatedPrefixInUse);
    assert!(world.lma.is_empty());
    assert_eq!(world.lma.delegated(), Delegated::default());
    world.accepted(&router("a@x", "10.9.0.5/24", &nested[..1]));
}

#[test]
fn what_no_route_can_lead_to_is_refused() {
    let mut world = world();
    for martian in ["0.0.0.0/1", "127.0.0.0/8", "224.0.0.0/24", "169.254.0.0/16", "10.0.0.0/7"] {
        // An address of zeros asks for any, whatever its length.
        let expected = match martian.starts_with("0.0.0.0") {
            true => Denial::DelegationNotAuthorized,
            false => Denial::DelegatedPrefixInUse,
        };
        world.denied(&router("a@x", "10.9.0.5/24", &[martian]), expected);
    }
    for martian in ["ff02::/64", "fe80::/64", "::1/128", "2000::/3"] {
        let pbu = router("a@x", "10.9.0.5/24", &[martian]);
        world.denied(&pbu, Denial::DelegatedPrefixInUse);
    }
    for martian in ["127.0.0.1/8", "224.0.0.1/24", "169.254.1.9/16", "255.255.255.255/32"] {
        world.denied(&router("a@x", martian, &[]), Denial::Ipv4AddressNotAuthorized);
    }
    for martian in ["ff02::/64", "fe80::/64", "::1:0:0:0:0/64", "2001:db8:7::/56"] {
        let martian = if martian.starts_with("::1") { "0:0:0:1::/64" } else { martian };
        let pbu = attach(MAG1).prefixes(&[martian]);
        world.denied(&pbu, Denial::PrefixNotAuthorized);
    }
    assert!(world.lma.is_empty());
}

#[test]
fn without_a_pool_nothing_can_be_left_to_the_anchor() {
    let mut world = world();
    world.denied(&attach(MAG1), Denial::PoolExhausted);
    world.denied(&router("a@x", "0.0.0.0/0", &[]), Denial::PoolExhausted);
    for any in ["0.0.0.0/0", "::/0"] {
        world.denied(&router("a@x", "10.9.0.5/24", &[any]), Denial::DelegationNotAuthorized);
    }
    assert!(world.lma.is_empty());
}

#[test]
fn addresses_of_the_transport_in_the_same_routing_world_are_not_to_be_had() {
    let addresses = vec![(VrfId::DEFAULT, LMA.parse().unwrap())];
    let mut world = World::with(Settings { addresses, ..unauthorized() });
    for covering in ["192.0.2.0/24", "2001:db8::/64", "2001:db8:1::/48"] {
        let pbu = router("a@x", "10.9.0.5/24", &[covering]);
        world.denied(&pbu, Denial::DelegatedPrefixInUse);
    }
    let apart = Settings { vrf: VrfId(7), ..unauthorized() };
    let mut world = World::with(apart);
    world.accepted(&router("a@x", "10.9.0.5/24", &["192.0.2.0/24", "2001:db8:1::/48"]));
}

#[test]
fn prefixes_survive_a_handover_and_are_free_when_the_session_is_over() {
    let mut world = world();
    let networks = ["192.168.7.0/24"];
    world.accepted(&router("a@x", "10.9.0.5/24", &networks));
    let mut moved = router("a@x", "10.9.0.5/24", &networks).handoff(3);
    moved.from = attach(MAG2).from;
    let (ack, outcome) = world.accepted(&moved);
    assert_eq!(answered(&ack), networks);
    assert_eq!(outcome.forward().as_ref().unwrap().inner.len(), 2);
    world.denied(&router("b@x", "10.9.0.6/24", &networks), Denial::DelegatedPrefixInUse);
    world.accepted(&moved.clone().deregister());
    world.denied(&router("b@x", "10.9.0.6/24", &networks), Denial::DelegatedPrefixInUse);
    world.wait(secs(11));
    assert!(world.lma.is_empty());
    world.accepted(&router("b@x", "10.9.0.5/24", &networks));
}

#[test]
fn a_pool_is_not_reached_into_and_serves_who_asks_for_any() {
    let mut world = World::with(mixed());
    let (ack, _) = world.accepted(&ask(attach(MAG1).mn("a@x"), &["0.0.0.0/0", "198.51.100.0/24"]));
    assert_eq!(answered(&ack), ["198.51.100.0/24", "172.16.0.0/24"], "one beside what is named");
    let (ack, _) = world.accepted(&ask(attach(MAG1).mn("b@x"), &["0.0.0.0/0"]));
    assert_eq!(answered(&ack), ["172.16.1.0/24"]);
    world.accepted(&ask(attach(MAG1).mn("c@x"), &["172.16.2.0/24"]));
    for inside in ["172.16.3.0/25", "172.16.0.0/21", "10.0.0.0/24", "2001:db8:100:5::/64"] {
        let pbu = ask(attach(MAG1).mn("d@x"), &[inside]);
        world.denied(&pbu, Denial::DelegatedPrefixInUse);
    }
    let pbu = attach(MAG1).mn("d@x").prefixes(&["2001:db8:7::/64"]);
    world.denied(&pbu, Denial::PrefixNotAuthorized);
}

#[test]
fn a_network_that_checks_again_ends_what_it_has_no_pool_for() {
    let mut world = World::with(mixed());
    world.accepted(&ask(attach(MAG1).mn("a@x"), &["198.51.100.0/24"]));
    world.accepted(&ask(attach(MAG1).mn("b@x"), &["172.16.0.0/24"]));
    let mut checking = mixed();
    checking.networks.get_mut("home").unwrap().unchecked = Unchecked::Nothing;
    assert_eq!(world.lma.ended_by(&checking), 1);
    let mut pooled = mixed();
    let start = "198.51.0.0".parse().unwrap();
    let over = MobileNetworkPool { start, pool_len: 16, network_len: 20 };
    pooled.networks.get_mut("home").unwrap().mobile_networks.push(over);
    assert_eq!(world.lma.ended_by(&pooled), 1, "a pool that covers it would give it to another");
    assert_eq!(world.lma.apply(mixed(), world.now), 0);
    let other = ask(attach(MAG1).mn("c@x"), &["198.51.100.0/25"]);
    world.denied(&other, Denial::DelegatedPrefixInUse);
    assert_eq!(world.lma.apply(checking, world.now), 1);
    world.drain_acknowledging();
    assert_eq!(world.lma.delegated(), Delegated { ipv4: 1, ipv6: 0 });
}

#[test]
fn the_maximum_of_a_session_is_for_each_family_and_for_both() {
    let three = ["10.1.0.0/16", "10.2.0.0/16", "2001:db8:beef::/48"];
    for (maximum, expected) in [
        (MnpMaximum::each(3), None),
        (MnpMaximum { both: 2, ipv4: 3, ipv6: 3 }, Some(Denial::DelegationNotAuthorized)),
        (MnpMaximum { both: 9, ipv4: 1, ipv6: 9 }, Some(Denial::DelegationNotAuthorized)),
        (MnpMaximum { both: 9, ipv4: 9, ipv6: 1 }, None),
        (MnpMaximum { both: 9, ipv4: 9, ipv6: 0 }, Some(Denial::DelegationNotAuthorized)),
    ] {
        let mut world = World::with(Settings { mnp_of_session: maximum, ..unauthorized() });
        let pbu = router("a@x", "10.9.0.5/32", &three);
        // The home address is in none of these networks.
        match expected {
            None => assert_eq!(answered(&world.accepted(&pbu).0).len(), 3),
            Some(denial) => drop(world.denied(&pbu, denial)),
        }
    }
}

#[test]
fn the_maximum_of_a_customer_counts_all_sessions_and_frees_with_them() {
    let mnp_of_customer = MnpMaximum { both: 3, ipv4: 2, ipv6: 2 };
    let mut world = World::with(Settings { mnp_of_customer, ..unauthorized() });
    let two = router("a@x", "10.9.0.1/32", &["10.1.0.0/16", "10.2.0.0/16"]);
    world.accepted(&two);
    let third = router("b@x", "10.9.0.2/32", &["10.3.0.0/16"]);
    let ack = world.denied(&third, Denial::TooManyDelegated);
    assert_eq!(ack.status().0, 130);
    assert_eq!(world.count("deny_insufficient_resources.address_allocation_failed"), 1);
    world.accepted(&router("b@x", "10.9.0.2/32", &["2001:db8:b::/48"]));
    let more = router("b@x", "10.9.0.2/32", &["2001:db8:b::/48", "2001:db8:c::/48"]).handoff(5);
    world.denied(&more, Denial::TooManyDelegated);
    // In the place of what is given back, and again what one has.
    let other = router("a@x", "10.9.0.1/32", &["10.4.0.0/16", "10.2.0.0/16"]).handoff(5);
    world.accepted(&other);
    world.accepted(&other);
    assert_eq!(world.lma.delegated(), Delegated { ipv4: 2, ipv6: 1 });
    world.accepted(&other.clone().deregister());
    world.wait(secs(11));
    world.accepted(&third);
}

#[test]
fn a_maximum_that_is_lowered_leaves_sessions_alone() {
    let mut world = world();
    let two = router("a@x", "10.9.0.1/32", &["10.1.0.0/16", "10.2.0.0/16"]);
    world.accepted(&two);
    let one = MnpMaximum::each(1);
    let lower = Settings { mnp_of_customer: one, ..unauthorized() };
    assert_eq!(world.lma.apply(lower, world.now), 0);
    world.accepted(&two.clone().handoff(5));
    world.accepted(&router("a@x", "10.9.0.1/32", &["10.1.0.0/16"]).handoff(5));
    world.denied(&two.handoff(5), Denial::TooManyDelegated);
}
