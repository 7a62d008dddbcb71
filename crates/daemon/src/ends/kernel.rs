//! What the kernel holds for the ends of a service, whichever role it has.

use std::net::IpAddr;

use kedge_model::{VrfId, World};
use kedge_net::hosts::Wanted;
use kedge_net::netlink::{Link, Rule, Table};
use kedge_net::owned::Thing;
use kedge_net::sysctl::Sysctl;

use super::state::State;

/// The device of an inner world, as the kernel has it.
pub struct Device {
    /// Where it is.
    pub world: World,
    /// The device.
    pub link: Link,
    /// The table of the routes to it.
    pub table: Table,
}

/// What either role wants of the kernel in its worlds and at its addresses. To those where tunnels
/// are `over_udp_alone` nothing comes that the kernel's own tunnel drivers would look at.
pub fn things(state: &State, over_udp_alone: impl Fn(&(VrfId, IpAddr)) -> bool) -> Vec<Wanted> {
    /// VRF devices have their tables looked up at 1000.
    const BEFORE_VRFS: u32 = 521;
    const PRIORITY: u32 = 5211;
    let set = |world: &World, entry, value: &str| {
        Wanted::new(world, Thing::Sysctl { entry, value: value.to_owned() })
    };
    let mut wanted = Vec::new();
    for world in state.worlds.values() {
        if matches!(world, World::Device(_)) {
            // A raw socket outside of all VRF devices would be given their packets, too.
            wanted.push(set(world, Sysctl::ipv4_of_all("raw_l3mdev_accept"), "0"));
        }
        // The kernel lets packets pass between devices.
        for entry in [Sysctl::ipv4("all", "forwarding"), Sysctl::ipv6("all", "forwarding")] {
            wanted.push(set(world, entry, "1"));
        }
    }
    let others = state.addresses.iter().filter(|place| !over_udp_alone(place));
    for (vrf, from) in others {
        let (world, from) = (state.world(*vrf), *from);
        // Tunnelled packets reach the forwarder's sockets, and the kernel's own tunnel drivers,
        // where they are loaded, find no device for them: the peer is not to hear of that. Any rule
        // has the kernel go through all of them for every packet of the host, and once more to
        // check its source: there is none that is not needed.
        let is_vrf = matches!(world, World::Device(_));
        let (ipv6, priority) = (from.is_ipv6(), if is_vrf { BEFORE_VRFS } else { PRIORITY });
        let rules = [
            Rule::Landing { ipv6, priority: priority + 1 },
            Rule::SkipPortUnreachable { ipv6, priority: priority - 1, target: priority + 1 },
            Rule::NoPortUnreachable { from, priority },
        ];
        wanted.extend(rules.map(|rule| Wanted::new(world, Thing::Rule(rule))));
    }
    wanted
}
