//! Pools that are defined outside of the anchor and named by its networks, as IOS XE has them.

use std::net::{IpAddr, Ipv4Addr};

use kedge_grammar::{Args, Datum, Item, Section, Writer};
use kedge_model::{Ipv4Net, Ipv6Net};

use crate::key::Key;
use crate::{Config, NamedPool, shared};

/// The pools of a configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LocalPools {
    /// Ranges of IPv4 addresses; those of one name are one pool.
    pub ipv4: Vec<LocalIpv4Pool>,
    /// Blocks of IPv6 prefixes, likewise.
    pub ipv6: Vec<LocalIpv6Pool>,
}

/// A range of IPv4 addresses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalIpv4Pool {
    /// Its name.
    pub name: String,
    /// The first address.
    pub first: Ipv4Addr,
    /// The last one.
    pub last: Ipv4Addr,
}

/// A block of IPv6 prefixes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalIpv6Pool {
    /// Its name.
    pub name: String,
    /// The block.
    pub block: Ipv6Net,
    /// The length of each prefix handed out.
    pub assigned_len: u8,
}

impl Config {
    /// The ranges that a network's pool of home addresses is.
    pub fn local_ipv4_pool(&self, named: &NamedPool) -> impl Iterator<Item = &LocalIpv4Pool> {
        self.local_pools.ipv4.iter().filter(|range| range.name == named.pool)
    }

    /// The blocks that a network's pool of home network prefixes is.
    pub fn local_ipv6_pool(&self, named: &NamedPool) -> impl Iterator<Item = &LocalIpv6Pool> {
        self.local_pools.ipv6.iter().filter(|block| block.name == named.pool)
    }
}

impl LocalIpv4Pool {
    /// The subnet that its addresses are of where they are given out with this prefix length, if
    /// it is one subnet.
    pub fn subnet(&self, prefix_len: u8) -> Option<Ipv4Net> {
        let subnet = Ipv4Net::new(self.first, prefix_len).ok()?.trunc();
        subnet.contains(&self.last).then_some(subnet)
    }
}

impl LocalPools {
    pub(crate) fn read(section: Section<'_, Key>) -> Self {
        let ipv4 = section.each(Key::LocalPoolIpv4).filter_map(|Item { args, .. }| {
            let first = args.ipv4("FIRST")?;
            let last = args.ipv4("LAST").unwrap_or(first);
            Some(LocalIpv4Pool { name: shared::name(args, "POOL"), first, last })
        });
        let ipv6 = section.each(Key::LocalPoolIpv6).filter_map(|Item { args, .. }| {
            let (IpAddr::V6(address), len) = args.prefix("PREFIX")? else { return None };
            let (block, assigned_len) =
                (Ipv6Net::new(address, len).ok()?, args.integer("ASSIGNED")?);
            Some(LocalIpv6Pool { name: shared::name(args, "POOL"), block, assigned_len })
        });
        Self { ipv4: ipv4.collect(), ipv6: ipv6.collect() }
    }

    pub(crate) fn write(&self, writer: &mut Writer<Key>) {
        let name = |name: &str| Args::default().with("POOL", Datum::Text(name.to_owned()));
        for LocalIpv4Pool { name: pool, first, last } in &self.ipv4 {
            let mut args = name(pool).with("FIRST", Datum::Ipv4(*first));
            if first != last {
                args.push("LAST", Datum::Ipv4(*last));
            }
            writer.put(Key::LocalPoolIpv4, args);
        }
        for LocalIpv6Pool { name: pool, block, assigned_len } in &self.ipv6 {
            let args = name(pool)
                .with("PREFIX", Datum::Prefix(block.addr().into(), block.prefix_len()))
                .with("ASSIGNED", Datum::Integer((*assigned_len).into()));
            writer.put(Key::LocalPoolIpv6, args);
        }
    }
}
