//! Orders to take bindings back.

use std::collections::HashMap;

use foldhash::quality::FixedState;
use kedge_model::{BindingId, CustomerId, MnId, Sequence, SignalPath};
use kedge_wire::registry::RevocationTrigger;
use kedge_wire::{MnIdOption, RevocationFlags};

use super::Subject;
use crate::addresses::HomeAddresses;
use crate::binding::{Binding, State};
use crate::cache::{NodeKey, Slot};
use crate::event::Release;
use crate::{Lma, Now};

/// What the bindings that one message takes back have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Many<'a> {
    /// The gateway.
    OfPeer,
    /// The realm of their nodes, as an identifier without a user.
    OfRealm(&'a MnId),
}

impl Many<'_> {
    fn trigger(self) -> RevocationTrigger {
        match self {
            Self::OfPeer => RevocationTrigger::PER_PEER_POLICY,
            Self::OfRealm(_) => RevocationTrigger::REVOKING_MOBILITY_NODE_LOCAL_POLICY,
        }
    }
}

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
            return self.end(slot, reason, now);
        }
        match self.indicate_end(slot, trigger, reason, now) {
            Some(sequence) => self.suspend(slot, sequence),
            None => self.end(slot, reason, now),
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

    /// The bindings of the nodes of a realm.
    pub fn bindings_of_realm(
        &self,
        customer: CustomerId,
        realm: &str,
    ) -> impl Iterator<Item = &Binding> {
        self.bindings().filter(move |binding| is_of_realm(binding, customer, realm))
    }

    /// Command: takes the bindings of all nodes of a realm back, `example.com` for instance, by
    /// one message to each gateway that has some, and says how many there were. Subdomains are
    /// other realms (§8.1).
    pub fn clear_realm(&mut self, customer: CustomerId, realm: &str, now: Now) -> usize {
        let Some(identity) = MnId::nai(&format!("@{realm}")) else { return 0 };
        let wanted = |binding: &Binding| is_of_realm(binding, customer, realm);
        self.take_back_many(wanted, Many::OfRealm(&identity), Release::Cleared, now)
    }

    /// Takes all bindings that `wanted` picks back, by one message for each path to a gateway
    /// (§8.1: the G flag), and says how many there were.
    pub(crate) fn take_back_many(
        &mut self,
        wanted: impl Fn(&Binding) -> bool,
        which: Many<'_>,
        reason: Release,
        now: Now,
    ) -> usize {
        let mut told: HashMap<SignalPath, Option<Sequence>, FixedState> = HashMap::default();
        let slots: Vec<Slot> =
            self.cache.iter().filter(|(_, b)| wanted(b)).map(|(slot, _)| slot).collect();
        for slot in &slots {
            let binding = &self.cache[*slot];
            if !binding.is_held() {
                self.end(*slot, reason, now);
                continue;
            }
            let at = binding.paths.first().clone();
            let sequence = *told.entry(at.signal).or_insert_with(|| {
                let flags = RevocationFlags::P | RevocationFlags::G;
                let (trigger, subject) = (which.trigger(), Subject::AllEnding(reason));
                self.send_indication(&at, trigger, flags, subject, now, |_, encoder| {
                    if let Many::OfRealm(identity) = which {
                        encoder.option(MnIdOption::from(identity));
                    }
                })
            });
            match sequence {
                Some(sequence) => self.suspend(*slot, sequence),
                None => self.end(*slot, reason, now),
            }
        }
        slots.len()
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
        let subject = Subject::LosingIpv4(id);
        if self.revocations.about(id).any(|(_, bri)| bri.subject == subject) {
            return; // it is being taken back already
        }
        if !binding.is_held() || self.indicate(slot, &at, only, trigger, subject, now).is_none() {
            self.drop_ipv4(slot, now);
        }
    }

    /// §8.1: the tunnel goes at once, the entry stays until the gateway has answered.
    fn suspend(&mut self, slot: Slot, sequence: Sequence) {
        let was_forwarded = self.cache[slot].is_active();
        self.cache[slot].state = State::Revoking(sequence);
        if was_forwarded {
            self.want_forwarding(slot);
        }
    }
}

/// Whether a node's identifier has this realm behind its `@`.
fn is_of_realm(binding: &Binding, customer: CustomerId, realm: &str) -> bool {
    let octets = binding.mn_id.octets();
    let at = octets.iter().rposition(|octet| *octet == b'@');
    binding.customer == customer
        && binding.mn_id.subtype() == MnId::NAI
        && at.is_some_and(|at| &octets[at + 1..] == realm.as_bytes())
}
