//! Customers come, change and go while the others are served.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use kedge_model::CustomerId;
use kedge_sansio::Now;

use super::{Customer, CustomerSettings, Customers, CustomersSettings, Peak, sums};
use crate::Lma;
use crate::settings::Settings;

impl Customers {
    /// What is in force.
    pub fn settings(&self) -> CustomersSettings {
        let staying = self.list.values().filter(|customer| !customer.leaves);
        let customers = staying.map(|Customer { name, lma, .. }| {
            let (name, settings) = (name.clone(), lma.settings().clone());
            CustomerSettings { name, settings }
        });
        CustomersSettings { customers: customers.collect(), entitled: self.entitlement.entitled }
    }

    /// How many bindings other settings would end.
    pub fn ended_by(&self, settings: &CustomersSettings) -> usize {
        let new = settings.customers.iter().map(|new| (new.settings.customer, new));
        let new: BTreeMap<CustomerId, &CustomerSettings> = new.collect();
        let ended = self.list.iter().map(|(id, customer)| match new.get(id) {
            Some(new) if new.settings == *customer.lma.settings() => 0,
            Some(new) => customer.lma.ended_by(&new.settings),
            None if customer.leaves => 0,
            None => customer.lma.len() as usize,
        });
        ended.sum()
    }

    /// Command: other settings, in service. A customer that they leave as it is does not notice;
    /// of one that they change, and of one that they end, the bindings without a place are revoked.
    /// Says how many those were.
    pub fn apply(&mut self, settings: CustomersSettings, now: Now) -> usize {
        let CustomersSettings { customers, entitled } = settings;
        self.address(&customers);
        let stay: BTreeSet<CustomerId> =
            customers.iter().map(|new| new.settings.customer).collect();
        let leaving =
            self.list.iter().filter(|(id, customer)| !customer.leaves && !stay.contains(id));
        let leaving: Vec<CustomerId> = leaving.map(|(id, _)| *id).collect();
        let mut ended: usize = leaving.into_iter().map(|id| self.dismiss(id, now)).sum();
        for customer in customers {
            ended += self.install(customer, now);
        }
        self.entitlement.entitled = entitled;
        self.watch_entitlement();
        ended
    }

    /// The peak of one customer's bindings, or of all bindings and each customer's, is looked for
    /// from here on.
    pub fn clear_peak(&mut self, only: Option<CustomerId>, now: SystemTime) {
        if only.is_none() {
            self.entitlement.clear_peak(now);
        }
        for (id, customer) in &mut self.list {
            if only.is_none_or(|only| only == *id) {
                customer.peak.clear(customer.counted, now);
            }
        }
    }

    /// Gives the addresses to their customers. Where an address was a customer's until now and is
    /// nobody else's, it hears the answers to its revocations.
    fn address(&mut self, customers: &[CustomerSettings]) {
        self.by_address.clear();
        for CustomerSettings { settings, .. } in customers {
            for address in &settings.addresses {
                self.by_address.insert(*address, settings.customer);
            }
        }
        for (id, customer) in &self.list {
            for address in &customer.lma.settings().addresses {
                self.by_address.entry(*address).or_insert(*id);
            }
        }
    }

    fn install(&mut self, new: CustomerSettings, now: Now) -> usize {
        let CustomerSettings { name, settings } = new;
        let id = settings.customer;
        let Some(customer) = self.list.get_mut(&id) else {
            let mut lma = Lma::new(settings, self.rng.next_u64());
            if self.forwarding_stopped {
                lma.handle_forwarding_stopped();
            }
            let (counted, peak) = (0, Peak::default());
            let (due, is_ready, leaves) = (None, false, false);
            let customer = Customer { name, lma, counted, peak, due, is_ready, leaves };
            self.list.insert(id, customer);
            return 0;
        };
        (customer.name, customer.leaves) = (name, false);
        if settings == *customer.lma.settings() {
            return 0;
        }
        self.with(id, |lma| lma.apply(settings, now)).unwrap_or_default()
    }

    /// Revokes all that a customer has, and lets nobody register there.
    fn dismiss(&mut self, id: CustomerId, now: Now) -> usize {
        let Some(customer) = self.list.get_mut(&id) else { return 0 };
        customer.leaves = true;
        // A node without a profile is not authorized (RFC 5213 §5.3.1 (7)).
        let (profiles, default_profile) = Default::default();
        let served = customer.lma.settings().clone();
        let nobody = Settings { profiles, default_profile, aaa: false, ..served };
        self.with(id, |lma| lma.apply(nobody, now)).unwrap_or_default()
    }

    /// Forgets a customer that has left. What it counted stays in the sums.
    pub(super) fn part_with(&mut self, id: CustomerId) {
        let Some(customer) = self.list.remove(&id) else { return };
        customer.due.map(|at| self.due.remove(&(at, id)));
        for address in &customer.lma.settings().addresses {
            if self.by_address.get(address) == Some(&id) {
                self.by_address.remove(address);
            }
        }
        self.former = sums::add(std::mem::take(&mut self.former), customer.lma.statistics());
    }
}
