//! DHCPv6 (RFC 8415): messages between a client and a server of one link, and the UDP and IPv6
//! they travel in.
//!
//! The codec is our own, for the reasons in `docs/decisions/dhcpv6-codec.md`. Relay messages have
//! no place here: on an access link the gateway is the server, and a node relays for nobody.

mod message;
mod option;

use std::net::Ipv6Addr;

pub use message::{Message, MessageType};
pub use option::{DhcpOption, IaPrefix, Identity, StatusCode};

use crate::checksum::Sum;
use crate::icmpv6::Route;
use crate::reader::Reader;
use crate::{DecodeError, EtherType, EthernetHeader, Fault, Ipv6Header, Protocol, udp};

/// All servers and relay agents of a link (RFC 8415 §7.1).
pub const ALL_SERVERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);
/// The port servers listen on (§7.2).
pub const SERVER_PORT: u16 = 547;
/// The port clients listen on (§7.2).
pub const CLIENT_PORT: u16 = 546;

const UDP_HEADER_LEN: u16 = 8;
const HOP_LIMIT: u8 = 64;

/// Whether octets that follow an IPv6 header are a datagram for a DHCPv6 server or client.
pub(crate) fn is_for_dhcp(octets: &[u8]) -> bool {
    let port = octets.get(2..4).map(|port| u16::from_be_bytes([port[0], port[1]]));
    matches!(port, Some(SERVER_PORT | CLIENT_PORT))
}

/// Reads a message out of the UDP datagram in `payload`, which is whole.
///
/// ```text
/// | Source Port (2) | Destination Port (2) | Length (2) | Checksum (2) |
/// ```
pub(crate) fn decode_udp(ip: &Ipv6Header, mut payload: Reader<'_>) -> Result<Message, DecodeError> {
    let datagram = payload;
    payload.take(4, "UDP ports")?;
    let at = payload;
    let length = payload.u16("UDP length")?;
    let Some(body_len) = length.checked_sub(UDP_HEADER_LEN) else {
        return Err(at.invalid("UDP length", length.into()));
    };
    let at = payload;
    let checksum = payload.u16("UDP checksum")?;
    let body = payload.sub(body_len.into(), "UDP payload")?;
    let octets = &datagram.rest()[..usize::from(length)];
    let pseudo = Sum::ipv6(ip.source, ip.destination, Protocol::UDP.0, octets.len());
    // As with DHCPv4: a sender on the same host leaves the sum to hardware that never comes.
    // RFC 8200 §8.1: without a sum the datagram is discarded.
    let left_to_hardware = checksum != 0 && checksum == pseudo.folded();
    if checksum == 0 || (!left_to_hardware && pseudo.add(octets).finish() != 0) {
        return Err(at.error("UDP checksum", Fault::Checksum));
    }
    Message::read(body)
}

/// Appends a whole frame with `message`, from the server's port to the client's.
pub fn encode_frame(route: &Route, message: &Message, out: &mut Vec<u8>) {
    encode_between(route, SERVER_PORT, CLIENT_PORT, message, out);
}

/// Appends a whole frame with `message` as a client sends it to a server.
pub fn encode_client_frame(route: &Route, message: &Message, out: &mut Vec<u8>) {
    encode_between(route, CLIENT_PORT, SERVER_PORT, message, out);
}

fn encode_between(route: &Route, from: u16, to: u16, message: &Message, out: &mut Vec<u8>) {
    let Route { source_mac, destination_mac, source, destination } = *route;
    let ethernet = EthernetHeader {
        destination: destination_mac,
        source: source_mac,
        ethertype: EtherType::IPV6,
    };
    ethernet.encode(out);
    let pseudo = |len| Sum::ipv6(source, destination, Protocol::UDP.0, len);
    let datagram = udp::datagram(from, to, |out| message.encode(out), pseudo);
    let ip = Ipv6Header { source, destination, next: Protocol::UDP, hop_limit: HOP_LIMIT };
    ip.encode(datagram.len(), out);
    out.extend_from_slice(&datagram);
}
