//! The GRE header (RFC 2784 §2.1, RFC 2890 §2).
//!
//! ```text
//! |C| |K|S| Reserved0       | Ver |         Protocol Type         |
//! |      Checksum (optional)      |       Reserved1 (optional)    |
//! |                         Key (optional)                        |
//! |                    Sequence Number (optional)                 |
//! ```
//!
//! We send the key where one was agreed on (RFC 5845 §3.3) and nothing else. We accept a checksum
//! and verify it, and a sequence number and look past it: without an agreement on order RFC 2890
//! §2.2 leaves packets in the order in which they come.

use crate::DropReason;
use crate::checksum::Sum;

const CHECKSUM: u16 = 0x8000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
/// Bits 1 and 4: the rest of RFC 1701's routing and recursion fields. A receiver discards on any
/// of bits 1 to 4 (RFC 2784 §2.3 as corrected by erratum 3719), of which RFC 2890 took 2 and 3.
const RFC_1701: u16 = 0x4800;
const VERSION: u16 = 0x0007;

/// Protocol Type of IPv4.
pub const ETHERTYPE_IPV4: u16 = 0x0800;
/// Protocol Type of IPv6.
pub const ETHERTYPE_IPV6: u16 = 0x86dd;

/// A header as it was received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gre {
    /// The key, if the header has the field.
    pub key: Option<u32>,
    /// Whether the payload is IPv4; it is IPv6 otherwise.
    pub is_ipv4: bool,
    /// Octets of the header.
    pub header_len: usize,
}

impl Gre {
    /// Reads the header in front of a payload. `bytes` is all that the outer packet carries: the
    /// checksum covers it.
    pub fn decode(bytes: &[u8]) -> Result<Self, DropReason> {
        let word = |at: usize| {
            let octets = bytes.get(at..at + 4).ok_or(DropReason::InvalidLength)?;
            Ok(u32::from_be_bytes([octets[0], octets[1], octets[2], octets[3]]))
        };
        let first = word(0)?;
        let [flags, ethertype] = [(first >> 16) as u16, first as u16];
        if flags & (RFC_1701 | VERSION) != 0 {
            return Err(DropReason::GreHeader);
        }
        let mut header_len = 4;
        if flags & CHECKSUM != 0 {
            word(4)?;
            header_len += 4;
            if !Sum::default().bytes(bytes).is_valid() {
                return Err(DropReason::GreChecksum);
            }
        }
        let mut key = None;
        if flags & KEY != 0 {
            key = Some(word(header_len)?);
            header_len += 4;
        }
        if flags & SEQUENCE != 0 {
            word(header_len)?;
            header_len += 4;
        }
        let is_ipv4 = match ethertype {
            ETHERTYPE_IPV4 => true,
            ETHERTYPE_IPV6 => false,
            _ => return Err(DropReason::ProtocolType),
        };
        Ok(Self { key, is_ipv4, header_len })
    }
}

impl Gre {
    /// Reads the header as [`Self::decode`] does and gives what is behind it, too.
    pub(crate) fn split(bytes: &[u8]) -> Result<(Self, &[u8]), DropReason> {
        let gre = Self::decode(bytes)?;
        let packet = bytes.get(gre.header_len..).ok_or(DropReason::InvalidLength)?;
        Ok((gre, packet))
    }
}

/// The header that we put in front of a payload; its length is the second value.
pub fn header(key: Option<u32>, is_ipv4: bool) -> ([u8; 8], usize) {
    let flags = if key.is_some() { KEY } else { 0 };
    let ethertype = if is_ipv4 { ETHERTYPE_IPV4 } else { ETHERTYPE_IPV6 };
    let [f0, f1] = flags.to_be_bytes();
    let [e0, e1] = ethertype.to_be_bytes();
    let [k0, k1, k2, k3] = key.unwrap_or(0).to_be_bytes();
    ([f0, f1, e0, e1, k0, k1, k2, k3], if key.is_some() { 8 } else { 4 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_send_is_what_we_read() {
        for (key, is_ipv4) in [(None, true), (Some(0), false), (Some(u32::MAX), true)] {
            let (bytes, header_len) = header(key, is_ipv4);
            let read = Gre::decode(&bytes[..header_len]);
            assert_eq!(read, Ok(Gre { key, is_ipv4, header_len }));
        }
    }

    #[test]
    fn bits_1_and_4_and_the_version_are_discarded_and_bits_5_to_12_ignored() {
        let with = |flags: u16| {
            let [a, b] = flags.to_be_bytes();
            Gre::decode(&[a, b, 0x08, 0x00])
        };
        for bad in [0x4000, 0x0800, 0x0001, 0x0004] {
            assert_eq!(with(bad), Err(DropReason::GreHeader), "{bad:04x}");
        }
        for ignored in [0x0400, 0x0008, 0x07f8] {
            assert!(with(ignored).is_ok(), "{ignored:04x}");
        }
    }

    #[test]
    fn a_checksum_is_verified_and_a_sequence_number_passed_over() {
        let mut bytes = vec![0xb0, 0, 0x86, 0xdd, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1, 0x60, 1, 2];
        let sum = Sum::default().bytes(&bytes).checksum();
        bytes[4..6].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(Gre::decode(&bytes), Ok(Gre { key: Some(7), is_ipv4: false, header_len: 16 }));
        bytes[18] ^= 1;
        assert_eq!(Gre::decode(&bytes), Err(DropReason::GreChecksum));
    }

    #[test]
    fn a_header_that_is_cut_short_and_a_foreign_protocol_are_told_apart() {
        assert_eq!(Gre::decode(&[0x20, 0, 8, 0, 1, 2, 3]), Err(DropReason::InvalidLength));
        assert_eq!(Gre::decode(&[0, 0, 0x65, 0x58]), Err(DropReason::ProtocolType));
    }
}
