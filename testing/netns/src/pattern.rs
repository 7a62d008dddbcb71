//! Bytes whose position can be checked, and the digest both ends of a transfer print.

/// The pattern's bytes from `offset` on: every eight-octet word is a mix of its own number, so a
/// byte lost, doubled or moved shows at once.
pub fn fill(offset: u64, buffer: &mut [u8]) {
    let mut at = offset;
    let mut rest = buffer;
    while !rest.is_empty() {
        let word = mix(at / 8).to_le_bytes();
        let start = (at % 8) as usize;
        let length = rest.len().min(8 - start);
        let (now, later) = rest.split_at_mut(length);
        now.copy_from_slice(&word[start..start + length]);
        at += length as u64;
        rest = later;
    }
}

/// The finishing step of SplitMix64: every input bit changes half of the output's.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// FNV-1a over everything sent or received, in order.
#[derive(Clone, Copy, Debug)]
pub struct Digest(u64);

impl Digest {
    /// The digest of nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Takes in further bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// The digest of what was taken in so far.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }
}

impl Default for Digest {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_is_the_same_however_it_is_cut() {
        let mut whole = [0; 64];
        fill(3, &mut whole);
        let (mut left, mut right) = ([0; 21], [0; 43]);
        fill(3, &mut left);
        fill(24, &mut right);
        assert_eq!([&left[..], &right[..]].concat(), whole);
    }

    #[test]
    fn a_byte_moved_changes_the_digest() {
        let (mut a, mut b) = (Digest::new(), Digest::new());
        a.update(&[1, 2]);
        b.update(&[2, 1]);
        assert_ne!(a.value(), b.value());
        // The published value of FNV-1a 64 for "a".
        let mut c = Digest::new();
        c.update(b"a");
        assert_eq!(c.value(), 0xaf63_dc4c_8601_ec8c);
    }
}
