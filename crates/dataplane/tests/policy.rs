//! What an operator decides about packets: segment sizes, access lists, code points.

mod kit;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kedge_dataplane::checksum::Sum;
use kedge_dataplane::inner::Inner;
use kedge_dataplane::{
    AccessList, Addresses, Arrived, Between, CodePoints, DropReason, Forwarder, Marking, Messages,
    Policy, PortRange, Rule, Side, TunnelError, TunnelFault, Verdict,
};
use kedge_model::Encapsulation;
use kit::*;
use proptest::prelude::*;

const UDP: Encapsulation = Encapsulation::Udp { local_port: 5437, peer_port: 5437 };

fn anchor(policy: Policy) -> Forwarder {
    let mut anchor = forwarder(Side::Anchor, &tunnel(Side::Anchor, UDP, true));
    anchor.tables.set_policy(INNER, policy).unwrap();
    anchor
}

/// The outer octet and the inner packet that a packet into the tunnel becomes.
fn into_tunnel(forwarder: &mut Forwarder, packet: &[u8]) -> Option<(u8, Vec<u8>)> {
    match forwarder.encapsulate(INNER, packet, Instant::now()) {
        Verdict::Forward(outer) => Some((outer[0].bytes[1], outer[0].bytes[28..].to_vec())),
        _ => None,
    }
}

/// The packet that an anchor takes out of the tunnel.
fn out_of_tunnel(anchor: &mut Forwarder, tos: u8, packet: &[u8]) -> Result<Vec<u8>, DropReason> {
    let carried = kedge_dataplane::Carried::Udp { to: 5437, from: 5437, payload: packet };
    let (local, peer) = (ip("192.0.2.1"), ip("192.0.2.2"));
    let arrived = Arrived { transport: TRANSPORT, local, peer, tos, carried };
    match anchor.decapsulate(&arrived, Instant::now()) {
        Verdict::Forward(inner) => Ok(inner.bytes),
        Verdict::Drop(reason) => Err(reason),
        other => panic!("{other:?}"),
    }
}

/// The first Maximum Segment Size option of a TCP segment behind a header of this length.
fn mss(packet: &[u8], header: usize) -> u16 {
    let options = &packet[header + 20..];
    let at = options.windows(2).position(|two| two == [2, 4]).expect("an option");
    u16::from_be_bytes([options[at + 2], options[at + 3]])
}

#[test]
fn a_syn_in_either_direction_announces_no_more_than_the_tunnel_carries() {
    let mut anchor = anchor(Policy::default());
    for (from, to, header, fits) in
        [(HOST_V4, NODE_V4, 20, 1400 - 40), (HOST_V6, NODE_V6, 40, 1400 - 60)]
    {
        for (announced, expected) in [(1460, fits), (fits, fits), (536, 536)] {
            for flags in [SYN, SYN | ACK] {
                let options = [&[2, 4][..], &u16::to_be_bytes(announced), &[1, 3, 3, 7]].concat();
                let down = segment(from, to, flags, &options, 0);
                let (_, sent) = into_tunnel(&mut anchor, &down).unwrap();
                assert_eq!(mss(&sent, header), expected);
                assert!(tcp_checksum_is_right(&sent));
                let up = segment(to, from, flags, &options, 0);
                let taken = out_of_tunnel(&mut anchor, 0, &up).unwrap();
                assert_eq!(mss(&taken, header), expected);
                assert!(tcp_checksum_is_right(&taken));
            }
        }
    }
    let counted = anchor.cells().read().mss;
    assert_eq!((counted.into_tunnels, counted.out_of_tunnels), (4, 4));
}

#[test]
fn segment_sizes_are_left_alone_where_an_operator_says_so() {
    let mut anchor = anchor(Policy { clamp_mss: false, ..Policy::default() });
    let down = segment(HOST_V4, NODE_V4, SYN, &[2, 4, 0xff, 0xff], 0);
    assert_eq!(into_tunnel(&mut anchor, &down).unwrap().1, down);
    let up = segment(NODE_V4, HOST_V4, SYN, &[2, 4, 0xff, 0xff], 0);
    assert_eq!(out_of_tunnel(&mut anchor, 0, &up).unwrap(), up);
}

#[test]
fn what_is_no_whole_well_formed_syn_is_left_alone() {
    let mut anchor = anchor(Policy::default());
    let big = [2, 4, 0xff, 0xff];
    let untouched = |anchor: &mut Forwarder, packet: Vec<u8>, why: &str| {
        assert_eq!(into_tunnel(anchor, &packet).unwrap().1, packet, "{why}");
    };
    untouched(&mut anchor, segment(HOST_V4, NODE_V4, ACK, &big, 0), "no SYN");
    untouched(&mut anchor, segment(HOST_V4, NODE_V4, SYN, &[], 0), "no option");
    untouched(&mut anchor, segment(HOST_V4, NODE_V4, SYN, &[2, 3, 0xff, 1], 0), "a short option");
    untouched(&mut anchor, segment(HOST_V4, NODE_V4, SYN, &[2, 0, 0xff, 0xff], 0), "no length");
    untouched(&mut anchor, segment(HOST_V4, NODE_V4, SYN, &[1, 1, 2, 4], 0), "an option cut off");
    let behind_bad = [8, 1, 1, 1, 2, 4, 0xff, 0xff];
    untouched(&mut anchor, segment(HOST_V4, NODE_V4, SYN, &behind_bad, 0), "behind a bad option");
    let behind_end = [0, 0, 0, 0, 2, 4, 0xff, 0xff];
    untouched(&mut anchor, segment(HOST_V4, NODE_V4, SYN, &behind_end, 0), "behind the end");
    let mut fragment = segment(HOST_V4, NODE_V4, SYN, &big, 8);
    fragment[6] |= 0x20;
    fix_ipv4(&mut fragment);
    untouched(&mut anchor, fragment, "a first fragment");
    let mut cut = segment(HOST_V4, NODE_V4, SYN, &big, 0);
    cut.truncate(41);
    cut[3] = 41;
    fix_ipv4(&mut cut);
    untouched(&mut anchor, cut, "a header that is cut off");
    let whole = segment(HOST_V6, NODE_V6, SYN, &big, 8);
    let fragment_header = [6, 0, 0, 1, 0, 0, 0, 9];
    untouched(&mut anchor, with_extension(&whole, 44, &fragment_header), "an IPv6 fragment");
    assert_eq!(anchor.cells().read().mss.into_tunnels, 0);
}

#[test]
fn a_syn_behind_extension_headers_and_an_option_at_an_odd_place_are_found() {
    let mut anchor = anchor(Policy::default());
    let odd = segment(HOST_V6, NODE_V6, SYN, &[1, 2, 4, 0xff, 0xfe, 1, 1, 1], 3);
    let (_, sent) = into_tunnel(&mut anchor, &odd).unwrap();
    assert_eq!(mss(&sent, 40), 1340);
    assert!(tcp_checksum_is_right(&sent));
    let behind = with_extension(&odd, 60, &[6, 0, 1, 4, 0, 0, 0, 0]);
    let (_, sent) = into_tunnel(&mut anchor, &behind).unwrap();
    assert_eq!(mss(&sent, 48), 1340);
}

#[test]
fn a_checksum_that_was_wrong_stays_wrong() {
    let mut anchor = anchor(Policy::default());
    let mut bad = segment(HOST_V4, NODE_V4, SYN, &[2, 4, 0xff, 0xff], 0);
    bad[36] ^= 0x10;
    let (_, sent) = into_tunnel(&mut anchor, &bad).unwrap();
    assert_eq!(mss(&sent, 20), 1360);
    assert!(!tcp_checksum_is_right(&sent));
}

#[test]
fn what_a_path_was_found_to_carry_clamps_too_and_all_bindings_on_the_way_know_it() {
    let mut anchor = anchor(Policy::default());
    let (now, later) = (Instant::now(), Instant::now() + Duration::from_secs(700));
    let neighbour = kedge_model::Forwarding {
        vrf: INNER,
        inner: vec![net("10.64.0.6/32")],
        paths: vec![kedge_model::Path { tunnel: tunnel(Side::Anchor, UDP, true), weight: 1 }],
    };
    anchor.tables.bind(kedge_model::BindingId(8), &neighbour, 8).unwrap();
    let mut learn = |outer_mtu| {
        let quoted = packet(HOST_V4, NODE_V4, 0, 1300);
        let fault = TunnelFault::TooBig { outer_mtu };
        let (local, peer) = (ip("192.0.2.1"), ip("192.0.2.2"));
        let error = TunnelError { transport: TRANSPORT, local, peer, fault, inner: &quoted };
        anchor.tunnel_error(&error, now);
        let syn = segment(HOST_V4, "10.64.0.6", SYN, &[2, 4, 5, 180], 0);
        let seen = |anchor: &mut Forwarder, at| match anchor.encapsulate(INNER, &syn, at) {
            Verdict::Forward(outer) => mss(&outer[0].bytes[28..], 20),
            other => panic!("{other:?}"),
        };
        (seen(&mut anchor, now), seen(&mut anchor, later))
    };
    assert_eq!(learn(1300), (1300 - 28 - 40, 1360));
    assert_eq!(learn(1350), (1300 - 28 - 40, 1360), "what is wider is no news");
    assert_eq!(learn(0), (576 - 28 - 40, 1360), "RFC 1191 §5: a router that does not say");
    let narrow: Vec<_> = anchor.tables.narrow_ways(now).collect();
    assert_eq!((narrow.len(), narrow[0].outer_mtu, narrow[0].peer), (1, 576, ip("192.0.2.2")));
    assert_eq!(anchor.tables.narrow_ways(later).count(), 0);
}

/// RFC 8201 §4: a report of less than the minimum MTU is discarded.
#[test]
fn an_ipv6_path_that_claims_less_than_the_minimum_is_not_believed() {
    let mut anchor = forwarder(Side::Anchor, &tunnel(Side::Anchor, UDP, false));
    let now = Instant::now();
    let quoted = packet(HOST_V6, NODE_V6, 0, 1300);
    for (outer_mtu, dropped) in [(1279, 1), (1280, 1), (1000, 2)] {
        let fault = TunnelFault::TooBig { outer_mtu };
        let (local, peer) = (ip("2001:db8::1"), ip("2001:db8::2"));
        let error = TunnelError { transport: TRANSPORT, local, peer, fault, inner: &quoted };
        anchor.tunnel_error(&error, now);
        assert_eq!(anchor.cells().read().icmpv6.packet_too_big_dropped, dropped, "{outer_mtu}");
    }
    assert_eq!(anchor.tables.narrow_ways(now).map(|way| way.outer_mtu).collect::<Vec<_>>(), [1280]);
}

fn any_v4() -> Addresses<Ipv4Addr> {
    Addresses { address: Ipv4Addr::UNSPECIFIED, wildcard: Ipv4Addr::BROADCAST }
}

fn v4(address: [u8; 4], wildcard: [u8; 4]) -> Addresses<Ipv4Addr> {
    Addresses { address: address.into(), wildcard: wildcard.into() }
}

fn rule(permit: bool, source: Addresses<Ipv4Addr>, destination: Addresses<Ipv4Addr>) -> Rule {
    let between = Between::Ipv4 { source, destination };
    of_all(permit, between)
}

/// The document's list against traffic between gateways: the pools' prefixes are refused as
/// sources of what enters a tunnel, and everything else may pass.
#[test]
fn packets_of_one_node_to_another_are_blocked_by_a_list_of_the_pools_and_others_pass() {
    let pool = v4([10, 64, 0, 0], [0, 0, 255, 255]);
    let list =
        Arc::new(AccessList::new([rule(false, pool, any_v4()), rule(true, any_v4(), any_v4())]));
    let policy = Policy { into_tunnels: Some(Arc::clone(&list)), ..Policy::default() };
    let mut anchor = anchor(policy);
    let neighbour = packet("10.64.0.6", NODE_V4, 0, 10);
    let verdict = anchor.encapsulate(INNER, &neighbour, Instant::now());
    let Verdict::Reply(DropReason::AccessList, reply) = verdict else { panic!("{verdict:?}") };
    let answer = reply.packet(ip("198.51.100.1"));
    assert_eq!(answer[20..22], [3, 13], "communication administratively prohibited");
    assert!(into_tunnel(&mut anchor, &packet(HOST_V4, NODE_V4, 0, 10)).is_some());
    // Nothing is said about the way out, nor about the other family.
    assert!(out_of_tunnel(&mut anchor, 0, &packet(NODE_V4, "10.64.0.6", 0, 10)).is_ok());
    assert!(into_tunnel(&mut anchor, &packet("2001:db8:5:6::1", NODE_V6, 0, 10)).is_some());

    let hits: Vec<u64> = list.rules().map(|(_, hits)| hits).collect();
    assert_eq!((hits, list.unmatched()), (vec![1, 1], 0));
    assert_eq!(anchor.cells().read().drops.get(DropReason::AccessList), 1);
    // From one moment to the next there is another list, and then none.
    let none = Arc::new(AccessList::new([rule(false, any_v4(), any_v4())]));
    let policy = Policy { into_tunnels: Some(none), ..Policy::default() };
    anchor.tables.set_policy(INNER, policy).unwrap();
    assert!(into_tunnel(&mut anchor, &packet(HOST_V4, NODE_V4, 0, 10)).is_none());
    anchor.tables.set_policy(INNER, Policy::default()).unwrap();
    assert!(into_tunnel(&mut anchor, &neighbour).is_some());
}

#[test]
fn ipv6_packets_of_one_node_to_another_are_blocked_by_a_list_for_ipv6() {
    let wildcard = |len: u32| Ipv6Addr::from_bits(u128::MAX >> len);
    let pool = Addresses { address: "2001:db8:5::".parse().unwrap(), wildcard: wildcard(48) };
    let any = Addresses { address: Ipv6Addr::UNSPECIFIED, wildcard: wildcard(0) };
    let of = |permit, source, destination| of_all(permit, Between::Ipv6 { source, destination });
    let list = AccessList::new([of(false, pool, any), of(true, any, any)]);
    let mut anchor = anchor(Policy { into_tunnels: Some(Arc::new(list)), ..Policy::default() });
    let blocked = packet("2001:db8:5:6::1", NODE_V6, 0, 10);
    let verdict = anchor.encapsulate(INNER, &blocked, Instant::now());
    let Verdict::Reply(DropReason::AccessList, reply) = verdict else { panic!("{verdict:?}") };
    assert_eq!(reply.packet(ip("::1"))[40..42], [1, 1], "administratively prohibited");
    assert!(into_tunnel(&mut anchor, &packet(HOST_V6, NODE_V6, 0, 10)).is_some());
    assert!(into_tunnel(&mut anchor, &packet("10.64.0.6", NODE_V4, 0, 10)).is_some());
}

#[test]
fn the_first_rule_that_fits_decides_and_what_none_fits_is_denied() {
    let host = v4([198, 51, 100, 9], [0; 4]);
    let ports = |permit, from: Option<(u16, u16)>, to: Option<(u16, u16)>| Rule {
        protocol: Some(17),
        source_ports: from.map(range),
        destination_ports: to.map(range),
        ..rule(permit, any_v4(), any_v4())
    };
    // packet() goes from port 12345 to port 53.
    let rules = [
        ports(false, Some((1, 12344)), None),
        ports(true, Some((12345, 12345)), Some((53, 53))),
        rule(true, any_v4(), host),
    ];
    let list = Arc::new(AccessList::new(rules));
    let policy = Policy { out_of_tunnels: Some(Arc::clone(&list)), ..Policy::default() };
    let mut anchor = anchor(policy);
    let mut passes = |packet: &[u8]| out_of_tunnel(&mut anchor, 0, packet).map(|_| ());
    assert_eq!(passes(&packet(NODE_V4, HOST_V4, 0, 10)), Ok(()));
    let mut other_port = packet(NODE_V4, "198.51.100.8", 0, 10);
    other_port[23] = 54;
    assert_eq!(passes(&other_port), Err(DropReason::AccessList), "no rule fits");
    other_port[20..22].copy_from_slice(&99u16.to_be_bytes());
    assert_eq!(passes(&other_port), Err(DropReason::AccessList), "a rule denies");
    assert_eq!(passes(&segment(NODE_V4, HOST_V4, ACK, &[], 0)), Ok(()), "another protocol");
    // Without ports: a rule that permits some lets it pass, one that denies some does not fit.
    let mut later = packet(NODE_V4, "198.51.100.8", 0, 10);
    later[7] = 9;
    fix_ipv4(&mut later);
    assert_eq!(passes(&later), Ok(()), "a later fragment");
    let mut tiny = packet(NODE_V4, HOST_V4, 0, 10);
    // Not even the source port is whole, which the first rule would look at.
    tiny.truncate(21);
    tiny[2..4].copy_from_slice(&21u16.to_be_bytes());
    tiny[6] = 0x20;
    fix_ipv4(&mut tiny);
    assert_eq!(passes(&tiny), Err(DropReason::AccessList), "RFC 1858 §3: a tiny first fragment");
    let hits: Vec<u64> = list.rules().map(|(_, hits)| hits).collect();
    assert_eq!((hits, list.unmatched()), (vec![2, 2, 1], 1));
}

#[test]
fn packets_are_told_apart_by_code_point_whatever_their_congestion_mark_in_either_family() {
    let any =
        Addresses { address: Ipv6Addr::UNSPECIFIED, wildcard: Ipv6Addr::from_bits(u128::MAX) };
    let of_v6 = Between::Ipv6 { source: any, destination: any };
    let of_v4 = Between::Ipv4 { source: any_v4(), destination: any_v4() };
    for (between, from, to) in [(of_v4, NODE_V4, HOST_V4), (of_v6, NODE_V6, HOST_V6)] {
        let of = |first, last| Rule {
            code_points: Some(CodePoints { first, last }),
            ..of_all(false, between)
        };
        // One code point, and those of precedence 1.
        let list = Arc::new(AccessList::new([of(46, 46), of(8, 15), of_all(true, between)]));
        let mut anchor =
            anchor(Policy { out_of_tunnels: Some(Arc::clone(&list)), ..Policy::default() });
        let mut passes =
            |tos: u8| out_of_tunnel(&mut anchor, 0, &packet(from, to, tos, 10)).is_ok();
        assert!(!passes(46 << 2) && !passes(46 << 2 | 0b01), "{from}");
        assert!(passes(47 << 2) && passes(45 << 2) && passes(0), "{from}");
        assert!(!passes(8 << 2) && !passes(15 << 2), "{from}");
        assert!(passes(7 << 2) && passes(16 << 2), "{from}");
        let hits: Vec<u64> = list.rules().map(|(_, hits)| hits).collect();
        assert_eq!(hits, [2, 2, 5], "{from}");
    }
}

#[test]
fn all_ports_but_some_are_named_in_either_family() {
    let any =
        Addresses { address: Ipv6Addr::UNSPECIFIED, wildcard: Ipv6Addr::from_bits(u128::MAX) };
    let but = |port| Some(PortRange { first: port, last: port, except: true });
    let between = Between::Ipv6 { source: any, destination: any };
    let rule = Rule { protocol: Some(17), destination_ports: but(53), ..of_all(false, between) };
    let list = Arc::new(AccessList::new([rule, of_all(true, between)]));
    let mut anchor = anchor(Policy { out_of_tunnels: Some(list), ..Policy::default() });
    let mut passes = |packet: &[u8]| out_of_tunnel(&mut anchor, 0, packet).is_ok();
    // packet() goes to port 53.
    let mut other = packet(NODE_V6, HOST_V6, 0, 10);
    assert!(passes(&other));
    other[43] = 54;
    assert!(!passes(&other));
    // A header of options without options, before the ports.
    assert!(!passes(&with_extension(&other, 60, &[17, 0, 1, 4, 0, 0, 0, 0])));
}

#[test]
fn messages_are_told_apart_by_type_and_code_behind_extension_headers_too() {
    let any =
        Addresses { address: Ipv6Addr::UNSPECIFIED, wildcard: Ipv6Addr::from_bits(u128::MAX) };
    let between = Between::Ipv6 { source: any, destination: any };
    let of = |kind, code| Rule {
        protocol: Some(58),
        messages: Some(Messages { kind, code }),
        ..of_all(false, between)
    };
    let rules = [of(128, None), of(1, Some(3)), of_all(true, between)];
    let list = Arc::new(AccessList::new(rules));
    let mut anchor =
        anchor(Policy { out_of_tunnels: Some(Arc::clone(&list)), ..Policy::default() });
    let mut passes = |packet: &[u8]| out_of_tunnel(&mut anchor, 0, packet).is_ok();
    let message = |kind, code| {
        let mut message = packet(NODE_V6, HOST_V6, 0, 10);
        message[6] = 58;
        message[40..42].copy_from_slice(&[kind, code]);
        message
    };
    assert!(!passes(&message(128, 0)) && !passes(&message(128, 9)), "any code");
    assert!(passes(&message(129, 0)));
    assert!(!passes(&message(1, 3)));
    assert!(passes(&message(1, 4)));
    assert!(!passes(&with_extension(&message(1, 3), 60, &[58, 0, 1, 4, 0, 0, 0, 0])));
    // Without its type, a message is one that a rule may deny.
    let mut cut = message(1, 4);
    cut.truncate(41);
    cut[4..6].copy_from_slice(&1u16.to_be_bytes());
    assert!(!passes(&cut));
    let hits: Vec<u64> = list.rules().map(|(_, hits)| hits).collect();
    assert_eq!((hits, list.unmatched()), (vec![3, 2, 2], 0));
}

#[test]
fn segments_of_connections_that_are_there_have_ack_or_rst() {
    let established =
        Rule { protocol: Some(6), established: true, ..rule(true, any_v4(), any_v4()) };
    let list = Arc::new(AccessList::new([established]));
    let mut anchor = anchor(Policy { out_of_tunnels: Some(list), ..Policy::default() });
    let mut passes =
        |flags| out_of_tunnel(&mut anchor, 0, &segment(NODE_V4, HOST_V4, flags, &[], 0)).is_ok();
    const RST: u8 = 0x04;
    assert_eq!([SYN, SYN | ACK, ACK, RST, 0].map(&mut passes), [false, true, true, true, false]);
}

#[test]
fn an_empty_list_and_a_world_without_a_policy_let_everything_pass() {
    let empty = Some(Arc::new(AccessList::new([])));
    let policy = Policy { into_tunnels: empty.clone(), out_of_tunnels: empty, ..Policy::default() };
    let mut anchor = anchor(policy);
    assert!(into_tunnel(&mut anchor, &packet(HOST_V4, NODE_V4, 0, 10)).is_some());
    assert!(out_of_tunnel(&mut anchor, 0, &packet(NODE_V4, HOST_V4, 0, 10)).is_ok());
    let other = kedge_model::VrfId(77);
    assert!(anchor.tables.set_policy(other, Policy::default()).is_err(), "it has no device");
}

const EF: u8 = 46 << 2;
const CS1: u8 = 8 << 2;

/// RFC 2983 §3.1 for both models, and what happens without a choice.
#[test]
fn code_points_cross_the_tunnel_as_the_model_says() {
    for (marking, entering, leaving) in
        [(Marking::Inherit, EF, EF), (Marking::Uniform, EF, CS1), (Marking::Pipe(10), 10 << 2, EF)]
    {
        let mut anchor = anchor(Policy { marking, ..Policy::default() });
        for (from, to) in [(HOST_V4, NODE_V4), (HOST_V6, NODE_V6)] {
            let (outer, inner) = into_tunnel(&mut anchor, &packet(from, to, EF, 10)).unwrap();
            assert_eq!(outer, entering, "{marking:?}");
            assert_eq!(Inner::parse(&inner).unwrap().tos, EF, "{marking:?}");
            // The way has made another of it.
            let taken = out_of_tunnel(&mut anchor, CS1, &packet(to, from, EF, 10)).unwrap();
            assert_eq!(Inner::parse(&taken).unwrap().tos, leaving, "{marking:?}");
            if taken[0] >> 4 == 4 {
                assert!(Sum::default().bytes(&taken[..20]).is_valid());
            }
        }
    }
}

/// RFC 6040 §4.1, normal mode, and all sixteen pairs of §4.2, whichever the model is.
#[test]
fn congestion_marks_cross_the_tunnel_as_rfc_6040_says_in_every_model() {
    let [not_ect, ect_1, ect_0, ce] = [0, 1, 2, 3];
    let table = [
        (not_ect, [Some(not_ect), Some(not_ect), Some(not_ect), None]),
        (ect_1, [Some(ect_1), Some(ect_1), Some(ect_1), Some(ce)]),
        (ect_0, [Some(ect_0), Some(ect_1), Some(ect_0), Some(ce)]),
        (ce, [Some(ce); 4]),
    ];
    for marking in [Marking::Inherit, Marking::Uniform, Marking::Pipe(0)] {
        let mut anchor = anchor(Policy { marking, ..Policy::default() });
        for (inner, leaving) in table {
            let down = packet(HOST_V6, NODE_V6, EF | inner, 10);
            assert_eq!(into_tunnel(&mut anchor, &down).unwrap().0 & 3, inner);
            for (outer, expected) in [not_ect, ect_1, ect_0, ce].into_iter().zip(leaving) {
                let up = packet(NODE_V6, HOST_V6, EF | inner, 10);
                let taken = out_of_tunnel(&mut anchor, EF | outer, &up);
                let seen = taken.map(|packet| Inner::parse(&packet).unwrap().tos & 3);
                let expected = expected.ok_or(DropReason::Congestion);
                assert_eq!(seen, expected, "inner {inner:02b}, outer {outer:02b}, {marking:?}");
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_the_options_a_segment_size_only_falls_and_nothing_else_changes(
        v4 in any::<bool>(), flags in any::<u8>(),
        options in prop::collection::vec(prop::sample::select(vec![0u8, 1, 2, 3, 4, 5, 255]), 0..41),
        data in 0usize..20,
    ) {
        let mut options = options;
        options.resize(options.len() & !3, 1);
        let (from, to, header) =
            if v4 { (HOST_V4, NODE_V4, 20) } else { (HOST_V6, NODE_V6, 40) };
        let before = segment(from, to, flags, &options, data);
        let mut anchor = anchor(Policy::default());
        let (_, after) = into_tunnel(&mut anchor, &before).unwrap();
        prop_assert!(tcp_checksum_is_right(&after));
        prop_assert_eq!(after.len(), before.len());
        let tcp = header..header + 20 + options.len();
        let changed: Vec<usize> = (0..before.len()).filter(|at| before[*at] != after[*at]).collect();
        for at in &changed {
            let in_sum = (header + 16..header + 18).contains(at);
            prop_assert!(in_sum || tcp.contains(at) && *at >= header + 20, "octet {}", at);
        }
        prop_assert!(changed.is_empty() || flags & SYN != 0);
        let most = if v4 { 1360 } else { 1340 };
        for at in header + 20..(header + 20 + options.len()).saturating_sub(1) {
            if before[at..at + 2] != after[at..at + 2] && before[at - 2..at] == [2, 4] {
                prop_assert!(u16::from_be_bytes([after[at], after[at + 1]]) <= most);
            }
        }
    }
}
