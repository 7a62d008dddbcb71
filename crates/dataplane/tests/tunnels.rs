//! Both ends of a tunnel, as two forwarders that hand each other their packets.

mod kit;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kedge_dataplane::inner::Inner;
use kedge_dataplane::{
    Arrived, Carried, DropReason, Forwarder, Kind, OuterPacket, Side, TotalCells, TunnelError,
    TunnelFault, Verdict,
};
use kedge_model::{BindingId, Encapsulation, Forwarding, Path, Tunnel};
use kedge_telemetry::CounterGroup;
use kit::*;
use proptest::prelude::*;

#[test]
fn an_unknown_peer_a_wrong_key_a_foreign_and_anothers_address_are_dropped_each_for_its_reason() {
    let gre =
        |send, receive| Encapsulation::Gre { send_key: Some(send), receive_key: Some(receive) };
    let mut anchor = forwarder(Side::Anchor, &tunnel(Side::Anchor, gre(1, 2), true));
    let neighbour = Tunnel { peer: ip("192.0.2.3"), ..tunnel(Side::Anchor, gre(1, 2), true) };
    let other = Forwarding {
        vrf: INNER,
        inner: vec![net("10.64.0.6/32")],
        paths: vec![Path { tunnel: neighbour, weight: 1 }],
    };
    anchor.tables.bind(BindingId(8), &other, 8).unwrap();

    let reason = |anchor: &mut Forwarder, peer: &str, key: u32, source: &str| {
        let inner = packet(source, HOST_V4, 0, 10);
        let mut bytes = vec![0x20, 0, 8, 0];
        bytes.extend(key.to_be_bytes());
        bytes.extend(inner);
        let carried = Carried::Gre(&bytes);
        let local = ip("192.0.2.1");
        let peer = ip(peer);
        let arrived = Arrived { transport: TRANSPORT, local, peer, tos: 0, carried };
        match anchor.decapsulate(&arrived, Instant::now()) {
            Verdict::Drop(reason) => Some(reason),
            Verdict::Forward(_) => None,
            Verdict::Local => panic!("nothing was sent into a tunnel"),
            Verdict::Reply(..) => panic!("nobody is told what a tunnel brought"),
        }
    };
    assert_eq!(reason(&mut anchor, "192.0.2.2", 2, NODE_V4), None);
    assert_eq!(reason(&mut anchor, "192.0.2.9", 2, NODE_V4), Some(DropReason::UnknownPeer));
    assert_eq!(reason(&mut anchor, "192.0.2.2", 3, NODE_V4), Some(DropReason::UnknownKey));
    assert_eq!(reason(&mut anchor, "192.0.2.2", 2, "10.64.0.7"), Some(DropReason::UnknownInner));
    assert_eq!(reason(&mut anchor, "192.0.2.2", 2, "10.64.0.6"), Some(DropReason::OtherTunnel));
    assert_eq!(reason(&mut anchor, "192.0.2.3", 2, "10.64.0.6"), None);

    let totals = anchor.cells().read();
    assert_eq!(totals.received.no_session, 4);
    assert_eq!(totals.received.data.total_packets(), 2);
}

#[test]
fn gateways_behind_one_translator_are_told_apart_by_its_ports() {
    let over =
        |peer_port| tunnel(Side::Anchor, Encapsulation::Udp { local_port: 5436, peer_port }, true);
    let mut anchor = forwarder(Side::Anchor, &over(40_001));
    let other = Forwarding {
        vrf: INNER,
        inner: vec![net("10.64.0.6/32")],
        paths: vec![Path { tunnel: over(40_002), weight: 1 }],
    };
    anchor.tables.bind(BindingId(8), &other, 8).unwrap();

    for (to, from, source, expected) in [
        (5436, 40_001, NODE_V4, None),
        (5436, 40_002, "10.64.0.6", None),
        (5436, 40_002, NODE_V4, Some(DropReason::OtherTunnel)),
        // A port that no signalling came from is not believed.
        (5436, 40_003, NODE_V4, Some(DropReason::UnknownKey)),
        (5437, 40_001, NODE_V4, Some(DropReason::UnknownKey)),
    ] {
        let inner = packet(source, HOST_V4, 0, 10);
        let carried = Carried::Udp { to, from, payload: &inner };
        let (local, peer) = (ip("192.0.2.1"), ip("192.0.2.2"));
        let arrived = Arrived { transport: TRANSPORT, local, peer, tos: 0, carried };
        let reason = match anchor.decapsulate(&arrived, Instant::now()) {
            Verdict::Forward(_) => None,
            Verdict::Drop(reason) => Some(reason),
            Verdict::Reply(..) => panic!("nobody is told what a tunnel brought"),
            Verdict::Local => panic!("an anchor routes nothing locally"),
        };
        assert_eq!(reason, expected, "{from} to {to}");
    }

    let down = packet(HOST_V4, "10.64.0.6", 0, 10);
    let Verdict::Forward(outer) = anchor.encapsulate(INNER, &down, Instant::now()) else {
        panic!("it is bound")
    };
    assert_eq!(outer[0].bytes[20..24], [0x15, 0x3c, 0x9c, 0x42], "from 5436 to 40002");
}

#[test]
fn a_tlv_header_whose_length_is_not_the_datagrams_is_discarded() {
    let mut anchor = forwarder(Side::Anchor, &tunnel(Side::Anchor, gre_udp(5436, Some(9)), true));
    let inner = packet(NODE_V4, HOST_V4, 0, 10);
    for (error, key, expected) in [
        (0, 9, None),
        (1, 9, Some(DropReason::InvalidLength)),
        (0, 8, Some(DropReason::UnknownKey)),
    ] {
        let length = 8 + inner.len() as u8 + error;
        let mut payload = vec![0, 47, 0, length, 0x20, 0, 8, 0, 0, 0, 0, key];
        payload.extend(&inner);
        let carried = Carried::Udp { to: 5436, from: 5436, payload: &payload };
        let (local, peer) = (ip("192.0.2.1"), ip("192.0.2.2"));
        let arrived = Arrived { transport: TRANSPORT, local, peer, tos: 0, carried };
        let dropped = match anchor.decapsulate(&arrived, Instant::now()) {
            Verdict::Drop(reason) => Some(reason),
            _ => None,
        };
        assert_eq!(dropped, expected);
    }
}

#[test]
fn a_gateway_routes_between_its_subscribers_itself_only_when_it_may_and_only_from_honest_sources() {
    const OTHER_V6: &str = "2001:db8:5:6::1";
    let way = tunnel(Side::Gateway, Encapsulation::IpInIp, true);
    let other = Forwarding {
        vrf: INNER,
        inner: vec![net("2001:db8:5:6::/64"), net("2001:db8:d0::/56")],
        paths: vec![Path { tunnel: way, weight: 1 }],
    };
    let mut gateway = forwarder(Side::Gateway, &way);
    gateway.tables.bind(BindingId(8), &other, 8).unwrap();
    let now = Instant::now();
    let send = |gateway: &mut Forwarder, from: &str, to: &str| {
        gateway.encapsulate(INNER, &packet(from, to, 0, 10), now)
    };
    assert!(matches!(send(&mut gateway, NODE_V6, OTHER_V6), Verdict::Forward(_)));
    gateway.tables.route_locally(true);
    assert_eq!(send(&mut gateway, NODE_V6, OTHER_V6), Verdict::Local);
    assert_eq!(send(&mut gateway, NODE_V6, "2001:db8:d0:1::5"), Verdict::Local);
    assert_eq!(send(&mut gateway, "2001:db8:d0:1::5", NODE_V6), Verdict::Local);
    assert!(matches!(send(&mut gateway, NODE_V6, HOST_V6), Verdict::Forward(_)));
    let spoofed = send(&mut gateway, "2001:db8:5:9::1", OTHER_V6);
    assert!(matches!(spoofed, Verdict::Reply(DropReason::NoBinding, _)), "{spoofed:?}");
    let totals = gateway.cells().read();
    assert_eq!((totals.local.packets, totals.sent.data.total_packets()), (3, 2));
    gateway.tables.route_locally(false);
    assert!(matches!(send(&mut gateway, NODE_V6, OTHER_V6), Verdict::Forward(_)));

    // An anchor has no such choice: its packets come from anywhere.
    let mut anchor = forwarder(Side::Anchor, &tunnel(Side::Anchor, Encapsulation::IpInIp, true));
    anchor.tables.route_locally(true);
    assert!(matches!(send(&mut anchor, HOST_V6, NODE_V6), Verdict::Forward(_)));
}

#[test]
fn a_gateway_takes_only_what_is_for_its_subscribers() {
    let udp = Encapsulation::Udp { local_port: 5437, peer_port: 5437 };
    let mut gateway = forwarder(Side::Gateway, &tunnel(Side::Gateway, udp, true));
    let mut take = |destination: &str| {
        let inner = packet(HOST_V6, destination, 0, 10);
        let carried = Carried::Udp { to: 5437, from: 5437, payload: &inner };
        let (local, peer) = (ip("192.0.2.2"), ip("192.0.2.1"));
        gateway.decapsulate(
            &Arrived { transport: TRANSPORT, local, peer, tos: 0, carried },
            Instant::now(),
        )
    };
    assert!(matches!(take(NODE_V6), Verdict::Forward(_)));
    assert_eq!(take("2001:db8:5:6::1"), Verdict::Drop(DropReason::UnknownInner));
}

/// RFC 7148 §5.2.3: the prefixes delegated to a mobile router are among its inner addresses.
#[test]
fn the_networks_behind_a_subscriber_are_its_own_in_both_directions() {
    let tunnel = tunnel(Side::Anchor, Encapsulation::IpInIp, false);
    let mut anchor = forwarder(Side::Anchor, &tunnel);
    let want = Forwarding {
        vrf: INNER,
        inner: ["2001:db8:5:5::/64", "2001:db8:a00::/56", "172.16.4.0/22"].map(net).to_vec(),
        paths: vec![Path { tunnel, weight: 1 }],
    };
    anchor.tables.bind(NODE, &want, 0).unwrap();
    for (inside, outside, host) in [
        ("2001:db8:a00:ff::7", "2001:db8:a00:100::7", HOST_V6),
        ("172.16.7.255", "172.16.8.0", HOST_V4),
    ] {
        let mut down = |to| anchor.encapsulate(INNER, &packet(host, to, 0, 10), Instant::now());
        assert!(matches!(down(inside), Verdict::Forward(_)), "{inside}");
        assert!(!matches!(down(outside), Verdict::Forward(_)), "{outside}");
        let mut up = |source| {
            let inner = packet(source, host, 0, 10);
            let (local, peer) = (ip("2001:db8::1"), ip("2001:db8::2"));
            let carried = match ip(source).is_ipv4() {
                true => Carried::Ipv4(&inner),
                false => Carried::Ipv6(&inner),
            };
            anchor.decapsulate(
                &Arrived { transport: TRANSPORT, local, peer, tos: 0, carried },
                Instant::now(),
            )
        };
        assert!(matches!(up(inside), Verdict::Forward(_)), "{inside}");
        assert_eq!(up(outside), Verdict::Drop(DropReason::UnknownInner));
    }
}

#[test]
fn a_packet_that_is_too_big_is_answered_or_fragmented_as_its_family_and_df_bit_say() {
    let now = Instant::now();
    let udp = Encapsulation::Udp { local_port: 5437, peer_port: 5437 };
    let mut anchor = forwarder(Side::Anchor, &tunnel(Side::Anchor, udp, true));
    let over = 1401;

    let v6 = packet(HOST_V6, NODE_V6, 0, over - 48);
    let Verdict::Reply(DropReason::TooBig, reply) = anchor.encapsulate(INNER, &v6, now) else {
        panic!("an IPv6 packet is never fragmented by a router")
    };
    let answer = reply.packet(ip("2001:db8:ffff::1"));
    assert_eq!((answer[40], answer[41], &answer[44..48]), (2, 0, &1400u32.to_be_bytes()[..]));
    assert!(answer.len() <= 1280 && v6.starts_with(&answer[48..]));

    let mut v4 = packet(HOST_V4, NODE_V4, 0, over - 28);
    v4[6] |= 0x40;
    fix_ipv4(&mut v4);
    let Verdict::Reply(DropReason::TooBig, reply) = anchor.encapsulate(INNER, &v4, now) else {
        panic!("DF is set")
    };
    let answer = reply.packet(ip("198.51.100.1"));
    assert_eq!((answer[20], answer[21], &answer[26..28]), (3, 4, &1400u16.to_be_bytes()[..]));

    v4[6] &= !0x40;
    fix_ipv4(&mut v4);
    let Verdict::Forward(outer) = anchor.encapsulate(INNER, &v4, now) else {
        panic!("DF is clear")
    };
    assert_eq!(outer.len(), 2);
    assert!(outer.iter().all(|piece| piece.bytes.len() <= 1400 + 28 && !piece.may_fragment));
    assert_eq!(anchor.cells().read().drops.get(DropReason::TooBig), 2);
}

#[test]
fn an_outer_packet_too_big_lowers_the_mtu_for_a_while_and_is_relayed() {
    let now = Instant::now();
    let udp = Encapsulation::Udp { local_port: 5437, peer_port: 5437 };
    let mut anchor = forwarder(Side::Anchor, &tunnel(Side::Anchor, udp, true));
    let v6 = packet(HOST_V6, NODE_V6, 0, 1400 - 48);
    assert!(matches!(anchor.encapsulate(INNER, &v6, now), Verdict::Forward(_)));

    let report = |inner| TunnelError {
        transport: TRANSPORT,
        local: ip("192.0.2.1"),
        peer: ip("192.0.2.2"),
        fault: TunnelFault::TooBig { outer_mtu: 1360 },
        inner,
    };
    let relayed = anchor.tunnel_error(&report(&v6[..100]), now);
    let (INNER, reply) = relayed.expect("the sender is told") else { panic!("wrong world") };
    assert_eq!(reply.packet(ip("::1"))[44..48], (1360u32 - 28).to_be_bytes());
    assert!(matches!(anchor.encapsulate(INNER, &v6, now), Verdict::Reply(DropReason::TooBig, _)));
    let later = now + Duration::from_secs(601);
    assert!(matches!(anchor.encapsulate(INNER, &v6, later), Verdict::Forward(_)));

    let foreign = packet(HOST_V6, "2001:db8:5:6::1", 0, 1000);
    assert_eq!(anchor.tunnel_error(&report(&foreign), now), None);
    let icmp = anchor.cells().read().icmpv6;
    assert_eq!(icmp.packet_too_big_received, 2);
    assert_eq!(icmp.packet_too_big_relayed, 1);
    assert_eq!(icmp.packet_too_big_dropped, 1);
}

#[test]
fn small_ipv6_packets_pass_a_narrow_path_in_outer_fragments() {
    let udp = Encapsulation::Udp { local_port: 5437, peer_port: 5437 };
    let narrow = Tunnel { mtu: 1200, ..tunnel(Side::Anchor, udp, true) };
    let mut anchor = forwarder(Side::Anchor, &narrow);
    let v6 = packet(HOST_V6, NODE_V6, 0, 1280 - 48);
    let Verdict::Forward(outer) = anchor.encapsulate(INNER, &v6, Instant::now()) else {
        panic!("RFC 2473 §7.1 (b)")
    };
    assert!(outer.len() == 1 && outer[0].may_fragment && outer[0].bytes[6] & 0x40 == 0);
}

#[test]
fn errors_are_sent_fifty_at_once_and_a_thousand_a_second() {
    let now = Instant::now();
    let mut anchor = forwarder(Side::Anchor, &tunnel(Side::Anchor, Encapsulation::IpInIp, true));
    let lost = packet(HOST_V4, "10.64.0.99", 0, 10);
    let mut replies = |now| {
        let verdicts = (0..100).map(|_| anchor.encapsulate(INNER, &lost, now));
        verdicts.filter(|v| matches!(v, Verdict::Reply(DropReason::NoBinding, _))).count()
    };
    assert_eq!(replies(now), 50);
    assert_eq!(replies(now + Duration::from_millis(10)), 10);
    assert_eq!(anchor.cells().read().drops.get(DropReason::NoBinding), 200);
}

#[test]
fn icmp_errors_multicast_and_later_fragments_are_never_answered() {
    let mut anchor = forwarder(Side::Anchor, &tunnel(Side::Anchor, Encapsulation::IpInIp, true));
    let mut error = packet(HOST_V4, "10.64.0.99", 0, 10);
    error[9] = 1;
    error[20] = 3;
    let mut fragment = packet(HOST_V4, "10.64.0.99", 0, 10);
    fragment[7] = 1;
    let mut error6 = packet(HOST_V6, "2001:db8:9::1", 0, 10);
    error6[6] = 58;
    error6[40] = 1;
    let many = packet(HOST_V4, "239.1.1.1", 0, 10);
    let nobody = packet("0.0.0.0", "10.64.0.99", 0, 10);
    for (what, bytes) in [
        ("ICMP error", error),
        ("fragment", fragment),
        ("ICMPv6 error", error6),
        ("multicast", many),
        ("unspecified source", nobody),
    ] {
        let verdict = anchor.encapsulate(INNER, &bytes, Instant::now());
        assert_eq!(verdict, Verdict::Drop(DropReason::NoBinding), "{what}");
    }
}

#[test]
fn what_the_host_says_on_its_link_is_no_lost_packet() {
    let mut anchor = forwarder(Side::Anchor, &tunnel(Side::Anchor, Encapsulation::IpInIp, true));
    for (from, to) in [
        ("::", "ff02::16"),
        ("fe80::1", "ff02::2"),
        (HOST_V4, "224.0.0.22"),
        ("169.254.1.1", "10.64.0.99"),
    ] {
        let verdict = anchor.encapsulate(INNER, &packet(from, to, 0, 10), Instant::now());
        assert_eq!(verdict, Verdict::Drop(DropReason::LinkScope), "{from} to {to}");
    }
}

#[test]
fn flows_spread_over_paths_by_weight_and_stay_where_they_are() {
    let udp = Encapsulation::Udp { local_port: 5437, peer_port: 5437 };
    let first = tunnel(Side::Anchor, udp, true);
    let second = Tunnel { peer: ip("192.0.2.3"), ..first };
    let third = Tunnel { peer: ip("192.0.2.4"), ..first };
    let mut anchor = forwarder(Side::Anchor, &first);
    let weighted = [(first, 1), (second, 3), (third, 0)];
    let want = Forwarding {
        vrf: INNER,
        inner: vec![net("10.64.0.5/32")],
        paths: weighted.map(|(tunnel, weight)| Path { tunnel, weight }).to_vec(),
    };
    anchor.tables.bind(NODE, &want, 0).unwrap();
    let mut peers = [0; 3];
    for flow in 0..4000u16 {
        let mut bytes = packet(HOST_V4, NODE_V4, 0, 10);
        bytes[20..22].copy_from_slice(&flow.to_be_bytes());
        let mut peer = || match anchor.encapsulate(INNER, &bytes, Instant::now()) {
            Verdict::Forward(outer) => usize::from(outer[0].bytes[19]),
            other => panic!("{other:?}"),
        };
        let once = peer();
        assert_eq!(peer(), once);
        peers[once - 2] += 1;
    }
    assert!((800..1200).contains(&peers[0]), "{peers:?}");
    assert_eq!((peers[0] + peers[1], peers[2]), (4000, 0));
}

#[test]
fn a_prefix_has_one_holder_and_a_refused_change_changes_nothing() {
    let udp = Encapsulation::Udp { local_port: 5437, peer_port: 5437 };
    let mut anchor = forwarder(Side::Anchor, &tunnel(Side::Anchor, udp, true));
    let path = Path { tunnel: tunnel(Side::Anchor, udp, true), weight: 1 };
    let want = |inner: &[&str], path: Path| Forwarding {
        vrf: INNER,
        inner: inner.iter().map(|text| net(text)).collect(),
        paths: vec![path],
    };
    let mut bind = |id, want: &Forwarding| anchor.tables.bind(BindingId(id), want, 0);
    let taken = bind(9, &want(&["10.64.0.9/32", "10.64.0.5/32"], path)).unwrap_err();
    assert_eq!(taken.to_string(), "binding 9: 10.64.0.5/32 belongs to binding 7");
    let unknown = Tunnel { local: ip("192.0.2.77"), ..path.tunnel };
    let refused = bind(9, &want(&["10.64.0.9/32"], Path { tunnel: unknown, weight: 1 }));
    assert!(refused.unwrap_err().to_string().contains("192.0.2.77:5437"));
    assert!(bind(9, &want(&["10.64.0.9/32"], Path { weight: 0, ..path })).is_err());
    assert!(bind(9, &want(&["10.64.0.9/32"], path)).is_ok());
    assert!(bind(7, &want(&["10.64.0.5/32"], path)).is_ok());
    assert!(anchor.tables.find(INNER, ip(NODE_V6)).is_none());
}

#[test]
fn packets_and_octets_of_the_kinds_sum_to_the_totals() {
    let (mut packets, mut bytes) = (0, 0);
    let cells = Arc::new(TotalCells::default());
    for ((i, (encapsulation, over_ipv4)), inner_ipv4) in
        (1..).zip(all_tunnels()).flat_map(|t| [(t, true), (t, false)])
    {
        let tunnel = tunnel(Side::Anchor, encapsulation, over_ipv4);
        let kind = Kind::of(&tunnel, inner_ipv4);
        cells.sent(kind, i, 100 * i);
        cells.received(kind, 2 * i, 7 * i);
        packets += i;
        bytes += 100 * i;
    }
    let totals = cells.read();
    let rows = totals.sent.rows();
    let value = |key: &str| rows.iter().find(|row| row.key == key).expect(key).value;
    let sum = |suffix: &str| -> u64 {
        let kinds =
            rows.iter().filter(|row| row.key.starts_with("ipv") && row.key.ends_with(suffix));
        kinds.map(|row| row.value).sum()
    };
    assert_eq!((value("total_packets"), value("total_bytes")), (packets, bytes));
    assert_eq!((sum("_packets"), sum("_bytes")), (packets, bytes));
    assert_eq!(totals.received.data.total_packets(), 2 * packets);
    assert_eq!(rows.len(), 26);
    assert_eq!(totals.received.rows().len(), 29);
}

proptest! {
    #[test]
    fn what_goes_in_comes_out(
        which in 0usize..TUNNELS, v4 in any::<bool>(), up in any::<bool>(), tos in any::<u8>(),
        data in prop::collection::vec(any::<u8>(), 8..1300),
    ) {
        let (encapsulation, over_ipv4) = all_tunnels()[which];
        let tunnels = [Side::Anchor, Side::Gateway]
            .map(|side| tunnel(side, encapsulation, over_ipv4));
        let [mut anchor, mut gateway] =
            [(Side::Anchor, 0), (Side::Gateway, 1)].map(|(side, at)| forwarder(side, &tunnels[at]));
        let (node, host) = if v4 { (NODE_V4, HOST_V4) } else { (NODE_V6, HOST_V6) };
        let (from, to, near, far) = if up {
            (node, host, &mut gateway, &mut anchor)
        } else {
            (host, node, &mut anchor, &mut gateway)
        };
        let mut inner = packet(from, to, tos, data.len());
        let at = inner.len() - data.len();
        inner[at..].copy_from_slice(&data);

        let Verdict::Forward(outer) = near.encapsulate(INNER, &inner, Instant::now()) else {
            return Err(TestCaseError::fail("not encapsulated"));
        };
        let [OuterPacket { transport, bytes, may_fragment: false }] = &outer[..] else {
            return Err(TestCaseError::fail("not one packet"));
        };
        let header = Inner::parse(bytes).unwrap();
        prop_assert_eq!(header.tos, tos);
        prop_assert_eq!(bytes.len(), inner.len() + usize::from(tunnels[0].overhead()));
        let arrived = Arrived::parse(*transport, bytes).unwrap();
        let Verdict::Forward(left) = far.decapsulate(&arrived, Instant::now()) else {
            return Err(TestCaseError::fail("not decapsulated"));
        };
        prop_assert_eq!((left.vrf, left.bytes), (INNER, inner));

        let kind = Kind::of(&tunnels[0], v4);
        prop_assert_eq!(near.cells().read().sent.data.packets(kind), 1);
        prop_assert_eq!(far.cells().read().received.data.packets(kind), 1);
    }

    #[test]
    fn no_octets_make_it_panic(
        which in 0usize..TUNNELS, mut bytes in prop::collection::vec(any::<u8>(), 0..200),
        first in prop::sample::select(vec![0x45u8, 0x46, 0x60, 0x00, 0xb0]), aim in any::<bool>(),
    ) {
        let (encapsulation, over_ipv4) = all_tunnels()[which];
        let mut anchor =
            forwarder(Side::Anchor, &tunnel(Side::Anchor, encapsulation, over_ipv4));
        if let Some(octet) = bytes.first_mut() {
            *octet = first;
        }
        if aim && bytes.len() >= 40 {
            // Octets that reach the code behind the lookup.
            bytes[2..4].copy_from_slice(&[0, 40]);
            let IpAddr::V4(node) = ip(NODE_V4) else { unreachable!("it is IPv4") };
            bytes[12..16].copy_from_slice(&node.octets());
            bytes[16..20].copy_from_slice(&node.octets());
        }
        let now = Instant::now();
        let _ = anchor.encapsulate(INNER, &bytes, now);
        let (local, peer) = (ip("192.0.2.1"), ip("192.0.2.2"));
        for carried in [
            Carried::Ipv4(&bytes),
            Carried::Ipv6(&bytes),
            Carried::Gre(&bytes),
            Carried::Udp { to: 5437, from: 9, payload: &bytes },
        ] {
            let tos = bytes.get(1).copied().unwrap_or(0);
            let _ = anchor.decapsulate(&Arrived { transport: TRANSPORT, local, peer, tos, carried }, now);
        }
        let fault = TunnelFault::TooBig { outer_mtu: u32::from(first) };
        let _ = anchor.tunnel_error(
            &TunnelError { transport: TRANSPORT, local, peer, fault, inner: &bytes }, now,
        );
        let _ = Arrived::parse(TRANSPORT, &bytes);
    }
}

/// How many ways to carry a packet there are.
const TUNNELS: usize = 11;

/// Each encapsulation over IPv4 (`true`) and IPv6. The signalling port is shared over IPv4 alone.
fn all_tunnels() -> [(Encapsulation, bool); TUNNELS] {
    let udp = Encapsulation::Udp { local_port: 5437, peer_port: 5437 };
    let shared = Encapsulation::Udp { local_port: 5436, peer_port: 5436 };
    let bare = Encapsulation::Gre { send_key: None, receive_key: None };
    let keyed = Encapsulation::Gre { send_key: Some(99), receive_key: Some(99) };
    let ip = Encapsulation::IpInIp;
    [
        (udp, true),
        (bare, true),
        (keyed, true),
        (ip, true),
        (shared, true),
        (gre_udp(5436, None), true),
        (udp, false),
        (bare, false),
        (keyed, false),
        (ip, false),
        (gre_udp(5437, Some(99)), false),
    ]
}

fn gre_udp(port: u16, key: Option<u32>) -> Encapsulation {
    Encapsulation::GreUdp { local_port: port, peer_port: port, send_key: key, receive_key: key }
}
