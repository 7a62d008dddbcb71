//! What a RADIUS server, or who says to be one, can send.

use kedge_radius::{Nas, PacketRef, Profile, Wanted};

/// A packet with all that is read of it, without the authenticator that keeps a fuzzer out.
pub fn packet(octets: &[u8]) {
    let Ok(packet) = PacketRef::decode(octets) else { return };
    let count = packet.attributes().count();
    if let Ok(profile) = Profile::read(&packet) {
        assert!(profile.ignored as usize <= count, "more is left out than there was");
        assert!(profile.prefixes.len() + profile.delegated.len() + profile.class.len() <= count);
    }
    let _ = Wanted::read(&packet, &Nas::default());
}
