//! Prefixes for the networks behind routers that move (RFC 7148 §5.2.2).

mod kit;

use kedge_lma::{Denial, Lma, MnpMaximum, MobileNetworkPool, Profile, Settings, What};
use kedge_model::IpNet;
use kedge_wire::{DelegatedMobileNetworkPrefix, OptionBody};
use kit::*;

/// An anchor whose network `home` has two pools of IPv6 networks, of one and of four, and one of
/// IPv4 networks, of four; its network `plain` has none.
fn world() -> World {
    World::with(delegating())
}

fn delegating() -> Settings {
    let mut settings = settings();
    let pool = |start: &str, pool_len, network_len| MobileNetworkPool {
        start: start.parse().unwrap(),
        pool_len,
        network_len,
    };
    let home = settings.networks.get_mut("home").unwrap();
    home.mobile_networks = vec![
        pool("2001:db8:a00::", 48, 48),
        pool("2001:db8:b00::", 54, 56),
        pool("172.16.0.0", 22, 24),
    ];
    let mut plain = network(24, 48);
    plain.ipv6[0].start = "2001:db8:200::".parse().unwrap();
    plain.ipv4.clear();
    settings.networks.insert("plain".to_owned(), plain);
    let profile = Profile { network: Some("plain".to_owned()), ..Profile::default() };
    settings.profiles.insert("@plain".to_owned(), profile);
    settings
}

const ANY_IPV6: &str = "::/0";
const ANY_IPV4: &str = "0.0.0.0/0";

/// The update with one option for each of these prefixes.
fn ask(pbu: Pbu, prefixes: &[&str]) -> Pbu {
    prefixes.iter().fold(pbu, |pbu, prefix| {
        pbu.with(DelegatedMobileNetworkPrefix { prefix: prefix.parse().unwrap() })
    })
}

fn answered(ack: &Ack) -> Vec<String> {
    ack.options.all::<DelegatedMobileNetworkPrefix>().map(|o| o.prefix.to_string()).collect()
}

fn taken(lma: &Lma) -> Vec<u32> {
    lma.delegated_usage("home").map(|(_, usage)| usage.taken).collect()
}

#[test]
fn prefixes_of_both_families_are_assigned_told_and_forwarded() {
    let mut world = world();
    let (ack, outcome) = world.accepted(&ask(attach(MAG1), &[ANY_IPV6, ANY_IPV4]));
    assert_eq!(answered(&ack), ["2001:db8:a00::/48", "172.16.0.0/24"]);
    assert_eq!(ack.prefixes(), ["2001:db8:100::/64"], "the home network prefix is another matter");
    let forwarding = outcome.forward().clone().unwrap();
    let inner: Vec<String> = forwarding.inner.iter().map(ToString::to_string).collect();
    assert_eq!(inner, ["2001:db8:100::/64", "2001:db8:a00::/48", "172.16.0.0/24"]);
    let told = outcome.what().iter().any(|what| {
        matches!(what, What::Delegated { prefixes, .. } if **prefixes == *world.only_binding().delegated)
    });
    assert!(told);
    assert_eq!(taken(&world.lma), [1, 0, 1]);
}

#[test]
fn each_prefix_by_name_is_assigned() {
    let mut world = world();
    let wanted = ["2001:db8:b00:300::/56", "172.16.3.0/24", "2001:db8:b00:100::/56"];
    let (ack, _) = world.accepted(&ask(attach(MAG1), &wanted));
    assert_eq!(answered(&ack), wanted);
    assert_eq!(taken(&world.lma), [0, 2, 1]);
}

#[test]
fn a_prefix_asked_for_twice_or_with_host_bits_is_one() {
    let mut world = world();
    let twice = ["172.16.3.9/24", "172.16.3.0/24"];
    let (ack, _) = world.accepted(&ask(attach(MAG1), &twice));
    assert_eq!(answered(&ack), ["172.16.3.0/24"]);
    assert_eq!(taken(&world.lma), [0, 0, 1]);
}

#[test]
fn zeros_are_a_prefix_beside_those_that_are_named() {
    let mut world = world();
    let first = ["172.16.3.0/24", ANY_IPV4, ANY_IPV6, ANY_IPV4];
    let (ack, _) = world.accepted(&ask(attach(MAG1), &first));
    let all = ["172.16.3.0/24", "2001:db8:a00::/48", "172.16.0.0/24"];
    assert_eq!(answered(&ack), all, "zeros twice are no more than once");
    assert_eq!(taken(&world.lma), [1, 0, 2]);
    // The same again, and all of them by name, change nothing.
    world.accepted(&ask(attach(MAG1).handoff(5), &first));
    world.accepted(&ask(attach(MAG1).handoff(5), &all));
    assert_eq!(taken(&world.lma), [1, 0, 2]);
    // One more than before.
    let more = [&all[..], &[ANY_IPV6]].concat();
    let (ack, _) = world.accepted(&ask(attach(MAG1).handoff(5), &more));
    assert!(answered(&ack).contains(&"2001:db8:b00::/56".to_owned()), "{ack:?}");
    assert_eq!(taken(&world.lma), [1, 1, 2]);
}

#[test]
fn the_next_pool_of_the_family_is_asked_when_one_is_exhausted_and_then_status_130() {
    let mut world = world();
    for n in 0..5 {
        let (ack, _) = world.accepted(&ask(attach(MAG1).mn(&format!("{n}@x")), &[ANY_IPV6]));
        assert_eq!(answered(&ack).len(), 1, "{n}");
    }
    assert_eq!(taken(&world.lma), [1, 4, 0]);
    let last = ask(attach(MAG1).mn("last@x"), &[ANY_IPV4, ANY_IPV6]);
    let ack = world.denied(&last, Denial::PoolExhausted);
    assert_eq!((ack.status().0, answered(&ack).len()), (130, 0));
    assert_eq!(world.count("deny_insufficient_resources.address_allocation_failed"), 1);
    assert_eq!(taken(&world.lma), [1, 4, 0], "the IPv4 prefix is given back");
    assert_eq!(world.lma.usage("home").unwrap().1.unwrap().taken, 5, "and the home prefix");
}

#[test]
fn an_anchor_that_delegates_nothing_ignores_the_options() {
    let mut world = World::new();
    let (ack, _) = world.accepted(&ask(attach(MAG1), &[ANY_IPV6, "172.16.0.0/24"]));
    assert!(answered(&ack).is_empty() && world.only_binding().delegated.is_empty());
}

#[test]
fn without_an_option_nothing_is_delegated_nor_answered() {
    let mut world = world();
    let (ack, outcome) = world.accepted(&attach(MAG1));
    assert!(answered(&ack).is_empty());
    assert_eq!(outcome.forward().as_ref().unwrap().inner.len(), 1);
}

#[test]
fn status_177_for_a_node_whose_network_has_no_mobile_networks() {
    let mut world = world();
    for prefix in [ANY_IPV6, ANY_IPV4] {
        let ack = world
            .denied(&ask(attach(MAG1).mn("a@plain"), &[prefix]), Denial::DelegationNotAuthorized);
        assert_eq!((ack.status().0, answered(&ack).len()), (177, 0));
    }
    assert_eq!(world.moved("deny_other"), [("not_authorized_for_delegated_prefix", 2)]);
    assert!(world.lma.is_empty());
    assert_eq!(world.lma.usage("plain").unwrap().1.unwrap().taken, 0);
}

#[test]
fn status_177_for_a_family_without_a_pool() {
    let mut settings = delegating();
    settings.networks.get_mut("home").unwrap().mobile_networks.pop();
    let mut world = World::with(settings);
    world.denied(&ask(attach(MAG1), &[ANY_IPV6, ANY_IPV4]), Denial::DelegationNotAuthorized);
    assert_eq!(world.lma.delegated_usage("home").map(|(_, u)| u.taken).sum::<u32>(), 0);
}

#[test]
fn status_177_for_more_prefixes_than_a_session_may_hold() {
    let mut world = World::with(Settings { mnp_of_session: MnpMaximum::each(2), ..delegating() });
    let three = ["2001:db8:b00::/56", "2001:db8:b00:100::/56", "2001:db8:b00:200::/56"];
    world.denied(&ask(attach(MAG1), &three), Denial::DelegationNotAuthorized);
    assert_eq!(taken(&world.lma), [0, 0, 0]);
    world.accepted(&ask(attach(MAG1), &three[..2]));
}

#[test]
fn status_178_for_a_prefix_that_is_another_nodes_or_of_no_pool() {
    let mut world = world();
    world.accepted(&ask(attach(MAG1).mn("a@x"), &["2001:db8:b00::/56", "172.16.1.0/24"]));
    for wanted in [
        "2001:db8:b00::/56",
        "172.16.1.0/24",
        "2001:db8:ffff::/56",
        "172.16.0.0/23",
        "172.16.1.128/25",
        "2001:db8:100::/64",
    ] {
        let both = ask(attach(MAG1).mn("b@x"), &["2001:db8:b00:100::/56", wanted]);
        let ack = world.denied(&both, Denial::DelegatedPrefixInUse);
        assert_eq!(ack.status().0, 178, "{wanted}");
        assert_eq!(taken(&world.lma), [0, 1, 1], "what was free of it is free again");
    }
    assert_eq!(world.moved("deny_other"), [("delegated_prefix_in_use", 6)]);
    assert_eq!(world.bindings_of("b@x").len(), 0);
}

#[test]
fn a_refresh_keeps_the_prefixes_whichever_way_it_asks() {
    let mut world = world();
    world.accepted(&ask(attach(MAG1), &["172.16.1.0/24", "172.16.2.0/24", ANY_IPV6]));
    let held = world.only_binding().delegated.clone();
    let names: Vec<String> = held.iter().map(ToString::to_string).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for again in [&[ANY_IPV4, ANY_IPV6][..], &names, &["2001:db8:a00::/48", ANY_IPV4]] {
        let (ack, outcome) = world.accepted(&ask(attach(MAG1).handoff(5), again));
        assert_eq!(answered(&ack), names);
        assert!(outcome.forwards.is_empty() && outcome.events.is_empty(), "nothing changed");
    }
}

#[test]
fn an_update_that_names_less_gives_the_rest_back_and_one_that_names_more_gets_it() {
    let mut world = world();
    world.accepted(&ask(attach(MAG1), &["172.16.1.0/24", "172.16.2.0/24"]));
    let other = ask(attach(MAG1).handoff(5), &["172.16.3.0/24", "172.16.2.0/24"]);
    let (ack, outcome) = world.accepted(&other);
    assert_eq!(answered(&ack), ["172.16.3.0/24", "172.16.2.0/24"]);
    assert_eq!(outcome.forward().as_ref().unwrap().inner[1..], *world.only_binding().delegated);
    assert_eq!(taken(&world.lma), [0, 0, 2]);
    world.accepted(&ask(attach(MAG1).mn("b@x"), &["172.16.1.0/24"]));
}

#[test]
fn a_change_that_is_denied_changes_nothing() {
    let mut world = world();
    world.accepted(&ask(attach(MAG1).mn("b@x"), &["172.16.3.0/24"]));
    world.accepted(&ask(attach(MAG1), &["172.16.1.0/24"]));
    let change = ask(attach(MAG1).handoff(5), &["172.16.1.0/24", "172.16.2.0/24", "172.16.3.0/24"]);
    world.denied(&change, Denial::DelegatedPrefixInUse);
    let held: Vec<IpNet> = vec!["172.16.1.0/24".parse().unwrap()];
    assert_eq!(*world.bindings_of(MN)[0].delegated, *held);
    assert_eq!(taken(&world.lma), [0, 0, 2]);
}

#[test]
fn a_handover_keeps_what_the_new_gateway_asks_for_even_if_it_does_not_know_it() {
    let mut world = world();
    world.accepted(&ask(attach(MAG1), &["2001:db8:b00:200::/56", ANY_IPV4]));
    let (ack, outcome) = world.accepted(&ask(attach(MAG2).handoff(3), &[ANY_IPV4, ANY_IPV6]));
    assert_eq!(answered(&ack), ["2001:db8:b00:200::/56", "172.16.0.0/24"]);
    assert_eq!(outcome.forward().as_ref().unwrap().inner.len(), 3);
}

#[test]
fn a_handover_to_a_gateway_that_knows_no_delegation_gives_the_prefixes_back() {
    let mut world = world();
    world.accepted(&ask(attach(MAG1), &[ANY_IPV6, ANY_IPV4]));
    let (ack, outcome) = world.accepted(&attach(MAG2).handoff(3));
    assert!(answered(&ack).is_empty() && world.only_binding().delegated.is_empty());
    assert_eq!(outcome.forward().as_ref().unwrap().inner.len(), 1, "RFC 7148 §5.1.3.1");
    assert_eq!(taken(&world.lma), [0, 0, 0]);
}

#[test]
fn prefixes_stay_while_a_deregistered_session_lingers_and_go_with_it() {
    let mut world = world();
    let attached = ask(attach(MAG1), &[ANY_IPV6]);
    world.accepted(&attached);
    let (ack, outcome) = world.accepted(&attached.clone().deregister());
    assert_eq!(answered(&ack), ["2001:db8:a00::/48"]);
    assert_eq!(outcome.forward(), &None, "no route while it lingers");
    assert_eq!(taken(&world.lma), [1, 0, 0]);
    let (ack, _) = world.accepted(&ask(attach(MAG2).handoff(3), &[ANY_IPV6]));
    assert_eq!(answered(&ack), ["2001:db8:a00::/48"], "taken over in time");
    world.accepted(&ask(attach(MAG2), &[ANY_IPV6]).deregister());
    world.wait(secs(11));
    assert!(world.lma.is_empty());
    assert_eq!(taken(&world.lma), [0, 0, 0]);
}

#[test]
fn sessions_of_one_node_have_prefixes_of_their_own() {
    let mut world = world();
    let (first, _) = world.accepted(&ask(attach(MAG1), &[ANY_IPV4]));
    let (second, _) = world.accepted(&ask(attach(MAG1).link_layer_id(&[9]), &[ANY_IPV4]));
    assert_eq!(
        (answered(&first), answered(&second)),
        (vec!["172.16.0.0/24".into()], vec!["172.16.1.0/24".into()])
    );
}

#[test]
fn prefixes_in_use_stay_taken_when_the_settings_change_and_end_with_their_pool() {
    let mut world = world();
    world.accepted(&ask(attach(MAG1), &[ANY_IPV6, ANY_IPV4]));
    assert_eq!(world.lma.apply(delegating(), world.now), 0);
    assert_eq!(taken(&world.lma), [1, 0, 1]);
    world.denied(&ask(attach(MAG1).mn("b@x"), &["172.16.0.0/24"]), Denial::DelegatedPrefixInUse);
    // Without its pool nothing reaches a network: its gateway is to register the node anew.
    assert_eq!(world.lma.ended_by(&settings()), 1);
    assert_eq!(world.lma.apply(settings(), world.now), 1);
    world.drain_acknowledging();
    assert!(world.lma.is_empty());
}

#[test]
fn the_option_is_written_as_rfc_7148_draws_it() {
    let mut world = world();
    let (ack, _) = world.accepted(&ask(attach(MAG1), &[ANY_IPV4]));
    let kind = <DelegatedMobileNetworkPrefix as OptionBody<'_>>::TYPE.0;
    let at = (0..ack.bytes.len())
        .find(|at| ack.bytes[*at..].starts_with(&[kind, 6, 0x80, 24, 172, 16, 0, 0]))
        .expect("the option");
    assert_eq!(at % 8, 2);
}
