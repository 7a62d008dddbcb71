//! A routing world that was found on this host, and opening things in it.
//!
//! ```text
//!   World::Own          this namespace              table main
//!   World::Namespace    /run/netns/NAME             table main there
//!   World::Device       this namespace, sockets     the device's own table
//!                       bound to the VRF device
//! ```
//!
//! A namespace is entered for a moment ([`Namespace::within`]), which takes
//! `CAP_SYS_ADMIN`; a VRF device takes nothing beyond what a socket takes (SO_BINDTOIFINDEX).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;

use kedge_model::World;

use crate::namespace::Namespace;
use crate::netlink::{DeviceIndex, Netlink, Table};
use crate::{NetError, sockaddr, socket};

/// Where a routing world is. What is opened there stays there, whatever becomes of the name that
/// it was found by.
#[derive(Clone, Debug)]
pub struct Place {
    namespace: Namespace,
    vrf: Option<Vrf>,
}

/// A VRF device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Vrf {
    /// Its name.
    pub name: String,
    /// Its number.
    pub index: DeviceIndex,
    /// The routing table of the devices in it.
    pub table: Table,
}

impl Place {
    /// Finds a world, as seen from the calling thread.
    pub fn find(world: &World) -> Result<Self, NetError> {
        let namespace = match world {
            World::Own | World::Device(_) => Namespace::current()?,
            World::Namespace(name) => Namespace::open(name)?,
        };
        let vrf = match world {
            World::Own | World::Namespace(_) => None,
            World::Device(name) => Some(vrf(name)?),
        };
        Ok(Self { namespace, vrf })
    }

    /// The network namespace it is in.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The VRF device that it is, unless it is a namespace.
    pub fn vrf(&self) -> Option<&Vrf> {
        self.vrf.as_ref()
    }

    /// The table of its ordinary routes.
    pub fn table(&self) -> Table {
        self.vrf.as_ref().map_or(Table::MAIN, |vrf| vrf.table)
    }

    /// Runs `work` in its namespace. Sockets that are opened there take [`Self::claim`] to be in
    /// the world.
    pub fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, NetError> {
        self.namespace.within(work)
    }

    /// Has a socket of this namespace send and receive in this world alone. Before it is bound:
    /// an address is the VRF's only to a socket that is the VRF's.
    pub fn claim(&self, socket: &impl AsFd) -> io::Result<()> {
        let Some(vrf) = &self.vrf else { return Ok(()) };
        let index = vrf.index.0.cast_signed();
        socket::set(socket.as_fd(), libc::SOL_SOCKET, libc::SO_BINDTOIFINDEX, &index)
    }

    /// Whether sockets can be bound to an address here. While its duplicate check runs (RFC 4862
    /// §5.4), an IPv6 address cannot.
    pub fn has(&self, address: IpAddr) -> Result<bool, NetError> {
        Ok(self.lacking(&[address])?.is_empty())
    }

    /// Those of many addresses that sockets cannot be bound to here.
    pub fn lacking(&self, addresses: &[IpAddr]) -> Result<Vec<IpAddr>, NetError> {
        self.within(|| {
            let mut lacking = Vec::new();
            for &address in addresses {
                match self.try_address(address) {
                    Ok(()) => {}
                    Err(e) if e.raw_os_error() == Some(libc::EADDRNOTAVAIL) => {
                        lacking.push(address)
                    }
                    Err(e) => return Err(NetError::new("try the address", address, e)),
                }
            }
            Ok(lacking)
        })?
    }

    fn try_address(&self, address: IpAddr) -> io::Result<()> {
        let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
        let socket = socket::open(family, libc::SOCK_DGRAM, 0)?;
        self.claim(&socket)?;
        sockaddr::bind(socket.as_fd(), SocketAddr::new(address, 0))
    }
}

/// The VRF device of this name in the namespace of the calling thread.
fn vrf(name: &str) -> Result<Vrf, NetError> {
    let advice = format!("`ip link add {name} type vrf table N` makes one");
    let link = Netlink::open()?.link(name).map_err(|e| e.if_absent(&advice))?;
    let none = || {
        let cause = io::Error::other("this device is none");
        NetError::new("use as VRF device", name, cause).with_advice(advice.clone())
    };
    let table = link.vrf.ok_or_else(none)?;
    Ok(Vrf { name: link.name, index: link.index, table })
}
