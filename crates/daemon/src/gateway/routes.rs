//! What the kernel holds for the nodes of a gateway: routes to them, and the address under which
//! the gateway is their IPv4 router.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kedge_mag::{AccessNode, InterfaceId};
use kedge_model::{BindingId, IpNet, MacAddr};
use kedge_net::netlink::{Address, DeviceIndex, NextHop, Route, Table};
use kedge_net::owned::{Owned, Thing};
use tracing::warn;

/// The nodes' entries. Nodes of one subnet on one interface share their router's address, so
/// things are counted.
#[derive(Default)]
pub struct NodeRoutes {
    nodes: BTreeMap<BindingId, Node>,
    users: HashMap<Thing, u32>,
}

struct Node {
    interface: InterfaceId,
    mac: Option<MacAddr>,
    things: Vec<Thing>,
}

impl NodeRoutes {
    /// Makes what is wanted for a binding, in place of what was, and names the interfaces whose
    /// nodes are others now.
    pub fn want(
        &mut self,
        binding: BindingId,
        want: Option<AccessNode>,
        device: impl Fn(InterfaceId) -> Option<DeviceIndex>,
        host: &mut Owned,
    ) -> [Option<InterfaceId>; 2] {
        let node = want.map(|want| {
            let things = device(want.interface).map_or(Vec::new(), |device| things(&want, device));
            Node { interface: want.interface, mac: want.mac, things }
        });
        for thing in node.iter().flat_map(|node| &node.things) {
            let users = self.users.entry(thing.clone()).or_default();
            *users += 1;
            if let Err(error) = host.make(thing.clone()) {
                warn!("{error}");
            }
        }
        let here = node.as_ref().map(|node| node.interface);
        let old = match node {
            Some(node) => self.nodes.insert(binding, node),
            None => self.nodes.remove(&binding),
        };
        let there = old.as_ref().map(|old| old.interface).filter(|&there| here != Some(there));
        for thing in old.into_iter().flat_map(|old| old.things) {
            let Some(users) = self.users.get_mut(&thing) else { continue };
            *users -= 1;
            if *users == 0 {
                self.users.remove(&thing);
                if let Err(error) = host.unmake(&thing) {
                    warn!("{error}");
                }
            }
        }
        [here, there]
    }

    /// The addresses of the nodes on an interface.
    pub fn attached(&self, interface: InterfaceId) -> BTreeSet<MacAddr> {
        let here = self.nodes.values().filter(|node| node.interface == interface);
        here.filter_map(|node| node.mac).collect()
    }
}

fn things(want: &AccessNode, device: DeviceIndex) -> Vec<Thing> {
    let route = |&destination: &IpNet| {
        let next_hop = NextHop::Device(device);
        Thing::Route(Route { destination, next_hop, table: Table::MAIN, metric: 0 })
    };
    let router = want.ipv4_router.map(|router| {
        Thing::Address(Address { device, net: IpNet::from(std::net::IpAddr::V4(router)) })
    });
    // The router's address first: the kernel asks for its neighbours in that name.
    router.into_iter().chain(want.inner.iter().map(route)).collect()
}
