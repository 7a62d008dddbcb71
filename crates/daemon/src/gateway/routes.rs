//! What the kernel holds for the nodes of a gateway: routes to them and to the networks behind
//! them, and the address under which the gateway is their IPv4 router.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};

use kedge_mag::{AccessNode, InterfaceId};
use kedge_model::{BindingId, IpNet, MacAddr};
use kedge_net::netlink::{Address, DeviceIndex, Neighbour, NextHop, Route};
use kedge_net::owned::{Owned, Thing};
use tracing::warn;

use super::kernel::DOWNLINK;

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
    let route = |destination: IpNet, next_hop| {
        Thing::Route(Route { destination, next_hop, table: DOWNLINK, metric: 0 })
    };
    let on_link = |&net: &IpNet| route(net, NextHop::Device(device));
    let router = want
        .ipv4_router
        .map(|router| Thing::Address(Address { device, net: IpNet::from(IpAddr::V4(router)) }));
    // The router's address first: the kernel asks for its neighbours in that name.
    let mut things: Vec<Thing> = router.into_iter().chain(want.inner.iter().map(on_link)).collect();
    if let Some(mac) = want.mac.filter(|_| !want.delegated.is_empty()) {
        let address = IpAddr::V6(link_local(mac));
        things.push(Thing::Neighbour(Neighbour { device, address, mac }));
        let via = NextHop::Via(address, Some(device));
        things.extend(want.delegated.iter().map(|&prefix| route(prefix, via)));
    }
    things
}

/// The next hop to what is behind a node: the link-local address that its MAC address makes
/// (RFC 2464 §4, §5). Whether the node has it does not matter, since a neighbour entry says which
/// MAC address is meant, and that is all of a next hop that a packet shows. So the network behind a
/// router is reached from the moment its router is heard, whatever the router calls itself, and
/// nobody else on the link can claim to be it.
fn link_local(mac: MacAddr) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac.0;
    Ipv6Addr::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_hop_is_the_link_local_address_of_the_mac_address() {
        let mac = MacAddr([0x02, 0x00, 0x5e, 0x10, 0x00, 0x01]);
        assert_eq!(link_local(mac), "fe80::5eff:fe10:1".parse::<Ipv6Addr>().unwrap());
        // RFC 6543 §3 makes the gateways' own in the same way.
        let gateway = "fe80::200:5eff:fe00:5213".parse::<Ipv6Addr>().unwrap();
        assert_eq!(link_local(MacAddr::PMIPV6_GATEWAY), gateway);
    }
}
