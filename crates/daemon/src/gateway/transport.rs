//! The gateway's way to its anchors, as the host has it: which devices it takes, and how large a
//! packet fits through them.

use std::net::IpAddr;

use kedge_model::World;
use kedge_net::NetError;
use kedge_net::netlink::{DeviceIndex, Link, Netlink};
use kedge_net::place::Place;
use tracing::debug;

use crate::apply::GatewayPlan;

/// An interface that is to be access and transport at once. As access interface it gets the one
/// address of all gateways (RFC 6543), and everything that arrives on it is a node's.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "{interface} cannot be an access interface: {why}; nodes and anchors need interfaces of \
     their own"
)]
pub struct SharedInterface {
    interface: String,
    why: Use,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
enum Use {
    #[error("it has the care-of address {0}")]
    CareOf(IpAddr),
    #[error("the way to the anchor {0} is through it")]
    Way(IpAddr),
}

/// Looks at the devices between a gateway and its anchors. Gives the largest packet that fits
/// through all of them; `None` if the host has no way to any of the anchors yet.
pub fn examine(plan: &GatewayPlan) -> Result<Result<Option<u16>, SharedInterface>, NetError> {
    let GatewayPlan { settings, addresses, .. } = plan;
    let place = Place::find(&plan.transport)?;
    let mut netlink = place.within(Netlink::open)??;
    let links = netlink.links()?;
    let held = netlink.addresses()?;
    let mut taken: Vec<(DeviceIndex, Use)> = held
        .iter()
        .filter(|address| addresses.contains(&address.net.addr()))
        .map(|address| (address.device, Use::CareOf(address.net.addr())))
        .collect();
    let mut mtu = None;
    for lma in settings.lmas.values() {
        let source = settings.care_of_towards(lma.address);
        let way = netlink.lookup(lma.address, source, place.vrf().map(|vrf| vrf.index));
        let way = match way {
            Ok(way) => way,
            Err(error) => {
                debug!("{error}");
                continue;
            }
        };
        taken.push((way.device, Use::Way(lma.address)));
        let device = links.iter().find(|link| link.index == way.device).map(|link| link.mtu);
        let narrowest = way.mtu.into_iter().chain(device).min();
        mtu = narrowest.into_iter().chain(mtu).min();
    }
    // Access interfaces are in the daemon's own namespace.
    if matches!(plan.transport, World::Namespace(_)) {
        taken.clear();
    }
    let is_access = |link: &Link| settings.interfaces.values().any(|i| i.name == link.name);
    for (device, why) in taken {
        if let Some(link) = links.iter().find(|link| link.index == device && is_access(link)) {
            return Ok(Err(SharedInterface { interface: link.name.clone(), why }));
        }
    }
    // The loopback device carries 64 KiB, and an anchor on this host is reached through it.
    Ok(Ok(mtu.map(|mtu| u16::try_from(mtu).unwrap_or(u16::MAX))))
}
