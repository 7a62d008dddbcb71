//! ICMP and ICMPv6 errors about inner packets.
//!
//! Which packets may be answered at all is RFC 1812 §4.3.2.7 and RFC 4443 §2.4 (e): never an
//! ICMP error, nor what was sent to many or from nobody, nor a fragment other than the first.
//! How often is a token bucket (RFC 4443 §2.4 (f)).

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use crate::checksum::Sum;
use crate::inner::{Inner, protocol, upper_layer};

/// The smallest MTU of an IPv6 link (RFC 8200 §5).
pub const IPV6_MINIMUM_MTU: u16 = 1280;

/// What to tell the sender of an inner packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Problem {
    /// The packet is larger than this many octets and may not be fragmented.
    TooBig {
        /// The largest inner packet the tunnel takes.
        mtu: u16,
    },
    /// No subscriber has the destination, or the tunnel to it is broken (RFC 2473 §8.2).
    Unreachable,
    /// The source is no address of a subscriber here.
    SourceRefused,
    /// An access list does not permit it.
    Prohibited,
}

/// An ICMP or ICMPv6 error to the sender of an inner packet, without its IP header: the shell
/// knows which of its addresses the route to that sender starts at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// The sender of the packet in error.
    pub to: IpAddr,
    /// From the Type octet on, the checksum zero.
    message: Vec<u8>,
}

impl Reply {
    /// The whole packet from `source`, which is of the family of [`Self::to`].
    pub fn packet(&self, source: IpAddr) -> Vec<u8> {
        let mut packet;
        let (at, sum) = match (source, self.to) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                packet = ipv4_header(from, to, 20 + self.message.len());
                (20, Sum::default())
            }
            (from, to) => {
                let length = u16::try_from(self.message.len()).unwrap_or(u16::MAX);
                packet = vec![0x60, 0, 0, 0];
                packet.extend(length.to_be_bytes());
                packet.extend([protocol::ICMPV6, 64]);
                for address in [from, to] {
                    packet.extend(match address {
                        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
                        IpAddr::V6(v6) => v6.octets(),
                    });
                }
                let sum = Sum::default();
                (40, sum.add_pseudo_header(from, to, protocol::ICMPV6, length.into()))
            }
        };
        let sum = sum.bytes(&self.message).checksum();
        packet.extend(&self.message);
        packet[at + 2..at + 4].copy_from_slice(&sum.to_be_bytes());
        packet
    }
}

fn ipv4_header(from: Ipv4Addr, to: Ipv4Addr, length: usize) -> Vec<u8> {
    let length = u16::try_from(length).unwrap_or(u16::MAX);
    let mut header = vec![0x45, 0xc0]; // RFC 1812 §4.3.2.5: precedence of network control
    header.extend(length.to_be_bytes());
    header.extend([0, 0, 0x40, 0, 64, protocol::ICMP, 0, 0]);
    header.extend(from.octets());
    header.extend(to.octets());
    let sum = Sum::default().bytes(&header).checksum();
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header
}

/// The error about `packet`, whose header is `inner`; its end may be missing. `None` where the
/// standards forbid one.
pub fn error(problem: Problem, inner: &Inner, packet: &[u8]) -> Option<Reply> {
    if !may_be_answered(problem, inner, packet) {
        return None;
    }
    let (kind, code, field, quote) = if inner.is_ipv4() {
        // RFC 1812 §4.3.2.3: as much of the packet as fits into 576 octets.
        match problem {
            Problem::TooBig { mtu } => (3, 4, mtu, 576 - 28),
            Problem::Unreachable => (3, 1, 0, 576 - 28),
            Problem::SourceRefused | Problem::Prohibited => (3, 13, 0, 576 - 28),
        }
    } else {
        // RFC 4443 §2.4 (c): as much of the packet as fits into the minimum MTU.
        let quote = usize::from(IPV6_MINIMUM_MTU) - 48;
        match problem {
            Problem::TooBig { mtu } => (2, 0, mtu.max(IPV6_MINIMUM_MTU), quote),
            Problem::Unreachable => (1, 3, 0, quote),
            Problem::SourceRefused => (1, 5, 0, quote),
            Problem::Prohibited => (1, 1, 0, quote),
        }
    };
    let quoted = &packet[..packet.len().min(inner.total_len).min(quote)];
    let mut message = Vec::with_capacity(8 + quoted.len());
    message.extend([kind, code, 0, 0, 0, 0]);
    message.extend(field.to_be_bytes());
    message.extend(quoted);
    Some(Reply { to: inner.source, message })
}

fn may_be_answered(problem: Problem, inner: &Inner, packet: &[u8]) -> bool {
    let to_many = match inner.destination {
        IpAddr::V4(to) => to.is_multicast() || to.is_broadcast(),
        // RFC 4443 §2.4 (e.3): path MTU discovery works for multicast too.
        IpAddr::V6(to) => to.is_multicast() && !matches!(problem, Problem::TooBig { .. }),
    };
    let from_nobody = match inner.source {
        IpAddr::V4(from) => {
            from.is_unspecified()
                || from.is_multicast()
                || from.is_broadcast()
                || from.is_loopback()
                || from.octets()[0] >= 240
        }
        IpAddr::V6(from) => from.is_unspecified() || from.is_multicast() || from.is_loopback(),
    };
    if to_many || from_nobody {
        return false;
    }
    let Some((upper, at, later_fragment)) = upper_layer(inner, packet) else { return false };
    let kind = packet.get(at).copied();
    let is_error = match (upper, kind) {
        // Queries and their answers; everything else is an error or unknown (RFC 1122 §3.2.2).
        (protocol::ICMP, Some(kind)) => !matches!(kind, 0 | 8 | 9 | 10 | 13..=18),
        // Errors are 0 to 127; redirects are not to be answered either.
        (protocol::ICMPV6, Some(kind)) => kind < 128 || kind == 137,
        (protocol::ICMP | protocol::ICMPV6, None) => true,
        _ => false,
    };
    !later_fragment && !is_error
}

/// A token bucket: so many at once, so many a second.
#[derive(Clone, Copy, Debug)]
pub struct Limiter {
    burst: u32,
    per_second: u32,
    /// Tokens in thousandths.
    milli_tokens: u64,
    filled: Option<Instant>,
}

impl Limiter {
    /// A full bucket.
    pub fn new(burst: u32, per_second: u32) -> Self {
        Self { burst, per_second, milli_tokens: u64::from(burst) * 1000, filled: None }
    }

    /// Takes a token if there is one.
    pub fn take(&mut self, now: Instant) -> bool {
        let since = self.filled.map_or(0, |at| now.saturating_duration_since(at).as_millis());
        let gained = u64::try_from(since).unwrap_or(u64::MAX);
        if self.filled.is_none() || gained > 0 {
            self.filled = Some(now);
        }
        let tokens =
            self.milli_tokens.saturating_add(gained.saturating_mul(self.per_second.into()));
        self.milli_tokens = tokens.min(u64::from(self.burst) * 1000);
        let allowed = self.milli_tokens >= 1000;
        if allowed {
            self.milli_tokens -= 1000;
        }
        allowed
    }
}
