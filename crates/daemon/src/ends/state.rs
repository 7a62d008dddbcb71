//! What the configuration says of the ends of a service.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use kedge_model::{VrfId, World};

/// The addresses and the devices, by routing world.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct State {
    /// The service's addresses, each in its transport world.
    pub addresses: BTreeSet<(VrfId, IpAddr)>,
    /// The inner worlds, and the MTU of the device in each.
    pub devices: BTreeMap<VrfId, u16>,
    /// Where the worlds of both are. A number never means another world later.
    pub worlds: BTreeMap<VrfId, World>,
}

impl State {
    /// One world for everything: the daemon's own.
    pub fn own(addresses: &[IpAddr], mtu: u16) -> Self {
        Self {
            addresses: addresses.iter().map(|address| (VrfId::DEFAULT, *address)).collect(),
            devices: BTreeMap::from([(VrfId::DEFAULT, mtu)]),
            worlds: BTreeMap::from([(VrfId::DEFAULT, World::Own)]),
        }
    }

    /// Where a world is. One that the state says nothing of is nowhere else.
    pub fn world(&self, vrf: VrfId) -> &World {
        self.worlds.get(&vrf).unwrap_or(&World::Own)
    }

    /// The addresses, each with its world.
    pub fn places(&self) -> impl Iterator<Item = (&World, IpAddr)> {
        self.addresses.iter().map(|(vrf, address)| (self.world(*vrf), *address))
    }
}
