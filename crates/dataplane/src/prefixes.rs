//! Which binding holds an inner address: one hash lookup for almost every packet.
//!
//! Subscribers have whole IPv4 addresses, and IPv6 prefixes of /64 (RFC 5213 §5.2) or addresses.
//! Those are in one index by hash, eight octets for each: the prefix itself is with the binding,
//! which a packet needs anyway. Mobile network prefixes of other lengths (RFC 7148) are in a
//! longest-prefix trie, which is asked only where it could know better.
//!
//! Packets come in trains: what was found last is kept until a prefix comes or goes.

use std::cell::Cell;
use std::hash::BuildHasher;
use std::net::IpAddr;

use foldhash::quality::RandomState;
use hashbrown::HashMap;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use kedge_model::VrfId;
use kedge_sansio::{HashIndex, Tag};
use prefix_trie::PrefixMap;

/// The prefixes of one routing world that are not hashed.
#[derive(Debug, Default)]
struct Tries {
    v4: PrefixMap<Ipv4Net, u32>,
    v6: PrefixMap<Ipv6Net, u32>,
}

/// Inner prefixes and whose they are, by routing world. Whoever asks says with a closure whether a
/// slot holds exactly a prefix.
#[derive(Debug, Default)]
pub(crate) struct Prefixes {
    hashed: HashIndex,
    hasher: RandomState,
    tries: HashMap<VrfId, Tries, RandomState>,
    /// Who was looked for last, and whose it was.
    last: Cell<Option<(VrfId, IpAddr, Option<u32>)>>,
}

/// The lengths that are hashed.
const IPV4: u8 = 32;
const SUBNET: u8 = 64;
const HOST: u8 = 128;

impl Prefixes {
    /// Who holds exactly this prefix.
    pub fn holder(
        &self,
        vrf: VrfId,
        prefix: IpNet,
        holds: impl Fn(u32, IpNet) -> bool,
    ) -> Option<u32> {
        match prefix {
            _ if is_hashed(prefix) => self.hashed(vrf, prefix, &holds),
            IpNet::V4(net) => self.tries.get(&vrf)?.v4.get(&net).copied(),
            IpNet::V6(net) => self.tries.get(&vrf)?.v6.get(&net).copied(),
        }
    }

    /// Reads the line of the index that a look at this prefix will.
    pub fn look_ahead(&self, vrf: VrfId, prefix: IpNet) {
        std::hint::black_box(self.hashed.guess(self.tag(vrf, prefix)));
    }

    /// Gives a prefix that nobody holds, its host bits zero, to `slot`.
    pub fn insert(&mut self, vrf: VrfId, prefix: IpNet, slot: u32) {
        self.last.set(None);
        match prefix {
            _ if is_hashed(prefix) => self.hashed.insert(self.tag(vrf, prefix), slot),
            IpNet::V4(net) => drop(self.tries.entry(vrf).or_default().v4.insert(net, slot)),
            IpNet::V6(net) => drop(self.tries.entry(vrf).or_default().v6.insert(net, slot)),
        }
    }

    /// Takes a prefix back from `slot`.
    pub fn remove(&mut self, vrf: VrfId, prefix: IpNet, slot: u32) {
        self.last.set(None);
        if is_hashed(prefix) {
            self.hashed.remove(self.tag(vrf, prefix), slot);
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
    pub fn find(
        &self,
        vrf: VrfId,
        address: IpAddr,
        holds: impl Fn(u32, IpNet) -> bool,
    ) -> Option<u32> {
        match self.last.get() {
            Some((its_vrf, its_address, slot)) if its_vrf == vrf && its_address == address => slot,
            _ => {
                let slot = self.look_up(vrf, address, holds);
                self.last.set(Some((vrf, address, slot)));
                slot
            }
        }
    }

    fn look_up(
        &self,
        vrf: VrfId,
        address: IpAddr,
        holds: impl Fn(u32, IpNet) -> bool,
    ) -> Option<u32> {
        let host = self.hashed(vrf, address.into(), &holds);
        match address {
            IpAddr::V4(v4) => host.or_else(|| {
                let (_, slot) = self.tries.get(&vrf)?.v4.get_lpm(&v4.into())?;
                Some(*slot)
            }),
            IpAddr::V6(v6) => host.or_else(|| {
                let subnet = Ipv6Net::new_assert(v6, SUBNET).trunc();
                let subnet = self.hashed(vrf, subnet.into(), &holds);
                if subnet.is_some() && self.tries.is_empty() {
                    return subnet;
                }
                let tries = self.tries.get(&vrf).filter(|tries| !tries.v6.is_empty());
                let in_trie = tries.and_then(|tries| tries.v6.get_lpm(&v6.into()));
                match in_trie {
                    Some((prefix, slot)) if subnet.is_none() || prefix.prefix_len() > SUBNET => {
                        Some(*slot)
                    }
                    _ => subnet,
                }
            }),
        }
    }

    fn hashed(&self, vrf: VrfId, prefix: IpNet, holds: impl Fn(u32, IpNet) -> bool) -> Option<u32> {
        self.hashed.find(self.tag(vrf, prefix), |slot| holds(slot, prefix))
    }

    fn tag(&self, vrf: VrfId, prefix: IpNet) -> Tag {
        let bits = match prefix {
            IpNet::V4(net) => net.addr().to_bits().into(),
            IpNet::V6(net) => net.addr().to_bits(),
        };
        self.hasher.hash_one((vrf.0, prefix.prefix_len(), bits)).into()
    }
}

fn is_hashed(prefix: IpNet) -> bool {
    match prefix {
        IpNet::V4(net) => net.prefix_len() == IPV4,
        IpNet::V6(net) => matches!(net.prefix_len(), SUBNET | HOST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Prefixes of one world; the slot of each is its place in the list.
    fn all(texts: &[&str]) -> (Prefixes, Vec<IpNet>) {
        let nets: Vec<IpNet> = texts.iter().map(|text| text.parse().unwrap()).collect();
        let mut prefixes = Prefixes::default();
        for (slot, net) in nets.iter().enumerate() {
            prefixes.insert(VrfId(1), *net, slot as u32);
        }
        (prefixes, nets)
    }

    #[test]
    fn the_longest_prefix_wins_wherever_it_is_kept() {
        let (prefixes, nets) = all(&[
            "2001:db8::/48",
            "2001:db8:0:1::/64",
            "2001:db8:0:1:8000::/65",
            "2001:db8:0:1::5/128",
            "10.0.0.0/8",
            "10.1.0.0/16",
            "10.1.2.3/32",
        ]);
        let find = |address: &str| {
            let holds = |slot: u32, net| nets[slot as usize] == net;
            prefixes.find(VrfId(1), address.parse().unwrap(), holds)
        };
        assert_eq!(find("2001:db8:0:2::1"), Some(0));
        assert_eq!(find("2001:db8:0:1::1"), Some(1));
        assert_eq!(find("2001:db8:0:1:8000::1"), Some(2));
        assert_eq!(find("2001:db8:0:1::5"), Some(3));
        assert_eq!(find("10.2.0.1"), Some(4));
        assert_eq!(find("10.1.0.1"), Some(5));
        assert_eq!(find("10.1.2.3"), Some(6));
        assert_eq!(find("2001:db9::1"), None);
        assert_eq!(find("11.0.0.1"), None);
        let in_another = prefixes.find(VrfId(2), "10.1.2.3".parse().unwrap(), |_, _| true);
        assert_eq!(in_another, None);
    }

    #[test]
    fn a_removed_prefix_leaves_the_shorter_one_in_force() {
        let (mut prefixes, nets) = all(&["10.0.0.0/8", "10.0.0.1/32"]);
        let find = |prefixes: &Prefixes| {
            let holds = |slot: u32, net| nets[slot as usize] == net;
            prefixes.find(VrfId(1), "10.0.0.1".parse().unwrap(), holds)
        };
        assert_eq!(find(&prefixes), Some(1));
        prefixes.remove(VrfId(1), nets[1], 1);
        assert_eq!(find(&prefixes), Some(0));
        prefixes.remove(VrfId(1), nets[0], 0);
        assert_eq!(find(&prefixes), None);
        assert!(prefixes.tries.is_empty());
        prefixes.insert(VrfId(1), nets[1], 1);
        assert_eq!(find(&prefixes), Some(1));
    }

    #[test]
    fn what_was_found_last_is_found_again_in_its_own_world_only() {
        let (mut prefixes, nets) = all(&["2001:db8:0:1::/64", "2001:db8:0:1::5/128"]);
        prefixes.remove(VrfId(1), nets[1], 1);
        prefixes.insert(VrfId(2), nets[1], 1);
        let find = |prefixes: &Prefixes, vrf| {
            let holds = |slot: u32, net| nets[slot as usize] == net;
            prefixes.find(VrfId(vrf), "2001:db8:0:1::5".parse().unwrap(), holds)
        };
        for _ in 0..2 {
            assert_eq!([find(&prefixes, 1), find(&prefixes, 2)], [Some(0), Some(1)]);
        }
        prefixes.insert(VrfId(1), nets[1], 1);
        assert_eq!([find(&prefixes, 1), find(&prefixes, 1)], [Some(1); 2]);
    }
}
