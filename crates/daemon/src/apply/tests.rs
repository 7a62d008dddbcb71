//! The vendor's example of mobile local loop, word for word, with the blocks that say where its
//! VRFs are in Linux; and what is wrong with others.

use std::net::IpAddr;

use kedge_lma::Settings;
use kedge_model::{CustomerId, Lifetime, VrfId, World};

use super::anchor::{AnchorPlan, anchor};
use super::error::ApplyError;
use crate::numbers::Numbers;

const EXAMPLE: &str = include_str!("../../../config/tests/examples/xr-vrf-aware-lma.txt");
const WORLDS: &str =
    "vrf VRF1\n netns red\n!\nvrf VRF2\n netns blue\n!\nvrf CUSTSP\n device sp\n!\n";

fn plan(text: &str, numbers: &mut Numbers) -> Result<AnchorPlan, ApplyError> {
    let (config, _) = kedge_config::parse(text, "test").unwrap_or_else(|e| panic!("{e:?}\n{text}"));
    let lma = config.lma.clone().expect("an anchor");
    anchor(&config, &lma, 1, numbers)
}

fn example(worlds: &str) -> Result<AnchorPlan, ApplyError> {
    plan(&format!("{worlds}{EXAMPLE}"), &mut Numbers::default())
}

fn named<'a>(plan: &'a AnchorPlan, name: &str) -> &'a Settings {
    let found = plan.settings.customers.iter().find(|customer| customer.name == name);
    &found.expect("the customer").settings
}

#[test]
fn the_documents_example_is_two_customers_in_three_worlds() {
    let plan = example(WORLDS).expect("it can run");
    assert_eq!(plan.settings.customers.len(), 2, "the anchor has no address of its own");
    let (one, two) = (named(&plan, "CUST1"), named(&plan, "CUST2"));
    assert_eq!([one.customer, two.customer], [CustomerId(1), CustomerId(2)]);
    let ends = plan.ends();
    let world = |vrf: VrfId| ends.worlds[&vrf].clone();
    let device = World::Device("sp".into());
    assert_eq!(world(one.vrf), World::Namespace("red".into()));
    assert_eq!(world(two.vrf), World::Namespace("blue".into()));
    let of = |settings: &Settings| -> Vec<(World, IpAddr)> {
        settings.addresses.iter().map(|(vrf, address)| (world(*vrf), *address)).collect()
    };
    let at = |address: &str| (device.clone(), address.parse::<IpAddr>().expect("an address"));
    assert_eq!(of(one), [at("2002:15::2"), at("15.15.15.2")]);
    assert_eq!(of(two), [at("2002:16::2"), at("16.16.16.2")]);
    assert_eq!(ends.addresses.len(), 4);
    assert_eq!(ends.devices.keys().copied().collect::<Vec<_>>(), [one.vrf, two.vrf]);

    // What is said at the customer is its own; what is not is the anchor's.
    assert_eq!([one, two].map(|s| s.lifetime), [300, 3_600].map(Lifetime::from_secs));
    assert_eq!([one, two].map(|s| s.authentication.is_some()), [true, false]);
    assert_eq!([one, two].map(|s| s.heartbeat.is_some()), [true, false]);
    assert_eq!([one, two].map(|s| s.bce_maximum), [128_000; 2]);
    assert!(two.networks.contains_key("CUST2") && !one.networks.contains_key("CUST2"));
    // A realm is one customer's.
    assert!(
        one.configured_profile(Some("node@CUST1")).is_some()
            && one.configured_profile(Some("node@CUST2")).is_none()
    );
    assert!(
        two.configured_profile(Some("node@CUST2")).is_some()
            && two.configured_profile(Some("node@CUST1")).is_none()
    );
}

#[test]
fn numbers_stay_with_their_names_and_worlds_whatever_comes_and_goes() {
    let mut numbers = Numbers::default();
    let all = format!("{WORLDS}{EXAMPLE}");
    let before = plan(&all, &mut numbers).expect("it can run");
    let without = all.replace("customer CUST1", "customer CUST0");
    let between = plan(&without, &mut numbers).expect("it can run");
    assert_eq!(named(&between, "CUST0").customer, CustomerId(3), "no number is given again");
    assert_eq!(named(&between, "CUST2"), named(&before, "CUST2"), "the other has not changed");
    let after = plan(&all, &mut numbers).expect("it can run");
    assert_eq!(after.settings, before.settings);
}

#[test]
fn an_anchor_with_addresses_of_its_own_serves_there_whom_no_customer_has() {
    let own = EXAMPLE
        .replace(" bce maximum 128000\n", " bce maximum 128000\n address ipv4 17.17.17.2\n")
        .replace(" nai @CUST1\n", " nai @own\n  service ipv4\n !\n nai @CUST1\n");
    let plan = plan(&format!("{WORLDS}{own}"), &mut Numbers::default()).expect("it can run");
    let default = named(&plan, "");
    assert_eq!((default.customer, plan.settings.customers.len()), (CustomerId::DEFAULT, 3));
    assert!(
        default.configured_profile(Some("a@own")).is_some()
            && default.configured_profile(Some("a@CUST1")).is_none()
    );
    assert!(named(&plan, "CUST1").configured_profile(Some("a@own")).is_none());
}

#[test]
fn a_customer_without_a_world_or_an_address_and_two_with_the_same_are_refused() {
    let fault = |worlds: &str, text: &str| {
        let text = format!("{worlds}{text}");
        let refused = plan(&text, &mut Numbers::default()).err();
        refused.map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(fault("", EXAMPLE).contains("vrf VRF1: there is no such block"));
    let nowhere = WORLDS.replace(" netns blue\n", "");
    assert!(fault(&nowhere, EXAMPLE).contains("vrf VRF2: it is nowhere"));
    let shared = WORLDS.replace("netns blue", "netns red");
    assert_eq!(
        fault(&shared, EXAMPLE),
        "customer CUST2: the vrf VRF2 is the routing world of customer CUST1 by another name"
    );
    let none = EXAMPLE
        .replace("   address ipv4 16.16.16.2\n", "")
        .replace("   address ipv6 2002:16::2\n", "");
    assert!(fault(WORLDS, &none).starts_with("customer CUST2: no address is configured"));
    let own =
        EXAMPLE.replace(" bce maximum 128000\n", " bce maximum 128000\n address ipv4 16.16.16.2\n");
    let second = own.rfind("transport vrf CUSTSP").expect("a transport");
    let own = format!("{}transport{}", &own[..second], &own[second + 20..]);
    assert_eq!(
        fault(WORLDS, &own),
        "customer CUST2: 16.16.16.2 is an address of pmipv6-lma LMA in the same routing world"
    );
}

#[test]
fn a_known_gateway_has_its_own_key_then_the_customers_then_the_domains() {
    let text = format!(
        "{WORLDS}ipv6 mobile pmipv6-domain D1\n auth-option spi 1 key ascii domain\n nai @C1\n  \
         customer C1\n !\n!\nipv6 mobile pmipv6-lma LMA domain D1\n mag m1 D1\n  \
         ipv4 address 10.0.0.1\n  auth-option spi 3 key ascii gateway\n !\n mag m2 D1\n  \
         ipv4 address 10.0.0.2\n !\n mobility-service mobile-local-loop\n  \
         customer C1 vrf VRF1\n   auth-option spi 2 key ascii customer\n   \
         transport vrf CUSTSP\n    address ipv4 15.0.0.1\n   !\n   transport vrf VRF2\n    \
         address ipv4 15.0.0.1\n   !\n  !\n  customer C2 vrf VRF2\n   transport vrf CUSTSP\n    \
         address ipv4 16.0.0.1\n   !\n  !\n !\n!\n"
    );
    let plan = plan(&text, &mut Numbers::default()).expect("it can run");
    let spis = |name: &str| -> Vec<(String, u32)> {
        let peers = named(&plan, name).peers.iter();
        let spi = |peer: &kedge_lma::Peer| peer.authentication.as_ref().map(|a| a.key.spi());
        peers.filter_map(|peer| Some((peer.name.clone(), spi(peer)?))).collect()
    };
    let is = |list: &[(&str, u32)]| -> Vec<(String, u32)> {
        list.iter().map(|(name, spi)| ((*name).to_owned(), *spi)).collect()
    };
    // In each of the two transports of the first customer.
    assert_eq!(spis("C1"), is(&[("m1", 3), ("m2", 2), ("m1", 3), ("m2", 2)]));
    assert_eq!(spis("C2"), is(&[("m1", 3), ("m2", 1)]));
    assert_eq!(named(&plan, "C1").addresses.len(), 2, "the same address in two transports");
}
