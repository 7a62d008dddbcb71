//! Nodes whose profile AAA has (RFC 6572 §6).
//!
//! The first update of a node that nothing is known about is kept while AAA is asked:
//!
//! ```text
//!   update ──► pending ──► accepted by AAA ──► admitted as if it had just come
//!                 │    └─► refused, or nobody answers ──► denied; the default profile, if there
//!   a later one ──┘                                       is one, when AAA said nothing
//!   takes its place
//! ```
//!
//! What AAA has said stays with the node's bindings and ends with the last of them: refreshes and
//! handovers do not ask again (§6.1 leaves that open), and no other table has to be bounded. One
//! question runs for a node at a time, however often its gateway repeats the update. A node that
//! the configuration has a profile for is not asked for.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use foldhash::quality::FixedState;
use kedge_model::{CustomerId, LinkLayerId, MnId, SignalPath};
use kedge_sansio::TimerId;
use kedge_wire::registry::AccessTechnologyType;
use kedge_wire::{Message, PacketRef};

use crate::admission::{Admitted, check_supported};
use crate::cache::{NodeKey, Slot};
use crate::event::Output;
use crate::question::{Authorized, Change, NoProfile, Question, Ticket};
use crate::rejection::{Denial, Discard, Rejection};
use crate::request::Request;
use crate::settings::Profile;
use crate::{Lma, Now, Timer};

/// How many questions run at a time, and how many octets of updates wait for their answers.
/// Beyond that new nodes are denied, as under any load that the anchor cannot serve.
const MOST: usize = 16_384;
const MOST_OCTETS: usize = 8 << 20;
/// How long an answer is waited for, whatever the shell does: longer than its servers are asked.
const PATIENCE: Duration = Duration::from_secs(60);

/// The questions that run.
#[derive(Debug, Default)]
pub(crate) struct Authorizations {
    pending: BTreeMap<Ticket, Pending>,
    by_node: HashMap<MnId, Ticket, FixedState>,
    asked: u64,
    octets: usize,
}

#[derive(Debug)]
struct Pending {
    mn_id: MnId,
    timer: TimerId,
    /// `None` once its gateway has given the node up.
    update: Option<Kept>,
}

/// A whole update, kept as it came.
#[derive(Debug)]
struct Kept {
    path: SignalPath,
    dscp: u8,
    bytes: Vec<u8>,
    arrived: SystemTime,
}

impl Kept {
    fn request(&self) -> Option<Request<'_>> {
        // The octets were decoded before they were kept.
        let packet = PacketRef::decode(&self.bytes).ok()?;
        let Message::BindingUpdate(update) = packet.message else { return None };
        Some(Request::new(self.path, self.dscp, &self.bytes, update, packet.options))
    }
}

impl Authorizations {
    /// No question runs. `life` tells the tickets from those of a machine that was here before: its
    /// answers may still be on their way.
    pub fn new(life: u32) -> Self {
        Self { asked: u64::from(life) << 32, ..Self::default() }
    }

    /// How many updates wait.
    pub fn updates(&self) -> usize {
        self.pending.values().filter(|pending| pending.update.is_some()).count()
    }

    fn keep(&mut self, ticket: Ticket, kept: Option<Kept>) -> Option<Kept> {
        let pending = self.pending.get_mut(&ticket)?;
        self.octets += kept.as_ref().map_or(0, |kept| kept.bytes.len());
        let before = std::mem::replace(&mut pending.update, kept);
        self.octets -= before.as_ref().map_or(0, |kept| kept.bytes.len());
        before
    }

    fn remove(&mut self, ticket: Ticket) -> Option<Pending> {
        let pending = self.pending.remove(&ticket)?;
        self.octets -= pending.update.as_ref().map_or(0, |kept| kept.bytes.len());
        self.by_node.remove(&pending.mn_id);
        Some(pending)
    }
}

impl Lma {
    /// Input: AAA's answer to a [`Question`]. One that comes a second time, or too late, is none.
    /// The error says how the update that waited was counted.
    pub fn handle_authorization(
        &mut self,
        ticket: Ticket,
        answer: Result<Profile, NoProfile>,
        now: Now,
    ) -> Result<(), Rejection> {
        let Some(pending) = self.authorizations.remove(ticket) else { return Ok(()) };
        self.timers.remove(pending.timer);
        let counters = &mut self.statistics.aaa_authentication;
        match answer {
            Ok(_) => counters.success += 1,
            Err(NoProfile::Refused) => counters.actual_auth_failures += 1,
            Err(NoProfile::Unreachable) => counters.timeout_failures += 1,
            Err(NoProfile::Failed) => counters.misc_auth_failures += 1,
        }
        if answer.is_err() {
            counters.failures += 1;
        }
        let Some(kept) = pending.update else { return Ok(()) };
        let Some(mut request) = kept.request() else { return Ok(()) };
        let default = || self.settings.default_profile.clone();
        let given = match answer {
            Ok(profile) => Ok(profile),
            Err(NoProfile::Refused) => Err(Denial::NotAuthorized),
            Err(NoProfile::Unreachable | NoProfile::Failed) => {
                default().ok_or(Denial::AaaUnreachable)
            }
        };
        let arrived = Now { mono: now.mono, wall: kept.arrived };
        match given {
            Ok(profile) => {
                let ends = profile.session.map(|session| now.mono + session);
                let authorized = Arc::new(Authorized { profile, ends });
                request.authorized = Some(&authorized);
                self.handle_update(&request, self.peers.find(&request.path), arrived)
            }
            Err(denial) => Err(self.refuse(&request, denial.into(), arrived)),
        }
    }

    /// Command: AAA changes what a node has (RFC 5176 §2.2); says how many sessions it has. Nothing
    /// changes for a node that AAA has not been asked about.
    pub fn change_authorization(
        &mut self,
        customer: CustomerId,
        mn_id: &MnId,
        change: &Change,
        now: Now,
    ) -> usize {
        let key = NodeKey::new(customer, mn_id);
        let slots: Vec<Slot> = self.cache.of_node(key).map(|(slot, _)| slot).collect();
        let Some(before) = slots.iter().find_map(|slot| self.cache[*slot].authorized.clone())
        else {
            return 0;
        };
        let mut after = Authorized::clone(&before);
        if let Some(session) = change.session {
            after.profile.session = Some(session);
            after.ends = Some(now.mono + session);
        }
        if let Some(class) = &change.class {
            after.profile.class = class.clone();
        }
        let after = Arc::new(after);
        for slot in &slots {
            self.cache[*slot].authorized = Some(Arc::clone(&after));
            self.prolong_until(*slot);
        }
        slots.len()
    }

    /// Keeps an update until AAA has answered, and asks if nobody has yet.
    pub(crate) fn authorize(&mut self, request: &Request<'_>, now: Now) -> Result<(), Rejection> {
        let mn_id = Self::mn_id_of(request);
        let running = self.authorizations.by_node.get(&mn_id).copied();
        if self.authorizations.octets + request.bytes.len() > MOST_OCTETS
            || (running.is_none() && self.authorizations.pending.len() >= MOST)
        {
            return Err(Denial::Congestion.into());
        }
        let kept = Some(Kept {
            path: request.path,
            dscp: request.dscp,
            bytes: request.bytes.to_vec(),
            arrived: now.wall,
        });
        let Some(ticket) = running else {
            self.ask(mn_id, request, kept, now);
            return Ok(());
        };
        if !self.follows_what_waits(ticket, request) {
            return Err(Discard::AuthorizationPending.into());
        }
        if let Some(earlier) = self.authorizations.keep(ticket, kept) {
            self.drop_pending(&earlier);
        }
        Ok(())
    }

    /// A gateway gives a node up that AAA has not answered for: nothing of it waits any longer.
    pub(crate) fn forget_pending(&mut self, request: &Request<'_>) {
        let ticket = self.authorizations.by_node.get(&Self::mn_id_of(request)).copied();
        let Some(ticket) = ticket.filter(|ticket| self.follows_what_waits(*ticket, request)) else {
            return;
        };
        let at_sender = |pending: &Pending| {
            pending.update.as_ref().is_some_and(|kept| kept.path.peer == request.path.peer)
        };
        if self.authorizations.pending.get(&ticket).is_some_and(at_sender)
            && let Some(earlier) = self.authorizations.keep(ticket, None)
        {
            self.drop_pending(&earlier);
        }
    }

    /// What AAA has said about the node of an update, if it has a session or has just been asked.
    pub(crate) fn authorized<'r>(&'r self, request: &Request<'r>) -> Option<&'r Arc<Authorized>> {
        request.authorized.or_else(|| {
            let sessions = self.cache.of_node(request.node(self.settings.customer)?);
            { sessions }.find_map(|(_, binding)| binding.authorized.as_ref())
        })
    }

    /// What admission decides about an update of a node that nothing is known about: what can be
    /// refused without AAA is.
    pub(crate) fn admit_unknown(
        &mut self,
        request: &Request<'_>,
        now: Now,
    ) -> Result<Admitted, Rejection> {
        self.check_order(request, None, now)?;
        self.check_options(request)?;
        check_supported(request)?;
        if request.is_deregistration() {
            self.forget_pending(request);
            return Err(Discard::SessionNotFound.into());
        }
        Ok(Admitted::Ask)
    }

    /// Nobody has answered in time, not even the shell.
    pub(crate) fn authorization_due(&mut self, ticket: Ticket, now: Now) {
        let _rejected = self.handle_authorization(ticket, Err(NoProfile::Unreachable), now);
    }

    fn ask(&mut self, mn_id: MnId, request: &Request<'_>, update: Option<Kept>, now: Now) {
        let authorizations = &mut self.authorizations;
        let ticket = Ticket(authorizations.asked);
        authorizations.asked += 1;
        authorizations.octets += request.bytes.len();
        let timer = self.timers.insert(now.mono + PATIENCE, Timer::Authorization(ticket));
        authorizations.by_node.insert(mn_id.clone(), ticket);
        authorizations.pending.insert(ticket, Pending { mn_id: mn_id.clone(), timer, update });
        self.statistics.aaa_authentication.attempts += 1;
        let technology = request.access_technology.unwrap_or(AccessTechnologyType::RESERVED);
        self.output.push_back(Output::Authorize(Box::new(Question {
            ticket,
            customer: self.settings.customer,
            mn_id,
            link_layer_id: request.link_layer_id.and_then(LinkLayerId::new),
            access_technology: technology,
            service: request.service.map(|service| Box::from(service.identifier())),
            wants_ipv4: request.wants_ipv4(),
            wants_ipv6: request.wants_ipv6(),
            path: request.path,
        })));
    }

    /// Whether an update was sent after the one that waits: an older one that is heard again must
    /// not take its place.
    fn follows_what_waits(&self, ticket: Ticket, request: &Request<'_>) -> bool {
        let kept = self.authorizations.pending.get(&ticket).and_then(|p| p.update.as_ref());
        let Some(before) = kept.and_then(Kept::request) else { return true };
        match (request.time(), before.time()) {
            (Some(time), Some(before)) => time > before,
            // Gateways have sequences of their own.
            _ if request.path.peer != before.path.peer => true,
            _ => request.update.sequence.is_after(before.update.sequence),
        }
    }

    /// Counts an update that waited in vain.
    fn drop_pending(&mut self, kept: &Kept) {
        self.statistics.count_discard(Discard::AuthorizationPending);
        let peer = self.peers.find(&kept.path);
        if let Some(counters) = self.peers.counters_mut(peer) {
            counters.received += 1;
            counters.discarded += 1;
        }
    }
}
