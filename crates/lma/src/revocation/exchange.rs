//! One indication and its acknowledgement (RFC 5846 §5, §6).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

use kedge_model::{BindingId, Datagram, Ipv4Net, Sequence, SignalPath};
use kedge_sansio::{Backoff, TimerId};
use kedge_wire::registry::RevocationTrigger;
use kedge_wire::{
    AlternateCareOfAddress, BindingRevocationAcknowledgement, BindingRevocationIndication, Encoder,
    HomeNetworkPrefix, Ipv4HomeAddressRequest, MnIdOption, OptionsRef, RevocationFlags,
};

use super::{Answer, Subject, Sweep};
use crate::addresses::HomeAddresses;
use crate::answer::seal;
use crate::cache::{NodeKey, Slot};
use crate::event::Output;
use crate::paths::BindingPath;
use crate::peers::PeerIndex;
use crate::rejection::Discard;
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
pub(super) struct Outstanding {
    pub(super) path: SignalPath,
    dscp: u8,
    /// The whole message: what is sent again is the same (§6.3).
    bytes: Vec<u8>,
    flags: RevocationFlags,
    pub(super) subject: Subject,
    backoff: Backoff,
    retries_left: u8,
    timer: TimerId,
}

impl Revocations {
    /// `first` is random, so that an answer to an earlier run does not match.
    pub fn new(first: u16) -> Self {
        Self { outstanding: BTreeMap::new(), by_binding: BTreeSet::new(), last: Sequence(first) }
    }

    /// A number that no outstanding indication has (§5.1), and no sweep knows bindings by; `None`
    /// if all are taken.
    fn number(&mut self, sweeps: &VecDeque<Sweep>) -> Option<Sequence> {
        if self.outstanding.len() + sweeps.len() > usize::from(u16::MAX) {
            return None;
        }
        let is_taken = |last: Sequence| {
            self.outstanding.contains_key(&last.0)
                || sweeps.iter().any(|sweep| sweep.ending(last).is_some())
        };
        let mut last = self.last.next();
        while is_taken(last) {
            last = last.next();
        }
        self.last = last;
        Some(last)
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

    /// What the outstanding indication of this number is about.
    pub(super) fn subject(&self, sequence: Sequence) -> Option<Subject> {
        self.outstanding.get(&sequence.0).map(|bri| bri.subject)
    }

    /// The outstanding indications about a binding.
    pub(super) fn about(&self, id: BindingId) -> impl Iterator<Item = (Sequence, &Outstanding)> {
        self.by_binding.range((id, 0)..=(id, u16::MAX)).filter_map(|(_, sequence)| {
            Some((Sequence(*sequence), self.outstanding.get(sequence)?))
        })
    }

    /// The indication that tells this sender that the node of a binding has left it.
    pub(super) fn departure(&self, id: BindingId, sender: &SignalPath) -> Option<Sequence> {
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
    pub(super) fn forget_revocation(&mut self, sequence: Sequence) -> Option<Outstanding> {
        let bri = self.revocations.remove(sequence)?;
        self.timers.remove(bri.timer);
        Some(bri)
    }

    /// Sends an indication about one binding as the gateway at `at` knows it.
    pub(super) fn indicate(
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
        self.send_indication(at, trigger, flags, subject, now, |lma, encoder| {
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
    pub(super) fn send_indication(
        &mut self,
        at: &BindingPath,
        trigger: RevocationTrigger,
        flags: RevocationFlags,
        subject: Subject,
        now: Now,
        write_options: impl FnOnce(&Self, &mut Encoder<'_>),
    ) -> Option<Sequence> {
        let sequence = self.revocations.number(&self.sweeps)?;
        let mut bytes = self.buffers.take();
        let body = BindingRevocationIndication { trigger, sequence, flags };
        let mut encoder = Encoder::new(&mut bytes, body);
        write_options(self, &mut encoder);
        encoder.finish();
        let policy = self.peers.policy(Some(at.peer));
        let path = at.signal;
        seal(&mut bytes, &path, at.known_to_itself(), policy.beyond_updates());
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
        self.peers.get_mut(at.peer).counters.indications_sent += 1;
        self.statistics.count_revocation_trigger(trigger);
        Some(sequence)
    }

    /// An indication was not answered in time (§6.3).
    pub(crate) fn revocation_due(&mut self, sequence: Sequence, now: Now) {
        let Some(bri) = self.revocations.outstanding.get_mut(&sequence.0) else { return };
        if bri.retries_left == 0 {
            self.statistics.binding_revocation.not_acknowledged += 1;
            return self.finish_revocation(sequence, Answer::None, now);
        }
        bri.retries_left -= 1;
        let due = now.mono + bri.backoff.next_interval();
        bri.timer = self.timers.insert(due, Timer::Revocation(sequence));
        let mut bytes = self.buffers.take();
        bytes.extend_from_slice(&bri.bytes);
        self.output.push_back(Output::Send { path: bri.path, dscp: bri.dscp, bytes });
        self.statistics.binding_revocation.retries_sent += 1;
    }

    /// §6.2: a gateway that does not know the message says so by a Binding Error. What waits for
    /// its acknowledgement has waited long enough.
    pub(crate) fn revocations_not_understood(
        &mut self,
        from: &SignalPath,
        now: Now,
    ) -> Result<(), Discard> {
        let to_it = |(number, bri): (&u16, &Outstanding)| {
            same_peer(&bri.path, from).then_some(Sequence(*number))
        };
        let unanswered: Vec<Sequence> =
            self.revocations.outstanding.iter().filter_map(to_it).collect();
        for sequence in &unanswered {
            self.statistics.binding_revocation.not_acknowledged += 1;
            self.finish_revocation(*sequence, Answer::NotUnderstood, now);
        }
        if unanswered.is_empty() { Err(Discard::Unexpected) } else { Ok(()) }
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
        if let Some(counters) = self.peers.counters_mut(peer) {
            counters.indications_acknowledged += 1;
        }
        self.finish_revocation(bra.sequence, Answer::Status(bra.status), now);
        Ok(())
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
