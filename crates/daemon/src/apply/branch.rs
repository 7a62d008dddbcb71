//! The gateway as a mobile node itself: the part of the configuration that is about a branch.

use std::net::IpAddr;

use kedge_config::{LogicalMn, MagConfig, Service};
use kedge_model::{IpNet, Ipv4Net, Ipv6Net};

/// A logical mobile node and the networks behind it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BranchPlan {
    /// What the machine calls it: the name of an interface that no device can have.
    pub name: String,
    /// The families it is served.
    pub service: Service,
    /// The device that carries its home address.
    pub home: Option<String>,
    /// The anchor chooses its home address, whatever the home interface has.
    pub dynamic: bool,
    /// It does without its home address.
    pub ignore_home_address: bool,
    /// A link that is used in place of the anchor while it works.
    pub fixed: Option<FixedLinkPlan>,
    /// Its networks.
    pub networks: Vec<NetworkPlan>,
    /// Which destinations are behind the tunnel, and the metrics of the routes to them.
    pub routes: Vec<(IpNet, u32)>,
}

/// A link that a branch has beside the anchor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FixedLinkPlan {
    /// The device.
    pub device: String,
    /// It works while the host's packets for this prefix go through it; without a prefix, while it
    /// has a carrier.
    pub watch: Option<Ipv4Net>,
}

/// A network behind it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NetworkPlan {
    /// The device.
    pub device: String,
    /// Its prefixes follow the device's addresses; otherwise they are those that the device had
    /// when it was first seen up.
    pub learn: bool,
    /// The anchor hears of it.
    pub register: bool,
    /// Its hosts get their addresses here.
    pub serve: bool,
}

/// Maps the gateway's logical mobile nodes.
pub fn branches(mag: &MagConfig) -> Vec<BranchPlan> {
    mag.logical_mns.iter().map(|node| branch(mag, node)).collect()
}

/// What the machine calls a logical mobile node's interface.
pub fn name(nai: &str) -> String {
    format!("logical-mn {nai}")
}

fn branch(mag: &MagConfig, node: &LogicalMn) -> BranchPlan {
    let service = mag.local_loop.as_ref();
    let default = service.and_then(|service| service.default_route);
    let default = default.into_iter().flat_map(|route| {
        let metric = route.metric.map_or(0, u32::from);
        [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())].map(|net| (net, metric))
    });
    let configured = node.routes.iter().filter_map(|route| {
        let net: IpNet = IpNet::new(route.address, route.len).ok()?;
        Some((net.trunc(), route.metric.map_or(0, u32::from)))
    });
    let mut routes: Vec<(IpNet, u32)> = Vec::new();
    for route in configured.chain(default) {
        let is_known = routes.iter().any(|(net, _)| *net == route.0);
        if !is_known && has_family(node.service, route.0.addr()) {
            routes.push(route);
        }
    }
    BranchPlan {
        name: name(&node.nai),
        service: node.service,
        home: node.home.clone(),
        dynamic: node.dynamic,
        ignore_home_address: service.is_some_and(|service| service.ignore_home_address),
        fixed: node.fixed.clone().map(|device| {
            let watch = node.watch.and_then(|(address, len)| Ipv4Net::new(address, len).ok());
            FixedLinkPlan { device, watch: watch.map(|net| net.trunc()) }
        }),
        networks: node
            .networks
            .iter()
            .map(|network| NetworkPlan {
                device: network.interface.clone(),
                learn: network.learn_prefix,
                register: !network.skip_register,
                serve: network.serve_hosts,
            })
            .collect(),
        routes,
    }
}

/// Whether a service is for addresses like this one.
pub fn has_family(service: Service, address: IpAddr) -> bool {
    match service {
        Service::Ipv4 => address.is_ipv4(),
        Service::Ipv6 => address.is_ipv6(),
        Service::Dual => true,
    }
}
