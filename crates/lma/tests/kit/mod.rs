//! A small world around an anchor: updates that can be bent in every way, gateways that send
//! them, and a clock.

#![expect(dead_code, reason = "each test file uses the part it needs")]

mod counters;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

use kedge_lma::{
    Binding, Denial, Discard, Event, Ipv4Pool, Ipv6Pool, Lma, Network, NoProfile, Now, Output,
    Peer, Profile, Question, Rejection, Service, Settings, What,
};
use kedge_model::{
    BindingId, CustomerId, Datagram, Forwarding, Ipv4Net, Ipv6Net, Lifetime, MnId, Sequence,
    SignalPath, Timestamp, VrfId,
};
use kedge_wire::auth::{self, Key};
use kedge_wire::registry::{AccessTechnologyType, HandoffIndicatorValue, RevocationStatus, Status};
use kedge_wire::{
    AccessTechnology, BindingAcknowledgement, BindingRevocationAcknowledgement,
    BindingRevocationIndication, BindingUpdate, BuFlags, HandoffIndicator, HomeNetworkPrefix,
    Ipv4HomeAddressRequest, Message, MnIdOption, MnLinkLayerId, MobilityOption, Options, Packet,
    TimestampOption, set_checksum, verify_checksum,
};

pub const LMA: &str = "2001:db8::1";
pub const LMA4: &str = "192.0.2.254";
pub const MAG1: &str = "2001:db8:1::1";
pub const MAG2: &str = "2001:db8:2::1";
pub const STRANGER: &str = "2001:db8:66::1";
pub const MAG1_V4: &str = "192.0.2.1";
pub const MN: &str = "mn1@example.com";

/// An anchor with the time around it, and what came out of it last.
pub struct World {
    pub lma: Lma,
    pub now: Now,
    /// Every indication that was sent, the latest last.
    pub indications: Vec<Bri>,
    /// Every question to AAA, the latest last.
    pub questions: Vec<Question>,
    sequence: u16,
}

/// What an input brought about.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub sent: Vec<(SignalPath, u8, Vec<u8>)>,
    pub forwards: Vec<(BindingId, Option<Forwarding>)>,
    pub events: Vec<Event>,
    pub questions: Vec<Question>,
}

/// Two gateways, each with an IPv6 and an IPv4 address; every node gets both families from one
/// network.
pub fn settings() -> Settings {
    let peer = |name: &str, addresses: &[&str]| Peer {
        name: name.to_owned(),
        transport: VrfId::DEFAULT,
        addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
        authentication: None,
        encapsulation: None,
        dscp: None,
    };
    Settings {
        peers: vec![peer("mag1", &[MAG1, MAG1_V4]), peer("mag2", &[MAG2, "192.0.2.2"])],
        networks: BTreeMap::from([("home".to_owned(), network(24, 48))]),
        default_profile: Some(profile(Service::Dual)),
        ..Settings::default()
    }
}

/// No binding, no address taken, no timer.
pub fn assert_nothing_left(world: &mut World) {
    assert!(world.lma.is_empty());
    assert_eq!(world.lma.bindings().count(), 0);
    assert_eq!(world.lma.poll_timeout(), None);
    // A network that is not configured has no usage.
    if let Some((ipv4, ipv6)) = world.lma.usage("home") {
        assert_eq!((ipv4.unwrap().taken, ipv6.unwrap().taken), (0, 0));
    }
    assert!(world.lma.peers().all(|peer| peer.bindings == 0));
}

pub fn network(ipv4_len: u8, ipv6_len: u8) -> Network {
    Network {
        ipv4: vec![Ipv4Pool {
            start: Ipv4Addr::new(10, 0, 0, 2),
            last: None,
            prefix_len: ipv4_len,
        }],
        ipv6: vec![Ipv6Pool { start: "2001:db8:100::".parse().unwrap(), prefix_len: ipv6_len }],
        ..Network::default()
    }
}

pub fn profile(service: Service) -> Profile {
    Profile { service, network: Some("home".to_owned()), ..Profile::default() }
}

impl World {
    pub fn new() -> Self {
        Self::with(settings())
    }

    pub fn with(settings: Settings) -> Self {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let now = Now { mono: Instant::now(), wall };
        let lma = Lma::new(settings, 7);
        Self { lma, now, indications: Vec::new(), questions: Vec::new(), sequence: 0 }
    }

    /// Sends an update, which takes a millisecond, and gives what came of it.
    pub fn send(&mut self, pbu: &Pbu) -> (Result<(), Rejection>, Outcome) {
        self.advance(Duration::from_millis(1));
        self.sequence = self.sequence.wrapping_add(1);
        let bytes = pbu.bytes(self.now, self.sequence);
        self.deliver(pbu.path(), &bytes)
    }

    pub fn deliver(&mut self, path: SignalPath, bytes: &[u8]) -> (Result<(), Rejection>, Outcome) {
        let result = self.lma.handle_datagram(Datagram { path, dscp: 0, bytes }, self.now);
        let outcome = self.drain();
        self.check_balance();
        (result, outcome)
    }

    /// An update that is to be accepted, and its acknowledgement.
    pub fn accepted(&mut self, pbu: &Pbu) -> (Ack, Outcome) {
        let (result, outcome) = self.send(pbu);
        assert_eq!(result, Ok(()));
        let ack = outcome.ack().expect("an acknowledgement");
        assert!(ack.status().is_accepted(), "status {}", ack.status().0);
        (ack, outcome)
    }

    /// An update that is to be denied, and its acknowledgement, whose status is the denial's.
    pub fn denied(&mut self, pbu: &Pbu, denial: Denial) -> Ack {
        let (result, outcome) = self.send(pbu);
        assert_eq!(result, Err(Rejection::Denied(denial)));
        let ack = outcome.ack().expect("an acknowledgement");
        assert_eq!(ack.status(), denial.status());
        assert!(outcome.forwards.is_empty(), "a denial changes no forwarding");
        let told = outcome
            .events
            .iter()
            .any(|e| matches!(e.what, What::Denied { denial: d, .. } if d == denial));
        assert!(told, "a denial is an event");
        ack
    }

    /// An update that is to be dropped: nothing comes of it.
    pub fn discarded(&mut self, pbu: &Pbu, discard: Discard) {
        let (result, outcome) = self.send(pbu);
        assert_eq!(result, Err(Rejection::Discarded(discard)));
        assert!(outcome.is_empty(), "{outcome:?}");
    }

    /// An update that is to wait: there is no answer yet.
    pub fn waits(&mut self, pbu: &Pbu) {
        let (result, outcome) = self.send(pbu);
        assert!(result.is_ok() && outcome.without_revocations().is_empty(), "{result:?}");
        assert_eq!(self.lma.pending(), 1);
    }

    /// An update of a node that AAA is to be asked about, and the question.
    pub fn asks(&mut self, pbu: &Pbu) -> Question {
        let (result, mut outcome) = self.send(pbu);
        assert_eq!(result, Ok(()));
        let question = outcome.questions.pop().expect("a question");
        assert!(outcome.is_empty(), "nothing but a question: {outcome:?}");
        question
    }

    /// AAA's answer.
    pub fn authorize(
        &mut self,
        question: &Question,
        answer: Result<Profile, NoProfile>,
    ) -> Outcome {
        let _rejected = self.lma.handle_authorization(question.ticket, answer, self.now);
        let outcome = self.drain();
        self.check_balance();
        outcome
    }

    /// A gateway's answer to an indication.
    pub fn acknowledge(
        &mut self,
        bri: &Bri,
        status: RevocationStatus,
    ) -> (Result<(), Rejection>, Outcome) {
        let sequence = bri.body.sequence;
        let body = BindingRevocationAcknowledgement { status, sequence, flags: bri.body.flags };
        self.deliver(bri.path, &message(bri.path, body, Options::new()))
    }

    /// What came out, with every indication in it acknowledged.
    pub fn drain_acknowledging(&mut self) -> Outcome {
        let mut outcome = self.drain();
        for bri in outcome.indications() {
            outcome.join(self.acknowledge(&bri, RevocationStatus::SUCCESS).1);
        }
        outcome
    }

    /// Lets time pass, and does what comes due on the way, when it comes due.
    pub fn wait(&mut self, time: Duration) -> Outcome {
        let end = self.now.mono + time;
        let mut outcome = Outcome::default();
        while let Some(due) = self.lma.poll_timeout().filter(|due| *due <= end) {
            self.advance(due.saturating_duration_since(self.now.mono));
            self.lma.handle_timeout(self.now);
            outcome.join(self.drain());
        }
        self.advance(end.saturating_duration_since(self.now.mono));
        self.lma.handle_timeout(self.now);
        outcome.join(self.drain());
        self.check_balance();
        outcome
    }

    pub fn advance(&mut self, time: Duration) {
        self.now = Now { mono: self.now.mono + time, wall: self.now.wall + time };
    }

    pub fn drain(&mut self) -> Outcome {
        let mut outcome = Outcome::default();
        while let Some(output) = self.lma.poll_output() {
            match output {
                Output::Send { path, dscp, bytes } => outcome.sent.push((path, dscp, bytes)),
                Output::Forward { binding, want } => outcome.forwards.push((binding, want)),
                Output::Authorize(question) => outcome.questions.push(*question),
                Output::Event(event) => outcome.events.push(event),
            }
        }
        self.indications.extend(outcome.indications());
        self.questions.extend(outcome.questions.clone());
        outcome
    }

    /// A counter by the name it has in JSON.
    pub fn count(&self, name: &str) -> u64 {
        let (group, row) = name.split_once('.').unwrap();
        let groups = self.lma.statistics();
        let group = groups.iter().find(|g| g.key == group).expect("a group of that name");
        group.rows.iter().find(|r| r.key == row).expect("a counter of that name").value
    }

    /// The counters of a group that are not zero.
    pub fn moved(&self, group: &str) -> Vec<(&'static str, u64)> {
        let groups = self.lma.statistics();
        let group = groups.iter().find(|g| g.key == group).expect("a group of that name");
        group.rows.iter().filter(|r| r.value > 0).map(|r| (r.key, r.value)).collect()
    }

    pub fn bindings_of(&self, nai: &str) -> Vec<&Binding> {
        self.lma.find(CustomerId::DEFAULT, &MnId::nai(nai).unwrap()).collect()
    }

    pub fn only_binding(&self) -> &Binding {
        let all: Vec<_> = self.lma.bindings().collect();
        assert_eq!(all.len(), 1);
        all[0]
    }

    /// The care-of address of a node's one binding.
    pub fn only_binding_of(&self, nai: &str) -> IpAddr {
        let all = self.bindings_of(nai);
        assert_eq!(all.len(), 1);
        all[0].care_of()
    }

    /// The sums that hold after every input.
    pub fn check_balance(&self) {
        let [total, accepted, denied, discarded] = ["total", "accepted", "denied", "discarded"]
            .map(|row| self.count(&format!("binding_updates_received.{row}")));
        assert_eq!(total, accepted + denied + discarded + self.lma.pending() as u64);
        let sum = |row: &str| -> u64 {
            ["initial", "refresh", "deregistration", "handoff"]
                .iter()
                .map(|class| self.count(&format!("binding_updates_{class}.{row}")))
                .sum()
        };
        assert_eq!((sum("accepted"), sum("denied")), (accepted, denied));
        let rows = |group: &str| self.moved(group).iter().map(|(_, value)| value).sum::<u64>();
        assert_eq!(rows("discard_reasons"), discarded);
        assert_eq!(rows("deny_reasons") + rows("deny_other"), denied);
        assert_eq!(self.count("binding_acks_sent.total"), accepted + denied);
        assert_eq!(self.count("binding_acks_sent.denied"), denied);
    }
}

impl Outcome {
    pub fn is_empty(&self) -> bool {
        self.sent.is_empty()
            && self.forwards.is_empty()
            && self.events.is_empty()
            && self.questions.is_empty()
    }

    /// The one acknowledgement of an update that was sent.
    pub fn ack(&self) -> Option<Ack> {
        let mut acks = self.sent.iter().filter(|(_, _, bytes)| bytes[2] == 6);
        let ack = acks.next().map(|(path, _, bytes)| Ack::new(*path, bytes));
        assert!(acks.next().is_none(), "at most one answer");
        ack
    }

    /// The indications that were sent.
    pub fn indications(&self) -> Vec<Bri> {
        let is_indication = |bytes: &[u8]| bytes[2] == 16 && bytes[6] == 1;
        let indications = self.sent.iter().filter(|(_, _, bytes)| is_indication(bytes));
        indications.map(|(path, _, bytes)| Bri::new(*path, bytes)).collect()
    }

    /// The one indication that was sent.
    pub fn indication(&self) -> Bri {
        let mut all = self.indications();
        assert_eq!(all.len(), 1, "{:?}", self.sent);
        all.remove(0)
    }

    /// What else came of it.
    pub fn without_revocations(&self) -> Self {
        let mut rest = self.clone();
        rest.sent.retain(|(_, _, bytes)| bytes[2] != 16);
        rest.events.retain(|event| !matches!(event.what, What::RevocationFailed { .. }));
        rest
    }

    /// The one forwarding change.
    pub fn forward(&self) -> &Option<Forwarding> {
        assert_eq!(self.forwards.len(), 1);
        &self.forwards[0].1
    }

    pub fn what(&self) -> Vec<&What> {
        self.events.iter().map(|event| &event.what).collect()
    }

    pub fn join(&mut self, later: Self) {
        self.sent.extend(later.sent);
        self.forwards.extend(later.forwards);
        self.events.extend(later.events);
        self.questions.extend(later.questions);
    }
}

/// A Binding Acknowledgement that was sent.
#[derive(Debug)]
pub struct Ack {
    pub path: SignalPath,
    pub body: BindingAcknowledgement,
    pub options: Options,
    pub bytes: Vec<u8>,
}

impl Ack {
    fn new(path: SignalPath, bytes: &[u8]) -> Self {
        let packet = Packet::decode(bytes).expect("what is sent decodes");
        let Message::BindingAcknowledgement(body) = packet.message else {
            panic!("not an acknowledgement: {packet:?}")
        };
        check_checksum(path, bytes);
        Self { path, body, options: packet.options, bytes: bytes.to_vec() }
    }

    pub fn status(&self) -> Status {
        self.body.status
    }

    pub fn prefixes(&self) -> Vec<String> {
        self.options.all::<HomeNetworkPrefix>().map(|o| o.prefix.to_string()).collect()
    }
}

/// A Binding Revocation Indication that was sent.
#[derive(Clone, Debug)]
pub struct Bri {
    pub path: SignalPath,
    pub body: BindingRevocationIndication,
    pub options: Options,
    pub bytes: Vec<u8>,
}

impl Bri {
    fn new(path: SignalPath, bytes: &[u8]) -> Self {
        let packet = Packet::decode(bytes).expect("what is sent decodes");
        let Message::BindingRevocationIndication(body) = packet.message else {
            panic!("not an indication: {packet:?}")
        };
        check_checksum(path, bytes);
        Self { path, body, options: packet.options, bytes: bytes.to_vec() }
    }
}

fn check_checksum(path: SignalPath, bytes: &[u8]) {
    match (path.local.ip(), path.peer.ip()) {
        (IpAddr::V6(local), IpAddr::V6(peer)) => {
            assert!(verify_checksum(local, peer, bytes), "the checksum is right");
        }
        _ => assert_eq!(bytes[4..6], [0, 0], "no checksum over UDP"),
    }
}

/// A message to the anchor on `path`, as the anchor sees it.
pub fn message<'a>(path: SignalPath, message: impl Into<Message<'a>>, options: Options) -> Vec<u8> {
    let mut bytes = Vec::new();
    Packet { message: message.into().into_owned(), options }.encode(&mut bytes);
    if let (IpAddr::V6(local), IpAddr::V6(peer)) = (path.local.ip(), path.peer.ip()) {
        set_checksum(peer, local, &mut bytes);
    }
    bytes
}

/// An update, complete unless something is taken from it.
#[derive(Clone, Debug)]
pub struct Pbu {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub flags: BuFlags,
    pub lifetime: Lifetime,
    pub mn_id: Option<String>,
    pub prefixes: Vec<String>,
    pub ipv4: Vec<String>,
    pub handoff: Option<u8>,
    pub technology: Option<u8>,
    pub link_layer_id: Option<Vec<u8>>,
    pub time: Time,
    pub sequence: Option<u16>,
    pub more: Options,
    pub key: Option<(Key, Option<IpAddr>)>,
    pub break_checksum: bool,
}

/// Which Timestamp option an update carries.
#[derive(Clone, Copy, Debug)]
pub enum Time {
    None,
    Now,
    /// Seconds from now.
    Off(i64),
}

/// A first attachment at `mag`: any prefix, new interface, IEEE 802.11, link-layer identifier.
pub fn attach(mag: &str) -> Pbu {
    let from: IpAddr = mag.parse().unwrap();
    let (to, port): (IpAddr, u16) =
        if from.is_ipv4() { (LMA4.parse().unwrap(), 5436) } else { (LMA.parse().unwrap(), 0) };
    Pbu {
        from: (from, port).into(),
        to: (to, port).into(),
        flags: BuFlags::A | BuFlags::P,
        lifetime: Lifetime::from_secs(600),
        mn_id: Some(MN.to_owned()),
        prefixes: vec!["::/0".to_owned()],
        ipv4: Vec::new(),
        handoff: Some(1),
        technology: Some(4),
        link_layer_id: Some(vec![2, 0, 0, 0, 0, 1]),
        time: Time::Now,
        sequence: None,
        more: Options::new(),
        key: None,
        break_checksum: false,
    }
}

impl Pbu {
    pub fn mn(mut self, nai: &str) -> Self {
        self.mn_id = Some(nai.to_owned());
        self
    }

    pub fn handoff(mut self, value: u8) -> Self {
        self.handoff = Some(value);
        self
    }

    pub fn technology(mut self, value: u8) -> Self {
        self.technology = Some(value);
        self
    }

    pub fn link_layer_id(mut self, octets: &[u8]) -> Self {
        self.link_layer_id = Some(octets.to_vec());
        self
    }

    pub fn no_link_layer_id(mut self) -> Self {
        self.link_layer_id = None;
        self
    }

    pub fn prefixes<S: AsRef<str>>(mut self, prefixes: &[S]) -> Self {
        self.prefixes = prefixes.iter().map(|p| p.as_ref().to_owned()).collect();
        self
    }

    pub fn ipv4(mut self, address: &str) -> Self {
        self.ipv4.push(address.to_owned());
        self
    }

    pub fn lifetime(mut self, secs: u64) -> Self {
        self.lifetime = Lifetime::from_secs(secs);
        self
    }

    /// As a gateway de-registers: lifetime zero, handoff state unknown (RFC 5213 §6.9.1.4).
    pub fn deregister(self) -> Self {
        self.lifetime(0).handoff(4)
    }

    pub fn time(mut self, time: Time) -> Self {
        self.time = time;
        self
    }

    /// An update ordered by its sequence number.
    pub fn sequence(mut self, sequence: u16) -> Self {
        self.time = Time::None;
        self.sequence = Some(sequence);
        self
    }

    pub fn flags(mut self, flags: BuFlags) -> Self {
        self.flags = flags;
        self
    }

    pub fn with<'a>(mut self, option: impl Into<kedge_wire::MobilityOption<'a>>) -> Self {
        self.more.push(option);
        self
    }

    pub fn signed(mut self, key: &Key) -> Self {
        self.key = Some((key.clone(), None));
        self
    }

    pub fn path(&self) -> SignalPath {
        SignalPath { transport: VrfId::DEFAULT, local: self.to, peer: self.from }
    }

    pub fn bytes(&self, now: Now, sequence: u16) -> Vec<u8> {
        let mut options = Options::new();
        let mn_id = self.mn_id.as_deref().map(|nai| MnId::nai(nai).unwrap());
        if let Some(mn_id) = &mn_id {
            options.push(MnIdOption::from(mn_id));
        }
        for prefix in &self.prefixes {
            options.push(HomeNetworkPrefix::new(prefix.parse::<Ipv6Net>().unwrap()));
        }
        if let Some(value) = self.handoff {
            options.push(HandoffIndicator(HandoffIndicatorValue(value)));
        }
        if let Some(value) = self.technology {
            options.push(AccessTechnology(AccessTechnologyType(value)));
        }
        let wall = match self.time {
            Time::None => None,
            Time::Now => Some(now.wall),
            Time::Off(secs) if secs < 0 => {
                Some(now.wall - Duration::from_secs(secs.unsigned_abs()))
            }
            Time::Off(secs) => Some(now.wall + Duration::from_secs(secs.unsigned_abs())),
        };
        if let Some(wall) = wall {
            options.push(TimestampOption(Timestamp::from_system_time(wall)));
        }
        if let Some(id) = &self.link_layer_id {
            options.push(MnLinkLayerId::new(id).unwrap());
        }
        for address in &self.ipv4 {
            let address = address.parse::<Ipv4Net>().unwrap();
            options.push(Ipv4HomeAddressRequest { address });
        }
        options.extend(self.more.iter());
        let sequence = Sequence(self.sequence.unwrap_or(sequence));
        let body = BindingUpdate { sequence, flags: self.flags, lifetime: self.lifetime };
        let mut bytes = Vec::new();
        Packet { message: body.into(), options }.encode(&mut bytes);
        if let Some((key, home)) = &self.key {
            // A gateway knows no address but its own.
            let said = self.more.iter().find_map(|option| match option {
                MobilityOption::Ipv4CareOfAddress(own) => Some(IpAddr::from(own.0)),
                _ => None,
            });
            let care_of = said.unwrap_or(self.from.ip());
            auth::sign(&mut bytes, 0, key, care_of, home.unwrap_or(care_of));
        }
        if let (IpAddr::V6(from), IpAddr::V6(to)) = (self.from.ip(), self.to.ip()) {
            set_checksum(from, to, &mut bytes);
        }
        if self.break_checksum {
            bytes[4] ^= 1;
        }
        bytes
    }
}

pub fn v6(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}
