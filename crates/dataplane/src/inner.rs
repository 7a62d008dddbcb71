//! What the forwarder has to know about an inner packet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::DropReason;

/// IP protocol numbers that the forwarder looks for.
pub mod protocol {
    /// IPv6 hop-by-hop options.
    pub const HOP_BY_HOP: u8 = 0;
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// IPv4 in IP (RFC 2003, RFC 2473).
    pub const IPV4: u8 = 4;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// IPv6 in IP (RFC 2473, RFC 4213).
    pub const IPV6: u8 = 41;
    /// IPv6 routing header.
    pub const ROUTING: u8 = 43;
    /// IPv6 fragment header.
    pub const FRAGMENT: u8 = 44;
    /// GRE.
    pub const GRE: u8 = 47;
    /// Authentication header.
    pub const AUTHENTICATION: u8 = 51;
    /// ICMPv6.
    pub const ICMPV6: u8 = 58;
    /// IPv6 destination options.
    pub const DESTINATION_OPTIONS: u8 = 60;
}

/// The first header of an inner packet, read and found consistent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Inner {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// IPv4's Type of Service or IPv6's Traffic Class: DSCP and ECN.
    pub tos: u8,
    /// Octets of the IPv4 header with its options, or of the fixed IPv6 header.
    pub header_len: usize,
    /// Octets of the whole packet by its own account.
    pub total_len: usize,
    /// IPv4's Protocol or the first Next Header of IPv6.
    pub protocol: u8,
    /// IPv4: the DF bit. IPv6 packets are never fragmented on their way: always set.
    pub dont_fragment: bool,
    /// IPv4: a fragment, first or later. An IPv6 fragment shows in [`Self::protocol`].
    pub fragment: bool,
    /// IPv4: a fragment that is not the first.
    pub later_fragment: bool,
}

impl Inner {
    /// Reads the header of a packet that is all there; `packet` may have octets behind it.
    pub fn parse(packet: &[u8]) -> Result<Self, DropReason> {
        let inner = Self::parse_quote(packet)?;
        if inner.total_len > packet.len() { Err(DropReason::InvalidLength) } else { Ok(inner) }
    }

    /// Reads the header of a packet whose end may be missing, as ICMP quotes it.
    pub fn parse_quote(packet: &[u8]) -> Result<Self, DropReason> {
        match packet.first().map(|octet| octet >> 4) {
            Some(4) => Self::parse_ipv4(packet),
            Some(6) => Self::parse_ipv6(packet),
            Some(_) => Err(DropReason::ProtocolType),
            None => Err(DropReason::InvalidLength),
        }
    }

    fn parse_ipv4(packet: &[u8]) -> Result<Self, DropReason> {
        let Some(header) = packet.first_chunk::<20>() else {
            return Err(DropReason::InvalidLength);
        };
        let header_len = usize::from(header[0] & 0x0f) * 4;
        let total_len = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if header_len < 20 || total_len < header_len || packet.len() < header_len {
            return Err(DropReason::InvalidLength);
        }
        let fragment = u16::from_be_bytes([header[6], header[7]]);
        let address = |at: usize| {
            Ipv4Addr::new(header[at], header[at + 1], header[at + 2], header[at + 3]).into()
        };
        Ok(Self {
            source: address(12),
            destination: address(16),
            tos: header[1],
            header_len,
            total_len,
            protocol: header[9],
            dont_fragment: fragment & 0x4000 != 0,
            fragment: fragment & 0x3fff != 0,
            later_fragment: fragment & 0x1fff != 0,
        })
    }

    fn parse_ipv6(packet: &[u8]) -> Result<Self, DropReason> {
        let Some(header) = packet.first_chunk::<40>() else {
            return Err(DropReason::InvalidLength);
        };
        let address = |at: usize| {
            let octets: [u8; 16] = header[at..at + 16].try_into().expect("16 octets of 40");
            Ipv6Addr::from(octets).into()
        };
        Ok(Self {
            source: address(8),
            destination: address(24),
            tos: header[0] << 4 | header[1] >> 4,
            header_len: 40,
            total_len: 40 + usize::from(u16::from_be_bytes([header[4], header[5]])),
            protocol: header[6],
            dont_fragment: true,
            fragment: false,
            later_fragment: false,
        })
    }

    /// Whether this is IPv4.
    pub fn is_ipv4(&self) -> bool {
        self.source.is_ipv4()
    }

    /// Whether no router may forward the packet: an end of it is link-local, or its source is
    /// unspecified.
    pub fn is_link_scoped(&self) -> bool {
        match (self.source, self.destination) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                let [a, b, c, _] = to.octets();
                let local_network = [a, b, c] == [224, 0, 0]; // RFC 5771 §4
                from.is_link_local() || to.is_link_local() || to.is_broadcast() || local_network
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                let [ff, scope, ..] = to.octets();
                let multicast = ff == 0xff && scope & 0x0f <= 2; // RFC 4291 §2.7
                let unicast = from.is_unicast_link_local() || to.is_unicast_link_local();
                unicast || multicast || from.is_unspecified()
            }
            _ => false,
        }
    }

    /// A hash over the packet's flow: addresses, protocol, and ports where every packet of the
    /// flow shows them. `packet` is what was parsed.
    pub fn flow_hash(&self, packet: &[u8]) -> u32 {
        let has_ports = matches!(self.protocol, protocol::TCP | protocol::UDP) && !self.fragment;
        let ports = if has_ports {
            let at = packet.get(self.header_len..self.header_len + 4);
            at.map_or(0, |p| u32::from_be_bytes([p[0], p[1], p[2], p[3]]))
        } else {
            0
        };
        let seed = u64::from(ports) << 8 | u64::from(self.protocol);
        let hash = mix(mix(seed, bits(self.source)), bits(self.destination));
        (hash >> 32) as u32
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// Multiplication by odd constants spreads each bit over the upper half; the same on every host,
/// so that a flow's label is too.
fn mix(hash: u64, value: u128) -> u64 {
    let [low, high] = [value as u64, (value >> 64) as u64];
    let hash = (hash ^ low).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let hash = (hash ^ hash >> 29 ^ high).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash ^ hash >> 32
}

/// The last header of a packet and where it starts, walking over IPv6's extension headers, and
/// whether the packet is a fragment other than the first. `None` where the packet ends too soon.
pub fn upper_layer(inner: &Inner, packet: &[u8]) -> Option<(u8, usize, bool)> {
    if inner.is_ipv4() {
        return Some((inner.protocol, inner.header_len, inner.later_fragment));
    }
    let (mut next, mut at) = (inner.protocol, inner.header_len);
    loop {
        let header = || packet.get(at..at + 8);
        let length = match next {
            protocol::HOP_BY_HOP | protocol::ROUTING | protocol::DESTINATION_OPTIONS => {
                (usize::from(header()?[1]) + 1) * 8
            }
            protocol::AUTHENTICATION => (usize::from(header()?[1]) + 2) * 4,
            protocol::FRAGMENT => {
                let header = header()?;
                if u16::from_be_bytes([header[2], header[3]]) & 0xfff8 != 0 {
                    return Some((header[0], at + 8, true));
                }
                8
            }
            _ => return Some((next, at, false)),
        };
        next = header()?[0];
        at += length;
    }
}
