//! The gateway in its shell: the machine, its sockets, its access interfaces, its data plane and
//! what it makes in the kernel.
//!
//! ```text
//!               rule: from ACCESS, table 5213        table 5213: default dev TUN
//!   node ──► ACCESS ───────────────────────────────────────────► TUN ──► forwarder ──► anchor
//!   node ◄── ACCESS ◄─────────────────────────────────────────── TUN ◄── forwarder ◄── anchor
//!               table 5214: home prefix dev ACCESS   rule: from TUN, table 5214
//! ```
//!
//! The routes to nodes are for what comes out of a tunnel, and for what the host itself says. A
//! packet that reaches this host on any other way goes where its routes lead, as at any router:
//! towards the anchor, where the home network is (RFC 5213 §6.10.5).
//!
//! The kernel answers neighbour solicitations and ARP for the gateway's own addresses, which are
//! the same on every gateway (RFC 6543); the machine sends router advertisements and speaks DHCP
//! over a packet socket per interface.

pub mod branch;
mod port;
mod routes;
mod transport;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kedge_dataplane::{BindingCounters, Change, Side};
use kedge_mag::{Event, InterfaceId, LinkState, Mag, Output};
use kedge_model::{BindingId, CustomerId, Datagram, IpNet, Ipv4Net, Ipv6Net, MacAddr, VrfId};
use kedge_net::NetError;
use kedge_net::hosts::Wanted;
use kedge_net::netlink::{self, Link, NextHop, Route, Rule, Table};
use kedge_net::owned::{Owned, Thing};
use kedge_net::poll::{Poller, Token};
use kedge_net::signalling::Batch;
use kedge_sansio::Now;
use kedge_telemetry::Group;
use tracing::{debug, info, warn};

use crate::apply::GatewayPlan;
use crate::capture::{Direction, Seen};
use crate::counters::{Baseline, tunnel_groups};
use crate::ends::{Device, Ends};
use crate::forwarding::Plane;
use crate::observe::Observer;
use crate::startup::StartError;
use crate::words::Note;
use crate::{devices, in_service, shell};
use branch::{Branches, Survey};
use port::Port;
use routes::NodeRoutes;

pub use transport::{SharedInterface, examine};

/// The routing table of packets that come from nodes, and the priority of the rules that lead to
/// it: before the main table.
const UPLINK: Table = Table(5213);
const UPLINK_PRIORITY: u32 = 5213;

/// The routing table of packets to nodes, and the priority of its rules.
const DOWNLINK: Table = Table(5214);
const DOWNLINK_PRIORITY: u32 = 5214;
/// What the kernel calls the way in of packets that the host itself sends.
const OWN_PACKETS: &str = "lo";

/// How many frames of one interface are read before others get their turn.
const FRAMES_A_TURN: usize = 64;

/// A running gateway.
pub struct Gateway {
    mag: Mag,
    ends: Ends,
    ports: BTreeMap<InterfaceId, Port>,
    routes: NodeRoutes,
    branches: Branches,
    baseline: Baseline,
    observer: Observer,
    questions: Vec<MacAddr>,
}

/// An access interface that cannot be one.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("access interface {interface}: {why}")]
pub struct Unusable {
    /// Its name.
    pub interface: String,
    /// The reason.
    pub why: String,
}

impl Gateway {
    /// A gateway without access interfaces yet. The poller knows its signalling sockets as
    /// `first` and those behind it.
    pub fn start(
        plan: &GatewayPlan,
        seed: u64,
        poller: &Poller,
        first: Token,
    ) -> Result<Self, StartError> {
        let ends = Ends::start(Side::Gateway, plan.ends(), poller, first)?;
        Ok(Self {
            mag: Mag::new(plan.settings.clone(), seed),
            ends,
            ports: BTreeMap::new(),
            routes: NodeRoutes::default(),
            branches: Branches::default(),
            baseline: Baseline::default(),
            observer: Observer::default(),
            questions: Vec::new(),
        })
    }

    /// What it wants of the kernel beside its device: the rules and routes of the drawing above.
    pub fn things(plan: &GatewayPlan, devices: &BTreeMap<VrfId, Device>) -> Vec<Wanted> {
        let mut wanted = in_service::things(&plan.ends(), devices);
        let Some(Device { world, link: device, .. }) = devices.get(&plan.settings.inner) else {
            return wanted;
        };
        let mut things = Vec::new();
        for destination in [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())] {
            let next_hop = NextHop::Device(device.index);
            things.push(Thing::Route(Route { destination, next_hop, table: UPLINK, metric: 0 }));
        }
        let rules = |input: &str, table, priority| {
            let input = input.to_owned();
            let of = move |ipv6| Rule::Input { ipv6, input: input.clone(), table, priority };
            [false, true].map(|ipv6| Thing::Rule(of(ipv6)))
        };
        for input in [&device.name, OWN_PACKETS] {
            things.extend(rules(input, DOWNLINK, DOWNLINK_PRIORITY));
        }
        for interface in plan.settings.interfaces.values().filter(|i| !i.logical) {
            things.extend(rules(&interface.name, UPLINK, UPLINK_PRIORITY));
        }
        wanted.extend(things.into_iter().map(|thing| Wanted::new(world, thing)));
        wanted
    }

    /// Its sockets and data plane.
    pub fn ends(&self) -> &Ends {
        &self.ends
    }

    /// Its sockets and data plane, to be prepared for a change.
    pub fn ends_mut(&mut self) -> &mut Ends {
        &mut self.ends
    }

    /// Adds an access interface; with `link`, its device is made ready, or the interface is not
    /// added.
    pub fn add_port(
        &mut self,
        id: InterfaceId,
        name: &str,
        link: Option<&Link>,
        poller: &Poller,
        host: &mut Owned,
    ) -> Result<(), Unusable> {
        let mut port = Port::new(name.to_owned());
        if let Some(link) = link {
            port.open(link, poller, token(id), host);
            if let Some(why) = port.fault() {
                return Err(Unusable { interface: name.to_owned(), why: why.to_owned() });
            }
        }
        self.ports.insert(id, port);
        Ok(())
    }

    /// Removes an access interface; its device is as it was before.
    pub fn remove_port(&mut self, id: InterfaceId, host: &mut Owned) {
        if let Some(mut port) = self.ports.remove(&id) {
            port.close(host);
        }
    }

    /// Does what a plan says that [`Self::ends_mut`] and [`Self::add_port`] are prepared for.
    /// Sessions that have no place any more end before their interface and address go.
    /// [`Self::resync`] must follow.
    pub fn apply(&mut self, plan: GatewayPlan, leave_by: Instant, host: &mut Owned, now: Now) {
        let ends = plan.ends();
        let stays: Vec<InterfaceId> = plan.settings.interfaces.keys().copied().collect();
        self.mag.apply(plan.settings, now);
        self.settle(host, now);
        self.branches.configure(plan.branches, &self.mag, host);
        let gone = self.ports.keys().copied().filter(|id| !stays.contains(id));
        for id in gone.collect::<Vec<_>>() {
            self.remove_port(id, host);
        }
        let local = self.ends.plane.change(&[Change::RouteLocally(plan.local_routing)]);
        let policy = self.ends.set_policy(plan.policy);
        for error in [local, policy].into_iter().filter_map(Result::err) {
            warn!("forwarding: {error}");
        }
        self.ends.reduce(ends, leave_by);
    }

    /// De-registers all sessions, and serves nobody any more.
    pub fn retire(&mut self, host: &mut Owned, now: Now) {
        self.mag.shutdown(now);
        self.settle(host, now);
        self.branches.retire(host);
        for id in self.ports.keys().copied().collect::<Vec<_>>() {
            self.remove_port(id, host);
        }
    }

    /// Tells the anchors that sessions of an earlier run are lost (RFC 5847 §3.2), if heartbeats
    /// are on and there was one.
    pub fn announce_restart(&mut self, host: &mut Owned, now: Now) {
        let settings = self.mag.settings();
        if settings.heartbeat.is_some() && settings.restart_counter > 1 {
            self.mag.announce_restart();
            self.settle(host, now);
        }
    }

    /// Whom AAA is to be asked about since the last time.
    pub fn take_questions(&mut self) -> Vec<MacAddr> {
        std::mem::take(&mut self.questions)
    }

    /// The machine, to look at.
    pub fn mag(&self) -> &Mag {
        &self.mag
    }

    /// The machine, for a command; [`Self::settle`] must follow.
    pub fn mag_mut(&mut self) -> &mut Mag {
        &mut self.mag
    }

    /// What an operator watches.
    pub fn observer(&self) -> &Observer {
        &self.observer
    }

    /// What an operator watches, to change it.
    pub fn observer_mut(&mut self) -> &mut Observer {
        &mut self.observer
    }

    /// The access interfaces and what is wrong with each.
    pub fn ports(&self) -> impl Iterator<Item = (&InterfaceId, &Port)> {
        self.ports.iter()
    }

    /// What forwards its packets, to look at.
    pub fn plane(&self) -> &Plane {
        &self.ends.plane
    }

    /// This router as mobile nodes.
    pub fn branches(&self) -> &Branches {
        &self.branches
    }

    /// What a binding's packets added up to.
    pub fn traffic(&self, binding: BindingId) -> Option<BindingCounters> {
        self.ends.plane.counters(binding)
    }

    /// The counters since they were cleared.
    pub fn statistics(&self) -> Vec<Group> {
        self.baseline.since(self.counted())
    }

    /// For how long the counters have counted; `None` since the start.
    pub fn counted_for(&self, now: Now) -> Option<Duration> {
        self.baseline.age(now)
    }

    /// Starts all counters again from zero.
    pub fn clear_statistics(&mut self, now: Now) {
        self.baseline.clear(self.counted(), now);
    }

    /// Whether its packets are forwarded no more.
    pub fn has_stopped(&self) -> bool {
        self.ends.plane.has_stopped()
    }

    /// How many changes of the forwarding were refused by the host.
    pub fn forwarding_failures(&self) -> u64 {
        self.ends.plane.failures()
    }

    fn counted(&self) -> Vec<Group> {
        let mut groups = self.mag.statistics();
        let totals = self.ends.plane.totals();
        groups.extend(tunnel_groups(&totals));
        groups.push(Group::of(&totals.local));
        groups.push(Group::of(&self.branches.hosts));
        groups
    }

    /// Reads one batch of signalling from the socket in this place.
    pub fn receive(
        &mut self,
        place: usize,
        batch: &mut Batch,
        host: &mut Owned,
        now: Now,
    ) -> Result<bool, NetError> {
        self.ends.signalling.receive(place, batch)?;
        for datagram in batch.datagrams() {
            if self.observer.is_watching() {
                let Datagram { path, dscp, bytes } = datagram;
                let seen = Seen { direction: Direction::In, path, dscp, bytes };
                self.observer.message(CustomerId::DEFAULT, seen, None, |_| None);
            }
            self.mag.handle_datagram(datagram, now);
        }
        self.settle(host, now);
        Ok(batch.is_full())
    }

    /// Reads frames from an access interface.
    pub fn receive_frames(&mut self, id: InterfaceId, host: &mut Owned, now: Now) {
        let Some(port) = self.ports.get_mut(&id) else { return };
        for _ in 0..FRAMES_A_TURN {
            match port.receive() {
                Ok(Some(frame)) => self.mag.handle_frame(id, frame.bytes, now),
                Ok(None) => break,
                Err(error) => {
                    // The link went down or away; its own event says so.
                    debug!("{error}");
                    break;
                }
            }
        }
        self.settle(host, now);
    }

    /// Takes a device as it is now: an access interface may have come, gone up or gone down.
    pub fn handle_link(&mut self, link: &Link, poller: &Poller, host: &mut Owned, now: Now) {
        let found = self.ports.iter_mut().find(|(_, port)| port.name() == link.name);
        let Some((&id, port)) = found else { return };
        port.open(link, poller, token(id), host);
        self.mag.handle_mtu(id, u16::try_from(link.mtu).unwrap_or(u16::MAX), now);
        let state = if link.running { LinkState::Up } else { LinkState::Down };
        self.mag.handle_link(id, state, now);
        self.settle(host, now);
    }

    /// Takes a device that is gone.
    pub fn handle_link_gone(&mut self, link: &Link, host: &mut Owned, now: Now) {
        let found = self.ports.iter_mut().find(|(_, port)| match port.device() {
            Some(device) => device == link.index,
            // One that could not be used.
            None => port.name() == link.name,
        });
        let Some((&id, port)) = found else { return };
        info!("access interface {} is gone", link.name);
        port.forget(host);
        self.mag.handle_link(id, LinkState::Gone, now);
        self.settle(host, now);
    }

    /// Compares the access interfaces with the devices there are, after events were lost.
    pub fn resync(&mut self, poller: &Poller, host: &mut Owned, now: Now) -> Result<(), NetError> {
        let links = host.netlink().links()?;
        let gone: Vec<Link> = self
            .ports
            .values()
            .filter_map(|port| {
                let index = port.device()?;
                let there = links.iter().any(|link| link.index == index);
                (!there).then(|| Link {
                    index,
                    name: port.name().to_owned(),
                    mtu: 0,
                    mac: None,
                    up: false,
                    running: false,
                    tun: false,
                    vrf: None,
                    controller: None,
                })
            })
            .collect();
        for link in &gone {
            self.handle_link_gone(link, host, now);
        }
        for link in &links {
            self.handle_link(link, poller, host, now);
        }
        self.refresh_branches(poller, host, now);
        Ok(())
    }

    /// Takes the devices and addresses of this router's own networks as they are.
    fn refresh_branches(&mut self, poller: &Poller, host: &mut Owned, now: Now) {
        if self.branches.is_empty() {
            return;
        }
        match self.survey()(host) {
            Ok(survey) => {
                self.branches.refresh(&survey, &mut self.mag, poller, host, now);
                self.settle(host, now);
            }
            Err(error) => warn!("{error}"),
        }
    }

    /// How to read what branches need to know of the host.
    fn survey(&self) -> impl FnOnce(&mut Owned) -> Result<Survey, NetError> + use<> {
        let mtu = self.ends.state().devices.get(&self.mag.settings().inner).copied();
        move |host| Survey::of(host, devices::GATEWAY, mtu.unwrap_or(u16::MAX))
    }

    /// Reads frames of hosts from the mobile network in this place.
    pub fn receive_hosts(&mut self, place: usize, now: Now) {
        self.branches.receive(place, now);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, host: &mut Owned, now: Now) {
        self.ends.signalling.handle_timeout(now.mono);
        self.mag.handle_timeout(now);
        self.branches.handle_timeout(now);
        self.settle(host, now);
    }

    /// When [`Self::handle_timeout`] is to be called.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        let (machine, hosts) = (self.mag.poll_timeout(), self.branches.poll_timeout());
        [machine, hosts, self.ends.signalling.poll_timeout()].into_iter().flatten().min()
    }

    /// Whether an event is about a peer, or about a node that has had traffic forwarded: whoever
    /// speaks on an access link makes the others.
    fn is_known(&self, event: &Event) -> bool {
        match event {
            Event::Attached { binding, .. }
            | Event::Unanswered { binding, .. }
            | Event::Refused { binding, .. }
            | Event::Detached { binding, .. } => self.ends.plane.counters(*binding).is_some(),
            Event::Full { .. } => false,
            _ => true,
        }
    }

    /// Does what the machine asks for, in its order: tunnels and routes are there before the
    /// advertisement that makes a node use them.
    pub fn settle(&mut self, host: &mut Owned, now: Now) {
        while let Some(output) = self.mag.poll_output() {
            match output {
                Output::Send { path, dscp, bytes } => {
                    if self.observer.is_watching() {
                        let seen = Seen { direction: Direction::Out, path, dscp, bytes: &bytes };
                        self.observer.message(CustomerId::DEFAULT, seen, None, |_| None);
                    }
                    self.ends.signalling.queue(path, dscp, bytes);
                }
                Output::Forward { binding, want } => self.ends.plane.want(binding, want),
                Output::Access { binding, want } => {
                    let survey = self.survey();
                    if self.branches.want(binding, want.as_ref(), survey, host, now) {
                        continue;
                    }
                    let device = |interface| self.ports.get(&interface).and_then(Port::device);
                    let touched = self.routes.want(binding, want, device, host);
                    for id in touched.into_iter().flatten() {
                        if let Some(port) = self.ports.get_mut(&id) {
                            port.set_attached(self.routes.attached(id));
                        }
                    }
                }
                Output::Frame { interface, bytes } => {
                    self.ends.plane.commit();
                    if let Some(port) = self.ports.get(&interface)
                        && let Err(error) = port.send(&bytes)
                    {
                        debug!("{error}");
                    }
                    self.mag.reclaim(bytes);
                }
                Output::Identify { mac, .. } => self.questions.push(mac),
                Output::Event(event) => {
                    let known = self.is_known(&event);
                    if let Event::Detached { binding, .. } = event {
                        self.ends.plane.forget(binding);
                    }
                    self.observer.event(Note::Gateway(event), known);
                }
            }
        }
        self.observer.flush();
        self.ends.plane.commit();
        let mag = &mut self.mag;
        self.ends.signalling.send(|message, outcome| {
            if let Err(error) = outcome {
                debug!(peer = %message.path.peer, "a message could not be sent: {error}");
            }
            mag.reclaim(message.bytes);
        });
    }
}

fn token(id: InterfaceId) -> Token {
    Token(shell::ACCESS.0 + u64::from(id.0))
}

/// What the kernel reports about devices and the gateway acts on.
pub fn handle_kernel_event(
    gateway: &mut Gateway,
    event: &netlink::Event,
    poller: &Poller,
    host: &mut Owned,
    now: Now,
) {
    match event {
        netlink::Event::Link(link) => {
            gateway.handle_link(link, poller, host, now);
            if gateway.branches.names(&link.name) {
                gateway.refresh_branches(poller, host, now);
            }
        }
        netlink::Event::LinkGone(link) => {
            gateway.handle_link_gone(link, host, now);
            if gateway.branches.names(&link.name) {
                gateway.refresh_branches(poller, host, now);
            }
        }
        netlink::Event::Resync => {
            if let Err(error) = gateway.resync(poller, host, now) {
                warn!("{error}");
            }
        }
        netlink::Event::AddressAdded(address) | netlink::Event::AddressRemoved(address) => {
            if gateway.branches.has(address.device) {
                gateway.refresh_branches(poller, host, now);
            }
        }
        // The machine asks the nodes itself whether they are there.
        netlink::Event::NeighbourFailed { .. } => {}
    }
}
