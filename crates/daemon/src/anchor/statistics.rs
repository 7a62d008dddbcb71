//! What an anchor counts, since it was cleared: of all customers together, and of each.

use std::time::Duration;

use kedge_lma::Lma;
use kedge_model::CustomerId;
use kedge_sansio::Now;
use kedge_telemetry::Group;

use super::Anchor;
use crate::counters::tunnel_groups;

impl Anchor {
    /// The counters since they were cleared, in the order of the vendor document: those of the
    /// tunnels stand before the disconnects, and are those of all customers together; one customer's
    /// have what its bindings carried, at the end.
    pub fn statistics(&self, only: Option<CustomerId>) -> Vec<Group> {
        match only {
            None => self.baseline.since(self.counted()),
            Some(id) => match self.baselines.get(&id) {
                Some(baseline) => baseline.since(self.counted_of(id)),
                None => self.counted_of(id),
            },
        }
    }

    /// For how long the counters have counted; `None` since the start.
    pub fn counted_for(&self, only: Option<CustomerId>, now: Now) -> Option<Duration> {
        match only {
            None => self.baseline.age(now),
            Some(id) => self.baselines.get(&id)?.age(now),
        }
    }

    /// Starts the counters again from zero, of one customer or all.
    pub fn clear_statistics(&mut self, only: Option<CustomerId>, now: Now) {
        if only.is_none() {
            self.baseline.clear(self.counted(), now);
        }
        self.customers.clear_peak(only, now.wall);
        let cleared: Vec<CustomerId> = self.machines(only).map(|(id, _)| id).collect();
        for id in cleared {
            let counted = self.counted_of(id);
            self.baselines.entry(id).or_default().clear(counted, now);
            self.customers.with(id, Lma::clear_peer_counters);
        }
        self.settle();
    }

    fn counted(&self) -> Vec<Group> {
        let mut groups = self.customers.statistics();
        let place = groups.iter().position(|group| group.key == "disconnects");
        let place = place.unwrap_or(groups.len());
        groups.splice(place..place, tunnel_groups(&self.ends.plane.totals()));
        groups
    }

    fn counted_of(&self, id: CustomerId) -> Vec<Group> {
        let Some(customer) = self.customers.customer(id) else { return Vec::new() };
        let mut data = self.carried.get(&id).copied().unwrap_or_default();
        let traffic = customer.lma().bindings().filter_map(|held| self.traffic(held.id));
        traffic.for_each(|carried| data.add(carried));
        let mut groups = customer.lma().statistics();
        groups.push(Group::of(&data));
        groups
    }
}
