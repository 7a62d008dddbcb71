//! The anchor in its shell: the machines of its customers, their sockets, their data plane, their
//! routes.

mod kernel;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use kedge_dataplane::{BindingCounters, Side};
use kedge_lma::{
    Binding, BindingPath, Customer, Customers, CustomersSettings, Lma, Load, Output, Question,
    Settings, State, Ticket, What,
};
use kedge_model::{BindingId, CustomerId, Datagram, MnId, SignalPath, VrfId};
use kedge_net::NetError;
use kedge_net::hosts::{Hosts, Wanted};
use kedge_net::netlink::Netlink;
use kedge_net::place::Place;
use kedge_net::poll::{Poller, Token};
use kedge_net::signalling::{Batch, PORT};
use kedge_sansio::Now;
use kedge_telemetry::Group;
use tracing::{debug, warn};

use crate::aaa::{self, Accounting, AccountingPlan, Cause, Record, Said, SessionIds};
use crate::apply::{AnchorPlan, RoutePlan};
use crate::capture::{Direction, Seen};
use crate::clock;
use crate::counters::{Baseline, tunnel_groups};
use crate::ends::{self, Device, Ends, EndsError};
use crate::forwarding::Plane;
use crate::observe::Observer;
use crate::routes::{Outlet, Routes};
use crate::words::Note;

/// A running anchor.
pub struct Anchor {
    customers: Customers,
    ends: Ends,
    baseline: Baseline,
    /// Of customers whose counters were cleared on their own.
    baselines: BTreeMap<CustomerId, Baseline>,
    observer: Observer,
    routes: Routes,
    accounting: Option<Accounting>,
    questions: Vec<Question>,
}

impl Anchor {
    /// An anchor that is ready to be asked. The poller knows its sockets as `first` and those
    /// behind it.
    pub fn start(
        plan: &AnchorPlan,
        seed: u64,
        poller: &Poller,
        first: Token,
        now: Now,
    ) -> Result<Self, EndsError> {
        let ends = Ends::start(Side::Anchor, plan.ends(), poller, first)?;
        let customers = Customers::new(plan.settings.clone(), seed, now);
        let (baseline, baselines) = (Baseline::default(), BTreeMap::new());
        let mut observer = Observer::default();
        observer.know(&plan.settings);
        let (routes, accounting, questions) = (Routes::default(), None, Vec::new());
        Ok(Self { customers, ends, baseline, baselines, observer, routes, accounting, questions })
    }

    /// What it wants of the kernel beside its devices, and where it makes routes to bindings.
    pub fn place(
        &mut self,
        plan: &AnchorPlan,
        hosts: &mut Hosts,
    ) -> Result<Vec<Wanted>, EndsError> {
        let devices = self.ends.devices(hosts)?;
        for (vrf, Device { world, link, table }) in devices {
            let outlet = Outlet { device: link.index, table: *table };
            self.routes.place(*vrf, outlet, || {
                Ok(Box::new(Place::find(world)?.within(Netlink::open)??))
            })?;
        }
        Ok(kernel::things(plan, devices))
    }

    fn plan_routes(&mut self, plans: &BTreeMap<VrfId, RoutePlan>) {
        let mut changed: BTreeSet<VrfId> = BTreeSet::new();
        for (vrf, plan) in plans {
            if self.routes.plan(*vrf, plan) {
                changed.insert(*vrf);
            }
        }
        let machines = self.customers.iter().map(|(_, customer)| customer.lma());
        for lma in machines.filter(|lma| changed.contains(&lma.settings().vrf)) {
            for binding in lma.bindings() {
                let want = binding.forwarding(lma.settings().vrf);
                self.routes.want(binding.id, want.as_ref());
            }
        }
    }

    /// Its sockets and data plane.
    pub fn ends(&self) -> &Ends {
        &self.ends
    }

    /// Its sockets and data plane, to be prepared for a change.
    pub fn ends_mut(&mut self) -> &mut Ends {
        &mut self.ends
    }

    /// Takes back what it was prepared for.
    pub fn restore(&mut self, was: ends::State) {
        self.ends.restore(was);
        let devices = &self.ends.state().devices;
        self.routes.leave(|vrf| !devices.contains_key(&vrf));
    }

    /// Does what a plan says that [`Self::ends_mut`] is prepared for. Bindings that have no place
    /// any more are revoked. [`Self::leave`] must follow.
    pub fn apply(&mut self, plan: AnchorPlan, now: Now) {
        // Before anybody is served in a world that is new.
        if let Err(error) = self.ends.set_policy(plan.policy) {
            warn!("forwarding: {error}");
        }
        self.observer.know(&plan.settings);
        self.customers.apply(plan.settings, now);
        self.plan_routes(&plan.routes);
        self.settle();
    }

    /// Leaves the addresses and devices that it has no more.
    pub fn leave(&mut self, ends: ends::State, leave_by: Instant) {
        self.routes.leave(|vrf| !ends.devices.contains_key(&vrf));
        self.ends.reduce(ends, leave_by);
    }

    /// Revokes all bindings, and accepts no others.
    pub fn retire(&mut self, now: Now) {
        let entitled = self.customers.entitlement().entitled;
        self.customers.apply(CustomersSettings { customers: Vec::new(), entitled }, now);
        self.settle();
    }

    /// Tells the configured gateways that sessions of an earlier run are lost (RFC 5847 §3.2), if
    /// heartbeats are on and there was one.
    pub fn announce_restart(&mut self) {
        let machines: Vec<_> = self.customers.iter().map(|(_, c)| c.lma().settings()).collect();
        let announcing =
            |settings: &&&Settings| settings.heartbeat.is_some() && settings.restart_counter > 1;
        let mut paths = Vec::new();
        for settings in machines.iter().filter(announcing) {
            for (transport, peer) in
                settings.peers.iter().flat_map(|p| p.addresses.iter().map(|a| (p.transport, *a)))
            {
                let port = if peer.is_ipv4() { PORT } else { 0 };
                let reaches = |(vrf, local): &&(VrfId, std::net::IpAddr)| {
                    *vrf == transport && local.is_ipv4() == peer.is_ipv4()
                };
                if let Some((_, local)) = settings.addresses.iter().find(reaches) {
                    let (local, peer) =
                        (SocketAddr::new(*local, port), SocketAddr::new(peer, port));
                    paths.push(SignalPath { transport, local, peer });
                }
            }
        }
        self.customers.announce_restart(paths);
        self.settle();
    }

    /// Accounts for sessions from here on, or goes on to with another plan.
    pub fn account(&mut self, plan: AccountingPlan, ids: SessionIds, now: Now) {
        if let Some(accounting) = &mut self.accounting {
            return accounting.apply(plan, now);
        }
        let (customers, plane) = (&self.customers, &self.ends.plane);
        self.accounting = Some(Accounting::start(plan, ids, customers, plane, now));
    }

    /// Ends all sessions that are accounted for, and gives the last records.
    pub fn stop_accounting(&mut self, cause: Cause, now: Now) -> Vec<Record> {
        let Some(mut accounting) = self.accounting.take() else { return Vec::new() };
        accounting.stop(cause, &self.customers, &self.ends.plane, now);
        accounting.take_records()
    }

    /// A server has changed what it said about a node: its records say so from here on.
    pub fn reauthorized(&mut self, customer: CustomerId, mn_id: &MnId) {
        let machine = self.customers.customer(customer).map(Customer::lma);
        if let (Some(accounting), Some(lma)) = (&mut self.accounting, machine) {
            accounting.reauthorized(lma.find(customer, mn_id));
        }
    }

    /// The records that were made since the last time.
    pub fn take_records(&mut self) -> Vec<Record> {
        self.accounting.as_mut().map(Accounting::take_records).unwrap_or_default()
    }

    /// What AAA is to be asked since the last time.
    pub fn take_questions(&mut self) -> Vec<Question> {
        std::mem::take(&mut self.questions)
    }

    /// Takes AAA's answer to a question of a customer's; [`Self::settle`] must follow.
    pub fn answer(&mut self, customer: CustomerId, ticket: Ticket, said: Said, now: Now) {
        let outcome = self.customers.with(customer, |lma| {
            let said = said.map(|said| aaa::profile(said, lma.settings()));
            lma.handle_authorization(ticket, said, now)
        });
        if let Some(Err(rejection)) = outcome {
            debug!("update refused: {rejection}");
        }
    }

    /// The sessions that are accounted for.
    pub fn accounting(&self) -> Option<&Accounting> {
        self.accounting.as_ref()
    }

    /// The machines, to look at.
    pub fn customers(&self) -> &Customers {
        &self.customers
    }

    /// The machines, for a command; [`Self::settle`] must follow.
    pub fn customers_mut(&mut self) -> &mut Customers {
        &mut self.customers
    }

    /// The machines that a command is about: one customer's, or all.
    pub fn machines(&self, only: Option<CustomerId>) -> impl Iterator<Item = (CustomerId, &Lma)> {
        let wanted = move |(id, _): &(CustomerId, _)| only.is_none_or(|only| only == *id);
        self.customers.iter().filter(wanted).map(|(id, customer)| (id, customer.lma()))
    }

    /// Whether there are customers, and not only what the anchor serves at its own addresses.
    pub fn has_customers(&self) -> bool {
        self.customers.iter().any(|(id, _)| id != CustomerId::DEFAULT)
    }

    /// The name of a customer; `None` for the one that has none.
    pub fn customer_name(&self, id: CustomerId) -> Option<&str> {
        self.observer.customer(id)
    }

    /// The name of a binding's gateway; `None` for one that was learned.
    pub fn peer_name(&self, binding: &Binding, path: &BindingPath) -> Option<&str> {
        self.customers.customer(binding.customer)?.lma().peer_name(path)
    }

    /// What an operator watches.
    pub fn observer(&self) -> &Observer {
        &self.observer
    }

    /// What an operator watches, to change it.
    pub fn observer_mut(&mut self) -> &mut Observer {
        &mut self.observer
    }

    /// What forwards its packets, to look at.
    pub fn plane(&self) -> &Plane {
        &self.ends.plane
    }

    /// What a binding's packets added up to.
    pub fn traffic(&self, binding: BindingId) -> Option<BindingCounters> {
        self.ends.plane.counters(binding)
    }

    /// The counters since they were cleared, in the order of the vendor document: those of the
    /// tunnels stand before the disconnects, and are those of all customers together.
    pub fn statistics(&self, only: Option<CustomerId>) -> Vec<Group> {
        match only {
            None => self.baseline.since(self.counted()),
            Some(id) => match self.baselines.get(&id) {
                Some(baseline) => baseline.since(self.counted_of(id)),
                None => self.counted_of(id),
            },
        }
    }

    /// For how long the counters have counted; `None` since the start.
    pub fn counted_for(&self, only: Option<CustomerId>, now: Now) -> Option<Duration> {
        match only {
            None => self.baseline.age(now),
            Some(id) => self.baselines.get(&id)?.age(now),
        }
    }

    /// Starts the counters again from zero, of one customer or all.
    pub fn clear_statistics(&mut self, only: Option<CustomerId>, now: Now) {
        if only.is_none() {
            self.baseline.clear(self.counted(), now);
            self.customers.clear_peak(now.wall);
        }
        let cleared: Vec<CustomerId> = self.machines(only).map(|(id, _)| id).collect();
        for id in cleared {
            let counted = self.counted_of(id);
            self.baselines.entry(id).or_default().clear(counted, now);
            self.customers.with(id, Lma::clear_peer_counters);
        }
        self.settle();
    }

    /// How many signalling messages were lost because they were not read in time.
    pub fn overruns(&self) -> u64 {
        self.ends.signalling.overruns()
    }

    /// Whether its packets are forwarded no more.
    pub fn has_stopped(&self) -> bool {
        self.ends.plane.has_stopped()
    }

    /// The routes to bindings.
    pub fn routes(&self) -> &Routes {
        &self.routes
    }

    /// How many changes of the forwarding were refused by the host.
    pub fn forwarding_failures(&self) -> u64 {
        self.ends.plane.failures()
    }

    fn counted(&self) -> Vec<Group> {
        let mut groups = self.customers.statistics();
        let place = groups.iter().position(|group| group.key == "disconnects");
        let place = place.unwrap_or(groups.len());
        groups.splice(place..place, tunnel_groups(&self.ends.plane.totals()));
        groups
    }

    fn counted_of(&self, id: CustomerId) -> Vec<Group> {
        self.customers.customer(id).map(|customer| customer.lma().statistics()).unwrap_or_default()
    }

    /// Whose socket is in this place.
    pub fn party(&self, place: usize) -> Option<CustomerId> {
        let (vrf, address) = self.ends.signalling.local(place)?;
        self.customers.at(vrf, address)
    }

    /// Reads one batch from the socket in this place, and answers it. Says whether there is more.
    pub fn receive(&mut self, place: usize, batch: &mut Batch, now: Now) -> Result<bool, NetError> {
        self.ends.signalling.receive(place, batch)?;
        // A batch that is not full has emptied the socket.
        let load = match batch.is_full() {
            true => self
                .ends
                .signalling
                .backlog(place)
                .map(|(waiting, room)| Load::of_queue(waiting, room))?,
            false => Load::Normal,
        };
        // The load is that of the customer whose socket it is: the others do not feel it.
        let customer = self.party(place);
        if let Some(customer) = customer {
            self.customers.set_load(customer, load);
        }
        self.customers.look_ahead(batch.datagrams());
        let leaves = self.ends.signalling.is_leaving(place);
        for datagram in batch.datagrams() {
            let outcome = match leaves {
                true => self.customers.handle_last_datagram(datagram, now),
                false => self.customers.handle_datagram(datagram, now),
            };
            if let Err(rejection) = &outcome {
                debug!(peer = %datagram.path.peer.ip(), "update refused: {rejection}");
            }
            if self.observer.is_watching() {
                let Datagram { path, dscp, bytes } = datagram;
                let seen = Seen { direction: Direction::In, path, dscp, bytes };
                let verdict =
                    outcome.map_or_else(|rejection| rejection.to_string(), |()| "taken".to_owned());
                let customer = customer.unwrap_or_default();
                self.observer.message(customer, seen, Some(verdict), |mn_id| {
                    session(&self.customers, customer, mn_id)
                });
            }
        }
        self.settle();
        Ok(batch.is_full())
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Now) {
        self.ends.signalling.handle_timeout(now.mono);
        self.customers.handle_timeout(now);
        if let Some(accounting) = &mut self.accounting {
            accounting.handle_timeout(&self.ends.plane, now);
        }
        self.settle();
    }

    /// When [`Self::handle_timeout`] is to be called.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        let routes = self.routes.poll_timeout(Instant::now());
        let interim = self.accounting.as_ref().and_then(Accounting::poll_timeout);
        let signalling = self.ends.signalling.poll_timeout();
        [self.customers.poll_timeout(), signalling, routes, interim].into_iter().flatten().min()
    }

    /// Does what the machine asks for. Forwarding comes before the acknowledgements: the first
    /// packet of a node finds its tunnel.
    pub fn settle(&mut self) {
        while let Some(output) = self.customers.poll_output() {
            match output {
                Output::Send { path, dscp, bytes } => {
                    if self.observer.is_watching() {
                        let seen = Seen { direction: Direction::Out, path, dscp, bytes: &bytes };
                        let customer = self.customers.at(path.transport, path.local.ip());
                        let customer = customer.unwrap_or_default();
                        self.observer.message(customer, seen, None, |mn_id| {
                            session(&self.customers, customer, mn_id)
                        });
                    }
                    self.ends.signalling.queue(path, dscp, bytes);
                }
                Output::Forward { binding, want } => {
                    if let Some(accounting) = &mut self.accounting {
                        let (customers, plane) = (&self.customers, &self.ends.plane);
                        let now = clock::sample();
                        accounting.forwarded(binding, want.as_ref(), customers, plane, now);
                    }
                    self.routes.want(binding, want.as_ref());
                    self.ends.plane.want(binding, want);
                }
                Output::Authorize(question) => self.questions.push(*question),
                Output::Event(event) => {
                    if let Some(accounting) = &mut self.accounting {
                        let (customers, plane) = (&self.customers, &self.ends.plane);
                        accounting.happened(&event, customers, plane, clock::sample());
                    }
                    if let What::Released { binding, .. } = event.what {
                        self.ends.plane.forget(binding);
                        self.routes.release(binding);
                    }
                    // A denial can be a stranger's doing; all else is about sessions and peers.
                    let denied = matches!(event.what, What::Denied { .. });
                    let lma = self.customers.customer(event.customer).map(Customer::lma);
                    let session = lma.and_then(|lma| lma.find(event.customer, &event.mn_id).next());
                    let known = !denied || session.is_some();
                    self.observer.event(Note::Anchor(event), known);
                }
            }
        }
        self.observer.flush();
        self.ends.plane.commit();
        self.routes.commit(Instant::now());
        let customers = &mut self.customers;
        if self.ends.plane.has_stopped() {
            customers.handle_forwarding_stopped();
        }
        self.ends.signalling.send(|message, outcome| match outcome {
            Ok(()) => customers.reclaim(&message.path, message.bytes),
            Err(error) => {
                debug!(peer = %message.path.peer, "a message could not be sent: {error}");
                customers.handle_send_error(&message.path, message.bytes);
            }
        });
    }
}

/// How a subscriber's session stands, for the messages that an operator watches.
fn session(customers: &Customers, customer: CustomerId, mn_id: &MnId) -> Option<String> {
    let lma = customers.customer(customer)?.lma();
    let binding = lma.find(customer, mn_id).next()?;
    let state = match binding.state {
        State::Active => "active",
        State::Lingering(_) => "kept for a handover",
        State::Unreachable => "unreachable",
        State::Revoking(_) => "being revoked",
    };
    Some(format!("binding {} {state} at {}", binding.id.0, binding.care_of()))
}
