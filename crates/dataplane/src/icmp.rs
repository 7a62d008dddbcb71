//! ICMP and ICMPv6 errors about inner packets.

use std::net::IpAddr;

/// An ICMP or ICMPv6 error to the sender of an inner packet, without its IP header: the shell
/// knows which of its addresses the route to that sender starts at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// The sender of the packet in error.
    pub to: IpAddr,
    /// The message from its Type octet on, its checksum zero.
    message: Vec<u8>,
}

impl Reply {
    /// The message from its Type octet on, its checksum zero.
    pub fn message(&self) -> &[u8] {
        &self.message
    }
}
