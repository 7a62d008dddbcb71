//! How large a packet the devices carry that an anchor's addresses are at.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use kedge_model::VrfId;
use kedge_net::NetError;
use kedge_net::namespace::Namespace;
use kedge_net::netlink::{Address, Link, Netlink};
use kedge_net::place::Place;

use crate::ends::State;

/// The loopback device. An address there says nothing about the ways that packets go.
const LOOPBACK: &str = "lo";

/// The devices of a namespace and their addresses.
struct Devices {
    namespace: Namespace,
    links: Vec<Link>,
    /// By the address, of which there may be thousands.
    addresses: HashMap<IpAddr, Vec<Address>>,
}

/// The largest packet that the device of each address carries; nothing where an address is at no
/// device that leads anywhere. Gateways may be anywhere, so that no route is asked for: a way that
/// carries less is found when a packet meets it.
pub fn of_addresses(ends: &State) -> Result<BTreeMap<(VrfId, IpAddr), u16>, NetError> {
    let mut known: Vec<Devices> = Vec::new();
    let mut mtus = BTreeMap::new();
    for &(transport, address) in &ends.addresses {
        let place = Place::find(ends.world(transport))?;
        let at = match known.iter().position(|devices| devices.namespace == *place.namespace()) {
            Some(at) => at,
            None => {
                known.push(Devices::of(&place)?);
                known.len() - 1
            }
        };
        if let Some(mtu) = known[at].mtu(&place, address) {
            mtus.insert((transport, address), mtu);
        }
    }
    Ok(mtus)
}

impl Devices {
    fn of(place: &Place) -> Result<Self, NetError> {
        let mut netlink = place.within(Netlink::open)??;
        let links = netlink.links()?;
        let mut addresses: HashMap<IpAddr, Vec<Address>> = HashMap::new();
        for address in netlink.addresses()? {
            addresses.entry(address.net.addr()).or_default().push(address);
        }
        Ok(Self { namespace: place.namespace().clone(), links, addresses })
    }

    fn mtu(&self, place: &Place, address: IpAddr) -> Option<u16> {
        let holders = self.addresses.get(&address).into_iter().flatten();
        let devices = holders.filter_map(|held| self.links.iter().find(|l| l.index == held.device));
        // Another VRF device may have the same address.
        let vrf = place.vrf().map(|vrf| vrf.index);
        let is_there = |link: &&Link| {
            vrf.is_none_or(|vrf| link.index == vrf || link.controller == Some(vrf))
                && link.name != LOOPBACK
        };
        let smallest = devices.filter(is_there).map(|link| link.mtu).min()?;
        Some(u16::try_from(smallest).unwrap_or(u16::MAX))
    }
}
