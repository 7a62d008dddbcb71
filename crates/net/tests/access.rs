//! The access socket and its filter, over a pair of devices: the gateway has `near`, and the
//! nodes send from `far`.

mod lab;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use kedge_model::{IpNet, MacAddr};
use kedge_net::access::{AccessSocket, Attached, CONTROL_SNAP, Detection, FIRST_PACKET_SNAP};
use kedge_net::netlink::{Link, Netlink};
use lab::{Lab, wait_for};

const NODE: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
const OTHER: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

/// The gateway's socket, and the one that its nodes' frames are sent through.
struct Link2 {
    lab: Lab,
    gateway: AccessSocket,
    nodes: AccessSocket,
}

impl Link2 {
    fn new() -> Self {
        let lab = Lab::with_pair();
        let open = |name: &str| lab.within(|| AccessSocket::open(&link(name)).unwrap());
        let (gateway, nodes) = (open("near"), open("far"));
        let mut pair = Self { lab, gateway, nodes };
        // What the kernel itself sends when the devices come up.
        pair.received_after(&[]);
        pair
    }

    /// The frames of `sent` that the gateway receives, each as (place in `sent`, octets
    /// received). Frames end with their place; the kernel's own do not appear.
    fn received_after(&mut self, sent: &[Vec<u8>]) -> Vec<(usize, usize)> {
        for frame in sent {
            self.nodes.send(frame).unwrap();
        }
        let end = arp(OTHER, END);
        self.nodes.send(&end).unwrap();
        let mut received = Vec::new();
        wait_for(&mut self.gateway, "the last frame's arrival", |gateway| {
            while let Some(frame) = gateway.recv().unwrap() {
                if frame.bytes == end {
                    return Some(());
                }
                let place = sent.iter().position(|s| {
                    s.len() == frame.length && s[..frame.bytes.len()] == *frame.bytes
                });
                received.extend(place.map(|place| (place, frame.bytes.len())));
            }
            None
        });
        received
    }
}

const END: u16 = 0xfffe;

/// Nodes that may send from any address.
fn anywhere(macs: impl IntoIterator<Item = MacAddr>) -> Attached {
    let all: BTreeSet<IpNet> = ["0.0.0.0/0", "::/0"].map(|net| net.parse().unwrap()).into();
    macs.into_iter().map(|mac| (mac, all.clone())).collect()
}

fn link(name: &str) -> Link {
    Netlink::open().unwrap().link(name).unwrap()
}

fn ethernet(source: MacAddr, ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    frame.extend(source.0);
    frame.extend(ethertype.to_be_bytes());
    frame.extend(payload);
    frame
}

fn arp(source: MacAddr, mark: u16) -> Vec<u8> {
    let mut payload = vec![0; 46];
    payload[44..].copy_from_slice(&mark.to_be_bytes());
    ethernet(source, 0x0806, &payload)
}

/// An IPv6 packet of `length` octets after its header.
fn ipv6(source: MacAddr, next_header: u8, first: u8, length: usize) -> Vec<u8> {
    let mut packet = vec![0; 40 + length];
    packet[0] = 0x60;
    packet[4..6].copy_from_slice(&(length as u16).to_be_bytes());
    packet[6] = next_header;
    packet[40] = first;
    ethernet(source, 0x86dd, &packet)
}

fn with_hop_limit(mut frame: Vec<u8>, hop_limit: u8) -> Vec<u8> {
    frame[21] = hop_limit;
    frame
}

/// An IPv6 packet with a UDP header.
fn ipv6_udp(source: MacAddr, port: u16) -> Vec<u8> {
    let mut frame = ipv6(source, 17, 0, 300);
    frame[56..58].copy_from_slice(&port.to_be_bytes());
    frame
}

/// An IPv4 packet with `options` words of options, at a fragment offset, with a UDP header.
fn ipv4(source: MacAddr, protocol: u8, options: u8, offset: u16, port: u16) -> Vec<u8> {
    let header = 20 + 4 * usize::from(options);
    let mut packet = vec![0; header + 300];
    packet[0] = 0x45 + options;
    packet[6..8].copy_from_slice(&offset.to_be_bytes());
    packet[9] = protocol;
    packet[header + 2..header + 4].copy_from_slice(&port.to_be_bytes());
    ethernet(source, 0x0800, &packet)
}

#[test]
fn control_messages_of_attached_nodes_are_received_whole_and_their_traffic_is_not() {
    let mut pair = Link2::new();
    pair.gateway.set_attached(&anywhere([NODE])).unwrap();
    let control = [
        arp(NODE, 0),
        ipv6(NODE, 58, 133, 16),
        ipv6(NODE, 58, 134, 200),
        ipv6(NODE, 58, 135, 32),
        ipv6(NODE, 58, 136, 32),
        ipv6(NODE, 58, 137, 40),
        // What could be Neighbor Discovery behind an extension header.
        with_hop_limit(ipv6(NODE, 60, 58, 32), 255),
        ipv4(NODE, 17, 0, 0, 67),
        ipv4(NODE, 17, 3, 0, 67),
        ipv6_udp(NODE, 547),
        // The first fragment of several has the port; the rest are put together by nobody.
        ipv4(NODE, 17, 0, 0x2000, 67),
    ];
    let whole: Vec<_> = control.iter().map(Vec::len).enumerate().collect();
    assert_eq!(pair.received_after(&control), whole);
    let traffic = [
        ipv6(NODE, 58, 128, 64),
        with_hop_limit(ipv6(NODE, 60, 58, 32), 254),
        with_hop_limit(ipv6(NODE, 44, 58, 32), 255),
        ipv6(NODE, 58, 132, 16),
        ipv6(NODE, 17, 133, 64),
        ipv4(NODE, 17, 0, 0, 68),
        ipv6_udp(NODE, 546),
        ipv4(NODE, 6, 0, 0, 67),
        ipv4(NODE, 17, 0, 0x0010, 67),
        ethernet(NODE, 0x88cc, &[0; 50]),
    ];
    assert_eq!(pair.received_after(&traffic), []);
}

#[test]
fn the_head_of_a_strangers_first_packet_is_received_until_the_stranger_is_attached() {
    let mut pair = Link2::new();
    let packets =
        [ipv6(NODE, 17, 0, 1000), ipv4(NODE, 6, 0, 0, 80), ethernet(NODE, 0x88cc, &[0; 50])];
    let head = FIRST_PACKET_SNAP as usize;
    assert_eq!(pair.received_after(&packets), [(0, head), (1, head)]);
    pair.gateway.set_attached(&anywhere([NODE])).unwrap();
    assert_eq!(pair.received_after(&packets), []);
    pair.gateway.set_attached(&anywhere([OTHER])).unwrap();
    assert_eq!(pair.received_after(&packets), [(0, head), (1, head)]);
}

#[test]
fn each_of_many_attached_nodes_is_told_from_every_stranger() {
    let mut pair = Link2::new();
    // Addresses that agree in their first two or last four octets, next to those that do not.
    let mac = |i: usize| {
        let [_, _, _, low] = (i as u32 * 7).to_be_bytes();
        MacAddr([2 + 4 * (i % 3) as u8, (i % 5) as u8, 0, (i / 128) as u8, (i % 2) as u8, low])
    };
    let all: BTreeSet<MacAddr> = (0..600).map(mac).collect();
    let attached = anywhere(all.iter().copied().step_by(2));
    assert_eq!(pair.gateway.set_attached(&attached).unwrap(), Detection::AnyPacket);
    for chunk in all.iter().collect::<Vec<_>>().chunks(50) {
        let frames: Vec<_> = chunk.iter().map(|&&mac| ipv6(mac, 17, 0, 10)).collect();
        let strangers: Vec<_> = chunk
            .iter()
            .enumerate()
            .filter(|(_, mac)| !attached.contains_key(mac))
            .map(|(place, _)| (place, frames[place].len()))
            .collect();
        assert_eq!(pair.received_after(&frames), strangers);
    }
}

#[test]
fn an_attached_node_is_a_stranger_where_it_uses_anothers_address() {
    let mut pair = Link2::new();
    let own = |nets: &[&str]| nets.iter().map(|net| net.parse().unwrap()).collect();
    pair.gateway
        .set_attached(&BTreeMap::from([
            (
                NODE,
                own(&["203.0.113.10/32", "2001:db8:1::/64", "2001:db8:8000::/33", "fe80::1/128"]),
            ),
            (OTHER, own(&["203.0.113.11/32", "2001:db8:2::/64"])),
        ]))
        .unwrap();
    let from = |mac: MacAddr, source: &str| match source.parse().unwrap() {
        IpAddr::V4(v4) => {
            let mut frame = ipv4(mac, 6, 0, 0, 80);
            frame[26..30].copy_from_slice(&v4.octets());
            frame
        }
        IpAddr::V6(v6) => {
            let mut frame = ipv6(mac, 17, 0, 100);
            frame[22..38].copy_from_slice(&v6.octets());
            frame
        }
    };
    let frames = [
        from(NODE, "203.0.113.10"),
        from(NODE, "203.0.113.11"),
        from(NODE, "203.0.113.9"),
        from(NODE, "2001:db8:1::77"),
        from(NODE, "2001:db8:1:0:ffff:ffff:ffff:ffff"),
        from(NODE, "2001:db8:1:1::77"),
        from(NODE, "2001:db8:2::77"),
        from(NODE, "2001:db8:8000::1"),
        from(NODE, "2001:db8:ffff::1"),
        from(NODE, "2001:db8:7fff::1"),
        from(NODE, "fe80::1"),
        from(NODE, "fe80::2"),
        from(OTHER, "203.0.113.11"),
        from(OTHER, "2001:db8:2::77"),
        from(OTHER, "2001:db8:1::77"),
        from(OTHER, "fe80::1"),
    ];
    let strangers: Vec<usize> = pair.received_after(&frames).into_iter().map(|(n, _)| n).collect();
    assert_eq!(strangers, [1, 2, 5, 6, 9, 11, 14, 15]);
}

#[test]
fn a_hundred_and_fifty_dual_stack_nodes_but_not_three_hundred_are_told_from_strangers() {
    let pair = Link2::new();
    let nodes = |count: u16| -> Attached {
        let node = |i: u16| {
            let nets = [
                format!("203.0.{}.{}/32", i >> 8, i & 255),
                format!("2001:db8:0:{i:x}::/64"),
                format!("fe80::{i:x}/128"),
            ];
            (numbered(i), nets.map(|net| net.parse().unwrap()).into())
        };
        (0..count).map(node).collect()
    };
    assert_eq!(pair.gateway.set_attached(&nodes(150)).unwrap(), Detection::AnyPacket);
    assert_eq!(pair.gateway.set_attached(&nodes(300)).unwrap(), Detection::ControlOnly);
}

fn numbered(i: u16) -> MacAddr {
    let [high, low] = i.to_be_bytes();
    MacAddr([6, 0, 0, 0, high, low])
}

#[test]
fn with_too_many_attached_nodes_only_control_messages_are_received() {
    let mut pair = Link2::new();
    let attached = anywhere((0..1_000).map(numbered));
    assert_eq!(pair.gateway.set_attached(&attached).unwrap(), Detection::ControlOnly);
    let frames = [ipv6(NODE, 17, 0, 10), ipv6(NODE, 58, 133, 16)];
    assert_eq!(pair.received_after(&frames), [(1, frames[1].len())]);
}

#[test]
fn frames_that_no_node_of_this_link_sent_are_dropped() {
    let mut pair = Link2::new();
    let group = MacAddr([3, 0, 0, 0, 0, 1]);
    let mut tagged = ethernet(NODE, 0x8100, &[0, 42]);
    tagged.extend(&ipv6(NODE, 58, 133, 16)[12..]);
    let mut priority = ethernet(NODE, 0x8100, &[0xe0, 0]);
    priority.extend(&ipv6(NODE, 58, 133, 16)[12..]);
    let frames = [
        ipv6(group, 58, 133, 16),
        ipv6(MacAddr::PMIPV6_GATEWAY, 58, 133, 16),
        tagged,
        ipv6(MacAddr::BROADCAST, 17, 0, 16),
    ];
    assert_eq!(pair.received_after(&frames), []);
    // A tag that states a priority alone is taken out, and the frame is like any other.
    pair.nodes.send(&priority).unwrap();
    wait_for(&mut pair.gateway, "the priority frame's arrival", |gateway| {
        let frame = gateway.recv().unwrap()?;
        (frame.bytes == ipv6(NODE, 58, 133, 16)).then_some(())
    });
}

#[test]
fn what_the_gateway_sends_is_not_received_by_itself() {
    let mut pair = Link2::new();
    let frame = ipv6(NODE, 58, 133, 40);
    pair.gateway.send(&frame).unwrap();
    wait_for(&mut pair.nodes, "the frame's arrival", |nodes| {
        (nodes.recv().unwrap()?.bytes == frame).then_some(())
    });
    assert_eq!(pair.received_after(&[]), []);
    pair.lab.ip("address add 192.0.2.1/24 dev near");
    pair.lab.within(|| {
        let socket = std::net::UdpSocket::bind("192.0.2.1:0").unwrap();
        socket.set_broadcast(true).unwrap();
        socket.send_to(b"x", "255.255.255.255:67").unwrap();
    });
    pair.nodes.send(&arp(OTHER, END)).unwrap();
    wait_for(&mut pair.gateway, "the end", |gateway| {
        let frame = gateway.recv().unwrap()?;
        let is_dhcp = frame.bytes[12..14] == [8, 0] && frame.bytes[36..38] == [0, 67];
        assert!(!is_dhcp, "it was sent by the gateway's own host");
        (frame.bytes == arp(OTHER, END)).then_some(())
    });
}

#[test]
fn a_long_control_message_is_cut_and_its_length_told() {
    let mut pair = Link2::new();
    for device in ["near", "far"] {
        pair.lab.ip(&format!("link set {device} mtu 4000"));
    }
    let frame = ipv6(NODE, 58, 133, 3000);
    pair.nodes.send(&frame).unwrap();
    wait_for(&mut pair.gateway, "the frame's arrival", |gateway| {
        let received = gateway.recv().unwrap()?;
        (received.length == frame.len() && received.bytes == &frame[..CONTROL_SNAP as usize])
            .then_some(())
    });
}

#[test]
fn a_checksum_that_the_sending_host_left_to_its_card_is_marked() {
    let mut pair = Link2::new();
    pair.lab.ip("address add 192.0.2.1/24 dev far");
    let node = pair.lab.within(|| std::net::UdpSocket::bind("192.0.2.1:0")).unwrap();
    node.set_broadcast(true).unwrap();
    node.send_to(b"left to the card", "255.255.255.255:67").unwrap();
    let dhcp = |bytes: &[u8]| bytes[12..14] == [8, 0] && bytes[23] == 17;
    let filled_in = wait_for(&mut pair.gateway, "the datagram's arrival", |gateway| {
        let frame = gateway.recv().unwrap()?;
        dhcp(frame.bytes).then_some(frame.checksum_filled_in)
    });
    assert!(!filled_in);
    pair.nodes.send(&ipv4(NODE, 17, 0, 0, 67)).unwrap();
    let filled_in = wait_for(&mut pair.gateway, "the frame's arrival", |gateway| {
        let frame = gateway.recv().unwrap()?;
        dhcp(frame.bytes).then_some(frame.checksum_filled_in)
    });
    assert!(filled_in);
}

#[test]
fn a_device_that_is_down_is_named_and_serves_again_when_it_is_up() {
    let mut pair = Link2::new();
    pair.lab.ip("link set near down");
    assert_eq!(pair.gateway.recv().unwrap(), None);
    let error = pair.gateway.send(&arp(NODE, 0)).unwrap_err();
    assert_eq!(error.to_string(), "cannot send to near: Network is down; the device is down");
    pair.lab.connect_pair();
    let frames = [arp(NODE, 0)];
    assert_eq!(pair.received_after(&frames), [(0, frames[0].len())]);
}
