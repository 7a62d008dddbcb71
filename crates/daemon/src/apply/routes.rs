//! Which routes lead to nodes, and what routing protocols see of them.
//!
//! A routing daemon learns what the anchor serves from the kernel's main table, so what is in
//! there is what is redistributed (`docs/ops/routes.md`).

use std::collections::BTreeMap;

use kedge_config::{LmaConfig, Redistribute};
use kedge_lma::{CustomerSettings, Network};
use kedge_model::{IpNet, VrfId};

/// The routes of one routing world.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RoutePlan {
    /// The blocks that have a route as a whole. To what is in none of them there is a route for
    /// each binding.
    pub blocks: Vec<IpNet>,
    /// Those of them that routing protocols do not see.
    pub hidden: Vec<IpNet>,
    /// The metric of all; 0 is the kernel's default.
    pub metric: u32,
}

/// The routes of an anchor and its customers, in their worlds.
pub fn routes(lma: &LmaConfig, customers: &[CustomerSettings]) -> BTreeMap<VrfId, RoutePlan> {
    let plan = |customer: &CustomerSettings| {
        let service = lma.local_loop.as_ref();
        let own = service.and_then(|service| service.customer(&customer.name));
        let distance = own.and_then(|own| own.admin_distance).or(lma.admin_distance);
        let networks = || customer.settings.networks.values();
        let mut plan = RoutePlan { metric: metric(distance), ..RoutePlan::default() };
        plan.blocks = networks().flat_map(Network::mobile_blocks).collect();
        match lma.redistribute {
            None => plan.blocks.extend(networks().flat_map(Network::home_blocks)),
            Some(Redistribute::HostPrefix) => {}
            Some(Redistribute::Disable) => {
                plan.hidden = networks().flat_map(Network::home_blocks).collect();
            }
        }
        (customer.settings.vrf, plan)
    };
    customers.iter().map(plan).collect()
}

/// An administrative distance as a metric. Routing daemons that know the kernel's metrics to be
/// both (FRR) read the distance from the upper octet; so do all others' comparisons.
fn metric(distance: Option<u8>) -> u32 {
    u32::from(distance.unwrap_or(0)) << 24
}
