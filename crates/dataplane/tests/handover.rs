//! A binding whose tunnel leads to another gateway from now on.

mod kit;

use std::time::Instant;

use kedge_dataplane::{Arrived, Carried, DropReason, Forwarder, Side, Verdict};
use kedge_model::{Encapsulation, Forwarding, Path, Tunnel};
use kit::*;

const HERE: &str = "192.0.2.2";
const THERE: &str = "192.0.2.3";

fn at(peer: &str, inner: &[&str]) -> Forwarding {
    let tunnel = tunnel(Side::Anchor, Encapsulation::IpInIp, true);
    let tunnel = Tunnel { peer: ip(peer), ..tunnel };
    let inner = inner.iter().map(|text| net(text)).collect();
    Forwarding { vrf: INNER, inner, paths: vec![Path { tunnel, weight: 1 }] }
}

/// Where a packet to the node goes.
fn down(anchor: &mut Forwarder, to: &str) -> Option<u8> {
    match anchor.encapsulate(INNER, &packet(HOST_V4, to, 0, 10), Instant::now()) {
        Verdict::Forward(outer) => Some(outer[0].bytes[19]),
        _ => None,
    }
}

/// Why a packet of the node's from this gateway is dropped, if it is.
fn up(anchor: &mut Forwarder, peer: &str) -> Option<DropReason> {
    let inner = packet(NODE_V4, HOST_V4, 0, 10);
    let (local, peer, carried) = (ip("192.0.2.1"), ip(peer), Carried::Ipv4(&inner));
    let arrived = Arrived { transport: TRANSPORT, local, peer, tos: 0, carried };
    match anchor.decapsulate(&arrived, Instant::now()) {
        Verdict::Drop(reason) => Some(reason),
        _ => None,
    }
}

#[test]
fn packets_go_to_and_come_from_the_new_gateway_alone_and_are_counted_where_it_says() {
    let mut anchor = forwarder(Side::Anchor, &tunnel(Side::Anchor, Encapsulation::IpInIp, true));
    let inner = ["10.64.0.5/32", "2001:db8:5:5::/64"];
    let slot = anchor.tables.find(INNER, ip(NODE_V4));
    assert_eq!((down(&mut anchor, NODE_V4), up(&mut anchor, HERE)), (Some(2), None));
    anchor.tables.bind(NODE, &at(THERE, &inner), 4).unwrap();
    assert_eq!(anchor.tables.find(INNER, ip(NODE_V4)), slot);
    assert_eq!((down(&mut anchor, NODE_V4), up(&mut anchor, THERE)), (Some(3), None));
    assert_eq!(up(&mut anchor, HERE), Some(DropReason::UnknownPeer));
    let counts = anchor.tables.counts();
    for place in [0, 4] {
        let counted = counts.at(place).read();
        assert_eq!((counted.sent_packets, counted.received_packets), (1, 1), "{place}");
    }
    anchor.tables.unbind(NODE);
    assert_eq!(down(&mut anchor, NODE_V4), None);
    assert_eq!(up(&mut anchor, THERE), Some(DropReason::UnknownPeer));
}

#[test]
fn an_address_that_is_left_behind_is_free() {
    let mut anchor = forwarder(Side::Anchor, &tunnel(Side::Anchor, Encapsulation::IpInIp, true));
    anchor.tables.bind(NODE, &at(THERE, &["10.64.0.6/32"]), 0).unwrap();
    assert_eq!((down(&mut anchor, NODE_V4), down(&mut anchor, "10.64.0.6")), (None, Some(3)));
    let other = kedge_model::BindingId(8);
    anchor.tables.bind(other, &at(HERE, &["10.64.0.5/32"]), 1).unwrap();
    assert_eq!(down(&mut anchor, NODE_V4), Some(2));
}
