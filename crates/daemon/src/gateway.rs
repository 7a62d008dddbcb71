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

mod port;
mod routes;
mod transport;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kedge_dataplane::BindingCounters;
use kedge_mag::{Event, InterfaceId, LinkState, Mag, Output, Settings};
use kedge_model::{BindingId, IpNet, Ipv4Net, Ipv6Net};
use kedge_net::NetError;
use kedge_net::netlink::{self, Link, NextHop, Route, Rule, Table};
use kedge_net::owned::{Owned, Thing};
use kedge_net::poll::{Poller, Token};
use kedge_net::signalling::Batch;
use kedge_sansio::Now;
use kedge_telemetry::Group;
use tracing::{debug, info, warn};

use crate::counters::{Baseline, tunnel_groups};
use crate::forwarding::Plane;
use crate::signalling::Signalling;
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
    signalling: Signalling,
    plane: Plane,
    ports: BTreeMap<InterfaceId, Port>,
    routes: NodeRoutes,
    baseline: Baseline,
    /// The first of the tokens of the access sockets.
    first_port: Token,
}

impl Gateway {
    /// A gateway whose packets from nodes go into `tun`, and whose packets to nodes come out of it.
    pub fn new(
        settings: Settings,
        seed: u64,
        signalling: Signalling,
        plane: Plane,
        tun: &Link,
        host: &mut Owned,
        first_port: Token,
    ) -> Result<Self, NetError> {
        for destination in [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())] {
            let next_hop = NextHop::Device(tun.index);
            host.make(Thing::Route(Route { destination, next_hop, table: UPLINK, metric: 0 }))?;
        }
        let rule = |input: &str, table, priority| {
            let input = input.to_owned();
            let of = |ipv6| Rule::Input { ipv6, input: input.clone(), table, priority };
            [false, true].map(|ipv6| Thing::Rule(of(ipv6)))
        };
        for input in [&tun.name, OWN_PACKETS] {
            for rule in rule(input, DOWNLINK, DOWNLINK_PRIORITY) {
                host.make(rule)?;
            }
        }
        let mut ports = BTreeMap::new();
        for (&id, interface) in &settings.interfaces {
            for rule in rule(&interface.name, UPLINK, UPLINK_PRIORITY) {
                host.make(rule)?;
            }
            ports.insert(id, Port::new(interface.name.clone()));
        }
        let mag = Mag::new(settings, seed);
        let (routes, baseline) = (NodeRoutes::default(), Baseline::default());
        Ok(Self { mag, signalling, plane, ports, routes, baseline, first_port })
    }

    /// Tells the anchors that sessions of an earlier run are lost (RFC 5847 §3.2), if heartbeats
    /// are on and there was one.
    pub fn announce_restart(&mut self, host: &mut Owned) {
        let settings = self.mag.settings();
        if settings.heartbeat.is_some() && settings.restart_counter > 1 {
            self.mag.announce_restart();
            self.settle(host);
        }
    }

    /// The machine, to look at.
    pub fn mag(&self) -> &Mag {
        &self.mag
    }

    /// The machine, for a command; [`Self::settle`] must follow.
    pub fn mag_mut(&mut self) -> &mut Mag {
        &mut self.mag
    }

    /// The access interfaces and what is wrong with each.
    pub fn ports(&self) -> impl Iterator<Item = (&InterfaceId, &Port)> {
        self.ports.iter()
    }

    /// What a binding's packets added up to.
    pub fn traffic(&self, binding: BindingId) -> Option<BindingCounters> {
        self.plane.counters(binding)
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

    /// How many changes of the forwarding were refused by the host.
    pub fn forwarding_failures(&self) -> u64 {
        self.plane.failures()
    }

    fn counted(&self) -> Vec<Group> {
        let mut groups = self.mag.statistics();
        let totals = self.plane.totals();
        groups.extend(tunnel_groups(&totals));
        groups.push(Group::of(&totals.local));
        groups
    }

    /// Reads one batch of signalling from the socket in this place.
    pub fn receive(
        &mut self,
        place: usize,
        batch: &mut Batch,
        host: &mut Owned,
        now: Now,
    ) -> Result<(), NetError> {
        self.signalling.receive(place, batch)?;
        for datagram in batch.datagrams() {
            self.mag.handle_datagram(datagram, now);
        }
        self.settle(host);
        Ok(())
    }

    /// Reads frames from the access interface in this place.
    pub fn receive_frames(&mut self, place: usize, host: &mut Owned, now: Now) {
        let Some((&id, port)) = self.ports.iter_mut().nth(place) else { return };
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
        self.settle(host);
    }

    /// Takes a device as it is now: an access interface may have come, gone up or gone down.
    pub fn handle_link(&mut self, link: &Link, poller: &Poller, host: &mut Owned, now: Now) {
        let found = self.ports.iter_mut().enumerate().find(|(_, (_, p))| p.name() == link.name);
        let Some((place, (&id, port))) = found else { return };
        let token = Token(self.first_port.0 + place as u64);
        port.open(link, poller, token, host);
        self.mag.handle_mtu(id, u16::try_from(link.mtu).unwrap_or(u16::MAX), now);
        let state = if link.running { LinkState::Up } else { LinkState::Down };
        self.mag.handle_link(id, state, now);
        self.settle(host);
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
        self.settle(host);
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
                })
            })
            .collect();
        for link in &gone {
            self.handle_link_gone(link, host, now);
        }
        for link in &links {
            self.handle_link(link, poller, host, now);
        }
        Ok(())
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, host: &mut Owned, now: Now) {
        self.mag.handle_timeout(now);
        self.settle(host);
    }

    /// When [`Self::handle_timeout`] is to be called.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        self.mag.poll_timeout()
    }

    /// Does what the machine asks for, in its order: tunnels and routes are there before the
    /// advertisement that makes a node use them.
    pub fn settle(&mut self, host: &mut Owned) {
        while let Some(output) = self.mag.poll_output() {
            match output {
                Output::Send { path, dscp, bytes } => self.signalling.queue(path, dscp, bytes),
                Output::Forward { binding, want } => self.plane.want(binding, want),
                Output::Access { binding, want } => {
                    let device = |interface| self.ports.get(&interface).and_then(Port::device);
                    let touched = self.routes.want(binding, want, device, host);
                    for id in touched.into_iter().flatten() {
                        if let Some(port) = self.ports.get_mut(&id) {
                            port.set_attached(self.routes.attached(id));
                        }
                    }
                }
                Output::Frame { interface, bytes } => {
                    self.plane.commit();
                    if let Some(port) = self.ports.get(&interface)
                        && let Err(error) = port.send(&bytes)
                    {
                        debug!("{error}");
                    }
                    self.mag.reclaim(bytes);
                }
                Output::Event(event) => {
                    if let Event::Detached { binding, .. } = event {
                        self.plane.forget(binding);
                    }
                    log(&event);
                }
            }
        }
        self.plane.commit();
        let mag = &mut self.mag;
        self.signalling.send(|message, outcome| {
            if let Err(error) = outcome {
                debug!(peer = %message.path.peer, "a message could not be sent: {error}");
            }
            mag.reclaim(message.bytes);
        });
    }
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
        netlink::Event::Link(link) => gateway.handle_link(link, poller, host, now),
        netlink::Event::LinkGone(link) => gateway.handle_link_gone(link, host, now),
        netlink::Event::Resync => {
            if let Err(error) = gateway.resync(poller, host, now) {
                warn!("{error}");
            }
        }
        // The machine asks the nodes itself whether they are there.
        netlink::Event::NeighbourFailed { .. }
        | netlink::Event::AddressAdded(_)
        | netlink::Event::AddressRemoved(_) => {}
    }
}

fn log(event: &Event) {
    match event {
        Event::Attached { mn_id, mac, trigger, .. } => {
            info!(%mn_id, ?mac, ?trigger, "attached");
        }
        Event::Registered { mn_id, lma, prefixes, ipv4, lifetime, took, .. } => {
            info!(%mn_id, %lma, ?prefixes, ?ipv4, ?lifetime, ?took, "registered");
        }
        Event::Delegated { mn_id, prefixes, .. } => info!(%mn_id, ?prefixes, "delegated"),
        Event::Unanswered { mn_id, lma, attempts, .. } => {
            warn!(%mn_id, %lma, attempts, "the anchor does not answer");
        }
        Event::Refused { mn_id, why, retry_in, .. } => {
            warn!(%mn_id, ?retry_in, "no service: {why}");
        }
        Event::AnchorChanged { mn_id, from, to, .. } => warn!(%mn_id, %from, %to, "another anchor"),
        Event::RevocationRefused { peer, status } => {
            warn!(%peer, %status, "the anchor does not end all sessions at once");
        }
        Event::Expired { mn_id, .. } => warn!(%mn_id, "expired without a refresh"),
        Event::Detached { mn_id, reason, .. } => info!(%mn_id, ?reason, "detached"),
        Event::Revoked { mn_id, trigger, .. } => {
            warn!(%mn_id, %trigger, "revoked by the anchor");
        }
        Event::PeerDown { peer } => warn!(%peer, "anchor does not answer"),
        Event::PeerUp { peer } => info!(%peer, "anchor answers again"),
        Event::PeerRestarted { peer } => warn!(%peer, "anchor has restarted"),
        Event::BindingError { peer, status } => warn!(%peer, %status, "binding error"),
        Event::Full { mac, .. } => warn!(?mac, "turned away: binding maximum reached"),
        Event::AddressInUse { mn_id, address, .. } => {
            warn!(%mn_id, %address, "the node found its address in use on its link");
        }
    }
}
