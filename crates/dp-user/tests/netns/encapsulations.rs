//! Every encapsulation over both transports, with both inner families: pings and TCP transfers
//! between real hosts, with the transport's offloads on and off.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::lab::{
    self, HOST_V4, HOST_V6, NODE, NODE_V4, NODE_V6, Pair, Row, SIGNALLING_PORT, TRANSPORT,
    UDP_PORT, eventually,
};
use kedge_dataplane::{Dataplane, DropReason, Kind};
use kedge_model::{Encapsulation, Tunnel};

#[test]
fn udp_carries_both_families() {
    carries(Encapsulation::Udp { local_port: UDP_PORT, peer_port: UDP_PORT }, &BOTH);
}

#[test]
fn udp_at_the_signalling_port_carries_both_families() {
    let port = SIGNALLING_PORT;
    carries(Encapsulation::Udp { local_port: port, peer_port: port }, &[true]);
}

#[test]
fn gre_in_udp_carries_both_families() {
    carries(gre_udp(UDP_PORT, None), &[false]);
    carries(gre_udp(SIGNALLING_PORT, Some(7)), &[true]);
}

fn gre_udp(port: u16, key: Option<u32>) -> Encapsulation {
    Encapsulation::GreUdp { local_port: port, peer_port: port, send_key: key, receive_key: key }
}

/// Over IPv4 (`true`) and IPv6.
const BOTH: [bool; 2] = [true, false];

#[test]
fn gre_carries_both_families() {
    carries(Encapsulation::Gre { send_key: None, receive_key: None }, &BOTH);
}

#[test]
fn gre_with_a_key_carries_both_families() {
    carries(Encapsulation::Gre { send_key: Some(7), receive_key: Some(7) }, &BOTH);
}

#[test]
fn ip_in_ip_carries_both_families() {
    carries(Encapsulation::IpInIp, &BOTH);
}

fn carries(encapsulation: Encapsulation, transports: &[bool]) {
    let row = Row::new();
    let mut pair = Pair::start(&row, 1440);
    for offloads in ["on", "off"] {
        for (which, device) in [("l", "to-m"), ("m", "to-l")] {
            for feature in ["gso", "tso", "gro", "tx"] {
                row.run(which, &format!("ethtool -K {device} {feature} {offloads}"));
            }
        }
        for &over_ipv4 in transports {
            pair.bind(encapsulation, over_ipv4, 1440);
            let what = format!("{encapsulation:?}, over IPv4: {over_ipv4}, offloads {offloads}");
            for address in [NODE_V4, NODE_V6] {
                eventually(&format!("ping {address}, {what}"), || {
                    row.succeeds("a", &format!("ping -c 1 -W 1 {address}"))
                });
            }
            let before = pair.anchor.counters(NODE).unwrap();
            transfer(&row, "a", "b", NODE_V4);
            transfer(&row, "a", "b", NODE_V6);
            transfer(&row, "b", "a", HOST_V4);
            transfer(&row, "b", "a", HOST_V6);
            let after = pair.anchor.counters(NODE).unwrap();
            assert!(after.sent_bytes - before.sent_bytes >= 2 * TRANSFER as u64, "{what}");
            assert!(after.received_bytes - before.received_bytes >= 2 * TRANSFER as u64, "{what}");

            let peer = if over_ipv4 { "192.0.2.2" } else { "2001:db8:f::2" }.parse().unwrap();
            let tunnel =
                Tunnel { transport: TRANSPORT, local: peer, peer, encapsulation, mtu: 1440 };
            for inner_ipv4 in [true, false] {
                let kind = Kind::of(&tunnel, inner_ipv4);
                let totals = pair.anchor.totals();
                assert!(totals.sent.data.bytes(kind) > TRANSFER as u64, "{what}: {totals:?}");
                assert!(totals.received.data.bytes(kind) > TRANSFER as u64, "{what}: {totals:?}");
            }
        }
    }
    for dataplane in [&pair.anchor, &pair.gateway] {
        let totals = dataplane.totals();
        assert_eq!(totals.received.no_session, 0);
        // What the host itself says on a new link is no subscriber's, and is not said here.
        assert_eq!(totals.drops.get(DropReason::NoBinding), 0);
    }
    pair.anchor.stop();
    assert!(!row.succeeds("l", &format!("ip link show {}", lab::DEVICE)), "the device is gone");
}

/// Octets of a transfer.
const TRANSFER: usize = 3_000_000;

/// Sends octets over TCP and compares what arrives.
fn transfer(row: &Row, from: &str, to: &str, address: &'static str) {
    let (ready, listening) = std::sync::mpsc::channel();
    let receiver = row.within(to, move || {
        let listener = TcpListener::bind((address, 0)).unwrap();
        ready.send(listener.local_addr().unwrap()).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        let mut octets = Vec::new();
        stream.read_to_end(&mut octets).unwrap();
        octets
    });
    let at = listening.recv().unwrap();
    let sender = row.within(from, move || {
        let mut stream = TcpStream::connect(at).unwrap();
        stream.write_all(&octets()).unwrap();
    });
    sender.join().unwrap();
    let received = receiver.join().unwrap();
    assert!(received == octets(), "{} octets arrived at {address}, not those sent", received.len());
}

fn octets() -> Vec<u8> {
    let mut state = 1u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..TRANSFER).map(next).collect()
}
