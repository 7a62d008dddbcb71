//! An update's way through the anchor, and what it is answered and counted as.

use kedge_model::{Datagram, Sequence, Timestamp};
use kedge_wire::registry::{MhType, Status};

use crate::admission::Admitted;
use crate::answer::{self, Acceptance};
use crate::cache::Slot;
use crate::class::{Class, Outcome};
use crate::event::{Output, What};
use crate::lookup::Decision;
use crate::networks::NetworkId;
use crate::peers::PeerIndex;
use crate::rejection::{Denial, Discard, Rejection};
use crate::request::Request;
use crate::{Lma, Now, dscp};

impl Lma {
    /// Goes through everything that is asked of an update, and does what comes of it.
    pub(crate) fn handle_update(
        &mut self,
        request: &Request<'_>,
        peer: Option<PeerIndex>,
        now: Now,
    ) -> Result<(), Rejection> {
        self.admit(request, peer, now)
            .and_then(|admitted| self.check_load(&admitted).map(|()| admitted))
            .and_then(|admitted| match admitted {
                Admitted::Act { decision, network } => self.act(request, decision, network, now),
                Admitted::Ask => self.authorize(request, now),
            })
            .or_else(|rejection| self.repeat_farewell(request, rejection, now))
            .map_err(|rejection| self.refuse(request, rejection, now))
    }

    /// Does what was decided about an update.
    pub(crate) fn act(
        &mut self,
        request: &Request<'_>,
        decision: Decision,
        network: NetworkId,
        now: Now,
    ) -> Result<(), Rejection> {
        if self.forwarding_stopped && !request.is_deregistration() {
            return Err(Denial::ForwardingStopped.into());
        }
        match decision {
            Decision::Ignore => Err(Discard::SessionNotFound.into()),
            Decision::New => Ok(self.create(request, network, now)?),
            Decision::Update(slot) if request.is_deregistration() => {
                Ok(self.deregister(request, slot, now)?)
            }
            Decision::Update(slot) => Ok(self.extend(request, slot, now)?),
            Decision::Wait(slot) => {
                self.wait(request, slot, now);
                Ok(())
            }
        }
    }

    /// Counts an update that is refused, and answers it if it is denied.
    pub(crate) fn refuse(
        &mut self,
        request: &Request<'_>,
        rejection: Rejection,
        now: Now,
    ) -> Rejection {
        let peer = self.peers.find(&request.path);
        let denial = match rejection {
            Rejection::Denied(denial) => denial,
            Rejection::Discarded(discard) => {
                if matches!(
                    discard,
                    Discard::SessionNotFound | Discard::RevocationPending | Discard::Congestion
                ) {
                    let class = self.class_of(request);
                    self.statistics.count_class(class, Outcome::Discarded);
                }
                self.statistics.count_discard(discard);
                if let Some(counters) = self.peers.counters_mut(peer) {
                    counters.received += 1;
                    counters.discarded += 1;
                }
                return rejection;
            }
        };
        let class = self.class_of(request);
        self.statistics.count_class(class, Outcome::Denied);
        self.statistics.count_denial(denial);
        if let Some(counters) = self.peers.counters_mut(peer) {
            counters.received += 1;
            counters.denied += 1;
        }
        let last = self.last_sequence(request);
        let mut bytes = self.buffers.take();
        answer::deny(&mut bytes, request, denial, last, Timestamp::from_system_time(now.wall));
        self.send_answer(request, peer, bytes);
        self.statistics.acks_sent.denied += 1;
        let what = What::Denied { peer: request.path.peer.ip(), denial };
        self.push_event(self.settings.customer, Self::mn_id_of(request), what);
        if denial == Denial::ServiceNotAuthorized {
            self.end_unauthorized(request, now);
        }
        rejection
    }

    /// Answers and counts an update of a session that is accepted.
    pub(crate) fn acknowledge(
        &mut self,
        request: &Request<'_>,
        class: Class,
        session: Slot,
        acceptance: Acceptance,
    ) {
        let mut bytes = self.buffers.take();
        let delegated = &self.cache[session].delegated;
        let parameters = answer::mag_parameters(&self.settings);
        answer::accept(&mut bytes, request, &acceptance, delegated, parameters);
        self.send_acceptance(request, class, &acceptance, bytes);
    }

    /// Sends and counts the acknowledgement of an update that is accepted.
    pub(crate) fn send_acceptance(
        &mut self,
        request: &Request<'_>,
        class: Class,
        acceptance: &Acceptance,
        bytes: Vec<u8>,
    ) {
        let peer = self.peers.find(&request.path);
        self.send_answer(request, peer, bytes);
        self.statistics.received.accepted += 1;
        self.statistics.count_class(class, Outcome::Accepted);
        let acks = &mut self.statistics.acks_sent;
        match acceptance.lifetime.is_zero() {
            true => acks.accepted_deregistration += 1,
            false => acks.accepted_registration += 1,
        }
        if class == Class::Initial && acceptance.status == Status::ACCEPTED {
            acks.accepted_initial += 1;
        }
        if let Some(counters) = self.peers.counters_mut(peer) {
            counters.received += 1;
            counters.accepted += 1;
        }
    }

    /// Protects an acknowledgement and sends it back the way its update came.
    fn send_answer(&mut self, request: &Request<'_>, peer: Option<PeerIndex>, mut bytes: Vec<u8>) {
        let care_of = answer::care_of_address(&request.path, request.options);
        answer::seal(&mut bytes, &request.path, care_of, self.protection(request, peer));
        let dscp = dscp::answer(self.peers.policy(peer).dscp, request.dscp);
        self.output.push_back(Output::Send { path: request.path, dscp, bytes });
        self.statistics.acks_sent.total += 1;
    }

    /// The last accepted sequence number of the session that an update is about.
    fn last_sequence(&self, request: &Request<'_>) -> Option<Sequence> {
        match self.look_up(request, None) {
            Ok(Decision::Update(slot) | Decision::Wait(slot)) => Some(self.cache[slot].sequence),
            Ok(Decision::New | Decision::Ignore) | Err(_) => None,
        }
    }

    /// Counts a message that is dropped before it is understood, or is no update.
    pub(crate) fn discard(
        &mut self,
        d: Datagram<'_>,
        discard: Discard,
        peer: Option<PeerIndex>,
    ) -> Rejection {
        let mh_type = d.bytes.get(2).map(|octet| MhType(*octet));
        if let Some(counters) = self.peers.counters_mut(peer) {
            match mh_type {
                Some(MhType::BINDING_UPDATE) => {
                    counters.received += 1;
                    counters.discarded += 1;
                }
                _ => counters.unusable += 1,
            }
        }
        match mh_type {
            Some(MhType::BINDING_UPDATE) => self.statistics.count_discard(discard),
            Some(MhType::BINDING_REVOCATION) => {
                self.statistics.count_revocation_discard(discard, d.bytes.get(6).copied());
            }
            _ => self.statistics.other_signalling.discarded += 1,
        }
        Rejection::Discarded(discard)
    }
}
