//! The Internet checksum (RFC 1071), eight octets at a time.

use std::net::IpAddr;

/// A ones' complement sum that is not finished.
///
/// The sum is kept in the octet order of the host: RFC 1071 §2(B) shows that only the result has
/// to be put in network order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sum(u64);

impl Sum {
    /// Adds octets; only the last piece of what is summed may be of odd length.
    #[must_use]
    pub fn bytes(self, bytes: &[u8]) -> Self {
        let mut sum = self.0;
        let mut carry = 0u64;
        let mut chunks = bytes.chunks_exact(32);
        for chunk in &mut chunks {
            // Four independent words a turn: the carries are what limits the speed.
            let word = |at: usize| {
                u64::from_ne_bytes(chunk[at..at + 8].try_into().expect("eight octets of 32"))
            };
            let (a, c0) = word(0).overflowing_add(word(8));
            let (b, c1) = word(16).overflowing_add(word(24));
            let (c, c2) = a.overflowing_add(b);
            let (d, c3) = sum.overflowing_add(c);
            sum = d;
            carry += u64::from(c0) + u64::from(c1) + u64::from(c2) + u64::from(c3);
        }
        let mut words = chunks.remainder().chunks_exact(4);
        for word in &mut words {
            let word = u32::from_ne_bytes(word.try_into().expect("four octets"));
            let (s, c) = sum.overflowing_add(u64::from(word));
            sum = s;
            carry += u64::from(c);
        }
        let rest = words.remainder();
        if !rest.is_empty() {
            let mut last = [0; 4];
            last[..rest.len()].copy_from_slice(rest);
            let (s, c) = sum.overflowing_add(u64::from(u32::from_ne_bytes(last)));
            sum = s;
            carry += u64::from(c);
        }
        let (s, c) = sum.overflowing_add(carry);
        Self(s + u64::from(c))
    }

    /// Adds a 16-bit number.
    #[must_use]
    pub fn add_u16(self, value: u16) -> Self {
        self.add_word(u64::from(u16::from_ne_bytes(value.to_be_bytes())))
    }

    /// Adds the pseudo-header of IPv4 (RFC 9293 §3.1) or IPv6 (RFC 8200 §8.1). Both give one sum
    /// for lengths up to 65,535; a mix of families does not occur and counts as IPv6.
    #[must_use]
    pub fn add_pseudo_header(self, from: IpAddr, to: IpAddr, protocol: u8, length: u32) -> Self {
        let sum = match (from, to) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                self.add_u32(from.to_bits()).add_u32(to.to_bits())
            }
            (from, to) => self.bytes(&octets(from)).bytes(&octets(to)),
        };
        sum.add_u32(length).add_u16(u16::from(protocol))
    }

    /// The sum in 16 bits, not complemented, as the number that stands in a header.
    pub fn folded(self) -> u16 {
        let sum = (self.0 >> 32) + (self.0 & 0xffff_ffff);
        let sum = (sum >> 32) + (sum & 0xffff_ffff);
        let sum = (sum >> 16) + (sum & 0xffff);
        let sum = (sum >> 16) + (sum & 0xffff);
        let sum = (sum >> 16) + (sum & 0xffff);
        u16::from_be_bytes((sum as u16).to_ne_bytes())
    }

    /// The number for a checksum field.
    pub fn checksum(self) -> u16 {
        !self.folded()
    }

    /// Whether octets that include their checksum are as they were sent.
    pub fn is_valid(self) -> bool {
        self.folded() == 0xffff
    }

    fn add_u32(self, value: u32) -> Self {
        self.add_word(value.to_be().into())
    }

    fn add_word(self, word: u64) -> Self {
        let (s, c) = self.0.overflowing_add(word);
        Self(s + u64::from(c))
    }
}

fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// The checksum after one 16-bit number of what it covers has changed (RFC 1624 §3, equation 3).
pub fn updated(checksum: u16, old: u16, new: u16) -> u16 {
    Sum::default().add_u16(!checksum).add_u16(!old).add_u16(new).checksum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 1071 §1 as it is written: 16-bit words in network order.
    fn plain(bytes: &[u8]) -> u16 {
        let mut sum = 0u32;
        for pair in bytes.chunks(2) {
            sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum as u16
    }

    proptest! {
        #[test]
        fn the_fast_sum_equals_the_plain_one(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(Sum::default().bytes(&bytes).folded(), plain(&bytes));
        }

        #[test]
        fn a_sum_may_be_made_in_even_pieces(
            bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 0usize..150,
        ) {
            let cut = (cut * 2).min(bytes.len() & !1);
            let whole = Sum::default().bytes(&bytes).folded();
            prop_assert_eq!(Sum::default().bytes(&bytes[..cut]).bytes(&bytes[cut..]).folded(), whole);
        }

        #[test]
        fn an_updated_checksum_equals_a_new_one(
            mut bytes in prop::collection::vec(1u8.., 20..21), new in any::<u16>(),
        ) {
            let before = Sum::default().bytes(&bytes).checksum();
            let old = u16::from_be_bytes([bytes[4], bytes[5]]);
            bytes[4..6].copy_from_slice(&new.to_be_bytes());
            prop_assert_eq!(updated(before, old, new), Sum::default().bytes(&bytes).checksum());
        }
    }

    #[test]
    fn the_example_of_rfc_1071() {
        let sum = Sum::default().bytes(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
        assert_eq!((sum.folded(), sum.checksum()), (0xddf2, 0x220d));
    }

    #[test]
    fn all_ones_do_not_overflow() {
        assert_eq!(Sum::default().bytes(&[0xff; 4096]).folded(), 0xffff);
    }
}
