//! Many datagrams, each of which may stand for many more, in one system call.
#![expect(
    unsafe_code,
    reason = "sendmmsg and its control messages are not in the standard library"
)]

use std::io::{self, IoSlice};
use std::mem::{size_of, zeroed};
use std::net::SocketAddr;
use std::ops::Range;
use std::os::fd::{AsRawFd, OwnedFd};

use super::check;
use super::socket::SockAddr;

/// A datagram that is to be sent.
#[derive(Clone, Debug)]
pub struct Datagram {
    /// Where to; the port is 0 on a raw socket.
    pub to: SocketAddr,
    /// The IPv6 flow label of the outer header.
    pub flow_label: u32,
    /// Type of Service or Traffic Class of the outer header.
    pub tos: u8,
    /// If not 0, the kernel cuts the octets into datagrams of this size (UDP_SEGMENT).
    pub segment: u16,
    /// Which of the parts are its octets.
    pub parts: Range<usize>,
}

/// Datagrams that one call takes.
pub const BATCH: usize = 64;

/// Room for two control messages of a number each.
#[derive(Clone, Copy, Default)]
#[repr(C, align(8))]
struct Control([u64; 8]);

/// Sends up to [`BATCH`] datagrams and says how many went out; an error is about the first.
pub fn send(fd: &OwnedFd, datagrams: &[Datagram], parts: &[IoSlice<'_>]) -> io::Result<usize> {
    let datagrams = &datagrams[..datagrams.len().min(BATCH)];
    let mut names = [SockAddr::zero(); BATCH];
    let mut controls = [Control::default(); BATCH];
    // SAFETY: all zeros is a valid mmsghdr: no address, no parts, no control messages.
    let mut headers: [libc::mmsghdr; BATCH] = unsafe { zeroed() };

    for (at, datagram) in datagrams.iter().enumerate() {
        let parts = &parts[datagram.parts.clone()];
        let (name, length) = SockAddr::new(datagram.to, datagram.flow_label);
        names[at] = name;
        let header = &mut headers[at].msg_hdr;
        header.msg_name = (&raw mut names[at]).cast();
        header.msg_namelen = length;
        // IoSlice is ABI-compatible with iovec; the kernel only reads through it.
        header.msg_iov = parts.as_ptr().cast_mut().cast();
        header.msg_iovlen = parts.len();
        write_control(header, &mut controls[at], datagram);
    }
    let count = datagrams.len() as libc::c_uint;
    // SAFETY: the first `count` headers point to addresses, parts and control messages that live
    // through the call.
    let sent = check(unsafe { libc::sendmmsg(fd.as_raw_fd(), headers.as_mut_ptr(), count, 0) })?;
    Ok(sent as usize)
}

fn write_control(header: &mut libc::msghdr, control: &mut Control, datagram: &Datagram) {
    if datagram.tos == 0 && datagram.segment == 0 {
        return;
    }
    header.msg_control = (&raw mut *control).cast();
    header.msg_controllen = size_of::<Control>();
    let mut used = 0;
    // SAFETY: the control buffer is aligned for cmsghdr and has room for both messages: each
    // takes CMSG_SPACE(4) = 24 of 64 octets at most, so neither pointer is null.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        if datagram.tos != 0 {
            let (level, kind) = match datagram.to {
                SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_TOS),
                SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_TCLASS),
            };
            (*message).cmsg_level = level;
            (*message).cmsg_type = kind;
            (*message).cmsg_len = libc::CMSG_LEN(4) as _;
            libc::CMSG_DATA(message).cast::<libc::c_int>().write_unaligned(datagram.tos.into());
            used += libc::CMSG_SPACE(4) as usize;
            message = libc::CMSG_NXTHDR(header, message);
        }
        if datagram.segment != 0 && !message.is_null() {
            (*message).cmsg_level = libc::SOL_UDP;
            (*message).cmsg_type = libc::UDP_SEGMENT;
            (*message).cmsg_len = libc::CMSG_LEN(2) as _;
            libc::CMSG_DATA(message).cast::<u16>().write_unaligned(datagram.segment);
            used += libc::CMSG_SPACE(2) as usize;
        }
    }
    header.msg_controllen = used;
}
