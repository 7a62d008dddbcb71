//! What the data plane does not carry: packets that are too big, packets with another's source,
//! and starts that the host cannot grant.

use std::net::{IpAddr, UdpSocket};
use std::time::Duration;

use crate::lab::{
    self, HOST_V4, HOST_V6, NODE, NODE_V4, NODE_V6, Pair, Row, TRANSPORT, UDP_PORT, eventually,
};
use kedge_dataplane::{Change, Dataplane, DataplaneError, DropReason, Local, Side};
use kedge_dp_user::DpUser;
use kedge_model::{BindingId, Encapsulation};
use kedge_net::poll::{Poller, Token};

const UDP: Encapsulation = Encapsulation::Udp { local_port: UDP_PORT, peer_port: UDP_PORT };

/// A row whose data planes carry the node's packets.
fn carrying(encapsulation: Encapsulation, device_mtu: u16, mtu: u16) -> (Row, Pair) {
    let row = Row::new();
    let mut pair = Pair::start(&row, device_mtu);
    pair.bind(encapsulation, true, mtu);
    for address in [NODE_V4, NODE_V6] {
        eventually(address, || row.succeeds("a", &format!("ping -c 1 -W 1 {address}")));
    }
    (row, pair)
}

#[test]
fn a_packet_too_big_for_its_binding_is_answered_with_the_mtu_both_ways() {
    let (row, pair) = carrying(UDP, 1440, 1400);
    for (from, v4, v6) in [("a", NODE_V4, NODE_V6), ("b", HOST_V4, HOST_V6)] {
        // The first packet is answered, and its sender's kernel remembers.
        assert!(!row.succeeds(from, &format!("ping -M do -c 1 -W 1 -s 1400 {v4}")));
        eventually(v4, || row.run(from, &format!("ip route get {v4}")).contains("mtu 1400"));
        assert!(!row.succeeds(from, &format!("ping -M do -c 1 -W 1 -s 1392 {v6}")));
        eventually(v6, || row.run(from, &format!("ip -6 route get {v6}")).contains("mtu 1400"));
        assert!(row.succeeds(from, &format!("ping -M do -c 1 -W 60 -s {} {v4}", 1400 - 28)));
        assert!(row.succeeds(from, &format!("ping -M do -c 1 -W 60 -s {} {v6}", 1400 - 48)));
    }
    let [anchor, gateway] = [&pair.anchor, &pair.gateway].map(|dp| dp.totals().drops);
    assert_eq!((anchor.get(DropReason::TooBig), gateway.get(DropReason::TooBig)), (2, 2));
}

#[test]
fn an_ipv4_packet_that_allows_it_crosses_in_fragments() {
    let (row, pair) = carrying(UDP, 1440, 1000);
    let before = pair.gateway.totals().received.data.total_packets();
    assert!(row.succeeds("a", &format!("ping -M dont -c 1 -W 60 -s 1300 {NODE_V4}")));
    assert_eq!(pair.gateway.totals().received.data.total_packets() - before, 2);
}

#[test]
fn a_small_ipv6_packet_crosses_a_narrow_tunnel_in_outer_fragments() {
    let (row, _pair) = carrying(UDP, 1440, 1000);
    assert!(row.succeeds("a", &format!("ping -c 1 -W 60 -s 1200 {NODE_V6}")));
}

#[test]
fn a_narrow_transport_lowers_the_mtu_and_the_sender_is_told() {
    let gre = Encapsulation::Gre { send_key: Some(7), receive_key: Some(7) };
    for (encapsulation, over_ipv4, overhead) in
        [(UDP, true, 28), (UDP, false, 48), (gre, true, 28), (Encapsulation::IpInIp, false, 40)]
    {
        let (row, mut pair) = carrying(UDP, 1440, 1440);
        pair.bind(encapsulation, over_ipv4, 1440);
        // The path narrows behind the data plane's back.
        row.run("l", "ip link set to-m mtu 1300");
        row.run("m", "ip link set to-l mtu 1300");
        let what = format!("{encapsulation:?}, over IPv4: {over_ipv4}");
        let mtu = 1300 - overhead;
        let ping = |options: &str, size: usize, to: &str| {
            row.succeeds("a", &format!("ping {options} -c 1 -W 1 -s {size} {to}"))
        };
        eventually(&format!("{what}: what the path takes less the tunnel's headers"), || {
            ping("-M do", 1380, NODE_V4);
            row.run("a", &format!("ip route get {NODE_V4}")).contains(&format!("mtu {mtu} "))
        });
        eventually(&format!("{what}: no less than the minimum, RFC 2473 §7.1"), || {
            ping("-M do", 1380, NODE_V6);
            row.run("a", &format!("ip -6 route get {NODE_V6}")).contains("mtu 1280")
        });
        // IPv6 of the minimum MTU must not be refused, and is fragmented outside; the gateway
        // learns with its first answer that it must do that too.
        eventually(&what, || ping("-M do", mtu - 28, NODE_V4));
        eventually(&what, || ping("-M do", 1280 - 48, NODE_V6));
        let icmp = pair.anchor.totals().icmpv6;
        assert!(icmp.packet_too_big_received >= 1, "{what}: {icmp:?}");
        assert!(icmp.packet_too_big_relayed >= 1, "{what}: {icmp:?}");
    }
}

#[test]
fn an_error_from_inside_the_tunnel_is_relayed_to_the_inner_sender() {
    let (row, mut pair) = carrying(UDP, 1440, 1440);
    // Without its sockets, the gateway's kernel answers outer packets with ICMP.
    pair.gateway.stop();
    for encapsulation in [UDP, Encapsulation::Gre { send_key: None, receive_key: None }] {
        for over_ipv4 in [true, false] {
            pair.anchor.apply(&[lab::bind("l", encapsulation, over_ipv4, 1440)]).unwrap();
            for address in [NODE_V4, NODE_V6] {
                let what = format!("{encapsulation:?}, over IPv4: {over_ipv4}, {address}");
                eventually(&what, || unreachable(&row, address));
            }
        }
    }
}

/// Whether the host is told that an address cannot be reached.
fn unreachable(row: &Row, address: &str) -> bool {
    let words = ["netns", "exec", &row.name("a"), "ping", "-c", "1", "-W", "1", address];
    let output = std::process::Command::new("ip").args(words).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.contains("Destination Host Unreachable") || text.contains("Address unreachable")
}

#[test]
fn a_source_that_is_not_the_subscribers_is_dropped_and_counted() {
    let (row, mut pair) = carrying(UDP, 1440, 1440);
    row.run("b", "ip addr add 10.64.0.6/24 dev to-m");
    let send = |row: &Row| {
        let sender = row.within("b", || {
            let socket = UdpSocket::bind("10.64.0.6:0").unwrap();
            socket.send_to(b"not mine", (HOST_V4, 9)).unwrap();
        });
        sender.join().unwrap();
    };
    let before = pair.gateway.totals().drops.get(DropReason::NoBinding);
    send(&row);
    eventually("the gateway counts it", || {
        pair.gateway.totals().drops.get(DropReason::NoBinding) > before
    });

    // A gateway that let it through: the anchor knows the node's addresses too.
    let Change::Bind { want, .. } = lab::bind("m", UDP, true, 1440) else { panic!("it binds") };
    let mut rogue = want;
    rogue.inner = vec!["10.64.0.6/32".parse().unwrap()];
    pair.gateway.apply(&[Change::Bind { binding: BindingId(6), want: rogue }]).unwrap();
    send(&row);
    eventually("the anchor counts it", || {
        let totals = pair.anchor.totals();
        (totals.drops.get(DropReason::UnknownInner), totals.received.no_session) == (1, 1)
    });
}

#[test]
fn a_stranger_on_the_transport_is_dropped_and_counted() {
    let (row, pair) = carrying(UDP, 1440, 1440);
    row.run("m", "ip addr add 192.0.2.66/24 dev to-l");
    let sender = row.within("m", || {
        let socket = UdpSocket::bind("192.0.2.66:0").unwrap();
        socket.send_to(&[0x45; 40], ("192.0.2.1", UDP_PORT)).unwrap();
    });
    sender.join().unwrap();
    eventually("it is counted", || pair.anchor.totals().drops.get(DropReason::UnknownPeer) == 1);
}

#[test]
fn an_unbound_node_is_unreachable_and_its_counters_are_gone() {
    let (row, mut pair) = carrying(UDP, 1440, 1440);
    assert!(pair.anchor.counters(NODE).unwrap().sent_packets > 0);
    pair.anchor.apply(&[Change::Unbind(NODE)]).unwrap();
    assert_eq!(pair.anchor.counters(NODE), None);
    for address in [NODE_V4, NODE_V6] {
        eventually(&format!("{address} is unreachable"), || unreachable(&row, address));
    }
}

#[test]
fn a_refused_change_names_what_is_wrong_and_leaves_the_binding_as_it_was() {
    let (row, mut pair) = carrying(UDP, 1440, 1440);
    let elsewhere = Encapsulation::Udp { local_port: 9999, peer_port: 9999 };
    let error = pair.anchor.apply(&[lab::bind("l", elsewhere, true, 1440)]).unwrap_err();
    assert!(error.to_string().contains("192.0.2.1:9999"), "{error}");
    assert!(row.succeeds("a", &format!("ping -c 1 -W 60 {NODE_V4}")));
    assert!(pair.anchor.counters(NODE).is_some());
}

#[test]
fn a_device_that_is_taken_away_ends_the_forwarder_and_changes_are_refused() {
    let (row, mut pair) = carrying(UDP, 1440, 1440);
    let mut poller = Poller::new().unwrap();
    poller.add(pair.anchor.end(), Token(0)).unwrap();
    assert_eq!(poller.wait(Some(Duration::ZERO)).unwrap().count(), 0);
    row.run("l", &format!("ip link del {}", lab::DEVICE));
    assert_eq!(poller.wait(Some(Duration::from_secs(60))).unwrap().count(), 1, "it says so");
    eventually("the forwarder has stopped", || {
        matches!(pair.anchor.apply(&[Change::Unbind(NODE)]), Err(DataplaneError::Stopped))
    });
}

#[test]
fn the_kernel_says_nothing_of_its_own_over_a_device() {
    let row = Row::new();
    let _pair = Pair::start(&row, 1440);
    // It would give the device a link-local address, and solicit routers from that.
    for which in ["l", "m"] {
        assert_eq!(
            row.run(which, &format!("ip -6 address show dev {} scope link", lab::DEVICE)),
            ""
        );
    }
}

#[test]
fn packets_wait_in_a_device_and_not_in_front_of_it() {
    let row = Row::new();
    let _pair = Pair::start(&row, 1440);
    for which in ["l", "m"] {
        let shown = row.run(which, &format!("tc qdisc show dev {}", lab::DEVICE));
        assert!(shown.starts_with("qdisc noqueue ") && shown.lines().count() == 1, "{shown}");
    }
}

#[test]
fn a_packet_with_another_key_is_dropped_and_counted() {
    let row = Row::new();
    let mut pair = Pair::start(&row, 1440);
    let gre = |key| Encapsulation::Gre { send_key: Some(key), receive_key: Some(key) };
    pair.bind(gre(7), true, 1440);
    eventually(NODE_V4, || row.succeeds("a", &format!("ping -c 1 -W 1 {NODE_V4}")));
    // The gateway's key is no longer the anchor's.
    pair.gateway.apply(&[lab::bind("m", gre(8), true, 1440)]).unwrap();
    assert!(!row.succeeds("a", &format!("ping -c 1 -W 1 {NODE_V4}")));
    eventually("it is counted", || pair.gateway.totals().drops.get(DropReason::UnknownKey) == 1);
}

#[test]
fn a_port_in_use_and_a_foreign_address_are_named() {
    let row = Row::new();
    let start = |address: &str| {
        let address: IpAddr = address.parse().unwrap();
        let local = Local { vrf: TRANSPORT, address, udp_port: UDP_PORT, signalling_port: None };
        let add = Change::AddLocal { local, world: row.world("l") };
        DpUser::start(Side::Anchor).unwrap().apply(&[add])
    };
    let holder = row.within("l", || UdpSocket::bind(("192.0.2.1", UDP_PORT)).unwrap());
    let _holder = holder.join().unwrap();
    let error = start("192.0.2.1").unwrap_err();
    assert!(matches!(error, DataplaneError::AddressInUse { .. }), "{error}");
    assert!(error.to_string().starts_with("192.0.2.1:5437 is in use"), "{error}");
    let error = start("192.0.2.99").unwrap_err();
    assert!(matches!(error, DataplaneError::AddressUnavailable { .. }), "{error}");
    let place = format!("192.0.2.99 is no address of network namespace {}", row.name("l"));
    assert_eq!(error.to_string(), place);
}
