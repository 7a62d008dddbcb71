//! What the kernel holds for an anchor beside its devices: the routes to its pools.

use std::collections::{BTreeMap, BTreeSet};

use kedge_model::{IpNet, VrfId, World};
use kedge_net::hosts::Wanted;
use kedge_net::netlink::{NextHop, Route, Rule, Table};
use kedge_net::owned::Thing;

use crate::apply::AnchorPlan;
use crate::ends::{self, Device};

/// The routing table of home addresses that routing protocols do not see, and the priority of the
/// rules that lead to it: before the main table. A VRF device has its own table for everything.
const HIDDEN: Table = Table(5212);
const HIDDEN_PRIORITY: u32 = 5215;

/// All of it.
pub fn things(plan: &AnchorPlan, devices: &BTreeMap<VrfId, Device>) -> Vec<Wanted> {
    let customers = plan.settings.customers.iter().map(|customer| &customer.settings);
    let over_udp_alone = customers.filter(|settings| settings.is_over_udp_alone());
    let over_udp_alone: BTreeSet<_> = over_udp_alone.flat_map(|s| &s.addresses).collect();
    let mut things = ends::things(&plan.ends(), |place| over_udp_alone.contains(place));
    for (vrf, plan) in &plan.routes {
        let Some(Device { world, link, table }) = devices.get(vrf) else { continue };
        let next_hop = NextHop::Device(link.index);
        let route = |destination: &IpNet, table| {
            let (destination, metric) = (*destination, plan.metric);
            Wanted::new(world, Thing::Route(Route { destination, next_hop, table, metric }))
        };
        things.extend(plan.blocks.iter().map(|block| route(block, *table)));
        let is_vrf = matches!(world, World::Device(_));
        let aside = if is_vrf { *table } else { HIDDEN };
        things.extend(plan.hidden.iter().map(|block| route(block, aside)));
        if !plan.hidden.is_empty() && !is_vrf {
            let rule = |ipv6| Rule::Lookup { ipv6, table: HIDDEN, priority: HIDDEN_PRIORITY };
            let rules = [false, true].map(rule).map(Thing::Rule);
            things.extend(rules.map(|rule| Wanted::new(world, rule)));
        }
    }
    things
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply;
    use crate::numbers::Numbers;

    /// The rules of an anchor with these lines about two gateways and its domain.
    fn rules(domain: &str, anchor: &str, gateways: [&str; 2]) -> usize {
        let [one, two] = gateways;
        let text = format!(
            "ipv6 mobile pmipv6-domain D1\n{domain} nai @D1\n !\n!\nipv6 mobile pmipv6-lma LMA \
             domain D1\n address ipv4 192.0.2.1\n{anchor} mag m1 D1\n  ipv4 address 192.0.2.11\n\
             {one} !\n mag m2 D1\n  ipv4 address 192.0.2.12\n{two} !\n!\n"
        );
        let (config, _) =
            kedge_config::parse(&text, "test").unwrap_or_else(|e| panic!("{e:?}\n{text}"));
        let plan = apply::plan(&config, 1, &mut Numbers::default()).expect("it can run");
        let wanted = things(&plan.anchor.expect("an anchor"), &BTreeMap::new());
        let from = "192.0.2.1".parse().expect("an address");
        let rule = Rule::NoPortUnreachable { from, priority: 5211 };
        let rule = Wanted::new(&World::Own, Thing::Rule(rule));
        wanted.iter().filter(|wanted| **wanted == rule).count()
    }

    #[test]
    fn only_an_anchor_whose_tunnels_are_all_over_udp_has_no_rules() {
        const UDP: &str = "  encap udptunnel\n";
        const GRE: &str = "  encap gre-ipv4\n";
        const DOMAIN: &str = " encap udptunnel\n";
        const LEARNING: &str = " dynamic mag learning\n";
        assert_eq!(rules("", "", [UDP, UDP]), 0);
        assert_eq!(rules(DOMAIN, "", ["", UDP]), 0);
        assert_eq!(rules(DOMAIN, LEARNING, ["", ""]), 0);
        assert_eq!(rules("", "", ["", UDP]), 1, "one asks for what it likes");
        assert_eq!(rules("", LEARNING, [UDP, UDP]), 1, "one that is learned does");
        assert_eq!(rules(DOMAIN, "", [GRE, ""]), 1);
    }
}
