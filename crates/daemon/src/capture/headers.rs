//! The packet around a signalling message, made up again: the sockets give the message alone.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

const MOBILITY_HEADER: u8 = 135;
const UDP: u8 = 17;
const HOP_LIMIT: u8 = 64;

/// The message with its IPv6 header (RFC 6275 §6.1), or its IPv4 and UDP headers (RFC 5844 §4).
pub fn wrap(from: SocketAddr, to: SocketAddr, dscp: u8, message: &[u8]) -> Vec<u8> {
    match (from, to) {
        (SocketAddr::V4(a), SocketAddr::V4(b)) => {
            ipv4((*a.ip(), a.port()), (*b.ip(), b.port()), dscp, message)
        }
        (SocketAddr::V6(a), SocketAddr::V6(b)) => ipv6(*a.ip(), *b.ip(), dscp, message),
        // Both ends of a path are of one family.
        _ => message.to_vec(),
    }
}

fn ipv6(from: Ipv6Addr, to: Ipv6Addr, dscp: u8, message: &[u8]) -> Vec<u8> {
    let first = 0x6000_0000 | u32::from(dscp << 2) << 20;
    let mut out = Vec::with_capacity(40 + message.len());
    out.extend(first.to_be_bytes());
    out.extend((message.len() as u16).to_be_bytes());
    out.extend([MOBILITY_HEADER, HOP_LIMIT]);
    out.extend(from.octets());
    out.extend(to.octets());
    out.extend(message);
    out
}

fn ipv4(from: (Ipv4Addr, u16), to: (Ipv4Addr, u16), dscp: u8, message: &[u8]) -> Vec<u8> {
    let udp_len = (8 + message.len()) as u16;
    let mut out = Vec::with_capacity(28 + message.len());
    out.extend([0x45, dscp << 2]);
    out.extend((20 + udp_len).to_be_bytes());
    out.extend([0, 0, 0x40, 0, HOP_LIMIT, UDP, 0, 0]);
    out.extend(from.0.octets());
    out.extend(to.0.octets());
    let sum = checksum(&out).to_be_bytes();
    out[10..12].copy_from_slice(&sum);
    let mut pseudo = Vec::with_capacity(20 + message.len());
    pseudo.extend(from.0.octets());
    pseudo.extend(to.0.octets());
    pseudo.extend([0, UDP]);
    pseudo.extend(udp_len.to_be_bytes());
    let header = pseudo.len();
    pseudo.extend(from.1.to_be_bytes());
    pseudo.extend(to.1.to_be_bytes());
    pseudo.extend(udp_len.to_be_bytes());
    pseudo.extend([0, 0]);
    pseudo.extend(message);
    // Zero would say that there is none (RFC 768).
    let sum = match checksum(&pseudo) {
        0 => u16::MAX,
        sum => sum,
    };
    out.extend(&pseudo[header..]);
    out[26..28].copy_from_slice(&sum.to_be_bytes());
    out
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
