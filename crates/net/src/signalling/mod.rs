//! The sockets that Mobility Headers travel through, one for each local signalling address.
//!
//! Over IPv6 a message is an IPv6 payload of its own, protocol 135 (RFC 6275 §6.1.1); over IPv4
//! it is a UDP datagram to port 5436 (RFC 5844 §4.2.2.1). Both kinds of socket are bound to one
//! address, so the kernel delivers only what was sent to that address and sends from it, and a
//! message's [`SignalPath`] is known without asking for packet information.
//!
//! Where a translator is on the path, tunnelled packets travel through the signalling port too. The
//! data plane binds it a second time and has the kernel hand it what is no message; this side
//! lets it, and sees messages alone.
//!
//! Checksums of Mobility Headers are neither filled in nor verified by the kernel: it would drop
//! bad ones where nobody counts them. The machines do both. UDP checksums are the kernel's. A
//! kernel that is built for Mobile IPv6 itself (CONFIG_IPV6_MIP6) still drops, and answers by
//! ICMPv6, native messages whose Payload Proto is not 59 or whose length is too short for their
//! type: those are never seen here. Where they are, [`SignalSocket::answer_problem`] does it.
//!
//! This is the path every binding refresh takes. Datagrams are read and written 16 at a time
//! ([`Batch`], [`Sender`]) into buffers that are made once; nothing on it allocates.
#![expect(unsafe_code, reason = "recvmmsg, sendmmsg and their ancillary data")]

mod problem;
mod receive;
mod send;

use std::ffi::c_int;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use kedge_model::{SignalPath, VrfId};

pub use receive::Batch;
pub use send::{Outgoing, Sender};

use crate::place::Place;
use crate::{NetError, sockaddr, socket};

/// The UDP port of Proxy Mobile IPv6 signalling over IPv4 (RFC 5844 §4.2.2.1).
pub const PORT: u16 = 5436;

/// The protocol number of the Mobility Header (RFC 6275 §6.1.1).
const MOBILITY_HEADER: c_int = 135;

/// How many datagrams one system call moves at most. A batch is what one customer's flood delays
/// another's message by; a larger one is no faster (docs/decisions/turns-are-customers.md).
const BATCH: usize = 16;

/// Room for the updates that a restarted gateway's whole subscriber base sends at once.
const RECEIVE_BUFFER: c_int = 8 << 20;
const SEND_BUFFER: c_int = 2 << 20;

/// A signalling socket.
#[derive(Debug)]
pub struct SignalSocket {
    fd: OwnedFd,
    transport: VrfId,
    local: SocketAddr,
}

impl SignalSocket {
    /// Opens the socket of `local` in the routing world `transport`, which is at `place`. The port
    /// means nothing over IPv6 and becomes 0.
    pub fn open(place: &Place, transport: VrfId, local: SocketAddr) -> Result<Self, NetError> {
        place.within(|| Self::open_here(place, transport, local))?
    }

    fn open_here(place: &Place, transport: VrfId, local: SocketAddr) -> Result<Self, NetError> {
        let mut local = local;
        let (family, kind, protocol) = match local.ip() {
            IpAddr::V4(_) => (libc::AF_INET, libc::SOCK_DGRAM, 0),
            IpAddr::V6(_) => {
                local.set_port(0);
                (libc::AF_INET6, libc::SOCK_RAW, MOBILITY_HEADER)
            }
        };
        let fd = socket::open(family, kind, protocol).map_err(|e| {
            NetError::new("open the signalling socket of", local.ip(), e).needs("CAP_NET_RAW")
        })?;
        place
            .claim(&fd)
            .and_then(|()| configure(fd.as_fd(), local))
            .map_err(|e| NetError::new("set up the signalling socket of", local.ip(), e))?;
        sockaddr::bind(fd.as_fd(), local)
            .map_err(|e| NetError::new("bind the signalling socket to", local, e))?;
        share_port(fd.as_fd(), local)
            .map_err(|e| NetError::new("let data share the port of", local, e))?;
        Ok(Self { fd, transport, local })
    }

    /// The routing world the socket lives in.
    pub fn transport(&self) -> VrfId {
        self.transport
    }

    /// The address the socket is bound to; its port is 0 over IPv6.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// The path between this socket and `peer`.
    pub fn path_to(&self, peer: SocketAddr) -> SignalPath {
        SignalPath { transport: self.transport, local: self.local, peer }
    }

    /// How many datagrams the kernel has dropped since the socket was opened because we did not
    /// read them in time.
    pub fn overruns(&self) -> Result<u32, NetError> {
        socket::drops(self.fd.as_fd())
            .map_err(|e| NetError::new("read the drop count of", self.local, e))
    }

    /// How many octets of the receive buffer are taken by what has not been read, and how many
    /// there are.
    pub fn backlog(&self) -> Result<(u32, u32), NetError> {
        socket::backlog(self.fd.as_fd())
            .map_err(|e| NetError::new("read the backlog of", self.local, e))
    }

    /// Reads what has arrived into `batch`, in place of what it held, and says how many
    /// datagrams that were; a full batch means that there may be more. Gives 0 when nothing has
    /// arrived.
    pub fn recv_batch(&self, batch: &mut Batch) -> Result<usize, NetError> {
        batch
            .fill(self.fd.as_raw_fd(), self.transport, self.local)
            .map_err(|e| NetError::new("receive signalling at", self.local, e))
    }

    /// Sends `messages` and says how many the kernel took. `failed` hears of each of the others
    /// by its place in `messages`.
    ///
    /// A send buffer that is full fails the rest of the messages with
    /// [`io::ErrorKind::WouldBlock`]: the transport is congested, what was lost is sent again by
    /// the protocol (RFC 6275 §11.8), and waiting would delay every other peer. A message whose
    /// local address is not this socket's fails with [`io::ErrorKind::InvalidInput`].
    pub fn send_batch<'a>(
        &self,
        sender: &mut Sender,
        messages: impl IntoIterator<Item = Outgoing<'a>>,
        failed: impl FnMut(usize, io::Error),
    ) -> usize {
        sender.send(self.fd.as_raw_fd(), self.local.ip(), messages, failed)
    }
}

impl AsFd for SignalSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn configure(fd: BorrowedFd<'_>, local: SocketAddr) -> io::Result<()> {
    const ON: c_int = 1;
    const OFF: c_int = -1;
    const HOP_LIMIT: c_int = 64;
    socket::set_receive_buffer(fd, RECEIVE_BUFFER)?;
    socket::set_send_buffer(fd, SEND_BUFFER)?;
    if local.is_ipv4() {
        socket::set(fd, libc::IPPROTO_IP, libc::IP_RECVTOS, &ON)?;
        socket::set(fd, libc::IPPROTO_IP, libc::IP_TTL, &HOP_LIMIT)?;
        // A long message is fragmented on the way: signalling has no path MTU discovery.
        socket::set(fd, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, &libc::IP_PMTUDISC_DONT)
    } else {
        socket::set(fd, libc::IPPROTO_IPV6, libc::IPV6_CHECKSUM, &OFF)?;
        socket::set(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS, &ON)?;
        socket::set(fd, libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS, &HOP_LIMIT)
    }
}

/// Lets a data plane bind the same port. Set only once the port is ours, so that we have it alone
/// until then.
fn share_port(fd: BorrowedFd<'_>, local: SocketAddr) -> io::Result<()> {
    const ON: c_int = 1;
    match local {
        SocketAddr::V4(_) => socket::set(fd, libc::SOL_SOCKET, libc::SO_REUSEPORT, &ON),
        SocketAddr::V6(_) => Ok(()),
    }
}
