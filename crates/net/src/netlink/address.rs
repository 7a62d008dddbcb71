//! Addresses on devices.

use std::fmt;
use std::net::IpAddr;

use kedge_model::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressMessage, AddressProtocol, AddressScope,
};

use super::{DeviceIndex, Netlink, PROTOCOL, family_of};
use crate::NetError;

/// An address on a device.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Address {
    /// The device.
    pub device: DeviceIndex,
    /// The address, and the length of its on-link prefix.
    pub net: IpNet,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.net, self.device)
    }
}

impl Netlink {
    /// Puts an address on a device. It is usable at once: duplicate address detection does not
    /// run, because the interface identifier a gateway uses is reserved (RFC 6543 §3) and the
    /// same on every gateway.
    pub fn add_address(&mut self, address: &Address) -> Result<(), NetError> {
        let mut message = message(address);
        message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
        message.attributes.push(AddressAttribute::Protocol(AddressProtocol::Other(PROTOCOL)));
        self.change(RouteNetlinkMessage::NewAddress(message), NLM_F_CREATE | NLM_F_EXCL)
            .map_err(|r| r.of("add address", address))
    }

    /// Makes a link-local address the one in whose name the kernel speaks on its device, for
    /// example in neighbour solicitations: Linux takes the oldest for that. The others are put on
    /// the device again, behind it.
    pub fn speak_as(&mut self, address: &Address) -> Result<(), NetError> {
        let is_other = |other: &Address| {
            let is_link_local =
                matches!(other.net.addr(), IpAddr::V6(v6) if v6.is_unicast_link_local());
            is_link_local
                && other.device == address.device
                && other.net.addr() != address.net.addr()
        };
        for other in self.addresses()?.into_iter().filter(is_other) {
            self.remove_address(&other)?;
            let mut message = message(&other);
            message.attributes.push(AddressAttribute::Protocol(AddressProtocol::LinkLocal));
            self.change(RouteNetlinkMessage::NewAddress(message), NLM_F_CREATE | NLM_F_EXCL)
                .map_err(|r| r.of("add address", other))?;
        }
        Ok(())
    }

    /// Takes an address off a device.
    pub fn remove_address(&mut self, address: &Address) -> Result<(), NetError> {
        self.change(RouteNetlinkMessage::DelAddress(message(address)), NLM_F_REQUEST)
            .map_err(|r| r.of("remove address", address))
    }

    /// The addresses of all devices.
    pub fn addresses(&mut self) -> Result<Vec<Address>, NetError> {
        self.list_addresses(|_| true)
    }

    /// The addresses that carry this daemon's mark. Linux before 5.18 does not keep the mark and
    /// gives none.
    pub fn own_addresses(&mut self) -> Result<Vec<Address>, NetError> {
        let mark = AddressAttribute::Protocol(AddressProtocol::Other(PROTOCOL));
        self.list_addresses(|message| message.attributes.contains(&mark))
    }

    fn list_addresses(
        &mut self,
        wanted: impl Fn(&AddressMessage) -> bool,
    ) -> Result<Vec<Address>, NetError> {
        let request = RouteNetlinkMessage::GetAddress(AddressMessage::default());
        let answers = self.dump(&request).map_err(|r| r.of("list addresses", ""))?;
        Ok(answers
            .iter()
            .filter_map(|answer| match answer {
                RouteNetlinkMessage::NewAddress(m) if wanted(m) => Address::from_message(m),
                _ => None,
            })
            .collect())
    }
}

impl Address {
    /// IPv4 has the address in `Local` and a peer's in `Address`; IPv6 has it in `Address`
    /// unless there is a peer.
    pub(super) fn from_message(message: &AddressMessage) -> Option<Self> {
        let mut found = None;
        for attribute in &message.attributes {
            match attribute {
                AddressAttribute::Local(ip) => found = Some(*ip),
                AddressAttribute::Address(ip) if found.is_none() => found = Some(*ip),
                _ => {}
            }
        }
        let net = IpNet::new(found?, message.header.prefix_len).ok()?;
        Some(Self { device: DeviceIndex(message.header.index), net })
    }
}

fn message(address: &Address) -> AddressMessage {
    let ip = address.net.addr();
    let mut message = AddressMessage::default();
    message.header.family = family_of(ip);
    message.header.prefix_len = address.net.prefix_len();
    message.header.index = address.device.0;
    message.header.scope = match ip {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => AddressScope::Link,
        _ => AddressScope::Universe,
    };
    message.attributes = vec![AddressAttribute::Local(ip), AddressAttribute::Address(ip)];
    message
}
