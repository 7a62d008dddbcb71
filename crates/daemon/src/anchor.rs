//! The anchor in its shell: the machine, its sockets, its data plane, its routes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use kedge_dataplane::{BindingCounters, Side};
use kedge_lma::{Lma, Load, Output, Question, Settings, State, Ticket, What};
use kedge_model::{BindingId, CustomerId, Datagram, IpNet, MnId, SignalPath};
use kedge_net::NetError;
use kedge_net::netlink::{Link, NextHop, Route, Table};
use kedge_net::owned::Thing;
use kedge_net::poll::{Poller, Token};
use kedge_net::signalling::{Batch, PORT};
use kedge_sansio::Now;
use kedge_telemetry::Group;
use kedge_wire::registry::MhType;
use tracing::{debug, warn};

use crate::aaa::{self, Accounting, AccountingPlan, Cause, Record, Said, SessionIds};
use crate::apply::AnchorPlan;
use crate::capture::{Direction, Seen};
use crate::counters::{Baseline, tunnel_groups};
use crate::ends::Ends;
use crate::in_service;
use crate::observe::Observer;
use crate::shell;
use crate::startup::StartError;
use crate::words::Note;

/// A running anchor.
pub struct Anchor {
    lma: Lma,
    ends: Ends,
    baseline: Baseline,
    observer: Observer,
    accounting: Option<Accounting>,
    questions: Vec<Question>,
}

/// The anchor's device, where subscribers' packets enter the tunnels.
pub const DEVICE: &str = "kedge-lma";

impl Anchor {
    /// An anchor that is ready to be asked. The poller knows its sockets as `first` and those
    /// behind it.
    pub fn start(
        plan: &AnchorPlan,
        seed: u64,
        poller: &Poller,
        first: Token,
    ) -> Result<Self, StartError> {
        let ends = Ends::start(Side::Anchor, DEVICE, plan.ends(), poller, first)?;
        let lma = Lma::new(plan.settings.clone(), seed);
        let (baseline, observer) = (Baseline::default(), Observer::default());
        Ok(Self { lma, ends, baseline, observer, accounting: None, questions: Vec::new() })
    }

    /// What it wants of the kernel beside its device.
    pub fn things(plan: &AnchorPlan, device: &Link) -> Vec<Thing> {
        let route = |&destination: &IpNet| {
            let next_hop = NextHop::Device(device.index);
            Thing::Route(Route { destination, next_hop, table: Table::MAIN, metric: 0 })
        };
        let mut things = in_service::things(&plan.addresses, device);
        things.extend(plan.pools.iter().map(route));
        things
    }

    /// Its sockets and data plane, to be prepared for a change.
    pub fn ends_mut(&mut self) -> &mut Ends {
        &mut self.ends
    }

    /// Does what a plan says that [`Self::ends_mut`] is prepared for. Bindings that have no place
    /// any more are revoked before their address leaves.
    pub fn apply(&mut self, plan: AnchorPlan, leave_by: Instant, now: Now) {
        self.lma.apply(plan.settings, now);
        self.settle();
        if let Err(error) = self.ends.reduce(&plan.addresses, leave_by) {
            warn!("forwarding: {error}");
        }
    }

    /// Revokes all bindings, and accepts no others.
    pub fn retire(&mut self, now: Now) {
        let served = self.lma.settings().clone();
        // A node without a profile is not authorized (RFC 5213 §5.3.1).
        let nobody =
            Settings { profiles: Default::default(), default_profile: None, aaa: false, ..served };
        self.lma.apply(nobody, now);
        self.settle();
    }

    /// Tells the configured gateways that sessions of an earlier run are lost (RFC 5847 §3.2), if
    /// heartbeats are on and there was one.
    pub fn announce_restart(&mut self) {
        let addresses = &self.ends.state().addresses;
        let settings = self.lma.settings();
        if settings.heartbeat.is_none() || settings.restart_counter <= 1 {
            return;
        }
        let mut paths = Vec::new();
        for (transport, peer) in
            settings.peers.iter().flat_map(|p| p.addresses.iter().map(|a| (p.transport, *a)))
        {
            let port = if peer.is_ipv4() { PORT } else { 0 };
            if let Some(local) = addresses.iter().find(|a| a.is_ipv4() == peer.is_ipv4()) {
                let (local, peer) = (SocketAddr::new(*local, port), SocketAddr::new(peer, port));
                paths.push(SignalPath { transport, local, peer });
            }
        }
        self.lma.announce_restart(paths);
        self.settle();
    }

    /// Accounts for sessions from here on, or goes on to with another plan.
    pub fn account(&mut self, plan: AccountingPlan, ids: SessionIds, now: Now) {
        if let Some(accounting) = &mut self.accounting {
            return accounting.apply(plan, now);
        }
        self.accounting = Some(Accounting::start(plan, ids, &self.lma, &self.ends.plane, now));
    }

    /// Ends all sessions that are accounted for, and gives the last records.
    pub fn stop_accounting(&mut self, cause: Cause, now: Now) -> Vec<Record> {
        let Some(mut accounting) = self.accounting.take() else { return Vec::new() };
        accounting.stop(cause, &self.ends.plane, now);
        accounting.take_records()
    }

    /// A server has changed what it said about a node: its records say so from here on.
    pub fn reauthorized(&mut self, customer: CustomerId, mn_id: &MnId) {
        if let Some(accounting) = &mut self.accounting {
            accounting.reauthorized(self.lma.find(customer, mn_id));
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

    /// Takes AAA's answer; [`Self::settle`] must follow.
    pub fn answer(&mut self, ticket: Ticket, said: Said, now: Now) {
        let said = said.map(|said| aaa::profile(said, self.lma.settings()));
        if let Err(rejection) = self.lma.handle_authorization(ticket, said, now) {
            debug!("update refused: {rejection}");
        }
    }

    /// The sessions that are accounted for.
    pub fn accounting(&self) -> Option<&Accounting> {
        self.accounting.as_ref()
    }

    /// The machine, to look at.
    pub fn lma(&self) -> &Lma {
        &self.lma
    }

    /// The machine, for a command; [`Self::settle`] must follow.
    pub fn lma_mut(&mut self) -> &mut Lma {
        &mut self.lma
    }

    /// What an operator watches.
    pub fn observer(&self) -> &Observer {
        &self.observer
    }

    /// What an operator watches, to change it.
    pub fn observer_mut(&mut self) -> &mut Observer {
        &mut self.observer
    }

    /// What a binding's packets added up to.
    pub fn traffic(&self, binding: BindingId) -> Option<BindingCounters> {
        self.ends.plane.counters(binding)
    }

    /// The counters since they were cleared, in the order of the vendor document: those of the
    /// tunnels stand before the disconnects.
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
        self.lma.clear_peer_counters();
    }

    /// How many signalling messages were lost because they were not read in time.
    pub fn overruns(&self) -> u64 {
        self.ends.signalling.overruns()
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
        let mut groups = self.lma.statistics();
        let place = groups.iter().position(|group| group.key == "disconnects");
        let place = place.unwrap_or(groups.len());
        groups.splice(place..place, tunnel_groups(&self.ends.plane.totals()));
        groups
    }

    /// Reads one batch from the socket in this place, and answers it.
    pub fn receive(&mut self, place: usize, batch: &mut Batch, now: Now) -> Result<(), NetError> {
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
        self.lma.set_load(load);
        self.lma.look_ahead(batch.datagrams());
        // An address that leaves hears the answers to revocations, and nobody registers there.
        let leaves = self.ends.signalling.is_leaving(place);
        let is_update =
            |datagram: &Datagram<'_>| datagram.bytes.get(2) == Some(&MhType::BINDING_UPDATE.0);
        for datagram in batch.datagrams().filter(|datagram| !(leaves && is_update(datagram))) {
            let outcome = self.lma.handle_datagram(datagram, now);
            if let Err(rejection) = &outcome {
                debug!(peer = %datagram.path.peer.ip(), "update refused: {rejection}");
            }
            if self.observer.is_watching() {
                let Datagram { path, dscp, bytes } = datagram;
                let seen = Seen { direction: Direction::In, path, dscp, bytes };
                let verdict =
                    outcome.map_or_else(|rejection| rejection.to_string(), |()| "taken".to_owned());
                self.observer.message(seen, Some(verdict), |mn_id| session(&self.lma, mn_id));
            }
        }
        self.settle();
        Ok(())
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Now) {
        self.ends.signalling.handle_timeout(now.mono);
        self.lma.handle_timeout(now);
        if let Some(accounting) = &mut self.accounting {
            accounting.handle_timeout(&self.ends.plane, now);
        }
        self.settle();
    }

    /// When [`Self::handle_timeout`] is to be called.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        let interim = self.accounting.as_ref().and_then(Accounting::poll_timeout);
        let due = [self.lma.poll_timeout(), self.ends.signalling.poll_timeout(), interim];
        due.into_iter().flatten().min()
    }

    /// Does what the machine asks for. Forwarding comes before the acknowledgements: the first
    /// packet of a node finds its tunnel.
    pub fn settle(&mut self) {
        while let Some(output) = self.lma.poll_output() {
            match output {
                Output::Send { path, dscp, bytes } => {
                    if self.observer.is_watching() {
                        let seen = Seen { direction: Direction::Out, path, dscp, bytes: &bytes };
                        self.observer.message(seen, None, |mn_id| session(&self.lma, mn_id));
                    }
                    self.ends.signalling.queue(path, dscp, bytes);
                }
                Output::Forward { binding, want } => {
                    if let Some(accounting) = &mut self.accounting {
                        let (lma, plane) = (&self.lma, &self.ends.plane);
                        accounting.forwarded(binding, want.as_ref(), lma, plane, shell::sample());
                    }
                    self.ends.plane.want(binding, want);
                }
                Output::Authorize(question) => self.questions.push(*question),
                Output::Event(event) => {
                    if let Some(accounting) = &mut self.accounting {
                        accounting.happened(&event, &self.lma, &self.ends.plane, shell::sample());
                    }
                    if let What::Released { binding, .. } = event.what {
                        self.ends.plane.forget(binding);
                    }
                    // A denial can be a stranger's doing; all else is about sessions and peers.
                    let denied = matches!(event.what, What::Denied { .. });
                    let known =
                        !denied || self.lma.find(event.customer, &event.mn_id).next().is_some();
                    self.observer.event(Note::Anchor(event), known);
                }
            }
        }
        self.observer.flush();
        self.ends.plane.commit();
        let lma = &mut self.lma;
        if self.ends.plane.has_stopped() {
            lma.handle_forwarding_stopped();
        }
        self.ends.signalling.send(|message, outcome| match outcome {
            Ok(()) => lma.reclaim(message.bytes),
            Err(error) => {
                debug!(peer = %message.path.peer, "a message could not be sent: {error}");
                lma.handle_send_error(message.bytes);
            }
        });
    }
}

/// How a subscriber's session stands, for the messages that an operator watches.
fn session(lma: &Lma, mn_id: &MnId) -> Option<String> {
    let binding = lma.find(CustomerId::DEFAULT, mn_id).next()?;
    let state = match binding.state {
        State::Active => "active",
        State::Lingering(_) => "kept for a handover",
        State::Unreachable => "unreachable",
        State::Revoking(_) => "being revoked",
    };
    Some(format!("binding {} {state} at {}", binding.id.0, binding.care_of()))
}
