//! Pools that are defined outside of the anchor: what they are, and whether a network can use them.

use kedge_grammar::{Item, Section};
use kedge_model::IpNet;

use super::Findings;
use crate::key::Key;
use crate::{Caution, Config, ConfigFault, NamedPool, shared};

/// The lengths of subnets that home addresses are of, as of pools with a start address.
const SUBNETS: std::ops::RangeInclusive<u8> = 8..=30;
/// The length of home network prefixes.
const HOME_PREFIX: u8 = 64;

/// Checks the pools by themselves.
pub(in crate::check) fn defined(section: Section<'_, Key>, findings: &mut Findings) {
    for line in section.each(Key::LocalPoolIpv4) {
        let address = |name| line.args.ipv4(name);
        if address("LAST").is_some_and(|last| address("FIRST").is_some_and(|first| first > last)) {
            unfit(line, "LAST", "its last address is before its first", findings);
        }
    }
    for line in section.each(Key::LocalPoolIpv6) {
        let (block, each) = (line.args.prefix("PREFIX"), line.args.integer("ASSIGNED"));
        let (Some((_, len)), Some(most)) = (block, each) else { continue };
        let least = u64::from(len);
        if least > most {
            let (least_name, most_name) = ("the pool's length", "that of each prefix");
            let fault = ConfigFault::Order { least_name, least, most_name, most };
            findings.error(&line.place_of("ASSIGNED"), fault);
        }
    }
    for key in [Key::LocalPoolIpv4, Key::LocalPoolIpv6] {
        let lines: Vec<_> = section.each(key).collect();
        for (nth, line) in lines.iter().enumerate() {
            let same = |other: &&&Item<Key>| other.args.text("POOL") == line.args.text("POOL");
            if lines[..nth].iter().any(|other| same(&other)) {
                let why = "it is defined already; each part of a pool needs a name of its own";
                unfit(line, "POOL", why, findings);
            }
        }
    }
}

/// The addresses that a network's line names, if they can be its. A pool that is not in the text
/// may be in another one.
pub(super) fn net(config: &Config, line: &Item<Key>, findings: &mut Findings) -> Option<IpNet> {
    let prefix_len = line.args.integer("LENGTH")?;
    let named = NamedPool { pool: shared::name(&line.args, "POOL"), prefix_len };
    let is_ipv4 = line.row.key == Key::NamedPoolIpv4;
    if !is_ipv4 && prefix_len != HOME_PREFIX {
        findings.warn(&line.place_of("LENGTH"), Caution::HomePrefixIs64);
    }
    let (ipv4, ipv6) = (config.local_ipv4_pool(&named), config.local_ipv6_pool(&named));
    match (is_ipv4, ipv4, ipv6) {
        (true, Some(_), _) if !SUBNETS.contains(&prefix_len) => {
            unfit(line, "LENGTH", "home addresses are of a subnet of 8 to 30 bits", findings);
            None
        }
        (true, Some(pool), _) => {
            let subnet = pool.subnet(prefix_len);
            if subnet.is_none() {
                unfit(line, "LENGTH", "its addresses are not all of one such subnet", findings);
            }
            subnet.map(IpNet::V4)
        }
        (false, _, Some(pool)) if pool.assigned_len != HOME_PREFIX => {
            unfit(
                line,
                "POOL",
                "its prefixes are not /64s, as home network prefixes are",
                findings,
            );
            None
        }
        (false, _, Some(pool)) => Some(IpNet::V6(pool.block)),
        (true, None, _) | (false, _, None) => {
            let caution = Caution::Unknown { what: "local pool", name: named.pool };
            findings.warn(&line.place_of("POOL"), caution);
            None
        }
    }
}

fn unfit(line: &Item<Key>, argument: &str, why: &'static str, findings: &mut Findings) {
    let fault = ConfigFault::UnfitPool { pool: shared::name(&line.args, "POOL"), why };
    findings.error(&line.place_of(argument), fault);
}
