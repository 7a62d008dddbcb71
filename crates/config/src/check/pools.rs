//! Pools: none overlaps another one of its routing world, and what is handed out fits in.

mod local;

use std::net::IpAddr;

use kedge_grammar::{Item, Section};
use kedge_model::IpNet;

use super::findings::Findings;
use crate::key::Key;
use crate::{Caution, Config, ConfigFault};

pub(super) use local::defined;

/// A pool, the network it is of, and its line.
struct Pool<'a> {
    net: IpNet,
    network: &'a str,
    line: &'a Item<Key>,
}

impl Pool<'_> {
    /// The argument of its line that says which addresses they are.
    fn argument(&self) -> &'static str {
        if self.line.args.has("ADDRESS") { "ADDRESS" } else { "POOL" }
    }
}

/// Checks the networks of one routing world. Two pools with an address in common would give it to
/// two nodes. `own` are the addresses that the anchor has in that world.
pub(super) fn check(
    config: &Config,
    section: Section<'_, Key>,
    own: &[IpAddr],
    findings: &mut Findings,
) {
    let mut pools = Vec::new();
    for network in section.each(Key::Network) {
        let name = network.args.text("NAME").unwrap_or_default();
        let lines = network.section();
        for key in [Key::PoolIpv4, Key::PoolIpv6, Key::NetworkPoolIpv4, Key::NetworkPoolIpv6] {
            for line in lines.each(key) {
                fits(line, findings);
                pools.extend(net(line).map(|net| Pool { net, network: name, line }));
            }
        }
        for (named, other) in
            [(Key::NamedPoolIpv4, Key::PoolIpv4), (Key::NamedPoolIpv6, Key::PoolIpv6)]
        {
            let Some(line) = lines.find(named) else { continue };
            lines.find(other).iter().for_each(|other| findings.exclude(other, line));
            let nets = local::nets(config, line, findings);
            pools.extend(nets.into_iter().map(|net| Pool { net, network: name, line }));
        }
    }
    without(own, &pools, findings);
    overlaps(pools, findings);
}

/// The anchor's own address, in the same routing world, is no node's.
fn without(addresses: &[IpAddr], pools: &[Pool<'_>], findings: &mut Findings) {
    for pool in pools {
        for address in addresses.iter().copied().filter(|address| pool.net.contains(address)) {
            findings.warn(&pool.line.place_of(pool.argument()), Caution::PoolHasOwn { address });
        }
    }
}

fn net(line: &Item<Key>) -> Option<IpNet> {
    let start = line.args.ip("ADDRESS")?;
    Some(IpNet::new(start, line.args.integer("POOL-PREFIX")?).ok()?.trunc())
}

/// A prefix that is handed out is not larger than the pool.
fn fits(line: &Item<Key>, findings: &mut Findings) {
    let len = |name| line.args.integer::<u64>(name);
    let (Some(least), Some(most)) = (len("POOL-PREFIX"), len("NETWORK-PREFIX")) else { return };
    if least > most {
        let (least_name, most_name) = ("pool-prefix", "network-prefix");
        let fault = ConfigFault::Order { least_name, least, most_name, most };
        findings.error(&line.place_of("NETWORK-PREFIX"), fault);
    }
}

/// Sorted, a pool comes right behind those that it is in.
fn overlaps(mut pools: Vec<Pool<'_>>, findings: &mut Findings) {
    pools.sort_by_key(|pool| (pool.net.addr(), pool.net.prefix_len(), pool.line.place.nth));
    let mut around: Vec<Pool<'_>> = Vec::new();
    for pool in pools {
        while around.last().is_some_and(|outer| !outer.net.contains(&pool.net)) {
            around.pop();
        }
        if let Some(outer) = around.last() {
            let (first, second) = match outer.line.place.nth <= pool.line.place.nth {
                true => (outer, &pool),
                false => (&pool, outer),
            };
            let network = first.network.to_owned();
            let at = first.line.place.seen_from(&second.line.place);
            let fault = ConfigFault::PoolsOverlap { network, at };
            findings.error(&second.line.place_of(second.argument()), fault);
        }
        around.push(pool);
    }
}
