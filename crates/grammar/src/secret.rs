//! Shared keys in the language: how they are held, hidden and written back.
//!
//! A [`Secret`] prints as `******` wherever a program prints values. The running configuration
//! must be loadable again, so there a secret is written in the routers' "type 7" form: two
//! decimal digits, then hexadecimal. That is an obfuscation against shoulder surfing. Anyone can
//! reverse it; a file that holds one deserves the permissions of a file that holds the key.

use std::fmt;

/// A shared key: any octets, never printed by `Debug` or `Display`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Secret(Vec<u8>);

/// The fixed text that type 7 adds to a key, octet by octet.
const PAD: &[u8; 53] = b"dsfd;kfoA,.iyewrkldJKDHSUBsgvca69834ncxv9873254k;fg87";

impl Secret {
    /// What stands in a message for a secret of any length.
    pub const STARS: &'static str = "******";

    /// The secret made of these octets.
    pub fn new(octets: impl Into<Vec<u8>>) -> Self {
        Self(octets.into())
    }

    /// The octets themselves, for the code that computes with them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The type 7 form. Its first two digits choose where in the pad it starts: routers draw
    /// them, here they follow from the key, so that the same configuration is the same text.
    pub fn obfuscate(&self) -> String {
        let start = self.0.iter().fold(0usize, |sum, &b| sum + usize::from(b)) % 16;
        let mut text = format!("{start:02}");
        for (octet, pad) in self.0.iter().zip(pad_from(start)) {
            text.push_str(&format!("{:02X}", octet ^ pad));
        }
        text
    }

    /// Reads the type 7 form; `None` when the text is not one.
    pub fn from_obfuscated(text: &str) -> Option<Self> {
        let (start, rest) = text.split_at_checked(2)?;
        if !start.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let start: usize = start.parse().ok()?;
        if start >= PAD.len() {
            return None;
        }
        let octets = octets_from_hex(rest)?;
        Some(Self(octets.iter().zip(pad_from(start)).map(|(octet, pad)| octet ^ pad).collect()))
    }

    /// Reads pairs of hexadecimal digits; `None` when the text is something else or empty.
    pub fn from_hex(text: &str) -> Option<Self> {
        octets_from_hex(text).map(Self)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::STARS)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::STARS)
    }
}

fn pad_from(start: usize) -> impl Iterator<Item = u8> {
    PAD.iter().copied().cycle().skip(start)
}

fn octets_from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits?;
    let (pairs, odd) = digits.as_chunks::<2>();
    if pairs.is_empty() || !odd.is_empty() {
        return None;
    }
    Some(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendor_example_of_a_type_7_key_is_read() {
        let secret = Secret::from_obfuscated("094F471A1A0A").unwrap();
        assert_eq!(secret.expose(), b"cisco");
    }

    #[test]
    fn obfuscation_is_undone_for_every_octet_and_length() {
        for length in [1, 2, 53, 54, 125] {
            let octets: Vec<u8> = (0..length).map(|i| (i * 37 + length) as u8).collect();
            let secret = Secret::new(octets);
            assert_eq!(Secret::from_obfuscated(&secret.obfuscate()), Some(secret));
        }
    }

    #[test]
    fn text_that_is_no_key_is_refused() {
        for text in ["", "0", "09", "094", "9zFF", "54FF", "é9FF", "09GG", "+1FF"] {
            assert_eq!(Secret::from_obfuscated(text), None, "{text}");
        }
        assert_eq!(Secret::from_hex("0a1"), None);
    }

    #[test]
    fn a_secret_prints_as_stars() {
        let secret = Secret::new(*b"key1");
        assert_eq!(format!("{secret} {secret:?}"), "****** ******");
    }
}
