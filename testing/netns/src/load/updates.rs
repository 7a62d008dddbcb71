//! Proxy Binding Updates by the thousand: what two gateways with many nodes send, with a bounded
//! number unanswered.
//!
//! Updates are written and signed before the clock starts, some thousands at a time so that they
//! are within the anchor's timestamp window when they are sent, and answers are only counted: the
//! generator must not be the limit. The window of unanswered updates keeps the server busy without
//! overrunning a queue. Against an echo server everything is the same but the answers, which are
//! our own updates.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant, SystemTime},
};

use ipnet::{Ipv4Net, Ipv6Net};
use kedge_model::{Lifetime, Sequence, Timestamp};
use kedge_wire::{
    AccessTechnology, BindingUpdate, BuFlags, Encoder, HandoffIndicator, HomeNetworkPrefix,
    Ipv4HomeAddressRequest, Message, MnIdOption, MnLinkLayerId, TimestampOption,
    auth::{Key, sign},
    registry::{AccessTechnologyType, HandoffIndicatorValue, MhType, MnIdSubtype},
};
use nix::sys::socket::MsgFlags;

use super::{BATCH, batch::Batch, native};

/// After this long without an answer the unanswered updates count as lost, where nothing else is
/// said: the server is overrun.
pub(super) const PATIENCE: Duration = Duration::from_millis(200);
const LIFETIME: u64 = 3_000;
/// Updates that are written before the clock runs.
const PREPARED: usize = 16_384;
/// Updates that may be unanswered: enough to keep both ends busy, little enough for a socket's
/// default queue.
const WINDOW: usize = 256;

/// What to send, from where to where.
#[derive(Clone, Debug)]
pub struct Load {
    /// The gateways' addresses and ports; over IPv6 the ports are 0, and there is no UDP.
    pub gateways: [SocketAddr; 2],
    /// The anchor's.
    pub anchor: SocketAddr,
    /// How many nodes there are.
    pub bindings: usize,
    /// Their realm.
    pub realm: String,
    /// The shared key.
    pub key: Key,
}

impl Load {
    /// The gateways' sockets, on the host of the calling thread.
    pub fn open(&self) -> io::Result<[UdpSocket; 2]> {
        let [one, other] = self.gateways.map(|local| {
            let socket = match local {
                SocketAddr::V4(local) => UdpSocket::bind(local),
                SocketAddr::V6(local) => native::open(*local.ip()),
            }?;
            socket.connect(self.anchor).map(|()| socket)
        });
        Ok([one?, other?])
    }
}

/// What a gateway has to say about a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// It has come.
    Register,
    /// It is still there.
    Refresh,
    /// It has come from the other gateway.
    HandOver,
    /// It is gone.
    Deregister,
}

/// What a stretch of updates came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    /// Updates sent.
    pub sent: u64,
    /// Answers of any kind: also what an echo server returns.
    pub answered: u64,
    /// Acknowledgements that accept.
    pub accepted: u64,
    /// From the first update to the last answer, the writing of updates left out.
    pub took: Duration,
}

/// Two gateways with many nodes.
pub struct Updates {
    load: Load,
    sockets: [UdpSocket; 2],
    /// By node: whether it is at the second gateway.
    moved: Vec<bool>,
    sequence: u16,
    patience: Duration,
    inward: Batch,
    outward: Batch,
}

impl Updates {
    /// Sends through `sockets`, which [`Load::open`] opened.
    pub fn new(load: Load, sockets: [UdpSocket; 2]) -> Self {
        Self {
            sockets,
            moved: vec![false; load.bindings],
            sequence: 0,
            patience: PATIENCE,
            inward: Batch::new(),
            outward: Batch::new(),
            load,
        }
    }

    /// Waits so long for an answer, where none is lost and one may be late.
    #[must_use]
    pub fn patient(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Takes a step for each of `nodes`, one after the other.
    pub fn run(&mut self, step: Step, nodes: impl IntoIterator<Item = usize>) -> io::Result<Count> {
        let mut count = Count::default();
        let mut nodes = nodes.into_iter().peekable();
        let mut prepared: [Vec<Vec<u8>>; 2] = [Vec::new(), Vec::new()];
        while nodes.peek().is_some() {
            prepared.iter_mut().for_each(Vec::clear);
            for node in nodes.by_ref().take(PREPARED) {
                self.moved[node] ^= step == Step::HandOver;
                let gateway = usize::from(self.moved[node]);
                let packet = self.write(node, gateway, step);
                prepared[gateway].push(packet);
            }
            for (gateway, packets) in prepared.iter().enumerate() {
                self.send(gateway, packets, &mut count)?;
            }
        }
        Ok(count)
    }

    pub(super) fn nodes(&self) -> usize {
        self.load.bindings
    }

    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    pub(super) fn socket(&self, gateway: usize) -> &UdpSocket {
        &self.sockets[gateway]
    }

    /// Sends packets that nobody waits for the answers to.
    pub(super) fn send_all(&mut self, gateway: usize, packets: &[Vec<u8>]) -> io::Result<usize> {
        self.outward.send(&self.sockets[gateway], packets.iter().map(|p| (&p[..], None)))
    }

    fn send(&mut self, gateway: usize, packets: &[Vec<u8>], count: &mut Count) -> io::Result<()> {
        // What the anchor tells the gateway that a node has left, and tells it again, is nothing to
        // count; it would leave no room for the answers.
        for socket in &self.sockets {
            while self.inward.receive(socket, MsgFlags::MSG_DONTWAIT)? > 0 {}
        }
        let (start, mut heard) = (Instant::now(), Instant::now());
        let (mut rest, mut pending) = (packets, 0);
        while !rest.is_empty() || pending > 0 {
            if !rest.is_empty() && pending + BATCH <= WINDOW {
                let now = rest[..rest.len().min(BATCH)].iter().map(|p| (&p[..], None));
                let sent = self.outward.send(&self.sockets[gateway], now)?;
                rest = &rest[sent..];
                (pending, count.sent) = (pending + sent, count.sent + sent as u64);
            }
            self.inward.receive(&self.sockets[gateway], MsgFlags::MSG_DONTWAIT)?;
            let answers = self.inward.packets().filter(|(bytes, _)| !is_indication(bytes));
            let got = answers.clone().count();
            if got > 0 {
                heard = Instant::now();
                pending = pending.saturating_sub(got);
                count.answered += got as u64;
                count.accepted += answers.filter(|(bytes, _)| accepts(bytes)).count() as u64;
            } else if heard.elapsed() >= self.patience {
                (pending, heard) = (0, Instant::now());
            }
        }
        count.took += heard.saturating_duration_since(start);
        Ok(())
    }

    /// Writes an update of one node, signed.
    pub(super) fn write(&mut self, node: usize, gateway: usize, step: Step) -> Vec<u8> {
        self.sequence = self.sequence.wrapping_add(1);
        let (handoff, lifetime) = match step {
            Step::Register => (HandoffIndicatorValue::NEW_INTERFACE, LIFETIME),
            Step::Refresh => (HandoffIndicatorValue::NOT_CHANGED, LIFETIME),
            Step::HandOver => (HandoffIndicatorValue::BETWEEN_GATEWAYS, LIFETIME),
            Step::Deregister => (HandoffIndicatorValue::UNKNOWN, 0),
        };
        let mut packet = Vec::with_capacity(256);
        let update = BindingUpdate {
            sequence: Sequence(self.sequence),
            flags: BuFlags::A | BuFlags::P,
            lifetime: Lifetime::from_secs(lifetime),
        };
        let mut encoder = Encoder::new(&mut packet, Message::BindingUpdate(update));
        let nai = nai(node, &self.load.realm);
        if let Some(identifier) = MnIdOption::new(MnIdSubtype::NAI, nai.as_bytes()) {
            encoder.option(identifier);
        }
        encoder.option(HomeNetworkPrefix::new(Ipv6Net::default()));
        encoder.option(HandoffIndicator(handoff));
        encoder.option(AccessTechnology(AccessTechnologyType::IEEE_802_11A_B_G));
        encoder.option(TimestampOption(Timestamp::from_system_time(SystemTime::now())));
        let [.., a, b, c, d] = node.to_be_bytes();
        if let Some(link_layer) = MnLinkLayerId::new(&[2, 0, a, b, c, d]) {
            encoder.option(link_layer);
        }
        let any = Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0);
        encoder.option(Ipv4HomeAddressRequest { address: any });
        encoder.finish();
        let care_of = self.load.gateways[gateway].ip();
        sign(&mut packet, 0, &self.load.key, care_of, care_of);
        packet
    }
}

/// The name of a node, which is no longer where there are more of them: an octet of it may be one
/// block more to authenticate.
pub fn nai(node: usize, realm: &str) -> String {
    format!("load{node:07}@{realm}")
}

/// Whether this is an acknowledgement with a status below 128 (RFC 6275 section 6.1.8).
pub(super) fn accepts(bytes: &[u8]) -> bool {
    let is_answer = bytes.get(2) == Some(&MhType::BINDING_ACKNOWLEDGEMENT.0);
    is_answer && bytes.get(6).is_some_and(|status| *status < 128)
}

/// Whether the anchor says this of itself (RFC 5846 section 4).
fn is_indication(bytes: &[u8]) -> bool {
    bytes.get(2) == Some(&MhType::BINDING_REVOCATION.0)
}

/// Whether this is the acknowledgement of an update: it has its sequence number (RFC 6275 sections
/// 6.1.7 and 6.1.8).
pub(super) fn answers(bytes: &[u8], update: &[u8]) -> bool {
    let is_answer = bytes.get(2) == Some(&MhType::BINDING_ACKNOWLEDGEMENT.0);
    is_answer && bytes.get(8..10) == update.get(6..8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_told_from_another_updates_and_from_what_is_none() {
        let update = [59, 1, MhType::BINDING_UPDATE.0, 0, 0, 0, 7, 9, 0, 0, 0, 0];
        let message =
            |kind: MhType, sequence: u8| [59, 1, kind.0, 0, 0, 0, 0, 0, 7, sequence, 0, 0];
        assert!(answers(&message(MhType::BINDING_ACKNOWLEDGEMENT, 9), &update));
        assert!(!answers(&message(MhType::BINDING_ACKNOWLEDGEMENT, 8), &update));
        assert!(!answers(&message(MhType::BINDING_REVOCATION, 9), &update));
        assert!(!answers(&[59, 1, MhType::BINDING_ACKNOWLEDGEMENT.0], &update));
    }
}
