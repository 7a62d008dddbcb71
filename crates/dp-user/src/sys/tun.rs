//! TUN devices with the virtio header (Linux Documentation/networking/tuntap.rst).
#![expect(unsafe_code, reason = "devices are made and set up by ioctl")]

use std::fs::{File, OpenOptions};
use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;

use super::check;

/// Where TUN devices come from.
pub const TUN_PATH: &str = "/dev/net/tun";

const TUNSETIFF: libc::c_ulong = 0x4004_54ca;
const TUNSETOFFLOAD: libc::c_ulong = 0x4004_54d0;
const TUN_F_CSUM: libc::c_ulong = 0x01;
const TUN_F_TSO4: libc::c_ulong = 0x02;
const TUN_F_TSO6: libc::c_ulong = 0x04;
const TUN_F_USO4: libc::c_ulong = 0x20;
const TUN_F_USO6: libc::c_ulong = 0x40;

/// Opens [`TUN_PATH`] in the network namespace of the calling thread.
pub fn open() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(TUN_PATH)
}

/// Makes the opened file a TUN device of that name, which lives until the file is closed.
pub fn create(file: &File, name: &str) -> io::Result<()> {
    let mut request = request(name)?;
    let flags = libc::IFF_TUN | libc::IFF_NO_PI | libc::IFF_VNET_HDR;
    request.ifr_ifru.ifru_flags = flags as libc::c_short;
    // SAFETY: the kernel reads and writes one ifreq, which lives through the call.
    check(unsafe { libc::ioctl(file.as_raw_fd(), TUNSETIFF, &mut request) })?;
    Ok(())
}

/// Has the kernel hand us unfinished checksums and trains of TCP segments, and of UDP datagrams
/// where it can (Linux 6.2); the answer says whether it can.
pub fn set_offloads(file: &File) -> io::Result<bool> {
    let tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
    let set = |flags: libc::c_ulong| {
        // SAFETY: the argument is a number.
        check(unsafe { libc::ioctl(file.as_raw_fd(), TUNSETOFFLOAD, flags) })
    };
    if set(tcp | TUN_F_USO4 | TUN_F_USO6).is_ok() {
        return Ok(true);
    }
    set(tcp)?;
    Ok(false)
}

/// Sets the MTU of a device in the calling thread's namespace.
pub fn set_mtu(name: &str, mtu: u16) -> io::Result<()> {
    set_number(&carrier()?, name, libc::SIOCSIFMTU, mtu)
}

/// Sets MTU and queue length of a device in the calling thread's namespace and brings it up.
pub fn bring_up(name: &str, mtu: u16, queue: u16) -> io::Result<()> {
    let socket = carrier()?;
    let fd = socket.as_raw_fd();
    set_number(&socket, name, libc::SIOCSIFMTU, mtu)?;
    set_number(&socket, name, libc::SIOCSIFTXQLEN, queue)?;
    let mut request = request(name)?;
    // SAFETY: the kernel reads and writes one ifreq, which lives through the calls; it wrote the
    // flags before they are read.
    unsafe {
        check(libc::ioctl(fd, libc::SIOCGIFFLAGS, &mut request))?;
        request.ifr_ifru.ifru_flags |= libc::IFF_UP as libc::c_short;
        check(libc::ioctl(fd, libc::SIOCSIFFLAGS, &mut request))?;
    }
    Ok(())
}

/// Any socket carries requests about devices into its namespace.
fn carrier() -> io::Result<UdpSocket> {
    UdpSocket::bind(("127.0.0.1", 0)).or_else(|_| UdpSocket::bind(("::1", 0)))
}

fn set_number(carrier: &UdpSocket, name: &str, which: libc::Ioctl, value: u16) -> io::Result<()> {
    let mut request = request(name)?;
    request.ifr_ifru.ifru_mtu = value.into();
    // SAFETY: the kernel reads one ifreq, which lives through the call.
    check(unsafe { libc::ioctl(carrier.as_raw_fd(), which, &mut request) })?;
    Ok(())
}

fn request(name: &str) -> io::Result<libc::ifreq> {
    // SAFETY: all zeros is a valid ifreq: an empty name and the number 0.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if name.is_empty() || name.len() >= request.ifr_name.len() {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    Ok(request)
}
