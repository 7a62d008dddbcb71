//! `recvmmsg` and `sendmmsg` over one socket.

use std::{
    io::{self, IoSlice, IoSliceMut},
    net::UdpSocket,
    os::fd::AsRawFd,
};

use nix::{
    errno::Errno,
    sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg},
};

use super::BATCH;

/// Longer than any packet of the benchmark.
const PACKET: usize = 2048;

/// Buffers and headers for one direction of a socket.
pub(super) struct Batch {
    headers: MultiHeaders<SockaddrStorage>,
    buffers: Vec<Vec<u8>>,
    /// Length and sender of each packet received last.
    received: Vec<(usize, Option<SockaddrStorage>)>,
}

impl Batch {
    pub(super) fn new() -> Self {
        Self {
            headers: MultiHeaders::preallocate(BATCH, None),
            buffers: vec![vec![0; PACKET]; BATCH],
            received: Vec::with_capacity(BATCH),
        }
    }

    /// Takes what is there, up to a batch; none if `flags` say not to wait and there is none.
    pub(super) fn receive(&mut self, socket: &UdpSocket, flags: MsgFlags) -> io::Result<usize> {
        self.received.clear();
        let mut slices: Vec<[IoSliceMut<'_>; 1]> =
            self.buffers.iter_mut().map(|b| [IoSliceMut::new(b)]).collect();
        let fd = socket.as_raw_fd();
        match recvmmsg(fd, &mut self.headers, slices.iter_mut(), flags, None) {
            Ok(packets) => self.received.extend(packets.map(|p| (p.bytes, p.address))),
            Err(Errno::EAGAIN | Errno::EINTR | Errno::ECONNREFUSED) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(self.received.len())
    }

    /// The packets received last.
    pub(super) fn packets(&self) -> impl Iterator<Item = (&[u8], Option<SockaddrStorage>)> + Clone {
        self.received.iter().zip(&self.buffers).map(|((length, from), b)| (&b[..*length], *from))
    }

    /// Sends packets, each to its address or to the socket's peer; how many the kernel took.
    pub(super) fn send<'p>(
        &mut self,
        socket: &UdpSocket,
        packets: impl Iterator<Item = (&'p [u8], Option<SockaddrStorage>)>,
    ) -> io::Result<usize> {
        let (slices, addresses): (Vec<[IoSlice<'_>; 1]>, Vec<_>) =
            packets.map(|(bytes, to)| ([IoSlice::new(bytes)], to)).unzip();
        let (fd, none) = (socket.as_raw_fd(), MsgFlags::empty());
        match sendmmsg(fd, &mut self.headers, &slices, &addresses, [], none) {
            Ok(sent) => Ok(sent.count()),
            // A refusal that an earlier packet met; nothing was sent.
            Err(Errno::ECONNREFUSED | Errno::EINTR | Errno::ENOBUFS) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }
}
