//! One binding, and packets for it.

// Each test file uses its part.
#![allow(dead_code)]

use std::net::IpAddr;
use std::sync::Arc;

use kedge_dataplane::checksum::Sum;
use kedge_dataplane::inner::Inner;
use kedge_dataplane::{Between, Forwarder, Local, PortRange, Rule, Side, Tables};
use kedge_model::{BindingId, Encapsulation, Forwarding, IpNet, Path, Tunnel, VrfId};

pub const INNER: VrfId = VrfId(1);
pub const TRANSPORT: VrfId = VrfId(2);
pub const NODE: BindingId = BindingId(7);
pub const NODE_V4: &str = "10.64.0.5";
pub const NODE_V6: &str = "2001:db8:5:5::1";
pub const HOST_V4: &str = "198.51.100.9";
pub const HOST_V6: &str = "2001:db8:ffff::9";

pub const SYN: u8 = 0x02;
pub const ACK: u8 = 0x10;

pub fn tunnel(side: Side, encapsulation: Encapsulation, over_ipv4: bool) -> Tunnel {
    let (anchor, gateway) =
        if over_ipv4 { ("192.0.2.1", "192.0.2.2") } else { ("2001:db8::1", "2001:db8::2") };
    let (local, peer) = match side {
        Side::Anchor => (ip(anchor), ip(gateway)),
        Side::Gateway => (ip(gateway), ip(anchor)),
    };
    Tunnel { transport: TRANSPORT, local, peer, encapsulation, mtu: 1400 }
}

/// A forwarder that holds one binding, with one path.
pub fn forwarder(side: Side, tunnel: &Tunnel) -> Forwarder {
    let addresses = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"];
    let local = |text: &str| {
        let address = ip(text);
        let signalling_port = address.is_ipv4().then_some(5436);
        Local { vrf: TRANSPORT, address, udp_port: 5437, signalling_port }
    };
    let mut tables = Tables::new(side);
    tables.add_device(INNER).unwrap();
    for address in addresses {
        tables.add_local(local(address)).unwrap();
    }
    let want = Forwarding {
        vrf: INNER,
        inner: vec![net("10.64.0.5/32"), net("2001:db8:5:5::/64")],
        paths: vec![Path { tunnel: *tunnel, weight: 1 }],
    };
    tables.bind(NODE, &want, 0).unwrap();
    Forwarder::new(tables, Arc::default())
}

/// A rule for everything between these.
pub fn of_all(permit: bool, between: Between) -> Rule {
    Rule {
        permit,
        protocol: None,
        between,
        source_ports: None,
        destination_ports: None,
        messages: None,
        established: false,
        code_points: None,
        log: false,
    }
}

pub fn range((first, last): (u16, u16)) -> PortRange {
    PortRange { first, last, except: false }
}

/// A UDP packet without a UDP checksum, with `data` octets behind its headers.
pub fn packet(from: &str, to: &str, tos: u8, data: usize) -> Vec<u8> {
    let length = (8 + data) as u16;
    let mut packet = Vec::new();
    match (ip(from), ip(to)) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            packet.extend([0x45, tos]);
            packet.extend((20 + length).to_be_bytes());
            packet.extend([0x11, 0x22, 0, 0, 63, 17, 0, 0]);
            packet.extend(from.octets());
            packet.extend(to.octets());
            fix_ipv4(&mut packet);
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            packet.extend((6 << 28 | u32::from(tos) << 20).to_be_bytes());
            packet.extend(length.to_be_bytes());
            packet.extend([17, 63]);
            packet.extend(from.octets());
            packet.extend(to.octets());
        }
        _ => panic!("two families"),
    }
    packet.extend([0x30, 0x39, 0x00, 0x35]);
    packet.extend(length.to_be_bytes());
    packet.extend([0, 0]);
    packet.resize(packet.len() + data, 0x5a);
    packet
}

pub fn fix_ipv4(packet: &mut [u8]) {
    packet[10..12].fill(0);
    let sum = Sum::default().bytes(&packet[..20]).checksum();
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

/// A TCP segment with these options, whose checksum is right.
pub fn segment(from: &str, to: &str, flags: u8, options: &[u8], data: usize) -> Vec<u8> {
    let mut segment = packet(from, to, 0, 12 + options.len() + data);
    let inner = Inner::parse(&segment).unwrap();
    let at = inner.header_len;
    segment[if inner.is_ipv4() { 9 } else { 6 }] = 6;
    segment[at..].fill(0x5a);
    segment[at..at + 4].copy_from_slice(&[0x30, 0x39, 0x00, 0x50]);
    segment[at + 12] = ((20 + options.len()) as u8 / 4) << 4;
    segment[at + 13] = flags;
    segment[at + 20..at + 20 + options.len()].copy_from_slice(options);
    segment[at + 16..at + 18].fill(0);
    let sum = tcp_sum(&segment).checksum();
    segment[at + 16..at + 18].copy_from_slice(&sum.to_be_bytes());
    if inner.is_ipv4() {
        fix_ipv4(&mut segment);
    }
    segment
}

/// The IPv6 packet with an extension header of this kind in front of what it carries.
pub fn with_extension(packet: &[u8], kind: u8, header: &[u8]) -> Vec<u8> {
    let mut packet = [&packet[..40], header, &packet[40..]].concat();
    let length = packet.len() as u16 - 40;
    packet[4..6].copy_from_slice(&length.to_be_bytes());
    packet[6] = kind;
    packet
}

pub fn tcp_checksum_is_right(packet: &[u8]) -> bool {
    tcp_sum(packet).is_valid()
}

fn tcp_sum(packet: &[u8]) -> Sum {
    let inner = Inner::parse(packet).unwrap();
    let tcp = &packet[inner.header_len..];
    let length = tcp.len() as u32;
    Sum::default().add_pseudo_header(inner.source, inner.destination, 6, length).bytes(tcp)
}
