//! What a node can send on an access link.

use kedge_access_wire::{Frame, dhcpv6};

/// One Ethernet frame, through every layer that a gateway reads.
pub fn frame(octets: &[u8]) {
    let _ = Frame::decode(octets);
}

/// A DHCPv6 message, without the checksum that keeps a fuzzer out. What was read is written and
/// read again.
pub fn dhcpv6(octets: &[u8]) {
    let Ok(message) = dhcpv6::Message::decode(octets) else { return };
    let mut written = Vec::new();
    message.encode(&mut written);
    assert_eq!(dhcpv6::Message::decode(&written).as_ref(), Ok(&message));
}
