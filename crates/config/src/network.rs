//! Sets of pools: what the anchor hands out.

use std::net::{Ipv4Addr, Ipv6Addr};

use kedge_grammar::{Args, Datum, Item, Writer};

use crate::key::Key;
use crate::shared;

/// A set of pools.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NetworkConfig {
    /// Its name.
    pub name: String,
    /// IPv4 home addresses.
    pub ipv4: Option<Ipv4Pool>,
    /// Home network prefixes.
    pub ipv6: Option<Ipv6Pool>,
    /// IPv4 prefixes of mobile networks.
    pub mobile_ipv4: Vec<MobileIpv4Pool>,
    /// IPv6 prefixes of mobile networks.
    pub mobile_ipv6: Vec<MobileIpv6Pool>,
    /// IPv4 home addresses from a pool of [`LocalPools`](crate::LocalPools), of a subnet with this
    /// prefix length.
    pub named_ipv4: Option<NamedPool>,
    /// Home network prefixes from one.
    pub named_ipv6: Option<NamedPool>,
    /// Name servers of the mobile nodes, in order of preference.
    pub dns: Vec<Ipv4Addr>,
}

/// A pool of IPv4 home addresses: the prefix around `start`, from `start` on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ipv4Pool {
    /// The first address handed out.
    pub start: Ipv4Addr,
    /// Length of the prefix that is the pool, 8 to 30.
    pub prefix_len: u8,
}

/// A pool of /64 home network prefixes: the prefix around `start`, from `start`'s /64 on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ipv6Pool {
    /// An address in the first prefix handed out.
    pub start: Ipv6Addr,
    /// Length of the prefix that is the pool, 8 to 62.
    pub prefix_len: u8,
}

/// A pool of IPv4 prefixes of mobile networks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MobileIpv4Pool {
    /// An address in the first prefix handed out.
    pub start: Ipv4Addr,
    /// Length of the prefix that is the pool, 8 to 30.
    pub prefix_len: u8,
    /// Length of each prefix handed out; not less.
    pub network_len: u8,
}

/// A pool of IPv6 prefixes of mobile networks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MobileIpv6Pool {
    /// An address in the first prefix handed out.
    pub start: Ipv6Addr,
    /// Length of the prefix that is the pool, 8 to 64.
    pub prefix_len: u8,
    /// Length of each prefix handed out; not less.
    pub network_len: u8,
}

/// A pool of [`LocalPools`](crate::LocalPools), by its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedPool {
    /// The pool's name.
    pub pool: String,
    /// Length of the subnet that its addresses are of; of no meaning for prefixes, which are /64s.
    pub prefix_len: u8,
}

impl NetworkConfig {
    pub(crate) fn read(item: &Item<Key>) -> Self {
        let section = item.section();
        let len = |args: &Args| args.integer("POOL-PREFIX");
        let network_len = |args: &Args| args.integer("NETWORK-PREFIX");
        let mobile_ipv4 = |args: &Args| {
            let (prefix_len, network_len) = (len(args)?, network_len(args)?);
            Some(MobileIpv4Pool { start: args.ipv4("ADDRESS")?, prefix_len, network_len })
        };
        let mobile_ipv6 = |args: &Args| {
            let (prefix_len, network_len) = (len(args)?, network_len(args)?);
            Some(MobileIpv6Pool { start: args.ipv6("ADDRESS")?, prefix_len, network_len })
        };
        let ipv4 =
            |args: Args| Some(Ipv4Pool { start: args.ipv4("ADDRESS")?, prefix_len: len(&args)? });
        let ipv6 =
            |args: Args| Some(Ipv6Pool { start: args.ipv6("ADDRESS")?, prefix_len: len(&args)? });
        let each_ipv4 = section.each(Key::NetworkPoolIpv4);
        let each_ipv6 = section.each(Key::NetworkPoolIpv6);
        let named = |item: &Item<Key>| NamedPool {
            pool: shared::name(&item.args, "POOL"),
            prefix_len: item.args.integer("LENGTH").expect("the table makes it mandatory"),
        };
        let dns = section.find(Key::Dns).into_iter();
        let dns = dns.flat_map(|item| ["PRIMARY", "SECONDARY"].map(|name| item.args.ipv4(name)));
        Self {
            name: shared::name(&item.args, "NAME"),
            ipv4: section.find(Key::PoolIpv4).and_then(|item| ipv4(item.args.clone())),
            ipv6: section.find(Key::PoolIpv6).and_then(|item| ipv6(item.args.clone())),
            mobile_ipv4: each_ipv4.filter_map(|item| mobile_ipv4(&item.args)).collect(),
            mobile_ipv6: each_ipv6.filter_map(|item| mobile_ipv6(&item.args)).collect(),
            named_ipv4: section.find(Key::NamedPoolIpv4).map(named),
            named_ipv6: section.find(Key::NamedPoolIpv6).map(named),
            dns: dns.flatten().collect(),
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer<Key>) {
        let name = Args::default().with("NAME", Datum::Text(self.name.clone()));
        writer.block(Key::Network, name, |writer| {
            if let Some(pool) = self.ipv4 {
                writer.put(Key::PoolIpv4, pool_args(Datum::Ipv4(pool.start), pool.prefix_len));
            }
            if let Some(pool) = self.ipv6 {
                writer.put(Key::PoolIpv6, pool_args(Datum::Ipv6(pool.start), pool.prefix_len));
            }
            for pool in &self.mobile_ipv4 {
                let args = pool_args(Datum::Ipv4(pool.start), pool.prefix_len);
                let len = Datum::Integer(pool.network_len.into());
                writer.put(Key::NetworkPoolIpv4, args.with("NETWORK-PREFIX", len));
            }
            for pool in &self.mobile_ipv6 {
                let args = pool_args(Datum::Ipv6(pool.start), pool.prefix_len);
                let len = Datum::Integer(pool.network_len.into());
                writer.put(Key::NetworkPoolIpv6, args.with("NETWORK-PREFIX", len));
            }
            let named =
                [(Key::NamedPoolIpv4, &self.named_ipv4), (Key::NamedPoolIpv6, &self.named_ipv6)];
            for (key, pool) in named {
                let Some(pool) = pool else { continue };
                let args = Args::default()
                    .with("POOL", Datum::Text(pool.pool.clone()))
                    .with("LENGTH", Datum::Integer(pool.prefix_len.into()));
                writer.put(key, args);
            }
            if !self.dns.is_empty() {
                let mut args = Args::default();
                for (name, server) in ["PRIMARY", "SECONDARY"].into_iter().zip(&self.dns) {
                    args.push(name, Datum::Ipv4(*server));
                }
                writer.put(Key::Dns, args);
            }
        });
    }
}

fn pool_args(start: Datum, prefix_len: u8) -> Args {
    Args::default().with("ADDRESS", start).with("POOL-PREFIX", Datum::Integer(prefix_len.into()))
}
