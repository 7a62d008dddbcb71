//! What a binding gives its node: home network prefixes and an IPv4 home address.

use std::net::{Ipv4Addr, Ipv6Addr};

use kedge_model::{IpNet, Ipv4Net, Ipv6Net};

/// The home network prefixes of one binding, each a /64.
///
/// A node configures its own interface identifier within the prefix (RFC 4862), which takes 64
/// bits; so the upper half of each prefix is all there is to keep.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Prefixes {
    /// As octets, which need no alignment: a binding has no room for the gaps.
    upper: [[u8; 8]; Self::MAX],
    len: u8,
}

impl Prefixes {
    /// The most that one interface can hold.
    pub const MAX: usize = 3;
    /// The length of every home network prefix.
    pub const LEN: u8 = 64;

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len.into()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The prefixes in the order they were assigned.
    pub fn iter(&self) -> impl Iterator<Item = Ipv6Net> + '_ {
        self.upper_halves().map(prefix)
    }

    pub(crate) fn upper_halves(&self) -> impl Iterator<Item = u64> + '_ {
        self.upper.iter().take(self.len()).map(|upper| u64::from_ne_bytes(*upper))
    }

    pub(crate) fn contains(&self, upper: u64) -> bool {
        self.upper_halves().any(|held| held == upper)
    }

    /// Adds a prefix and says whether there was room.
    pub(crate) fn push(&mut self, upper: u64) -> bool {
        let Some(place) = self.upper.get_mut(usize::from(self.len)) else { return false };
        *place = upper.to_ne_bytes();
        self.len += 1;
        true
    }
}

/// An IPv4 home address with what its node needs to use it (RFC 5844 §3.1.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ipv4Home {
    /// The node's address.
    pub address: Ipv4Addr,
    /// The length of the home subnet's prefix.
    pub prefix_len: u8,
    /// The node's default router.
    pub router: Ipv4Addr,
}

/// Everything that is assigned to one binding; never empty while the binding lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HomeAddresses {
    /// IPv6, possibly none.
    pub prefixes: Prefixes,
    /// IPv4, possibly none.
    pub ipv4: Option<Ipv4Home>,
}

impl HomeAddresses {
    /// Whether nothing is assigned.
    pub fn is_empty(&self) -> bool {
        self.prefixes.is_empty() && self.ipv4.is_none()
    }

    /// What is routed to the node.
    pub fn routed(&self) -> impl Iterator<Item = IpNet> + '_ {
        let ipv4 = self.ipv4.map(|home| host(home.address));
        self.prefixes.iter().map(IpNet::V6).chain(ipv4)
    }
}

/// The /64 with this upper half.
pub(crate) fn prefix(upper: u64) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::from_bits(u128::from(upper) << 64), Prefixes::LEN)
}

/// The route to one address.
pub(crate) fn host(address: Ipv4Addr) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(address, 32))
}

/// The upper half of `address`, which names its /64.
pub(crate) fn upper_half(address: Ipv6Addr) -> u64 {
    // The shift leaves 64 bits.
    (address.to_bits() >> 64) as u64
}
