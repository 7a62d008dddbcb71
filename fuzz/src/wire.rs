//! The decoders of `kedge-wire`.

use std::net::Ipv6Addr;

use kedge_wire::auth::{AuthVerdict, Key, sign, verify};
use kedge_wire::{MAX_UNSIGNED, Packet, PacketRef};

/// A whole message: what is read can be written, and is read back the same.
pub fn packet(bytes: &[u8]) {
    let Ok(packet) = Packet::decode(bytes) else { return };
    let mut out = Vec::new();
    let encoded = packet.encode(&mut out);
    assert_eq!(encoded.len, out.len());
    if encoded.omitted == 0 {
        assert_eq!(Packet::decode(&out), Ok(packet));
    }
}

/// The octets as options: a good header is put in front of them.
pub fn options(bytes: &[u8]) {
    const FIXED: [u8; 12] = [59, 0, 5, 0, 0, 0, 0x12, 0x34, 0x82, 0, 0x03, 0x84];
    let mut mh = FIXED.to_vec();
    mh.extend_from_slice(bytes.get(..MAX_UNSIGNED - FIXED.len()).unwrap_or(bytes));
    mh.resize(mh.len().next_multiple_of(8), 0);
    mh[1] = u8::try_from(mh.len() / 8 - 1).expect("cut to a message's length");
    if let Ok(received) = PacketRef::decode(&mh) {
        let owned = received.options.to_owned();
        assert!(received.options.iter().eq(owned.iter()));
    }
    packet(&mh);
}

/// A message whose sender does not have the key is never valid, and signed it always is.
pub fn auth(bytes: &[u8]) {
    let key = Key::new(256, b"the octets under test do not know");
    let any = Ipv6Addr::UNSPECIFIED.into();
    assert_ne!(verify(bytes, |_| Some(&key), any, any), AuthVerdict::Valid);

    let Ok(packet) = Packet::decode(bytes) else { return };
    if packet.options.contains(kedge_wire::registry::OptionType::AUTHENTICATION) {
        return;
    }
    let mut out = Vec::new();
    packet.encode(&mut out);
    sign(&mut out, 0, &key, any, any);
    // Where the options of an unknown message begin is not known, so neither is its signature.
    let expected = match packet.message {
        kedge_wire::Message::Unknown(_) => AuthVerdict::Missing,
        _ => AuthVerdict::Valid,
    };
    assert_eq!(verify(&out, |_| Some(&key), any, any), expected);
}
