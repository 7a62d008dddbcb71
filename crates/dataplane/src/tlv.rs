//! The TLV header between UDP and GRE (RFC 5845 §7.2).
//!
//! ```text
//! | Type  |  Res. |  Next Header  |            Length             |
//! ```
//!
//! The Type is 0 and takes the place of an inner packet's IP version, 4 or 6: so a receiver tells
//! both kinds of payload apart, and each from a mobility header, whose Payload Proto is 59.

use crate::DropReason;
use crate::inner::protocol;

/// Octets of the header.
pub const LEN: usize = 4;

/// Whether the payload of UDP begins with the header.
pub fn precedes(payload: &[u8]) -> bool {
    payload.first().is_some_and(|octet| octet >> 4 == 0)
}

/// The GRE header and what is behind it. §7.1: a length that is not that of the UDP datagram means
/// discard.
pub fn decode(payload: &[u8]) -> Result<&[u8], DropReason> {
    let (header, carried) = payload.split_first_chunk::<LEN>().ok_or(DropReason::InvalidLength)?;
    if usize::from(u16::from_be_bytes([header[2], header[3]])) != carried.len() {
        return Err(DropReason::InvalidLength);
    }
    match header[1] {
        protocol::GRE => Ok(carried),
        // No session agrees on anything else behind it.
        _ => Err(DropReason::ProtocolType),
    }
}

/// The header in front of this many octets of GRE.
pub fn header(length: usize) -> [u8; LEN] {
    let [high, low] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    [0, protocol::GRE, high, low]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_send_is_what_we_read() {
        let mut payload = header(3).to_vec();
        payload.extend([7, 8, 9]);
        assert_eq!(payload[..LEN], [0, 47, 0, 3]);
        assert!(precedes(&payload));
        assert_eq!(decode(&payload), Ok(&[7, 8, 9][..]));
    }

    #[test]
    fn the_reserved_bits_are_ignored_and_other_types_are_not_ours() {
        assert_eq!(decode(&[0x0f, 47, 0, 1, 5]), Ok(&[5][..]));
        assert!([0x45, 0x60, 59].iter().all(|first| !precedes(&[*first, 47, 0, 0])));
        assert!(!precedes(&[]));
    }

    #[test]
    fn a_length_that_is_not_the_datagrams_and_another_next_header_are_discarded() {
        for length in [0, 1, 3, 0xffff] {
            let [high, low] = u16::to_be_bytes(length);
            assert_eq!(decode(&[0, 47, high, low, 1, 2]), Err(DropReason::InvalidLength));
        }
        assert_eq!(decode(&[0, 47, 0]), Err(DropReason::InvalidLength));
        assert_eq!(decode(&[0, 41, 0, 1, 0x60]), Err(DropReason::ProtocolType));
    }
}
