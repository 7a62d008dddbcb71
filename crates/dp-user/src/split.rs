//! Cutting a train from a TUN device into segments, each with finished headers.
//!
//! Only headers are written; the payload stays where it was read. What is sent is then
//! `header₀ payload₀ header₁ payload₁ …`, gathered by the kernel.

use std::ops::Range;

use kedge_dataplane::Load;
use kedge_dataplane::checksum::Sum;
use kedge_dataplane::inner::{Inner, protocol};

use crate::virtio::{Train, VirtioHeader};

/// A train that has been found consistent.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    is_tcp: bool,
    /// Where the transport header starts.
    transport: usize,
    /// Where the payload starts.
    payload: usize,
    /// Where it ends.
    end: usize,
    /// Octets of payload in each segment but the last; not 0.
    segment: usize,
}

const FIN: u8 = 0x01;
const PSH: u8 = 0x08;
const CWR: u8 = 0x80;

impl Cut {
    /// Where a train's segments are. `None` if the headers contradict each other.
    pub fn new(header: &VirtioHeader, inner: &Inner, packet: &[u8]) -> Option<Self> {
        let is_tcp = header.train != Train::Udp;
        let transport = usize::from(header.checksum_start);
        let length = if is_tcp { usize::from(packet.get(transport + 12)? >> 4) * 4 } else { 8 };
        let (payload, end) = (transport + length, inner.total_len);
        let consistent = transport >= inner.header_len
            && (!is_tcp || length >= 20)
            && payload < end
            && end <= packet.len()
            && header.segment > 0;
        consistent.then_some(Self {
            is_tcp,
            transport,
            payload,
            end,
            segment: header.segment.into(),
        })
    }

    /// Octets of headers that each segment gets.
    pub fn header_len(&self) -> usize {
        self.payload
    }

    /// How many segments.
    pub fn count(&self) -> usize {
        (self.end - self.payload).div_ceil(self.segment)
    }

    /// What the train amounts to.
    pub fn load(&self) -> Load {
        let data = self.end - self.payload;
        Load {
            packets: self.count() as u64,
            bytes: (data + self.count() * self.payload) as u64,
            largest: self.payload + self.segment.min(data),
        }
    }

    /// Writes the headers of segment `index` into `header`, which has [`Self::header_len`]
    /// octets, and says where in the packet its payload is.
    pub fn write(
        &self,
        inner: &Inner,
        packet: &[u8],
        index: usize,
        header: &mut [u8],
    ) -> Range<usize> {
        let start = self.payload + index * self.segment;
        let payload = start..(start + self.segment).min(self.end);
        let is_last = payload.end == self.end;
        header.copy_from_slice(&packet[..self.payload]);
        let length = self.payload + payload.len();
        if inner.is_ipv4() {
            // Lengths are below 2^16: the train's own was.
            header[2..4].copy_from_slice(&(length as u16).to_be_bytes());
            let id = u16::from_be_bytes([header[4], header[5]]).wrapping_add(index as u16);
            header[4..6].copy_from_slice(&id.to_be_bytes());
            header[10..12].fill(0);
            let sum = Sum::default().bytes(&header[..inner.header_len]).checksum();
            header[10..12].copy_from_slice(&sum.to_be_bytes());
        } else {
            header[4..6].copy_from_slice(&((length - 40) as u16).to_be_bytes());
        }

        let transport = &mut header[self.transport..];
        let length = length - self.transport;
        let (protocol, checksum_at) = if self.is_tcp {
            let sequence =
                u32::from_be_bytes([transport[4], transport[5], transport[6], transport[7]]);
            let sequence = sequence.wrapping_add((index * self.segment) as u32);
            transport[4..8].copy_from_slice(&sequence.to_be_bytes());
            if !is_last {
                transport[13] &= !(FIN | PSH);
            }
            if index > 0 {
                transport[13] &= !CWR;
            }
            (protocol::TCP, 16)
        } else {
            transport[4..6].copy_from_slice(&(length as u16).to_be_bytes());
            (protocol::UDP, 6)
        };
        transport[checksum_at..checksum_at + 2].fill(0);
        let sum = Sum::default()
            .add_pseudo_header(inner.source, inner.destination, protocol, length as u32)
            .bytes(transport)
            .bytes(&packet[payload.clone()])
            .checksum();
        let sum = if sum == 0 && !self.is_tcp { 0xffff } else { sum };
        transport[checksum_at..checksum_at + 2].copy_from_slice(&sum.to_be_bytes());
        payload
    }
}

/// Finishes the checksum of a packet that is no train. `false` if there is no place for it.
pub fn finish_checksum(header: &VirtioHeader, packet: &mut [u8]) -> bool {
    let start = usize::from(header.checksum_start);
    let at = start + usize::from(header.checksum_offset);
    if at + 2 > packet.len() {
        return false;
    }
    // The field holds the pseudo-header's sum, so that summing over it adds that sum.
    let sum = match Sum::default().bytes(&packet[start..]).checksum() {
        0 => 0xffff,
        sum => sum,
    };
    packet[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    true
}
