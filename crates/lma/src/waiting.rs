//! Updates that wait for another gateway's de-registration.
//!
//! When a gateway does not know whether a node came by handoff, and the node has one session, the
//! anchor waits up to MaxDelayBeforeNewBCEAssign for that session's de-registration (RFC 5213
//! §5.4.1.2 (4), §5.4.1.3 (3)). It asks for it by a revocation (RFC 5846 §8.1); the answer ends
//! the wait early, and a node that is found at neither end does not wait longer. An answer that
//! comes after the wait still counts: a gateway that has given the session up would drop its
//! packets. One update waits for a session: a later one takes its place.

use std::sync::Arc;

use kedge_model::{BindingId, SignalPath};
use kedge_sansio::TimerId;
use kedge_wire::{Message, PacketRef};

use crate::cache::Slot;
use crate::lookup::Decision;
use crate::question::Authorized;
use crate::rejection::Discard;
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
        // The octets were decoded before they were kept.
        let Ok(packet) = PacketRef::decode(&waiting.bytes) else { return };
        let Message::BindingUpdate(update) = packet.message else { return };
        let Waiting { path, dscp, bytes, .. } = &waiting;
        let mut request = Request::new(*path, *dscp, bytes, update, packet.options);
        request.authorized = waiting.authorized.as_ref();
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
        if let Some(waiting) = self.waiting.remove(&slot) {
            self.timers.remove(waiting.timer);
            self.stop_asking(waiting.binding);
            self.discard_waiting(&waiting);
        }
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
