//! What is wrong with the header of a message is told to its sender by ICMPv6.
//!
//! RFC 6275 §9.2 asks for it where Payload Proto or Header Len is wrong. A kernel that is built for
//! Mobile IPv6 does so itself and lets nobody see such a message; any other one hands it on, and the
//! answer is ours:
//!
//! ```text
//! | Type = 4      | Code = 0      |           Checksum            |   ICMPv6 (RFC 4443 §3.4)
//! |                            Pointer                            |
//! |      the message behind an IPv6 header, as much as fits into 1280 octets      |
//! ```
//!
//! A raw socket does not show the header that a message came behind. The one that is sent back is
//! what the message itself tells of it; its flow label and hop limit are zero.

use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;

use kedge_model::Datagram;

use super::{MOBILITY_HEADER, SignalSocket};
use crate::place::Place;
use crate::{NetError, sockaddr, socket};

const PARAMETER_PROBLEM: u8 = 4;
const ICMP_HEADER: usize = 8;
const IPV6_HEADER: usize = 40;
/// What a whole packet has at most (RFC 4443 §2.4 (c)).
const LARGEST: usize = 1280;

impl SignalSocket {
    /// Answers a message over IPv6, which came to this socket at `place`, with a Parameter Problem
    /// that points at one of its octets, and says whether it was sent. Senders that are no single
    /// host get none (RFC 4443 §2.4 (e)), and neither do those over UDP.
    pub fn answer_problem(
        &self,
        place: &Place,
        message: Datagram<'_>,
        octet: usize,
    ) -> Result<bool, NetError> {
        let (SocketAddr::V6(local), SocketAddr::V6(mut peer)) = (self.local, message.path.peer)
        else {
            return Ok(false);
        };
        if peer.ip().is_multicast() || peer.ip().is_unspecified() {
            return Ok(false);
        }
        // To a raw socket the port is a protocol number, or nothing.
        peer.set_port(0);
        let packet = parameter_problem(*peer.ip(), *local.ip(), message, octet);
        place
            .within(|| -> io::Result<()> {
                let fd = socket::open(libc::AF_INET6, libc::SOCK_RAW, libc::IPPROTO_ICMPV6)?;
                place.claim(&fd)?;
                sockaddr::bind(fd.as_fd(), SocketAddr::V6(local))?;
                socket::send_to(fd.as_fd(), &packet, &sockaddr::from_v6(peer))
            })?
            .map(|()| true)
            .map_err(|e| NetError::new("send a parameter problem to", peer.ip(), e))
    }
}

/// The ICMPv6 message, its checksum left to the kernel.
fn parameter_problem(from: Ipv6Addr, to: Ipv6Addr, message: Datagram<'_>, octet: usize) -> Vec<u8> {
    let Datagram { dscp, bytes, .. } = message;
    let mut packet = Vec::with_capacity(LARGEST - IPV6_HEADER);
    packet.extend_from_slice(&[PARAMETER_PROBLEM, 0, 0, 0]);
    // Neither is above an octet's or a message's length.
    packet.extend_from_slice(&((IPV6_HEADER + octet) as u32).to_be_bytes());
    packet.extend_from_slice(&[0x60 | dscp >> 2, dscp << 6, 0, 0]);
    packet.extend_from_slice(&(bytes.len() as u16).to_be_bytes());
    packet.extend_from_slice(&[MOBILITY_HEADER as u8, 0]);
    packet.extend_from_slice(&from.octets());
    packet.extend_from_slice(&to.octets());
    let room = LARGEST - IPV6_HEADER - ICMP_HEADER - IPV6_HEADER;
    packet.extend_from_slice(&bytes[..bytes.len().min(room)]);
    packet
}
