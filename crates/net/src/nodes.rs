//! The nodes of an access link, as the programs that judge its frames know them.

use std::collections::{BTreeMap, BTreeSet};

use kedge_model::{IpNet, MacAddr};

/// The nodes that are attached, and the addresses that each may send from.
pub type Attached = BTreeMap<MacAddr, BTreeSet<IpNet>>;

/// A node, and the addresses it may send from.
pub(crate) type Node<'a> = (MacAddr, &'a BTreeSet<IpNet>);

/// A part of all MAC addresses: those whose last bits are this number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Part {
    /// How many bits; 32 at most.
    pub bits: u32,
    /// What they are.
    pub number: u32,
}

impl Part {
    /// All of them.
    pub(crate) const WHOLE: Self = Self { bits: 0, number: 0 };

    /// Whether it is an address of this part.
    pub(crate) fn has(self, mac: MacAddr) -> bool {
        halves(mac).1 & self.mask() == self.number
    }

    /// The bits, in the last four octets of an address.
    pub(crate) fn mask(self) -> u32 {
        u32::MAX.checked_shr(32 - self.bits).unwrap_or(0)
    }
}

/// A MAC address as the two loads of a program give it: the first two octets, and the last four.
pub(crate) fn halves(mac: MacAddr) -> (u16, u32) {
    let [a, b, c, d, e, f] = mac.0;
    (u16::from_be_bytes([a, b]), u32::from_be_bytes([c, d, e, f]))
}
