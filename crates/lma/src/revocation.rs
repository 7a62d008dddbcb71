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
//! | an order about IPv4 alone | 0 to 7, V flag | goes on as it was | goes on without IPv4 |
//!
//! What expires, and what its gateway has de-registered, is not revoked: there is nobody to tell.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use foldhash::quality::FixedState;
use kedge_model::{BindingId, CustomerId, Datagram, Ipv4Net, MnId, Sequence, SignalPath};
use kedge_sansio::{Backoff, TimerId};
use kedge_wire::registry::{AccessTechnologyType, RevocationStatus, RevocationTrigger};
use kedge_wire::{
    AlternateCareOfAddress, BindingRevocationAcknowledgement, BindingRevocationIndication, Encoder,
    HomeNetworkPrefix, Ipv4HomeAddressRequest, MnIdOption, OptionsRef, RevocationFlags,
};

use crate::addresses::HomeAddresses;
use crate::answer::seal;
use crate::binding::{Binding, State};
use crate::cache::{NodeKey, Slot};
use crate::event::{Output, Release, What};
use crate::lookup::Decision;
use crate::paths::BindingPath;
use crate::peers::PeerIndex;
use crate::rejection::Discard;
use crate::request::Request;
use crate::{Lma, Now, Timer, dscp};

/// The indications that wait for their acknowledgement.
#[derive(Debug)]
pub(crate) struct Revocations {
    outstanding: BTreeMap<u16, Outstanding>,
    /// The same by binding, for those of one.
    by_binding: BTreeSet<(BindingId, u16)>,
    /// The number given last.
    last: Sequence,
}

/// An indication that waits for its acknowledgement.
#[derive(Debug)]
struct Outstanding {
    path: SignalPath,
    dscp: u8,
    /// The whole message: what is sent again is the same (§6.3).
    bytes: Vec<u8>,
    flags: RevocationFlags,
    subject: Subject,
    backoff: Backoff,
    retries_left: u8,
    timer: TimerId,
}

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
    /// The bindings of a gateway, which end.
    AllEnding(Release),
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

impl Revocations {
    /// `first` is random, so that an answer to an earlier run does not match.
    pub fn new(first: u16) -> Self {
        Self { outstanding: BTreeMap::new(), by_binding: BTreeSet::new(), last: Sequence(first) }
    }

    /// A number that no outstanding indication has (§5.1); `None` if all are taken.
    fn number(&mut self) -> Option<Sequence> {
        if self.outstanding.len() > usize::from(u16::MAX) {
            return None;
        }
        self.last = self.last.next();
        while self.outstanding.contains_key(&self.last.0) {
            self.last = self.last.next();
        }
        Some(self.last)
    }

    fn insert(&mut self, sequence: Sequence, indication: Outstanding) {
        if let Some(id) = indication.subject.binding() {
            self.by_binding.insert((id, sequence.0));
        }
        self.outstanding.insert(sequence.0, indication);
    }

    fn remove(&mut self, sequence: Sequence) -> Option<Outstanding> {
        let indication = self.outstanding.remove(&sequence.0)?;
        if let Some(id) = indication.subject.binding() {
            self.by_binding.remove(&(id, sequence.0));
        }
        Some(indication)
    }

    /// The outstanding indications about a binding.
    fn about(&self, id: BindingId) -> impl Iterator<Item = (Sequence, &Outstanding)> {
        self.by_binding.range((id, 0)..=(id, u16::MAX)).filter_map(|(_, sequence)| {
            Some((Sequence(*sequence), self.outstanding.get(sequence)?))
        })
    }

    /// The indication that tells this sender that the node of a binding has left it.
    fn departure(&self, id: BindingId, sender: &SignalPath) -> Option<Sequence> {
        if self.outstanding.is_empty() {
            return None;
        }
        let tells = |bri: &Outstanding| {
            bri.subject == Subject::Departed(id) && same_peer(&bri.path, sender)
        };
        self.about(id).find_map(|(sequence, bri)| tells(bri).then_some(sequence))
    }
}

fn same_peer(one: &SignalPath, other: &SignalPath) -> bool {
    one.transport == other.transport && one.peer.ip() == other.peer.ip()
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

    /// A binding that its gateway holds ends when the gateway has been told; any other, and one
    /// that is already being taken back, at once.
    fn take_back(&mut self, slot: Slot, trigger: RevocationTrigger, reason: Release, now: Now) {
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
        let (at, held) = (binding.paths.first().clone(), binding.addresses);
        let trigger = RevocationTrigger::INTER_MAG_HANDOVER_UNKNOWN;
        self.indicate(slot, &at, held, trigger, Subject::Contested(binding.id), now);
    }

    /// Nobody waits for the answer to [`Self::ask_for_node`] any more.
    pub(crate) fn stop_asking(&mut self, id: BindingId) {
        let asked = |bri: &Outstanding| bri.subject == Subject::Contested(id);
        let found = self.revocations.about(id).find(|(_, bri)| asked(bri));
        if let Some((sequence, _)) = found {
            self.forget_revocation(sequence);
        }
    }

    /// Whether an update may not be acted on because of a revocation (§8.1, the race). A binding
    /// that is being taken back is not extended; its gateway may still give it up. And a gateway
    /// that merely extends a session which has moved on has not heard of it yet.
    pub(crate) fn is_revocation_pending(&self, slot: Slot, request: &Request<'_>) -> bool {
        let binding = &self.cache[slot];
        let goes_on = !request.is_deregistration();
        let taken_back = matches!(binding.state, State::Revoking(_));
        goes_on
            && (taken_back
                || request.is_reregistration()
                    && self.revocations.departure(binding.id, &request.path).is_some())
    }

    /// The node is back at a gateway that is still being told of its departure.
    pub(crate) fn cancel_departure(&mut self, slot: Slot, path: &SignalPath) {
        if let Some(sequence) = self.revocations.departure(self.cache[slot].id, path) {
            self.forget_revocation(sequence);
        }
    }

    /// An indication was not answered in time (§6.3).
    pub(crate) fn revocation_due(&mut self, sequence: Sequence, now: Now) {
        let Some(bri) = self.revocations.outstanding.get_mut(&sequence.0) else { return };
        if bri.retries_left == 0 {
            self.statistics.binding_revocation.not_acknowledged += 1;
            return self.finish_revocation(sequence, None, now);
        }
        bri.retries_left -= 1;
        let due = now.mono + bri.backoff.next_interval();
        bri.timer = self.timers.insert(due, Timer::Revocation(sequence));
        let mut bytes = self.buffers.take();
        bytes.extend_from_slice(&bri.bytes);
        self.output.push_back(Output::Send { path: bri.path, dscp: bri.dscp, bytes });
        self.statistics.binding_revocation.retries_sent += 1;
    }

    /// §6.2.2: an acknowledgement is of the indication with its number, to its sender.
    pub(crate) fn handle_revocation_acknowledgement(
        &mut self,
        d: Datagram<'_>,
        bra: BindingRevocationAcknowledgement,
        options: OptionsRef<'_>,
        peer: Option<PeerIndex>,
        now: Now,
    ) -> Result<(), Discard> {
        self.check_protection(d, options, peer)?;
        let bri = self.revocations.outstanding.get(&bra.sequence.0);
        let Some(bri) = bri.filter(|bri| same_peer(&bri.path, &d.path)) else {
            return Err(match self.names_unknown_node(options) {
                true => Discard::SessionNotFound,
                false => Discard::NoMatchingRequest,
            });
        };
        if bra.flags != bri.flags {
            return Err(Discard::Contradiction); // §6.1.2: the flags come back as they were
        }
        self.statistics.binding_revocation.acks_received += 1;
        self.statistics.count_revocation_status(bra.status);
        self.finish_revocation(bra.sequence, Some(bra.status), now);
        Ok(())
    }

    /// Does what an indication was sent for. `status` is the gateway's answer, if there was one.
    fn finish_revocation(
        &mut self,
        sequence: Sequence,
        status: Option<RevocationStatus>,
        now: Now,
    ) {
        let Some(bri) = self.forget_revocation(sequence) else { return };
        let slot = bri.subject.binding().and_then(|id| self.cache.slot_of(id));
        if !status.is_some_and(RevocationStatus::is_success) {
            let what = What::RevocationFailed { peer: bri.path.peer.ip(), status };
            let mn_id = slot.map_or_else(nobody, |slot| self.cache[slot].mn_id.clone());
            self.push_event(self.settings.customer, mn_id, what);
        }
        match (bri.subject, slot) {
            (Subject::Contested(_), Some(slot)) => self.settle_contest(slot, status, now),
            (Subject::Ending(_, reason), Some(slot)) => self.end(slot, reason, now),
            (Subject::LosingIpv4(_), Some(slot)) => self.drop_ipv4(slot, now),
            (Subject::AllEnding(reason), _) => {
                let ending = |b: &Binding| b.state == State::Revoking(sequence);
                let slots: Vec<Slot> =
                    self.cache.iter().filter(|(_, b)| ending(b)).map(|(slot, _)| slot).collect();
                slots.iter().for_each(|slot| self.end(*slot, reason, now));
            }
            (Subject::Departed(_), _) | (_, None) => {}
        }
    }

    /// §8.1, the three conditions. A gateway that knows no such binding does not have the node
    /// either. Any other refusal says nothing about the node, and the wait goes on.
    fn settle_contest(&mut self, slot: Slot, status: Option<RevocationStatus>, now: Now) {
        match status {
            Some(status)
                if status.is_success() || status == RevocationStatus::BINDING_DOES_NOT_EXIST =>
            {
                self.leave_to_others(slot, now);
            }
            Some(RevocationStatus::REVOCATION_FAILED_MN_IS_ATTACHED) | None => {
                self.resume_waiting(slot, Decision::New, now);
            }
            Some(_) => {}
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

    /// §8.1: the tunnel goes at once, the entry stays until the gateway has answered.
    fn suspend(&mut self, slot: Slot, sequence: Sequence) {
        self.cache[slot].state = State::Revoking(sequence);
        self.want_forwarding(slot);
    }

    fn forget_revocation(&mut self, sequence: Sequence) -> Option<Outstanding> {
        let bri = self.revocations.remove(sequence)?;
        self.timers.remove(bri.timer);
        Some(bri)
    }

    /// Sends an indication about one binding as the gateway at `at` knows it.
    fn indicate(
        &mut self,
        slot: Slot,
        at: &BindingPath,
        held: HomeAddresses,
        trigger: RevocationTrigger,
        subject: Subject,
        now: Now,
    ) -> Option<Sequence> {
        // §8.1: one of several bindings of a node is named by its addresses too.
        let binding = &self.cache[slot];
        let key = NodeKey::new(binding.customer, &binding.mn_id);
        let is_only = self.cache.of_node(key).nth(1).is_none();
        let ipv4_alone = matches!(subject, Subject::LosingIpv4(_))
            || held.prefixes.is_empty() && held.ipv4.is_some() && !is_only;
        let flags = match ipv4_alone {
            true => RevocationFlags::P | RevocationFlags::V,
            false => RevocationFlags::P,
        };
        let (path, care_of) = (at.signal, at.care_of);
        self.send_indication(path, at.peer, trigger, flags, subject, now, |lma, encoder| {
            encoder.option(MnIdOption::from(&lma.cache[slot].mn_id));
            held.prefixes.iter().for_each(|p| encoder.option(HomeNetworkPrefix::new(p)));
            if let Some(home) = held.ipv4.filter(|_| ipv4_alone)
                && let Ok(address) = Ipv4Net::new(home.address, home.prefix_len)
            {
                encoder.option(Ipv4HomeAddressRequest { address });
            }
            if let IpAddr::V6(care_of) = care_of
                && path.peer.ip() != care_of
            {
                encoder.option(AlternateCareOfAddress(care_of));
            }
        })
    }

    /// Sends an indication along the way its gateway's last update came (§4, §8.1), and waits for
    /// the answer. `None` if every sequence number waits for one: 65,536 in a few seconds.
    #[expect(clippy::too_many_arguments, reason = "they are what the message is made of")]
    fn send_indication(
        &mut self,
        path: SignalPath,
        peer: PeerIndex,
        trigger: RevocationTrigger,
        flags: RevocationFlags,
        subject: Subject,
        now: Now,
        write_options: impl FnOnce(&Self, &mut Encoder<'_>),
    ) -> Option<Sequence> {
        let sequence = self.revocations.number()?;
        let mut bytes = self.buffers.take();
        let body = BindingRevocationIndication { trigger, sequence, flags };
        let mut encoder = Encoder::new(&mut bytes, body);
        write_options(self, &mut encoder);
        encoder.finish();
        let policy = self.peers.policy(Some(peer));
        seal(&mut bytes, &path, policy.beyond_updates());
        let dscp = dscp::answer(policy.dscp, 0);
        let times = self.settings.revocation;
        let mut backoff = Backoff::new(times.delay_min, times.delay_max);
        let due = now.mono + backoff.next_interval();
        let indication = Outstanding {
            path,
            dscp,
            bytes: bytes.clone(),
            flags,
            subject,
            backoff,
            retries_left: times.retries,
            timer: self.timers.insert(due, Timer::Revocation(sequence)),
        };
        self.revocations.insert(sequence, indication);
        self.output.push_back(Output::Send { path, dscp, bytes });
        self.statistics.binding_revocation.sent += 1;
        self.statistics.count_revocation_trigger(trigger);
        Some(sequence)
    }

    /// Whether a message names a node that has no binding.
    fn names_unknown_node(&self, options: OptionsRef<'_>) -> bool {
        options.get::<MnIdOption<'_>>().is_some_and(|id| {
            let key = NodeKey {
                customer: self.settings.customer,
                subtype: id.subtype().0,
                octets: id.identifier(),
            };
            self.cache.of_node(key).next().is_none()
        })
    }
}

/// The identifier of an event that is about no single node.
fn nobody() -> MnId {
    MnIdOption::EMPTY.to_mn_id()
}
