//! From tunnels to devices.

use std::io::{IoSlice, Write};
use std::ops::Range;
use std::time::Instant;

use kedge_dataplane::inner::Inner;
use kedge_dataplane::{DropReason, EndId, Forwarder, Inbound, Load, TunnelEnd, ecn, unwrap};

use crate::merge::{Merger, Sink, unfinished};
use crate::sys::receive::{Arrival, BATCH, Inbox};
use crate::transport::Transport;
use crate::virtio::{Train, VirtioHeader};
use crate::worker::{Device, Worker};

/// Arrivals of one batch from a UDP socket: trains of up to 64 KiB, and what was received is best
/// written while the processor's cache still has it.
const TRAINS: usize = 16;

impl Worker {
    /// Moves a batch of packets from tunnels to devices, and says how many.
    pub fn serve_transport(&mut self, at: usize, is_error: bool, now: Instant) -> usize {
        let Self { forwarder, devices, transports, merger, inbox, .. } = self;
        let Some(transport) = transports.get_mut(at) else { return 0 };
        if is_error {
            transport.outbox.drain_errors();
        }
        let mut packets = 0;
        // An error here was about a packet that left, and its report is in the error queue.
        let most = if transport.carriage.is_udp() { TRAINS } else { BATCH };
        if inbox.receive(transport.outbox.fd(), most).is_ok() {
            packets = inbox.arrivals().iter().map(Arrival::packets).sum();
            let sink = Devices { devices, refused: 0 };
            Exit { forwarder, transport, merger, sink, now, last: None }.batch(inbox);
        }
        self.collect_failures(&[at], now);
        packets
    }
}

/// The way out of the tunnels that end at one socket.
struct Exit<'a> {
    forwarder: &'a mut Forwarder,
    transport: &'a Transport,
    merger: &'a mut Merger,
    sink: Devices<'a>,
    now: Instant,
    /// The tunnel of the packet before, which mostly is that of the next one.
    last: Option<(TunnelEnd, EndId)>,
}

impl Exit<'_> {
    fn batch(mut self, inbox: &mut Inbox) {
        for index in 0..inbox.arrivals().len() {
            let mut arrival = inbox.arrivals()[index];
            let octets = inbox.octets();
            let start = Inbox::start(index);
            let (mut at, end) = (start, start + arrival.length);
            if self.transport.local.is_ipv4() && !self.transport.carriage.is_udp() {
                // An IPv4 raw socket gives the IP header too (raw(7)).
                if let Ok(outer) = Inner::parse_quote(&octets[at..end]) {
                    at += outer.header_len;
                    arrival.tos = outer.tos;
                }
            }
            if at >= end {
                self.forwarder.cells().dropped(DropReason::InvalidLength, 1);
            }
            while at < end {
                let next = end.min(at + arrival.segment.max(1));
                self.packet(octets, at..next, &arrival);
                at = next;
            }
        }
        self.merger.flush(inbox.octets(), &mut self.sink);
        if self.sink.refused > 0 {
            self.forwarder.cells().dropped(DropReason::Refused, self.sink.refused);
        }
    }

    /// Takes one packet, which is at `at`, out of its tunnel.
    fn packet(&mut self, octets: &mut [u8], at: Range<usize>, arrival: &Arrival) {
        let Self { forwarder, transport, merger, sink, now, last } = self;
        let carried = transport.carried(&octets[at.clone()], arrival.from.port());
        let (carrier, is_ipv4, packet) = match unwrap(carried, transport.data_port) {
            Ok(unwrapped) => unwrapped,
            Err(reason) => return forwarder.cells().dropped(reason, 1),
        };
        let key = TunnelEnd {
            transport: transport.vrf,
            local: transport.local.ip(),
            peer: arrival.from.ip(),
            carrier,
        };
        let end = match *last {
            Some((before, end)) if before == key => end,
            _ => {
                let Ok(end) = forwarder.end(&key, 1) else { return };
                *last = Some((key, end));
                end
            }
        };
        let Ok(inbound) = forwarder.inbound(end, arrival.tos, is_ipv4, packet, *now) else {
            return;
        };
        let Some(held) = forwarder.tables.held(inbound.slot) else { return };

        let (inner, device) = (&inbound.inner, held.device);
        let first = at.end - packet.len();
        let place = first..first + inner.total_len;
        // What the kernel merges before a socket sees it, it does not say how to cut; and over a
        // cable without errors, as virtual ones are, it leaves checksums to whoever needs them.
        let unfinished = unfinished(&octets[place.clone()], inner, || {
            let mtu = forwarder.tables.mtu(held, *now);
            mtu.min(sink.device(device).map_or(mtu, |d| d.mtu))
        });
        change(&mut octets[place.clone()], &inbound, unfinished.is_some());
        if let Some(header) = unfinished {
            forwarder.received(&inbound, end, merged(&header, inner));
            return merger.pass(octets, place, inner, header, device, sink);
        }
        merger.add(octets, place, inner, device, sink);
    }
}

/// Makes the changes that leaving the tunnel brings. The checksum of an `unfinished` packet is made
/// later, over what the packet is then.
pub(crate) fn change(packet: &mut [u8], inbound: &Inbound, unfinished: bool) {
    if inbound.tos != inbound.inner.tos {
        ecn::set_tos(packet, inbound.tos);
    }
    match inbound.clamp {
        Some(clamp) if unfinished => clamp.apply_unfinished(packet),
        Some(clamp) => clamp.apply(packet),
        None => {}
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
    devices: &'a [Option<Device>],
    refused: u64,
}

impl Devices<'_> {
    fn device(&self, place: u16) -> Option<&Device> {
        self.devices.get(usize::from(place))?.as_ref()
    }
}

impl Sink for Devices<'_> {
    fn write(&mut self, device: u16, packets: u64, parts: &[IoSlice<'_>]) {
        if self.device(device).is_none_or(|device| (&device.file).write_vectored(parts).is_err()) {
            self.refused += packets;
        }
    }
}
