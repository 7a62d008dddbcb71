//! Pools that are defined outside of the anchor: what they are, and whether a network can use them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use kedge_grammar::{Item, Section};
use kedge_model::IpNet;

use crate::check::findings::Findings;
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
            let Some((first, last)) = ends(line) else { continue };
            let same = |other: &&&Item<Key>| {
                let own = other.args.text("POOL") == line.args.text("POOL");
                own && ends(other).is_some_and(|(from, to)| from <= last && first <= to)
            };
            if lines[..nth].iter().any(|other| same(&other)) {
                unfit(line, "POOL", "another of its lines has some of these addresses", findings);
            }
        }
    }
}

/// The first and the last address of a line.
fn ends(line: &Item<Key>) -> Option<(IpAddr, IpAddr)> {
    if line.row.key == Key::LocalPoolIpv4 {
        let first = line.args.ipv4("FIRST")?;
        return Some((first.into(), line.args.ipv4("LAST").unwrap_or(first).into()));
    }
    let (address, len) = line.args.prefix("PREFIX")?;
    let block = IpNet::new(address, len).ok()?;
    Some((block.network(), block.broadcast()))
}

/// The addresses that a network's line names, if they can be its. A pool that is not in the text
/// may be in another one.
pub(super) fn nets(config: &Config, line: &Item<Key>, findings: &mut Findings) -> BTreeSet<IpNet> {
    let none = BTreeSet::new();
    let Some(prefix_len) = line.args.integer("LENGTH") else { return none };
    let named = NamedPool { pool: shared::name(&line.args, "POOL"), prefix_len };
    let is_ipv4 = line.row.key == Key::NamedPoolIpv4;
    if !is_ipv4 && prefix_len != HOME_PREFIX {
        findings.warn(&line.place_of("LENGTH"), Caution::HomePrefixIs64);
    }
    let ranges: Vec<_> = config.local_ipv4_pool(&named).collect();
    let blocks: Vec<_> = config.local_ipv6_pool(&named).collect();
    if if is_ipv4 { ranges.is_empty() } else { blocks.is_empty() } {
        let caution = Caution::Unknown { what: "local pool", name: named.pool };
        findings.warn(&line.place_of("POOL"), caution);
        return none;
    }
    if !is_ipv4 {
        if blocks.iter().any(|block| block.assigned_len != HOME_PREFIX) {
            let why = "its prefixes are not /64s, as home network prefixes are";
            unfit(line, "POOL", why, findings);
            return none;
        }
        return blocks.iter().map(|block| IpNet::V6(block.block)).collect();
    }
    if !SUBNETS.contains(&prefix_len) {
        unfit(line, "LENGTH", "home addresses are of a subnet of 8 to 30 bits", findings);
        return none;
    }
    let subnets = ranges.iter().map(|range| range.subnet(prefix_len).map(IpNet::V4));
    let subnets: Option<_> = subnets.collect();
    subnets.unwrap_or_else(|| {
        unfit(line, "LENGTH", "the addresses of a line are not all of one such subnet", findings);
        none
    })
}

fn unfit(line: &Item<Key>, argument: &str, why: &'static str, findings: &mut Findings) {
    let fault = ConfigFault::UnfitPool { pool: shared::name(&line.args, "POOL"), why };
    findings.error(&line.place_of(argument), fault);
}
