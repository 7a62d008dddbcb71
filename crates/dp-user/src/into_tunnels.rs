//! From a device into tunnels.
//!
//! A batch of reads lies in one buffer, the headers that are written for it in another; outboxes
//! hold ranges of both until the batch is sent. The payload is copied by the kernel alone.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use kedge_dataplane::inner::Inner;
use kedge_dataplane::{DropReason, Fit, Load, Shim, Verdict, fragments};
use kedge_model::Encapsulation;
use tracing::debug;

use crate::outbox::Piece;
use crate::split::{Cut, finish_checksum};
use crate::transport::Carriage;
use crate::virtio::{Train, VirtioHeader};
use crate::worker::{READ, Worker};

/// Reads of one batch.
const BATCH: usize = 128;

impl Worker {
    /// Moves a batch of packets from a device into tunnels, and says about how many. It fails when
    /// the device is gone.
    pub fn serve_device(&mut self, at: usize, now: Instant) -> io::Result<usize> {
        let (mut used, mut packets) = (0, 0);
        for _ in 0..BATCH {
            let Some(buffer) = self.reads.get_mut(used..used + READ) else { break };
            let Some(Some(device)) = self.devices.get_mut(at) else { break };
            let length = match device.file.read(buffer) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            // A train counts as what it is cut into.
            packets += length.div_ceil(usize::from(device.mtu).max(1));
            self.send_packet(at, used, length, now);
            used += length;
        }
        let queued = self.transports.take_queued();
        for &number in &queued {
            if let Some(transport) = self.transports.get_mut(number) {
                transport.outbox.flush(&self.reads, &self.written);
            }
        }
        self.written.clear();
        self.collect_failures(&queued, now);
        Ok(packets)
    }

    /// Queues what one read gave: `length` octets at `start`.
    fn send_packet(&mut self, at: usize, start: usize, length: usize, now: Instant) {
        let Self { forwarder, devices, transports, reads, written, .. } = self;
        let Some(Some(device)) = devices.get(at) else { return };
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
            Verdict::Local => {
                let read = &mut reads[start..first + inner.total_len];
                if cut.is_none() {
                    // Its checksum is complete by now, which the header need not promise any more.
                    read[..VirtioHeader::LEN].fill(0);
                }
                // The whole train goes back as it came: its segments are cut where it leaves.
                if let Err(error) = (&device.file).write(read) {
                    debug!(%error, "a packet could not go back into its device");
                    forwarder.cells().dropped(DropReason::Refused, load.packets);
                }
                return;
            }
            Verdict::Drop(_) => return,
            Verdict::Reply(_, reply) => return device.replies.send(&reply),
        };
        if let Some(clamp) = out.clamp {
            // A train's checksums are made when it is cut.
            clamp.apply(&mut reads[first..first + inner.total_len]);
        }
        let packet = &reads[first..first + inner.total_len];
        let Some((_, path)) = forwarder.path(&out) else { return };
        let tunnel = &path.tunnel;
        let (carriage, port) = match tunnel.encapsulation {
            Encapsulation::Udp { peer_port, .. } | Encapsulation::GreUdp { peer_port, .. } => {
                (if path.shares_signalling { Carriage::Shared } else { Carriage::Udp }, peer_port)
            }
            Encapsulation::Gre { .. } => (Carriage::Gre, 0),
            Encapsulation::IpInIp if inner.is_ipv4() => (Carriage::Ipv4, 0),
            Encapsulation::IpInIp => (Carriage::Ipv6, 0),
        };
        let to = SocketAddr::new(tunnel.peer, port);
        let mut shim = Shim::new(tunnel.encapsulation, inner.is_ipv4());
        let Some(outbox) = transports.queue(path.local, carriage) else { return };

        if out.fit == Fit::OuterFragments {
            outbox.flush(reads, written);
        }
        match (cut, out.fit) {
            (None, Fit::Whole | Fit::OuterFragments) => {
                let head = append(written, shim.before(inner.total_len));
                let body = Piece::Read(first..first + inner.total_len);
                let length = shim.len() + inner.total_len;
                outbox.push(to, out.marks, length, [head, Some(body)].into_iter().flatten());
            }
            (Some(cut), Fit::Whole | Fit::OuterFragments) => {
                for index in 0..cut.count() {
                    let start = written.len();
                    let header = start + shim.len();
                    written.resize(header + cut.header_len(), 0);
                    let payload = cut.write(&inner, packet, index, &mut written[header..]);
                    let length = written.len() - start + payload.len();
                    written[start..header].copy_from_slice(shim.before(length - shim.len()));
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
                        written.extend_from_slice(shim.before(piece.len()));
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
