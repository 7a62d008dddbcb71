//! Routes, one by one and in masses, and what the kernel would do with a packet.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use kedge_model::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteMetric, RouteProtocol,
    RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::{DeviceIndex, Netlink, PROTOCOL, Table, family_of};
use crate::NetError;

/// Where a route leads.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum NextHop {
    /// Out of a device, on which the destination is a neighbour.
    Device(DeviceIndex),
    /// To a router; without a device, to where the router is found.
    Via(IpAddr, Option<DeviceIndex>),
    /// Nowhere: the sender is told so.
    Unreachable,
}

/// A route of this daemon.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Route {
    /// The packets it is for.
    pub destination: IpNet,
    /// Where they go.
    pub next_hop: NextHop,
    /// The table it is in.
    pub table: Table,
    /// Its preference among routes to the same destination; lower wins. 0 is the kernel's
    /// default, which for IPv6 is 1024.
    pub metric: u32,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.destination)?;
        match self.next_hop {
            NextHop::Device(device) => write!(f, " to {device}")?,
            NextHop::Via(router, None) => write!(f, " via {router}")?,
            NextHop::Via(router, Some(device)) => write!(f, " via {router} on {device}")?,
            NextHop::Unreachable => f.write_str(" unreachable")?,
        }
        if self.table != Table::MAIN {
            write!(f, " in table {}", self.table.0)?;
        }
        Ok(())
    }
}

/// What the kernel would do with a packet of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lookup {
    /// The device it would leave through.
    pub device: DeviceIndex,
    /// The router it would go to, if the destination is no neighbour.
    pub gateway: Option<IpAddr>,
    /// The source address it would get.
    pub source: Option<IpAddr>,
    /// The path MTU that the kernel has learnt or that the route states; without it, the
    /// device's holds.
    pub mtu: Option<u32>,
}

impl Netlink {
    /// Adds a route; it is an error if there is one to the same destination with the same
    /// metric.
    pub fn add_route(&mut self, route: &Route) -> Result<(), NetError> {
        self.change(RouteNetlinkMessage::NewRoute(message(route)), NLM_F_CREATE | NLM_F_EXCL)
            .map_err(|r| r.of("add route", route))
    }

    /// Adds a route, in place of one to the same destination with the same metric.
    pub fn replace_route(&mut self, route: &Route) -> Result<(), NetError> {
        self.change(RouteNetlinkMessage::NewRoute(message(route)), NLM_F_CREATE | NLM_F_REPLACE)
            .map_err(|r| r.of("replace route", route))
    }

    /// Removes a route that this daemon made.
    pub fn remove_route(&mut self, route: &Route) -> Result<(), NetError> {
        self.change(RouteNetlinkMessage::DelRoute(message(route)), NLM_F_REQUEST)
            .map_err(|r| r.of("remove route", route))
    }

    /// Adds many routes, 64 in each system call, and gives the failures by place, as
    /// [`Self::add_route`] does.
    pub fn add_routes(&mut self, routes: &[Route]) -> Result<Vec<(usize, NetError)>, NetError> {
        let messages = routes.iter().map(|r| RouteNetlinkMessage::NewRoute(message(r)));
        let mut failures = Vec::new();
        self.change_many(messages, NLM_F_CREATE | NLM_F_EXCL, |place, refusal| {
            failures.push((place, refusal.of("add route", routes[place])));
        })
        .map_err(|r| r.of("add routes", ""))?;
        Ok(failures)
    }

    /// Removes many routes, 64 in each system call, and gives the failures by place.
    pub fn remove_routes(&mut self, routes: &[Route]) -> Result<Vec<(usize, NetError)>, NetError> {
        let messages = routes.iter().map(|r| RouteNetlinkMessage::DelRoute(message(r)));
        let mut failures = Vec::new();
        self.change_many(messages, NLM_F_REQUEST, |place, refusal| {
            failures.push((place, refusal.of("remove route", routes[place])));
        })
        .map_err(|r| r.of("remove routes", ""))?;
        Ok(failures)
    }

    /// The routes that carry this daemon's mark, in every table.
    pub fn own_routes(&mut self) -> Result<Vec<Route>, NetError> {
        let mut routes = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut request = RouteMessage::default();
            request.header.address_family = family;
            request.header.protocol = RouteProtocol::Other(PROTOCOL);
            let request = RouteNetlinkMessage::GetRoute(request);
            let answers = match self.dump(&request) {
                Ok(answers) => answers,
                // The kernel knows no table yet that could hold one.
                Err(refusal) if refusal.is(libc::ENOENT) => continue,
                Err(refusal) => return Err(refusal.of("list routes", "")),
            };
            routes.extend(answers.iter().filter_map(|answer| match answer {
                RouteNetlinkMessage::NewRoute(m) => Route::from_message(m),
                _ => None,
            }));
        }
        Ok(routes)
    }

    /// What the kernel would do with a packet to `destination`, from `source` and through the
    /// device `out`, if given. Through a VRF device is by the routes of that VRF.
    pub fn lookup(
        &mut self,
        destination: IpAddr,
        source: Option<IpAddr>,
        out: Option<DeviceIndex>,
    ) -> Result<Lookup, NetError> {
        let mut request = RouteMessage::default();
        let length = IpNet::from(destination).prefix_len();
        request.header.address_family = family_of(destination);
        request.header.destination_prefix_length = length;
        request.attributes.push(RouteAttribute::Destination(destination.into()));
        if let Some(source) = source {
            request.header.source_prefix_length = length;
            request.attributes.push(RouteAttribute::Source(source.into()));
        }
        request.attributes.extend(out.map(|device| RouteAttribute::Oif(device.0)));
        let unreachable = || {
            let cause = io::Error::from_raw_os_error(libc::ENETUNREACH);
            NetError::new("find the route to", destination, cause)
        };
        match self.get(RouteNetlinkMessage::GetRoute(request)) {
            Ok(Some(RouteNetlinkMessage::NewRoute(m))) => {
                Lookup::from_message(&m).ok_or_else(unreachable)
            }
            Ok(_) => Err(unreachable()),
            Err(refusal) => Err(refusal.of("find the route to", destination)),
        }
    }
}

impl Route {
    /// `None` is a route this daemon would not have made.
    fn from_message(message: &RouteMessage) -> Option<Self> {
        let header = &message.header;
        if header.protocol != RouteProtocol::Other(PROTOCOL) {
            return None;
        }
        let mut destination = match header.address_family {
            AddressFamily::Inet => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            AddressFamily::Inet6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            _ => return None,
        };
        let (mut device, mut gateway, mut metric) = (None, None, 0);
        let mut table = u32::from(header.table);
        for attribute in &message.attributes {
            match attribute {
                RouteAttribute::Destination(a) => destination = ip(a)?,
                RouteAttribute::Oif(index) => device = Some(DeviceIndex(*index)),
                RouteAttribute::Gateway(a) => gateway = Some(ip(a)?),
                RouteAttribute::Priority(value) => metric = *value,
                RouteAttribute::Table(number) => table = *number,
                _ => {}
            }
        }
        let next_hop = match (gateway, device) {
            // IPv6 names the loopback device with it.
            _ if header.kind == RouteType::Unreachable => NextHop::Unreachable,
            (Some(router), device) => NextHop::Via(router, device),
            (None, Some(device)) => NextHop::Device(device),
            (None, None) => return None,
        };
        let destination = IpNet::new(destination, header.destination_prefix_length).ok()?;
        Some(Self { destination, next_hop, table: Table(table), metric })
    }
}

impl Lookup {
    /// `None` is a destination that packets do not reach.
    fn from_message(message: &RouteMessage) -> Option<Self> {
        if !matches!(message.header.kind, RouteType::Unicast | RouteType::Local) {
            return None;
        }
        let (mut device, mut gateway, mut source, mut mtu) = (None, None, None, None);
        for attribute in &message.attributes {
            match attribute {
                RouteAttribute::Oif(index) => device = Some(DeviceIndex(*index)),
                RouteAttribute::Gateway(a) => gateway = ip(a),
                RouteAttribute::PrefSource(a) => source = ip(a),
                RouteAttribute::Metrics(metrics) => {
                    mtu = metrics.iter().find_map(|metric| match metric {
                        RouteMetric::Mtu(octets) => Some(*octets),
                        _ => None,
                    });
                }
                _ => {}
            }
        }
        Some(Self { device: device?, gateway, source, mtu })
    }
}

fn message(route: &Route) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header = RouteHeader {
        address_family: family_of(route.destination.addr()),
        destination_prefix_length: route.destination.prefix_len(),
        table: u8::try_from(route.table.0).unwrap_or(RouteHeader::RT_TABLE_UNSPEC),
        protocol: RouteProtocol::Other(PROTOCOL),
        scope: match (route.destination, route.next_hop) {
            (IpNet::V4(_), NextHop::Device(_)) => RouteScope::Link,
            _ => RouteScope::Universe,
        },
        kind: match route.next_hop {
            NextHop::Unreachable => RouteType::Unreachable,
            NextHop::Device(_) | NextHop::Via(..) => RouteType::Unicast,
        },
        ..RouteHeader::default()
    };
    let network = route.destination.network();
    message.attributes =
        vec![RouteAttribute::Destination(network.into()), RouteAttribute::Table(route.table.0)];
    let device = match route.next_hop {
        NextHop::Device(device) => Some(device),
        NextHop::Via(router, device) => {
            message.attributes.push(RouteAttribute::Gateway(router.into()));
            device
        }
        NextHop::Unreachable => None,
    };
    message.attributes.extend(device.map(|d| RouteAttribute::Oif(d.0)));
    if route.metric != 0 {
        message.attributes.push(RouteAttribute::Priority(route.metric));
    }
    message
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(v4) => Some(IpAddr::V4(*v4)),
        RouteAddress::Inet6(v6) => Some(IpAddr::V6(*v6)),
        _ => None,
    }
}
