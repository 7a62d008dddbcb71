//! One machine's data plane, and the changes that wait for the end of the turn.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kedge_dataplane::{
    AccessList, BindingCounters, Change, Dataplane, DataplaneError, Narrow, Policy, Totals,
};
use kedge_model::{BindingId, Forwarding, VrfId};
use tracing::{error, info};

use crate::hit_log::HitLog;

/// A list of a policy, and what it has counted.
type List = Option<Arc<AccessList>>;

/// Collects what a machine wants while a batch is handled and makes it so in one call.
pub struct Plane {
    backend: Box<dyn Dataplane>,
    waiting: Vec<Change>,
    /// What bindings had carried when their forwarding ended; a handover may begin it again.
    carried: BTreeMap<BindingId, BindingCounters>,
    /// Those of them whose forwarding is over at the next [`Self::commit`].
    ending: BTreeSet<BindingId>,
    policies: BTreeMap<VrfId, Policy>,
    hit_log: HitLog,
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
            policies: BTreeMap::new(),
            hit_log: HitLog::default(),
            failures: 0,
            stopped: false,
        }
    }

    /// Keeps a change until [`Self::commit`]. Gives what a binding has carried whose forwarding ends:
    /// from here on that stands still, and all who count it get the same number.
    pub fn want(
        &mut self,
        binding: BindingId,
        want: Option<Forwarding>,
    ) -> Option<BindingCounters> {
        if let Some(want) = want {
            self.waiting.push(Change::Bind { binding, want });
            return None;
        }
        let carried = self.counters(binding);
        if let Some(carried) = carried {
            self.carried.insert(binding, carried);
            self.ending.insert(binding);
        }
        self.waiting.push(Change::Unbind(binding));
        carried
    }

    /// Makes changes that are no bindings', at once, and those before one that fails.
    pub fn change(&mut self, changes: &[Change]) -> Result<(), DataplaneError> {
        self.backend.apply(changes)?;
        for change in changes {
            if let Change::RemoveDevice(vrf) = change {
                self.policies.remove(vrf);
            }
        }
        Ok(())
    }

    /// Deals with the packets of inner worlds like this from now on. Access lists that say what
    /// they said before, in these worlds or others, go on counting.
    pub fn set_policy(
        &mut self,
        worlds: impl Iterator<Item = VrfId>,
        mut policy: Policy,
    ) -> Result<(), DataplaneError> {
        let held = || self.policies.values();
        share(&mut policy.into_tunnels, held().map(|held| &held.into_tunnels));
        share(&mut policy.out_of_tunnels, held().map(|held| &held.out_of_tunnels));
        let others = worlds.filter(|vrf| self.policies.get(vrf) != Some(&policy));
        let others: Vec<VrfId> = others.collect();
        let change = |vrf: &VrfId| Change::SetPolicy { vrf: *vrf, policy: policy.clone() };
        self.change(&others.iter().map(change).collect::<Vec<_>>())?;
        self.policies.extend(others.into_iter().map(|vrf| (vrf, policy.clone())));
        self.hit_log.watch(self.policies.values());
        Ok(())
    }

    /// When [`Self::handle_timeout`] is to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.hit_log.poll_timeout()
    }

    /// Logs what access lists are to log.
    pub fn handle_timeout(&mut self, now: Instant) {
        for hits in self.hit_log.handle_timeout(now) {
            let (direction, entry) = (hits.direction, hits.entry);
            info!(packets = hits.packets, "access list on packets {direction} tunnels: {entry}");
        }
    }

    /// How the packets of an inner world are dealt with.
    pub fn policy(&self, vrf: VrfId) -> Option<&Policy> {
        self.policies.get(&vrf)
    }

    /// The ways to peers that were found to carry less than their first link.
    pub fn narrow_ways(&self) -> Vec<Narrow> {
        self.backend.narrow_ways()
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

    /// Waits at most this long until the host has nothing any more of what was removed, and says
    /// whether that is so.
    pub fn await_removed(&self, longest: Duration) -> bool {
        self.backend.await_removed(longest)
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

/// Takes the list that counts already where one says the same.
fn share<'a>(list: &mut List, mut held: impl Iterator<Item = &'a List>) {
    if let Some(held) = held.find(|held| *held == list) {
        list.clone_from(held);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use kedge_dataplane::{Addresses, Between, Rule};

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

    /// Whatever is held carries a packet more each time that one looks.
    #[derive(Default)]
    struct Busy(std::cell::Cell<u64>);

    impl Dataplane for Busy {
        fn apply(&mut self, _changes: &[Change]) -> Result<(), DataplaneError> {
            Ok(())
        }

        fn counters(&self, _binding: BindingId) -> Option<BindingCounters> {
            self.0.set(self.0.get() + 1);
            Some(BindingCounters { sent_packets: self.0.get(), ..BindingCounters::default() })
        }

        fn totals(&self) -> Totals {
            Totals::default()
        }
    }

    #[test]
    fn what_a_binding_carried_is_read_once_when_its_forwarding_ends_and_is_the_same_for_all() {
        let (mut plane, binding) = (Plane::new(Box::new(Busy::default())), BindingId(7));
        assert_ne!(plane.counters(binding), plane.counters(binding), "it goes on");
        let carried = plane.want(binding, None);
        assert_eq!(carried.map(|carried| carried.sent_packets), Some(3));
        assert_eq!(plane.counters(binding), carried);
        assert_eq!(plane.counters(binding), carried);
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

    #[test]
    fn worlds_share_a_list_that_goes_on_counting_until_it_says_something_else() {
        let any = Addresses { address: Ipv4Addr::UNSPECIFIED, wildcard: Ipv4Addr::BROADCAST };
        let of = |permit| Policy {
            into_tunnels: Some(Arc::new(AccessList::new([Rule {
                permit,
                protocol: None,
                between: Between::Ipv4 { source: any, destination: any },
                source_ports: None,
                destination_ports: None,
                messages: None,
                established: false,
                code_points: None,
                log: false,
            }]))),
            ..Policy::default()
        };
        let mut plane = Plane::new(Box::new(OnePacketEach(vec![])));
        let set = |plane: &mut Plane, vrf, permit| {
            plane.set_policy([VrfId(vrf)].into_iter(), of(permit)).unwrap();
        };
        let list = |plane: &Plane, vrf| plane.policy(VrfId(vrf)).unwrap().into_tunnels.clone();
        let same = |plane: &Plane, a, b| {
            let (a, b) = (list(plane, a).unwrap(), list(plane, b).unwrap());
            Arc::ptr_eq(&a, &b)
        };
        set(&mut plane, 1, true);
        let first = list(&plane, 1).unwrap();
        set(&mut plane, 2, true);
        set(&mut plane, 1, true);
        assert!(same(&plane, 1, 2) && Arc::ptr_eq(&first, &list(&plane, 1).unwrap()));
        set(&mut plane, 1, false);
        assert!(!same(&plane, 1, 2));
        set(&mut plane, 2, false);
        assert!(same(&plane, 1, 2));
        // A world that comes again has no policy yet.
        plane.change(&[Change::RemoveDevice(VrfId(2))]).unwrap();
        assert_eq!(plane.policy(VrfId(2)), None);
    }
}
