//! Which binding holds an inner address: one hash lookup for almost every packet.
//!
//! Subscribers have whole IPv4 addresses, and IPv6 prefixes of /64 (RFC 5213 §5.2) or addresses.
//! Those are in one hash map. Mobile network prefixes of other lengths (RFC 7148) are in a
//! longest-prefix trie, which is asked only where it could know better.

use std::net::IpAddr;

use foldhash::quality::RandomState;
use hashbrown::HashMap;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use kedge_model::VrfId;
use prefix_trie::PrefixMap;

/// A prefix of a length that is hashed: 32 for IPv4, 64 and 128 for IPv6.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Hashed {
    vrf: u32,
    length: u8,
    /// The address, the prefix's bits only, at the low end. As octets they need no alignment,
    /// which there would be twice of for each subscriber.
    bits: [u8; 16],
}

impl Hashed {
    fn of_prefix(vrf: VrfId, prefix: IpNet) -> Option<Self> {
        match prefix {
            IpNet::V4(net) if net.prefix_len() == 32 => Some(Self::host(vrf, net.addr().into())),
            IpNet::V6(net) if net.prefix_len() == 128 => Some(Self::host(vrf, net.addr().into())),
            IpNet::V6(net) if net.prefix_len() == 64 => Some(Self {
                vrf: vrf.0,
                length: 64,
                bits: (net.addr().to_bits() >> 64).to_ne_bytes(),
            }),
            _ => None,
        }
    }

    fn host(vrf: VrfId, address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => {
                Self { vrf: vrf.0, length: 32, bits: u128::from(v4.to_bits()).to_ne_bytes() }
            }
            IpAddr::V6(v6) => Self { vrf: vrf.0, length: 128, bits: v6.to_bits().to_ne_bytes() },
        }
    }
}

/// The prefixes of one routing world that are not hashed.
#[derive(Debug, Default)]
struct Tries {
    v4: PrefixMap<Ipv4Net, u32>,
    v6: PrefixMap<Ipv6Net, u32>,
}

/// Inner prefixes and whose they are, by routing world.
#[derive(Debug, Default)]
pub(crate) struct Prefixes {
    hashed: HashMap<Hashed, u32, RandomState>,
    tries: HashMap<VrfId, Tries, RandomState>,
}

impl Prefixes {
    /// Who holds exactly this prefix.
    pub fn holder(&self, vrf: VrfId, prefix: IpNet) -> Option<u32> {
        match (Hashed::of_prefix(vrf, prefix), prefix) {
            (Some(key), _) => self.hashed.get(&key).copied(),
            (None, IpNet::V4(net)) => self.tries.get(&vrf)?.v4.get(&net).copied(),
            (None, IpNet::V6(net)) => self.tries.get(&vrf)?.v6.get(&net).copied(),
        }
    }

    /// Gives a prefix, its host bits zero, to `slot`.
    pub fn insert(&mut self, vrf: VrfId, prefix: IpNet, slot: u32) {
        match (Hashed::of_prefix(vrf, prefix), prefix) {
            (Some(key), _) => {
                self.hashed.insert(key, slot);
            }
            (None, IpNet::V4(net)) => {
                self.tries.entry(vrf).or_default().v4.insert(net, slot);
            }
            (None, IpNet::V6(net)) => {
                self.tries.entry(vrf).or_default().v6.insert(net, slot);
            }
        }
    }

    /// Takes a prefix back.
    pub fn remove(&mut self, vrf: VrfId, prefix: IpNet) {
        if let Some(key) = Hashed::of_prefix(vrf, prefix) {
            self.hashed.remove(&key);
        } else if let Some(tries) = self.tries.get_mut(&vrf) {
            match prefix {
                IpNet::V4(net) => tries.v4.remove(&net),
                IpNet::V6(net) => tries.v6.remove(&net),
            };
            if tries.v4.is_empty() && tries.v6.is_empty() {
                self.tries.remove(&vrf);
            }
        }
    }

    /// Who holds the longest prefix that covers the address.
    pub fn find(&self, vrf: VrfId, address: IpAddr) -> Option<u32> {
        let host = Hashed::host(vrf, address);
        match address {
            IpAddr::V4(v4) => self.hashed.get(&host).copied().or_else(|| {
                let (_, slot) = self.tries.get(&vrf)?.v4.get_lpm(&v4.into())?;
                Some(*slot)
            }),
            IpAddr::V6(v6) => {
                let in_trie = || {
                    let tries = self.tries.get(&vrf).filter(|t| !t.v6.is_empty())?;
                    let (prefix, slot) = tries.v6.get_lpm(&v6.into())?;
                    Some((prefix.prefix_len(), *slot))
                };
                let subnet = Hashed {
                    length: 64,
                    bits: (u128::from_ne_bytes(host.bits) >> 64).to_ne_bytes(),
                    ..host
                };
                // Most subscribers have a /64: it is asked first, and is the answer unless a
                // longer prefix exists.
                match self.hashed.get(&subnet) {
                    Some(slot) if self.tries.is_empty() => {
                        Some(self.hashed.get(&host).copied().unwrap_or(*slot))
                    }
                    shorter => self.hashed.get(&host).copied().or_else(|| match in_trie() {
                        Some((length, slot)) if shorter.is_none() || length > 64 => Some(slot),
                        _ => shorter.copied(),
                    }),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    #[test]
    fn the_longest_prefix_wins_wherever_it_is_kept() {
        let mut prefixes = Prefixes::default();
        let all = [
            "2001:db8::/48",
            "2001:db8:0:1::/64",
            "2001:db8:0:1:8000::/65",
            "2001:db8:0:1::5/128",
            "10.0.0.0/8",
            "10.1.0.0/16",
            "10.1.2.3/32",
        ];
        for (slot, prefix) in all.iter().enumerate() {
            prefixes.insert(VrfId(1), net(prefix), slot as u32);
        }
        let find = |address: &str| prefixes.find(VrfId(1), address.parse().unwrap());
        assert_eq!(find("2001:db8:0:2::1"), Some(0));
        assert_eq!(find("2001:db8:0:1::1"), Some(1));
        assert_eq!(find("2001:db8:0:1:8000::1"), Some(2));
        assert_eq!(find("2001:db8:0:1::5"), Some(3));
        assert_eq!(find("10.2.0.1"), Some(4));
        assert_eq!(find("10.1.0.1"), Some(5));
        assert_eq!(find("10.1.2.3"), Some(6));
        assert_eq!(find("2001:db9::1"), None);
        assert_eq!(find("11.0.0.1"), None);
        assert_eq!(prefixes.find(VrfId(2), "10.1.2.3".parse().unwrap()), None);
    }

    #[test]
    fn a_removed_prefix_leaves_the_shorter_one_in_force() {
        let mut prefixes = Prefixes::default();
        prefixes.insert(VrfId(0), net("10.0.0.0/8"), 1);
        prefixes.insert(VrfId(0), net("10.0.0.1/32"), 2);
        prefixes.remove(VrfId(0), net("10.0.0.1/32"));
        assert_eq!(prefixes.find(VrfId(0), "10.0.0.1".parse().unwrap()), Some(1));
        prefixes.remove(VrfId(0), net("10.0.0.0/8"));
        assert_eq!(prefixes.find(VrfId(0), "10.0.0.1".parse().unwrap()), None);
        assert!(prefixes.tries.is_empty());
    }
}
