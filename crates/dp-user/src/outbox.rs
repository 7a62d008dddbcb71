//! What is about to leave through one transport socket.
//!
//! Packets are lists of pieces: ranges of what was read from a device, and of headers that were
//! written. Over UDP, packets of one size to one peer are gathered into a datagram that the
//! kernel cuts again (UDP_SEGMENT), so that it walks its output path once for all of them.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::ops::Range;
use std::os::fd::OwnedFd;

use kedge_dataplane::{Marks, TunnelFault};
use tracing::{debug, warn};

use crate::sys::send::{Datagram, send};
use crate::sys::{receive, socket};

/// Some octets of a packet.
#[derive(Clone, Debug)]
pub enum Piece {
    /// As they were read from a device.
    Read(Range<usize>),
    /// As they were written for this packet.
    Written(Range<usize>),
}

/// Datagrams that one UDP_SEGMENT may hold (UDP_MAX_SEGMENTS).
const SEGMENTS: usize = 64;
/// Octets that one UDP_SEGMENT may hold: 65,535 less the headers.
const OCTETS: usize = 65_000;
/// Octets that are kept of a packet that could not be sent, to tell its sender.
const QUOTE: usize = 1280;

/// An error about a packet that was sent or could not be.
#[derive(Debug)]
pub struct Report {
    /// Where the outer packet was going; the port is that of UDP.
    pub to: SocketAddr,
    /// What is wrong.
    pub fault: TunnelFault,
    /// The start of what the outer packet carried, from behind its IP or UDP header.
    pub carried: Vec<u8>,
}

/// The socket and what waits to leave through it.
#[derive(Debug)]
pub struct Outbox {
    fd: OwnedFd,
    is_ipv4: bool,
    /// Whether the kernel cuts datagrams here: UDP, until it says that it cannot.
    segments: bool,
    datagrams: Vec<Datagram>,
    pieces: Vec<Piece>,
    /// Packets and octets of the last datagram, and whether it can take no more.
    last: (usize, usize, bool),
    /// What went wrong since somebody asked.
    pub reports: Vec<Report>,
    /// Packets that the kernel refused since somebody asked.
    pub refused: u64,
}

impl Outbox {
    /// An empty one.
    pub fn new(fd: OwnedFd, is_ipv4: bool, is_udp: bool) -> Self {
        Self {
            fd,
            is_ipv4,
            segments: is_udp,
            datagrams: Vec::new(),
            pieces: Vec::new(),
            last: (0, 0, true),
            reports: Vec::new(),
            refused: 0,
        }
    }

    /// The socket.
    pub fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    /// Queues a packet of `length` octets that the pieces add up to.
    pub fn push(
        &mut self,
        to: SocketAddr,
        marks: Marks,
        length: usize,
        pieces: impl IntoIterator<Item = Piece>,
    ) {
        self.pieces.extend(pieces);
        let end = self.pieces.len();
        let (packets, octets, closed) = self.last;
        if let Some(datagram) = self.datagrams.last_mut()
            && !closed
            && (datagram.to, datagram.tos, datagram.flow_label) == (to, marks.tos, marks.flow_label)
            && length <= usize::from(datagram.segment)
            && packets < SEGMENTS
            && octets + length <= OCTETS
        {
            datagram.parts.end = end;
            self.last = (packets + 1, octets + length, length < usize::from(datagram.segment));
            return;
        }
        self.close();
        let start = self.datagrams.last().map_or(0, |datagram| datagram.parts.end);
        let segment = if self.segments { u16::try_from(length).unwrap_or(0) } else { 0 };
        self.datagrams.push(Datagram {
            to,
            flow_label: marks.flow_label,
            tos: marks.tos,
            segment,
            parts: start..end,
        });
        self.last = (1, length, segment == 0);
    }

    /// A datagram of one packet needs no cutting, and not asking for it is cheaper.
    fn close(&mut self) {
        if let (Some(datagram), 1) = (self.datagrams.last_mut(), self.last.0) {
            datagram.segment = 0;
        }
    }

    /// Sends everything. `read` and `written` are what the pieces are ranges of.
    pub fn flush(&mut self, read: &[u8], written: &[u8]) {
        if self.datagrams.is_empty() {
            return;
        }
        self.close();
        let pieces = self.pieces.iter().map(|piece| match piece {
            Piece::Read(range) => IoSlice::new(&read[range.clone()]),
            Piece::Written(range) => IoSlice::new(&written[range.clone()]),
        });
        let parts: Vec<IoSlice<'_>> = pieces.collect();
        let datagrams = std::mem::take(&mut self.datagrams);
        let mut rest = &datagrams[..];
        while let Some(first) = rest.first() {
            let sent = match send(&self.fd, rest, &parts) {
                Ok(sent) => sent,
                Err(error) => {
                    self.retry(first, &parts, error);
                    1
                }
            };
            rest = &rest[sent..];
        }
        self.datagrams = datagrams;
        self.datagrams.clear();
        self.pieces.clear();
        self.last = (0, 0, true);
    }

    /// Sends what waits in outer packets that routers, and our kernel, may fragment.
    pub fn flush_fragmenting(&mut self, read: &[u8], written: &[u8]) {
        self.allow_fragments(true);
        self.flush(read, written);
        self.allow_fragments(false);
    }

    fn allow_fragments(&self, allow: bool) {
        let (level, name) = if self.is_ipv4 {
            (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER)
        } else {
            (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER)
        };
        let value = match (allow, self.is_ipv4) {
            (true, true) => libc::IP_PMTUDISC_DONT,
            (true, false) => libc::IPV6_PMTUDISC_WANT,
            (false, true) => libc::IP_PMTUDISC_DO,
            (false, false) => libc::IPV6_PMTUDISC_DO,
        };
        if let Err(error) = socket::set(&self.fd, level, name, value) {
            warn!(%error, "cannot change path MTU discovery");
        }
    }

    /// Tries a datagram once more, one packet at a time, and reports those that do not go.
    fn retry(&mut self, datagram: &Datagram, parts: &[IoSlice<'_>], error: io::Error) {
        if error.raw_os_error() == Some(libc::EIO) && self.segments {
            // A device without checksum offload, on kernels before 6.11.
            debug!("the kernel cannot cut datagrams for this route");
            self.segments = false;
        }
        if matches!(error.raw_os_error(), Some(libc::ENOBUFS | libc::EAGAIN)) {
            // A queue is full; what is inside adapts to loss, as it would behind a router.
            self.refused += packets_of(datagram, parts).count() as u64;
            return;
        }
        for packet in packets_of(datagram, parts) {
            let single = Datagram { segment: 0, parts: packet, ..datagram.clone() };
            // What earlier packets met is reported with the next send: take it off first.
            let mtu = self.drain_errors();
            let Err(error) = send(&self.fd, std::slice::from_ref(&single), parts) else { continue };
            self.refused += 1;
            let mtu = self.drain_errors().or(mtu);
            let fault = match error.raw_os_error() {
                Some(libc::EMSGSIZE) => match mtu {
                    Some(outer_mtu) => TunnelFault::TooBig { outer_mtu },
                    None => continue,
                },
                Some(libc::ENETUNREACH | libc::EHOSTUNREACH) => TunnelFault::Broken,
                _ => continue,
            };
            let octets = parts[single.parts].iter().flat_map(|part| part.iter().copied());
            let carried = octets.take(QUOTE).collect();
            self.reports.push(Report { to: datagram.to, fault, carried });
        }
    }

    /// Takes all errors off the socket's queue and gives the MTU that our own kernel named last.
    pub fn drain_errors(&mut self) -> Option<u32> {
        let mut mtu = None;
        let mut quote = [0; QUOTE];
        while let Some(error) = receive::receive_error(&self.fd, &mut quote) {
            let too_big = error.errno == libc::EMSGSIZE;
            if error.is_local {
                if too_big {
                    mtu = Some(error.info);
                }
                continue;
            }
            let fault = if too_big {
                TunnelFault::TooBig { outer_mtu: error.info }
            } else {
                TunnelFault::Broken
            };
            let carried = quote[..error.length.min(QUOTE)].to_vec();
            self.reports.push(Report { to: error.to, fault, carried });
        }
        mtu
    }
}

/// The parts of each packet of a datagram.
fn packets_of(
    datagram: &Datagram,
    parts: &[IoSlice<'_>],
) -> impl Iterator<Item = Range<usize>> + use<> {
    let mut packets = Vec::new();
    let (mut start, mut octets) = (datagram.parts.start, 0);
    for at in datagram.parts.clone() {
        octets += parts[at].len();
        if datagram.segment != 0 && octets >= usize::from(datagram.segment) {
            packets.push(start..at + 1);
            (start, octets) = (at + 1, 0);
        }
    }
    if start < datagram.parts.end {
        packets.push(start..datagram.parts.end);
    }
    packets.into_iter()
}
