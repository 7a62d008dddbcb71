//! What all customers add up to.

use kedge_telemetry::Group;

use super::Customers;
use crate::overload::Load;

impl Customers {
    /// The counter groups of [`Lma::statistics`](crate::Lma::statistics), of all customers
    /// together, former ones included; and behind them what no customer counts.
    pub fn statistics(&self) -> Vec<Group> {
        let each = self.list.values().map(|customer| customer.lma.statistics());
        let mut sum = each.fold(self.former.clone(), add);
        sum.push(Group::of(&self.dispatch));
        sum
    }

    /// How many updates wait for another gateway's de-registration.
    pub fn pending(&self) -> usize {
        self.list.values().map(|customer| customer.lma.pending()).sum()
    }

    /// How busy the anchor is with the customer that it is busiest with.
    pub fn load(&self) -> Load {
        self.list.values().map(|customer| customer.lma.load()).max().unwrap_or_default()
    }

    /// Sets the counters of every gateway of every customer back to zero.
    pub fn clear_peer_counters(&mut self) {
        self.list.values_mut().for_each(|customer| customer.lma.clear_peer_counters());
    }
}

/// Adds the counters of one machine to a sum, which has the same groups.
pub(super) fn add(sum: Vec<Group>, more: Vec<Group>) -> Vec<Group> {
    sum.into_iter().zip(more).map(|(sum, more)| sum.plus(more)).collect()
}
