//! The gateway in its shell: the machine, its sockets, its access interfaces, its data plane and
//! what it makes in the kernel.
//!
//! The gateway's own addresses are the same on every gateway (RFC 6543). The kernel has them, but the
//! machine answers neighbour solicitations and ARP for them, sends router advertisements and
//! speaks DHCP, over a packet socket per interface.

pub mod branch;
mod kernel;
mod links;
mod port;
mod routes;
mod transport;
mod ways;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kedge_dataplane::{BindingCounters, Change, Side};
use kedge_mag::{Event, InterfaceId, Mag, Output};
use kedge_model::{BindingId, CustomerId, Datagram, MacAddr};
use kedge_net::NetError;
use kedge_net::hosts::{Hosts, Wanted};
use kedge_net::owned::Owned;
use kedge_net::poll::{Poller, Token};
use kedge_net::signalling::Batch;
use kedge_sansio::Now;
use kedge_telemetry::Group;
use tracing::{debug, warn};

use crate::apply::GatewayPlan;
use crate::capture::{Direction, Seen};
use crate::counters::{Baseline, tunnel_groups};
use crate::ends::{Ends, EndsError};
use crate::forwarding::Plane;
use crate::observe::Observer;
use crate::words::Note;
use branch::Branches;
use port::Port;
use routes::NodeRoutes;
use ways::Ways;

pub use port::{Unusable, device};
pub use transport::{SharedInterface, examine};

/// How many frames of one interface are read before others get their turn.
const FRAMES_A_TURN: usize = 64;

/// A running gateway.
pub struct Gateway {
    mag: Mag,
    ends: Ends,
    ports: BTreeMap<InterfaceId, Port>,
    routes: NodeRoutes,
    branches: Branches,
    ways: Ways,
    baseline: Baseline,
    observer: Observer,
    questions: Vec<MacAddr>,
}

impl Gateway {
    /// A gateway without access interfaces yet. The poller knows its signalling sockets as
    /// `first` and those behind it.
    pub fn start(
        plan: &GatewayPlan,
        seed: u64,
        poller: &Poller,
        first: Token,
    ) -> Result<Self, EndsError> {
        let ends = Ends::start(Side::Gateway, poller, first)?;
        Ok(Self {
            mag: Mag::new(plan.settings.clone(), seed),
            ends,
            ports: BTreeMap::new(),
            routes: NodeRoutes::default(),
            branches: Branches::default(),
            ways: Ways::default(),
            baseline: Baseline::default(),
            observer: Observer::default(),
            questions: Vec::new(),
        })
    }

    /// Looks at its devices, and says what it wants of the kernel beside them.
    pub fn place(
        &mut self,
        plan: &GatewayPlan,
        hosts: &mut Hosts,
    ) -> Result<Vec<Wanted>, EndsError> {
        for vrf in plan.ends().devices.into_keys() {
            self.ends.look_at(vrf, hosts)?;
        }
        Ok(kernel::things(plan, self.ends.devices()))
    }

    /// Its sockets and data plane.
    pub fn ends(&self) -> &Ends {
        &self.ends
    }

    /// Its sockets and data plane, to be prepared for a change.
    pub fn ends_mut(&mut self) -> &mut Ends {
        &mut self.ends
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

    /// Tells the anchors that heartbeats are exchanged with that sessions of an earlier run are
    /// lost (RFC 5847 §3.2), if there was one.
    pub fn announce_restart(&mut self, host: &mut Owned, now: Now) {
        if self.mag.settings().restart_counter > 1 {
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
            if let Some(error) = self.mag.handle_datagram(datagram, now)
                && self.ends.signalling.complain(place, datagram, &error, now.mono)
            {
                self.mag.handle_problem_told();
            }
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

    /// Reads frames of hosts from the mobile network in this place.
    pub fn receive_hosts(&mut self, place: usize, now: Now) {
        self.branches.receive(place, now);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, poller: &Poller, host: &mut Owned, now: Now) {
        self.ends.handle_timeout(now.mono);
        self.mag.handle_timeout(now);
        let transport = self.mag.settings().transport;
        if !self.mag.is_idle()
            && let Some(narrow) = self.ways.look(&self.ends.plane, transport, now.mono)
        {
            self.mag.handle_ways(narrow, now);
        }
        self.branches.handle_timeout(now);
        if self.branches.have_changed(host, now) {
            self.refresh_branches(poller, host, now);
        }
        self.settle(host, now);
    }

    /// When [`Self::handle_timeout`] is to be called.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        let (machine, hosts) = (self.mag.poll_timeout(), self.branches.poll_timeout());
        let ways = self.ways.due().filter(|_| !self.mag.is_idle());
        [machine, hosts, ways, self.ends.poll_timeout()].into_iter().flatten().min()
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
                Output::Forward { binding, want } => {
                    self.ends.plane.want(binding, want);
                }
                Output::Access { binding, want } => {
                    let survey = self.survey();
                    if self.branches.want(binding, want.as_ref(), survey, host, now) {
                        continue;
                    }
                    let device = |interface| self.ports.get(&interface).and_then(Port::device);
                    self.routes.want(binding, want, device, host);
                }
                Output::Frame { interface, bytes } => {
                    self.ends.plane.commit();
                    self.admit(host);
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
        self.admit(host);
        let mag = &mut self.mag;
        self.ends.signalling.send(|message, outcome| {
            if let Err(error) = outcome {
                debug!(peer = %message.path.peer, "a message could not be sent: {error}");
            }
            mag.reclaim(message.bytes);
        });
    }
}
