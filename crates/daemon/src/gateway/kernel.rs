//! What the kernel holds for a gateway whatever nodes there are: how it leads packets between the
//! access interfaces and the tunnels.
//!
//! ```text
//!               rule: from ACCESS, table 5213        table 5213: default dev TUN
//!   node ──► ACCESS ───────────────────────────────────────────► TUN ──► forwarder ──► anchor
//!   node ◄── ACCESS ◄─────────────────────────────────────────── TUN ◄── forwarder ◄── anchor
//!               table 5214: home prefix dev ACCESS   rule: from TUN, table 5214
//! ```
//!
//! The routes to nodes are for what comes out of a tunnel, and for what the host itself says. A
//! packet that reaches this host on any other way goes where its routes lead, as at any router:
//! towards the anchor, where the home network is (RFC 5213 §6.10.5).

use std::collections::BTreeMap;

use kedge_model::{IpNet, Ipv4Net, Ipv6Net, VrfId};
use kedge_net::hosts::Wanted;
use kedge_net::netlink::{NextHop, Route, Rule, Table};
use kedge_net::owned::Thing;

use crate::apply::GatewayPlan;
use crate::ends::{self, Device};

/// The routing table of packets that come from nodes, and the priority of the rules that lead to
/// it: before the main table.
const UPLINK: Table = Table(5213);
const UPLINK_PRIORITY: u32 = 5213;

/// The routing table of packets to nodes, and the priority of its rules.
pub const DOWNLINK: Table = Table(5214);
const DOWNLINK_PRIORITY: u32 = 5214;
/// What the kernel calls the way in of packets that the host itself sends.
const OWN_PACKETS: &str = "lo";

/// What it wants of the kernel beside its device: the rules and routes of the drawing above.
pub fn things(plan: &GatewayPlan, devices: &BTreeMap<VrfId, Device>) -> Vec<Wanted> {
    let mut wanted = ends::things(&plan.ends(), |_| false);
    let Some(Device { world, link: device, .. }) = devices.get(&plan.settings.inner) else {
        return wanted;
    };
    let mut things = Vec::new();
    for destination in [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())] {
        let next_hop = NextHop::Device(device.index);
        things.push(Thing::Route(Route { destination, next_hop, table: UPLINK, metric: 0 }));
    }
    let rules = |input: &str, table, priority| {
        let input = input.to_owned();
        let of = move |ipv6| Rule::Input { ipv6, input: input.clone(), table, priority };
        [false, true].map(|ipv6| Thing::Rule(of(ipv6)))
    };
    for input in [&device.name, OWN_PACKETS] {
        things.extend(rules(input, DOWNLINK, DOWNLINK_PRIORITY));
    }
    for interface in plan.settings.interfaces.values().filter(|i| !i.logical) {
        things.extend(rules(&interface.name, UPLINK, UPLINK_PRIORITY));
    }
    wanted.extend(things.into_iter().map(|thing| Wanted::new(world, thing)));
    wanted
}
