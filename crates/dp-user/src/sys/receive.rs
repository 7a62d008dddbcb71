//! Many datagrams, or trains of datagrams, in one system call; and the error queue.
#![expect(
    unsafe_code,
    reason = "recvmmsg and its control messages are not in the standard library"
)]

use std::fmt;
use std::io;
use std::mem::{size_of, zeroed};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use super::check;
use super::socket::SockAddr;

/// Octets of one buffer: what the kernel merges is at most 65,535 octets long. A packet's more, so
/// that packets of a batch do not all fall on the same few lines of the processor's caches.
const BUFFER: usize = (1 << 16) + 1536;

/// Datagrams that one call gives at most.
pub const BATCH: usize = 64;

#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u64; 24]);

/// What arrived with a datagram.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Its source.
    pub from: SocketAddr,
    /// Its Type of Service or Traffic Class.
    pub tos: u8,
    /// Octets received.
    pub length: usize,
    /// The size of the datagrams in a train; the last may be shorter. Without a train it is the
    /// length.
    pub segment: usize,
}

impl Arrival {
    /// How many datagrams.
    pub fn packets(&self) -> usize {
        self.length.div_ceil(self.segment.max(1))
    }
}

/// Buffers for a batch of datagrams.
#[derive(Debug)]
pub struct Inbox {
    buffers: Vec<u8>,
    /// Kept, since clearing them all takes longer than a small call does.
    asides: Vec<Aside>,
    arrivals: Vec<Arrival>,
}

/// What the kernel tells beside a datagram.
#[derive(Clone, Copy)]
struct Aside {
    name: SockAddr,
    control: Control,
}

impl fmt::Debug for Aside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aside").field("name", &self.name.get()).finish_non_exhaustive()
    }
}

impl Inbox {
    /// Empty buffers.
    pub fn new() -> Self {
        let aside = Aside { name: SockAddr::zero(), control: Control([0; 24]) };
        Self {
            buffers: vec![0; BATCH * BUFFER],
            asides: vec![aside; BATCH],
            arrivals: Vec::with_capacity(BATCH),
        }
    }

    /// What the last call gave.
    pub fn arrivals(&self) -> &[Arrival] {
        &self.arrivals
    }

    /// All buffers; the datagram of the n-th arrival starts at [`Self::start`] of n.
    pub fn octets(&mut self) -> &mut [u8] {
        &mut self.buffers
    }

    /// Where a datagram starts in [`Self::octets`].
    pub fn start(arrival: usize) -> usize {
        arrival * BUFFER
    }

    /// Receives what waits, up to `most` and [`BATCH`] datagrams.
    pub fn receive(&mut self, fd: &OwnedFd, most: usize) -> io::Result<()> {
        self.arrivals.clear();
        let Self { buffers, asides, arrivals } = self;
        // SAFETY: all zeros is a valid iovec and a valid mmsghdr.
        let (mut parts, mut headers): ([libc::iovec; BATCH], [libc::mmsghdr; BATCH]) =
            unsafe { (zeroed(), zeroed()) };
        let places = buffers.chunks_exact_mut(BUFFER).zip(&mut *asides).take(most);
        for (at, (buffer, aside)) in places.enumerate() {
            parts[at].iov_base = buffer.as_mut_ptr().cast();
            parts[at].iov_len = BUFFER;
            let header = &mut headers[at].msg_hdr;
            aside.name = SockAddr::zero();
            header.msg_name = (&raw mut aside.name).cast();
            header.msg_namelen = SockAddr::SIZE;
            header.msg_iov = &raw mut parts[at];
            header.msg_iovlen = 1;
            header.msg_control = (&raw mut aside.control).cast();
            header.msg_controllen = size_of::<Control>();
        }
        let (fd, count) = (fd.as_raw_fd(), most.min(BATCH) as libc::c_uint);
        let flags = libc::MSG_DONTWAIT as _;
        // SAFETY: the headers point to addresses, buffers and control buffers that live through
        // the call, one each, as long as said.
        let received = check(unsafe {
            libc::recvmmsg(fd, headers.as_mut_ptr(), count, flags, std::ptr::null_mut())
        })?;
        for (header, aside) in headers.iter().zip(&*asides).take(received as usize) {
            let length = header.msg_len as usize;
            let mut arrival = Arrival { from: aside.name.get(), tos: 0, length, segment: length };
            // SAFETY: the kernel filled the control buffer that the header points to.
            unsafe {
                read_control(&header.msg_hdr, |level, kind, number| match (level, kind) {
                    (libc::IPPROTO_IP, libc::IP_TOS) => arrival.tos = number as u8,
                    (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => arrival.tos = number as u8,
                    (libc::SOL_UDP, libc::UDP_GRO) if number > 0 => {
                        arrival.segment = number as usize
                    }
                    _ => {}
                })
            };
            arrivals.push(arrival);
        }
        Ok(())
    }
}

/// Calls `each` with level, type and the number that each control message of one or of four
/// octets is.
///
/// # Safety
/// The header's control buffer is as the kernel filled it.
unsafe fn read_control(header: &libc::msghdr, mut each: impl FnMut(i32, i32, i32)) {
    // SAFETY: the macros walk within `msg_controllen`; a message's data is as long as it says.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while !message.is_null() {
            let data = libc::CMSG_DATA(message);
            let length = (*message).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
            let number = match length {
                1 => Some(i32::from(*data)),
                4 => Some(data.cast::<i32>().read_unaligned()),
                _ => None,
            };
            if let Some(number) = number {
                each((*message).cmsg_level, (*message).cmsg_type, number);
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
}

/// An entry of a socket's error queue (ip(7), IP_RECVERR).
#[derive(Clone, Copy, Debug)]
pub struct QueuedError {
    /// Where the packet in error was going.
    pub to: SocketAddr,
    /// The error as a number of errno(3).
    pub errno: i32,
    /// Whether it is our own kernel's and not a router's.
    pub is_local: bool,
    /// The MTU, where the error is about one.
    pub info: u32,
    /// Octets of the quoted payload.
    pub length: usize,
}

/// Takes the next error off the queue, with as much of the packet in error as is known.
pub fn receive_error(fd: &OwnedFd, quote: &mut [u8]) -> Option<QueuedError> {
    let mut name = SockAddr::zero();
    let mut control = Control([0; 24]);
    let mut part = libc::iovec { iov_base: quote.as_mut_ptr().cast(), iov_len: quote.len() };
    // SAFETY: all zeros is a valid msghdr.
    let mut header: libc::msghdr = unsafe { zeroed() };
    header.msg_name = (&raw mut name).cast();
    header.msg_namelen = SockAddr::SIZE;
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = (&raw mut control).cast();
    header.msg_controllen = size_of::<Control>();
    // SAFETY: the header points to an address, a buffer and a control buffer that live through
    // the call and are as long as said.
    let length = unsafe { libc::recvmsg(fd.as_raw_fd(), &mut header, libc::MSG_ERRQUEUE) };
    let length = usize::try_from(length).ok()?;
    // SAFETY: the kernel filled the control buffer; a message's data is as long as it says, and
    // only one long enough for a sock_extended_err is read as one.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(&header);
        while !message.is_null() {
            let kind = ((*message).cmsg_level, (*message).cmsg_type);
            let is_error = matches!(
                kind,
                (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
            );
            let size = size_of::<libc::sock_extended_err>() as u32;
            if is_error && (*message).cmsg_len as usize >= libc::CMSG_LEN(size) as usize {
                let error =
                    libc::CMSG_DATA(message).cast::<libc::sock_extended_err>().read_unaligned();
                return Some(QueuedError {
                    to: name.get(),
                    errno: error.ee_errno as i32,
                    is_local: error.ee_origin == libc::SO_EE_ORIGIN_LOCAL,
                    info: error.ee_info,
                    length,
                });
            }
            message = libc::CMSG_NXTHDR(&header, message);
        }
    }
    None
}
