//! Network devices.

use kedge_model::MacAddr;
use netlink_packet_core::{DefaultNla, NLM_F_REQUEST};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    AfSpecInet, AfSpecInet6, AfSpecUnspec, In6AddrGenMode, InfoData, InfoKind, InfoVrf,
    LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};

use super::{DeviceIndex, Netlink, Table};
use crate::NetError;

/// The longest device name, without the zero that ends it for the kernel.
const LONGEST_NAME: usize = 15;

/// A device as the kernel describes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    /// Its number.
    pub index: DeviceIndex,
    /// Its name.
    pub name: String,
    /// The largest packet it carries, in octets.
    pub mtu: u32,
    /// Its Ethernet address, if it has one of that length.
    pub mac: Option<MacAddr>,
    /// Whether it was set up.
    pub up: bool,
    /// Whether it is up, has a carrier, and is ready to use it (ifOperStatus of RFC 2863): packets pass.
    pub running: bool,
    /// Whether it is a TUN or TAP device.
    pub tun: bool,
    /// The routing table of a VRF device.
    pub vrf: Option<Table>,
    /// The device that it is a port of: a VRF device, a bridge.
    pub controller: Option<DeviceIndex>,
}

impl Netlink {
    /// The device of this name.
    pub fn link(&mut self, name: &str) -> Result<Link, NetError> {
        let failed = |e| NetError::new("find device", name, e);
        // The kernel would answer with "numerical result out of range".
        if name.is_empty() || name.len() > LONGEST_NAME {
            return Err(failed(std::io::Error::from_raw_os_error(libc::ENODEV)));
        }
        let mut message = LinkMessage::default();
        message.attributes.push(LinkAttribute::IfName(name.to_owned()));
        match self.get(RouteNetlinkMessage::GetLink(message)) {
            Ok(Some(RouteNetlinkMessage::NewLink(link))) => Ok(Link::from_message(&link)),
            Ok(_) => Err(failed(std::io::Error::from_raw_os_error(libc::ENODEV))),
            Err(refusal) => Err(refusal.of("find device", name)),
        }
    }

    /// All devices.
    pub fn links(&mut self) -> Result<Vec<Link>, NetError> {
        let request = RouteNetlinkMessage::GetLink(LinkMessage::default());
        let answers = self.dump(&request).map_err(|r| r.of("list devices", ""))?;
        Ok(answers
            .iter()
            .filter_map(|answer| match answer {
                RouteNetlinkMessage::NewLink(link) => Some(Link::from_message(link)),
                _ => None,
            })
            .collect())
    }

    /// Sets a device up or down.
    pub fn set_up(&mut self, device: DeviceIndex, up: bool) -> Result<(), NetError> {
        let mut message = LinkMessage::default();
        message.header.index = device.0;
        message.header.change_mask = LinkFlags::Up;
        message.header.flags = if up { LinkFlags::Up } else { LinkFlags::empty() };
        self.set_link(message, if up { "set up" } else { "set down" }, device)
    }

    /// Sets the largest packet a device carries.
    pub fn set_mtu(&mut self, device: DeviceIndex, mtu: u32) -> Result<(), NetError> {
        self.set_attribute(device, LinkAttribute::Mtu(mtu), "set the MTU of")
    }

    /// Sets a device's Ethernet address.
    pub fn set_mac(&mut self, device: DeviceIndex, mac: MacAddr) -> Result<(), NetError> {
        self.set_attribute(device, LinkAttribute::Address(mac.0.to_vec()), "set the MAC address of")
    }

    /// Puts a device into a VRF device, whose routing table its packets are looked up in.
    pub fn enslave(&mut self, device: DeviceIndex, master: DeviceIndex) -> Result<(), NetError> {
        self.set_attribute(device, LinkAttribute::Controller(master.0), "put into a VRF")
    }

    /// Has the kernel take packets from any source out of a device (`rp_filter`), and keeps it from
    /// giving the device a link-local address, without which it solicits no routers there; a kernel
    /// without IPv6 has none. In /proc/sys each look for a device's file passes those of all
    /// namespaces.
    pub fn take_from_anywhere(&mut self, device: DeviceIndex) -> Result<(), NetError> {
        let any_source = || AfSpecUnspec::Inet(vec![ipv4_setting(RP_FILTER, 0)]);
        let none = vec![AfSpecInet6::AddrGenMode(In6AddrGenMode::None)];
        let both = vec![any_source(), AfSpecUnspec::Inet6(none)];
        let mut set = |families| {
            let attribute = LinkAttribute::AfSpecUnspec(families);
            self.set_attribute(device, attribute, "take packets from any source out of")
        };
        set(both).or_else(|_| set(vec![any_source()]))
    }

    /// Deletes a device.
    pub fn delete_link(&mut self, device: DeviceIndex) -> Result<(), NetError> {
        let mut message = LinkMessage::default();
        message.header.index = device.0;
        self.change(RouteNetlinkMessage::DelLink(message), NLM_F_REQUEST)
            .map_err(|r| r.of("delete", device))
    }

    fn set_attribute(
        &mut self,
        device: DeviceIndex,
        attribute: LinkAttribute,
        operation: &'static str,
    ) -> Result<(), NetError> {
        let mut message = LinkMessage::default();
        message.header.index = device.0;
        message.attributes.push(attribute);
        self.set_link(message, operation, device)
    }

    fn set_link(
        &mut self,
        message: LinkMessage,
        operation: &'static str,
        device: DeviceIndex,
    ) -> Result<(), NetError> {
        self.change(RouteNetlinkMessage::SetLink(message), NLM_F_REQUEST)
            .map_err(|r| r.of(operation, device))
    }
}

/// IPV4_DEVCONF_RP_FILTER of linux/ip.h.
const RP_FILTER: u16 = 8;

/// IFLA_INET_CONF with one setting, as a request has it:
///
/// ```text
/// | length 8 (2) | which (2) | value (4) |
/// ```
fn ipv4_setting(which: u16, value: u32) -> AfSpecInet {
    const IFLA_INET_CONF: u16 = 1;
    const LENGTH: u16 = 8;
    let head = [LENGTH.to_ne_bytes(), which.to_ne_bytes()].concat();
    let setting = [head, value.to_ne_bytes().to_vec()].concat();
    AfSpecInet::Other(DefaultNla::new(IFLA_INET_CONF, setting))
}

impl Link {
    pub(super) fn from_message(message: &LinkMessage) -> Self {
        let flags = message.header.flags;
        let mut link = Self {
            index: DeviceIndex(message.header.index),
            name: String::new(),
            mtu: 0,
            mac: None,
            up: flags.contains(LinkFlags::Up),
            running: flags.contains(LinkFlags::Up | LinkFlags::LowerUp | LinkFlags::Running),
            tun: false,
            vrf: None,
            controller: None,
        };
        for attribute in &message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => link.name.clone_from(name),
                LinkAttribute::Mtu(mtu) => link.mtu = *mtu,
                LinkAttribute::Controller(index) => link.controller = Some(DeviceIndex(*index)),
                LinkAttribute::Address(octets) => {
                    link.mac = octets.as_slice().try_into().ok().map(MacAddr);
                }
                LinkAttribute::LinkInfo(details) => {
                    link.tun = details.contains(&LinkInfo::Kind(InfoKind::Tun));
                    link.vrf = details.iter().find_map(vrf_table);
                }
                _ => {}
            }
        }
        link
    }
}

/// IFLA_VRF_TABLE, which a VRF device has in the answer to every question about it.
fn vrf_table(info: &LinkInfo) -> Option<Table> {
    let LinkInfo::Data(InfoData::Vrf(attributes)) = info else { return None };
    attributes.iter().find_map(|attribute| match attribute {
        InfoVrf::TableId(table) => Some(Table(*table)),
        _ => None,
    })
}
