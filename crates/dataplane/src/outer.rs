//! Outer packets as octets: what a backend without sockets puts on the wire.
//!
//! The Hop Limit is [`HOP_LIMIT`], not the inner one (RFC 2473 §6.3); the inner one is not
//! touched, because the host's routing decremented it before the packet reached us.

use std::net::IpAddr;

use kedge_model::{Encapsulation, Tunnel};

use crate::Shim;
use crate::checksum::Sum;
use crate::inner::protocol;

/// The TTL or Hop Limit of outer packets.
pub const HOP_LIMIT: u8 = 64;

/// What an outer header takes from the inner packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Marks {
    /// Type of Service or Traffic Class.
    pub tos: u8,
    /// 20 bits; 0 over IPv4.
    pub flow_label: u32,
}

/// The outer packet that carries `inner`, an IPv4 packet or an IPv6 one. With `may_fragment`
/// IPv4's DF bit is clear and its identification is what `may_fragment` holds.
pub fn encapsulate(
    tunnel: &Tunnel,
    marks: Marks,
    inner: &[u8],
    may_fragment: Option<u16>,
) -> Vec<u8> {
    let is_ipv4 = inner.first().is_some_and(|octet| octet >> 4 == 4);
    let mut shim = Shim::new(tunnel.encapsulation, is_ipv4);
    let mut payload = Vec::with_capacity(20 + inner.len());
    let next = match tunnel.encapsulation {
        Encapsulation::IpInIp if is_ipv4 => protocol::IPV4,
        Encapsulation::IpInIp => protocol::IPV6,
        Encapsulation::Gre { .. } => protocol::GRE,
        Encapsulation::Udp { local_port, peer_port }
        | Encapsulation::GreUdp { local_port, peer_port, .. } => {
            let length = u16::try_from(8 + shim.len() + inner.len()).unwrap_or(u16::MAX);
            for field in [local_port, peer_port, length, 0] {
                payload.extend(field.to_be_bytes());
            }
            protocol::UDP
        }
    };
    payload.extend(shim.before(inner.len()));
    payload.extend(inner);
    if next == protocol::UDP {
        // RFC 6935 allows a zero checksum over IPv6 to tunnels that agreed on it; none has.
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let sum = Sum::default().add_pseudo_header(tunnel.local, tunnel.peer, next, length);
        let sum = match sum.bytes(&payload).checksum() {
            0 => 0xffff, // RFC 768: zero says there is none
            sum => sum,
        };
        payload[6..8].copy_from_slice(&sum.to_be_bytes());
    }
    let mut packet = header(tunnel, marks, next, payload.len(), may_fragment);
    packet.extend(payload);
    packet
}

fn header(
    tunnel: &Tunnel,
    marks: Marks,
    next: u8,
    payload: usize,
    may_fragment: Option<u16>,
) -> Vec<u8> {
    match (tunnel.local, tunnel.peer) {
        (IpAddr::V4(local), IpAddr::V4(peer)) => {
            let mut header = vec![0x45, marks.tos];
            header.extend(u16::try_from(20 + payload).unwrap_or(u16::MAX).to_be_bytes());
            header.extend(may_fragment.unwrap_or(0).to_be_bytes());
            header.extend([if may_fragment.is_some() { 0 } else { 0x40 }, 0]);
            header.extend([HOP_LIMIT, next, 0, 0]);
            header.extend(local.octets());
            header.extend(peer.octets());
            let sum = Sum::default().bytes(&header).checksum();
            header[10..12].copy_from_slice(&sum.to_be_bytes());
            header
        }
        (local, peer) => {
            let first = 6 << 28 | u32::from(marks.tos) << 20 | marks.flow_label & 0xf_ffff;
            let mut header = first.to_be_bytes().to_vec();
            header.extend(u16::try_from(payload).unwrap_or(u16::MAX).to_be_bytes());
            header.extend([next, HOP_LIMIT]);
            for address in [local, peer] {
                header.extend(match address {
                    IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
                    IpAddr::V6(v6) => v6.octets(),
                });
            }
            header
        }
    }
}
