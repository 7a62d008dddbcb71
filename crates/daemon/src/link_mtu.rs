//! How large a packet the devices carry that an anchor's addresses are at.

use std::net::IpAddr;

use kedge_net::NetError;
use kedge_net::owned::Owned;

/// The loopback device. An address there says nothing about the ways that packets go.
const LOOPBACK: &str = "lo";

/// The largest packet that all these devices carry; `None` where the addresses are at no device
/// that leads anywhere. Gateways may be anywhere, so that no route is asked for: a way that carries
/// less is found when a packet meets it.
pub fn of_addresses(addresses: &[IpAddr], host: &mut Owned) -> Result<Option<u16>, NetError> {
    let links = host.netlink().links()?;
    let held = host.netlink().addresses()?;
    let ours = held.iter().filter(|held| addresses.contains(&held.net.addr()));
    let devices = ours.filter_map(|held| links.iter().find(|link| link.index == held.device));
    let smallest = devices.filter(|link| link.name != LOOPBACK).map(|link| link.mtu).min();
    Ok(smallest.map(|mtu| u16::try_from(mtu).unwrap_or(u16::MAX)))
}
