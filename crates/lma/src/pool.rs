//! Address pools: which addresses of a network are handed out.
//!
//! A pool hands out the lowest free address from its start. One pool holds at most 2^24 of them,
//! more than any anchor has bindings; what a larger block has beyond that stays unused.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use kedge_model::{IpNet, Ipv4Net};

use crate::addresses::{HomeAddresses, Ipv4Home, host, prefix};
use crate::claims::{self, Claims};
use crate::mobile_networks::MobileNetworks;
use crate::ranges::{Ipv4Addresses, Ipv6Prefixes, usage};
use crate::rejection::Denial;
use crate::settings::{MobileNetworkPool, Network, Settings, Unchecked};
use crate::usage::Usage;

/// Names a network for as long as the anchor lives, across changes of its settings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NetworkId(u32);

/// The pools of all networks.
#[derive(Debug, Default)]
pub(crate) struct Networks {
    ids: BTreeMap<String, NetworkId>,
    /// By [`NetworkId`]; `None` for a network that is no longer configured.
    pools: Vec<Option<Pools>>,
    /// Whether any of them has prefixes for mobile networks.
    delegate: bool,
    /// What is held of no pool.
    claims: Claims,
    /// How many prefixes mobile networks hold.
    delegated: Delegated,
}

/// What nodes hold of one network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held<'n> {
    pools: &'n Pools,
    claims: &'n Claims,
}

/// How many prefixes mobile networks hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Delegated {
    /// Of IPv4.
    pub ipv4: u32,
    /// Of IPv6.
    pub ipv6: u32,
}

/// The pools of one network.
#[derive(Debug)]
pub(crate) struct Pools {
    ipv4: Vec<Ipv4Addresses>,
    ipv6: Vec<Ipv6Prefixes>,
    mobile_networks: Vec<MobileNetworks>,
    unchecked: Unchecked,
}

impl Networks {
    pub fn id(&self, name: &str) -> Option<NetworkId> {
        let id = *self.ids.get(name)?;
        self.pools(id).is_some().then_some(id)
    }

    pub fn pools(&self, id: NetworkId) -> Option<&Pools> {
        self.pools.get(id.0 as usize)?.as_ref()
    }

    pub fn pools_mut(&mut self, id: NetworkId) -> Option<&mut Pools> {
        self.pools.get_mut(id.0 as usize)?.as_mut()
    }

    /// What nodes hold of a network.
    pub fn held(&self, id: NetworkId) -> Option<Held<'_>> {
        self.pools(id).map(|pools| Held { pools, claims: &self.claims })
    }

    /// Whether an address is of what gateways have brought.
    pub fn is_claimed(&self, address: IpAddr) -> bool {
        self.claims.is_held(IpNet::from(address))
    }

    /// Takes one home network prefix, if it is of the network's pool and free, or of no pool in a
    /// network that does not mind.
    pub fn take_prefix(&mut self, id: NetworkId, upper: u64) -> bool {
        let Some(pools) = self.pools_mut(id) else { return false };
        pools.take_prefix(upper)
            || pools.unchecked.has_homes() && self.claims.take(IpNet::V6(prefix(upper)))
    }

    /// Takes the lowest free home network prefix.
    pub fn take_lowest_prefix(&mut self, id: NetworkId) -> Option<u64> {
        self.pools_mut(id)?.take_lowest_prefix()
    }

    /// Takes the IPv4 home address that is wanted, on the terms of [`Self::take_prefix`], or the
    /// lowest free one.
    pub fn take_ipv4(&mut self, id: NetworkId, wanted: Option<Ipv4Net>) -> Option<Ipv4Home> {
        let pools = self.pools_mut(id)?;
        let home = pools.take_ipv4(wanted.map(|wanted| wanted.addr()));
        if home.is_some() || !pools.unchecked.has_homes() {
            return home;
        }
        let home = claims::home(wanted?)?;
        self.claims.take(host(home.address)).then_some(home)
    }

    /// Takes back all of `addresses`; those of a pool that is gone are nobody's any more.
    pub fn release(&mut self, id: NetworkId, addresses: &HomeAddresses) {
        for upper in addresses.prefixes.upper_halves() {
            if !self.pools_mut(id).is_some_and(|pools| pools.release_prefix(upper)) {
                self.claims.release(IpNet::V6(prefix(upper)));
            }
        }
        if let Some(Ipv4Home { address, .. }) = addresses.ipv4
            && !self.pools_mut(id).is_some_and(|pools| pools.release_ipv4(address))
        {
            self.claims.release(host(address));
        }
    }

    /// Takes the lowest free prefix for a mobile network, from the first pool that has one.
    pub fn take_lowest_delegated(&mut self, id: NetworkId, ipv4: bool) -> Result<IpNet, Denial> {
        let pools = self.pools_mut(id).ok_or(Denial::DelegationNotAuthorized)?;
        let prefix = pools.take_lowest_delegated(ipv4)?;
        *self.delegated.of_mut(ipv4) += 1;
        Ok(prefix)
    }

    /// Takes one prefix for a mobile network, if it is of a pool of the network and free, or of no
    /// pool in a network that does not mind.
    pub fn take_delegated(&mut self, id: NetworkId, prefix: IpNet) -> bool {
        let Some(pools) = self.pools_mut(id) else { return false };
        let taken = pools.take_delegated(prefix)
            || pools.unchecked.has_mobile_networks() && self.claims.take(prefix);
        *self.delegated.of_mut(prefix.addr().is_ipv4()) += u32::from(taken);
        taken
    }

    /// How many prefixes mobile networks hold.
    pub fn delegated(&self) -> Delegated {
        self.delegated
    }

    /// Whether the anchor delegates prefixes to mobile networks at all (RFC 7148 §5.2.2).
    pub fn delegate(&self) -> bool {
        self.delegate
    }

    /// Whether mobile networks of this network have the prefixes that AAA has named, and no others.
    pub fn delegates_by_name(&self, id: NetworkId) -> bool {
        self.pools(id).is_some_and(|pools| pools.unchecked == Unchecked::NamedByAaa)
    }

    /// Takes back prefixes of mobile networks.
    pub fn release_delegated(&mut self, id: NetworkId, prefixes: &[IpNet]) {
        for &prefix in prefixes {
            if !self.pools_mut(id).is_some_and(|pools| pools.release_delegated(prefix)) {
                self.claims.release(prefix);
            }
            let count = self.delegated.of_mut(prefix.addr().is_ipv4());
            *count = count.saturating_sub(1);
        }
    }

    /// Replaces the configured pools. `held` is what bindings have; it stays taken wherever the
    /// new pools contain it, and is nobody else's where none does.
    pub fn replace<'h>(
        &mut self,
        settings: &Settings,
        held: impl Iterator<Item = (NetworkId, HomeAddresses, &'h [IpNet])>,
    ) {
        let delegates = |network: &Network| {
            !network.mobile_networks.is_empty() || network.unchecked.has_mobile_networks()
        };
        self.delegate = settings.networks.values().any(delegates);
        self.claims = Claims::new(settings);
        self.delegated = Delegated::default();
        self.pools.iter_mut().for_each(|pools| *pools = None);
        for (name, network) in &settings.networks {
            let pools = Some(Pools {
                unchecked: network.unchecked,
                ipv4: network.ipv4.iter().copied().map(Ipv4Addresses::new).collect(),
                ipv6: network.ipv6.iter().copied().map(Ipv6Prefixes::new).collect(),
                mobile_networks: network
                    .mobile_networks
                    .iter()
                    .copied()
                    .map(MobileNetworks::new)
                    .collect(),
            });
            match self.ids.get(name) {
                Some(id) => self.pools[id.0 as usize] = pools,
                None => {
                    let id = u32::try_from(self.pools.len()).expect("fewer than 2^32 networks");
                    self.ids.insert(name.clone(), NetworkId(id));
                    self.pools.push(pools);
                }
            }
        }
        for (id, addresses, delegated) in held {
            self.keep(id, &addresses, delegated);
        }
    }

    fn keep(&mut self, id: NetworkId, addresses: &HomeAddresses, delegated: &[IpNet]) {
        for upper in addresses.prefixes.upper_halves() {
            if !self.pools_mut(id).is_some_and(|pools| pools.take_prefix(upper)) {
                self.claims.keep(IpNet::V6(prefix(upper)));
            }
        }
        if let Some(Ipv4Home { address, .. }) = addresses.ipv4
            && self.pools_mut(id).and_then(|pools| pools.take_ipv4(Some(address))).is_none()
        {
            self.claims.keep(host(address));
        }
        for &prefix in delegated {
            if !self.pools_mut(id).is_some_and(|pools| pools.take_delegated(prefix)) {
                self.claims.keep(prefix);
            }
            *self.delegated.of_mut(prefix.addr().is_ipv4()) += 1;
        }
    }
}

impl Held<'_> {
    /// Whether a binding holds this prefix.
    pub fn has_prefix(&self, upper: u64) -> bool {
        let held = |pool: &Ipv6Prefixes| pool.number(upper).is_some_and(|n| pool.taken.is_taken(n));
        self.pools.ipv6.iter().any(held) || self.claims.is_held(IpNet::V6(prefix(upper)))
    }

    /// Whether a binding holds this address.
    pub fn has_ipv4(&self, address: Ipv4Addr) -> bool {
        let held = |pool: &Ipv4Addresses| {
            address != pool.router && pool.number(address).is_some_and(|n| pool.taken.is_taken(n))
        };
        self.pools.ipv4.iter().any(held) || self.claims.is_held(host(address))
    }
}

impl Delegated {
    /// Of one family.
    pub fn of(self, ipv4: bool) -> u32 {
        if ipv4 { self.ipv4 } else { self.ipv6 }
    }

    fn of_mut(&mut self, ipv4: bool) -> &mut u32 {
        if ipv4 { &mut self.ipv4 } else { &mut self.ipv6 }
    }
}

impl Pools {
    pub fn has_ipv4(&self) -> bool {
        !self.ipv4.is_empty() || self.unchecked.has_homes()
    }

    pub fn has_ipv6(&self) -> bool {
        !self.ipv6.is_empty() || self.unchecked.has_homes()
    }

    /// How much is in use, of IPv4 and of IPv6.
    pub fn usage(&self) -> (Option<Usage>, Option<Usage>) {
        let ipv4 = self.ipv4.iter().map(Ipv4Addresses::usage);
        let ipv6 = self.ipv6.iter().map(|pool| usage(&pool.taken));
        (ipv4.reduce(Usage::with), ipv6.reduce(Usage::with))
    }

    /// How much of each pool for mobile networks is in use.
    pub fn delegated_usage(&self) -> impl Iterator<Item = (MobileNetworkPool, Usage)> + '_ {
        self.mobile_networks.iter().map(MobileNetworks::usage)
    }

    fn take_lowest_delegated(&mut self, is_ipv4: bool) -> Result<IpNet, Denial> {
        let mut pools =
            self.mobile_networks.iter_mut().filter(|pool| pool.is_ipv4() == is_ipv4).peekable();
        if pools.peek().is_none() {
            return Err(Denial::DelegationNotAuthorized);
        }
        pools.find_map(MobileNetworks::take_lowest).ok_or(Denial::PoolExhausted)
    }

    fn take_delegated(&mut self, prefix: IpNet) -> bool {
        self.mobile_networks.iter_mut().any(|pool| pool.take(prefix))
    }

    fn release_delegated(&mut self, prefix: IpNet) -> bool {
        self.mobile_networks.iter_mut().any(|pool| pool.release(prefix))
    }

    fn take_lowest_prefix(&mut self) -> Option<u64> {
        self.ipv6.iter_mut().find_map(|pool| {
            let number = pool.taken.take_lowest()?;
            Some(pool.first + u64::from(number))
        })
    }

    /// Takes one prefix, if it is of this network and free.
    fn take_prefix(&mut self, upper: u64) -> bool {
        let take = |pool: &mut Ipv6Prefixes| {
            pool.number(upper).is_some_and(|number| pool.taken.take(number))
        };
        self.ipv6.iter_mut().any(take)
    }

    fn release_prefix(&mut self, upper: u64) -> bool {
        let release = |pool: &mut Ipv6Prefixes| {
            pool.number(upper).is_some_and(|number| pool.taken.release(number))
        };
        self.ipv6.iter_mut().any(release)
    }

    /// Takes `wanted`, if it is of this network and free, or the lowest free address.
    fn take_ipv4(&mut self, wanted: Option<Ipv4Addr>) -> Option<Ipv4Home> {
        self.ipv4.iter_mut().find_map(|pool| {
            let number = match wanted {
                Some(address) => {
                    let number = pool.number(address)?;
                    (address != pool.router && pool.taken.take(number)).then_some(number)?
                }
                None => pool.taken.take_lowest()?,
            };
            let address = Ipv4Addr::from_bits(pool.first + number);
            Some(Ipv4Home { address, prefix_len: pool.prefix_len, router: pool.router })
        })
    }

    fn release_ipv4(&mut self, address: Ipv4Addr) -> bool {
        self.ipv4.iter_mut().any(|pool| {
            // A binding of an earlier pool may hold what is the router's in this one.
            let number = pool.number(address).filter(|_| address != pool.router);
            number.is_some_and(|number| pool.taken.release(number))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addresses::upper_half;
    use crate::settings::{Ipv4Pool, Ipv6Pool};

    fn settings(ipv4: Option<(&str, u8)>, ipv6: Option<(&str, u8)>) -> Settings {
        let ipv4 = ipv4.map(|(start, prefix_len)| Ipv4Pool {
            start: start.parse().unwrap(),
            last: None,
            prefix_len,
        });
        let ipv6 =
            ipv6.map(|(start, prefix_len)| Ipv6Pool { start: start.parse().unwrap(), prefix_len });
        let (ipv4, ipv6) = (ipv4.into_iter().collect(), ipv6.into_iter().collect());
        let network = Network { ipv4, ipv6, ..Network::default() };
        let networks = BTreeMap::from([("n".to_owned(), network)]);
        Settings { networks, ..Settings::default() }
    }

    fn pools(ipv4: Option<(&str, u8)>, ipv6: Option<(&str, u8)>) -> Pools {
        let mut all = Networks::default();
        all.replace(&settings(ipv4, ipv6), std::iter::empty());
        all.pools[0].take().unwrap()
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
        let networks = BTreeMap::from([("n".to_owned(), network)]);
        let mut all = Networks::default();
        all.replace(&Settings { networks, ..Settings::default() }, std::iter::empty());
        let id = all.id("n").unwrap();
        let pools = all.pools_mut(id).unwrap();
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

    #[test]
    fn addresses_in_use_stay_taken_when_the_pools_change() {
        let mut all = Networks::default();
        all.replace(
            &settings(Some(("10.0.0.2", 24)), Some(("2001:db8::", 48))),
            std::iter::empty(),
        );
        let id = all.id("n").unwrap();
        let pools = all.pools_mut(id).unwrap();
        let mut held = HomeAddresses { ipv4: pools.take_ipv4(None), ..Default::default() };
        assert!(held.prefixes.push(pools.take_lowest_prefix().unwrap()));

        all.replace(
            &settings(Some(("10.0.0.2", 25)), Some(("2001:db8::", 40))),
            [(id, held, &[][..])].into_iter(),
        );
        let pools = all.pools_mut(id).unwrap();
        assert_eq!(pools.take_ipv4(None).unwrap().address, Ipv4Addr::new(10, 0, 0, 3));
        assert_eq!(pools.take_lowest_prefix(), Some(0x2001_0db8_0000_0001));

        all.replace(&Settings::default(), [(id, held, &[][..])].into_iter());
        assert!(all.id("n").is_none() && all.pools(id).is_none());
        all.release(id, &held);
    }
}
