//! Where a signalling message came from and goes to.

use std::net::SocketAddr;

use crate::VrfId;

/// The two ends of a signalling exchange as this host sees them.
///
/// Both addresses are of one family. Over IPv6 the message is a Mobility Header and both ports
/// are 0; over IPv4 it is UDP (RFC 5844 §4) and the ports are real.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SignalPath {
    /// The routing world the message travels in.
    pub transport: VrfId,
    /// Our address and port.
    pub local: SocketAddr,
    /// The peer's address and port.
    pub peer: SocketAddr,
}

impl SignalPath {
    /// Whether messages on this path are UDP datagrams over IPv4 (RFC 5844 §4), not Mobility
    /// Headers over IPv6.
    pub fn is_udp(&self) -> bool {
        self.peer.is_ipv4()
    }
}

/// A signalling message as it arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Datagram<'a> {
    /// Between whom it travelled.
    pub path: SignalPath,
    /// The differentiated services code point of the packet, 0 to 63.
    pub dscp: u8,
    /// The message from its Payload Proto octet on.
    pub bytes: &'a [u8],
}
