//! Writing datagrams, many at a time.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::RawFd;

use kedge_model::SignalPath;

use super::BATCH;
use crate::sockaddr::{self, Control, Name};
use crate::socket::check;

/// A message to send.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Between whom it travels.
    pub path: SignalPath,
    /// The differentiated services code point of its packet, 0 to 63.
    pub dscp: u8,
    /// The message from its Payload Proto octet on, checksum filled in.
    pub bytes: &'a [u8],
}

/// The buffers that messages are described to the kernel in. One sender serves any number of
/// sockets, one after the other.
pub struct Sender {
    headers: Vec<libc::mmsghdr>,
    names: Vec<Name>,
    controls: Vec<Control>,
    parts: Vec<libc::iovec>,
    /// The place of each described message among the caller's.
    places: Vec<usize>,
}

// SAFETY: the pointers in `headers` lead into the other vectors of the same value, which are
// never resized; those in `parts` are dead between calls.
unsafe impl Send for Sender {}

impl Default for Sender {
    fn default() -> Self {
        // SAFETY: all zeros are null pointers and zero lengths.
        let empty: libc::mmsghdr = unsafe { std::mem::zeroed() };
        let nothing = libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 };
        let mut sender = Self {
            headers: vec![empty; BATCH],
            names: vec![Name::EMPTY; BATCH],
            controls: vec![Control::EMPTY; BATCH],
            parts: vec![nothing; BATCH],
            places: Vec::with_capacity(BATCH),
        };
        for (i, header) in sender.headers.iter_mut().enumerate() {
            // SAFETY: `i` is below BATCH, the length of each vector.
            unsafe {
                header.msg_hdr.msg_name = sender.names.as_mut_ptr().add(i).cast();
                header.msg_hdr.msg_iov = sender.parts.as_mut_ptr().add(i);
                header.msg_hdr.msg_control = sender.controls.as_mut_ptr().add(i).cast();
            }
            header.msg_hdr.msg_iovlen = 1;
        }
        sender
    }
}

impl Sender {
    pub(super) fn send<'a>(
        &mut self,
        fd: RawFd,
        local: IpAddr,
        messages: impl IntoIterator<Item = Outgoing<'a>>,
        mut failed: impl FnMut(usize, io::Error),
    ) -> usize {
        let mut messages = messages.into_iter().enumerate();
        let mut sent = 0;
        loop {
            self.places.clear();
            for (place, message) in messages.by_ref() {
                if message.path.local.ip() != local
                    || message.path.peer.is_ipv4() != local.is_ipv4()
                {
                    failed(place, io::ErrorKind::InvalidInput.into());
                    continue;
                }
                self.describe(&message);
                self.places.push(place);
                if self.places.len() == BATCH {
                    break;
                }
            }
            if self.places.is_empty() {
                return sent;
            }
            sent += self.flush(fd, &mut failed);
        }
    }

    /// Fills in the next free header.
    fn describe(&mut self, message: &Outgoing<'_>) {
        let i = self.places.len();
        let header = &mut self.headers[i].msg_hdr;
        let (level, kind) = match message.path.peer {
            SocketAddr::V4(peer) => {
                self.names[i].v4 = sockaddr::from_v4(peer);
                header.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
                (libc::IPPROTO_IP, libc::IP_TOS)
            }
            SocketAddr::V6(peer) => {
                self.names[i].v6 = sockaddr::from_v6(peer);
                header.msg_namelen = size_of::<libc::sockaddr_in6>() as libc::socklen_t;
                (libc::IPPROTO_IPV6, libc::IPV6_TCLASS)
            }
        };
        if message.dscp == 0 {
            header.msg_controllen = 0;
        } else {
            self.controls[i] = Control::new(level, kind, i32::from(message.dscp & 0x3f) << 2);
            header.msg_controllen = Control::SIZE;
        }
        self.parts[i] = libc::iovec {
            iov_base: message.bytes.as_ptr().cast_mut().cast(),
            iov_len: message.bytes.len(),
        };
    }

    /// Hands the described messages to the kernel. A call stops at the first message that fails
    /// and says why only when that is the first of the call, so each failure takes a call more.
    fn flush(&mut self, fd: RawFd, failed: &mut impl FnMut(usize, io::Error)) -> usize {
        let mut sent = 0;
        let mut at = 0;
        while at < self.places.len() {
            let rest = &mut self.headers[at..self.places.len()];
            // SAFETY: the headers lead to names, control messages and octets that live until
            // `send` returns, and the kernel only reads them.
            let result = check(unsafe {
                libc::sendmmsg(
                    fd,
                    rest.as_mut_ptr(),
                    rest.len() as libc::c_uint,
                    libc::MSG_DONTWAIT,
                )
            });
            match result {
                Ok(count) => {
                    sent += count as usize;
                    at += count as usize;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    for &place in &self.places[at..] {
                        failed(place, io::ErrorKind::WouldBlock.into());
                    }
                    return sent;
                }
                Err(e) => {
                    failed(self.places[at], e);
                    at += 1;
                }
            }
        }
        sent
    }
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}
