//! What became of accounting records: of all of them, and of each customer's.
//!
//! A record says itself whose it is, those of an earlier run too. Those of the customer without a
//! name, and Accounting-On and -Off, are in the sum alone.

use std::collections::BTreeMap;

use kedge_radius::{AccountingCounters, AttributeType, attributes};

/// The counters.
#[derive(Debug, Default)]
pub struct Books {
    all: AccountingCounters,
    customers: BTreeMap<String, AccountingCounters>,
}

impl Books {
    /// Counts something about the record with these attributes.
    pub fn count(&mut self, record: &[u8], add: impl Fn(&mut AccountingCounters)) {
        add(&mut self.all);
        let Some(customer) = customer(record) else { return };
        match self.customers.get_mut(customer) {
            Some(counters) => add(counters),
            None => add(self.customers.entry(customer.to_owned()).or_default()),
        }
    }

    /// The counters of one customer, or of all.
    pub fn of(&self, customer: Option<&str>) -> AccountingCounters {
        match customer {
            None => self.all,
            Some(name) => self.customers.get(name).copied().unwrap_or_default(),
        }
    }

    /// Counts from zero again: of one customer, or of all and each.
    pub fn clear(&mut self, customer: Option<&str>) {
        match customer {
            None => *self = Self::default(),
            Some(name) => drop(self.customers.remove(name)),
        }
    }
}

/// The name of the customer that a record is about.
pub fn customer(record: &[u8]) -> Option<&str> {
    let mut all = attributes(record);
    all.find(|attribute| attribute.kind == AttributeType::TUNNEL_PRIVATE_GROUP_ID)?.text()
}

#[cfg(test)]
mod tests {
    use kedge_radius::Packet;

    use super::*;

    fn record(customer: Option<&str>) -> Vec<u8> {
        let mut packet = Packet::new(kedge_radius::Code::ACCOUNTING_REQUEST, 0);
        packet.push(AttributeType::USER_NAME, b"node1@example.net").unwrap();
        if let Some(name) = customer {
            packet.push(AttributeType::TUNNEL_PRIVATE_GROUP_ID, name.as_bytes()).unwrap();
        }
        packet.bytes()[20..].to_vec()
    }

    #[test]
    fn a_record_counts_for_its_customer_and_for_all() {
        let mut books = Books::default();
        for customer in [Some("CUST1"), Some("CUST2"), Some("CUST1"), None] {
            books.count(&record(customer), |counters| counters.starts += 1);
        }
        let starts = |books: &Books| {
            [None, Some("CUST1"), Some("CUST2"), Some("CUST3")].map(|of| books.of(of).starts)
        };
        assert_eq!(starts(&books), [4, 2, 1, 0]);
        books.clear(Some("CUST1"));
        assert_eq!(starts(&books), [4, 0, 1, 0]);
        books.clear(None);
        assert_eq!(starts(&books), [0; 4]);
    }
}
