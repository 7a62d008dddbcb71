//! Bindings that the anchor takes back (RFC 5846 §8.1).
//!
//! An indication is sent, and sent again, until its gateway answers or the retries are used up.
//! What it was sent for then happens, whatever the answer: the anchor takes back what is its own,
//! and a gateway that does not agree finds out with its next update.
//!
//! | why | trigger | until the answer the binding | after it |
//! |---|---|---|---|
//! | a node moved to another gateway | 2, 3, 4 | is at the new gateway | is there |
//! | an update waits for the old gateway's de-registration | 4 | is at the old gateway | moves, or the update begins a session of its own |
//! | an order | 0 to 7 | is [`State::Revoking`]: nothing is forwarded, updates are dropped | ends |
//! | an order about all of a gateway's | 128, G flag | the same | they end |
//! | an order about all of a realm's | 129, G flag | the same | they end |
//! | an order about IPv4 alone | 0 to 7, V flag | goes on as it was | goes on without IPv4 |
//!
//! What expires, and what its gateway has de-registered, is not revoked: there is nobody to tell.
//!
//! `orders` is what an operator can ask for, `sweep` what of it is about very many, `exchange` the
//! messages and their repetition, `received` the other direction.

mod exchange;
mod orders;
mod received;
mod sweep;

use kedge_model::{BindingId, MnId, Sequence, SignalPath};
use kedge_wire::MnIdOption;
use kedge_wire::registry::{AccessTechnologyType, RevocationStatus, RevocationTrigger};

use crate::addresses::HomeAddresses;
use crate::binding::State;
use crate::cache::Slot;
use crate::event::{Release, What};
use crate::lookup::Decision;
use crate::paths::BindingPath;
use crate::request::Request;
use crate::{Lma, Now};

pub(crate) use exchange::Revocations;
pub(crate) use sweep::{Sweep, Which};

/// What an indication is about, and so what its end brings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Subject {
    /// A node that has left this gateway for another. Nothing depends on the answer.
    Departed(BindingId),
    /// A node that another gateway has announced, and that this one may have lost.
    Contested(BindingId),
    /// A binding that ends.
    Ending(BindingId, Release),
    /// A binding that loses its IPv4 home address.
    LosingIpv4(BindingId),
    /// Bindings of a gateway, all of it or all of a realm, which end.
    AllEnding(Release),
}

/// What became of an indication.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answer {
    /// It was acknowledged with this status.
    Status(RevocationStatus),
    /// Its gateway does not know revocations.
    NotUnderstood,
    /// Its gateway said nothing, as often as it was sent.
    None,
}

impl Subject {
    fn binding(self) -> Option<BindingId> {
        match self {
            Self::Departed(id)
            | Self::Contested(id)
            | Self::Ending(id, _)
            | Self::LosingIpv4(id) => Some(id),
            Self::AllEnding(_) => None,
        }
    }
}

impl Lma {
    /// Tells the gateway that a node left that it did so. `held` and `technology` are what the
    /// binding had there.
    pub(crate) fn tell_departure(
        &mut self,
        slot: Slot,
        from: &BindingPath,
        held: HomeAddresses,
        technology: AccessTechnologyType,
        now: Now,
    ) {
        let binding = &self.cache[slot];
        let unknown = AccessTechnologyType::RESERVED;
        let trigger = match binding.access_technology {
            known if known == unknown || technology == unknown => {
                RevocationTrigger::INTER_MAG_HANDOVER_UNKNOWN
            }
            same if same == technology => RevocationTrigger::INTER_MAG_HANDOVER_SAME_ACCESS_TYPE,
            _ => RevocationTrigger::INTER_MAG_HANDOVER_DIFFERENT_ACCESS_TYPE,
        };
        let subject = Subject::Departed(binding.id);
        self.indicate(slot, from, held, trigger, subject, now);
    }

    /// §8.1: instead of only waiting for a de-registration, the anchor asks the gateway in charge
    /// whether the node has left it.
    pub(crate) fn ask_for_node(&mut self, slot: Slot, now: Now) {
        let binding = &self.cache[slot];
        let subject = Subject::Contested(binding.id);
        if self.revocations.about(binding.id).any(|(_, bri)| bri.subject == subject) {
            return; // it is being asked since an earlier wait
        }
        let (at, held) = (binding.paths.first().clone(), binding.addresses);
        let trigger = RevocationTrigger::INTER_MAG_HANDOVER_UNKNOWN;
        self.indicate(slot, &at, held, trigger, subject, now);
    }

    /// An update says where the node of a binding is, so that the gateway that was asked has nothing
    /// to say any more. What waits for the binding goes on to wait, for the gateway that has it now.
    pub(crate) fn ask_elsewhere(
        &mut self,
        slot: Slot,
        request: &Request<'_>,
        has_moved: bool,
        now: Now,
    ) {
        // A gateway that extends what it has may not have heard the question yet.
        if has_moved || !request.is_reregistration() {
            self.stop_asking(self.cache[slot].id);
        }
        if has_moved && self.waiting.contains_key(&slot) {
            self.ask_for_node(slot, now);
        }
    }

    /// The answer to [`Self::ask_for_node`] would say nothing about the binding any more.
    pub(crate) fn stop_asking(&mut self, id: BindingId) {
        self.stop_telling(id, |subject| matches!(subject, Subject::Contested(_)));
    }

    /// What the gateway in charge is told of a binding is sent no more, because that gateway has
    /// given the binding up itself. Gives why the anchor was taking it back, if it was: nothing
    /// keeps the binding from ending now (§8.1, the race).
    pub(crate) fn heed_departure(&mut self, slot: Slot, now: Now) -> Option<Release> {
        let binding = &self.cache[slot];
        let id = binding.id;
        let loses_ipv4 = self.is_losing_ipv4(id);
        let reason = match binding.state {
            State::Revoking(sequence) => self.reason_of(sequence),
            _ if loses_ipv4 && binding.addresses.prefixes.is_empty() => Some(Release::Revoked),
            _ => None,
        };
        // The indication to a gateway that the node had left before is another matter.
        self.stop_telling(id, |subject| !matches!(subject, Subject::Departed(_)));
        if loses_ipv4 && reason.is_none() {
            self.drop_ipv4(slot, now);
        }
        reason
    }

    /// Why the bindings are taken back that an indication of this number is, or was, about.
    fn reason_of(&self, sequence: Sequence) -> Option<Release> {
        match self.revocations.subject(sequence) {
            Some(Subject::Ending(_, reason) | Subject::AllEnding(reason)) => Some(reason),
            _ => self.sweeps.iter().find_map(|sweep| sweep.ending(sequence)),
        }
    }

    /// The gateway in charge has given up the IPv4 home address of a binding.
    pub(crate) fn heed_loss_of_ipv4(&mut self, id: BindingId) {
        self.stop_telling(id, |subject| matches!(subject, Subject::LosingIpv4(_)));
    }

    /// Forgets the indications about a binding whose subject is such a one.
    fn stop_telling(&mut self, id: BindingId, is_such: impl Fn(Subject) -> bool) {
        let such = self.revocations.about(id).filter(|(_, bri)| is_such(bri.subject));
        let numbers: Vec<Sequence> = such.map(|(sequence, _)| sequence).collect();
        for sequence in numbers {
            self.forget_revocation(sequence);
        }
    }

    fn is_losing_ipv4(&self, id: BindingId) -> bool {
        self.revocations.about(id).any(|(_, bri)| bri.subject == Subject::LosingIpv4(id))
    }

    /// Whether an update may not be acted on because of a revocation (§8.1, the race). A binding
    /// that is being taken back is not extended; its gateway may still give it up. Neither is one
    /// with the IPv4 home address that is being taken from it. And a gateway that merely extends
    /// a session which has moved on has not heard of it yet.
    pub(crate) fn is_revocation_pending(&self, slot: Slot, request: &Request<'_>) -> bool {
        let binding = &self.cache[slot];
        let goes_on = !request.is_deregistration();
        let taken_back =
            matches!(binding.state, State::Revoking(_)) || self.is_to_be_suspended(slot);
        goes_on
            && (taken_back
                || request.wants_ipv4() && self.is_losing_ipv4(binding.id)
                || request.is_reregistration()
                    && self.revocations.departure(binding.id, &request.path).is_some())
    }

    /// The node is back at a gateway that is still being told of its departure.
    pub(crate) fn cancel_departure(&mut self, slot: Slot, path: &SignalPath) {
        if let Some(sequence) = self.revocations.departure(self.cache[slot].id, path) {
            self.forget_revocation(sequence);
        }
    }

    /// Does what an indication was sent for.
    fn finish_revocation(&mut self, sequence: Sequence, answer: Answer, now: Now) {
        let Some(bri) = self.forget_revocation(sequence) else { return };
        let slot = bri.subject.binding().and_then(|id| self.cache.slot_of(id));
        let status = match answer {
            Answer::Status(status) => Some(status),
            Answer::None | Answer::NotUnderstood => None,
        };
        if !status.is_some_and(RevocationStatus::is_success) {
            let what = What::RevocationFailed { peer: bri.path.peer.ip(), status };
            let mn_id = slot.map_or_else(nobody, |slot| self.cache[slot].mn_id.clone());
            self.push_event(self.settings.customer, mn_id, what);
        }
        match (bri.subject, slot) {
            (Subject::Contested(_), Some(slot)) => self.settle_contest(slot, answer, now),
            (Subject::Ending(_, reason), Some(slot)) => self.end(slot, reason, now),
            (Subject::LosingIpv4(_), Some(slot)) => self.drop_ipv4(slot, now),
            (Subject::AllEnding(reason), _) => {
                let one_by_one = status.is_some_and(|status| {
                    !status.is_success() && status != RevocationStatus::BINDING_DOES_NOT_EXIST
                });
                self.end_many(sequence, reason, one_by_one, now);
            }
            (Subject::Departed(_), _) | (_, None) => {}
        }
    }

    /// §8.1, the three conditions. A gateway that knows no such binding does not have the node
    /// either. Any other refusal says nothing about the node, and the wait goes on.
    fn settle_contest(&mut self, slot: Slot, answer: Answer, now: Now) {
        match answer {
            Answer::Status(status)
                if status.is_success() || status == RevocationStatus::BINDING_DOES_NOT_EXIST =>
            {
                self.leave_to_others(slot, Release::Deregistered, now);
            }
            Answer::Status(RevocationStatus::REVOCATION_FAILED_MN_IS_ATTACHED) | Answer::None => {
                self.resume_waiting(slot, Decision::New, now);
            }
            Answer::Status(_) | Answer::NotUnderstood => {}
        }
    }

    /// Takes the IPv4 home address from a binding; what it has left goes on.
    fn drop_ipv4(&mut self, slot: Slot, now: Now) {
        let binding = &mut self.cache[slot];
        if binding.addresses.prefixes.is_empty() {
            return self.end(slot, Release::Revoked, now);
        }
        if binding.addresses.ipv4.is_none() {
            return; // its gateway gave it up meanwhile
        }
        let dropped = HomeAddresses { ipv4: binding.addresses.ipv4.take(), ..Default::default() };
        let (id, network, addresses) = (binding.id, binding.network, binding.addresses);
        self.networks.release(network, &dropped);
        if self.cache[slot].is_active() {
            self.want_forwarding(slot);
        }
        self.report(slot, What::Readdressed { binding: id, addresses });
    }
}

/// The identifier of an event that is about no single node.
pub(crate) fn nobody() -> MnId {
    MnIdOption::EMPTY.to_mn_id()
}
