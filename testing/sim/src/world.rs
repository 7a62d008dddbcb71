//! A domain as it runs: takes the next event, hands it to whom it is for, carries out what comes
//! of it, and has the oracle look.

mod aaa;
mod branches;
mod event;
mod links;
mod restarts;
mod transport;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kedge_mag::LinkState;
use kedge_sansio::Now;

use crate::chance::Chance;
use crate::clock::{Agenda, Clock, Skew};
use crate::host::{Host, Place};
use crate::network::Network;
use crate::oracle::{self, Memory};
use crate::plan::{LOGICAL, Plan, STATIC};
use crate::station::{Anchor, Gateway};
use crate::trail::{Happened, Trail};
use crate::translator::Translators;

pub use event::{Event, Station};

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
    /// What stands between it and some gateways.
    pub translators: Translators,
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
        let clock = Clock::new();
        let now = clock.of_host(Skew::default());
        let anchors =
            (0..plan.anchors).map(|n| Anchor::new(&plan, n, 0, chance.seed(), now)).collect();
        let gateways =
            (0..plan.gateways).map(|n| Gateway::new(&plan, n, 0, chance.seed())).collect();
        let hosts = (0..plan.hosts).map(|n| Host::new(n, &plan)).collect();
        let mut world = Self {
            chance,
            clock,
            agenda: Agenda::default(),
            network: Network::new(),
            translators: Translators::default(),
            anchors,
            gateways,
            hosts,
            host_wakes: vec![None; plan.hosts],
            links: BTreeMap::new(),
            pinging: None,
            memory: Memory::new(&plan),
            trail: Trail::new(seed),
            this_instant: 0,
            plan,
        };
        world.note(Happened::Disturbance(format!("{:?}", world.plan)));
        for host in 0..world.hosts.len() {
            world.plan_ping(host);
        }
        for gateway in 0..world.gateways.len() {
            if world.plan.is_translated(gateway) {
                world.remap(gateway);
            }
            world.rebuild_branch(gateway);
            world.tell_link(gateway, STATIC, LinkState::Up);
            if world.plan.delegates {
                world.tell_link(gateway, LOGICAL, LinkState::Up);
                world.plan_branch_ping(gateway);
            }
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
            Event::Tunnelled { to, transport, outer } => {
                self.take_tunnelled(to, transport, &outer);
            }
            Event::Authorized(answer) => self.take_authorization(answer),
            Event::Uplink(place, frame) => self.take_uplink(place, frame),
            Event::Downlink(place, frame) => self.take_downlink(place, frame),
            Event::Carrier(place, state) => self.carrier(place, state),
            Event::Ping(host) => {
                if self.pinging.is_some() {
                    self.ping(host);
                }
                self.plan_ping(host);
            }
            Event::BranchPing(gateway) => {
                if self.pinging.is_some() {
                    self.ping_from_branch(gateway);
                }
                self.plan_branch_ping(gateway);
            }
            Event::Disturb => {}
        }
    }

    /// Both clocks of a station.
    pub fn now(&self, station: Station) -> Now {
        match station {
            Station::Gateway(n) => self.clock.of_host(self.gateways[n].skew),
            Station::Anchor(n) => self.clock.of_host(self.anchors[n].skew),
            Station::Host(_) => self.clock.of_host(Skew::default()),
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
        let at = self.next_ping();
        self.agenda.plan(at, Event::Ping(host));
    }

    fn next_ping(&mut self) -> Instant {
        let period = self.pinging.unwrap_or(5_000);
        self.clock.now() + self.chance.millis(period / 2, period * 3 / 2)
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
                self.anchors[n].customers.handle_timeout(now);
                self.anchors[n].customers.poll_timeout()
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
        while let Some(output) = self.anchors[n].customers.poll_output() {
            match output {
                kedge_lma::Output::Send { path, dscp, bytes } => {
                    oracle::check_message(&path, &bytes);
                    if self.chance.per_mille(self.network.weather.refused) {
                        self.anchors[n].customers.handle_send_error(&path, bytes);
                        continue;
                    }
                    self.send(Station::Anchor(n), path, dscp, &bytes);
                    self.anchors[n].customers.reclaim(&path, bytes);
                }
                kedge_lma::Output::Forward { binding, want } => {
                    self.anchors[n].plane.want(binding, want);
                }
                kedge_lma::Output::Authorize(question) => self.ask(n, &question),
                kedge_lma::Output::Event(event) => {
                    self.memory.handle_event(n, &event);
                    self.note(Happened::Anchor(n, event));
                }
            }
        }
        for customer in 0..self.plan.customers {
            if self.anchors[n].machine(customer).is_none() {
                self.memory.forget(n, customer);
            }
        }
        let due = self.anchors[n].customers.poll_timeout();
        self.plan_wake(Station::Anchor(n), due);
        oracle::check_anchor(self, n);
    }

    fn settle_gateway(&mut self, n: usize) {
        while let Some(output) = self.gateways[n].mag.poll_output() {
            match output {
                kedge_mag::Output::Send { path, dscp, bytes } => {
                    oracle::check_message(&path, &bytes);
                    if !self.chance.per_mille(self.network.weather.refused) {
                        self.send(Station::Gateway(n), path, dscp, &bytes);
                    }
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
                kedge_mag::Output::Identify { .. } => {}
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
            self.transmit_uplink(n, frame);
        }
        let due = self.hosts[n].poll_timeout();
        self.plan_wake(Station::Host(n), due);
    }
}
