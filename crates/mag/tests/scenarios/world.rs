//! A gateway, its nodes and a scripted anchor, in virtual time.
//!
//! ```text
//!   node (MAC) ──frames── access interface 1 ─┐
//!   node (MAC) ──frames── access interface 2 ─┤ Mag ──messages── anchor (scripted)
//! ```
//!
//! The world keeps what the machine said; a test takes it and asserts. Nothing sleeps.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use kedge_access_wire::arp::{self, Arp, Operation};
use kedge_access_wire::dhcpv4::{self, DhcpOption, MessageType};
use kedge_access_wire::icmpv6::{self, Message as Nd, RouterAdvertisement, RouterSolicitation};
use kedge_access_wire::{Content, Frame, multicast_mac};
use kedge_mag::{
    AccessNode, CareOf, Dscp, Event, Interface, InterfaceId, Lma, Mag, Output, Profile,
    Registration, Replay, Revocation, Service, Settings,
};
use kedge_model::{
    BindingId, Datagram, Forwarding, Ipv4Net, Ipv6Net, Lifetime, MacAddr, MnId, SignalPath, VrfId,
};
use kedge_sansio::Now;
use kedge_wire::registry::{
    AccessTechnologyType, HandoffIndicatorValue, Ipv4HomeAddressStatus, Status,
};
use kedge_wire::{
    AccessTechnology, BaFlags, BindingAcknowledgement, BindingUpdate, DhcpSupportMode,
    HandoffIndicator, HomeNetworkPrefix, Ipv4DefaultRouter, Ipv4HomeAddressReply,
    Ipv4HomeAddressRequest, Message, MnIdOption, MnLinkLayerId, Options, Packet, TimestampOption,
};

pub const IF1: InterfaceId = InterfaceId(1);
pub const IF2: InterfaceId = InterfaceId(2);
pub const NODE: MacAddr = MacAddr([2, 0, 0, 0, 0, 7]);
pub const OTHER_NODE: MacAddr = MacAddr([2, 0, 0, 0, 0, 8]);
pub const STRANGER: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);
pub const GATEWAY_LINK_LOCAL: &str = "fe80::200:5eff:fe00:5213";
pub const PREFIX: &str = "2001:db8:1:7::/64";
pub const HOME: &str = "10.1.0.7/24";
/// What the other node gets.
pub const OTHER_PREFIX: &str = "2001:db8:1:8::/64";
pub const OTHER_HOME: &str = "10.1.0.8/24";
pub const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 1);

pub fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub fn mn(nai: &str) -> MnId {
    MnId::nai(nai).unwrap()
}

/// Two interfaces, two nodes with both families, one anchor over IPv6.
pub fn settings() -> Settings {
    let lma = Lma::at("2001:db8::1".parse().unwrap());
    let interface = |name: &str| Interface {
        name: name.to_owned(),
        access_technology: AccessTechnologyType::IEEE_802_3,
        mtu: 1500,
        identity: None,
        static_node: false,
        logical: false,
    };
    Settings {
        name: "MAG1".to_owned(),
        domain: "D1".to_owned(),
        care_of: CareOf {
            ipv4: Some(Ipv4Addr::new(192, 0, 2, 11)),
            ipv6: Some("2001:db8::11".parse().unwrap()),
        },
        transport: VrfId(0),
        inner: VrfId(3),
        lmas: BTreeMap::from([("LMA1".to_owned(), Arc::new(lma))]),
        preference: vec!["LMA1".to_owned()],
        interfaces: BTreeMap::from([(IF1, interface("acc1")), (IF2, interface("acc2"))]),
        identities: BTreeMap::from([
            (NODE, mn("mn7@example.com")),
            (OTHER_NODE, mn("mn8@example.com")),
        ]),
        aaa: false,
        profiles: BTreeMap::new(),
        default_profile: Some(Profile { service: Service::Dual, ..Profile::default() }),
        registration: Registration::default(),
        replay: Replay::Timestamp,
        replay_window: Some(secs(7)),
        revocation: Revocation::default(),
        detach: None,
        max_bindings: 100,
        tunnel_mtu: None,
        outer_mtu: 1500,
        dscp: Dscp::default(),
        heartbeat: None,
        restart_counter: 5,
    }
}

/// With a second anchor, LMA2 at 2001:db8::2, behind the first.
pub fn two_anchors() -> Settings {
    let mut settings = settings();
    let lma = Lma::at("2001:db8::2".parse().unwrap());
    settings.lmas.insert("LMA2".to_owned(), Arc::new(lma));
    settings.preference.push("LMA2".to_owned());
    settings
}

/// Replaces the anchor of `settings` by one that `change` changed.
pub fn with_lma(mut settings: Settings, change: impl FnOnce(&mut Lma)) -> Settings {
    let mut lma = Lma::clone(&settings.lmas["LMA1"]);
    change(&mut lma);
    settings.lmas.insert("LMA1".to_owned(), Arc::new(lma));
    settings
}

/// A message that the gateway sent.
#[derive(Debug)]
pub struct Sent {
    pub path: SignalPath,
    pub dscp: u8,
    pub bytes: Vec<u8>,
    pub packet: Packet,
}

impl Sent {
    pub fn update(&self) -> BindingUpdate {
        match self.packet.message {
            Message::BindingUpdate(bu) => bu,
            ref other => panic!("not an update: {other:?}"),
        }
    }

    pub fn handoff(&self) -> HandoffIndicatorValue {
        self.packet.options.get::<HandoffIndicator>().unwrap().0
    }

    pub fn prefixes(&self) -> Vec<Ipv6Net> {
        self.packet.options.all::<HomeNetworkPrefix>().map(|option| option.prefix).collect()
    }

    pub fn address(&self) -> Option<Ipv4Net> {
        self.packet.options.get::<Ipv4HomeAddressRequest>().map(|option| option.address)
    }

    /// What is in every acknowledgement of this update (RFC 5213 §5.3.6).
    pub fn echo(&self) -> Options {
        let options = &self.packet.options;
        let mut echo = Options::new();
        echo.push(options.get::<MnIdOption<'_>>().unwrap());
        echo.push(options.get::<HandoffIndicator>().unwrap());
        echo.push(options.get::<AccessTechnology>().unwrap());
        if let Some(id) = options.get::<MnLinkLayerId<'_>>() {
            echo.push(id);
        }
        if let Some(timestamp) = options.get::<TimestampOption>() {
            echo.push(timestamp);
        }
        echo
    }
}

pub struct World {
    pub mag: Mag,
    start: Instant,
    clock: Duration,
    pub sent: Vec<Sent>,
    pub frames: Vec<(InterfaceId, Vec<u8>)>,
    pub forwarding: BTreeMap<BindingId, Forwarding>,
    pub access: BTreeMap<BindingId, AccessNode>,
    pub events: Vec<Event>,
    /// What AAA was asked.
    pub questions: Vec<(InterfaceId, MacAddr)>,
    /// The kinds of all outputs in their order.
    pub order: Vec<&'static str>,
}

impl World {
    pub fn new(settings: Settings) -> Self {
        Self {
            mag: Mag::new(settings, 1),
            start: Instant::now(),
            clock: Duration::ZERO,
            sent: Vec::new(),
            frames: Vec::new(),
            forwarding: BTreeMap::new(),
            access: BTreeMap::new(),
            events: Vec::new(),
            questions: Vec::new(),
            order: Vec::new(),
        }
    }

    pub fn now(&self) -> Now {
        Now {
            mono: self.start + self.clock,
            wall: SystemTime::UNIX_EPOCH + secs(1_700_000_000) + self.clock,
        }
    }

    /// Gives the machine an input and takes all its output.
    pub fn input(&mut self, input: impl FnOnce(&mut Mag, Now)) {
        let now = self.now();
        input(&mut self.mag, now);
        while let Some(output) = self.mag.poll_output() {
            self.order.push(match output {
                Output::Send { .. } => "send",
                Output::Frame { .. } => "frame",
                Output::Forward { .. } => "forward",
                Output::Access { .. } => "access",
                Output::Identify { .. } => "identify",
                Output::Event(_) => "event",
            });
            match output {
                Output::Send { path, dscp, bytes } => {
                    let packet = Packet::decode(&bytes).expect("the gateway sends messages");
                    self.sent.push(Sent { path, dscp, bytes, packet });
                }
                Output::Frame { interface, bytes } => self.frames.push((interface, bytes)),
                Output::Forward { binding, want: Some(want) } => {
                    self.forwarding.insert(binding, want);
                }
                Output::Forward { binding, want: None } => {
                    self.forwarding.remove(&binding);
                }
                Output::Access { binding, want: Some(want) } => {
                    self.access.insert(binding, want);
                }
                Output::Access { binding, want: None } => {
                    self.access.remove(&binding);
                }
                Output::Identify { interface, mac } => self.questions.push((interface, mac)),
                Output::Event(event) => self.events.push(event),
            }
        }
    }

    /// Lets time pass, stopping wherever the machine wants to be called.
    pub fn pass(&mut self, time: Duration) {
        let end = self.clock + time;
        while let Some(due) = self.mag.poll_timeout() {
            let due = due.saturating_duration_since(self.start);
            if due > end {
                break;
            }
            self.clock = self.clock.max(due);
            self.input(Mag::handle_timeout);
        }
        self.clock = end;
    }

    /// Time passes until the gateway sends a message.
    pub fn pass_until_sent(&mut self) {
        while self.sent.is_empty() {
            let due = self.mag.poll_timeout().expect("something is to come");
            self.clock = self.clock.max(due.saturating_duration_since(self.start));
            self.input(Mag::handle_timeout);
        }
    }

    // ---- the anchor -------------------------------------------------------------------------

    /// The only message the gateway has sent since the last time.
    #[track_caller]
    pub fn take_one(&mut self) -> Sent {
        assert_eq!(self.sent.len(), 1, "{:#?}", self.sent);
        self.sent.remove(0)
    }

    pub fn deliver(&mut self, path: SignalPath, packet: &Packet) {
        let mut bytes = Vec::new();
        packet.encode(&mut bytes);
        self.deliver_bytes(path, bytes);
    }

    /// Delivers octets with the right checksum.
    pub fn deliver_bytes(&mut self, path: SignalPath, bytes: Vec<u8>) {
        self.deliver_marked(path, 0, bytes);
    }

    /// The same in a packet with this code point.
    pub fn deliver_marked(&mut self, path: SignalPath, dscp: u8, mut bytes: Vec<u8>) {
        if let (IpAddr::V6(local), IpAddr::V6(peer)) = (path.local.ip(), path.peer.ip()) {
            kedge_wire::set_checksum(peer, local, &mut bytes);
        }
        self.input(|mag, now| {
            mag.handle_datagram(Datagram { path, dscp, bytes: &bytes }, now);
        });
    }

    pub fn answer(&mut self, update: &Sent, status: Status, lifetime: u64, options: Options) {
        self.answer_with_flags(update, status, lifetime, BaFlags::P, options);
    }

    pub fn answer_with_flags(
        &mut self,
        update: &Sent,
        status: Status,
        lifetime: u64,
        flags: BaFlags,
        options: Options,
    ) {
        let message = BindingAcknowledgement {
            status,
            flags,
            sequence: update.update().sequence,
            lifetime: Lifetime::from_secs(lifetime),
        };
        let packet = Packet { message: Message::BindingAcknowledgement(message), options };
        self.deliver(update.path, &packet);
    }

    /// The anchor grants what was asked for.
    pub fn accept(&mut self, update: &Sent) {
        self.accept_with(update, 3600, |_| {});
    }

    pub fn accept_with(&mut self, update: &Sent, lifetime: u64, more: impl FnOnce(&mut Options)) {
        let mut options = update.echo();
        let mn_id = update.packet.options.get::<MnIdOption<'_>>().unwrap().to_mn_id();
        let (prefix, home) = match mn_id == mn("mn8@example.com") {
            true => (OTHER_PREFIX, OTHER_HOME),
            false => (PREFIX, HOME),
        };
        if !update.prefixes().is_empty() {
            options.push(HomeNetworkPrefix::new(prefix.parse().unwrap()));
        }
        if update.address().is_some() {
            let status = Ipv4HomeAddressStatus::SUCCESS;
            options.push(Ipv4HomeAddressReply { status, address: home.parse().unwrap() });
            options.push(Ipv4DefaultRouter(ROUTER));
            options.push(DhcpSupportMode { server: true });
        }
        more(&mut options);
        self.answer(update, Status::ACCEPTED, lifetime, options);
    }

    pub fn reject(&mut self, update: &Sent, status: Status) {
        self.answer(update, status, 0, update.echo());
    }

    // ---- the nodes --------------------------------------------------------------------------

    pub fn frame(&mut self, interface: InterfaceId, octets: &[u8]) {
        self.input(|mag, now| mag.handle_frame(interface, octets, now));
    }

    pub fn solicit(&mut self, interface: InterfaceId, mac: MacAddr) {
        let all_routers: Ipv6Addr = "ff02::2".parse().unwrap();
        let source = format!("fe80::{:x}", mac.0[5]).parse().unwrap();
        let message = Nd::RouterSolicitation(RouterSolicitation::default());
        self.neighbor(interface, mac, source, all_routers, &message);
    }

    pub fn neighbor(
        &mut self,
        interface: InterfaceId,
        mac: MacAddr,
        source: Ipv6Addr,
        destination: Ipv6Addr,
        message: &Nd,
    ) {
        let destination_mac = match destination.is_multicast() {
            true => multicast_mac(destination),
            false => MacAddr::PMIPV6_GATEWAY,
        };
        let route = icmpv6::Route { source_mac: mac, destination_mac, source, destination };
        let mut octets = Vec::new();
        icmpv6::encode_frame(&route, message, &mut octets);
        self.frame(interface, &octets);
    }

    pub fn arp(
        &mut self,
        interface: InterfaceId,
        mac: MacAddr,
        sender: Ipv4Addr,
        target: Ipv4Addr,
    ) {
        let operation = Operation::Request;
        let target_mac = MacAddr([0; 6]);
        let request = Arp { operation, sender_mac: mac, sender, target_mac, target };
        let mut octets = Vec::new();
        arp::encode_frame(mac, MacAddr::BROADCAST, &request, &mut octets);
        self.frame(interface, &octets);
    }

    pub fn dhcp(&mut self, interface: InterfaceId, message: &dhcpv4::Message) {
        let route = dhcpv4::Route {
            source_mac: message.chaddr,
            destination_mac: MacAddr::BROADCAST,
            source: message.ciaddr,
            destination: Ipv4Addr::BROADCAST,
        };
        let mut octets = Vec::new();
        dhcpv4::encode_client_frame(&route, message, &mut octets);
        self.frame(interface, &octets);
    }

    /// The advertisements sent since the last time, with the MAC addresses they went to.
    pub fn take_advertisements(&mut self) -> Vec<(InterfaceId, MacAddr, RouterAdvertisement)> {
        let mut found = Vec::new();
        self.frames.retain(|(interface, octets)| {
            let frame = Frame::decode(octets).expect("the gateway sends frames");
            let Content::Neighbor { ip, message: Nd::RouterAdvertisement(ra) } = frame.content
            else {
                return true;
            };
            assert_eq!(frame.ethernet.source, MacAddr::PMIPV6_GATEWAY);
            assert_eq!(ip.source, GATEWAY_LINK_LOCAL.parse::<Ipv6Addr>().unwrap());
            found.push((*interface, frame.ethernet.destination, ra));
            false
        });
        found
    }

    /// The DHCP messages sent since the last time, with the MAC and IP addresses they went to.
    pub fn take_dhcp(&mut self) -> Vec<(MacAddr, Ipv4Addr, dhcpv4::Message)> {
        let mut found = Vec::new();
        self.frames.retain(|(_, octets)| {
            let frame = Frame::decode(octets).expect("the gateway sends frames");
            let Content::Dhcpv4 { ip, message } = frame.content else { return true };
            found.push((frame.ethernet.destination, ip.destination, *message));
            false
        });
        found
    }

    /// The value of a counter.
    pub fn count(&self, group: &str, key: &str) -> u64 {
        let groups = self.mag.statistics();
        let group = groups.iter().find(|g| g.key == group).expect("the group exists");
        group.rows.iter().find(|row| row.key == key).expect("the counter exists").value
    }

    /// A node that solicited routers and was accepted, with nothing left over.
    pub fn with_active_node(settings: Settings) -> Self {
        let mut world = Self::new(settings);
        world.solicit(IF1, NODE);
        let update = world.take_one();
        world.accept(&update);
        world.frames.clear();
        world.events.clear();
        world
    }
}

/// A message of `NODE`.
pub fn dhcp_message(message_type: MessageType, options: Vec<DhcpOption>) -> dhcpv4::Message {
    dhcpv4::Message {
        op: dhcpv4::Op::Request,
        message_type,
        xid: 0xabcd,
        secs: 0,
        broadcast: false,
        ciaddr: Ipv4Addr::UNSPECIFIED,
        yiaddr: Ipv4Addr::UNSPECIFIED,
        siaddr: Ipv4Addr::UNSPECIFIED,
        giaddr: Ipv4Addr::UNSPECIFIED,
        chaddr: NODE,
        options,
    }
}

/// Between a peer and the gateway over IPv6.
pub fn path_from(peer: &str) -> SignalPath {
    SignalPath {
        transport: VrfId(0),
        local: SocketAddr::new("2001:db8::11".parse().unwrap(), 0),
        peer: SocketAddr::new(peer.parse().unwrap(), 0),
    }
}
