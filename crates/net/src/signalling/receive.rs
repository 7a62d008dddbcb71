//! Reading datagrams, many at a time.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::RawFd;

use kedge_model::{Datagram, SignalPath, VrfId};

use super::BATCH;
use crate::sockaddr::{self, Control, Name};
use crate::socket::check;

/// The longest Mobility Header: an 8-bit count of 8-octet units, not counting the first
/// (RFC 6275 §6.1.1).
const LONGEST: usize = 256 * 8;

/// One octet more is kept, so that the reader sees, and counts, what is too long.
const ROOM: usize = LONGEST + 1;

/// Up to 16 datagrams that arrived at one socket, and the buffers they are in. One batch serves
/// any number of sockets, one after the other.
pub struct Batch {
    transport: VrfId,
    local: SocketAddr,
    received: usize,
    headers: Vec<libc::mmsghdr>,
    names: Vec<Name>,
    controls: Vec<Control>,
    octets: Vec<u8>,
    /// Only reached through `headers`, once that is set up.
    _parts: Vec<libc::iovec>,
}

// SAFETY: the pointers in `headers` and `_parts` lead into the other vectors of the same value,
// which are never resized; moving the value to another thread moves them all.
unsafe impl Send for Batch {}

impl Default for Batch {
    fn default() -> Self {
        let mut names = vec![Name::EMPTY; BATCH];
        let mut controls = vec![Control::EMPTY; BATCH];
        let mut octets = vec![0; BATCH * ROOM];
        let mut parts: Vec<libc::iovec> = octets
            .chunks_exact_mut(ROOM)
            .map(|part| libc::iovec { iov_base: part.as_mut_ptr().cast(), iov_len: part.len() })
            .collect();
        let headers = (0..BATCH)
            .map(|i| {
                // SAFETY: all zeros are null pointers and zero lengths. The pointers that
                // replace them lead to elements of vectors that live as long as the batch.
                unsafe {
                    let mut header: libc::mmsghdr = std::mem::zeroed();
                    header.msg_hdr.msg_name = names.as_mut_ptr().add(i).cast();
                    header.msg_hdr.msg_iov = parts.as_mut_ptr().add(i);
                    header.msg_hdr.msg_iovlen = 1;
                    header.msg_hdr.msg_control = controls.as_mut_ptr().add(i).cast();
                    header
                }
            })
            .collect();
        Self {
            transport: VrfId::DEFAULT,
            local: SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)),
            received: 0,
            headers,
            names,
            controls,
            octets,
            _parts: parts,
        }
    }
}

impl Batch {
    /// The datagrams in the order of their arrival. One that is too long to be a message is cut
    /// to one octet more than a message may have.
    pub fn datagrams(&self) -> impl Iterator<Item = Datagram<'_>> {
        (0..self.received).map(|i| self.datagram(i))
    }

    /// Forgets what was read.
    pub fn clear(&mut self) {
        self.received = 0;
    }

    /// Whether there may be more to read.
    pub fn is_full(&self) -> bool {
        self.received == BATCH
    }

    pub(super) fn fill(
        &mut self,
        fd: RawFd,
        transport: VrfId,
        local: SocketAddr,
    ) -> io::Result<usize> {
        // The kernel leaves the lengths that it used in the headers it fills.
        for header in &mut self.headers {
            header.msg_hdr.msg_namelen = Name::SIZE;
            header.msg_hdr.msg_controllen = Control::SIZE;
        }
        (self.transport, self.local, self.received) = (transport, local, 0);
        // SAFETY: BATCH headers lead to buffers of the lengths they state, which nothing else
        // touches during the call.
        let result = check(unsafe {
            libc::recvmmsg(
                fd,
                self.headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        });
        match result {
            Ok(count) => self.received = count as usize,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return Err(e),
        }
        Ok(self.received)
    }

    fn datagram(&self, i: usize) -> Datagram<'_> {
        let header = &self.headers[i];
        // SAFETY: the kernel wrote an address of the socket's own family; either reading of the
        // union stays within what was initialised at the start.
        let peer = unsafe {
            match self.local {
                SocketAddr::V4(_) => SocketAddr::V4(sockaddr::to_v4(&self.names[i].v4)),
                SocketAddr::V6(_) => SocketAddr::V6(sockaddr::to_v6(&self.names[i].v6)),
            }
        };
        let class = self.controls[i].traffic_class(header.msg_hdr.msg_controllen);
        let start = i * ROOM;
        Datagram {
            path: SignalPath { transport: self.transport, local: self.local, peer },
            dscp: class >> 2,
            bytes: &self.octets[start..start + (header.msg_len as usize).min(ROOM)],
        }
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.datagrams()).finish()
    }
}
