//! Socket addresses and traffic classes in the kernel's layout.

use std::ffi::c_int;
use std::io;
use std::mem;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::BorrowedFd;

use crate::socket;

/// An address of either family; which one, the socket knows.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) union Name {
    pub(crate) v4: libc::sockaddr_in,
    pub(crate) v6: libc::sockaddr_in6,
}

impl Name {
    pub(crate) const SIZE: libc::socklen_t = mem::size_of::<Name>() as libc::socklen_t;
    pub(crate) const EMPTY: Self = Self {
        v6: libc::sockaddr_in6 {
            sin6_family: 0,
            sin6_port: 0,
            sin6_flowinfo: 0,
            sin6_addr: libc::in6_addr { s6_addr: [0; 16] },
            sin6_scope_id: 0,
        },
    };
}

/// Room for one control message that carries an `int`, and nothing else:
///
/// ```text
/// | cmsg_len (8) | cmsg_level (4) | cmsg_type (4) | value (4) | padding (4) |
/// ```
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Control {
    pub(crate) header: libc::cmsghdr,
    pub(crate) value: c_int,
    padding: c_int,
}

impl Control {
    pub(crate) const SIZE: usize = mem::size_of::<Control>();
    pub(crate) const EMPTY: Self = Self::new(0, 0, 0);

    /// A control message of `kind` in the layout that `CMSG_DATA` expects.
    pub(crate) const fn new(level: c_int, kind: c_int, value: c_int) -> Self {
        let cmsg_len = mem::size_of::<libc::cmsghdr>() + mem::size_of::<c_int>();
        let header = libc::cmsghdr { cmsg_len, cmsg_level: level, cmsg_type: kind };
        Self { header, value, padding: 0 }
    }

    /// The traffic class that the kernel wrote here, `length` octets of it: an octet for IPv4,
    /// an `int` for IPv6. Without one it is 0.
    pub(crate) fn traffic_class(&self, length: usize) -> u8 {
        if length < mem::size_of::<libc::cmsghdr>() {
            return 0;
        }
        match (self.header.cmsg_level, self.header.cmsg_type) {
            (libc::IPPROTO_IP, libc::IP_TOS) => self.value.to_ne_bytes()[0],
            (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => self.value as u8,
            _ => 0,
        }
    }
}

pub(crate) fn from_v4(address: SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
        sin_zero: [0; 8],
    }
}

pub(crate) fn from_v6(address: SocketAddrV6) -> libc::sockaddr_in6 {
    libc::sockaddr_in6 {
        sin6_family: libc::AF_INET6 as libc::sa_family_t,
        sin6_port: address.port().to_be(),
        sin6_flowinfo: 0,
        sin6_addr: libc::in6_addr { s6_addr: address.ip().octets() },
        sin6_scope_id: address.scope_id(),
    }
}

pub(crate) fn to_v4(address: &libc::sockaddr_in) -> SocketAddrV4 {
    let ip = Ipv4Addr::from(address.sin_addr.s_addr.to_ne_bytes());
    SocketAddrV4::new(ip, u16::from_be(address.sin_port))
}

pub(crate) fn to_v6(address: &libc::sockaddr_in6) -> SocketAddrV6 {
    let ip = Ipv6Addr::from(address.sin6_addr.s6_addr);
    SocketAddrV6::new(ip, u16::from_be(address.sin6_port), 0, address.sin6_scope_id)
}

/// `bind`, to an address of either family.
pub(crate) fn bind(fd: BorrowedFd<'_>, local: SocketAddr) -> io::Result<()> {
    match local {
        SocketAddr::V4(local) => socket::bind(fd, &from_v4(local)),
        SocketAddr::V6(local) => socket::bind(fd, &from_v6(local)),
    }
}
