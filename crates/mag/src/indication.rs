//! Bindings that the gateway gives back all at once (RFC 5846 §9.2).
//!
//! An operator who ends all sessions ends them at the anchor too, without the delay in which an
//! anchor keeps the addresses of a node that was de-registered for another gateway: one message
//! does it, however many they are.
//!
//! ```text
//!   gateway ──BRI, G and P, trigger 128, the gateway's name──▶ anchor
//!           ◀─BRA success─── all is over at both ends
//!           ◀─BRA refused─── a de-registration for each session; after 130, never asked again
//!           (nothing)        sent again as configured, then given up
//! ```
//!
//! Until that is settled nothing is registered with this anchor: a retransmission would end the
//! new bindings with the old ones.

use std::net::IpAddr;

use kedge_model::BindingId;
use kedge_sansio::{Backoff, Now};
use kedge_wire::registry::{MnIdSubtype, RevocationStatus, RevocationTrigger};
use kedge_wire::{
    BindingRevocationAcknowledgement, BindingRevocationIndication, Encoder, MnIdOption,
    RevocationFlags,
};

use crate::anchors::{AnchorTimer, Indication};
use crate::{DetachReason, Event, InterfaceId, Mag};

impl Mag {
    /// Whether everything may be revoked at once at an anchor.
    pub(crate) fn may_revoke_all(&self, address: IpAddr) -> bool {
        self.anchors
            .get(address)
            .is_none_or(|anchor| !anchor.refuses_global_revocation && anchor.indication.is_none())
    }

    /// Ends these sessions, which are all that are with this anchor.
    pub(crate) fn revoke_all(&mut self, address: IpAddr, ids: &[BindingId], now: Now) {
        let care_of = ids.iter().find_map(|id| Some(self.list.get(*id)?.care_of));
        let Some(care_of) = care_of else { return };
        let link = |id: &BindingId| Some((*id, self.list.get(*id)?.interface));
        let links: Vec<(BindingId, InterfaceId)> = ids.iter().filter_map(link).collect();
        let (sessions, unknown): (Vec<_>, Vec<_>) =
            links.into_iter().partition(|(id, _)| self.part(*id, DetachReason::Cleared, now));
        let sessions: Vec<BindingId> = sessions.into_iter().map(|(id, _)| id).collect();
        if !sessions.is_empty() {
            self.begin_indication(address, care_of, sessions, now);
        }
        // Static nodes that the anchor knows nothing of, behind the indication.
        unknown.into_iter().for_each(|(_, interface)| self.attend_static(interface, now));
    }

    fn begin_indication(
        &mut self,
        address: IpAddr,
        care_of: IpAddr,
        sessions: Vec<BindingId>,
        now: Now,
    ) {
        let rule = self.settings.revocation;
        let mut backoff = Backoff::new(rule.min_delay, rule.max_delay);
        let due = now.mono + backoff.next_interval();
        self.anchors.set_timer(address, AnchorTimer::Revocation, due);
        self.revocation_sequence = self.revocation_sequence.next();
        let sequence = self.revocation_sequence;
        let retries = rule.retries;
        let indication = Indication { sequence, care_of, sessions, retries, backoff };
        self.anchors.at(address).indication = Some(indication);
        self.stats.revocations.sent += 1;
        self.indicate(address);
    }

    /// The acknowledgement did not come in time (RFC 5846 §6.3).
    pub(crate) fn indication_due(&mut self, address: IpAddr, now: Now) {
        let Some(anchor) = self.anchors.get_mut(address) else { return };
        let Some(indication) = &mut anchor.indication else { return };
        if indication.retries > 0 {
            indication.retries -= 1;
            let due = now.mono + indication.backoff.next_interval();
            self.anchors.set_timer(address, AnchorTimer::Revocation, due);
            self.stats.revocations.retries_sent += 1;
            return self.indicate(address);
        }
        self.stats.revocations.not_acknowledged += 1;
        let sessions = anchor.indication.take().map_or(Vec::new(), |over| over.sessions);
        sessions.into_iter().for_each(|id| self.conclude(id, now));
        self.let_in(address, now);
    }

    pub(crate) fn handle_revocation_acknowledgement(
        &mut self,
        address: IpAddr,
        bra: BindingRevocationAcknowledgement,
        now: Now,
    ) {
        // §6.2.2: the number and the flags are those of an indication that is outstanding.
        let answered = |indication: &mut Indication| {
            indication.sequence == bra.sequence && bra.flags == flags()
        };
        let anchor = self.anchors.get_mut(address);
        let over = anchor.and_then(|anchor| anchor.indication.take_if(answered));
        let Some(over) = over else {
            self.stats.discards.unmatched_revocation += 1;
            return;
        };
        self.anchors.stop_timer(address, AnchorTimer::Revocation);
        self.stats.revocations.acks_received += 1;
        self.stats.revocation_status.count(bra.status);
        if bra.status == RevocationStatus::GLOBAL_REVOCATION_NOT_AUTHORIZED {
            self.anchors.at(address).refuses_global_revocation = true;
        }
        let nothing_left =
            bra.status.is_success() || bra.status == RevocationStatus::BINDING_DOES_NOT_EXIST;
        if nothing_left {
            over.sessions.into_iter().for_each(|id| self.conclude(id, now));
        } else {
            self.event(Event::RevocationRefused { peer: address, status: bra.status });
            over.sessions.into_iter().for_each(|id| self.transmit(id, now));
        }
        self.let_in(address, now);
    }

    /// A Binding Error: the anchor does not know the message (RFC 5846 §6.2).
    pub(crate) fn indication_not_understood(&mut self, address: IpAddr, now: Now) {
        let Some(anchor) = self.anchors.get_mut(address) else { return };
        let Some(over) = anchor.indication.take() else { return };
        anchor.refuses_global_revocation = true;
        self.anchors.stop_timer(address, AnchorTimer::Revocation);
        self.stats.revocations.not_acknowledged += 1;
        over.sessions.into_iter().for_each(|id| self.transmit(id, now));
        self.let_in(address, now);
    }

    fn indicate(&mut self, address: IpAddr) {
        let lma = self.settings.lma_at(address).cloned();
        let indication = self.anchors.get(address).and_then(|anchor| anchor.indication.as_ref());
        let (Some(lma), Some(indication)) = (lma, indication) else { return };
        let (sequence, care_of) = (indication.sequence, indication.care_of);
        let trigger = RevocationTrigger::PER_PEER_POLICY;
        let body = BindingRevocationIndication { trigger, sequence, flags: flags() };
        let mut bytes = self.buffers.take();
        let mut encoder = Encoder::new(&mut bytes, body);
        if let Some(name) = MnIdOption::new(MnIdSubtype::NAI, self.settings.name.as_bytes()) {
            encoder.option(name);
        }
        encoder.finish();
        let auth = lma.auth.as_ref().filter(|auth| !auth.updates_only);
        let path = self.path_to(care_of, address);
        self.send(path, self.settings.dscp_of(&lma).of_request(), auth, bytes);
    }
}

fn flags() -> RevocationFlags {
    RevocationFlags::P | RevocationFlags::G
}
