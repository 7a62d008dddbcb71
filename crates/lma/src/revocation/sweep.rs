//! Orders about very many bindings: carried out by the slice, and signalling goes on between.
//!
//! ```text
//!   order  ──► Suspend: nothing is forwarded any more, each gateway is told once ──► done
//!   answer ──► End: what that gateway was told of ends, or is told of one by one ──► done
//! ```
//!
//! Sweeps go through the whole cache, one after the other, so that what an answer ends has been
//! suspended. The first slice of the first one is part of the order: few bindings are dealt with at
//! once. A binding that the order is about, and that the sweep has not come to, is no longer
//! extended either; only its packets pass for that long. What comes after the order is not its
//! business, wherever in the cache that is kept.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use foldhash::quality::FixedState;
use kedge_model::{MnId, Sequence, SignalPath};
use kedge_wire::registry::RevocationTrigger;
use kedge_wire::{MnIdOption, RevocationFlags};

use super::Subject;
use crate::binding::{Binding, State};
use crate::cache::Slot;
use crate::event::Release;
use crate::peers::PeerIndex;
use crate::{Lma, Now, Timer};

/// Bindings that a slice changes at most: what the data plane has to do for each takes some
/// microseconds.
const CHANGED: usize = 128;
/// Slots that a slice looks at, at most.
const SEEN: u32 = 4_096;

/// The least that can be later.
const MOMENT: Duration = Duration::from_nanos(1);

/// The bindings that an order is about.
#[derive(Clone, Debug)]
pub(crate) enum Which {
    /// Every one.
    All,
    /// Those of a gateway.
    OfPeer(PeerIndex),
    /// Those of the nodes of a realm, which is an identifier without a user.
    OfRealm(MnId),
}

impl Which {
    fn has(&self, binding: &Binding) -> bool {
        match self {
            Self::All => true,
            Self::OfPeer(peer) => binding.paths.first().peer == *peer,
            Self::OfRealm(realm) => is_of_realm(&binding.mn_id, realm),
        }
    }

    fn trigger(&self) -> RevocationTrigger {
        match self {
            Self::All | Self::OfPeer(_) => RevocationTrigger::PER_PEER_POLICY,
            Self::OfRealm(_) => RevocationTrigger::REVOKING_MOBILITY_NODE_LOCAL_POLICY,
        }
    }
}

/// Whether a node's identifier has behind its user all that another one has. Subdomains are other
/// realms (§8.1).
pub(super) fn is_of_realm(mn_id: &MnId, realm: &MnId) -> bool {
    let octets = mn_id.octets();
    let at = octets.iter().rposition(|octet| *octet == b'@');
    mn_id.subtype() == realm.subtype() && at.is_some_and(|at| &octets[at..] == realm.octets())
}

/// What is done, and how far that is.
#[derive(Debug)]
pub(crate) struct Sweep {
    task: Task,
    /// The place of the next slot.
    next: u32,
}

#[derive(Debug)]
enum Task {
    /// Takes bindings back, by one message for each path to a gateway (§8.1: the G flag).
    Suspend {
        which: Which,
        /// When that was ordered.
        since: Instant,
        reason: Release,
        told: HashMap<SignalPath, Option<Sequence>, FixedState>,
    },
    /// Ends what an indication was about. A gateway that does not give up many at once is asked
    /// for each.
    End { sequence: Sequence, reason: Release, one_by_one: bool },
}

impl Sweep {
    fn is_about(&self, binding: &Binding) -> bool {
        match &self.task {
            Task::Suspend { which, since, .. } => binding.created <= *since && which.has(binding),
            Task::End { sequence, .. } => binding.state == State::Revoking(*sequence),
        }
    }

    /// Why the bindings that are known by this number end, if any are.
    pub(super) fn ending(&self, number: Sequence) -> Option<Release> {
        match self.task {
            Task::End { sequence, reason, .. } if sequence == number => Some(reason),
            _ => None,
        }
    }
}

impl Lma {
    /// Takes bindings back.
    pub(crate) fn take_back_many(&mut self, which: Which, reason: Release, now: Now) {
        let told = HashMap::default();
        self.sweep(Task::Suspend { which, since: now.mono, reason, told }, now);
    }

    /// Ends the bindings that an indication was about.
    pub(super) fn end_many(
        &mut self,
        sequence: Sequence,
        reason: Release,
        one_by_one: bool,
        now: Now,
    ) {
        self.sweep(Task::End { sequence, reason, one_by_one }, now);
    }

    fn sweep(&mut self, task: Task, now: Now) {
        self.sweeps.push_back(Sweep { task, next: 0 });
        if self.sweeps.len() == 1 {
            self.sweep_due(now);
        }
    }

    /// Takes a slice, and comes back for the next one behind whatever waits.
    pub(crate) fn sweep_due(&mut self, now: Now) {
        self.sweep_slice(now);
        if !self.sweeps.is_empty() {
            self.timers.insert(now.mono + MOMENT, Timer::Sweep);
        }
    }

    /// Does all that is left of the sweeps.
    pub(crate) fn finish_sweeps(&mut self, now: Now) {
        while !self.sweeps.is_empty() {
            self.sweep_slice(now);
        }
    }

    /// Whether a sweep has yet to come to this binding, which is taken back.
    pub(super) fn is_to_be_suspended(&self, slot: Slot) -> bool {
        let suspends = |sweep: &&Sweep| matches!(sweep.task, Task::Suspend { .. });
        self.sweeps.iter().filter(suspends).any(|sweep| sweep.is_about(&self.cache[slot]))
    }

    /// When a binding that is made begins: after every order that is not about it.
    pub(crate) fn beginning(&self, now: Now) -> Instant {
        let orders = self.sweeps.iter().filter_map(|sweep| match sweep.task {
            Task::Suspend { since, .. } => Some(since + MOMENT),
            Task::End { .. } => None,
        });
        orders.fold(now.mono, Instant::max)
    }

    fn sweep_slice(&mut self, now: Now) {
        let Some(mut sweep) = self.sweeps.pop_front() else { return };
        let mut changed = 0;
        let end = self.cache.slots().min(sweep.next.saturating_add(SEEN));
        while sweep.next < end && changed < CHANGED {
            let found = self.cache.at(sweep.next).filter(|(_, binding)| sweep.is_about(binding));
            let found = found.map(|(slot, _)| slot);
            sweep.next += 1;
            if let Some(slot) = found {
                changed += 1;
                self.carry_out(&mut sweep.task, slot, now);
            }
        }
        if sweep.next < self.cache.slots() {
            self.sweeps.push_front(sweep);
        }
    }

    fn carry_out(&mut self, task: &mut Task, slot: Slot, now: Now) {
        match task {
            Task::End { reason, one_by_one: true, .. } => self.tell_of_end(slot, *reason, now),
            Task::End { reason, .. } => self.end(slot, *reason, now),
            Task::Suspend { reason, .. } if !self.cache[slot].is_held() => {
                self.end_unheld(slot, *reason, now);
            }
            Task::Suspend { which, reason, told, .. } => {
                let at = self.cache[slot].paths.first().clone();
                let sequence = *told.entry(at.signal).or_insert_with(|| {
                    let flags = RevocationFlags::P | RevocationFlags::G;
                    let (trigger, subject) = (which.trigger(), Subject::AllEnding(*reason));
                    self.send_indication(&at, trigger, flags, subject, now, |_, encoder| {
                        if let Which::OfRealm(realm) = which {
                            encoder.option(MnIdOption::from(&*realm));
                        }
                    })
                });
                match sequence {
                    Some(sequence) => self.suspend(slot, sequence),
                    None => self.end(slot, *reason, now),
                }
            }
        }
    }
}
