//! One machine's data plane, and the changes that wait for the end of the turn.

use std::collections::{BTreeMap, BTreeSet};

use kedge_dataplane::{BindingCounters, Change, Dataplane, DataplaneError, Totals};
use kedge_model::{BindingId, Forwarding};
use tracing::error;

/// Collects what a machine wants while a batch is handled and makes it so in one call.
pub struct Plane {
    backend: Box<dyn Dataplane>,
    waiting: Vec<Change>,
    /// What bindings had carried when their forwarding ended; a handover may begin it again.
    carried: BTreeMap<BindingId, BindingCounters>,
    /// Those of them whose forwarding is over at the next [`Self::commit`].
    ending: BTreeSet<BindingId>,
    failures: u64,
    stopped: bool,
}

impl Plane {
    /// Forwards through `backend`.
    pub fn new(backend: Box<dyn Dataplane>) -> Self {
        Self {
            backend,
            waiting: Vec::new(),
            carried: BTreeMap::new(),
            ending: BTreeSet::new(),
            failures: 0,
            stopped: false,
        }
    }

    /// Keeps a change until [`Self::commit`].
    pub fn want(&mut self, binding: BindingId, want: Option<Forwarding>) {
        self.waiting.push(match want {
            Some(want) => Change::Bind { binding, want },
            None => {
                if let Some(counters) = self.counters(binding) {
                    self.carried.insert(binding, counters);
                    self.ending.insert(binding);
                }
                Change::Unbind(binding)
            }
        });
    }

    /// Makes a change that is no binding's, at once.
    pub fn change(&mut self, change: Change) -> Result<(), DataplaneError> {
        self.backend.apply(&[change])
    }

    /// Forgets what a binding carried: it is over for good.
    pub fn forget(&mut self, binding: BindingId) {
        self.carried.remove(&binding);
    }

    /// Makes the changes so. One that fails leaves its subscriber without traffic and is logged
    /// and counted; those behind it are made all the same.
    pub fn commit(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        if self.backend.apply(&self.waiting).is_err() {
            // Which ones failed, and why, each for itself: what was made already is made again.
            for change in &self.waiting {
                if let Err(failure) = self.backend.apply(std::slice::from_ref(change)) {
                    self.failures += 1;
                    self.stopped |= matches!(failure, DataplaneError::Stopped);
                    error!("forwarding: {failure}");
                }
            }
        }
        self.waiting.clear();
        self.ending.clear();
    }

    /// What a binding's packets added up to, over all its handovers.
    pub fn counters(&self, binding: BindingId) -> Option<BindingCounters> {
        let before = self.carried.get(&binding).copied();
        if self.ending.contains(&binding) {
            return before;
        }
        let now = self.backend.counters(binding);
        let (Some(now), Some(before)) = (now, before) else { return now.or(before) };
        Some(BindingCounters {
            sent_packets: now.sent_packets + before.sent_packets,
            sent_bytes: now.sent_bytes + before.sent_bytes,
            received_packets: now.received_packets + before.received_packets,
            received_bytes: now.received_bytes + before.received_bytes,
        })
    }

    /// Everything that was counted since the start.
    pub fn totals(&self) -> Totals {
        self.backend.totals()
    }

    /// Whether the data plane has stopped, which it does once and for all.
    pub fn has_stopped(&self) -> bool {
        self.stopped || !self.backend.is_running()
    }

    /// How many changes the data plane has refused since the start.
    pub fn failures(&self) -> u64 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every binding that is held has carried one packet.
    struct OnePacketEach(Vec<BindingId>);

    impl Dataplane for OnePacketEach {
        fn apply(&mut self, changes: &[Change]) -> Result<(), DataplaneError> {
            for change in changes {
                match change {
                    Change::Bind { binding, .. } => self.0.push(*binding),
                    Change::Unbind(binding) => self.0.retain(|held| held != binding),
                    _ => {}
                }
            }
            Ok(())
        }

        fn counters(&self, binding: BindingId) -> Option<BindingCounters> {
            let counters = BindingCounters { sent_packets: 1, ..BindingCounters::default() };
            self.0.contains(&binding).then_some(counters)
        }

        fn totals(&self) -> Totals {
            Totals::default()
        }
    }

    /// Refuses every change, for this reason.
    struct Refusing(fn() -> DataplaneError);

    impl Dataplane for Refusing {
        fn apply(&mut self, _changes: &[Change]) -> Result<(), DataplaneError> {
            Err(self.0())
        }

        fn counters(&self, _binding: BindingId) -> Option<BindingCounters> {
            None
        }

        fn totals(&self) -> Totals {
            Totals::default()
        }
    }

    #[test]
    fn only_a_data_plane_that_says_so_has_stopped() {
        for (error, stopped) in [
            (Refusing(|| DataplaneError::Stopped), true),
            (Refusing(|| DataplaneError::OnPurpose), false),
        ] {
            let mut plane = Plane::new(Box::new(error));
            assert!(!plane.has_stopped());
            plane.want(BindingId(1), None);
            plane.commit();
            assert_eq!((plane.has_stopped(), plane.failures()), (stopped, 1));
        }
    }

    #[test]
    fn a_binding_keeps_its_counters_while_its_forwarding_ends_and_begins_again() {
        let forwarding = Forwarding { vrf: Default::default(), inner: vec![], paths: vec![] };
        let binding = BindingId(7);
        let mut plane = Plane::new(Box::new(OnePacketEach(vec![])));
        let sent = |plane: &Plane| plane.counters(binding).map(|counters| counters.sent_packets);
        plane.want(binding, Some(forwarding.clone()));
        plane.commit();
        assert_eq!(sent(&plane), Some(1));
        plane.want(binding, None);
        assert_eq!(sent(&plane), Some(1), "counted once before it is made so, too");
        plane.commit();
        assert_eq!(sent(&plane), Some(1));
        plane.want(binding, Some(forwarding));
        plane.commit();
        assert_eq!(sent(&plane), Some(2));
        plane.want(binding, None);
        plane.commit();
        plane.forget(binding);
        assert_eq!(sent(&plane), None);
    }
}
