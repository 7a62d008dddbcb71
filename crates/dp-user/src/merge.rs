//! Joining packets that left a tunnel into trains for a TUN device.
//!
//! Writing a packet costs the same system call and the same walk through the kernel whatever its
//! size, so consecutive TCP segments of a flow, and UDP datagrams of one size, become one write.
//! The rules are those of the kernel's own receive offload (net/ipv4/tcp_offload.c and
//! udp_offload.c): the kernel must be able to cut the train into the very packets it was made of,
//! and a packet whose checksum is wrong is never joined, since joining would make it right.
//! Packets of a flow keep their order. A train lasts no longer than the batch it came in.

use std::io::IoSlice;
use std::net::IpAddr;
use std::ops::Range;

use kedge_dataplane::checksum::Sum;
use kedge_dataplane::inner::{Inner, protocol};

use crate::virtio::{Train, VirtioHeader};

/// Packets of one train: the kernel takes no more datagrams than this in one.
const LONGEST: usize = 64;
/// Trains that are open at a time.
const OPEN: usize = 8;

const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

/// Where the packets of a train go.
pub trait Sink {
    /// Takes one write to a device: the virtio header and `packets` packets behind it.
    fn write(&mut self, device: u16, packets: u64, parts: &[IoSlice<'_>]);
}

/// What the packets of a train have in common.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Flow {
    device: u16,
    protocol: u8,
    ports: [u8; 4],
    source: IpAddr,
    destination: IpAddr,
}

#[derive(Debug)]
struct Run {
    flow: Flow,
    /// The first packet.
    first: Range<usize>,
    inner: Inner,
    /// Octets of the first packet in front of its payload.
    payload: usize,
    /// Octets of payload of every packet but the last.
    segment: usize,
    /// The payloads of the packets behind the first.
    behind: Vec<Range<usize>>,
    /// Octets of the train: one header and all payloads.
    length: usize,
    next_sequence: u32,
    next_id: u16,
    /// Whether the first packet's checksum has been found right.
    checked: bool,
    /// Whether nothing may follow the last packet.
    closed: bool,
    /// Whether the last packet has PSH.
    push: bool,
}

/// Packets of a batch that wait to be joined.
#[derive(Debug)]
pub struct Merger {
    /// Whether the kernel takes trains of UDP datagrams.
    pub udp: bool,
    open: Vec<Run>,
    /// Runs that were written, for their allocations.
    spare: Vec<Vec<Range<usize>>>,
}

impl Merger {
    /// A merger that holds nothing.
    pub fn new(udp: bool) -> Self {
        Self { udp, open: Vec::with_capacity(OPEN), spare: Vec::new() }
    }

    /// Takes the packet at `at` in `octets`; `inner` is its header, and it is no longer than that
    /// says. The octets stay as they are until [`Self::flush`].
    pub fn add(
        &mut self,
        octets: &mut [u8],
        at: Range<usize>,
        inner: &Inner,
        device: u16,
        sink: &mut impl Sink,
    ) {
        let Some(flow) = flow(&octets[at.clone()], inner, device) else {
            return write_one(VirtioHeader::default(), &octets[at], device, sink);
        };
        let open = self.open.iter().rposition(|run| run.flow == flow);
        let payload = mergeable(&octets[at.clone()], inner, self.udp);
        if let Some(index) = open {
            let run = &mut self.open[index];
            if payload.is_some_and(|payload| run.append(octets, at.clone(), inner, payload)) {
                if run.closed {
                    self.write(index, octets, sink);
                }
                return;
            }
            self.write(index, octets, sink);
        }
        let Some(payload) = payload else {
            return write_one(VirtioHeader::default(), &octets[at], device, sink);
        };
        if self.open.len() == OPEN {
            self.write(0, octets, sink);
        }
        let packet = &octets[at.clone()];
        let transport = &packet[inner.header_len..];
        let sequence = u32::from_be_bytes([transport[4], transport[5], transport[6], transport[7]]);
        let segment = packet.len() - payload;
        let push = flow.protocol == protocol::TCP && transport[13] & PSH != 0;
        self.open.push(Run {
            flow,
            inner: *inner,
            payload,
            segment,
            behind: self.spare.pop().unwrap_or_default(),
            length: packet.len(),
            next_sequence: sequence.wrapping_add(segment as u32),
            next_id: identification(packet).wrapping_add(1),
            checked: false,
            closed: push,
            push,
            first: at,
        });
    }

    /// Writes what the kernel merged or left unfinished before we saw it, behind what waits of
    /// the same flow.
    pub fn pass(
        &mut self,
        octets: &mut [u8],
        at: Range<usize>,
        inner: &Inner,
        header: VirtioHeader,
        device: u16,
        sink: &mut impl Sink,
    ) {
        if let Some(flow) = flow(&octets[at.clone()], inner, device)
            && let Some(index) = self.open.iter().position(|run| run.flow == flow)
        {
            self.write(index, octets, sink);
        }
        write_one(header, &octets[at], device, sink);
    }

    /// Writes everything that waits.
    pub fn flush(&mut self, octets: &mut [u8], sink: &mut impl Sink) {
        while !self.open.is_empty() {
            self.write(0, octets, sink);
        }
    }

    fn write(&mut self, index: usize, octets: &mut [u8], sink: &mut impl Sink) {
        let mut run = self.open.remove(index);
        run.write(octets, sink);
        run.behind.clear();
        self.spare.push(run.behind);
    }
}

impl Run {
    /// Takes a packet of the same flow if the kernel could cut it off again.
    fn append(&mut self, octets: &[u8], at: Range<usize>, inner: &Inner, payload: usize) -> bool {
        let (first, packet) = (&octets[self.first.clone()], &octets[at.clone()]);
        let data = packet.len() - payload;
        if self.closed
            || payload != self.payload
            || data > self.segment
            || self.behind.len() + 1 >= LONGEST
            || self.length + data > usize::from(u16::MAX)
            || !same_ip_header(first, packet, self.next_id)
        {
            return false;
        }
        let [ours, theirs] = [first, packet].map(|p| &p[inner.header_len..payload]);
        let is_tcp = self.flow.protocol == protocol::TCP;
        if is_tcp {
            // All but sequence number, checksum and PSH: acknowledgement, flags, window, options.
            let continues = theirs[4..8] == self.next_sequence.to_be_bytes()
                && theirs[8..13] == ours[8..13]
                && (theirs[13] ^ ours[13]) & !PSH == 0
                && theirs[14..16] == ours[14..16]
                && theirs[18..] == ours[18..];
            if !continues {
                return false;
            }
        }
        if !self.checked && !checksum_is_right(first, &self.inner)
            || !checksum_is_right(packet, inner)
        {
            return false;
        }
        self.checked = true;
        self.push = is_tcp && theirs[13] & PSH != 0;
        self.closed = data < self.segment || self.push;
        self.next_sequence = self.next_sequence.wrapping_add(data as u32);
        self.next_id = self.next_id.wrapping_add(1);
        self.length += data;
        self.behind.push(at.start + payload..at.end);
        true
    }

    fn write(&mut self, octets: &mut [u8], sink: &mut impl Sink) {
        let packet = &mut octets[self.first.clone()];
        if self.behind.is_empty() {
            return write_one(VirtioHeader::default(), packet, self.flow.device, sink);
        }
        let header = self.make_train(packet).encode();
        let mut parts = [IoSlice::new(&[]); LONGEST + 1];
        parts[0] = IoSlice::new(&header);
        parts[1] = IoSlice::new(&octets[self.first.clone()]);
        for (part, payload) in parts[2..].iter_mut().zip(&self.behind) {
            *part = IoSlice::new(&octets[payload.clone()]);
        }
        let packets = self.behind.len() + 1;
        sink.write(self.flow.device, packets as u64, &parts[..packets + 1]);
    }

    /// Makes the first packet's headers those of the whole train.
    fn make_train(&self, packet: &mut [u8]) -> VirtioHeader {
        let at = self.inner.header_len;
        // `append` keeps the length within 16 bits.
        let length = self.length as u16;
        if self.inner.is_ipv4() {
            packet[2..4].copy_from_slice(&length.to_be_bytes());
            packet[10..12].fill(0);
            let sum = Sum::default().bytes(&packet[..at]).checksum();
            packet[10..12].copy_from_slice(&sum.to_be_bytes());
        } else {
            packet[4..6].copy_from_slice(&(length - 40).to_be_bytes());
        }
        let transport = &mut packet[at..];
        let length = length - at as u16;
        let (train, checksum_offset) = match (self.flow.protocol, self.inner.is_ipv4()) {
            (protocol::UDP, _) => {
                transport[4..6].copy_from_slice(&length.to_be_bytes());
                (Train::Udp, 6)
            }
            (_, true) => (Train::Tcp4, 16),
            (_, false) => (Train::Tcp6, 16),
        };
        if self.push {
            // The kernel takes it off every segment but the last.
            transport[13] |= PSH;
        }
        let sum = pseudo_header(&self.inner, length.into()).folded();
        let field = usize::from(checksum_offset);
        transport[field..field + 2].copy_from_slice(&sum.to_be_bytes());
        VirtioHeader {
            needs_checksum: true,
            train,
            header_len: self.payload as u16,
            segment: self.segment as u16,
            checksum_start: at as u16,
            checksum_offset,
        }
    }
}

fn write_one(header: VirtioHeader, packet: &[u8], device: u16, sink: &mut impl Sink) {
    sink.write(device, 1, &[IoSlice::new(&header.encode()), IoSlice::new(packet)]);
}

/// The flow of a TCP segment or UDP datagram that is not a fragment.
fn flow(packet: &[u8], inner: &Inner, device: u16) -> Option<Flow> {
    let is_known = matches!(inner.protocol, protocol::TCP | protocol::UDP) && !inner.fragment;
    let ports = packet.get(inner.header_len..)?.first_chunk::<4>()?;
    is_known.then_some(Flow {
        device,
        protocol: inner.protocol,
        ports: *ports,
        source: inner.source,
        destination: inner.destination,
    })
}

/// Where the payload of a packet starts that can be part of a train.
fn mergeable(packet: &[u8], inner: &Inner, udp: bool) -> Option<usize> {
    if inner.is_ipv4() && inner.header_len != 20 {
        return None;
    }
    let transport = packet.get(inner.header_len..)?;
    let length = if inner.protocol == protocol::TCP {
        let fixed = transport.first_chunk::<20>()?;
        if fixed[13] & !PSH != ACK {
            return None;
        }
        (usize::from(fixed[12]) >> 4) * 4
    } else {
        let fixed = transport.first_chunk::<8>()?;
        let says = usize::from(u16::from_be_bytes([fixed[4], fixed[5]]));
        // RFC 768: no checksum, so nothing that says the datagram is as it was sent.
        if !udp || says != transport.len() || fixed[6..8] == [0, 0] {
            return None;
        }
        8
    };
    let minimum = if inner.protocol == protocol::TCP { 20 } else { 8 };
    (length >= minimum && transport.len() > length).then_some(inner.header_len + length)
}

/// Whether two headers differ only in length, checksum and, as it must, identification.
fn same_ip_header(first: &[u8], packet: &[u8], next_id: u16) -> bool {
    if first[0] >> 4 == 6 {
        return first[..4] == packet[..4] && first[6..8] == packet[6..8];
    }
    // With DF set the identification means nothing (RFC 6864 §4.1).
    let id_fits = first[6] & 0x40 != 0 || identification(packet) == next_id;
    id_fits && first[1] == packet[1] && first[6..9] == packet[6..9]
}

fn identification(packet: &[u8]) -> u16 {
    u16::from_be_bytes([packet[4], packet[5]])
}

fn pseudo_header(inner: &Inner, length: usize) -> Sum {
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    Sum::default().add_pseudo_header(inner.source, inner.destination, inner.protocol, length)
}

fn checksum_is_right(packet: &[u8], inner: &Inner) -> bool {
    let transport = &packet[inner.header_len..];
    pseudo_header(inner, transport.len()).bytes(transport).is_valid()
}

/// What the kernel merged, or left for the hardware to finish, before a socket saw it: a TCP
/// segment or UDP datagram whose checksum field holds the pseudo-header's sum only. `mtu` is the
/// largest packet that can have travelled.
pub fn unfinished(packet: &[u8], inner: &Inner, mtu: impl Fn() -> u16) -> Option<VirtioHeader> {
    let (checksum_offset, train) = match (inner.protocol, inner.is_ipv4()) {
        (protocol::TCP, true) => (16, Train::Tcp4),
        (protocol::TCP, false) => (16, Train::Tcp6),
        (protocol::UDP, _) => (6, Train::None),
        _ => return None,
    };
    let transport = packet.get(inner.header_len..).filter(|_| !inner.fragment)?;
    let at = usize::from(checksum_offset);
    let field = transport.get(at..at + 2)?;
    let sum = pseudo_header(inner, transport.len()).folded();
    if field != sum.to_be_bytes() || checksum_is_right(packet, inner) {
        return None;
    }
    let mut header = VirtioHeader {
        needs_checksum: true,
        checksum_start: inner.header_len as u16,
        checksum_offset,
        ..VirtioHeader::default()
    };
    let mtu = mtu();
    if packet.len() > usize::from(mtu) && train != Train::None {
        let header_len = inner.header_len + (usize::from(transport[12]) >> 4) * 4;
        header.train = train;
        header.header_len = header_len as u16;
        header.segment = mtu.saturating_sub(header.header_len).max(1);
    }
    Some(header)
}
