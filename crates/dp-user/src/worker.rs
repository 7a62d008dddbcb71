//! The one thread that forwards. It owns devices, sockets and tables; nothing on its way locks.
//!
//! ```text
//!            ┌────────────────────── worker ──────────────────────┐
//!   device ──► read until empty ─► outbound ─► split ─► outboxes ─► sockets
//!   device ◄── merge ◄─ inbound ◄───────────── unwrap ◄──────────── sockets
//!            └──────────▲─────────────────────────────────────────┘
//!                       │ changes, by a bounded channel and an eventfd; each is answered
//!                    DpUser (any thread)
//! ```
//!
//! Each turn waits for what is ready, then serves it one batch each, so that neither a device
//! nor a socket starves the others.

use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Instant;

use kedge_dataplane::inner::Inner;
use kedge_dataplane::{
    BindingCells, Carried, Carrier, Change, DataplaneError, DropReason, EndId, Fit, Forwarder,
    Load, TunnelEnd, TunnelError, Verdict, ecn, fragments, gre, unwrap,
};
use kedge_model::{Encapsulation, VrfId};

use crate::merge::{Merger, Sink, unfinished};
use crate::outbox::{Outbox, Piece};
use crate::pace::Pace;
use crate::replies::Replies;
use crate::split::{Cut, finish_checksum};
use crate::sys::epoll::{Epoll, Waker, precise_timers};
use crate::sys::receive::Inbox;
use crate::virtio::{Train, VirtioHeader};

/// What the owner asks of the worker.
#[derive(Debug)]
pub enum Command {
    /// Make these changes, then answer how many were made, and what the next one met. A binding's
    /// counters come with it.
    Apply(Arc<[(Change, Arc<BindingCells>)]>, SyncSender<(usize, Result<(), DataplaneError>)>),
    /// End.
    Stop,
}

/// A TUN device.
#[derive(Debug)]
pub struct Device {
    /// Its inner routing world.
    pub vrf: VrfId,
    /// Its MTU.
    pub mtu: u16,
    /// Where packets are read and written.
    pub file: File,
    /// How senders of that world are told of errors.
    pub replies: Replies,
}

/// What a transport socket carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Carriage {
    /// UDP, to the port of its local.
    Udp,
    /// GRE.
    Gre,
    /// IPv4 in IP.
    Ipv4,
    /// IPv6 in IP.
    Ipv6,
}

impl Carriage {
    /// Every kind of transport socket, in the order in which each local has them.
    pub const ALL: [Self; 4] = [Self::Udp, Self::Gre, Self::Ipv4, Self::Ipv6];
}

/// A transport socket.
#[derive(Debug)]
pub struct Transport {
    /// The routing world it is in.
    pub vrf: VrfId,
    /// The address it is bound to.
    pub local: SocketAddr,
    /// What it carries.
    pub carriage: Carriage,
    /// The socket, and what waits to leave through it.
    pub outbox: Outbox,
}

/// Octets of the largest read: a train and its virtio header.
const READ: usize = VirtioHeader::LEN + (1 << 16);
/// Octets that one batch of reads fills.
const READS: usize = 16 * READ;
/// Reads of one batch.
const BATCH: usize = 128;

/// The state of the thread.
#[derive(Debug)]
pub struct Worker {
    /// What decides.
    pub forwarder: Forwarder,
    /// In the order of the tables' devices.
    pub devices: Vec<Device>,
    /// Four for each local of the tables, as [`Carriage::ALL`].
    pub transports: Vec<Transport>,
    /// Joins what goes to devices.
    pub merger: Merger,
    /// Knows the waker as 0, then devices, then transports.
    pub epoll: Epoll,
    /// Says that a command waits.
    pub waker: Waker,
    /// What waits.
    pub commands: Receiver<Command>,
    /// What a batch read from a device.
    reads: Vec<u8>,
    /// Headers that were written for that batch.
    written: Vec<u8>,
    inbox: Inbox,
}

impl Worker {
    /// A worker that has not run yet.
    pub fn new(
        forwarder: Forwarder,
        devices: Vec<Device>,
        transports: Vec<Transport>,
        udp_trains: bool,
        waker: Waker,
        commands: Receiver<Command>,
    ) -> io::Result<Self> {
        let epoll = Epoll::new()?;
        let mut token = 0..;
        let mut next = || token.next().unwrap_or(u64::MAX);
        epoll.add(&waker, next())?;
        for device in &devices {
            epoll.add(&device.file, next())?;
        }
        for transport in &transports {
            epoll.add(transport.outbox.fd(), next())?;
        }
        Ok(Self {
            forwarder,
            devices,
            transports,
            merger: Merger::new(udp_trains),
            epoll,
            waker,
            commands,
            reads: vec![0; READS],
            written: Vec::with_capacity(1 << 18),
            inbox: Inbox::new(),
        })
    }

    /// Forwards until told to stop.
    pub fn run(mut self) -> io::Result<()> {
        precise_timers()?;
        let mut pace = Pace::new();
        loop {
            let ready = self.epoll.wait()?;
            let now = Instant::now();
            let mut single = 0;
            for (token, is_error) in ready {
                let at = usize::try_from(token).unwrap_or(usize::MAX);
                if at == 0 {
                    if self.obey() {
                        return Ok(());
                    }
                } else if at <= self.devices.len() {
                    self.serve_device(at - 1, now);
                } else {
                    single += self.serve_transport(at - 1 - self.devices.len(), is_error, now);
                }
            }
            if let Some(moment) = pace.after(now, Instant::now(), single) {
                self.waker.wait(moment);
            }
        }
    }

    /// Does what was asked; `true` to end.
    fn obey(&mut self) -> bool {
        self.waker.clear();
        while let Ok(command) = self.commands.try_recv() {
            match command {
                Command::Stop => return true,
                Command::Apply(changes, answer) => {
                    let tables = &mut self.forwarder.tables;
                    let mut made = 0;
                    let done = changes.iter().try_for_each(|(change, cells)| {
                        match change {
                            Change::Bind { binding, want } => {
                                tables.bind(*binding, want, Arc::clone(cells))?;
                            }
                            Change::Unbind(binding) => tables.unbind(*binding),
                        }
                        made += 1;
                        Ok(())
                    });
                    // The owner waits for it, or has gone.
                    let _ = answer.send((made, done));
                }
            }
        }
        false
    }

    /// Moves a batch of packets from a device into tunnels.
    fn serve_device(&mut self, at: usize, now: Instant) {
        let mut used = 0;
        for _ in 0..BATCH {
            let Some(buffer) = self.reads.get_mut(used..used + READ) else { break };
            let Ok(length) = self.devices[at].file.read(buffer) else { break };
            if length == 0 {
                break;
            }
            self.send_packet(at, used, length, now);
            used += length;
        }
        for transport in &mut self.transports {
            transport.outbox.flush(&self.reads, &self.written);
        }
        self.written.clear();
        self.collect_failures(now);
    }

    /// Queues what one read gave: `length` octets at `start`.
    fn send_packet(&mut self, at: usize, start: usize, length: usize, now: Instant) {
        let Self { forwarder, devices, transports, reads, written, .. } = self;
        let device = &devices[at];
        let first = start + VirtioHeader::LEN;
        let Some((header, packet)) =
            reads[start..start + length].split_first_chunk_mut::<{ VirtioHeader::LEN }>()
        else {
            return forwarder.cells().dropped(DropReason::Malformed, 1);
        };
        let (Some(header), Ok(inner)) = (VirtioHeader::decode(header), Inner::parse(packet)) else {
            return forwarder.cells().dropped(DropReason::Malformed, 1);
        };
        let cut = match header.train {
            Train::None if !header.needs_checksum || finish_checksum(&header, packet) => None,
            Train::None => return forwarder.cells().dropped(DropReason::Malformed, 1),
            _ => match Cut::new(&header, &inner, packet) {
                Some(cut) => Some(cut),
                None => return forwarder.cells().dropped(DropReason::Malformed, 1),
            },
        };
        let packet = &reads[first..first + inner.total_len];
        let load = cut.map_or(Load::one(&inner), |cut| cut.load());
        let out = match forwarder.outbound(device.vrf, &inner, packet, load, now) {
            Verdict::Forward(out) => out,
            Verdict::Drop(_) => return,
            Verdict::Reply(_, reply) => return device.replies.send(&reply),
        };
        let Some((_, path)) = forwarder.path(&out) else { return };
        let tunnel = &path.tunnel;
        let (carriage, port, gre) = match tunnel.encapsulation {
            Encapsulation::Udp { peer_port, .. } => (Carriage::Udp, peer_port, None),
            Encapsulation::Gre { send_key, .. } => {
                (Carriage::Gre, 0, Some(gre::header(send_key, inner.is_ipv4())))
            }
            Encapsulation::IpInIp if inner.is_ipv4() => (Carriage::Ipv4, 0, None),
            Encapsulation::IpInIp => (Carriage::Ipv6, 0, None),
        };
        let to = SocketAddr::new(tunnel.peer, port);
        let index = usize::from(path.local) * Carriage::ALL.len() + carriage as usize;
        let Some(Transport { outbox, .. }) = transports.get_mut(index) else { return };
        let gre = gre.as_ref().map_or(&[][..], |(header, length)| &header[..*length]);

        if out.fit == Fit::OuterFragments {
            outbox.flush(reads, written);
        }
        match (cut, out.fit) {
            (None, Fit::Whole | Fit::OuterFragments) => {
                let head = append(written, gre);
                let body = Piece::Read(first..first + inner.total_len);
                let length = gre.len() + inner.total_len;
                outbox.push(to, out.marks, length, [head, Some(body)].into_iter().flatten());
            }
            (Some(cut), Fit::Whole | Fit::OuterFragments) => {
                for index in 0..cut.count() {
                    let start = written.len();
                    written.extend_from_slice(gre);
                    let header = written.len();
                    written.resize(header + cut.header_len(), 0);
                    let payload = cut.write(&inner, packet, index, &mut written[header..]);
                    let length = written.len() - start + payload.len();
                    let payload = first + payload.start..first + payload.end;
                    let pieces = [Piece::Written(start..written.len()), Piece::Read(payload)];
                    outbox.push(to, out.marks, length, pieces);
                }
            }
            (cut, Fit::Fragments(mtu)) => {
                for whole in packets(cut, &inner, packet) {
                    let Ok(inner) = Inner::parse(&whole) else { continue };
                    let Some(pieces) = fragments(&inner, &whole, mtu) else {
                        forwarder.cells().dropped(DropReason::TooBig, 1);
                        continue;
                    };
                    for piece in pieces {
                        let start = written.len();
                        written.extend_from_slice(gre);
                        written.extend_from_slice(&piece);
                        let piece = Piece::Written(start..written.len());
                        outbox.push(to, out.marks, written.len() - start, [piece]);
                    }
                }
            }
        }
        if out.fit == Fit::OuterFragments {
            outbox.flush_fragmenting(reads, written);
        }
    }

    /// Moves a batch of packets from tunnels to devices, and says how many came one by one.
    fn serve_transport(&mut self, at: usize, is_error: bool, now: Instant) -> usize {
        let Self { forwarder, devices, transports, merger, inbox, .. } = self;
        let Some(transport) = transports.get_mut(at) else { return 0 };
        if is_error {
            transport.outbox.drain_errors();
        }
        let mut single = 0;
        if inbox.receive(transport.outbox.fd()).is_ok() {
            if transport.carriage != Carriage::Udp {
                single = inbox.arrivals().len();
            }
            let sink = Devices { devices, refused: 0 };
            receive_batch(forwarder, transport, merger, inbox, sink, now);
        }
        self.collect_failures(now);
        single
    }

    /// Tells the senders of packets that could not be sent, or met an error on their way.
    fn collect_failures(&mut self, now: Instant) {
        for transport in &mut self.transports {
            let outbox = &mut transport.outbox;
            if outbox.refused > 0 {
                self.forwarder.cells().dropped(DropReason::Refused, outbox.refused);
                outbox.refused = 0;
            }
            for report in outbox.reports.drain(..) {
                let carried = match transport.carriage {
                    Carriage::Gre => Carried::Gre(&report.carried),
                    Carriage::Udp => Carried::Udp(transport.local.port(), &report.carried),
                    Carriage::Ipv4 => Carried::Ipv4(&report.carried),
                    Carriage::Ipv6 => Carried::Ipv6(&report.carried),
                };
                let Ok((_, _, inner)) = unwrap(carried) else { continue };
                let error = TunnelError {
                    transport: transport.vrf,
                    local: transport.local.ip(),
                    peer: report.to,
                    fault: report.fault,
                    inner,
                };
                let Some((vrf, reply)) = self.forwarder.tunnel_error(&error, now) else { continue };
                if let Some(device) = self.devices.iter().find(|device| device.vrf == vrf) {
                    device.replies.send(&reply);
                }
            }
        }
    }
}

/// The packets of a train one by one, or the one packet there is.
fn packets<'a>(
    cut: Option<Cut>,
    inner: &'a Inner,
    packet: &'a [u8],
) -> impl Iterator<Item = Vec<u8>> + 'a {
    (0..cut.map_or(1, |cut| cut.count())).map(move |index| {
        let Some(cut) = cut else { return packet.to_vec() };
        let mut whole = vec![0; cut.header_len()];
        let payload = cut.write(inner, packet, index, &mut whole);
        whole.extend_from_slice(&packet[payload]);
        whole
    })
}

fn append(written: &mut Vec<u8>, header: &[u8]) -> Option<Piece> {
    let start = written.len();
    written.extend_from_slice(header);
    (!header.is_empty()).then_some(Piece::Written(start..written.len()))
}

/// Takes the packets of an inbox out of their tunnels.
fn receive_batch(
    forwarder: &mut Forwarder,
    transport: &Transport,
    merger: &mut Merger,
    inbox: &mut Inbox,
    mut sink: Devices<'_>,
    now: Instant,
) {
    for index in 0..inbox.arrivals().len() {
        let arrival = inbox.arrivals()[index];
        let start = Inbox::start(index);
        let octets = inbox.octets();
        let (mut at, last, mut tos) = (start, start + arrival.length, arrival.tos);
        if transport.local.is_ipv4() && transport.carriage != Carriage::Udp {
            // An IPv4 raw socket gives the IP header too (raw(7)).
            let Ok(outer) = Inner::parse_quote(&octets[at..last]) else { continue };
            at += outer.header_len;
            tos = outer.tos;
        }
        let mut known: Option<(Carrier, Result<EndId, DropReason>)> = None;
        let segment = if transport.carriage == Carriage::Udp { arrival.segment } else { last - at };
        if at >= last {
            forwarder.cells().dropped(DropReason::InvalidLength, 1);
        }
        while at < last {
            let carried = &octets[at..last.min(at + segment.max(1))];
            at += carried.len();
            let carried = match transport.carriage {
                Carriage::Udp => Carried::Udp(transport.local.port(), carried),
                Carriage::Gre => Carried::Gre(carried),
                Carriage::Ipv4 => Carried::Ipv4(carried),
                Carriage::Ipv6 => Carried::Ipv6(carried),
            };
            let (carrier, is_ipv4, packet) = match unwrap(carried) {
                Ok(unwrapped) => unwrapped,
                Err(reason) => {
                    forwarder.cells().dropped(reason, 1);
                    continue;
                }
            };
            let end = match known {
                Some((known, end)) if known == carrier => end,
                _ => forwarder.tables.end(&TunnelEnd {
                    transport: transport.vrf,
                    local: transport.local.ip(),
                    peer: arrival.from.ip(),
                    carrier,
                }),
            };
            known = Some((carrier, end));
            let end = match end {
                Ok(end) => end,
                Err(reason) => {
                    forwarder.cells().dropped(reason, 1);
                    continue;
                }
            };
            let Ok(inbound) = forwarder.inbound(end, tos, is_ipv4, packet) else { continue };
            let Some(held) = forwarder.tables.held(inbound.slot) else { continue };
            let device = held.device;
            let first = at - packet.len();
            let place = first..first + inbound.inner.total_len;
            if inbound.tos != inbound.inner.tos {
                ecn::set_tos(&mut octets[place.clone()], inbound.tos);
            }
            let raw = transport.carriage != Carriage::Udp;
            let mtu = sink.devices.get(usize::from(device)).map_or(0, |device| device.mtu);
            let mtu = held.paths.iter().map(|path| path.mtu(now)).min().unwrap_or(mtu).min(mtu);
            let header = raw.then(|| unfinished(&octets[place.clone()], &inbound.inner, mtu));
            match header.flatten() {
                Some(header) => {
                    let more = merged(&header, &inbound.inner);
                    forwarder.received(&inbound, end, more);
                    merger.pass(octets, place, &inbound.inner, header, device, &mut sink);
                }
                None => merger.add(octets, place, &inbound.inner, device, &mut sink),
            }
        }
    }
    merger.flush(inbox.octets(), &mut sink);
    if sink.refused > 0 {
        forwarder.cells().dropped(DropReason::Refused, sink.refused);
    }
}

/// What the kernel merged into a packet, beyond the one packet it looks like.
fn merged(header: &VirtioHeader, inner: &Inner) -> Load {
    let data = inner.total_len.saturating_sub(header.header_len.into());
    let packets = match header.train {
        Train::None => 0,
        _ => data.div_ceil(usize::from(header.segment).max(1)).saturating_sub(1),
    };
    let bytes = packets * usize::from(header.header_len);
    Load { packets: packets as u64, bytes: bytes as u64, largest: 0 }
}

/// Writes to devices and counts what they refuse.
struct Devices<'a> {
    devices: &'a [Device],
    refused: u64,
}

impl Sink for Devices<'_> {
    fn write(&mut self, device: u16, packets: u64, parts: &[IoSlice<'_>]) {
        let device = self.devices.get(usize::from(device));
        if device.is_none_or(|device| (&device.file).write_vectored(parts).is_err()) {
            self.refused += packets;
        }
    }
}
