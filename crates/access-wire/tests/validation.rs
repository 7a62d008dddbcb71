//! What RFC 4861, RFC 2131 and RFC 826 tell a receiver to throw away, each on the right octet,
//! and what they tell it to accept.

use std::net::{Ipv4Addr, Ipv6Addr};

use kedge_access_wire::arp::{self, Arp, Operation};
use kedge_access_wire::dhcpv4::{self, DhcpOption, MessageType, Op};
use kedge_access_wire::icmpv6::{self, Message, NdOption, solicited_node};
use kedge_access_wire::icmpv6::{NeighborAdvertisement, NeighborSolicitation, RouterSolicitation};
use kedge_access_wire::{Content, Fault, Frame, multicast_mac};
use kedge_model::MacAddr;

const NODE: MacAddr = MacAddr([2, 0, 0, 0, 0, 7]);
const ETHERNET: usize = 14;
const IPV6: usize = 40;
const IPV4: usize = 20;
const UDP: usize = 8;

fn link_local() -> Ipv6Addr {
    "fe80::7".parse().unwrap()
}

fn neighbor_frame(source: Ipv6Addr, destination: Ipv6Addr, message: &Message) -> Vec<u8> {
    let route = icmpv6::Route {
        source_mac: NODE,
        destination_mac: multicast_mac(destination),
        source,
        destination,
    };
    let mut out = Vec::new();
    icmpv6::encode_frame(&route, message, &mut out);
    out
}

fn solicitation(source: Ipv6Addr, options: Vec<NdOption>) -> Vec<u8> {
    let all_routers = "ff02::2".parse().unwrap();
    let message = Message::RouterSolicitation(RouterSolicitation { options });
    neighbor_frame(source, all_routers, &message)
}

fn discover() -> dhcpv4::Message {
    dhcpv4::Message {
        op: Op::Request,
        message_type: MessageType::DISCOVER,
        xid: 0x1234_5678,
        secs: 3,
        broadcast: false,
        ciaddr: Ipv4Addr::UNSPECIFIED,
        yiaddr: Ipv4Addr::UNSPECIFIED,
        siaddr: Ipv4Addr::UNSPECIFIED,
        giaddr: Ipv4Addr::UNSPECIFIED,
        chaddr: NODE,
        options: vec![DhcpOption::ParameterRequestList(vec![1, 3, 26])],
    }
}

fn dhcp_frame(message: &dhcpv4::Message) -> Vec<u8> {
    let route = dhcpv4::Route {
        source_mac: NODE,
        destination_mac: MacAddr::BROADCAST,
        source: Ipv4Addr::UNSPECIFIED,
        destination: Ipv4Addr::BROADCAST,
    };
    let mut out = Vec::new();
    dhcpv4::encode_client_frame(&route, message, &mut out);
    out
}

/// Changes octets of a DHCP frame and leaves its checksum out, as RFC 768 allows.
fn dhcp_with(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut frame = dhcp_frame(&discover());
    frame[ETHERNET + IPV4 + 6..ETHERNET + IPV4 + 8].fill(0);
    change(&mut frame);
    frame
}

#[track_caller]
fn assert_fault(frame: &[u8], offset: usize, field: &str, fault: Fault) {
    let error = Frame::decode(frame).expect_err("the frame is wrong");
    assert_eq!((error.offset, error.field, error.fault), (offset, field, fault));
}

#[test]
fn a_neighbor_message_that_a_router_passed_on_is_refused() {
    let mut frame = solicitation(link_local(), vec![]);
    frame[ETHERNET + 7] = 254;
    assert_fault(&frame, ETHERNET + IPV6, "hop limit", Fault::Invalid { value: 254 });
}

#[test]
fn a_neighbor_message_with_a_wrong_checksum_is_refused() {
    let mut frame = solicitation(link_local(), vec![]);
    frame[ETHERNET + IPV6 + 3] ^= 1;
    assert_fault(&frame, ETHERNET + IPV6 + 2, "checksum", Fault::Checksum);
}

#[test]
fn a_neighbor_message_with_a_code_is_refused() {
    let mut frame = solicitation(link_local(), vec![]);
    frame[ETHERNET + IPV6 + 1] = 1;
    assert_fault(&frame, ETHERNET + IPV6 + 1, "code", Fault::Invalid { value: 1 });
}

#[test]
fn an_option_of_length_zero_spoils_the_message() {
    let option = NdOption::Unknown { kind: 200, body: vec![0; 6] };
    let mut frame = solicitation(link_local(), vec![option]);
    let at = ETHERNET + IPV6 + 8 + 1;
    frame[at] = 0;
    // The sum of the message is one lower than it was.
    let sum = u16::from_be_bytes([frame[ETHERNET + IPV6 + 2], frame[ETHERNET + IPV6 + 3]]) + 1;
    frame[ETHERNET + IPV6 + 2..ETHERNET + IPV6 + 4].copy_from_slice(&sum.to_be_bytes());
    assert_fault(&frame, at, "option length", Fault::Invalid { value: 0 });
}

#[test]
fn a_solicitation_from_nobody_must_not_say_an_address() {
    let option = NdOption::SourceLinkLayerAddress(NODE);
    let frame = solicitation(Ipv6Addr::UNSPECIFIED, vec![option.clone()]);
    let at = ETHERNET + IPV6 + 8;
    assert_fault(&frame, at, "source link-layer address", Fault::Invalid { value: 1 });

    let target = link_local();
    let message =
        Message::NeighborSolicitation(NeighborSolicitation { target, options: vec![option] });
    let frame = neighbor_frame(Ipv6Addr::UNSPECIFIED, solicited_node(target), &message);
    let at = ETHERNET + IPV6 + 24;
    assert_fault(&frame, at, "source link-layer address", Fault::Invalid { value: 1 });
}

#[test]
fn duplicate_address_detection_asks_the_targets_own_group() {
    let target: Ipv6Addr = "2001:db8::abcd:1234".parse().unwrap();
    assert_eq!(solicited_node(target), "ff02::1:ffcd:1234".parse::<Ipv6Addr>().unwrap());
    let message = Message::NeighborSolicitation(NeighborSolicitation { target, options: vec![] });
    let right = neighbor_frame(Ipv6Addr::UNSPECIFIED, solicited_node(target), &message);
    let Content::Neighbor { message: read, .. } = Frame::decode(&right).unwrap().content else {
        panic!("no neighbour message");
    };
    assert_eq!(read, message);
    let wrong = neighbor_frame(Ipv6Addr::UNSPECIFIED, icmpv6::ALL_NODES, &message);
    let at = ETHERNET + IPV6 + 24;
    assert_fault(&wrong, at, "destination address", Fault::Invalid { value: 0xff02 });
}

#[test]
fn a_group_is_no_target_and_an_answer_to_a_group_is_not_solicited() {
    let message = Message::NeighborSolicitation(NeighborSolicitation {
        target: icmpv6::ALL_NODES,
        options: vec![],
    });
    let frame = neighbor_frame(link_local(), icmpv6::ALL_NODES, &message);
    let at = ETHERNET + IPV6 + 8;
    assert_fault(&frame, at, "target address", Fault::Invalid { value: 0xff02 });

    let message = Message::NeighborAdvertisement(NeighborAdvertisement {
        router: false,
        solicited: true,
        overriding: true,
        target: link_local(),
        options: vec![],
    });
    let frame = neighbor_frame(link_local(), icmpv6::ALL_NODES, &message);
    assert_fault(&frame, ETHERNET + IPV6 + 4, "solicited flag", Fault::Invalid { value: 1 });
}

#[test]
fn an_advertisement_comes_from_a_link_local_address() {
    let message = Message::RouterAdvertisement(icmpv6::RouterAdvertisement::default());
    let frame = neighbor_frame("2001:db8::1".parse().unwrap(), icmpv6::ALL_NODES, &message);
    assert_fault(&frame, ETHERNET + IPV6 + 4, "source address", Fault::Invalid { value: 0x2001 });
}

#[test]
fn an_ordinary_packet_may_be_cut_short_behind_its_header_but_a_message_may_not() {
    let frame = solicitation(link_local(), vec![NdOption::Mtu(1500)]);
    let short = &frame[..frame.len() - 1];
    let fault = Fault::Truncated { need: 16, have: 15 };
    assert_fault(short, ETHERNET + IPV6, "payload", fault);
    // The same octets as an echo request are any packet.
    let mut echo = frame.clone();
    echo[ETHERNET + IPV6] = 128;
    echo.truncate(ETHERNET + IPV6 + 1);
    let Content::Ipv6(ip) = Frame::decode(&echo).unwrap().content else { panic!("not IPv6") };
    assert_eq!(ip.source, link_local());
    let fault = Fault::Truncated { need: 16, have: 15 };
    assert_fault(&echo[..ETHERNET + IPV6 - 1], ETHERNET + 24, "destination address", fault);
}

#[test]
fn the_padding_of_short_frames_is_no_part_of_the_packet() {
    let mut frame = solicitation(link_local(), vec![]);
    frame.resize(ETHERNET + 100, 0xaa);
    assert!(matches!(Frame::decode(&frame).unwrap().content, Content::Neighbor { .. }));
    let mut frame = dhcp_frame(&discover());
    frame.extend([0xaa; 20]);
    assert!(matches!(Frame::decode(&frame).unwrap().content, Content::Dhcpv4 { .. }));
}

#[test]
fn a_dhcp_message_may_leave_its_checksum_out_or_to_hardware_but_not_have_a_wrong_one() {
    let at = ETHERNET + IPV4 + 6;
    let whole = dhcp_frame(&discover());
    let is_message =
        |frame: &[u8]| matches!(Frame::decode(frame).unwrap().content, Content::Dhcpv4 { .. });
    assert!(is_message(&whole));
    assert!(is_message(&dhcp_with(|_| {})));
    // 255.255.255.255 counts as zero in ones' complement; protocol and length remain.
    let udp_len = (whole.len() - ETHERNET - IPV4) as u16;
    let pseudo = 0xffffu32 * 2 + 17 + u32::from(udp_len);
    let folded = ((pseudo & 0xffff) + (pseudo >> 16)) as u16;
    let left = dhcp_with(|f| f[at..at + 2].copy_from_slice(&folded.to_be_bytes()));
    assert!(is_message(&left));
    let mut wrong = whole;
    wrong[at] ^= 0x40;
    assert_fault(&wrong, at, "UDP checksum", Fault::Checksum);
}

#[test]
fn half_a_dhcp_message_is_none() {
    let options = ETHERNET + IPV4 + UDP + 240;
    let frame = dhcp_frame(&discover());
    let cut = &frame[..options];
    let need = frame.len() - ETHERNET - IPV4 - UDP;
    let fault = Fault::Truncated { need, have: 240 };
    assert_fault(cut, ETHERNET + IPV4 + UDP, "UDP payload", fault);

    let frame = dhcp_with(|f| f[options..].fill(0));
    let end = frame.len();
    assert_fault(&frame, end, "end option", Fault::Missing);

    let frame = dhcp_with(|f| f[options..options + 4].copy_from_slice(&[12, 0, 255, 0]));
    assert_fault(&frame, options, "message type", Fault::Missing);

    let frame = dhcp_with(|f| f[options + 4] = 250);
    let left = frame.len() - options - 5;
    let fault = Fault::Truncated { need: 250, have: left };
    assert_fault(&frame, options + 5, "option", fault);
}

#[test]
fn a_dhcp_option_has_the_length_of_its_type() {
    let options = ETHERNET + IPV4 + UDP + 240;
    for (octets, value) in [
        (&[50, 3, 1, 2, 3, 255][..], 3),
        (&[54, 0, 255], 0),
        (&[3, 6, 1, 2, 3, 4, 5, 6, 255], 6),
        (&[53, 2, 1, 1, 255], 2),
        (&[61, 1, 1, 255], 1),
    ] {
        let frame =
            dhcp_with(|f| f[options + 3..options + 3 + octets.len()].copy_from_slice(octets));
        let at = options + 3;
        // A second message type joins the first one, whose place is named.
        let at = if octets[0] == 53 { options } else { at };
        let value = if octets[0] == 53 { value + 1 } else { value };
        assert_fault(&frame, at, "option length", Fault::Invalid { value });
    }
}

#[test]
fn only_ethernet_clients_speak_to_an_ethernet_gateway() {
    let at = ETHERNET + IPV4 + UDP;
    let frame = dhcp_with(|f| f[at + 1] = 6);
    assert_fault(&frame, at + 1, "htype", Fault::Invalid { value: 6 });
    let frame = dhcp_with(|f| f[at] = 3);
    assert_fault(&frame, at, "op", Fault::Invalid { value: 3 });
    let frame = dhcp_with(|f| f[at + 236] = 0);
    assert_fault(&frame, at + 236, "magic cookie", Fault::Invalid { value: 0x0082_5363 });
}

#[test]
fn options_in_sname_and_file_are_read_and_pieces_are_joined() {
    let body = ETHERNET + IPV4 + UDP;
    let frame = dhcp_with(|f| {
        // Overload 3, the hostname's first piece; its second in file, the identifier in sname.
        let options = [53, 1, 3, 52, 1, 3, 12, 2, b'a', b'b', 255];
        f[body + 240..body + 240 + options.len()].copy_from_slice(&options);
        f[body + 108..body + 113].copy_from_slice(&[12, 2, b'c', b'd', 255]);
        f[body + 44..body + 51].copy_from_slice(&[54, 4, 10, 0, 0, 1, 255]);
    });
    let Content::Dhcpv4 { message, .. } = Frame::decode(&frame).unwrap().content else {
        panic!("no DHCP");
    };
    assert_eq!(message.message_type, MessageType::REQUEST);
    assert_eq!(message.server_identifier(), Some(Ipv4Addr::new(10, 0, 0, 1)));
    assert!(message.options.contains(&DhcpOption::Unknown { code: 12, body: b"abcd".to_vec() }));

    let frame = dhcp_with(|f| f[body + 243..body + 247].copy_from_slice(&[52, 1, 4, 255]));
    let at = body + 243;
    assert_fault(&frame, at, "option overload", Fault::Invalid { value: 4 });
}

#[test]
fn a_fragment_of_a_datagram_is_just_a_packet() {
    let frame = dhcp_with(|f| {
        f[ETHERNET + 6..ETHERNET + 8].copy_from_slice(&[0x20, 0]);
        // "Do not fragment" gave way to "more fragments": 0x4000 to 0x2000.
        let at = ETHERNET + 10;
        let sum = u16::from_be_bytes([f[at], f[at + 1]]) + 0x2000;
        f[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    });
    assert!(matches!(Frame::decode(&frame).unwrap().content, Content::Ipv4(_)));
}

#[test]
fn an_ipv4_header_is_whole_and_adds_up() {
    let frame = dhcp_with(|f| f[ETHERNET + 8] = 1);
    assert_fault(&frame, ETHERNET + 10, "header checksum", Fault::Checksum);
    let frame = dhcp_with(|f| f[ETHERNET] = 0x44);
    assert_fault(&frame, ETHERNET, "header length", Fault::Invalid { value: 16 });
    let frame = dhcp_with(|f| f[ETHERNET] = 0x65);
    assert_fault(&frame, ETHERNET, "version", Fault::Invalid { value: 6 });
    let frame = dhcp_with(|f| f[ETHERNET + 2..ETHERNET + 4].copy_from_slice(&[0, 19]));
    assert_fault(&frame, ETHERNET + 2, "total length", Fault::Invalid { value: 19 });
}

#[test]
fn arp_is_for_ipv4_over_ethernet_and_tells_probes_apart() {
    let arp = Arp {
        operation: Operation::Request,
        sender_mac: NODE,
        sender: Ipv4Addr::new(10, 0, 0, 7),
        target_mac: MacAddr([0; 6]),
        target: Ipv4Addr::new(10, 0, 0, 1),
    };
    let mut frame = Vec::new();
    arp::encode_frame(NODE, MacAddr::BROADCAST, &arp, &mut frame);
    assert_eq!(Frame::decode(&frame).unwrap().content, Content::Arp(arp));
    assert!(!arp.is_probe_or_announcement());
    assert!(Arp { sender: Ipv4Addr::UNSPECIFIED, ..arp }.is_probe_or_announcement());
    assert!(Arp { sender: arp.target, ..arp }.is_probe_or_announcement());
    for (at, field) in [
        (0, "hardware type"),
        (2, "protocol type"),
        (4, "hardware address length"),
        (5, "protocol address length"),
        (6, "operation"),
    ] {
        let mut wrong = frame.clone();
        wrong[ETHERNET + at] ^= 0x11;
        let error = Frame::decode(&wrong).unwrap_err();
        assert_eq!((error.offset, error.field), (ETHERNET + at, field));
    }
}
