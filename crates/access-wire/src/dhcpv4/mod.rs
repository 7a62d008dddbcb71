//! DHCPv4 (RFC 2131, RFC 2132): messages, and the UDP and IPv4 they travel in.
//!
//! The codec is our own, for the reasons in `docs/decisions/dhcpv4-codec.md`: it is strict about
//! lengths, where a gateway must not guess what a node meant.

mod message;
mod option;

use std::net::Ipv4Addr;

use kedge_model::MacAddr;

pub use message::{Message, MessageType, Op};
pub use option::DhcpOption;

use crate::checksum::Sum;
use crate::reader::Reader;
use crate::{DecodeError, EtherType, EthernetHeader, Fault, Ipv4Header, Protocol, udp};

/// The port servers and relays listen on.
pub const SERVER_PORT: u16 = 67;
/// The port clients listen on.
pub const CLIENT_PORT: u16 = 68;

const UDP_HEADER_LEN: u16 = 8;

/// Reads a message to a server or a client out of the UDP datagram in `payload`; `None` if the
/// datagram is for another port.
///
/// ```text
/// | Source Port (2) | Destination Port (2) | Length (2) | Checksum (2) |
/// ```
pub(crate) fn decode_udp(
    ip: &Ipv4Header,
    mut payload: Reader<'_>,
) -> Result<Option<Message>, DecodeError> {
    let datagram = payload;
    payload.u16("source port")?;
    if !matches!(payload.u16("destination port")?, SERVER_PORT | CLIENT_PORT) {
        return Ok(None);
    }
    let at = payload;
    let length = payload.u16("UDP length")?;
    let Some(body_len) = length.checked_sub(UDP_HEADER_LEN) else {
        return Err(at.invalid("UDP length", length.into()));
    };
    let at = payload;
    let checksum = payload.u16("UDP checksum")?;
    let body = payload.sub(body_len.into(), "UDP payload")?;
    let octets = &datagram.rest()[..usize::from(length)];
    let pseudo = Sum::ipv4(ip.source, ip.destination, Protocol::UDP.0, octets.len());
    // A sender on the same host (a network namespace, a container, a virtual machine) leaves
    // the sum to hardware that the frame never meets: what stands in the field then is the sum
    // of the pseudo-header alone. Linux shows this to packet sockets as "checksum not ready".
    let left_to_hardware = checksum == pseudo.folded();
    if checksum != 0 && !left_to_hardware && pseudo.add(octets).finish() != 0 {
        return Err(at.error("UDP checksum", Fault::Checksum));
    }
    Message::decode(body).map(Some)
}

/// Between whom a message travels from a server to a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route {
    /// The server on the link.
    pub source_mac: MacAddr,
    /// The client on the link.
    pub destination_mac: MacAddr,
    /// The server.
    pub source: Ipv4Addr,
    /// The client, or the limited broadcast address.
    pub destination: Ipv4Addr,
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
        ethertype: EtherType::IPV4,
    };
    ethernet.encode(out);
    let pseudo = |len| Sum::ipv4(source, destination, Protocol::UDP.0, len);
    let datagram = udp::datagram(from, to, |out| message.encode(out), pseudo);
    let ip = Ipv4Header { source, destination, protocol: Protocol::UDP, fragment: false };
    ip.encode(datagram.len(), out);
    out.extend_from_slice(&datagram);
}
