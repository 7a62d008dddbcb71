//! How large a packet the devices carry that an anchor's addresses are at.

use std::collections::BTreeMap;
use std::net::IpAddr;

use kedge_model::World;
use kedge_net::NetError;
use kedge_net::netlink::Netlink;
use kedge_net::place::Place;

/// The loopback device. An address there says nothing about the ways that packets go.
const LOOPBACK: &str = "lo";

/// The largest packet that all these devices carry; `None` where the addresses are at no device
/// that leads anywhere. Gateways may be anywhere, so that no route is asked for: a way that carries
/// less is found when a packet meets it.
pub fn of_addresses<'a>(
    addresses: impl IntoIterator<Item = (&'a World, IpAddr)>,
) -> Result<Option<u16>, NetError> {
    let mut by_world: BTreeMap<&World, Vec<IpAddr>> = BTreeMap::new();
    for (world, address) in addresses {
        by_world.entry(world).or_default().push(address);
    }
    let mut smallest = None;
    for (world, addresses) in by_world {
        smallest = smallest.into_iter().chain(in_world(world, &addresses)?).min();
    }
    Ok(smallest.map(|mtu| u16::try_from(mtu).unwrap_or(u16::MAX)))
}

fn in_world(world: &World, addresses: &[IpAddr]) -> Result<Option<u32>, NetError> {
    let place = Place::find(world)?;
    let mut netlink = place.within(Netlink::open)??;
    let mut links = netlink.links()?;
    if let Some(vrf) = place.vrf() {
        // Other VRF devices may have the same addresses.
        links.retain(|link| link.controller == Some(vrf.index));
    }
    let held = netlink.addresses()?;
    let ours = held.iter().filter(|held| addresses.contains(&held.net.addr()));
    let devices = ours.filter_map(|held| links.iter().find(|link| link.index == held.device));
    Ok(devices.filter(|link| link.name != LOOPBACK).map(|link| link.mtu).min())
}
