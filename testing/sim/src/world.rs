//! A domain as it runs: takes the next event, hands it to whom it is for, carries out what comes
//! of it, and has the oracle look.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use kedge_access_wire::{Content, EthernetHeader, Frame};
use kedge_mag::{InterfaceId, LinkState};
use kedge_model::{Datagram, MacAddr, SignalPath};
use kedge_sansio::Now;

use crate::chance::Chance;
use crate::clock::{Agenda, Clock, Skew};
use crate::host::{Host, Place};
use crate::network::Network;
use crate::oracle::{self, Memory};
use crate::packet;
use crate::plan::Plan;
use crate::plane;
use crate::station::{Anchor, Gateway};
use crate::trail::{Happened, Trail};

/// How long a frame is on an access link.
const ACCESS_DELAY: Duration = Duration::from_micros(200);

/// Who has timers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Station {
    /// An anchor.
    Anchor(usize),
    /// A gateway.
    Gateway(usize),
    /// A host.
    Host(usize),
}

/// What is planned.
#[derive(Debug)]
pub enum Event {
    /// A station's timer is due.
    Wake(Station),
    /// A message arrives; the path is its receiver's.
    Message {
        /// Whose.
        to: Station,
        /// Between whom.
        path: SignalPath,
        /// The code point.
        dscp: u8,
        /// What.
        bytes: Rc<[u8]>,
    },
    /// An outer packet arrives.
    Tunnelled(Station, Rc<[u8]>),
    /// A frame arrives at a gateway.
    Uplink(Place, Rc<[u8]>),
    /// A frame arrives at the hosts of a link.
    Downlink(Place, Rc<[u8]>),
    /// The carrier of a link is found to be gone, or there again.
    Carrier(Place, LinkState),
    /// A host asks its correspondent something.
    Ping(usize),
    /// Something goes wrong.
    Disturb,
}

/// A domain.
#[derive(Debug)]
pub struct World {
    /// What kind of.
    pub plan: Plan,
    /// The dice.
    pub chance: Chance,
    /// The time.
    pub clock: Clock,
    /// What is to happen.
    pub agenda: Agenda<Event>,
    /// The transport network.
    pub network: Network,
    /// The anchors.
    pub anchors: Vec<Anchor>,
    /// The gateways.
    pub gateways: Vec<Gateway>,
    /// The mobile nodes' interfaces.
    pub hosts: Vec<Host>,
    /// When each host will be woken.
    host_wakes: Vec<Option<Instant>>,
    /// Who is on which link.
    links: BTreeMap<Place, Vec<usize>>,
    /// The time between a host's questions, in milliseconds; `None` asks none.
    pub pinging: Option<u32>,
    /// What the oracle has seen.
    pub memory: Memory,
    /// The last events.
    pub trail: Trail,
    this_instant: u32,
}

impl World {
    /// A domain without nodes.
    pub fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let plan = Plan::drawn(&mut chance);
        let anchors = (0..plan.anchors).map(|n| Anchor::new(&plan, n, 0, chance.seed())).collect();
        let gateways =
            (0..plan.gateways).map(|n| Gateway::new(&plan, n, 0, chance.seed())).collect();
        let hosts = (0..plan.hosts).map(|n| Host::new(n, plan.mn_id(n))).collect();
        let mut world = Self {
            chance,
            clock: Clock::new(),
            agenda: Agenda::default(),
            network: Network::new(),
            anchors,
            gateways,
            hosts,
            host_wakes: vec![None; plan.hosts],
            links: BTreeMap::new(),
            pinging: None,
            memory: Memory::new(plan.anchors),
            trail: Trail::new(seed),
            this_instant: 0,
            plan,
        };
        world.note(Happened::Disturbance(format!("{:?}", world.plan)));
        for host in 0..world.hosts.len() {
            world.plan_ping(host);
        }
        world
    }

    /// Lets everything happen that happens in this time; `disturb` carries out disturbances.
    pub fn run_for(&mut self, time: Duration, mut disturb: impl FnMut(&mut Self)) {
        let until = self.clock.now() + time;
        while let Some((at, event)) = self.agenda.next(until) {
            self.this_instant = if at > self.clock.now() { 0 } else { self.this_instant + 1 };
            assert!(self.this_instant < 100_000, "the domain does not get past this moment");
            self.clock.advance(at);
            self.trail.step += 1;
            match event {
                Event::Disturb => disturb(self),
                event => self.happen(event),
            }
        }
        self.clock.advance(until);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Wake(station) => self.wake(station),
            Event::Message { to, path, dscp, bytes } => self.take_message(to, path, dscp, bytes),
            Event::Tunnelled(to, outer) => self.take_tunnelled(to, &outer),
            Event::Uplink(place, frame) => self.take_uplink(place, frame),
            Event::Downlink(place, frame) => self.take_downlink(place, frame),
            Event::Carrier(place, state) => self.carrier(place, state),
            Event::Ping(host) => {
                if self.pinging.is_some() {
                    self.ping(host);
                }
                self.plan_ping(host);
            }
            Event::Disturb => {}
        }
    }

    /// Both clocks of a station.
    pub fn now(&self, station: Station) -> Now {
        match station {
            Station::Gateway(n) => self.clock.of_host(self.gateways[n].skew),
            Station::Anchor(_) | Station::Host(_) => self.clock.of_host(Skew::default()),
        }
    }

    /// Writes into the trail.
    pub fn note(&mut self, happened: Happened) {
        self.trail.note(self.clock.elapsed(), happened);
    }

    /// Lets a host ask its correspondent something.
    pub fn ping(&mut self, host: usize) {
        if self.hosts[host].place.is_some() {
            self.hosts[host].ping(self.clock.now());
            self.settle_host(host);
        }
    }

    fn plan_ping(&mut self, host: usize) {
        let period = self.pinging.unwrap_or(5_000);
        let wait = self.chance.millis(period / 2, period * 3 / 2);
        self.agenda.plan(self.clock.now() + wait, Event::Ping(host));
    }

    fn wake(&mut self, station: Station) {
        let now = self.now(station);
        let wake = self.wake_of(station);
        // Another one was planned since, for another time.
        if *wake != Some(now.mono) {
            self.trail.step -= 1;
            return;
        }
        *wake = None;
        let due = match station {
            Station::Anchor(n) => {
                self.anchors[n].lma.handle_timeout(now);
                self.anchors[n].lma.poll_timeout()
            }
            Station::Gateway(n) => {
                self.gateways[n].mag.handle_timeout(now);
                self.gateways[n].mag.poll_timeout()
            }
            Station::Host(n) => {
                self.hosts[n].handle_timeout(now.mono, &mut self.chance);
                self.hosts[n].poll_timeout()
            }
        };
        assert!(due.is_none_or(|due| due > now.mono), "{station:?} left something undone");
        if !matches!(station, Station::Host(_)) {
            self.note(Happened::Timer(format!("{station:?}")));
        }
        self.settle(station);
    }

    fn wake_of(&mut self, station: Station) -> &mut Option<Instant> {
        match station {
            Station::Anchor(n) => &mut self.anchors[n].wake,
            Station::Gateway(n) => &mut self.gateways[n].wake,
            Station::Host(n) => &mut self.host_wakes[n],
        }
    }

    /// Carries out what a station wants, plans when it is woken next, and has the oracle look.
    pub fn settle(&mut self, station: Station) {
        match station {
            Station::Anchor(n) => self.settle_anchor(n),
            Station::Gateway(n) => self.settle_gateway(n),
            Station::Host(n) => self.settle_host(n),
        }
    }

    fn plan_wake(&mut self, station: Station, due: Option<Instant>) {
        let now = self.clock.now();
        let Some(due) = due.map(|due| due.max(now)) else { return };
        let wake = self.wake_of(station);
        if wake.is_none_or(|planned| due < planned) {
            *wake = Some(due);
            self.agenda.plan(due, Event::Wake(station));
        }
    }

    fn settle_anchor(&mut self, n: usize) {
        while let Some(output) = self.anchors[n].lma.poll_output() {
            match output {
                kedge_lma::Output::Send { path, dscp, bytes } => {
                    oracle::check_message(&path, &bytes);
                    self.send(Station::Anchor(n), path, dscp, &bytes);
                    self.anchors[n].lma.reclaim(bytes);
                }
                kedge_lma::Output::Forward { binding, want } => {
                    self.anchors[n].plane.want(binding, want);
                }
                kedge_lma::Output::Event(event) => {
                    self.memory.handle_event(n, &event);
                    self.note(Happened::Anchor(n, event));
                }
            }
        }
        let due = self.anchors[n].lma.poll_timeout();
        self.plan_wake(Station::Anchor(n), due);
        oracle::check_anchor(self, n);
    }

    fn settle_gateway(&mut self, n: usize) {
        while let Some(output) = self.gateways[n].mag.poll_output() {
            match output {
                kedge_mag::Output::Send { path, dscp, bytes } => {
                    oracle::check_message(&path, &bytes);
                    self.send(Station::Gateway(n), path, dscp, &bytes);
                    self.gateways[n].mag.reclaim(bytes);
                }
                kedge_mag::Output::Frame { interface, bytes } => {
                    self.transmit_downlink(Place { gateway: n, interface }, &bytes);
                    self.gateways[n].mag.reclaim(bytes);
                }
                kedge_mag::Output::Forward { binding, want } => {
                    self.gateways[n].plane.want(binding, want);
                }
                kedge_mag::Output::Access { binding, want } => {
                    let access = &mut self.gateways[n].access;
                    assert_ne!(access.get(&binding), want.as_ref(), "wanted twice: {binding:?}");
                    match want {
                        Some(want) => drop(access.insert(binding, want)),
                        None => drop(access.remove(&binding)),
                    }
                }
                kedge_mag::Output::Event(event) => self.note(Happened::Gateway(n, event)),
            }
        }
        let due = self.gateways[n].mag.poll_timeout();
        self.plan_wake(Station::Gateway(n), due);
        oracle::check_gateway(self, n);
    }

    /// Sends a host's frames.
    pub fn settle_host(&mut self, n: usize) {
        while let Some(frame) = self.hosts[n].poll_frame() {
            let Some(place) = self.hosts[n].place else { continue };
            if !self.chance.per_mille(self.network.weather.access_loss) {
                let at = self.clock.now() + ACCESS_DELAY;
                self.agenda.plan(at, Event::Uplink(place, frame.into()));
            }
        }
        let due = self.hosts[n].poll_timeout();
        self.plan_wake(Station::Host(n), due);
    }

    fn send(&mut self, from: Station, path: SignalPath, dscp: u8, bytes: &[u8]) {
        let Some(to) = self.station_at(path.peer.ip()) else {
            panic!("{from:?} sends to {}, where nobody is", path.peer);
        };
        let path = SignalPath { local: path.peer, peer: path.local, ..path };
        for delay in self.carry(from, to) {
            let mut bytes = bytes.to_vec();
            // Over UDP the host's checksum drops a corrupted message before anybody sees it.
            if !path.is_udp() {
                self.network.corrupt(&mut bytes, &mut self.chance);
            }
            let event = Event::Message { to, path, dscp, bytes: bytes.into() };
            self.agenda.plan(self.clock.now() + delay, event);
        }
    }

    fn carry(&mut self, from: Station, to: Station) -> Vec<Duration> {
        match (from, to) {
            (Station::Anchor(anchor), Station::Gateway(gateway))
            | (Station::Gateway(gateway), Station::Anchor(anchor)) => {
                self.network.carry(gateway, anchor, &mut self.chance)
            }
            _ => panic!("{from:?} has nothing to say to {to:?}"),
        }
    }

    fn station_at(&self, address: IpAddr) -> Option<Station> {
        let anchor = (0..self.anchors.len()).find(|n| self.plan.anchor_address(*n) == address);
        let gateway = (0..self.gateways.len()).find(|n| self.plan.gateway_address(*n) == address);
        anchor.map(Station::Anchor).or(gateway.map(Station::Gateway))
    }

    fn take_message(&mut self, to: Station, path: SignalPath, dscp: u8, bytes: Rc<[u8]>) {
        let now = self.now(to);
        self.note(Happened::Message(path, bytes.clone()));
        let datagram = Datagram { path, dscp, bytes: &bytes };
        match to {
            // Whatever becomes of it is in the output and in the counters.
            Station::Anchor(n) => drop(self.anchors[n].lma.handle_datagram(datagram, now)),
            Station::Gateway(n) => self.gateways[n].mag.handle_datagram(datagram, now),
            Station::Host(_) => unreachable!("hosts know nothing of mobility"),
        }
        self.settle(to);
    }

    fn take_uplink(&mut self, place: Place, frame: Rc<[u8]>) {
        let Place { gateway: n, interface } = place;
        if self.gateways[n].link(interface) != LinkState::Up {
            return;
        }
        let now = self.now(Station::Gateway(n));
        self.note(Happened::Uplink(n, interface, frame.clone()));
        self.gateways[n].mag.handle_frame(interface, &frame, now);
        self.settle(Station::Gateway(n));
        let packet = &frame[EthernetHeader::LEN..];
        if packet::read(packet).is_some() {
            let outer = self.gateways[n].plane.encapsulate(packet, now.mono);
            self.memory.sent += outer.len() as u64;
            self.tunnel(Station::Gateway(n), outer);
        }
    }

    fn tunnel(&mut self, from: Station, outer: Vec<kedge_dataplane::OuterPacket>) {
        for packet in outer {
            let address = plane::destination(&packet);
            let to = self.station_at(address).expect("tunnels end at stations");
            let bytes: Rc<[u8]> = packet.bytes.into();
            for delay in self.carry(from, to) {
                let at = self.clock.now() + delay;
                self.agenda.plan(at, Event::Tunnelled(to, bytes.clone()));
            }
        }
    }

    fn take_tunnelled(&mut self, to: Station, outer: &[u8]) {
        match to {
            Station::Anchor(n) => {
                let Some(inner) = self.anchors[n].plane.decapsulate(outer) else { return };
                oracle::check_uplink(self, &inner);
                self.answer(&inner);
            }
            Station::Gateway(n) => {
                let Some(inner) = self.gateways[n].plane.decapsulate(outer) else { return };
                self.route_downlink(n, &inner);
            }
            Station::Host(_) => unreachable!("tunnels end at stations"),
        }
    }

    /// The correspondent sends a question back; routing brings it to the anchor with the pool.
    fn answer(&mut self, question: &[u8]) {
        let (from, to, ping) = packet::read(question).expect("a tunnel carries what was put in");
        let anchor = self.plan.anchor_with_pool(from.ip()).expect("addresses are from pools");
        let answer = packet::write(to, from, ping);
        let now = self.clock.now();
        let outer = self.anchors[anchor].plane.encapsulate(&answer, now);
        self.tunnel(Station::Anchor(anchor), outer);
    }

    /// What the kernel of a gateway does with a node's packet.
    fn route_downlink(&mut self, n: usize, packet: &[u8]) {
        let (_, to, _) = packet::read(packet).expect("a tunnel carries what was put in");
        let Some(node) = self.gateways[n].route(to.ip()) else { return };
        let (Some(mac), interface) = (node.mac, node.interface) else { return };
        let mut frame = mac.0.to_vec();
        frame.extend_from_slice(&MacAddr::PMIPV6_GATEWAY.0);
        frame.extend_from_slice(if to.is_ipv4() { &[8, 0] } else { &[0x86, 0xdd] });
        frame.extend_from_slice(packet);
        self.transmit_downlink(Place { gateway: n, interface }, &frame);
    }

    fn transmit_downlink(&mut self, place: Place, frame: &[u8]) {
        if !self.chance.per_mille(self.network.weather.access_loss) {
            let at = self.clock.now() + ACCESS_DELAY;
            self.agenda.plan(at, Event::Downlink(place, frame.into()));
        }
    }

    fn take_downlink(&mut self, place: Place, octets: Rc<[u8]>) {
        let frame = Frame::decode(&octets).expect("a gateway sends well-formed frames");
        let Some(here) = self.links.get(&place) else { return };
        let destination = frame.ethernet.destination;
        let hosts = here.iter().copied();
        let hears = |n: &usize| destination.is_group() || self.hosts[*n].mac == destination;
        let hosts: Vec<usize> = hosts.filter(hears).collect();
        if hosts.is_empty() {
            return;
        }
        self.note(Happened::Downlink(place.gateway, place.interface, octets.clone()));
        let now = self.clock.now();
        for n in hosts {
            if let Content::Ipv4(_) | Content::Ipv6(_) = frame.content {
                oracle::check_downlink(self, n, &octets[EthernetHeader::LEN..]);
            }
            self.hosts[n].handle_frame(&octets, now, &mut self.chance);
            self.settle_host(n);
        }
    }

    /// A host comes to a link.
    pub fn attach(&mut self, n: usize, place: Place) {
        self.note(Happened::Disturbance(format!("host {n} comes to {place:?}")));
        assert!(self.hosts[n].place.is_none());
        if self.gateways[place.gateway].link(place.interface) != LinkState::Up {
            self.carrier(place, LinkState::Up);
        }
        self.links.entry(place).or_default().push(n);
        self.hosts[n].attach(place, self.clock.now(), &mut self.chance);
        self.settle_host(n);
    }

    /// A host leaves its link.
    pub fn leave(&mut self, n: usize) {
        let Some(place) = self.hosts[n].place else { return };
        self.note(Happened::Disturbance(format!("host {n} leaves {place:?}")));
        self.hosts[n].detach();
        if let Some(here) = self.links.get_mut(&place) {
            here.retain(|other| *other != n);
        }
    }

    /// The hosts on a link.
    pub fn on_link(&self, place: Place) -> &[usize] {
        self.links.get(&place).map_or(&[], Vec::as_slice)
    }

    /// A gateway sees that the carrier of a link is gone, or there again. A link that somebody
    /// has come to since has its carrier.
    pub fn carrier(&mut self, place: Place, state: LinkState) {
        if state == LinkState::Down && !self.on_link(place).is_empty() {
            return;
        }
        self.note(Happened::Disturbance(format!("{place:?} is {state:?}")));
        self.tell_link(place.gateway, place.interface, state);
    }

    fn tell_link(&mut self, n: usize, interface: InterfaceId, state: LinkState) {
        let now = self.now(Station::Gateway(n));
        let gateway = &mut self.gateways[n];
        match state {
            LinkState::Up => gateway.down.remove(&interface),
            LinkState::Down | LinkState::Gone => gateway.down.insert(interface),
        };
        gateway.mag.handle_link(interface, state, now);
        self.settle(Station::Gateway(n));
    }

    /// A gateway forgets everything; its tables and routes are gone with it.
    pub fn restart_gateway(&mut self, n: usize) {
        self.note(Happened::Disturbance(format!("gateway {n} restarts")));
        let old = &self.gateways[n];
        let (restarts, skew, down) = (old.restarts + 1, old.skew, old.down.clone());
        let seed = self.chance.seed();
        self.gateways[n] = Gateway::new(&self.plan, n, restarts, seed);
        self.gateways[n].skew = skew;
        let interfaces: Vec<_> = self.plan.interfaces().collect();
        for interface in interfaces {
            let state = if down.contains(&interface) { LinkState::Down } else { LinkState::Up };
            self.tell_link(n, interface, state);
        }
    }

    /// An anchor forgets everything.
    pub fn restart_anchor(&mut self, n: usize) {
        self.note(Happened::Disturbance(format!("anchor {n} restarts")));
        let restarts = self.anchors[n].restarts + 1;
        let seed = self.chance.seed();
        self.anchors[n] = Anchor::new(&self.plan, n, restarts, seed);
        self.memory.forget(n);
        self.settle(Station::Anchor(n));
    }
}
