//! Orders to take bindings back.

use kedge_model::{BindingId, CustomerId, MnId, Sequence, SignalPath};
use kedge_wire::registry::RevocationTrigger;

use super::Subject;
use super::sweep::{Which, is_of_realm};
use crate::addresses::HomeAddresses;
use crate::binding::{Binding, State};
use crate::cache::{NodeKey, Slot};
use crate::event::Release;
use crate::{Lma, Now};

impl Lma {
    /// Command: takes the bindings of a node back and says how many there were. Each ends when
    /// its gateway has answered, or has not in time.
    pub fn revoke(
        &mut self,
        customer: CustomerId,
        mn_id: &MnId,
        trigger: RevocationTrigger,
        now: Now,
    ) -> usize {
        self.take_back_node(customer, mn_id, trigger, Release::Revoked, now)
    }

    /// Command: takes one binding back and says whether there was one.
    pub fn revoke_binding(
        &mut self,
        binding: BindingId,
        trigger: RevocationTrigger,
        now: Now,
    ) -> bool {
        let slot = self.cache.slot_of(binding);
        if let Some(slot) = slot {
            self.take_back(slot, trigger, Release::Revoked, now);
        }
        slot.is_some()
    }

    pub(crate) fn take_back_node(
        &mut self,
        customer: CustomerId,
        mn_id: &MnId,
        trigger: RevocationTrigger,
        reason: Release,
        now: Now,
    ) -> usize {
        let key = NodeKey::new(customer, mn_id);
        let slots: Vec<Slot> = self.cache.of_node(key).map(|(slot, _)| slot).collect();
        for slot in &slots {
            self.take_back(*slot, trigger, reason, now);
        }
        slots.len()
    }

    /// Takes a binding back because of what came on this path. Its gateway, if that is the sender,
    /// knows it from the answer.
    pub(crate) fn withdraw(&mut self, slot: Slot, told: &SignalPath, now: Now) {
        let signal = self.cache[slot].paths.first().signal;
        match signal.transport == told.transport && signal.peer.ip() == told.peer.ip() {
            true => self.end(slot, Release::Revoked, now),
            false => {
                let trigger = RevocationTrigger::ADMINISTRATIVE_REASON;
                self.take_back(slot, trigger, Release::Revoked, now);
            }
        }
    }

    /// A binding that its gateway holds ends when the gateway has been told; any other, and one
    /// that is already being taken back, at once.
    pub(crate) fn take_back(
        &mut self,
        slot: Slot,
        trigger: RevocationTrigger,
        reason: Release,
        now: Now,
    ) {
        if !self.cache[slot].is_held() {
            return self.end_unheld(slot, reason, now);
        }
        match self.indicate_end(slot, trigger, reason, now) {
            Some(sequence) => self.suspend(slot, sequence),
            None => self.end(slot, reason, now),
        }
    }

    /// Ends a binding that no gateway holds. One that was de-registered ends before its time.
    pub(super) fn end_unheld(&mut self, slot: Slot, reason: Release, now: Now) {
        match self.cache[slot].state {
            State::Lingering(_) => self.end_given_up(slot, reason, now),
            _ => self.end(slot, reason, now),
        }
    }

    /// Tells of a binding alone that is being taken back already, with others.
    pub(super) fn tell_of_end(&mut self, slot: Slot, reason: Release, now: Now) {
        let trigger = RevocationTrigger::ADMINISTRATIVE_REASON;
        match self.indicate_end(slot, trigger, reason, now) {
            Some(sequence) => self.cache[slot].state = State::Revoking(sequence),
            None => self.end(slot, reason, now),
        }
    }

    fn indicate_end(
        &mut self,
        slot: Slot,
        trigger: RevocationTrigger,
        reason: Release,
        now: Now,
    ) -> Option<Sequence> {
        let binding = &self.cache[slot];
        let (at, held) = (binding.paths.first().clone(), binding.addresses);
        self.indicate(slot, &at, held, trigger, Subject::Ending(binding.id, reason), now)
    }

    /// Says of a binding whether its node is of a realm, `example.com` for instance.
    pub fn is_of_realm(
        &self,
        customer: CustomerId,
        realm: &str,
    ) -> impl Fn(&Binding) -> bool + use<> {
        let realm = identity(realm).filter(|_| customer == self.settings.customer);
        move |binding| realm.as_ref().is_some_and(|realm| is_of_realm(&binding.mn_id, realm))
    }

    /// Command: takes the bindings of all nodes of a realm back, as [`Self::clear_all`] does
    /// everybody's, and says how many there are.
    pub fn clear_realm(&mut self, customer: CustomerId, realm: &str, now: Now) -> usize {
        let is_of_it = self.is_of_realm(customer, realm);
        let count = self.bindings().filter(|binding| is_of_it(binding)).count();
        if let Some(identity) = identity(realm).filter(|_| count > 0) {
            self.take_back_many(Which::OfRealm(identity), Release::Cleared, now);
        }
        count
    }

    /// Command: takes the IPv4 home addresses of a node back and says how many there were. A
    /// session that has nothing else ends.
    pub fn revoke_ipv4(
        &mut self,
        customer: CustomerId,
        mn_id: &MnId,
        trigger: RevocationTrigger,
        now: Now,
    ) -> usize {
        let key = NodeKey::new(customer, mn_id);
        let has_ipv4 = |(slot, b): (Slot, &Binding)| b.addresses.ipv4.map(|_| slot);
        let slots: Vec<Slot> = self.cache.of_node(key).filter_map(has_ipv4).collect();
        slots.iter().for_each(|slot| self.take_ipv4_back(*slot, trigger, now));
        slots.len()
    }

    /// Takes the IPv4 home address of a binding that has one back.
    pub(crate) fn take_ipv4_back(&mut self, slot: Slot, trigger: RevocationTrigger, now: Now) {
        let binding = &self.cache[slot];
        if binding.addresses.prefixes.is_empty() {
            return self.take_back(slot, trigger, Release::Revoked, now);
        }
        let (id, at) = (binding.id, binding.paths.first().clone());
        let only = HomeAddresses { ipv4: binding.addresses.ipv4, ..Default::default() };
        if self.is_losing_ipv4(id) {
            return; // it is being taken back already
        }
        let subject = Subject::LosingIpv4(id);
        if !binding.is_held() || self.indicate(slot, &at, only, trigger, subject, now).is_none() {
            self.drop_ipv4(slot, now);
        }
    }

    /// §8.1: the tunnel goes at once, the entry stays until the gateway has answered.
    pub(super) fn suspend(&mut self, slot: Slot, sequence: Sequence) {
        let was_forwarded = self.cache[slot].is_active();
        self.cache[slot].state = State::Revoking(sequence);
        if was_forwarded {
            self.want_forwarding(slot);
        }
    }
}

/// A realm as an identifier without a user.
fn identity(realm: &str) -> Option<MnId> {
    MnId::nai(&format!("@{realm}"))
}
