//! Sockets on the DHCP servers' ports that nobody reads.
//!
//! A node renews its lease by unicast to the server's address, which is the kernel's too. The
//! packet socket sees that message like any other; these keep the kernel from answering that the
//! port is unreachable. The one of DHCPv6 also joins the servers' group, so that a network card
//! that filters groups lets their frames through.

use std::io;
use std::net::Ipv6Addr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::netlink::Link;
use crate::socket;

const ON: libc::c_int = 1;

/// Holds UDP port 67 on a device.
pub(super) fn hold_dhcpv4(device: &Link) -> io::Result<OwnedFd> {
    const SERVER_PORT: u16 = 67;
    let socket = socket::open(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
    tie(socket.as_fd(), device)?;
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: SERVER_PORT.to_be(),
        sin_addr: libc::in_addr { s_addr: libc::INADDR_ANY.to_be() },
        sin_zero: [0; 8],
    };
    socket::bind(socket.as_fd(), &address)?;
    Ok(socket)
}

/// Holds UDP port 547 on a device, and joins its group (RFC 8415 §7.1).
pub(super) fn hold_dhcpv6(device: &Link) -> io::Result<OwnedFd> {
    const SERVER_PORT: u16 = 547;
    const ALL_SERVERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);
    let octets = |address: Ipv6Addr| libc::in6_addr { s6_addr: address.octets() };
    let socket = socket::open(libc::AF_INET6, libc::SOCK_DGRAM, 0)?;
    let fd = socket.as_fd();
    tie(fd, device)?;
    socket::set(fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, &ON)?;
    let address = libc::sockaddr_in6 {
        sin6_family: libc::AF_INET6 as libc::sa_family_t,
        sin6_port: SERVER_PORT.to_be(),
        sin6_flowinfo: 0,
        sin6_addr: octets(Ipv6Addr::UNSPECIFIED),
        sin6_scope_id: 0,
    };
    socket::bind(fd, &address)?;
    let group =
        libc::ipv6_mreq { ipv6mr_multiaddr: octets(ALL_SERVERS), ipv6mr_interface: device.index.0 };
    socket::set(fd, libc::IPPROTO_IPV6, libc::IPV6_ADD_MEMBERSHIP, &group)?;
    Ok(socket)
}

/// What arrives on the device alone, and nothing of it is kept.
fn tie(fd: BorrowedFd<'_>, device: &Link) -> io::Result<()> {
    socket::set(fd, libc::SOL_SOCKET, libc::SO_BINDTOIFINDEX, &device.index.0.cast_signed())?;
    socket::set(fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, &ON)?;
    socket::set(fd, libc::SOL_SOCKET, libc::SO_RCVBUF, &0)
}
