//! Proxy Binding Updates by the thousand: registrations, then authenticated refreshes of many
//! bindings with a bounded number unanswered.
//!
//! Refreshes are written and signed before the clock starts, within the anchor's timestamp window,
//! so that the generator costs as little as it can. The window of unanswered updates keeps the
//! server busy without overrunning a queue. Against an echo server everything is the same but the
//! answers, which are our own updates.

use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant, SystemTime},
};

use ipnet::{Ipv4Net, Ipv6Net};
use kedge_model::{Lifetime, Sequence, Timestamp};
use kedge_wire::{
    AccessTechnology, BindingUpdate, BuFlags, Encoder, HandoffIndicator, HomeNetworkPrefix,
    Ipv4HomeAddressReply, Ipv4HomeAddressRequest, Message, MnIdOption, PacketRef, TimestampOption,
    auth::{Key, sign},
    registry::{AccessTechnologyType, HandoffIndicatorValue, MnIdSubtype},
};
use nix::sys::socket::MsgFlags;

use super::{BATCH, batch::Batch};

/// After this long without an answer the unanswered updates count as lost.
const PATIENCE: Duration = Duration::from_millis(200);
const LIFETIME: u64 = 300;
/// Registrations and farewells take what they take.
const UNTIMED: Duration = Duration::from_secs(60);

/// What to send, from where to where.
#[derive(Clone, Debug)]
pub struct Load {
    /// The gateway's address and port.
    pub local: SocketAddr,
    /// The anchor's.
    pub anchor: SocketAddr,
    /// How many nodes are registered and refreshed in turn.
    pub bindings: usize,
    /// How many updates may be unanswered.
    pub window: usize,
    /// Their realm.
    pub realm: String,
    /// The shared key.
    pub key: Key,
}

/// What a stretch of refreshes came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    /// Updates sent.
    pub sent: u64,
    /// Answers of any kind: also what an echo server returns.
    pub answered: u64,
    /// Acknowledgements that accept.
    pub accepted: u64,
    /// From the first update to the last answer.
    pub took: Duration,
}

/// A gateway with many nodes.
pub struct Updates {
    load: Load,
    socket: UdpSocket,
    nodes: Vec<Node>,
    by_sequence: HashMap<u16, usize>,
    sequence: u16,
    inward: Batch,
    outward: Batch,
}

struct Node {
    nai: String,
    prefix: Ipv6Net,
    home: Ipv4Net,
}

impl Updates {
    /// Opens the socket; nothing is sent yet.
    pub fn new(load: Load) -> io::Result<Self> {
        let socket = UdpSocket::bind(load.local)?;
        socket.connect(load.anchor)?;
        let node = |number| Node {
            nai: format!("load{number}@{}", load.realm),
            prefix: Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0),
            home: Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0),
        };
        Ok(Self {
            socket,
            nodes: (0..load.bindings).map(node).collect(),
            by_sequence: HashMap::new(),
            sequence: 0,
            inward: Batch::new(),
            outward: Batch::new(),
            load,
        })
    }

    /// Registers every node and keeps the addresses it is given.
    pub fn register(&mut self) -> io::Result<Count> {
        let packets =
            self.prepare(HandoffIndicatorValue::NEW_INTERFACE, LIFETIME, self.nodes.len());
        self.run(&packets, UNTIMED)
    }

    /// Refreshes one node after the other, `updates` of them, or as many as fit into `longest`.
    pub fn refresh(&mut self, updates: usize, longest: Duration) -> io::Result<Count> {
        let packets = self.prepare(HandoffIndicatorValue::NOT_CHANGED, LIFETIME, updates);
        self.run(&packets, longest)
    }

    /// De-registers every node.
    pub fn leave(&mut self) -> io::Result<Count> {
        let packets = self.prepare(HandoffIndicatorValue::UNKNOWN, 0, self.nodes.len());
        self.run(&packets, UNTIMED)
    }

    /// Writes updates of one node after the other.
    fn prepare(
        &mut self,
        handoff: HandoffIndicatorValue,
        lifetime: u64,
        updates: usize,
    ) -> Vec<Vec<u8>> {
        let mut packets = vec![Vec::new(); updates];
        for (number, packet) in packets.iter_mut().enumerate() {
            self.write(number % self.nodes.len(), handoff, lifetime, packet);
        }
        packets
    }

    fn run(&mut self, packets: &[Vec<u8>], longest: Duration) -> io::Result<Count> {
        let mut count = Count::default();
        let (start, mut heard) = (Instant::now(), Instant::now());
        let (mut rest, mut pending) = (packets, 0);
        loop {
            if start.elapsed() >= longest {
                rest = &[];
            }
            if !rest.is_empty() && pending + BATCH <= self.load.window {
                let now = rest[..rest.len().min(BATCH)].iter().map(|p| (&p[..], None));
                let sent = self.outward.send(&self.socket, now)?;
                rest = &rest[sent..];
                (pending, count.sent) = (pending + sent, count.sent + sent as u64);
            }
            let got = self.inward.receive(&self.socket, MsgFlags::MSG_DONTWAIT)?;
            if got > 0 {
                heard = Instant::now();
                pending = pending.saturating_sub(got);
                count.answered += got as u64;
                count.accepted += self.learn();
            } else if heard.elapsed() >= PATIENCE {
                (pending, heard) = (0, Instant::now());
            }
            if rest.is_empty() && pending == 0 {
                count.took = heard.saturating_duration_since(start);
                return Ok(count);
            }
        }
    }

    /// Writes an update of one node, signed.
    fn write(
        &mut self,
        index: usize,
        handoff: HandoffIndicatorValue,
        lifetime: u64,
        packet: &mut Vec<u8>,
    ) {
        self.sequence = self.sequence.wrapping_add(1);
        self.by_sequence.insert(self.sequence, index);
        let node = &self.nodes[index];
        packet.clear();
        let update = BindingUpdate {
            sequence: Sequence(self.sequence),
            flags: BuFlags::A | BuFlags::P,
            lifetime: Lifetime::from_secs(lifetime),
        };
        let mut encoder = Encoder::new(packet, Message::BindingUpdate(update));
        if let Some(identifier) = MnIdOption::new(MnIdSubtype::NAI, node.nai.as_bytes()) {
            encoder.option(identifier);
        }
        encoder.option(HomeNetworkPrefix::new(node.prefix));
        encoder.option(HandoffIndicator(handoff));
        encoder.option(AccessTechnology(AccessTechnologyType::IEEE_802_11A_B_G));
        encoder.option(TimestampOption(Timestamp::from_system_time(SystemTime::now())));
        encoder.option(Ipv4HomeAddressRequest { address: node.home });
        encoder.finish();
        let care_of = self.load.local.ip();
        sign(packet, 0, &self.load.key, care_of, care_of);
    }

    /// Reads the answers received last: how many accept. Addresses given are remembered.
    fn learn(&mut self) -> u64 {
        let mut accepted = 0;
        for (bytes, _) in self.inward.packets() {
            let Ok(packet) = PacketRef::decode(bytes) else { continue };
            let Message::BindingAcknowledgement(answer) = packet.message else { continue };
            if !answer.status.is_accepted() {
                continue;
            }
            accepted += 1;
            let Some(index) = self.by_sequence.get(&answer.sequence.0) else { continue };
            let node = &mut self.nodes[*index];
            if let Some(given) = packet.options.get::<HomeNetworkPrefix>() {
                node.prefix = given.prefix;
            }
            if let Some(given) = packet.options.get::<Ipv4HomeAddressReply>() {
                node.home = given.address;
            }
        }
        accepted
    }
}
