//! Orders to take bindings back.

use std::collections::HashMap;

use foldhash::quality::FixedState;
use kedge_model::{CustomerId, MnId, Sequence, SignalPath};
use kedge_wire::RevocationFlags;
use kedge_wire::registry::RevocationTrigger;

use super::Subject;
use crate::addresses::HomeAddresses;
use crate::binding::{Binding, State};
use crate::cache::{NodeKey, Slot};
use crate::event::Release;
use crate::paths::BindingPath;
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
        let binding = &self.cache[slot];
        if !binding.is_active() {
            return self.end(slot, reason, now);
        }
        let (at, held) = (binding.paths.first().clone(), binding.addresses);
        let subject = Subject::Ending(binding.id, reason);
        match self.indicate(slot, &at, held, trigger, subject, now) {
            Some(sequence) => self.suspend(slot, sequence),
            None => self.end(slot, reason, now),
        }
    }

    /// Takes all bindings of the gateways that `wanted` picks back, by one message for each path
    /// to a gateway (§8.1: the G flag, trigger 128, no option), and says how many there were.
    pub(crate) fn take_back_peers(
        &mut self,
        wanted: impl Fn(&BindingPath) -> bool,
        reason: Release,
        now: Now,
    ) -> usize {
        let mut told: HashMap<SignalPath, Option<Sequence>, FixedState> = HashMap::default();
        let picked = |binding: &Binding| wanted(binding.paths.first());
        let slots: Vec<Slot> =
            self.cache.iter().filter(|(_, b)| picked(b)).map(|(slot, _)| slot).collect();
        for slot in &slots {
            let binding = &self.cache[*slot];
            if !binding.is_active() {
                self.end(*slot, reason, now);
                continue;
            }
            let (path, peer) = (binding.paths.first().signal, binding.paths.first().peer);
            let sequence = *told.entry(path).or_insert_with(|| {
                let trigger = RevocationTrigger::PER_PEER_POLICY;
                let flags = RevocationFlags::P | RevocationFlags::G;
                let subject = Subject::AllEnding(reason);
                self.send_indication(path, peer, trigger, flags, subject, now, |_, _| {})
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
        for slot in &slots {
            let binding = &self.cache[*slot];
            if binding.addresses.prefixes.is_empty() {
                self.take_back(*slot, trigger, Release::Revoked, now);
                continue;
            }
            let (id, at) = (binding.id, binding.paths.first().clone());
            let only = HomeAddresses { ipv4: binding.addresses.ipv4, ..Default::default() };
            let subject = Subject::LosingIpv4(id);
            if !binding.is_active()
                || self.indicate(*slot, &at, only, trigger, subject, now).is_none()
            {
                self.drop_ipv4(*slot, now);
            }
        }
        slots.len()
    }

    /// §8.1: the tunnel goes at once, the entry stays until the gateway has answered.
    fn suspend(&mut self, slot: Slot, sequence: Sequence) {
        self.cache[slot].state = State::Revoking(sequence);
        self.want_forwarding(slot);
    }
}
