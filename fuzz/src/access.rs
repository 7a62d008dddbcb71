//! What a node can send on an access link.

use kedge_access_wire::Frame;

/// One Ethernet frame, through every layer that a gateway reads.
pub fn frame(octets: &[u8]) {
    let _ = Frame::decode(octets);
}
