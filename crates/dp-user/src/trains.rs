//! Cutting and joining are each other's inverse.

use std::io::IoSlice;
use std::net::IpAddr;

use kedge_dataplane::checksum::Sum;
use kedge_dataplane::inner::Inner;

use crate::merge::{Merger, Sink, unfinished};
use crate::split::{Cut, finish_checksum};
use crate::virtio::{Train, VirtioHeader};

/// What was written to devices.
#[derive(Default)]
struct Written(Vec<(VirtioHeader, Vec<u8>)>);

impl Sink for Written {
    fn write(&mut self, _device: u16, _packets: u64, parts: &[IoSlice<'_>]) {
        let header = VirtioHeader::decode(parts[0].first_chunk().unwrap()).unwrap();
        self.0.push((header, parts[1..].iter().flat_map(|part| part.iter().copied()).collect()));
    }
}

#[test]
fn segments_of_a_train_join_to_the_same_train() {
    for v4 in [true, false] {
        for kind in ["tcp", "udp"] {
            let (header, train) = train(v4, kind, 1000, 10_300);
            let written = joined(&segments(&header, &train));
            let [(again, packet)] = &written[..] else { panic!("{} writes", written.len()) };
            assert_eq!((again, packet), (&header, &train), "{kind}, IPv4: {v4}");
        }
    }
}

#[test]
fn every_segment_has_right_checksums_and_lengths_and_the_last_alone_has_psh() {
    let (header, train) = train(true, "tcp", 700, 5000);
    let segments = segments(&header, &train);
    assert_eq!(segments.len(), 8);
    for (at, segment) in segments.iter().enumerate() {
        let inner = Inner::parse(segment).unwrap();
        assert_eq!(inner.total_len, segment.len());
        assert!(Sum::default().bytes(&segment[..20]).is_valid());
        assert!(checksum_is_valid(segment, 6));
        assert_eq!(segment[24..28], (1000 + 700 * at as u32).to_be_bytes());
        assert_eq!(segment[33] & 0x08 != 0, at == 7);
        assert_eq!(segment[4..6], (0x1234 + at as u16).to_be_bytes());
    }
}

#[test]
fn what_the_kernel_could_not_cut_again_is_not_joined() {
    let (header, whole) = train(true, "tcp", 1000, 3000);
    let unchanged = segments(&header, &whole);
    let change = |at: usize, octet: usize, value: u8| {
        let mut segments = unchanged.clone();
        segments[at][octet] = value;
        refresh(&mut segments[at]);
        joined(&segments).len()
    };
    assert_eq!(joined(&unchanged).len(), 1);
    assert_eq!(change(1, 8, 3), 3, "another TTL");
    assert_eq!(change(1, 1, 4), 3, "another DSCP");
    assert_eq!(change(1, 27, 0xee), 3, "a gap in the sequence");
    assert_eq!(change(1, 33, 0x11), 3, "FIN");
    assert_eq!(change(1, 43, 0x77), 3, "another timestamp");
    assert_eq!(change(1, 35, 9), 3, "another window");
    assert_eq!(change(1, 33, 0x18), 2, "PSH ends a train");

    let mut corrupt = unchanged.clone();
    corrupt[1][100] ^= 1;
    let written = joined(&corrupt);
    assert_eq!(written.len(), 3, "a wrong checksum");
    assert_eq!(written[1].1, corrupt[1], "and it stays wrong");
}

#[test]
fn packets_of_a_flow_keep_their_order_beside_other_flows() {
    let (header, ours) = train(true, "tcp", 1000, 4000);
    let (_, mut theirs) = train(true, "tcp", 1000, 4000);
    theirs[15] = 77;
    let theirs = segments(&header, &theirs);
    let mixed: Vec<_> = segments(&header, &ours).into_iter().zip(theirs).collect();
    let mixed: Vec<Vec<u8>> = mixed.into_iter().flat_map(|(a, b)| [a, b]).collect();
    let written = joined(&mixed);
    assert_eq!(written.len(), 2);
    assert_eq!(written[0].1, ours);
}

#[test]
fn a_segment_that_the_kernel_left_unfinished_is_written_as_such() {
    let (header, train) = train(true, "tcp", 1000, 4000);
    let inner = Inner::parse(&train).unwrap();
    let seen = unfinished(&train, &inner, || 1052).unwrap();
    assert_eq!((seen, seen.segment), (header, 1000));
    let finished = &segments(&header, &train)[0];
    assert_eq!(unfinished(finished, &Inner::parse(finished).unwrap(), || 1052), None);
}

#[test]
fn an_unfinished_checksum_is_finished() {
    let (header, mut packet) = train(false, "udp", 1200, 1200);
    let single = VirtioHeader { train: Train::None, segment: 0, ..header };
    assert!(finish_checksum(&single, &mut packet));
    assert!(checksum_is_valid(&packet, 17));
    assert!(!finish_checksum(&single, &mut packet[..47]));
}

#[test]
fn a_train_whose_headers_contradict_each_other_is_refused() {
    let (header, train) = train(true, "tcp", 1000, 3000);
    let inner = Inner::parse(&train).unwrap();
    let refused = |header: VirtioHeader| Cut::new(&header, &inner, &train).is_none();
    assert!(!refused(header));
    assert!(refused(VirtioHeader { segment: 0, ..header }));
    assert!(refused(VirtioHeader { checksum_start: 4, ..header }));
    assert!(refused(VirtioHeader { checksum_start: 60_000, ..header }));
}

/// A train as the kernel gives it, with TCP timestamps.
pub fn train(v4: bool, kind: &str, segment: u16, data: usize) -> (VirtioHeader, Vec<u8>) {
    let is_tcp = kind == "tcp";
    let transport = if is_tcp { 32 } else { 8 };
    let length = transport + data;
    let (mut packet, at, from, to): (Vec<u8>, u16, IpAddr, IpAddr) = if v4 {
        let mut header = vec![0x45, 0];
        header.extend((20 + length as u16).to_be_bytes());
        header.extend([0x12, 0x34, 0x40, 0, 63, if is_tcp { 6 } else { 17 }, 0, 0]);
        header.extend([10, 0, 0, 1, 10, 0, 0, 2]);
        let sum = Sum::default().bytes(&header).checksum();
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        (header, 20, [10, 0, 0, 1].into(), [10, 0, 0, 2].into())
    } else {
        let mut header = vec![0x60, 0, 0, 9];
        header.extend((length as u16).to_be_bytes());
        header.extend([if is_tcp { 6 } else { 17 }, 63]);
        header.extend([1; 16]);
        header.extend([2; 16]);
        (header, 40, [1; 16].into(), [2; 16].into())
    };
    let sum = Sum::default()
        .add_pseudo_header(from, to, if is_tcp { 6 } else { 17 }, length as u32)
        .folded()
        .to_be_bytes();
    packet.extend([0x30, 0x39, 0x00, 0x50]);
    if is_tcp {
        packet.extend(1000u32.to_be_bytes());
        packet.extend([0, 0, 0, 5, 0x80, 0x18, 1, 0, sum[0], sum[1], 0, 0]);
        packet.extend([1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]);
    } else {
        packet.extend((length as u16).to_be_bytes());
        packet.extend(sum);
    }
    packet.extend((0..data).map(|i| (i * 7) as u8));
    let header = VirtioHeader {
        needs_checksum: true,
        train: match (is_tcp, v4) {
            (true, true) => Train::Tcp4,
            (true, false) => Train::Tcp6,
            _ => Train::Udp,
        },
        header_len: at + transport as u16,
        segment,
        checksum_start: at,
        checksum_offset: if is_tcp { 16 } else { 6 },
    };
    (header, packet)
}

pub fn segments(header: &VirtioHeader, train: &[u8]) -> Vec<Vec<u8>> {
    let inner = Inner::parse(train).unwrap();
    let cut = Cut::new(header, &inner, train).unwrap();
    let segment = |index| {
        let mut packet = vec![0; cut.header_len()];
        let payload = cut.write(&inner, train, index, &mut packet);
        packet.extend(&train[payload]);
        packet
    };
    (0..cut.count()).map(segment).collect()
}

fn joined(packets: &[Vec<u8>]) -> Vec<(VirtioHeader, Vec<u8>)> {
    let mut octets = packets.concat();
    let (mut merger, mut written) = (Merger::new(true), Written::default());
    let mut at = 0;
    for packet in packets {
        let inner = Inner::parse(packet).unwrap();
        merger.add(&mut octets, at..at + packet.len(), &inner, 0, &mut written);
        at += packet.len();
    }
    merger.flush(&mut octets, &mut written);
    written.0
}

fn checksum_is_valid(packet: &[u8], protocol: u8) -> bool {
    let inner = Inner::parse(packet).unwrap();
    let transport = &packet[inner.header_len..];
    Sum::default()
        .add_pseudo_header(inner.source, inner.destination, protocol, transport.len() as u32)
        .bytes(transport)
        .is_valid()
}

/// Makes the checksums of an IPv4 TCP segment right again.
fn refresh(packet: &mut [u8]) {
    packet[10..12].fill(0);
    let sum = Sum::default().bytes(&packet[..20]).checksum();
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    let inner = Inner::parse(packet).unwrap();
    packet[36..38].fill(0);
    let transport = &packet[20..];
    let sum = Sum::default()
        .add_pseudo_header(inner.source, inner.destination, 6, transport.len() as u32)
        .bytes(transport)
        .checksum();
    packet[36..38].copy_from_slice(&sum.to_be_bytes());
}
