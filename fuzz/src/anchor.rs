//! An anchor under any sequence of messages, orders and time: three gateways, a stranger, four
//! nodes, and pools that are soon empty.
//!
//! The octets decide what happens; after each step everything that has to hold is looked at. In
//! the end time passes until nothing is left.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

use kedge_lma::{
    Authentication, AuthenticationHome, Change, EncapsulationPolicy, Ipv4Pool, Ipv6Pool, Lma,
    Network, NoProfile, Now, Output, Peer, Profile, Rhythm, Service, Settings, Ticket, Unchecked,
};
use kedge_model::{
    BindingId, CustomerId, Datagram, Forwarding, Ipv4Net, Ipv6Net, Lifetime, MnId, Sequence,
    SignalPath, Timestamp, VrfId,
};
use kedge_sim::oracle;
use kedge_wire::auth::{self, Key};
use kedge_wire::registry::{
    AccessTechnologyType, BindingErrorStatus, HandoffIndicatorValue, RevocationStatus,
    RevocationTrigger,
};
use kedge_wire::{
    AccessTechnology, AlternateCareOfAddress, BindingError, BindingRevocationAcknowledgement,
    BindingRevocationIndication, BindingUpdate, BuFlags, GreKeyOption, HandoffIndicator, Heartbeat,
    HeartbeatFlags, HomeNetworkPrefix, Ipv4HomeAddressRequest, Message, MessageId, MnIdOption,
    MnLinkLayerId, Options, Packet, RestartCounter, RevocationFlags, ServiceSelection,
    TimestampOption, set_checksum,
};

use crate::octets::Octets;

const NODES: [&str; 4] = ["a@x", "b@x", "c@y", "mag1"];
/// More than any lifetime, wait and patience in these settings.
const FOREVER: Duration = Duration::from_secs(300_000);

/// Any sequence of inputs to an anchor.
pub fn anchor(octets: &[u8]) {
    let mut octets = Octets::new(octets);
    let mut world = World::new(&mut octets);
    while !octets.is_empty() {
        world.step(&mut octets);
        world.check();
    }
    world.wait(FOREVER);
    world.check();
    assert!(world.lma.is_empty() && world.lma.pending() == 0, "a binding outlives its lifetime");
    assert_eq!(world.lma.poll_timeout(), None, "a timer is left");
    assert!(world.forwarding.is_empty());
}

struct World {
    lma: Lma,
    settings: Settings,
    now: Now,
    forwarding: BTreeMap<BindingId, Forwarding>,
    /// What the anchor sent last, or was sent: to be answered, or sent again.
    last: Vec<u8>,
    last_indication: Option<BindingRevocationIndication>,
    last_request: u32,
    /// What AAA was asked last.
    last_question: Option<Ticket>,
}

impl World {
    fn new(octets: &mut Octets<'_>) -> Self {
        let settings = settings(octets);
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        Self {
            lma: Lma::new(settings.clone(), 1),
            settings,
            now: Now { mono: Instant::now(), wall },
            forwarding: BTreeMap::new(),
            last: Vec::new(),
            last_indication: None,
            last_request: 0,
            last_question: None,
        }
    }

    fn step(&mut self, octets: &mut Octets<'_>) {
        let path = path(octets);
        match octets.u8() % 16 {
            0..=7 => {
                let (message, options) = update(octets, self.now.wall);
                self.send(path, message.into(), options, octets);
            }
            8 => self.deliver(path, octets.some().to_vec()),
            9 => {
                let mut bytes = self.last.clone();
                let at = usize::from(octets.u16()) % bytes.len().max(1);
                if let Some(octet) = bytes.get_mut(at) {
                    *octet ^= octets.u8();
                }
                self.deliver(path, bytes);
            }
            10 => {
                let asked = self.last_indication;
                let (sequence, flags) = match asked.filter(|_| !octets.bool()) {
                    Some(bri) => (bri.sequence, bri.flags),
                    None => (Sequence(octets.u16()), revocation_flags(octets)),
                };
                let status = RevocationStatus(octets.pick(&[0, 1, 128, 129, 132, 133, 200]));
                let body = BindingRevocationAcknowledgement { status, sequence, flags };
                self.send(path, body.into(), named(octets), octets);
            }
            11 => {
                let body = BindingRevocationIndication {
                    trigger: RevocationTrigger(octets.pick(&[0, 1, 2, 4, 7, 128, 129])),
                    sequence: Sequence(octets.u16()),
                    flags: revocation_flags(octets),
                };
                self.send(path, body.into(), named(octets), octets);
            }
            12 => {
                let flags = HeartbeatFlags::from_bits(octets.u8().into());
                let sequence = if octets.bool() { self.last_request } else { octets.u8().into() };
                let mut options = Options::new();
                if octets.bool() {
                    options.push(RestartCounter(octets.u8().into()));
                }
                self.send(path, Heartbeat { flags, sequence }.into(), options, octets);
            }
            13 => {
                let status = BindingErrorStatus(octets.pick(&[1, 2]));
                let body = BindingError { status, home_address: Ipv6Addr::UNSPECIFIED };
                self.send(path, body.into(), Options::new(), octets);
            }
            14 => self.order(octets),
            _ => self.wait(Duration::from_millis(u64::from(octets.u16()) << (octets.u8() % 8))),
        }
        self.drain();
    }

    /// What an operator can do.
    fn order(&mut self, octets: &mut Octets<'_>) {
        let (customer, now) = (CustomerId::DEFAULT, self.now);
        let node = MnId::nai(octets.pick(&NODES)).expect("a short identifier");
        let trigger = RevocationTrigger(octets.u8());
        match octets.u8() % 12 {
            0 => drop(self.lma.clear(customer, &node, now)),
            1 => drop(self.lma.clear_all(now)),
            2 => drop(self.lma.clear_peer("mag1", now)),
            3 | 4 => drop(self.lma.revoke(customer, &node, trigger, now)),
            5 => drop(self.lma.revoke_ipv4(customer, &node, trigger, now)),
            7..=9 => self.answer_question(octets),
            10 => {
                let session = Some(Duration::from_secs(octets.u8().into()));
                let change = Change { session, class: None };
                self.lma.change_authorization(customer, &node, &change, now);
            }
            6 => {
                let bytes = std::mem::take(&mut self.last);
                self.lma.handle_send_error(bytes);
            }
            _ => {
                // The pools stay: an address of a pool that is gone is nobody's.
                let networks = self.settings.networks.clone();
                self.settings = Settings { networks, ..settings(octets) };
                self.lma.apply(self.settings.clone(), now);
            }
        }
    }

    /// AAA says something to what it was asked last, perhaps not for the first time.
    fn answer_question(&mut self, octets: &mut Octets<'_>) {
        let Some(ticket) = self.last_question else { return };
        let ipv6 = Ipv6Addr::new(0x2001, 0xdb8, 1, octets.u8().into(), 0, 0, 0, 0);
        let profile = Profile {
            network: octets.bool().then(|| "home".to_owned()),
            session: octets.bool().then(|| Duration::from_secs(octets.u16().into())),
            ipv4: octets.bool().then(|| Ipv4Addr::new(10, 0, 0, octets.u8())),
            prefixes: Ipv6Net::new(ipv6, 64).into_iter().filter(|_| octets.bool()).collect(),
            ..Profile::default()
        };
        let answer = match octets.u8() % 8 {
            0 => Err(NoProfile::Refused),
            1 => Err(NoProfile::Unreachable),
            2 => Err(NoProfile::Failed),
            _ => Ok(profile),
        };
        let _ = self.lma.handle_authorization(ticket, answer, self.now);
    }

    fn send(
        &mut self,
        path: SignalPath,
        message: Message<'static>,
        options: Options,
        octets: &mut Octets<'_>,
    ) {
        let mut bytes = Vec::new();
        Packet { message, options }.encode(&mut bytes);
        if octets.bool() {
            auth::sign(&mut bytes, 0, &key(), path.peer.ip(), path.peer.ip());
        }
        self.deliver(path, bytes);
    }

    fn deliver(&mut self, path: SignalPath, mut bytes: Vec<u8>) {
        if let (IpAddr::V6(local), IpAddr::V6(peer)) = (path.local.ip(), path.peer.ip())
            && bytes.len() >= 6
        {
            set_checksum(peer, local, &mut bytes);
        }
        let _ = self.lma.handle_datagram(Datagram { path, dscp: 0, bytes: &bytes }, self.now);
        self.last = bytes;
    }

    fn wait(&mut self, time: Duration) {
        let end = self.now.mono + time;
        while let Some(due) = self.lma.poll_timeout().filter(|due| *due <= end) {
            let passed = due.saturating_duration_since(self.now.mono);
            self.now = Now { mono: self.now.mono + passed, wall: self.now.wall + passed };
            self.lma.handle_timeout(self.now);
            let next = self.lma.poll_timeout();
            assert!(next.is_none_or(|next| next > self.now.mono), "something due was not done");
            self.drain();
        }
        let passed = end - self.now.mono;
        self.now = Now { mono: end, wall: self.now.wall + passed };
    }

    fn drain(&mut self) {
        while let Some(output) = self.lma.poll_output() {
            match output {
                Output::Send { bytes, .. } => {
                    match Packet::decode(&bytes).expect("what is sent decodes").message {
                        Message::BindingRevocationIndication(bri) => {
                            self.last_indication = Some(bri);
                        }
                        Message::Heartbeat(heartbeat) => self.last_request = heartbeat.sequence,
                        _ => {}
                    }
                    self.last.clone_from(&bytes);
                    self.lma.reclaim(bytes);
                }
                Output::Forward { binding, want: Some(want) } => {
                    self.forwarding.insert(binding, want);
                }
                Output::Forward { binding, want: None } => drop(self.forwarding.remove(&binding)),
                Output::Authorize(question) => self.last_question = Some(question.ticket),
                Output::Event(_) => {}
            }
        }
    }

    /// What holds at any time.
    fn check(&self) {
        let lma = &self.lma;
        let wanted = oracle::check_lma(lma);
        assert_eq!(wanted, self.forwarding, "forwarding is not what the bindings want");
        assert!(lma.len() <= 6 && lma.pending() <= 10, "the tables are bounded");
        assert!(lma.peers().count() <= 8, "few send, and few are known");
    }
}

/// The kind of anchor that the octets ask for.
fn settings(octets: &mut Octets<'_>) -> Settings {
    let names: [(&str, [&str; 2]); 3] = [
        ("mag1", ["2001:db8:b::1", "192.0.2.1"]),
        ("mag2", ["2001:db8:b::2", "192.0.2.2"]),
        ("mag3", ["2001:db8:b::3", "192.0.2.3"]),
    ];
    let peers = names.iter().map(|(name, addresses)| Peer {
        name: (*name).to_owned(),
        transport: VrfId::DEFAULT,
        addresses: addresses.iter().filter_map(|address| address.parse().ok()).collect(),
        authentication: None,
        encapsulation: None,
        dscp: None,
    });
    let network = Network {
        ipv4: vec![Ipv4Pool { start: Ipv4Addr::new(10, 0, 0, 2), last: None, prefix_len: 29 }],
        ipv6: vec![Ipv6Pool {
            start: Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0),
            prefix_len: 61,
        }],
        unchecked: octets.pick(&[
            Unchecked::Nothing,
            Unchecked::MobileNetworks,
            Unchecked::Everything,
        ]),
        ..Network::default()
    };
    let service = octets.pick(&[Service::Dual, Service::Dual, Service::Ipv4, Service::Ipv6]);
    let profile = Profile { service, network: Some("home".to_owned()), ..Profile::default() };
    let policies =
        [EncapsulationPolicy::AsRequested, EncapsulationPolicy::Gre, EncapsulationPolicy::Udp];
    let rhythm =
        Rhythm { interval: Duration::from_secs(60), timeout: Duration::from_secs(3), allowed: 1 };
    let protection = Authentication {
        key: key(),
        home_address: AuthenticationHome::CareOf,
        updates_only: octets.bool(),
    };
    let bits = octets.u8();
    Settings {
        hnp_maximum: octets.u8() % 4 + 1,
        bce_maximum: 6,
        delete_wait: Duration::from_secs(octets.pick(&[0, 1, 10])),
        create_wait: Duration::from_millis(octets.pick(&[0, 1_500, 20_000])),
        timestamp_window: (bits & 1 == 0).then_some(Duration::from_secs(7)),
        dynamic_mag_learning: bits & 2 != 0,
        authentication: (bits & 12 == 12).then_some(protection),
        encapsulation: octets.pick(&policies),
        accept_forced_udp: bits & 16 == 0,
        generate_grekey: bits & 32 == 0,
        heartbeat: (bits & 64 != 0).then_some(rhythm),
        peers: peers.collect(),
        networks: BTreeMap::from([("home".to_owned(), network)]),
        profiles: BTreeMap::from([("c@y".to_owned(), Profile::default())]),
        default_profile: (bits & 128 == 0).then_some(profile),
        aaa: octets.u8().is_multiple_of(4),
        ..Settings::default()
    }
}

fn key() -> Key {
    Key::new(256, b"what gateways and anchor share")
}

/// Who sends: a gateway over IPv6 or IPv4, or a stranger.
fn path(octets: &mut Octets<'_>) -> SignalPath {
    let choice = octets.u8();
    let n = choice % 4 + 1;
    let (local, peer): (SocketAddr, SocketAddr) = match choice & 4 {
        0 => {
            let peer = Ipv6Addr::new(0x2001, 0xdb8, 0xb, 0, 0, 0, 0, n.into());
            ((Ipv6Addr::LOCALHOST, 0).into(), (peer, 0).into())
        }
        _ => {
            let port = if choice & 8 == 0 { 5436 } else { 40_000 };
            let local = Ipv4Addr::new(192, 0, 2, 254);
            ((local, 5436).into(), (Ipv4Addr::new(192, 0, 2, n), port).into())
        }
    };
    SignalPath { transport: VrfId::DEFAULT, local, peer }
}

fn revocation_flags(octets: &mut Octets<'_>) -> RevocationFlags {
    RevocationFlags::from_bits(u16::from(octets.u8()) << 8)
}

/// The options that name bindings in a revocation.
fn named(octets: &mut Octets<'_>) -> Options {
    let mut options = Options::new();
    let what = octets.u8();
    if what & 1 != 0 {
        push_node(&mut options, octets);
    }
    if what & 2 != 0 {
        options.push(HomeNetworkPrefix::new(prefix(octets)));
    }
    if what & 4 != 0 {
        options.push(Ipv4HomeAddressRequest { address: address(octets) });
    }
    if what & 8 != 0 {
        let care_of = Ipv6Addr::new(0x2001, 0xdb8, 0xb, 0, 0, 0, 0, u16::from(octets.u8() % 4));
        options.push(AlternateCareOfAddress(care_of));
    }
    options
}

/// A Proxy Binding Update, more or less complete.
fn update(octets: &mut Octets<'_>, wall: SystemTime) -> (BindingUpdate, Options) {
    let mut options = Options::new();
    let (missing, more) = (octets.u8(), octets.u8());
    if missing & 7 != 7 {
        push_node(&mut options, octets);
    }
    for _ in 0..if missing & 24 == 24 { 0 } else { more % 4 } {
        options.push(HomeNetworkPrefix::new(prefix(octets)));
    }
    if missing & 96 != 96 {
        options.push(HandoffIndicator(HandoffIndicatorValue(octets.u8() % 7)));
    }
    if missing & 192 != 192 {
        options.push(AccessTechnology(AccessTechnologyType(octets.u8() % 5)));
    }
    if more & 4 != 0 {
        let id = [2, octets.u8() % 4];
        options.push(MnLinkLayerId::new(&id).expect("a short identifier"));
    }
    if more & 8 != 0 {
        options.push(Ipv4HomeAddressRequest { address: address(octets) });
    }
    if more & 16 != 0 {
        let key = octets.bool().then(|| octets.u16().into());
        options.push(GreKeyOption { key });
    }
    let early = Duration::from_secs(u64::from(octets.pick(&[100_u8, 100, 100, 99, 96, 90])));
    let time = Timestamp::from_system_time(wall - Duration::from_secs(100) + early);
    match octets.u8() % 8 {
        0 => {}
        1 => options.push(MessageId(((time.0 >> 16) + 2_208_988_800) << 32)),
        _ => options.push(TimestampOption(time)),
    }
    match more >> 5 {
        1 => options.push(named_service(octets)),
        2 => options.push(AlternateCareOfAddress(Ipv6Addr::new(0x2001, 0xdb8, 0xb, 0, 0, 0, 0, 9))),
        3 => options.push(HandoffIndicator(HandoffIndicatorValue::NEW_INTERFACE)),
        _ => {}
    }
    let flags = match octets.u8() {
        0 => BuFlags::A | BuFlags::H,
        1 => BuFlags::A,
        2..=30 => BuFlags::A | BuFlags::P | BuFlags::F,
        _ => BuFlags::A | BuFlags::P,
    };
    let lifetime = Lifetime::from_secs(octets.pick(&[600, 4, 0, 60, 262_140, 0]));
    (BindingUpdate { sequence: Sequence(octets.u16()), flags, lifetime }, options)
}

fn named_service(octets: &mut Octets<'_>) -> ServiceSelection<'static> {
    let name: &[u8] = octets.pick(&[b"internet", b"voice___"]);
    ServiceSelection::new(name).expect("a short name")
}

fn push_node(options: &mut Options, octets: &mut Octets<'_>) {
    let node = MnId::nai(octets.pick(&NODES)).expect("a short identifier");
    options.push(MnIdOption::from(&node));
}

/// Any prefix, or one of the pool or next to it.
fn prefix(octets: &mut Octets<'_>) -> Ipv6Net {
    let choice = octets.u8();
    if choice % 4 < 2 {
        return Ipv6Net::default();
    }
    let subnet = u16::from(choice >> 4);
    let len = if choice & 8 == 0 { 64 } else { 63 };
    Ipv6Net::new_assert(Ipv6Addr::new(0x2001, 0xdb8, 1, subnet, 0, 0, 0, 0), len)
}

/// Any address, or one of the pool or next to it.
fn address(octets: &mut Octets<'_>) -> Ipv4Net {
    match octets.u8() {
        choice if choice % 2 == 0 => Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0),
        choice => Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, choice >> 4), 29),
    }
}
