//! Sockets of both kinds and their options.
#![expect(unsafe_code, reason = "raw sockets and most options are not in the standard library")]

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::check;

/// A `sockaddr` of either family.
#[derive(Clone, Copy)]
#[repr(C)]
pub union SockAddr {
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

impl SockAddr {
    /// Octets that either family fits into.
    pub const SIZE: libc::socklen_t = size_of::<Self>() as _;

    /// All zeros.
    pub fn zero() -> Self {
        // SAFETY: all zeros is a valid sockaddr_in6, of no family.
        unsafe { MaybeUninit::zeroed().assume_init() }
    }

    /// An address, with the flow label that packets to it shall carry (IPv6).
    pub fn new(address: SocketAddr, flow_label: u32) -> (Self, libc::socklen_t) {
        match address {
            SocketAddr::V4(v4) => {
                let v4 = libc::sockaddr_in {
                    sin_family: libc::AF_INET as _,
                    sin_port: v4.port().to_be(),
                    sin_addr: libc::in_addr { s_addr: v4.ip().to_bits().to_be() },
                    sin_zero: [0; 8],
                };
                (Self { v4 }, size_of::<libc::sockaddr_in>() as _)
            }
            SocketAddr::V6(v6) => {
                let v6 = libc::sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as _,
                    sin6_port: v6.port().to_be(),
                    sin6_flowinfo: flow_label.to_be(),
                    sin6_addr: libc::in6_addr { s6_addr: v6.ip().octets() },
                    sin6_scope_id: 0,
                };
                (Self { v6 }, size_of::<libc::sockaddr_in6>() as _)
            }
        }
    }

    /// What the kernel wrote; the unspecified address if it wrote none.
    pub fn get(&self) -> SocketAddr {
        // SAFETY: every bit pattern is valid for both members, and the whole union has been
        // written: by `zero`, by `new` as far as that member goes, and by the kernel.
        unsafe {
            match libc::c_int::from(self.v4.sin_family) {
                libc::AF_INET => {
                    let ip = Ipv4Addr::from_bits(u32::from_be(self.v4.sin_addr.s_addr));
                    SocketAddrV4::new(ip, u16::from_be(self.v4.sin_port)).into()
                }
                libc::AF_INET6 => {
                    let ip = Ipv6Addr::from(self.v6.sin6_addr.s6_addr);
                    SocketAddrV6::new(ip, u16::from_be(self.v6.sin6_port), 0, 0).into()
                }
                _ => SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0),
            }
        }
    }
}

/// A non-blocking socket of the calling thread's namespace.
pub fn open(is_ipv4: bool, kind: libc::c_int, protocol: u8) -> io::Result<OwnedFd> {
    let family = if is_ipv4 { libc::AF_INET } else { libc::AF_INET6 };
    let kind = kind | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: no pointer is passed; the descriptor is new and ours.
    Ok(unsafe { OwnedFd::from_raw_fd(check(libc::socket(family, kind, protocol.into()))?) })
}

/// Gives the socket its address.
pub fn bind(fd: &OwnedFd, local: SocketAddr) -> io::Result<()> {
    let (address, length) = SockAddr::new(local, 0);
    // SAFETY: the address lives through the call and is as long as said.
    check(unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), length) })?;
    Ok(())
}

/// The address of ours that packets to `to` start at.
pub fn source_towards(fd: &OwnedFd, to: IpAddr) -> io::Result<IpAddr> {
    // Port 9, discard: nothing is sent, connecting only asks for a route.
    let (address, length) = SockAddr::new(SocketAddr::new(to, 9), 0);
    let mut local = SockAddr::zero();
    let mut size = SockAddr::SIZE;
    // SAFETY: both addresses live through the calls and are as long as said.
    unsafe {
        check(libc::connect(fd.as_raw_fd(), (&raw const address).cast(), length))?;
        check(libc::getsockname(fd.as_raw_fd(), (&raw mut local).cast(), &mut size))?;
    }
    Ok(local.get().ip())
}

/// Sends one packet.
pub fn send_to(fd: &OwnedFd, packet: &[u8], to: IpAddr) -> io::Result<()> {
    let (address, length) = SockAddr::new(SocketAddr::new(to, 0), 0);
    // SAFETY: packet and address live through the call and are as long as said.
    let sent = unsafe {
        let address = (&raw const address).cast();
        libc::sendto(fd.as_raw_fd(), packet.as_ptr().cast(), packet.len(), 0, address, length)
    };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Sets an option that is a number.
pub fn set(fd: &OwnedFd, level: libc::c_int, name: libc::c_int, value: i32) -> io::Result<()> {
    let size = size_of::<i32>() as libc::socklen_t;
    let value = (&raw const value).cast();
    // SAFETY: the value lives through the call and is as long as said.
    check(unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, value, size) })?;
    Ok(())
}
