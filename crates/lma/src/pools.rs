//! Address pools: which addresses and prefixes of a network are handed out.
//!
//! A pool hands out the lowest free one from its start. It holds at most 2^24 of them, more than
//! any anchor has bindings; what a larger block has beyond that stays unused.

use std::net::Ipv4Addr;

use kedge_model::IpNet;

use crate::addresses::Ipv4Home;
use crate::mobile_networks::MobileNetworks;
use crate::ranges::{Ipv4Addresses, Ipv6Prefixes};
use crate::rejection::Denial;
use crate::settings::{MobileNetworkPool, Network, Unchecked};
use crate::usage::Usage;

/// The pools of one network.
#[derive(Debug)]
pub(crate) struct Pools {
    ipv4: Vec<Ipv4Addresses>,
    ipv6: Vec<Ipv6Prefixes>,
    mobile_networks: Vec<MobileNetworks>,
    unchecked: Unchecked,
}

impl Pools {
    /// The pools that these settings name, with nothing taken.
    pub fn new(network: &Network) -> Self {
        Self {
            ipv4: network.ipv4.iter().copied().map(Ipv4Addresses::new).collect(),
            ipv6: network.ipv6.iter().copied().map(Ipv6Prefixes::new).collect(),
            mobile_networks: network
                .mobile_networks
                .iter()
                .copied()
                .map(MobileNetworks::new)
                .collect(),
            unchecked: network.unchecked,
        }
    }

    /// What is taken as it is sent, of no pool.
    pub fn unchecked(&self) -> Unchecked {
        self.unchecked
    }

    pub fn has_ipv4(&self) -> bool {
        !self.ipv4.is_empty() || self.unchecked.has_homes()
    }

    pub fn has_ipv6(&self) -> bool {
        !self.ipv6.is_empty() || self.unchecked.has_homes()
    }

    /// How much is in use, of IPv4 and of IPv6.
    pub fn usage(&self) -> (Option<Usage>, Option<Usage>) {
        let ipv4 = self.ipv4.iter().map(Ipv4Addresses::usage);
        let ipv6 = self.ipv6.iter().map(Ipv6Prefixes::usage);
        (ipv4.reduce(Usage::with), ipv6.reduce(Usage::with))
    }

    /// How much of each pool for mobile networks is in use.
    pub fn delegated_usage(&self) -> impl Iterator<Item = (MobileNetworkPool, Usage)> + '_ {
        self.mobile_networks.iter().map(MobileNetworks::usage)
    }

    /// Takes the lowest free prefix for a mobile network, from the first pool that has one.
    pub fn take_lowest_delegated(&mut self, is_ipv4: bool) -> Result<IpNet, Denial> {
        let mut pools =
            self.mobile_networks.iter_mut().filter(|pool| pool.is_ipv4() == is_ipv4).peekable();
        if pools.peek().is_none() {
            return Err(Denial::DelegationNotAuthorized);
        }
        pools.find_map(MobileNetworks::take_lowest).ok_or(Denial::PoolExhausted)
    }

    /// Takes one prefix for a mobile network, if it is of a pool and free.
    pub fn take_delegated(&mut self, prefix: IpNet) -> bool {
        self.mobile_networks.iter_mut().any(|pool| pool.take(prefix))
    }

    /// Frees a prefix of a mobile network and says whether it was taken of a pool.
    pub fn release_delegated(&mut self, prefix: IpNet) -> bool {
        self.mobile_networks.iter_mut().any(|pool| pool.release(prefix))
    }

    /// Whether a home network prefix is taken of a pool.
    pub fn holds_prefix(&self, upper: u64) -> bool {
        self.ipv6.iter().any(|pool| pool.is_taken(upper))
    }

    /// Takes the lowest free home network prefix, from the first pool that has one.
    pub fn take_lowest_prefix(&mut self) -> Option<u64> {
        self.ipv6.iter_mut().find_map(Ipv6Prefixes::take_lowest)
    }

    /// Takes one home network prefix, if it is of a pool and free.
    pub fn take_prefix(&mut self, upper: u64) -> bool {
        self.ipv6.iter_mut().any(|pool| pool.take(upper))
    }

    /// Frees a home network prefix and says whether it was taken of a pool.
    pub fn release_prefix(&mut self, upper: u64) -> bool {
        self.ipv6.iter_mut().any(|pool| pool.release(upper))
    }

    /// Whether an IPv4 home address is taken of a pool.
    pub fn holds_ipv4(&self, address: Ipv4Addr) -> bool {
        self.ipv4.iter().any(|pool| pool.is_taken(address))
    }

    /// Takes the IPv4 home address that is wanted, if it is of a pool and free, or the lowest free
    /// one, from the first pool that has one.
    pub fn take_ipv4(&mut self, wanted: Option<Ipv4Addr>) -> Option<Ipv4Home> {
        self.ipv4.iter_mut().find_map(|pool| match wanted {
            Some(address) => pool.take(address),
            None => pool.take_lowest(),
        })
    }

    /// Frees an IPv4 home address and says whether it was taken of a pool.
    pub fn release_ipv4(&mut self, address: Ipv4Addr) -> bool {
        self.ipv4.iter_mut().any(|pool| pool.release(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addresses::upper_half;
    use crate::settings::{Ipv4Pool, Ipv6Pool};

    fn pools(ipv4: Option<(&str, u8)>, ipv6: Option<(&str, u8)>) -> Pools {
        let ipv4 = ipv4.map(|(start, prefix_len)| Ipv4Pool {
            start: start.parse().unwrap(),
            last: None,
            prefix_len,
        });
        let ipv6 =
            ipv6.map(|(start, prefix_len)| Ipv6Pool { start: start.parse().unwrap(), prefix_len });
        let (ipv4, ipv6) = (ipv4.into_iter().collect(), ipv6.into_iter().collect());
        Pools::new(&Network { ipv4, ipv6, ..Network::default() })
    }

    #[test]
    fn the_start_address_is_the_first_one_handed_out() {
        let mut pools = pools(Some(("192.168.0.2", 8)), Some(("2002:10::1", 62)));
        let home = pools.take_ipv4(None).unwrap();
        assert_eq!(home.address, "192.168.0.2".parse::<Ipv4Addr>().unwrap());
        assert_eq!((home.prefix_len, home.router), (8, "192.0.0.1".parse().unwrap()));
        let uppers: Vec<_> = std::iter::from_fn(|| pools.take_lowest_prefix()).collect();
        assert_eq!(
            uppers,
            [
                0x2002_0010_0000_0000,
                0x2002_0010_0000_0001,
                0x2002_0010_0000_0002,
                0x2002_0010_0000_0003
            ]
        );
    }

    #[test]
    fn router_subnet_and_broadcast_addresses_are_never_handed_out() {
        for start in ["10.0.0.0", "10.0.0.1", "10.0.0.2"] {
            let mut pools = pools(Some((start, 29)), None);
            assert_eq!(pools.usage().0, Some(Usage { taken: 0, size: 5 }), "{start}");
            for refused in ["10.0.0.0", "10.0.0.1", "10.0.0.7", "10.0.0.8", "9.255.255.255"] {
                assert_eq!(pools.take_ipv4(Some(refused.parse().unwrap())), None, "{refused}");
            }
            let all: Vec<_> = std::iter::from_fn(|| pools.take_ipv4(None))
                .map(|home| home.address.octets()[3])
                .collect();
            assert_eq!(all, [2, 3, 4, 5, 6], "{start}");
            assert_eq!(pools.usage().0, Some(Usage { taken: 5, size: 5 }), "{start}");
        }
    }

    #[test]
    fn blocks_of_any_length_are_pools() {
        for len in 0..=64 {
            let mut pools = pools(None, Some(("ffff:ffff:ffff:fffe::", len)));
            assert_eq!(pools.take_lowest_prefix(), Some(0xffff_ffff_ffff_fffe), "{len}");
            assert_eq!(pools.take_lowest_prefix().is_some(), len < 64, "{len}");
            assert_eq!(pools.take_lowest_prefix(), None, "{len}");
        }
        for len in 0..=32 {
            let mut pools = pools(Some(("255.255.255.250", len)), None);
            assert_eq!(pools.take_ipv4(None).is_some(), len <= 30, "{len}");
        }
        let mut large = pools(None, Some(("2001:db8::", 8)));
        assert_eq!(large.usage().1.unwrap().size, 1 << 24);
        assert!(!large.take_prefix(upper_half("2001:db9::".parse().unwrap())));
    }

    #[test]
    fn ranges_are_emptied_one_after_the_other_and_each_takes_back_its_own() {
        let range = |from: &str, to: &str| Ipv4Pool {
            start: from.parse().unwrap(),
            last: Some(to.parse().unwrap()),
            prefix_len: 24,
        };
        let block = |start: &str| Ipv6Pool { start: start.parse().unwrap(), prefix_len: 63 };
        // Two of one subnet, the second with its router, and one of another.
        let ipv4 = vec![
            range("10.0.0.10", "10.0.0.11"),
            range("10.0.0.1", "10.0.0.2"),
            range("10.9.0.7", "10.9.0.7"),
        ];
        let ipv6 = vec![block("2001:db8:1::"), block("2001:db8:2::")];
        let network = Network { ipv4, ipv6, ..Network::default() };
        assert_eq!(network.home_blocks().count(), 4, "a subnet once");
        let mut pools = Pools::new(&network);
        let wanted: Ipv4Addr = "10.9.0.7".parse().unwrap();
        let home = pools.take_ipv4(Some(wanted)).unwrap();
        assert_eq!((home.address, home.router), (wanted, "10.9.0.1".parse().unwrap()));
        let given: Vec<_> =
            std::iter::from_fn(|| pools.take_ipv4(None)).map(|h| h.address.octets()[3]).collect();
        assert_eq!(given, [10, 11, 2], "the router's own is nobody's");
        let uppers = std::iter::from_fn(|| pools.take_lowest_prefix()).count();
        assert_eq!(uppers, 4);
        let full = |size| Some(Usage { taken: size, size });
        assert_eq!(pools.usage(), (full(4), full(4)));
        for last in [11, 2] {
            assert!(pools.release_ipv4(Ipv4Addr::new(10, 0, 0, last)));
        }
        assert!(pools.release_ipv4(wanted) && !pools.release_ipv4(wanted));
        assert_eq!(pools.usage().0, Some(Usage { taken: 1, size: 4 }));
        assert_eq!(pools.take_ipv4(None).unwrap().address.octets()[3], 11);
    }
}
