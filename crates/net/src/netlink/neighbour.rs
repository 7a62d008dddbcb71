//! Neighbour entries: which link-layer address an address has.

use std::fmt;
use std::net::IpAddr;

use kedge_model::MacAddr;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_REPLACE, NLM_F_REQUEST};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState as Nud,
};
use netlink_packet_route::route::RouteProtocol;

use super::{DeviceIndex, Netlink, PROTOCOL, family_of};
use crate::NetError;

/// A neighbour entry.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Neighbour {
    /// The device it is a neighbour on.
    pub device: DeviceIndex,
    /// Its address.
    pub address: IpAddr,
    /// Its link-layer address.
    pub mac: MacAddr,
}

impl fmt::Display for Neighbour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {} on {}", self.address, self.mac, self.device)
    }
}

/// What the kernel knows about a neighbour (RFC 4861 §7.3.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NeighbourState {
    /// Asked for, no answer yet.
    Incomplete,
    /// It answered recently.
    Reachable,
    /// It answered once; stale, or being asked again.
    Unconfirmed,
    /// It did not answer.
    Failed,
    /// Entered by hand, not asked for.
    Permanent,
}

impl NeighbourState {
    pub(super) fn from_kernel(state: Nud) -> Option<Self> {
        Some(match state {
            Nud::Incomplete => Self::Incomplete,
            Nud::Reachable => Self::Reachable,
            Nud::Stale | Nud::Delay | Nud::Probe => Self::Unconfirmed,
            Nud::Failed => Self::Failed,
            Nud::Permanent | Nud::Noarp => Self::Permanent,
            _ => return None,
        })
    }
}

impl Netlink {
    /// Enters a neighbour that is not asked for its link-layer address, in place of what was
    /// known about it.
    pub fn add_neighbour(&mut self, neighbour: &Neighbour) -> Result<(), NetError> {
        let mut message = message(neighbour.device, neighbour.address);
        message.header.state = Nud::Permanent;
        message.attributes.extend([
            NeighbourAttribute::LinkLayerAddress(neighbour.mac.0.to_vec()),
            NeighbourAttribute::Protocol(RouteProtocol::Other(PROTOCOL)),
        ]);
        self.change(RouteNetlinkMessage::NewNeighbour(message), NLM_F_CREATE | NLM_F_REPLACE)
            .map_err(|r| r.of("add neighbour", neighbour))
    }

    /// Removes a neighbour entry.
    pub fn remove_neighbour(
        &mut self,
        device: DeviceIndex,
        address: IpAddr,
    ) -> Result<(), NetError> {
        let message = message(device, address);
        self.change(RouteNetlinkMessage::DelNeighbour(message), NLM_F_REQUEST)
            .map_err(|r| r.of("remove neighbour", format_args!("{address} on {device}")))
    }

    /// What the kernel knows about a neighbour; `None` is nothing.
    pub fn neighbour_state(
        &mut self,
        device: DeviceIndex,
        address: IpAddr,
    ) -> Result<Option<NeighbourState>, NetError> {
        match self.get(RouteNetlinkMessage::GetNeighbour(message(device, address))) {
            Ok(Some(RouteNetlinkMessage::NewNeighbour(m))) => {
                Ok(NeighbourState::from_kernel(m.header.state))
            }
            Ok(_) => Ok(None),
            Err(refusal) if refusal.is(libc::ENOENT) => Ok(None),
            Err(r) => Err(r.of("look up neighbour", format_args!("{address} on {device}"))),
        }
    }

    /// The neighbour entries that carry this daemon's mark.
    pub fn own_neighbours(&mut self) -> Result<Vec<Neighbour>, NetError> {
        let request = RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default());
        let answers = self.dump(&request).map_err(|r| r.of("list neighbours", ""))?;
        Ok(answers
            .iter()
            .filter_map(|answer| match answer {
                RouteNetlinkMessage::NewNeighbour(m) => own(m),
                _ => None,
            })
            .collect())
    }
}

pub(super) fn address_of(message: &NeighbourMessage) -> Option<IpAddr> {
    message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet(v4)) => Some(IpAddr::V4(*v4)),
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(v6)) => Some(IpAddr::V6(*v6)),
        _ => None,
    })
}

/// `None` is an entry this daemon did not make.
fn own(message: &NeighbourMessage) -> Option<Neighbour> {
    let mark = NeighbourAttribute::Protocol(RouteProtocol::Other(PROTOCOL));
    if !message.attributes.contains(&mark) {
        return None;
    }
    let mac = message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::LinkLayerAddress(octets) => octets.as_slice().try_into().ok(),
        _ => None,
    })?;
    let device = DeviceIndex(message.header.ifindex);
    Some(Neighbour { device, address: address_of(message)?, mac: MacAddr(mac) })
}

fn message(device: DeviceIndex, address: IpAddr) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = family_of(address);
    message.header.ifindex = device.0;
    let destination = match address {
        IpAddr::V4(v4) => NeighbourAddress::Inet(v4),
        IpAddr::V6(v6) => NeighbourAddress::Inet6(v6),
    };
    message.attributes.push(NeighbourAttribute::Destination(destination));
    message
}
