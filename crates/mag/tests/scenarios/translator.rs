//! Translators between the gateway and its anchor (RFC 5555 §4.2, §4.3; RFC 5845 §7.3).

use kedge_mag::{Settings, TunnelMode};
use kedge_model::{Encapsulation, Tunnel};
use kedge_wire::registry::Status;
use kedge_wire::{
    BaFlags, BuFlags, GreKeyOption, HomeNetworkPrefix, Ipv4CareOfAddress, LmaAddress, NatDetection,
};

use crate::world::*;

fn over_ipv4(encapsulation: TunnelMode) -> Settings {
    with_lma(settings(), |lma| {
        lma.address = "192.0.2.1".parse().unwrap();
        lma.encapsulation = encapsulation;
    })
}

fn found(force_udp: bool) -> NatDetection {
    NatDetection { force_udp, refresh_time: 25 }
}

fn tunnel(world: &World) -> Tunnel {
    world.forwarding.values().next().unwrap().paths[0].tunnel
}

const SHARED: Encapsulation = Encapsulation::Udp { local_port: 5436, peer_port: 5436 };
const DATA: Encapsulation = Encapsulation::Udp { local_port: 5437, peer_port: 5437 };

#[test]
fn updates_over_ipv4_say_the_addresses_that_they_were_sent_between() {
    let mut world = World::new(over_ipv4(TunnelMode::IpInIp));
    world.solicit(IF1, NODE);
    let options = world.take_one().packet.options;
    let own = Ipv4CareOfAddress("192.0.2.11".parse().unwrap());
    assert_eq!(options.get::<Ipv4CareOfAddress>(), Some(own));
    let anchor = LmaAddress("192.0.2.1".parse().unwrap());
    assert_eq!(options.get::<LmaAddress>(), Some(anchor));

    let mut over_ipv6 = World::new(settings());
    over_ipv6.solicit(IF1, NODE);
    let options = over_ipv6.take_one().packet.options;
    assert!(options.get::<Ipv4CareOfAddress>().is_none());
    assert!(options.get::<LmaAddress>().is_none());
}

#[test]
fn where_one_was_found_data_shares_the_signalling_port_and_refreshes_come_often() {
    let mut world = World::new(over_ipv4(TunnelMode::IpInIp));
    world.solicit(IF1, NODE);
    let update = world.take_one();
    world.accept_with(&update, 3600, |options| options.push(found(true)));
    assert_eq!((tunnel(&world).encapsulation, tunnel(&world).mtu), (SHARED, 1472));
    for _ in 0..3 {
        world.pass(secs(24));
        assert!(world.sent.is_empty());
        world.pass(secs(1));
        let refresh = world.take_one();
        world.accept_with(&refresh, 3600, |options| options.push(found(true)));
        assert_eq!(tunnel(&world).encapsulation, SHARED);
    }
    world.pass(secs(25));
    let refresh = world.take_one();
    let gone = NatDetection { force_udp: true, refresh_time: u32::MAX };
    world.accept_with(&refresh, 3600, |options| options.push(gone));
    assert_eq!(tunnel(&world).encapsulation, DATA);
    world.pass(secs(299));
    assert!(world.sent.is_empty(), "nobody has to be reminded of us");
}

#[test]
fn an_acknowledgement_that_says_nothing_of_udp_ends_it() {
    let mut world = World::new(over_ipv4(TunnelMode::IpInIp));
    world.solicit(IF1, NODE);
    let update = world.take_one();
    world.accept_with(&update, 3600, |options| options.push(found(true)));
    assert_eq!(tunnel(&world).encapsulation, SHARED);
    world.pass(secs(25));
    let refresh = world.take_one();
    world.accept(&refresh);
    assert_eq!(tunnel(&world).encapsulation, Encapsulation::IpInIp);
}

#[test]
fn a_refresh_time_of_zero_says_nothing() {
    let mut world = World::new(over_ipv4(TunnelMode::Udp));
    world.solicit(IF1, NODE);
    let update = world.take_one();
    let option = NatDetection { force_udp: true, refresh_time: 0 };
    world.accept_with(&update, 3600, |options| options.push(option));
    assert_eq!(tunnel(&world).encapsulation, DATA);
    world.pass(secs(299));
    assert!(world.sent.is_empty());
}

#[test]
fn gre_is_asked_for_in_udp_once_a_translator_was_found() {
    let mut world = World::new(over_ipv4(TunnelMode::GreKeyed));
    world.solicit(IF1, NODE);
    let first = world.take_one();
    assert!(!first.update().flags.contains(BuFlags::T));
    let ours = first.packet.options.get::<GreKeyOption>().unwrap().key;
    let theirs = GreKeyOption { key: Some(99) };
    world.accept_with(&first, 3600, |options| {
        options.push(theirs);
        options.push(found(false));
    });
    let gre = Encapsulation::Gre { send_key: Some(99), receive_key: ours };
    assert_eq!(tunnel(&world).encapsulation, gre);

    world.pass(secs(0));
    let again = world.take_one();
    assert!(again.update().flags.contains(BuFlags::F | BuFlags::T));
    let mut options = again.echo();
    options.push(HomeNetworkPrefix::new(PREFIX.parse().unwrap()));
    options.push(theirs);
    options.push(found(true));
    let flags = BaFlags::P | BaFlags::T;
    world.answer_with_flags(&again, Status::ACCEPTED, 3600, flags, options);
    let gre_udp = Encapsulation::GreUdp {
        local_port: 5436,
        peer_port: 5436,
        send_key: Some(99),
        receive_key: ours,
    };
    assert_eq!((tunnel(&world).encapsulation, tunnel(&world).mtu), (gre_udp, 1460));
    world.pass(secs(24));
    assert!(world.sent.is_empty(), "agreed is agreed");
    world.input(|mag, now| {
        mag.clear(&mn("mn7@example.com"), now);
    });
    assert!(!world.take_one().update().flags.contains(BuFlags::T), "without GRE there is none");
}

#[test]
fn an_anchor_without_the_tlv_header_keeps_gre_and_is_not_asked_again() {
    let mut world = World::new(over_ipv4(TunnelMode::Gre));
    world.solicit(IF1, NODE);
    let first = world.take_one();
    let theirs = GreKeyOption { key: None };
    world.accept_with(&first, 3600, |options| {
        options.push(theirs);
        options.push(found(false));
    });
    world.pass(secs(0));
    let again = world.take_one();
    let mut options = again.echo();
    options.push(HomeNetworkPrefix::new(PREFIX.parse().unwrap()));
    options.push(theirs);
    options.push(found(false));
    let status = Status::GRE_TUNNELING_BUT_TLV_HEADER_NOT_SUPPORTED;
    world.answer(&again, status, 3600, options);
    let gre = Encapsulation::Gre { send_key: None, receive_key: None };
    assert_eq!(tunnel(&world).encapsulation, gre, "RFC 5845 §7.3: GRE without UDP");
    world.pass(secs(25));
    assert!(!world.take_one().update().flags.contains(BuFlags::T));
}

#[test]
fn a_t_flag_that_nobody_asked_for_changes_nothing() {
    let mut world = World::new(over_ipv4(TunnelMode::Gre));
    world.solicit(IF1, NODE);
    let update = world.take_one();
    let mut options = update.echo();
    options.push(HomeNetworkPrefix::new(PREFIX.parse().unwrap()));
    options.push(GreKeyOption { key: None });
    let flags = BaFlags::P | BaFlags::T;
    world.answer_with_flags(&update, Status::ACCEPTED, 3600, flags, options);
    let gre = Encapsulation::Gre { send_key: None, receive_key: None };
    assert_eq!(tunnel(&world).encapsulation, gre);
}
