//! What the kernel holds for a branch.
//!
//! ```text
//!   rule: from each registered network, table 5215      table 5215: its networks dev LAN
//!   host ──► LAN ──────────────────────────────────►      configured routes dev TUN ──► anchor
//!   host ◄── LAN ◄── table 5214: its networks dev LAN ◄── rule: from TUN ◄───────────── anchor
//! ```
//!
//! Packets of the networks, and only they, see the routes into the tunnel: what the gateway
//! itself sends to its anchors has another source, and goes by the host's routes. Between networks
//! of the branch packets stay here. What is left of a prefix that is larger than a network is
//! nowhere: a packet for it would wander between here and the anchor.

use kedge_model::IpNet;
use kedge_net::netlink::{Address, DeviceIndex, NextHop, Route, Rule, Table};
use kedge_net::owned::Thing;

use super::addressing::first_address;
use crate::apply::BranchPlan;
use crate::gateway::kernel::DOWNLINK;

/// The routing table of packets of the networks, and the priority of the rules that lead to it.
const BRANCH: Table = Table(5215);
const BRANCH_PRIORITY: u32 = 5215;
/// Behind every other route to the same destination.
const LAST: u32 = u32::MAX;

/// What of the host a branch needs to know.
pub struct Ground<'a> {
    pub plan: &'a BranchPlan,
    /// The device of the tunnels.
    pub tunnel: DeviceIndex,
    /// The device for the home address, if it is to carry one.
    pub home: Option<DeviceIndex>,
    /// The networks that are up: the device, the router's addresses, and which of the addresses
    /// are there because of a prefix that it was given.
    pub networks: Vec<(DeviceIndex, Vec<IpNet>, Vec<IpNet>)>,
}

impl Ground<'_> {
    /// What is there whether the branch has a binding or not: hosts keep their addresses while
    /// the anchor is away.
    pub fn addresses(&self) -> Vec<Thing> {
        let all = self.networks.iter().flat_map(|(device, _, given)| {
            given.iter().map(|prefix| (*device, first_address(*prefix)))
        });
        all.map(|(device, net)| Thing::Address(Address { device, net })).collect()
    }

    /// What is there with a binding: the home addresses `inner`, and the networks `delegated`.
    pub fn routes(&self, inner: &[IpNet], delegated: &[IpNet]) -> Vec<Thing> {
        let inner = if self.plan.ignore_home_address { &[] } else { inner };
        let route = |destination: IpNet, next_hop, table, metric| {
            Thing::Route(Route { destination, next_hop, table, metric })
        };
        let home = self.home.iter().flat_map(|&device| {
            inner.iter().map(move |net| {
                let net = IpNet::from(first_address(*net).addr());
                Thing::Address(Address { device, net })
            })
        });
        let mut things: Vec<Thing> = home.collect();
        for table in [BRANCH, DOWNLINK] {
            for (device, addresses, _) in &self.networks {
                let next_hop = NextHop::Device(*device);
                things.extend(addresses.iter().map(|net| route(net.trunc(), next_hop, table, 0)));
            }
            let left = delegated.iter().map(|net| route(*net, NextHop::Unreachable, table, LAST));
            things.extend(left);
        }
        let next_hop = NextHop::Device(self.tunnel);
        things.extend(self.plan.routes.iter().map(|(net, m)| route(*net, next_hop, BRANCH, *m)));
        let sources = inner.iter().chain(delegated);
        things.extend(sources.map(|&source| {
            Thing::Rule(Rule::Source { source, table: BRANCH, priority: BRANCH_PRIORITY })
        }));
        things
    }
}
