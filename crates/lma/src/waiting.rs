//! Updates that wait for another gateway's de-registration.
//!
//! When a gateway does not know whether a node came by handoff, and the node has one session, the
//! anchor waits up to MaxDelayBeforeNewBCEAssign for that session's de-registration (RFC 5213
//! §5.4.1.2 (4), §5.4.1.3 (3)). It asks for it by a revocation (RFC 5846 §8.1); the answer ends
//! the wait early, and a node that is found at neither end does not wait longer. An answer that
//! comes after the wait still counts: a gateway that has given the session up would drop its
//! packets. One update waits for a session: a later one takes its place. An update whose gateway
//! gives the node up meanwhile is not acted on any more: it would begin a session that nobody ends.

use std::sync::Arc;

use kedge_model::{BindingId, SignalPath};
use kedge_sansio::TimerId;
use kedge_wire::{Message, PacketRef};

use crate::cache::Slot;
use crate::lookup::Decision;
use crate::question::Authorized;
use crate::rejection::{Discard, Rejection};
use crate::request::Request;
use crate::{Lma, Now, Timer};

/// How many updates wait at a time. Beyond that a new session is made without waiting, which
/// the RFC allows.
const MOST: usize = 16_384;

/// A whole update, kept as it came.
#[derive(Debug)]
pub(crate) struct Waiting {
    path: SignalPath,
    dscp: u8,
    bytes: Vec<u8>,
    /// What AAA has said about the node, should the session that knows it end first.
    authorized: Option<Arc<Authorized>>,
    /// The session waited for.
    binding: BindingId,
    timer: TimerId,
}

impl Waiting {
    fn request(&self) -> Option<Request<'_>> {
        // The octets were decoded before they were kept.
        let packet = PacketRef::decode(&self.bytes).ok()?;
        let Message::BindingUpdate(update) = packet.message else { return None };
        let request = Request::new(self.path, self.dscp, &self.bytes, update, packet.options);
        Some(Request { authorized: self.authorized.as_ref(), ..request })
    }

    /// Whether a de-registration is about the interface that this update announced, and later.
    fn is_withdrawn_by(&self, request: &Request<'_>) -> bool {
        self.path.peer == request.path.peer
            && self.request().is_some_and(|waiting| {
                let is_later = match (waiting.time(), request.time()) {
                    (Some(waiting), Some(time)) => time > waiting,
                    _ => request.update.sequence.is_after(waiting.update.sequence),
                };
                is_later
                    && waiting.link_layer_id == request.link_layer_id
                    && waiting.access_technology == request.access_technology
            })
    }
}

impl Lma {
    /// Whether an update may wait for this session.
    pub(crate) fn can_wait(&self, slot: Slot) -> bool {
        let has_place = self.waiting.len() < MOST || self.waiting.contains_key(&slot);
        !self.settings.create_wait.is_zero() && has_place
    }

    /// Lets an update wait for a session. A retransmission does not begin the wait again.
    pub(crate) fn wait(&mut self, request: &Request<'_>, slot: Slot, now: Now) {
        let timer = match self.waiting.remove(&slot) {
            Some(earlier) => {
                self.discard_waiting(&earlier);
                earlier.timer
            }
            None => {
                self.ask_for_node(slot, now);
                self.timers.insert(now.mono + self.settings.create_wait, Timer::Create(slot))
            }
        };
        let bytes = request.bytes.to_vec();
        let authorized = self.authorized(request).cloned();
        let binding = self.cache[slot].id;
        let (path, dscp) = (request.path, request.dscp);
        self.waiting.insert(slot, Waiting { path, dscp, bytes, authorized, binding, timer });
    }

    /// Acts on what waited for this session.
    pub(crate) fn resume_waiting(&mut self, slot: Slot, decision: Decision, now: Now) {
        let Some(waiting) = self.waiting.remove(&slot) else { return };
        self.timers.remove(waiting.timer);
        let Some(request) = waiting.request() else { return };
        // Its order was checked when it came; what its node may have can have changed since.
        let _rejected = match self.network_of(&request) {
            Ok(network) => self.act(&request, decision, network, now),
            Err(denial) => Err(denial.into()),
        }
        .map_err(|rejection| self.refuse(&request, rejection, now));
    }

    /// Drops what waits for a session that its gateway has got by another update.
    pub(crate) fn supersede_waiting(&mut self, slot: Slot, request: &Request<'_>) {
        let same = |waiting: &Waiting| waiting.path.peer == request.path.peer;
        if !self.waiting.get(&slot).is_some_and(same) {
            return;
        }
        if let Some(waiting) = self.drop_waiting(slot) {
            self.stop_asking(waiting.binding);
        }
    }

    /// Drops what waits if its gateway gives the node up: to a de-registration of no session there
    /// is no answer (§5.4.1.2 (5)), but there is to be no session either. The gateway in charge,
    /// which was asked, is still to be heard.
    pub(crate) fn withdraw_waiting(&mut self, request: &Request<'_>, rejection: Rejection) {
        let unknown = Rejection::Discarded(Discard::SessionNotFound);
        let Some(key) = request.node(self.settings.customer) else { return };
        if rejection != unknown || !request.is_deregistration() || self.waiting.is_empty() {
            return;
        }
        let is_it = |slot: &Slot| {
            self.waiting.get(slot).is_some_and(|waiting| waiting.is_withdrawn_by(request))
        };
        let found = self.cache.of_node(key).map(|(slot, _)| slot).find(is_it);
        if let Some(slot) = found {
            self.drop_waiting(slot);
        }
    }

    fn drop_waiting(&mut self, slot: Slot) -> Option<Waiting> {
        let waiting = self.waiting.remove(&slot)?;
        self.timers.remove(waiting.timer);
        self.discard_waiting(&waiting);
        Some(waiting)
    }

    fn discard_waiting(&mut self, waiting: &Waiting) {
        self.statistics.count_discard(Discard::Superseded);
        let peer = self.peers.find(&waiting.path);
        if let Some(counters) = self.peers.counters_mut(peer) {
            counters.received += 1;
            counters.discarded += 1;
        }
    }
}
