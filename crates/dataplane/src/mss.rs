//! The Maximum Segment Size that the two ends of a TCP connection tell each other, lowered to what
//! the tunnel between them carries whole.
//!
//! An end announces what its own link carries (RFC 9293 §3.7.1). Where a tunnel in the middle
//! carries less, the first full segment meets it, and an error must find its way back; networks
//! that filter ICMP lose it. A segment size that fits from the start needs no error. The value is
//! only lowered, a SYN without the option stays without (its peer assumes 536 or 1220 octets, which
//! fit), and what is not a whole, well-formed SYN is left as it is. As RFC 6691 §2 says, the value
//! counts the fixed IP and TCP headers and no options.

use crate::checksum;
use crate::icmp::IPV6_MINIMUM_MTU;
use crate::inner::{Inner, protocol};

/// Octets of a TCP header without options.
const TCP_HEADER: usize = 20;
const FLAGS: usize = 13;
const CHECKSUM: usize = 16;
const SYN: u8 = 0x02;

/// A SYN that announces more than fits, and what it is to announce.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Clamp {
    /// Where the TCP header starts.
    tcp: usize,
    mss: u16,
}

impl Clamp {
    /// Looks at a packet for a tunnel that carries inner packets of `mtu` octets whole, which is
    /// asked only where it matters. `packet` is what `inner` was parsed from.
    pub(crate) fn needed(inner: &Inner, packet: &[u8], mtu: impl FnOnce() -> u16) -> Option<Self> {
        let tcp = match inner.protocol {
            protocol::TCP if !inner.fragment => inner.header_len,
            protocol::HOP_BY_HOP | protocol::ROUTING | protocol::DESTINATION_OPTIONS
                if !inner.is_ipv4() =>
            {
                behind_extensions(inner, packet)?
            }
            _ => return None,
        };
        if packet.get(tcp + FLAGS)? & SYN == 0 {
            return None;
        }
        // IPv6 packets of the minimum MTU always pass, if need be in outer fragments.
        let mtu = if inner.is_ipv4() { mtu() } else { mtu().max(IPV6_MINIMUM_MTU) };
        let headers = if inner.is_ipv4() { 20 } else { 40 } + TCP_HEADER as u16;
        let mss = mtu.checked_sub(headers).filter(|mss| *mss > 0)?;
        let packet = packet.get(..inner.total_len)?;
        sizes(packet, tcp).any(|at| read(packet, at) > mss).then_some(Self { tcp, mss })
    }

    /// Lowers the value in the packet that was looked at and corrects the checksum by the
    /// difference, so that one that was wrong stays wrong.
    pub fn apply(self, packet: &mut [u8]) {
        let sum_at = self.tcp + CHECKSUM;
        self.lower(packet, |packet, at, old| {
            // In the middle of two of the words that are summed, the octets have changed places.
            let [old, new] = [old, self.mss].map(|size| match (at - self.tcp) % 2 {
                0 => size,
                _ => size.swap_bytes(),
            });
            let sum = checksum::updated(read(packet, sum_at), old, new);
            packet[sum_at..sum_at + 2].copy_from_slice(&sum.to_be_bytes());
        });
    }

    /// Lowers the value in a packet whose checksum nobody has finished yet: the field holds the
    /// pseudo-header's sum, which the options are no part of.
    pub fn apply_unfinished(self, packet: &mut [u8]) {
        self.lower(packet, |_, _, _| {});
    }

    fn lower(self, packet: &mut [u8], mut changed: impl FnMut(&mut [u8], usize, u16)) {
        // A receiver takes the last of several; there is seldom more than one.
        let mut from = self.tcp;
        while let Some(at) = sizes(packet, self.tcp).find(|at| *at > from) {
            from = at;
            let old = read(packet, at);
            if old > self.mss {
                packet[at..at + 2].copy_from_slice(&self.mss.to_be_bytes());
                changed(packet, at, old);
            }
        }
    }
}

/// Where the TCP header is behind IPv6 extension headers; `None` for fragments and other protocols.
fn behind_extensions(inner: &Inner, packet: &[u8]) -> Option<usize> {
    let (mut next, mut at) = (inner.protocol, inner.header_len);
    while matches!(next, protocol::HOP_BY_HOP | protocol::ROUTING | protocol::DESTINATION_OPTIONS) {
        let [following, length] = *packet.get(at..)?.first_chunk::<2>()?;
        (next, at) = (following, at + (usize::from(length) + 1) * 8);
    }
    (next == protocol::TCP).then_some(at)
}

/// Where the values of Maximum Segment Size options are in the packet, up to the first option that
/// is not well formed.
fn sizes(packet: &[u8], tcp: usize) -> impl Iterator<Item = usize> + use<> {
    const END: u8 = 0;
    const NO_OPERATION: u8 = 1;
    const MSS: (u8, u8) = (2, 4);
    let length = packet.get(tcp + 12).map_or(0, |octet| usize::from(octet >> 4) * 4);
    let mut found = [0; 10];
    let mut count = 0;
    if let Some(options) = packet.get(tcp + TCP_HEADER..tcp + length) {
        let mut at = 0;
        while let Some(&kind) = options.get(at) {
            let length = match kind {
                END => break,
                NO_OPERATION => 1,
                _ => options.get(at + 1).map_or(0, |length| usize::from(*length)),
            };
            if length == 0 || kind != NO_OPERATION && length < 2 || at + length > options.len() {
                break;
            }
            if (kind, options.get(at + 1)) == (MSS.0, Some(&MSS.1)) {
                // 40 octets hold ten options of four.
                found[count] = tcp + TCP_HEADER + at + 2;
                count += 1;
            }
            at += length;
        }
    }
    found.into_iter().take(count)
}

fn read(packet: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([packet[at], packet[at + 1]])
}
