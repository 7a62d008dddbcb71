//! The Mobility Header checksum (RFC 6275 §6.1.1), over IPv6 only: inside UDP over IPv4 the
//! field is zero and ignored (RFC 5844 §4.1.3.1).

use std::net::Ipv6Addr;

use crate::header::{CHECKSUM_AT, PROTOCOL};

/// The value of the Checksum field of `mh`, a whole message, between these two addresses.
///
/// The sum runs over the IPv6 pseudo-header (RFC 8200 §8.1, next header 135) and the message
/// with its Checksum field taken as zero.
pub fn checksum(source: Ipv6Addr, destination: Ipv6Addr, mh: &[u8]) -> u16 {
    let (head, tail) = match mh.split_at_checked(CHECKSUM_AT) {
        Some((head, tail)) => (head, tail.get(2..).unwrap_or_default()),
        None => (mh, &[][..]),
    };
    // At most 2,048 octets: the sum of their 16-bit words fits 64 bits many times over, and so
    // does that of anything a caller can hold.
    let mut total = words(&source.octets()) + words(&destination.octets());
    total += mh.len() as u64 + u64::from(PROTOCOL);
    total += words(head) + words(tail);
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    // Folded to 16 bits by the loop above.
    !(total as u16)
}

/// Whether the Checksum field of `mh` is right. A message without that field is wrong.
pub fn verify_checksum(source: Ipv6Addr, destination: Ipv6Addr, mh: &[u8]) -> bool {
    let Some(&[high, low]) = mh.get(CHECKSUM_AT..CHECKSUM_AT + 2) else { return false };
    u16::from_be_bytes([high, low]) == checksum(source, destination, mh)
}

/// Writes the Checksum field of `mh`; a message without that field stays as it is.
pub fn set_checksum(source: Ipv6Addr, destination: Ipv6Addr, mh: &mut [u8]) {
    let value = checksum(source, destination, mh);
    if let Some(field) = mh.get_mut(CHECKSUM_AT..CHECKSUM_AT + 2) {
        field.copy_from_slice(&value.to_be_bytes());
    }
}

fn words(bytes: &[u8]) -> u64 {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let sum: u64 = pairs.iter().map(|pair| u64::from(u16::from_be_bytes(*pair))).sum();
    sum + odd.first().map_or(0, |octet| u64::from(*octet) << 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Computed with Python: the ones' complement sum, folded, of source, destination, the length
    // in 32 bits, three zero octets, 135 and the message.
    #[test]
    fn the_checksum_of_an_update_is_what_was_computed_elsewhere() {
        let (mag, lma) = ("2001:db8:1::2".parse().unwrap(), "2001:db8::1".parse().unwrap());
        let mut mh = *b"\x3b\x06\x05\x00\x00\x00\x12\x34\x82\x00\x03\x84\x08\x10\x01mn1@example.com\
            \x01\x05\x00\x00\x00\x00\x00\x09\x11\x01\x00\x00\x03\xe8\xbd\x31\x61\x44\x83\x84\x29\x4f\
            \x3e\xe1\xb8\x4f";
        assert_eq!(checksum(mag, lma, &mh), 0x4b7e);
        set_checksum(mag, lma, &mut mh);
        assert_eq!(mh[4..6], [0x4b, 0x7e]);
        assert_eq!(checksum(mag, lma, &mh), 0x4b7e, "the field itself is not summed");
    }

    #[test]
    fn what_is_set_verifies_and_a_changed_octet_does_not() {
        let (a, b) = ("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap());
        let mut mh = *b"\x3b\x01\x05\x00\x00\x00\x12\x34\x82\x00\x00\x0a\x01\x02\x00\x00";
        set_checksum(a, b, &mut mh);
        assert!(verify_checksum(a, b, &mh));
        assert!(verify_checksum(b, a, &mh), "the sum does not know direction");
        mh[7] ^= 1;
        assert!(!verify_checksum(a, b, &mh));
    }

    #[test]
    fn a_message_without_the_field_never_verifies() {
        let any = Ipv6Addr::UNSPECIFIED;
        for len in 0..6 {
            assert!(!verify_checksum(any, any, &[0; 6][..len]), "{len}");
        }
    }
}
