//! Accounting for an anchor: what happens to bindings becomes records.
//!
//! ```text
//!   it begins ───────► Accounting-On, and a Start for each binding that is there
//!   Event::Bound ────► Start ┐
//!   Event::Released ─► Stop  ├─ node sessions, no interim records
//!   Output::Forward ─► Start, Stop ┐
//!   time ────────────► Interim     ├─ tunnel sessions
//!   it ends ─────────► a Stop for each session, and Accounting-Off
//! ```
//!
//! A handover moves a binding to another tunnel and leaves the node's session alone: the binding
//! cache entry is what is accounted for (RFC 6572 §7.1), and it stays. Records go to
//! [`Aaa`](super::Aaa), which brings them to a server. What is to be done for every binding is done
//! for [`SLICE`] of them in a turn of the loop, so that nobody waits for it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use kedge_dataplane::BindingCounters;
use kedge_lma::{Binding, Customer, Customers, Event, Release, What};
use kedge_model::{BindingId, CustomerId, MnId, Tunnel};
use kedge_sansio::Now;

use super::node::NodeSession;
use super::record::{Cause, Draft, Nas, Record, SessionId, SessionIds, Status};
use super::tunnels::{Parties, Tunnels};
use crate::forwarding::Plane;

/// Sessions that begin or end in a turn, and bindings whose traffic is added up, where all are to.
const SLICE: usize = 256;

/// What of accounting the configuration says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountingPlan {
    /// Who we are.
    pub nas: Nas,
    /// The time between two interim records of a tunnel; `None` if there are none.
    pub interim: Option<Duration>,
}

/// An anchor's accounting, while it is on.
#[derive(Debug)]
pub struct Accounting {
    plan: AccountingPlan,
    ids: SessionIds,
    nodes: BTreeMap<BindingId, NodeSession>,
    tunnels: Tunnels,
    records: Vec<Record>,
    stage: Stage,
}

/// How far it is.
#[derive(Debug)]
enum Stage {
    /// Bindings were there before it, whose sessions are still to begin.
    Begins { rest: Vec<(CustomerId, MnId, BindingId)>, since: Instant },
    /// It follows what happens.
    Follows,
    /// Every session ends, and none begins any more.
    Ends { cause: Cause, since: Instant },
    /// The last record is made.
    Over,
}

impl Accounting {
    /// Accounting from here on. Bindings that are there begin their sessions in the turns that
    /// follow.
    pub fn start(plan: AccountingPlan, ids: SessionIds, customers: &Customers, now: Now) -> Self {
        let all = customers.iter().flat_map(|(id, customer)| {
            customer.lma().bindings().map(move |held| (id, held.mn_id.clone(), held.id))
        });
        let stage = Stage::Begins { rest: all.collect(), since: now.mono };
        let (nodes, tunnels, records) = (BTreeMap::new(), Tunnels::default(), Vec::new());
        let mut accounting = Self { plan, ids, nodes, tunnels, records, stage };
        accounting.announce(Status::On, now);
        accounting
    }

    /// What the configuration says from here on. What was ending ends first, and begins anew.
    pub fn apply(&mut self, plan: AccountingPlan, customers: &Customers, plane: &Plane, now: Now) {
        if self.is_ending() {
            self.finish(customers, plane, now);
            let before = self.take_records();
            *self = Self::start(plan, self.ids.clone(), customers, now);
            self.records.splice(0..0, before);
            return;
        }
        if plan.interim != self.plan.interim {
            self.tunnels.set_interim(plan.interim, now);
        }
        self.plan = plan;
    }

    /// Ends every session for a reason, in the turns that follow.
    pub fn stop(&mut self, cause: Cause, now: Now) {
        if !self.is_ending() {
            self.stage = Stage::Ends { cause, since: now.mono };
        }
    }

    /// Ends at once what [`Self::stop`] has begun to end.
    pub fn finish(&mut self, customers: &Customers, plane: &Plane, now: Now) {
        while self.is_ending() && !self.is_over() {
            self.handle_timeout(customers, plane, now);
        }
    }

    /// Whether sessions end, and none begins any more.
    pub fn is_ending(&self) -> bool {
        matches!(self.stage, Stage::Ends { .. } | Stage::Over)
    }

    /// Whether the last record is made.
    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    /// The records that were made since the last time, in their order.
    pub fn take_records(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.records)
    }

    /// The tunnel in which a binding, which has carried so much, is forwarded from here on; none ends
    /// its part in the one before.
    pub fn forwarded(
        &mut self,
        binding: BindingId,
        tunnel: Option<&Tunnel>,
        carried: BindingCounters,
        customers: &Customers,
        now: Now,
    ) {
        let (tunnel, cause) = match self.stage {
            Stage::Ends { cause, .. } => (None, cause),
            _ => (tunnel, Cause::PortUnneeded),
        };
        let customer = customers.holder(binding);
        let parties = |peer: IpAddr| Parties {
            customer: customer.map(|customer| customer.name().to_owned()).unwrap_or_default(),
            gateway: customer
                .and_then(|customer| customer.lma().peer(&peer.to_string()))
                .and_then(|peer| peer.name.as_deref().map(str::to_owned)),
        };
        let AccountingPlan { nas, interim, .. } = &self.plan;
        let world = (nas, &self.ids, *interim, now);
        let records = self.tunnels.place(binding, tunnel, carried, cause, parties, world);
        self.records.extend(records);
    }

    /// What happened to a binding.
    pub fn happened(&mut self, event: &Event, customers: &Customers, plane: &Plane, now: Now) {
        match &event.what {
            What::Bound { binding, addresses, .. } if !self.is_ending() => {
                let held = held(customers, event.customer, &event.mn_id, *binding);
                let id = self.ids.next();
                let mut session = NodeSession::begin(id, event.customer, &event.mn_id, held, now);
                session.addresses = *addresses;
                self.began(*binding, session, customers, now);
            }
            What::Readdressed { binding, addresses } => {
                if let Some(session) = self.nodes.get_mut(binding) {
                    session.addresses = *addresses;
                }
            }
            What::Delegated { binding, prefixes } => {
                if let Some(session) = self.nodes.get_mut(binding) {
                    session.delegated = prefixes.clone();
                }
            }
            What::Released { binding, reason } => {
                let Some(session) = self.nodes.remove(binding) else { return };
                let ends = session.authorized.as_ref().and_then(|authorized| authorized.ends);
                let cause = match ends {
                    Some(ends) if *reason == Release::Expired && ends <= now.mono => {
                        Cause::SessionTimeout
                    }
                    _ => cause(*reason),
                };
                self.ended(*binding, &session, cause, customers, carried(plane, *binding), now);
            }
            _ => {}
        }
    }

    /// A server has changed what it said about the node of these bindings.
    pub fn reauthorized<'a>(&mut self, bindings: impl Iterator<Item = &'a Binding>) {
        for binding in bindings {
            if let Some(session) = self.nodes.get_mut(&binding.id) {
                session.authorized.clone_from(&binding.authorized);
            }
        }
    }

    fn began(&mut self, binding: BindingId, session: NodeSession, customers: &Customers, now: Now) {
        let (status, nothing) = (Status::Start, BindingCounters::default());
        self.note(binding, &session, status, customers, nothing, now);
        self.nodes.insert(binding, session);
    }

    fn ended(
        &mut self,
        binding: BindingId,
        session: &NodeSession,
        cause: Cause,
        customers: &Customers,
        traffic: BindingCounters,
        now: Now,
    ) {
        self.note(binding, session, Status::Stop(cause), customers, traffic, now);
    }

    fn note(
        &mut self,
        binding: BindingId,
        session: &NodeSession,
        status: Status,
        customers: &Customers,
        traffic: BindingCounters,
        now: Now,
    ) {
        let customer = customers.customer(session.customer);
        let (nas, tunnel) = (&self.plan.nas, self.tunnels.of(binding));
        self.records.push(session.record(nas, customer, tunnel, status, traffic, now));
    }

    /// Says that accounting begins or ends for all sessions of ours (RFC 2866 §5.1).
    fn announce(&mut self, status: Status, now: Now) {
        let id = self.ids.next();
        self.records.push(Draft::new(&self.plan.nas, status, id, now).finish());
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.stage {
            Stage::Begins { since, .. } | Stage::Ends { since, .. } => Some(since),
            Stage::Follows => self.tunnels.poll_timeout(),
            Stage::Over => None,
        }
    }

    /// Goes on with what is done a slice in a turn.
    pub fn handle_timeout(&mut self, customers: &Customers, plane: &Plane, now: Now) {
        match &mut self.stage {
            Stage::Begins { rest, .. } => {
                let slice = rest.split_off(rest.len().saturating_sub(SLICE));
                if rest.is_empty() {
                    self.stage = Stage::Follows;
                }
                self.begin(&slice, customers, plane, now);
            }
            Stage::Follows => {
                let AccountingPlan { nas, interim, .. } = &self.plan;
                let Some(interval) = *interim else { return };
                let traffic = |binding| carried(plane, binding);
                let made = self.tunnels.interim(nas, interval, traffic, SLICE, now);
                self.records.extend(made);
            }
            Stage::Ends { cause, .. } => {
                let cause = *cause;
                self.end(cause, customers, plane, now);
            }
            Stage::Over => {}
        }
    }

    fn begin(
        &mut self,
        slice: &[(CustomerId, MnId, BindingId)],
        customers: &Customers,
        plane: &Plane,
        now: Now,
    ) {
        for (customer, mn_id, binding) in slice {
            // It may have ended since, or begun anew.
            let Some(held) = held(customers, *customer, mn_id, *binding) else { continue };
            if self.nodes.contains_key(binding) {
                continue;
            }
            let vrf = customers.customer(*customer).map(|customer| customer.lma().settings().vrf);
            let forwarding = vrf.and_then(|vrf| held.forwarding(vrf));
            let path = forwarding.as_ref().and_then(|forwarding| forwarding.paths.first());
            let tunnel = path.map(|path| &path.tunnel);
            self.forwarded(*binding, tunnel, carried(plane, *binding), customers, now);
            let id = self.ids.next();
            let session = NodeSession::begin(id, *customer, mn_id, Some(held), now);
            self.began(*binding, session, customers, now);
        }
    }

    fn end(&mut self, cause: Cause, customers: &Customers, plane: &Plane, now: Now) {
        for _ in 0..SLICE {
            if let Some((binding, session)) = self.nodes.pop_first() {
                // One number for both: packets go on meanwhile.
                let carried = carried(plane, binding);
                self.ended(binding, &session, cause, customers, carried, now);
                self.forwarded(binding, None, carried, customers, now);
            } else if let Some(binding) = self.tunnels.any_binding() {
                // Its node's session is over, or never began.
                self.forwarded(binding, None, carried(plane, binding), customers, now);
            } else {
                self.announce(Status::Off, now);
                self.stage = Stage::Over;
                return;
            }
        }
    }

    /// The time between two interim records.
    pub fn interim(&self) -> Option<Duration> {
        self.plan.interim
    }

    /// The number of a binding's session.
    pub fn session_of(&self, binding: BindingId) -> Option<SessionId> {
        self.nodes.get(&binding).map(|session| session.id)
    }

    /// How many sessions of nodes there are, of one customer or of all.
    pub fn nodes(&self, only: Option<CustomerId>) -> usize {
        match only {
            None => self.nodes.len(),
            Some(id) => self.nodes.values().filter(|session| session.customer == id).count(),
        }
    }

    /// The sessions of tunnels.
    pub fn tunnels(&self) -> &Tunnels {
        &self.tunnels
    }
}

/// A binding, if it is still there: it may have changed since, or be gone, within one batch of
/// messages.
fn held<'a>(
    customers: &'a Customers,
    customer: CustomerId,
    mn_id: &'a MnId,
    binding: BindingId,
) -> Option<&'a Binding> {
    let machine = customers.customer(customer).map(Customer::lma)?;
    machine.find(customer, mn_id).find(|held| held.id == binding)
}

fn carried(plane: &Plane, binding: BindingId) -> BindingCounters {
    plane.counters(binding).unwrap_or_default()
}

/// Why a session ended, in the words of RADIUS.
fn cause(reason: Release) -> Cause {
    match reason {
        Release::Expired => Cause::LostService,
        Release::Deregistered => Cause::UserRequest,
        Release::Cleared => Cause::AdminReset,
        Release::PeerLost => Cause::LostCarrier,
        Release::Revoked => Cause::NasRequest,
    }
}
