//! What the kernel holds for the nodes of a gateway: routes to them and to the networks behind
//! them, their entries as neighbours, and the address under which the gateway is their IPv4 router.
//!
//! The kernel looks for no neighbour on an access link. It is told which MAC address each node has,
//! for good, and hears nothing that could tell it otherwise ([`super::port`]). So nobody on the link
//! takes a node's place, and nobody fills its table, neither by thousands of solicitations from the
//! link nor by packets to thousands of addresses of a prefix (RFC 6583 §4).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};

use kedge_mag::{AccessNode, InterfaceId};
use kedge_model::{BindingId, IpNet, MacAddr};
use kedge_net::access::Attached;
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
    /// The interfaces whose nodes are others since it was asked last.
    touched: BTreeSet<InterfaceId>,
}

struct Node {
    want: AccessNode,
    things: Vec<Thing>,
}

impl NodeRoutes {
    /// Makes what is wanted for a binding, in place of what was.
    pub fn want(
        &mut self,
        binding: BindingId,
        want: Option<AccessNode>,
        device: impl Fn(InterfaceId) -> Option<DeviceIndex>,
        host: &mut Owned,
    ) {
        let node = want.map(|want| {
            let things = device(want.interface).map_or(Vec::new(), |device| things(&want, device));
            Node { want, things }
        });
        for thing in node.iter().flat_map(|node| &node.things) {
            let users = self.users.entry(thing.clone()).or_default();
            *users += 1;
            if let Err(error) = host.make(thing.clone()) {
                warn!("{error}");
            }
        }
        self.touched.extend(node.as_ref().map(|node| node.want.interface));
        let old = match node {
            Some(node) => self.nodes.insert(binding, node),
            None => self.nodes.remove(&binding),
        };
        self.touched.extend(old.as_ref().map(|old| old.want.interface));
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
    }

    /// The interfaces whose nodes are others since the last time.
    pub fn take_touched(&mut self) -> BTreeSet<InterfaceId> {
        std::mem::take(&mut self.touched)
    }

    /// The nodes on an interface, and the addresses that each may send from (RFC 5213 §6.10.5).
    pub fn attached(&self, interface: InterfaceId) -> Attached {
        let mut attached = Attached::new();
        for want in self.nodes.values().map(|node| &node.want) {
            let Some(mac) = want.mac.filter(|_| want.interface == interface) else { continue };
            let link_local = want.link_local.map(|address| IpNet::from(IpAddr::V6(address)));
            attached.entry(mac).or_default().extend(want.all_inner().into_iter().chain(link_local));
        }
        attached
    }
}

fn things(want: &AccessNode, device: DeviceIndex) -> Vec<Thing> {
    let route = |destination: IpNet, next_hop| {
        Thing::Route(Route { destination, next_hop, table: DOWNLINK, metric: 0 })
    };
    let router = want
        .ipv4_router
        .map(|router| Thing::Address(Address { device, net: IpNet::from(IpAddr::V4(router)) }));
    let mut things: Vec<Thing> = router.into_iter().collect();
    let Some(mac) = want.mac else {
        // A static node that was never heard: the kernel asks for it, and its answer says who it is.
        let on_link = want.inner.iter().map(|&net| route(net, NextHop::Device(device)));
        things.extend(on_link);
        return things;
    };
    let neighbour = |address| Thing::Neighbour(Neighbour { device, address, mac });
    let next_hop = IpAddr::V6(link_local(mac));
    things.push(neighbour(next_hop));
    let its_own = want.link_local.map(IpAddr::V6).filter(|address| *address != next_hop);
    things.extend(its_own.map(neighbour));
    for &net in want.inner.iter().chain(&want.delegated) {
        match net {
            IpNet::V4(home) => {
                things.push(neighbour(home.addr().into()));
                things.push(route(net, NextHop::Device(device)));
            }
            IpNet::V6(_) => things.push(route(net, NextHop::Via(next_hop, Some(device)))),
        }
    }
    things
}

/// The next hop to a node and to what is behind it: the link-local address that its MAC address
/// makes (RFC 2464 §4, §5). Whether the node has it does not matter, since a neighbour entry says
/// which MAC address is meant, and that is all of a next hop that a packet shows. So a node is
/// reached from the moment it is heard, by whatever addresses of its prefixes.
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
