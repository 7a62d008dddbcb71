//! The networks of an anchor: what nodes hold of each, from its pools or as they brought it.
//!
//! A network keeps its number for as long as the anchor lives, so that what bindings hold is given
//! back to the right one after its settings have changed.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use kedge_model::{IpNet, Ipv4Net};

use crate::addresses::{HomeAddresses, Ipv4Home, host, prefix};
use crate::claims::{self, Claims};
use crate::pools::Pools;
use crate::rejection::Denial;
use crate::settings::{Network, Settings, Unchecked};

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
            || pools.unchecked().has_homes() && self.claims.take(IpNet::V6(prefix(upper)))
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
        if home.is_some() || !pools.unchecked().has_homes() {
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
            || pools.unchecked().has_mobile_networks() && self.claims.take(prefix);
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
        self.pools(id).is_some_and(|pools| pools.unchecked() == Unchecked::NamedByAaa)
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
            let pools = Some(Pools::new(network));
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
        self.pools.holds_prefix(upper) || self.claims.is_held(IpNet::V6(prefix(upper)))
    }

    /// Whether a binding holds this address.
    pub fn has_ipv4(&self, address: Ipv4Addr) -> bool {
        self.pools.holds_ipv4(address) || self.claims.is_held(host(address))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Ipv4Pool, Ipv6Pool};

    fn settings(ipv4_len: u8, ipv6_len: u8) -> Settings {
        let ipv4 = Ipv4Pool { start: Ipv4Addr::new(10, 0, 0, 2), last: None, prefix_len: ipv4_len };
        let ipv6 = Ipv6Pool { start: "2001:db8::".parse().unwrap(), prefix_len: ipv6_len };
        let network = Network { ipv4: vec![ipv4], ipv6: vec![ipv6], ..Network::default() };
        let networks = BTreeMap::from([("n".to_owned(), network)]);
        Settings { networks, ..Settings::default() }
    }

    #[test]
    fn addresses_in_use_stay_taken_when_the_pools_change() {
        let mut all = Networks::default();
        all.replace(&settings(24, 48), std::iter::empty());
        let id = all.id("n").unwrap();
        let pools = all.pools_mut(id).unwrap();
        let mut held = HomeAddresses { ipv4: pools.take_ipv4(None), ..Default::default() };
        assert!(held.prefixes.push(pools.take_lowest_prefix().unwrap()));

        all.replace(&settings(25, 40), [(id, held, &[][..])].into_iter());
        let pools = all.pools_mut(id).unwrap();
        assert_eq!(pools.take_ipv4(None).unwrap().address, Ipv4Addr::new(10, 0, 0, 3));
        assert_eq!(pools.take_lowest_prefix(), Some(0x2001_0db8_0000_0001));

        all.replace(&Settings::default(), [(id, held, &[][..])].into_iter());
        assert!(all.id("n").is_none() && all.pools(id).is_none());
        all.release(id, &held);
    }
}
