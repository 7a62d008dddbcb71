//! Who is meant: customers, routing worlds, mobile nodes and their interfaces.

use std::fmt;
use std::str::FromStr;

use crate::octets::Octets;

/// A tenant. Without mobile-local-loop there is exactly one, [`CustomerId::DEFAULT`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct CustomerId(pub u32);

impl CustomerId {
    /// The one customer of an anchor that hosts no mobile-local-loop service.
    pub const DEFAULT: Self = Self(0);
    /// The highest number that a customer may have; bindings have 16 bits for it in their names.
    pub const MAX: Self = Self(0xffff);
}

/// A routing world: a network namespace or a Linux VRF device ([`World`](crate::World)). The daemon
/// maps configured names to these numbers; the machines and the data planes only compare them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct VrfId(pub u32);

impl VrfId {
    /// The world the daemon was started in.
    pub const DEFAULT: Self = Self(0);
}

/// A mobile node identifier (RFC 4283 §3): a subtype and 0 to 254 octets.
///
/// The identifier is compared octet by octet: RFC 4283 defines no case folding, and an anchor
/// that folds would join two subscribers that AAA holds apart.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MnId {
    subtype: u8,
    /// In place: what makes the whole 64 octets, and holds the identifiers that 3GPP TS 23.003
    /// §19.3 makes of an IMSI.
    octets: Octets<54>,
}

impl MnId {
    /// Subtype of a network access identifier (RFC 4283 §3.1).
    pub const NAI: u8 = 1;
    /// Longest identifier that fits the option's Length octet beside the subtype.
    pub const MAX_OCTETS: usize = 254;

    /// `None` when `octets` is longer than [`Self::MAX_OCTETS`].
    pub fn new(subtype: u8, octets: &[u8]) -> Option<Self> {
        (octets.len() <= Self::MAX_OCTETS).then(|| Self { subtype, octets: octets.into() })
    }

    /// A network access identifier, `user@realm`.
    pub fn nai(nai: &str) -> Option<Self> {
        Self::new(Self::NAI, nai.as_bytes())
    }

    /// The kind of identifier (`MnId::NAI` and the subtypes of RFC 8371).
    pub fn subtype(&self) -> u8 {
        self.subtype
    }

    /// The identifier as it stands on the wire, without its subtype.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The identifier as text, if it is a network access identifier in UTF-8.
    pub fn as_nai(&self) -> Option<&str> {
        if self.subtype == Self::NAI { std::str::from_utf8(&self.octets).ok() } else { None }
    }
}

/// A printable network access identifier as it is; anything else as `subtype:hex`, so that no
/// octet of a peer's choosing reaches a terminal.
impl fmt::Display for MnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_nai() {
            Some(nai) if !nai.is_empty() && nai.bytes().all(|b| b.is_ascii_graphic()) => {
                f.write_str(nai)
            }
            _ => {
                write!(f, "{}:", self.subtype)?;
                self.octets.iter().try_for_each(|b| write!(f, "{b:02x}"))
            }
        }
    }
}

impl fmt::Debug for MnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MnId({self})")
    }
}

/// A mobile node's link-layer identifier (RFC 5213 §8.6): up to 253 octets, a MAC address on
/// Ethernet-like links.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkLayerId(Octets<22>);

impl LinkLayerId {
    /// Longest identifier that fits the option's Length octet beside the two reserved octets.
    pub const MAX_OCTETS: usize = 253;

    /// `None` when `octets` is longer than [`Self::MAX_OCTETS`].
    pub fn new(octets: &[u8]) -> Option<Self> {
        (octets.len() <= Self::MAX_OCTETS).then(|| Self(octets.into()))
    }

    /// The identifier as it stands on the wire.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl From<MacAddr> for LinkLayerId {
    fn from(mac: MacAddr) -> Self {
        Self(mac.0.as_slice().into())
    }
}

impl fmt::Display for LinkLayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, octet) in self.0.iter().enumerate() {
            write!(f, "{}{octet:02x}", if i == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for LinkLayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LinkLayerId({self})")
    }
}

/// A 48-bit Ethernet address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// The link-layer address of every gateway on every access link (RFC 6543 §3).
    pub const PMIPV6_GATEWAY: Self = Self([0x00, 0x00, 0x5e, 0x00, 0x52, 0x13]);
    /// All stations.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Whether the group bit is set; a node's own address never has it.
    pub fn is_group(self) -> bool {
        self.0[0] & 1 != 0
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Text that is no MAC address; it prints what would be one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a MAC address: expected xx:xx:xx:xx:xx:xx, xx-xx-xx-xx-xx-xx or xxxx.xxxx.xxxx")]
pub struct ParseMacError;

/// Reads `00:11:22:33:44:55`, `00-11-22-33-44-55` and the routers' `0011.2233.4455`.
impl FromStr for MacAddr {
    type Err = ParseMacError;

    fn from_str(text: &str) -> Result<Self, ParseMacError> {
        let (separator, group) = match text.as_bytes().get(2) {
            Some(b':') => (':', 2),
            Some(b'-') => ('-', 2),
            _ => ('.', 4),
        };
        let mut mac = [0; 6];
        let mut octets = mac.iter_mut();
        for part in text.split(separator) {
            if part.len() != group || !part.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(ParseMacError);
            }
            for at in (0..group).step_by(2) {
                let octet = octets.next().ok_or(ParseMacError)?;
                *octet = u8::from_str_radix(&part[at..at + 2], 16).map_err(|_| ParseMacError)?;
            }
        }
        if octets.next().is_some() { Err(ParseMacError) } else { Ok(Self(mac)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mac_addresses_are_read_in_the_three_usual_spellings() {
        let mac = MacAddr([0, 0x11, 0x22, 0xaa, 0xbb, 0xcc]);
        for text in ["00:11:22:aa:bb:cc", "00-11-22-AA-BB-CC", "0011.22aa.bbcc"] {
            assert_eq!(text.parse(), Ok(mac), "{text}");
        }
        for text in [
            "",
            "00:11:22:aa:bb",
            "00:11:22:aa:bb:cc:dd",
            "0:11:22:aa:bb:cc",
            "0011.22aa",
            "00:11-22:aa:bb:cc",
            "+0:11:22:aa:bb:cc",
        ] {
            assert_eq!(text.parse::<MacAddr>(), Err(ParseMacError), "{text}");
        }
    }

    #[test]
    fn identifiers_of_a_peers_choosing_print_without_control_characters() {
        assert_eq!(MnId::nai("mn1@example.com").unwrap().to_string(), "mn1@example.com");
        assert_eq!(MnId::nai("a\x1b[2J").unwrap().to_string(), "1:611b5b324a");
        assert_eq!(MnId::new(3, &[0x12]).unwrap().to_string(), "3:12");
        assert!(MnId::new(1, &[b'x'; 255]).is_none());
    }
}
