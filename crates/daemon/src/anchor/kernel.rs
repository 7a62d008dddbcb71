//! What the kernel holds for an anchor beside its devices: the routes to its pools.

use std::collections::BTreeMap;

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
    let mut things = ends::things(&plan.ends());
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
