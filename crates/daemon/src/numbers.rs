//! The numbers of customers, beside those of routing worlds.
//!
//! A number means the same customer as long as the daemon runs: one that was removed a moment ago
//! and still hears answers is never taken for what came after it.

use std::collections::BTreeMap;

use kedge_model::CustomerId;

use crate::worlds::Worlds;

/// Every customer and every routing world that the daemon has heard of.
#[derive(Debug, Default)]
pub struct Numbers {
    /// The routing worlds.
    pub worlds: Worlds,
    customers: BTreeMap<String, CustomerId>,
}

impl Numbers {
    /// The number of a customer; `None` if there have been as many as there are numbers.
    pub fn customer(&mut self, name: &str) -> Option<CustomerId> {
        if let Some(known) = self.customers.get(name) {
            return Some(*known);
        }
        // The first number is that of what an anchor serves without customers.
        let next = u32::try_from(self.customers.len() + 1).ok().map(CustomerId);
        let next = next.filter(|next| *next <= CustomerId::MAX)?;
        self.customers.insert(name.to_owned(), next);
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_keeps_its_number_and_there_are_as_many_as_a_binding_has_room_for() {
        let mut numbers = Numbers::default();
        let first = numbers.customer("CUST1").expect("room");
        assert_eq!((first, numbers.customer("CUST2")), (CustomerId(1), Some(CustomerId(2))));
        assert_eq!(numbers.customer("CUST1"), Some(first));
        for number in 3..=CustomerId::MAX.0 {
            numbers.customer(&format!("CUST{number}")).expect("room");
        }
        assert_eq!(numbers.customer("more"), None);
        assert_eq!(numbers.customer("CUST1"), Some(first));
    }
}
