//! How large a packet a node should send (RFC 5213 §6.9.5, RFC 5844 §3.4.3): the least of what its
//! link carries, of its tunnel's MTU, and of what the way to its anchor was found to carry.
//!
//! Router advertisements and the DHCP server say it. When it changes, each node that it changes for
//! is sent an advertisement at once; a host that has only IPv4 hears of it when it renews its lease,
//! and of each packet that is too big by ICMP until then.

use std::collections::BTreeMap;
use std::net::IpAddr;

use kedge_model::BindingId;
use kedge_sansio::Now;

use crate::{InterfaceId, Mag};

impl Mag {
    /// The largest packet of an access link is another one, or was learnt.
    pub fn handle_mtu(&mut self, interface: InterfaceId, mtu: u16, now: Now) {
        self.mtus.insert(interface, mtu);
        let Some(link) = self.settings.interfaces.get_mut(&interface) else { return };
        link.mtu = mtu;
        self.advertise_mtus(now);
    }

    /// The ways to these anchors, and to no others, were found to carry no larger outer packets
    /// than this, whatever their first links do.
    pub fn handle_ways(&mut self, narrow: BTreeMap<IpAddr, u16>, now: Now) {
        if self.narrow != narrow {
            self.narrow = narrow;
            self.advertise_mtus(now);
        }
    }

    /// Tells the nodes that were told something else.
    pub(crate) fn advertise_mtus(&mut self, now: Now) {
        for id in self.list.ids(|entry| entry.advertising.mtu.is_some()) {
            let mtu = self.node_mtu(id);
            let told = self.list.get(id).and_then(|entry| entry.advertising.mtu);
            if mtu.is_some() && mtu != told {
                self.advertise(id, now);
            }
        }
    }

    /// The largest packet a node should send.
    pub(super) fn node_mtu(&self, id: BindingId) -> Option<u16> {
        let entry = self.list.get(id)?;
        let tunnel = self.tunnel(entry, entry.grant()?.encapsulation);
        let link = self.settings.interfaces.get(&entry.interface).map(|link| link.mtu);
        let way = self.narrow.get(&tunnel.peer).map(|mtu| mtu.saturating_sub(tunnel.overhead()));
        [link, way].into_iter().flatten().chain([tunnel.mtu]).min()
    }
}
