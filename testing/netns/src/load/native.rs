//! Mobility Headers over IPv6 as they are: protocol 135, no port (RFC 6275 section 6.1.1).
#![expect(unsafe_code, reason = "raw sockets are not in the standard library")]

use std::{
    io,
    net::{Ipv6Addr, SocketAddrV6, UdpSocket},
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

use nix::{
    libc::{self, c_int},
    sys::socket::{SockaddrIn6, bind},
};

const MOBILITY_HEADER: c_int = 135;
/// Where the checksum is that the kernel fills in and verifies.
const CHECKSUM: c_int = 4;

/// A socket at this address. It has no port, and otherwise is used as one of UDP.
pub(super) fn open(local: Ipv6Addr) -> io::Result<UdpSocket> {
    // SAFETY: no pointer is passed.
    let fd = unsafe {
        libc::socket(libc::AF_INET6, libc::SOCK_RAW | libc::SOCK_CLOEXEC, MOBILITY_HEADER)
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is new and ours.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    let size = size_of::<c_int>() as libc::socklen_t;
    // SAFETY: the option is an integer, which lives through the call.
    let set = unsafe {
        let value = std::ptr::from_ref(&CHECKSUM).cast();
        libc::setsockopt(fd, libc::IPPROTO_IPV6, libc::IPV6_CHECKSUM, value, size)
    };
    if set < 0 {
        return Err(io::Error::last_os_error());
    }
    bind(socket.as_raw_fd(), &SockaddrIn6::from(SocketAddrV6::new(local, 0, 0, 0)))?;
    Ok(UdpSocket::from(socket))
}
