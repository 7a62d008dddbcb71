//! What branches need to know of the host.

use kedge_model::IpNet;
use kedge_net::NetError;
use kedge_net::netlink::{Address, DeviceIndex, Link};
use kedge_net::owned::{Owned, Thing};

/// What is there of the host, read once.
pub struct Survey {
    links: Vec<Link>,
    addresses: Vec<Address>,
    /// The device of the tunnels.
    pub tunnel: DeviceIndex,
    /// The largest packet for a tunnel.
    pub mtu: u16,
}

impl Survey {
    /// Reads the devices and addresses of the host.
    pub fn of(host: &mut Owned, tunnel: &str, mtu: u16) -> Result<Self, NetError> {
        let netlink = host.netlink();
        let tunnel = netlink.link(tunnel)?.index;
        Ok(Self { links: netlink.links()?, addresses: netlink.addresses()?, tunnel, mtu })
    }

    /// The device of a name.
    pub fn link(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name)
    }

    /// The addresses of a device, but for those that were put there by `ours`.
    pub fn of_others<'a>(
        &'a self,
        device: DeviceIndex,
        ours: &'a [Thing],
    ) -> impl Iterator<Item = IpNet> + 'a {
        let on_device = self.addresses.iter().filter(move |address| address.device == device);
        let theirs = on_device.filter(|address| !ours.contains(&Thing::Address(**address)));
        theirs.map(|address| address.net)
    }
}
