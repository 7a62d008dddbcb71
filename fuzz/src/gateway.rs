//! A gateway under any sequence of frames, messages, link changes, orders and time: three
//! interfaces, one of them with a static node, four nodes, two anchors over two families.
//!
//! The octets decide what happens; after each step everything that has to hold is looked at. In
//! the end the gateway stops, and time passes until nothing is left.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use kedge_access_wire::arp::{self, Arp, Operation};
use kedge_access_wire::dhcpv4::{self, DhcpOption, MessageType};
use kedge_access_wire::icmpv6::{self, Message as Nd, RouterSolicitation};
use kedge_access_wire::{Frame, multicast_mac};
use kedge_mag::{
    AccessNode, CareOf, DetachDiscovery, Dscp, Identity, Interface, InterfaceId, LinkState, Lma,
    Mag, Output, Profile, Registration, Replay, Revocation, Service, Settings, TunnelMode,
    Unidentified,
};
use kedge_model::{
    BindingId, Datagram, Forwarding, Ipv4Net, Ipv6Net, Lifetime, MacAddr, MnId, Sequence,
    SignalPath, VrfId,
};
use kedge_sansio::{Now, Rhythm};
use kedge_sim::oracle;
use kedge_wire::registry::{
    BindingErrorStatus, HandoffIndicatorValue, Ipv4HomeAddressStatus, RevocationStatus,
    RevocationTrigger, Status,
};
use kedge_wire::{
    BaFlags, BindingAcknowledgement, BindingError, BindingRevocationAcknowledgement,
    BindingRevocationIndication, BindingUpdate, DhcpSupportMode, GreKeyOption, HandoffIndicator,
    Heartbeat, HeartbeatFlags, HomeNetworkPrefix, Ipv4DefaultRouter, Ipv4HomeAddressReply,
    Ipv4HomeAddressRequest, Message, MnIdOption, MobilityOption, Options, Packet, RestartCounter,
    RevocationFlags, set_checksum,
};

use crate::octets::Octets;

const INTERFACES: [InterfaceId; 3] = [InterfaceId(1), InterfaceId(2), InterfaceId(3)];
const NODES: [&str; 4] = ["a@x", "b@x", "c@y", "static@x"];
const MOST: usize = 3;
/// More than any lifetime, wait and patience in these settings.
const FOREVER: Duration = Duration::from_secs(300_000);

/// Any sequence of inputs to a gateway.
pub fn gateway(octets: &[u8]) {
    let mut octets = Octets::new(octets);
    let mut world = World::new(&mut octets);
    while !octets.is_empty() {
        world.step(&mut octets);
        world.check();
    }
    world.mag.shutdown(world.now);
    world.drain();
    world.wait(FOREVER);
    world.check();
    assert!(world.mag.is_idle(), "a session outlives its gateway");
    assert_eq!(world.mag.poll_timeout(), None, "a timer is left");
    assert!(world.forwarding.is_empty() && world.access.is_empty());
}

struct World {
    mag: Mag,
    now: Now,
    forwarding: BTreeMap<BindingId, Forwarding>,
    access: BTreeMap<BindingId, AccessNode>,
    /// The updates that were sent last, the latest first: to be answered.
    updates: VecDeque<(SignalPath, BindingUpdate, Options)>,
    /// The message sent or received last, to be changed and sent.
    last: Vec<u8>,
    last_request: u32,
    /// Whom AAA was asked about last.
    last_question: Option<MacAddr>,
}

impl World {
    fn new(octets: &mut Octets<'_>) -> Self {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        Self {
            mag: Mag::new(settings(octets), 1),
            now: Now { mono: Instant::now(), wall },
            forwarding: BTreeMap::new(),
            access: BTreeMap::new(),
            updates: VecDeque::new(),
            last: Vec::new(),
            last_request: 0,
            last_question: None,
        }
    }

    fn step(&mut self, octets: &mut Octets<'_>) {
        let now = self.now;
        let interface = octets.pick(&INTERFACES);
        match octets.u8() % 18 {
            16 => self.identify(octets),
            0..=3 => {
                let frame = frame(octets);
                self.mag.handle_frame(interface, &frame, now);
            }
            4 => self.mag.handle_frame(interface, octets.some(), now),
            5..=7 => self.answer(octets),
            8 => self.deliver(path(octets), octets.some().to_vec()),
            9 => {
                let mut bytes = self.last.clone();
                let at = usize::from(octets.u16()) % bytes.len().max(1);
                if let Some(octet) = bytes.get_mut(at) {
                    *octet ^= octets.u8();
                }
                self.deliver(path(octets), bytes);
            }
            10 => self.revoke(octets),
            11 => self.control(octets),
            12 => {
                let state = octets.pick(&[LinkState::Up, LinkState::Down, LinkState::Gone]);
                self.mag.handle_link(interface, state, now);
            }
            13 => match octets.u8() % 4 {
                0 => self.mag.attach(interface, mac(octets), now),
                1 => drop(self.mag.clear(&node(octets), now)),
                2 => drop(self.mag.clear_all(now)),
                _ => self.mag.apply(settings(octets), now),
            },
            _ => self.wait(Duration::from_millis(u64::from(octets.u16()) << (octets.u8() % 8))),
        }
        self.drain();
    }

    /// AAA says who a node is, perhaps one that it was not asked about.
    fn identify(&mut self, octets: &mut Octets<'_>) {
        let mac = self.last_question.filter(|_| octets.bool()).unwrap_or_else(|| mac(octets));
        let answer = match octets.u8() % 4 {
            0 => Err(Unidentified::Refused),
            1 => Err(Unidentified::Unanswered),
            _ => Ok(Identity { mn_id: node(octets), profile: Profile::default() }),
        };
        self.mag.handle_identity(mac, answer, self.now);
    }

    /// An anchor answers an update, as it should or otherwise.
    fn answer(&mut self, octets: &mut Octets<'_>) {
        // The latest more often than those before it.
        let which = octets.pick(&[0, 0, 0, 1, 2, 3]);
        let Some((path, update, asked)) = self.updates.get(which).cloned() else { return };
        let (wrong, more) = (octets.u8(), octets.u8());
        let mut options = Options::new();
        for option in &asked {
            match option {
                MobilityOption::HandoffIndicator(_) if wrong == 1 => {
                    options.push(HandoffIndicator(HandoffIndicatorValue(6)));
                }
                MobilityOption::Timestamp(_) if wrong == 2 => {}
                MobilityOption::MnId(_) if wrong == 3 => options.push(MnIdOption::EMPTY),
                MobilityOption::MnId(_)
                | MobilityOption::HandoffIndicator(_)
                | MobilityOption::AccessTechnology(_)
                | MobilityOption::MnLinkLayerId(_)
                | MobilityOption::LinkLocalAddress(_)
                | MobilityOption::Timestamp(_) => options.push(option),
                _ => {}
            }
        }
        let status =
            Status(octets.pick(&[0, 0, 0, 0, 1, 128, 130, 135, 153, 156, 157, 159, 170, 163]));
        let subnet = u16::from(more % 4);
        if more & 4 == 0 && asked.get::<HomeNetworkPrefix>().is_some() {
            let prefix = Ipv6Addr::new(0x2001, 0xdb8, 1, subnet, 0, 0, 0, 0);
            options.push(HomeNetworkPrefix::new(Ipv6Net::new_assert(prefix, 64)));
        }
        if more & 8 == 0 && asked.get::<Ipv4HomeAddressRequest>().is_some() {
            let status = if more & 16 == 0 {
                Ipv4HomeAddressStatus::SUCCESS
            } else {
                Ipv4HomeAddressStatus::FAILURE_REASON_UNSPECIFIED
            };
            let address = Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 2 + more % 4), 24);
            options.push(Ipv4HomeAddressReply { status, address });
            options.push(Ipv4DefaultRouter(Ipv4Addr::new(10, 0, 0, 1)));
            options.push(DhcpSupportMode { server: more & 32 == 0 });
        }
        if more & 64 != 0 && asked.get::<GreKeyOption>().is_some() {
            options.push(GreKeyOption { key: Some(more.into()) });
        }
        let sequence = if wrong == 4 { Sequence(7) } else { update.sequence };
        let flags = if wrong == 5 { BaFlags::NONE } else { BaFlags::P };
        let lifetime = Lifetime::from_secs(octets.pick(&[600, 60, 4, 0, 262_140]));
        let lifetime = if update.lifetime.is_zero() { Lifetime::ZERO } else { lifetime };
        let body = BindingAcknowledgement { status, flags, sequence, lifetime };
        self.send(path, body.into(), options);
    }

    /// An anchor takes a binding back.
    fn revoke(&mut self, octets: &mut Octets<'_>) {
        let body = BindingRevocationIndication {
            trigger: RevocationTrigger(octets.pick(&[0, 1, 2, 3, 4, 7, 128, 129])),
            sequence: Sequence(octets.u16()),
            flags: RevocationFlags::from_bits(u16::from(octets.u8()) << 8),
        };
        let mut options = Options::new();
        let what = octets.u8();
        if what & 1 == 0 {
            options.push(MnIdOption::from(&node(octets)));
        }
        if what & 2 != 0 {
            let prefix = Ipv6Addr::new(0x2001, 0xdb8, 1, u16::from(what >> 6), 0, 0, 0, 0);
            options.push(HomeNetworkPrefix::new(Ipv6Net::new_assert(prefix, 64)));
        }
        if what & 4 != 0 {
            let address = Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 2 + (what >> 6)), 24);
            options.push(Ipv4HomeAddressRequest { address });
        }
        self.send(path(octets), body.into(), options);
    }

    /// Heartbeats, Binding Errors, acknowledgements of nothing.
    fn control(&mut self, octets: &mut Octets<'_>) {
        let mut options = Options::new();
        let message: Message<'static> = match octets.u8() % 4 {
            0 | 1 => {
                let sequence = if octets.bool() { self.last_request } else { octets.u8().into() };
                if octets.bool() {
                    options.push(RestartCounter(octets.u8().into()));
                }
                Heartbeat { flags: HeartbeatFlags::from_bits(octets.u8().into()), sequence }.into()
            }
            2 => {
                let status = BindingErrorStatus(octets.pick(&[1, 2]));
                BindingError { status, home_address: Ipv6Addr::UNSPECIFIED }.into()
            }
            _ => BindingRevocationAcknowledgement {
                status: RevocationStatus(octets.u8()),
                sequence: Sequence(octets.u16()),
                flags: RevocationFlags::P,
            }
            .into(),
        };
        self.send(path(octets), message, options);
    }

    fn send(&mut self, path: SignalPath, message: Message<'static>, options: Options) {
        let mut bytes = Vec::new();
        Packet { message, options }.encode(&mut bytes);
        self.deliver(path, bytes);
    }

    fn deliver(&mut self, path: SignalPath, mut bytes: Vec<u8>) {
        if let (IpAddr::V6(local), IpAddr::V6(peer)) = (path.local.ip(), path.peer.ip())
            && bytes.len() >= 6
        {
            set_checksum(peer, local, &mut bytes);
        }
        self.mag.handle_datagram(Datagram { path, dscp: 0, bytes: &bytes }, self.now);
        self.last = bytes;
    }

    fn wait(&mut self, time: Duration) {
        let end = self.now.mono + time;
        while let Some(due) = self.mag.poll_timeout().filter(|due| *due <= end) {
            let passed = due.saturating_duration_since(self.now.mono);
            self.now = Now { mono: self.now.mono + passed, wall: self.now.wall + passed };
            self.mag.handle_timeout(self.now);
            let next = self.mag.poll_timeout();
            assert!(next.is_none_or(|next| next > self.now.mono), "something due was not done");
            self.drain();
        }
        let passed = end - self.now.mono;
        self.now = Now { mono: end, wall: self.now.wall + passed };
    }

    fn drain(&mut self) {
        while let Some(output) = self.mag.poll_output() {
            match output {
                Output::Send { path, bytes, .. } => {
                    let packet = Packet::decode(&bytes).expect("what is sent decodes");
                    match packet.message {
                        Message::BindingUpdate(update) => {
                            self.updates.push_front((path, update, packet.options));
                            self.updates.truncate(4);
                        }
                        Message::Heartbeat(heartbeat) => self.last_request = heartbeat.sequence,
                        _ => {}
                    }
                    self.last.clone_from(&bytes);
                    self.mag.reclaim(bytes);
                }
                Output::Frame { bytes, .. } => {
                    Frame::decode(&bytes).expect("what is sent decodes");
                    self.mag.reclaim(bytes);
                }
                Output::Forward { binding, want: Some(want) } => {
                    self.forwarding.insert(binding, want);
                }
                Output::Forward { binding, want: None } => drop(self.forwarding.remove(&binding)),
                Output::Access { binding, want: Some(want) } => {
                    self.access.insert(binding, want);
                }
                Output::Access { binding, want: None } => drop(self.access.remove(&binding)),
                Output::Identify { mac, .. } => self.last_question = Some(mac),
                Output::Event(_) => {}
            }
        }
    }

    /// What holds at any time.
    fn check(&self) {
        let sessions = oracle::check_mag(&self.mag, self.now);
        assert_eq!(self.forwarding, sessions.forwarding, "tables and sessions differ");
        assert_eq!(self.access, sessions.access, "routes and sessions differ");
        assert!(sessions.present <= MOST as u64, "no more nodes than may be");
        // Beside each, what is left to be ended at either anchor.
        assert!(sessions.all <= 3 * MOST, "and no more farewells than nodes and anchors");
    }
}

/// The kind of gateway that the octets ask for.
fn settings(octets: &mut Octets<'_>) -> Settings {
    let modes = [TunnelMode::IpInIp, TunnelMode::Gre, TunnelMode::GreKeyed, TunnelMode::Udp];
    let encapsulation = octets.pick(&modes);
    let lma = |address: IpAddr| Arc::new(Lma { encapsulation, ..Lma::at(address) });
    let interface = |id: InterfaceId| Interface {
        name: format!("access{}", id.0),
        access_technology: kedge_wire::registry::AccessTechnologyType(4),
        mtu: 1500,
        identity: (id.0 == 3).then(|| MnId::nai("static@x").expect("a short identifier")),
        static_node: id.0 == 3,
        logical: false,
    };
    let profile = |name: &str| Profile {
        service: Service::Dual,
        lma: Some(name.to_owned()),
        ..Profile::default()
    };
    let rhythm =
        Rhythm { interval: Duration::from_secs(60), timeout: Duration::from_secs(3), allowed: 1 };
    let discovery = DetachDiscovery {
        interval: Duration::from_secs(30),
        timeout: Duration::from_secs(1),
        retries: 2,
    };
    let nai = |name: &str| MnId::nai(name).expect("a short identifier");
    let bits = octets.u8();
    Settings {
        name: "mag1".to_owned(),
        domain: "d".to_owned(),
        care_of: CareOf {
            ipv4: Some(Ipv4Addr::new(192, 0, 2, 11)),
            ipv6: Some(Ipv6Addr::new(0x2001, 0xdb8, 0xb, 0, 0, 0, 0, 1)),
        },
        transport: VrfId::DEFAULT,
        inner: VrfId::DEFAULT,
        lmas: BTreeMap::from([
            ("one".to_owned(), lma(Ipv6Addr::new(0x2001, 0xdb8, 0xa, 0, 0, 0, 0, 1).into())),
            ("two".to_owned(), lma(Ipv4Addr::new(192, 0, 2, 1).into())),
        ]),
        interfaces: INTERFACES.into_iter().map(|id| (id, interface(id))).collect(),
        identities: (0..3)
            .map(|n| (MacAddr([2, 0, 0, 0, 0, n]), nai(NODES[usize::from(n)])))
            .collect(),
        aaa: octets.bool(),
        profiles: BTreeMap::from([(nai("b@x"), profile("two")), (nai("c@y"), profile("one"))]),
        default_profile: (bits & 1 == 0).then(|| profile("one")),
        registration: Registration {
            lifetime: Lifetime::from_secs(octets.pick(&[600, 4, 262_140])),
            refresh_time: (bits & 2 == 0).then_some(Duration::from_secs(100)),
            ..Registration::default()
        },
        replay: if bits & 4 == 0 { Replay::Timestamp } else { Replay::Sequence },
        replay_window: None,
        revocation: Revocation::default(),
        preference: match bits & 64 {
            0 => Vec::new(),
            _ => vec!["two".to_owned(), "one".to_owned()],
        },
        detach: (bits & 8 != 0).then_some(discovery),
        max_bindings: MOST,
        tunnel_mtu: (bits & 16 != 0).then_some(1400),
        outer_mtu: 1500,
        dscp: Dscp::default(),
        heartbeat: (bits & 32 != 0).then_some(rhythm),
        restart_counter: 1,
    }
}

/// Between the gateway and an anchor, or somebody else.
fn path(octets: &mut Octets<'_>) -> SignalPath {
    let choice = octets.u8();
    let n = u16::from(choice & 8 != 0) + 1;
    let (local, peer): (SocketAddr, SocketAddr) = match choice & 1 {
        0 => (
            (Ipv6Addr::new(0x2001, 0xdb8, 0xb, 0, 0, 0, 0, 1), 0).into(),
            (Ipv6Addr::new(0x2001, 0xdb8, 0xa, 0, 0, 0, 0, n), 0).into(),
        ),
        _ => (
            (Ipv4Addr::new(192, 0, 2, 11), 5436).into(),
            (Ipv4Addr::new(192, 0, 2, n as u8), 5436).into(),
        ),
    };
    SignalPath { transport: VrfId::DEFAULT, local, peer }
}

fn mac(octets: &mut Octets<'_>) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, octets.u8() % 5])
}

fn node(octets: &mut Octets<'_>) -> MnId {
    MnId::nai(octets.pick(&NODES)).expect("a short identifier")
}

/// What a node may send.
fn frame(octets: &mut Octets<'_>) -> Vec<u8> {
    let source_mac = mac(octets);
    let mut frame = Vec::new();
    let home = Ipv4Addr::new(10, 0, 0, 2 + octets.u8() % 4);
    match octets.u8() % 4 {
        0 | 1 => {
            let destination: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
            let route = icmpv6::Route {
                source_mac,
                destination_mac: multicast_mac(destination),
                source: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, source_mac.0[5].into()),
                destination,
            };
            let message = Nd::RouterSolicitation(RouterSolicitation::default());
            icmpv6::encode_frame(&route, &message, &mut frame);
        }
        2 => {
            let arp = Arp {
                operation: Operation::Request,
                sender_mac: source_mac,
                sender: if octets.bool() { home } else { Ipv4Addr::UNSPECIFIED },
                target_mac: MacAddr([0; 6]),
                target: Ipv4Addr::new(10, 0, 0, octets.u8() % 8),
            };
            arp::encode_frame(source_mac, MacAddr::BROADCAST, &arp, &mut frame);
        }
        _ => {
            let mut options = Vec::new();
            if octets.bool() {
                options.push(DhcpOption::RequestedAddress(home));
            }
            if octets.bool() {
                options.push(DhcpOption::ServerIdentifier(Ipv4Addr::new(10, 0, 0, 1)));
            }
            let message = dhcpv4::Message {
                op: dhcpv4::Op::Request,
                message_type: MessageType(octets.u8() % 9),
                xid: octets.u8().into(),
                secs: 0,
                broadcast: octets.bool(),
                ciaddr: if octets.bool() { home } else { Ipv4Addr::UNSPECIFIED },
                yiaddr: Ipv4Addr::UNSPECIFIED,
                siaddr: Ipv4Addr::UNSPECIFIED,
                giaddr: Ipv4Addr::UNSPECIFIED,
                chaddr: source_mac,
                options,
            };
            let route = dhcpv4::Route {
                source_mac,
                destination_mac: MacAddr::BROADCAST,
                source: message.ciaddr,
                destination: Ipv4Addr::BROADCAST,
            };
            dhcpv4::encode_client_frame(&route, &message, &mut frame);
        }
    }
    frame
}
