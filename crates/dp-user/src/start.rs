//! Making devices and opening sockets, with errors that say what and which.

use std::io;
use std::net::SocketAddr;

use kedge_dataplane::inner::protocol;
use kedge_dataplane::{DataplaneError, Local};
use kedge_model::{VrfId, World};
use kedge_net::netlink::Netlink;
use kedge_net::place::{Place, Vrf};
use kedge_net::{NetError, limits};
use tracing::debug;

use crate::outbox::Outbox;
use crate::replies::Replies;
use crate::sys::{share, socket, tun};
use crate::transport::{Carriage, Transport};
use crate::worker::Device;

/// Packets that wait in a device for us: enough for the kernel's bursts, short enough for TCP.
const QUEUE: u16 = 2000;
/// Octets that wait in a socket, each way.
const BUFFER: i32 = 8 << 20;

/// A device as its owner knows it.
#[derive(Debug)]
pub struct Opened {
    name: String,
    place: Place,
}

/// Makes a device in a world and brings it up.
pub fn device(
    vrf: VrfId,
    world: &World,
    name: &str,
    mtu: u16,
) -> Result<(Opened, Device), DataplaneError> {
    let place = find(world)?;
    let action = || format!("make the TUN device {name}");
    let made = place.within(|| {
        let file = tun::open().map_err(|source| match source.raw_os_error() {
            Some(libc::ENOENT | libc::ENODEV | libc::ENXIO) => DataplaneError::Missing {
                what: tun::TUN_PATH.into(),
                remedy: "load the module (modprobe tun), or give the container the device",
                source,
            },
            _ => host(action(), "CAP_NET_ADMIN", source),
        })?;
        let set_up = || {
            tun::create(&file, name).map_err(taken)?;
            let udp_trains = tun::set_offloads(&file)?;
            prepare(name, place.vrf()).map_err(io::Error::other)?;
            tun::bring_up(name, mtu, QUEUE)?;
            Ok((Replies::open(&place)?, udp_trains))
        };
        let (replies, udp_trains) = set_up().map_err(|e| host(action(), "CAP_NET_ADMIN", e))?;
        Ok(Device { vrf, mtu, udp_trains, file, replies })
    });
    let device = made.map_err(elsewhere)??;
    Ok((Opened { name: name.to_owned(), place }, device))
}

/// What is done to a device before it is up. Packets of subscribers come out of it from anywhere: the
/// forwarder has checked them. The kernel has no link-local address there and solicits no routers.
/// In a VRF device from the first, it never sees packets of another world.
fn prepare(name: &str, vrf: Option<&Vrf>) -> Result<(), NetError> {
    let mut netlink = Netlink::open()?;
    let device = netlink.link(name)?.index;
    netlink.take_from_anywhere(device)?;
    if let Err(error) = netlink.pass_queueing(device) {
        debug!("{error}: a packet to {name} takes longer");
    }
    vrf.map_or(Ok(()), |vrf| netlink.enslave(device, vrf.index))
}

impl Opened {
    /// The device's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Gives the device another MTU.
    pub fn set_mtu(&self, mtu: u16) -> Result<(), DataplaneError> {
        let name = &self.name;
        let set = self.place.within(|| tun::set_mtu(name, mtu)).map_err(elsewhere)?;
        let action = || format!("set the MTU of {name} to {mtu}");
        set.map_err(|source| host(action(), "CAP_NET_ADMIN", source))
    }
}

fn find(world: &World) -> Result<Place, DataplaneError> {
    Place::find(world).map_err(elsewhere)
}

fn elsewhere(error: NetError) -> DataplaneError {
    DataplaneError::World(error.to_string())
}

/// The kernel's "invalid argument" (a device of another kind) and "busy" (a TUN device that some
/// program holds) both mean that the name is not free.
fn taken(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(libc::EINVAL | libc::EBUSY) => io::Error::other("another device has that name"),
        _ => error,
    }
}

/// Opens the sockets of a local in its world, in the order of [`Carriage::ALL`].
pub fn transports(local: &Local, world: &World) -> Result<Vec<Transport>, DataplaneError> {
    let place = find(world)?;
    let opened = place.within(|| {
        let has = |c: &Carriage| *c != Carriage::Shared || local.signalling_port.is_some();
        let carriages = Carriage::ALL.into_iter().filter(has);
        carriages.map(|carriage| transport(local, world, &place, carriage)).collect()
    });
    opened.map_err(elsewhere)?
}

fn transport(
    config: &Local,
    world: &World,
    place: &Place,
    carriage: Carriage,
) -> Result<Transport, DataplaneError> {
    let is_ipv4 = config.address.is_ipv4();
    let (kind, protocol, port, what) = match carriage {
        Carriage::Udp => (libc::SOCK_DGRAM, protocol::UDP, config.udp_port, "UDP"),
        Carriage::Gre => (libc::SOCK_RAW, protocol::GRE, 0, "GRE"),
        Carriage::Ipv4 => (libc::SOCK_RAW, protocol::IPV4, 0, "IPv4-in-IP"),
        Carriage::Ipv6 => (libc::SOCK_RAW, protocol::IPV6, 0, "IPv6-in-IP"),
        Carriage::Shared => {
            (libc::SOCK_DGRAM, protocol::UDP, config.signalling_port.unwrap_or(0), "shared UDP")
        }
    };
    let local = SocketAddr::new(config.address, port);
    let open = || {
        let fd = socket::open(is_ipv4, kind, protocol)?;
        place.claim(&fd)?;
        for (level, name, value) in options(is_ipv4, carriage) {
            socket::set(&fd, level, name, value)?;
        }
        for (forced, plain) in
            [(libc::SO_RCVBUFFORCE, libc::SO_RCVBUF), (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF)]
        {
            // Without CAP_NET_ADMIN the kernel's own limit holds.
            socket::set(&fd, libc::SOL_SOCKET, forced, BUFFER)
                .or_else(|_| socket::set(&fd, libc::SOL_SOCKET, plain, BUFFER))?;
        }
        if carriage == Carriage::Shared {
            share::bind(&fd, local)?;
        } else {
            socket::bind(&fd, local)?;
        }
        Ok(fd)
    };
    let fd = open().map_err(|source: io::Error| match source.raw_os_error() {
        Some(libc::EADDRINUSE) => DataplaneError::AddressInUse { local, source },
        Some(libc::EADDRNOTAVAIL) => DataplaneError::AddressUnavailable {
            world: world.clone(),
            local: config.address,
            source,
        },
        _ => host(format!("open the {what} socket at {}", config.address), "CAP_NET_RAW", source),
    })?;
    let outbox = Outbox::new(fd, is_ipv4, carriage.is_udp());
    Ok(Transport { vrf: config.vrf, local, data_port: config.udp_port, carriage, outbox })
}

/// Outer headers are ours to mark, never to be fragmented, and errors about them ours to hear.
fn options(
    is_ipv4: bool,
    carriage: Carriage,
) -> impl Iterator<Item = (libc::c_int, libc::c_int, i32)> {
    let ttl = kedge_dataplane::HOP_LIMIT.into();
    let [v4, v6] = [libc::IPPROTO_IP, libc::IPPROTO_IPV6];
    let family = if is_ipv4 {
        vec![
            (v4, libc::IP_TTL, ttl),
            (v4, libc::IP_RECVTOS, 1),
            (v4, libc::IP_RECVERR, 1),
            (v4, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_DO),
        ]
    } else {
        vec![
            (v6, libc::IPV6_UNICAST_HOPS, ttl),
            (v6, libc::IPV6_RECVTCLASS, 1),
            (v6, libc::IPV6_RECVERR, 1),
            (v6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_DO),
            (v6, IPV6_FLOWINFO_SEND, 1),
        ]
    };
    let udp = carriage.is_udp().then_some((libc::SOL_UDP, libc::UDP_GRO, 1));
    family.into_iter().chain(udp)
}

/// `libc` does not name it: the flow label of `sin6_flowinfo` goes into the packet.
const IPV6_FLOWINFO_SEND: libc::c_int = 33;

fn host(action: String, capability: &'static str, source: io::Error) -> DataplaneError {
    match source.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => {
            DataplaneError::NotPermitted { action, capability, source }
        }
        Some(number @ (libc::EMFILE | libc::ENFILE)) => {
            let limit = limits::hit(number).unwrap_or_default();
            DataplaneError::TooManyFiles { action, limit, source }
        }
        _ => DataplaneError::Host { action, source },
    }
}
