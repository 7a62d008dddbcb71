//! Sessions end: RFC 5213 §5.3.5, expiry, and an operator's order.

use kedge_model::{BindingId, CustomerId, MnId};
use kedge_wire::registry::RevocationTrigger;

use crate::addresses::HomeAddresses;
use crate::binding::{Binding, State};
use crate::cache::Slot;
use crate::class::Class;
use crate::event::{Output, Release, What};
use crate::farewell::farewell;
use crate::lookup::Decision;
use crate::rejection::Discard;
use crate::request::Request;
use crate::revocation::Which;
use crate::{Lma, Now, Timer};

/// How many sessions are looked ahead at in one go that end.
pub(crate) const AHEAD: usize = 16;

impl Lma {
    /// Accepts a de-registration from the gateway in charge; any other's is ignored.
    pub(crate) fn deregister(
        &mut self,
        request: &Request<'_>,
        slot: Slot,
        now: Now,
    ) -> Result<(), Discard> {
        if !self.cache[slot].is_at_sender_of(request) {
            return Err(Discard::SessionNotFound); // (1)
        }
        let binding = &mut self.cache[slot];
        binding.note_order(request);
        let held = binding.addresses;
        let answer = farewell(binding);
        let kept = kept_addresses(request, &held);
        if !kept.is_empty() {
            if kept != held {
                self.deregister_family(request, slot, kept);
            }
            if kept.ipv4.is_none() {
                self.heed_loss_of_ipv4(self.cache[slot].id);
            }
            self.acknowledge(request, Class::Deregistration, slot, answer);
            return Ok(());
        }
        self.acknowledge(request, Class::Deregistration, slot, answer);
        match self.heed_departure(slot, now) {
            Some(reason) => self.end_given_up(slot, reason, now),
            None => self.leave_to_others(slot, Release::Deregistered, now),
        }
        Ok(())
    }

    /// The gateway in charge has given the session up, or lost it; it is kept for another one.
    pub(crate) fn leave_to_others(&mut self, slot: Slot, reason: Release, now: Now) {
        // A repeated de-registration, its answer lost, does not begin the wait again, and a
        // session that the anchor takes back is nobody else's.
        let was_forwarded = self.cache[slot].is_active();
        if self.cache[slot].is_held() {
            let until = now.mono + self.settings.delete_wait;
            let timer = self.timers.insert(until, Timer::Delete(slot, reason));
            let binding = &mut self.cache[slot];
            binding.state = State::Lingering(timer);
            // (2): for all of this time, however little is left of its lifetime.
            binding.expires = binding.expires.max(until);
            if was_forwarded {
                self.want_forwarding(slot);
            }
            let id = self.cache[slot].id;
            if reason == Release::Deregistered {
                self.report(slot, What::Deregistered { binding: id });
            }
        }
        if !matches!(self.cache[slot].state, State::Revoking(_)) {
            self.stop_asking(self.cache[slot].id);
            // Whoever waited for this takes the session over (§5.4.1.2 (4)).
            self.resume_waiting(slot, Decision::Update(slot), now);
        }
    }

    /// RFC 5844 §3.1.2.5: one family is given back, the session goes on with the other.
    fn deregister_family(&mut self, request: &Request<'_>, slot: Slot, kept: HomeAddresses) {
        let binding = &mut self.cache[slot];
        let (id, network) = (binding.id, binding.network);
        let mut dropped = std::mem::replace(&mut binding.addresses, kept);
        if request.wants_ipv6() {
            dropped.ipv4 = None;
        } else {
            dropped.prefixes = Default::default();
        }
        self.networks.release(network, &dropped);
        if self.cache[slot].is_active() {
            self.want_forwarding(slot);
        }
        self.report(slot, What::Readdressed { binding: id, addresses: kept });
    }

    /// Looks ahead at the next sessions whose end is due, as [`Lma::look_ahead`] does at messages.
    pub(crate) fn look_at_ends(&self, now: Now) {
        let due = self.timers.due_now(now.mono, AHEAD).filter_map(|timer| match timer {
            Timer::Delete(slot, _) => self.cache.get(*slot),
            _ => None,
        });
        due.clone().for_each(Binding::touch);
        for binding in due {
            self.timers.look_ahead(binding.lifetime_timer);
            self.cache.look_ahead_at(binding);
        }
    }

    /// Ends a binding: its forwarding, its timers, its claim on addresses.
    pub(crate) fn end(&mut self, slot: Slot, reason: Release, now: Now) {
        if let Some(binding) = self.dissolve(slot, reason, now) {
            self.tell_end(slot, (binding.id, binding.customer, binding.mn_id), reason, now);
        }
    }

    /// Ends one that its gateway has given up, and may ask about again: its answer can be lost.
    pub(crate) fn end_given_up(&mut self, slot: Slot, reason: Release, now: Now) {
        if let Some(binding) = self.dissolve(slot, reason, now) {
            let whose = (binding.id, binding.customer, binding.mn_id.clone());
            self.remember(binding, now);
            self.tell_end(slot, whose, reason, now);
        }
    }

    fn dissolve(&mut self, slot: Slot, reason: Release, now: Now) -> Option<Binding> {
        let binding = self.cache.remove(slot)?;
        let forwarded = binding.is_active();
        self.timers.remove(binding.lifetime_timer);
        if let State::Lingering(timer) = binding.state {
            self.timers.remove(timer);
        }
        self.networks.release(binding.network, &binding.addresses);
        self.networks.release_delegated(binding.network, &binding.delegated);
        for path in binding.paths.iter() {
            self.lose_binding(path.peer, now);
        }
        let disconnects = &mut self.statistics.disconnects;
        match reason {
            Release::Expired => disconnects.lifetime_expiry += 1,
            Release::Deregistered => disconnects.deregistrations += 1,
            Release::Cleared => disconnects.admin_drops += 1,
            Release::PeerLost | Release::Revoked => disconnects.other += 1,
        }
        if forwarded {
            self.output.push_back(Output::Forward { binding: binding.id, want: None });
        }
        self.stop_asking(binding.id);
        Some(binding)
    }

    fn tell_end(
        &mut self,
        slot: Slot,
        (id, customer, mn_id): (BindingId, CustomerId, MnId),
        reason: Release,
        now: Now,
    ) {
        self.push_event(customer, mn_id, What::Released { binding: id, reason });
        // What waited for this session's end is a new one's beginning.
        self.resume_waiting(slot, Decision::New, now);
    }

    /// Takes every binding of a node back and says how many there were. Nothing is forwarded for
    /// them from here on; they end when their gateways have acknowledged it, or have not in time.
    ///
    /// This is no ban: RFC 5846 leaves it to the gateway what a node that is still there gets,
    /// and it may register it again.
    pub fn clear(&mut self, customer: CustomerId, mn_id: &MnId, now: Now) -> usize {
        let trigger = RevocationTrigger::ADMINISTRATIVE_REASON;
        self.take_back_node(customer, mn_id, trigger, Release::Cleared, now)
    }

    /// Takes every binding back, with one message to each gateway, and says how many there are.
    /// They are not extended from here on; what is forwarded for them ends by the slice, in
    /// [`Self::handle_timeout`], where they are very many.
    pub fn clear_all(&mut self, now: Now) -> usize {
        let count = self.cache.len() as usize;
        self.take_back_many(Which::All, Release::Cleared, now);
        count
    }

    /// Takes every binding of a gateway back, named as it is configured or by an address, as
    /// [`Self::clear_all`] does everybody's.
    pub fn clear_peer(&mut self, name: &str, now: Now) -> usize {
        let Some(peer) = self.peers.named(name) else { return 0 };
        let count = self.peers.get(peer).bindings as usize;
        self.take_back_many(Which::OfPeer(peer), Release::Cleared, now);
        count
    }
}

/// What a session of `held` keeps when a de-registration names one family alone.
fn kept_addresses(request: &Request<'_>, held: &HomeAddresses) -> HomeAddresses {
    let mut kept = *held;
    if request.wants_ipv6() {
        kept.prefixes = Default::default();
    }
    if request.wants_ipv4() {
        kept.ipv4 = None;
    }
    kept
}
