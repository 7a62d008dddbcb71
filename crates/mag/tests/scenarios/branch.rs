//! The router that is a mobile node itself: which networks its updates name (RFC 7148 §5.1), and
//! what becomes of them.

use kedge_mag::{Branch, LinkState, Profile, Service, Settings};
use kedge_model::{IpNet, MacAddr};
use kedge_wire::registry::Status;
use kedge_wire::{
    BindingRevocationIndication, DelegatedMobileNetworkPrefix, Encoder, HomeNetworkPrefix,
    MnIdOption,
};

use crate::delegation::asked;
use crate::world::*;

const ANY_IPV4: &str = "0.0.0.0/0";
const ANY_IPV6: &str = "::/0";
const LAN: &str = "10.7.0.0/24";
const LAN6: &str = "2001:db8:7::/64";
const GIVEN: &str = "10.99.0.0/28";
const GIVEN6: &str = "2001:db8:d0::/56";

fn nets(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn branch(networks: &[&str], lacking_ipv4: usize, lacking_ipv6: usize) -> Branch {
    Branch { networks: nets(networks), lacking_ipv4, lacking_ipv6, ..Branch::default() }
}

/// The router `branch@example.com` where the first interface was.
fn routing(mut settings: Settings) -> Settings {
    let interface = settings.interfaces.get_mut(&IF1).unwrap();
    interface.identity = Some(mn("branch@example.com"));
    interface.static_node = true;
    interface.logical = true;
    settings
}

fn begun(settings: Settings, branch: Branch) -> World {
    let mut world = World::new(routing(settings));
    world.input(|mag, now| mag.handle_branch(IF1, branch, now));
    world.input(|mag, now| mag.handle_link(IF1, LinkState::Up, now));
    world
}

fn delegate(world: &mut World, update: &Sent, prefixes: &[&str]) {
    world.accept_with(update, 3600, |options| {
        for prefix in nets(prefixes) {
            options.push(DelegatedMobileNetworkPrefix { prefix });
        }
    });
}

/// A router that was accepted and has these networks.
fn with(branch: Branch, prefixes: &[&str]) -> World {
    let mut world = begun(settings(), branch);
    let update = world.take_one();
    delegate(&mut world, &update, prefixes);
    world
}

fn delegated(world: &World) -> Vec<IpNet> {
    world.access.values().next().expect("a session").delegated.clone()
}

#[test]
fn the_first_update_names_the_networks_and_asks_for_those_that_lack() {
    let mut world = begun(settings(), branch(&[LAN, LAN6], 1, 2));
    let update = world.take_one();
    assert_eq!(asked(&update), nets(&[LAN, LAN6, ANY_IPV4, ANY_IPV6]));
    assert_eq!(update.prefixes(), ["::/0".parse().unwrap()]);
    assert_eq!(update.address(), Some("0.0.0.0/0".parse().unwrap()));
}

#[test]
fn a_home_address_of_its_own_is_asked_for_by_name() {
    let own = Branch {
        ipv4: Some("10.1.0.7/32".parse().unwrap()),
        ipv6: Some("2001:db8:1:7::/64".parse().unwrap()),
        ..Branch::default()
    };
    let mut world = begun(settings(), own);
    let update = world.take_one();
    assert_eq!(update.address(), Some("10.1.0.7/32".parse().unwrap()));
    assert_eq!(update.prefixes(), ["2001:db8:1:7::/64".parse().unwrap()]);
    assert_eq!(asked(&update), []);
}

#[test]
fn networks_of_both_families_are_tunnelled_and_refreshed_by_name_and_nothing_is_advertised() {
    let mut world = with(branch(&[LAN], 1, 1), &[LAN, GIVEN, GIVEN6]);
    let all = nets(&[LAN, GIVEN, GIVEN6]);
    assert_eq!(delegated(&world), all);
    let inner = &world.forwarding.values().next().unwrap().inner;
    assert!(all.iter().all(|net| inner.contains(net)), "{inner:?}");
    assert_eq!(world.frames, [], "there is no link");
    world.pass(secs(300));
    assert_eq!(asked(&world.take_one()), all);
    assert_eq!(world.frames, []);
}

#[test]
fn what_the_anchor_did_not_give_is_asked_for_in_every_refresh() {
    let mut world = with(branch(&[LAN], 1, 0), &[]);
    assert_eq!(delegated(&world), []);
    world.pass(secs(300));
    assert_eq!(asked(&world.take_one()), nets(&[LAN, ANY_IPV4]));
}

#[test]
fn networks_that_still_lack_prefixes_are_asked_for_one_after_another() {
    let mut world = begun(settings(), branch(&[LAN], 3, 1));
    let update = world.take_one();
    assert_eq!(asked(&update), nets(&[LAN, ANY_IPV4, ANY_IPV6]), "one of zeros for a family");
    delegate(&mut world, &update, &[LAN, GIVEN, GIVEN6]);
    world.pass_until_sent();
    let update = world.take_one();
    assert_eq!(asked(&update), nets(&[LAN, GIVEN, ANY_IPV4, GIVEN6]));
    delegate(&mut world, &update, &[LAN, GIVEN, "10.99.0.16/28", GIVEN6]);
    world.pass_until_sent();
    let update = world.take_one();
    assert_eq!(asked(&update), nets(&[LAN, GIVEN, "10.99.0.16/28", ANY_IPV4, GIVEN6]));
    // Nothing new: the anchor has no more, and is not pressed.
    delegate(&mut world, &update, &[LAN, GIVEN, "10.99.0.16/28", GIVEN6]);
    world.pass(secs(299));
    assert!(world.sent.is_empty());
    world.pass(secs(1));
    assert_eq!(asked(&world.take_one()), nets(&[LAN, GIVEN, "10.99.0.16/28", ANY_IPV4, GIVEN6]));
}

#[test]
fn a_network_that_comes_or_goes_is_told_at_once_in_one_update() {
    let mut world = with(branch(&[LAN], 0, 1), &[LAN, GIVEN6]);
    world.pass(secs(10));
    world.input(|mag, now| mag.handle_branch(IF1, branch(&[LAN, LAN6], 0, 1), now));
    world.pass_until_sent();
    let update = world.take_one();
    assert_eq!(asked(&update), nets(&[LAN, LAN6, GIVEN6]));
    delegate(&mut world, &update, &[LAN, LAN6, GIVEN6]);
    // The network that was given a prefix is gone: so is the prefix.
    world.input(|mag, now| mag.handle_branch(IF1, branch(&[LAN6], 0, 0), now));
    world.pass_until_sent();
    let update = world.take_one();
    assert_eq!(asked(&update), nets(&[LAN6]));
    delegate(&mut world, &update, &[LAN6]);
    assert_eq!(delegated(&world), nets(&[LAN6]));
    // The same again is nothing new.
    world.input(|mag, now| mag.handle_branch(IF1, branch(&[LAN6], 0, 0), now));
    world.pass(secs(10));
    assert!(world.sent.is_empty());
}

#[test]
fn a_prefix_that_a_network_has_lost_is_not_taken_for_a_delegated_one() {
    let mut world = with(branch(&[LAN, LAN6], 1, 1), &[LAN, LAN6, GIVEN, GIVEN6]);
    world.input(|mag, now| mag.handle_branch(IF1, branch(&[], 1, 1), now));
    world.pass_until_sent();
    let update = world.take_one();
    assert_eq!(asked(&update), nets(&[GIVEN, GIVEN6]));
    // An answer to what was sent before does not change that.
    delegate(&mut world, &update, &[LAN, LAN6, GIVEN, GIVEN6]);
    world.pass(secs(300));
    let update = world.take_one();
    assert_eq!(asked(&update), nets(&[GIVEN, GIVEN6]));
    delegate(&mut world, &update, &[GIVEN, GIVEN6]);
    // By now it could be delegated like any other.
    world.input(|mag, now| mag.handle_branch(IF1, branch(&[], 2, 1), now));
    world.pass_until_sent();
    let update = world.take_one();
    assert_eq!(asked(&update), nets(&[GIVEN, ANY_IPV4, GIVEN6]));
    delegate(&mut world, &update, &[GIVEN, LAN, GIVEN6]);
    world.pass_until_sent();
    assert_eq!(asked(&world.take_one()), nets(&[GIVEN, LAN, GIVEN6]));
}

#[test]
fn a_network_that_comes_while_the_first_update_is_on_its_way_is_told_after_the_answer() {
    let mut world = begun(settings(), branch(&[LAN], 0, 0));
    let update = world.take_one();
    world.input(|mag, now| mag.handle_branch(IF1, branch(&[LAN, LAN6], 0, 0), now));
    delegate(&mut world, &update, &[LAN]);
    world.pass_until_sent();
    assert_eq!(asked(&world.take_one()), nets(&[LAN, LAN6]));
}

#[test]
fn another_home_address_is_another_session() {
    let mut world = with(branch(&[LAN], 0, 0), &[LAN]);
    let other = Branch { ipv4: Some("10.1.0.9/32".parse().unwrap()), ..branch(&[LAN], 0, 0) };
    world.input(|mag, now| mag.handle_branch(IF1, other, now));
    let end = world.take_one();
    assert!(end.update().lifetime.is_zero());
    assert_eq!(asked(&end), nets(&[LAN]));
    world.answer(&end, Status::ACCEPTED, 0, end.echo());
    let update = world.take_one();
    assert_eq!(update.address(), Some("10.1.0.9/32".parse().unwrap()));
}

#[test]
fn after_a_lost_binding_the_networks_are_asked_for_by_name_and_then_left_to_the_anchor() {
    let mut world = with(branch(&[LAN], 1, 1), &[LAN, GIVEN, GIVEN6]);
    world.pass(secs(3600));
    assert!(world.access.is_empty(), "the binding has run out");
    let update = world.sent.pop().expect("another attempt");
    assert_eq!(asked(&update), nets(&[LAN, GIVEN, GIVEN6]));
    world.sent.clear();
    world.reject(&update, Status::REQUESTED_DMNP_IN_USE);
    world.pass_until_sent();
    let update = world.sent.pop().expect("a corrected update");
    assert_eq!(asked(&update), nets(&[LAN, ANY_IPV4, ANY_IPV6]));
    delegate(&mut world, &update, &[LAN, "10.98.0.0/28", "2001:db8:d9::/56"]);
    assert_eq!(delegated(&world), nets(&[LAN, "10.98.0.0/28", "2001:db8:d9::/56"]));
}

#[test]
fn what_one_anchor_delegated_is_asked_by_name_of_that_one_alone() {
    let mut world = begun(two_anchors(), branch(&[LAN], 0, 1));
    let update = world.take_one();
    delegate(&mut world, &update, &[LAN, GIVEN6]);
    world.pass_until_sent();
    let refresh = world.take_one();
    world.reject(&refresh, Status::INSUFFICIENT_RESOURCES);
    let elsewhere = world.take_one();
    assert_eq!(elsewhere.path.peer.ip().to_string(), "2001:db8::2");
    assert_eq!(asked(&elsewhere), nets(&[LAN, ANY_IPV6]));
    world.reject(&elsewhere, Status::INSUFFICIENT_RESOURCES);
    world.pass_until_sent();
    let back = world.take_one();
    assert_eq!(back.path.peer.ip().to_string(), "2001:db8::1");
    assert_eq!(asked(&back), nets(&[LAN, GIVEN6]));
}

#[test]
fn a_router_whose_networks_are_refused_has_no_session_and_tries_again() {
    for status in [Status::NOT_AUTHORIZED_FOR_DELEGATED_MNP, Status::REQUESTED_DMNP_IN_USE] {
        let mut world = begun(settings(), branch(&[LAN], 0, 0));
        let update = world.take_one();
        world.reject(&update, status);
        assert!(world.access.is_empty() && world.forwarding.is_empty());
        world.pass(secs(10));
        let update = world.take_one();
        assert_eq!(asked(&update), nets(&[LAN]), "{status}");
        delegate(&mut world, &update, &[LAN]);
        assert_eq!(delegated(&world), nets(&[LAN]));
    }
}

#[test]
fn another_anchor_is_asked_when_the_first_refuses_the_networks() {
    let mut world = begun(two_anchors(), branch(&[LAN], 0, 0));
    let update = world.take_one();
    world.reject(&update, Status::NOT_AUTHORIZED_FOR_DELEGATED_MNP);
    let update = world.take_one();
    assert_eq!(update.path.peer.ip().to_string(), "2001:db8::2");
    assert_eq!(asked(&update), nets(&[LAN]));
}

#[test]
fn a_revoked_router_is_registered_again_after_a_while() {
    let mut world = with(branch(&[LAN], 0, 1), &[LAN, GIVEN6]);
    let mut bytes = Vec::new();
    let bri = BindingRevocationIndication {
        trigger: kedge_wire::registry::RevocationTrigger::ADMINISTRATIVE_REASON,
        sequence: kedge_model::Sequence(7),
        flags: kedge_wire::RevocationFlags::P,
    };
    let mut encoder = Encoder::new(&mut bytes, bri);
    encoder.option(MnIdOption::from(&mn("branch@example.com")));
    encoder.option(HomeNetworkPrefix::new(PREFIX.parse().unwrap()));
    encoder.finish();
    world.deliver_bytes(path_from("2001:db8::1"), bytes);
    assert!(world.access.is_empty());
    world.sent.clear();
    world.pass(secs(10));
    assert_eq!(asked(&world.take_one()), nets(&[LAN, GIVEN6]));
}

#[test]
fn an_ipv4_router_asks_for_no_prefix_of_its_own() {
    let mut settings = settings();
    let profile = Profile { service: Service::Ipv4, ..Profile::default() };
    settings.profiles.insert(mn("branch@example.com"), profile);
    let mut world = begun(settings, branch(&[LAN], 0, 0));
    let update = world.take_one();
    assert_eq!((update.prefixes(), asked(&update)), (vec![], nets(&[LAN])));
}

#[test]
fn an_update_has_at_most_thirty_two_networks() {
    let many: Vec<String> = (0..40).map(|n| format!("10.7.{n}.0/24")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut world = begun(settings(), branch(&many, 40, 40));
    assert_eq!(asked(&world.take_one()), nets(&many[..32]));
}

#[test]
fn frames_on_no_link_make_no_session() {
    let mut world = with(branch(&[LAN], 0, 0), &[LAN]);
    world.solicit(IF2, MacAddr([2, 0, 0, 0, 0, 99]));
    assert_eq!(world.access.len(), 1);
}
