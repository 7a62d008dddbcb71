//! The Internet checksum (RFC 1071) and the pseudo-headers it is taken over.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A running sum of 16-bit words.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sum(u64);

impl Sum {
    /// The pseudo-header of RFC 8200 §8.1.
    pub(crate) fn ipv6(source: Ipv6Addr, destination: Ipv6Addr, next: u8, length: usize) -> Self {
        Self::default()
            .add(&source.octets())
            .add(&destination.octets())
            .add_number(length)
            .add_number(next.into())
    }

    /// The pseudo-header of RFC 768.
    pub(crate) fn ipv4(source: Ipv4Addr, destination: Ipv4Addr, next: u8, length: usize) -> Self {
        Self::default()
            .add(&source.octets())
            .add(&destination.octets())
            .add_number(length)
            .add_number(next.into())
    }

    /// Adds octets; an odd last one counts as if a zero followed.
    pub(crate) fn add(mut self, octets: &[u8]) -> Self {
        for pair in octets.chunks(2) {
            let low = pair.get(1).copied().unwrap_or(0);
            self.0 += u64::from(u16::from_be_bytes([pair[0], low]));
        }
        self
    }

    fn add_number(mut self, number: usize) -> Self {
        // A length or protocol number is far below 2^48: folding brings it to 16 bits.
        self.0 += number as u64;
        self
    }

    /// The sum folded to 16 bits, not complemented.
    pub(crate) fn folded(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum as u16
    }

    /// What a checksum field holds; zero over a message that includes a right checksum.
    pub(crate) fn finish(self) -> u16 {
        !self.folded()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 1071 §3: the numerical example.
    #[test]
    fn the_sum_of_rfc_1071_comes_out() {
        let sum = Sum::default().add(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
        assert_eq!(sum.folded(), 0xddf2);
        assert_eq!(sum.add(&[0x22]).add(&[]).folded(), sum.add(&[0x22, 0]).folded());
    }
}
