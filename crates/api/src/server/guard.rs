//! What wrong tokens cost the address they come from, and how many strangers are let in at once.
//!
//! A token cannot be guessed, so this protects the log and the processor rather than the tokens.
//! An IPv6 address counts as its /64: whoever has one has all of them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Wrong tokens from one address before it has to wait.
const TRIES: u32 = 5;

/// How long it waits, and how long a wrong token is remembered.
const WAIT: Duration = Duration::from_secs(60);

/// Clients of one address that have not shown a token yet.
const STRANGERS: u32 = 8;

/// Addresses that are remembered; beyond, that with the oldest mistake is forgotten.
const REMEMBERED: usize = 1024;

/// What is known of the addresses that clients come from.
#[derive(Default)]
pub(super) struct Guard(Mutex<BTreeMap<IpAddr, Record>>);

struct Record {
    strangers: u32,
    wrong: u32,
    last: Instant,
}

impl Guard {
    /// Whether a client of this address may come in as a stranger; each that may is to be
    /// [`Self::settle`]d once.
    pub(super) fn admit(&self, from: IpAddr, now: Instant) -> bool {
        let mut records = self.lock();
        records.retain(|_, record| record.strangers > 0 || now < record.last + WAIT);
        let record =
            records.entry(network(from)).or_insert(Record { strangers: 0, wrong: 0, last: now });
        if now >= record.last + WAIT {
            record.wrong = 0;
        }
        let admitted = record.wrong < TRIES && record.strangers < STRANGERS;
        if admitted {
            record.strangers += 1;
        }
        if records.len() > REMEMBERED {
            let idle = records.iter().filter(|(_, record)| record.strangers == 0);
            let oldest = idle.min_by_key(|(_, record)| record.last).map(|(from, _)| *from);
            oldest.map(|oldest| records.remove(&oldest));
        }
        admitted
    }

    /// A stranger is none any more: it has left, or shown a token, wrong or right.
    pub(super) fn settle(&self, from: IpAddr, wrong: bool, now: Instant) {
        let mut records = self.lock();
        let Some(record) = records.get_mut(&network(from)) else { return };
        record.strangers = record.strangers.saturating_sub(1);
        if wrong {
            record.wrong += 1;
            record.last = now;
        }
    }

    /// The records are plain data: a thread that panicked left them whole.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<IpAddr, Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn network(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(guard: &Guard, from: IpAddr, times: u32, now: Instant) {
        for _ in 0..times {
            assert!(guard.admit(from, now));
            guard.settle(from, true, now);
        }
    }

    #[test]
    fn an_address_waits_after_its_wrong_tokens_and_others_do_not() {
        let (guard, now) = (Guard::default(), Instant::now());
        let (from, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        fail(&guard, from, TRIES, now);
        assert!(!guard.admit(from, now + WAIT - Duration::from_millis(1)));
        assert!(guard.admit(other, now));
        assert!(guard.admit(from, now + WAIT));
    }

    #[test]
    fn the_addresses_of_one_network_share_their_tries() {
        let (guard, now) = (Guard::default(), Instant::now());
        fail(&guard, "2001:db8::1".parse().unwrap(), TRIES, now);
        assert!(!guard.admit("2001:db8::2".parse().unwrap(), now));
        assert!(guard.admit("2001:db8:0:1::1".parse().unwrap(), now));
        fail(&guard, "192.0.2.1".parse().unwrap(), TRIES, now);
        assert!(!guard.admit("::ffff:192.0.2.1".parse().unwrap(), now));
    }

    #[test]
    fn strangers_of_one_address_are_few_until_they_show_a_token() {
        let (guard, now) = (Guard::default(), Instant::now());
        let from = "192.0.2.1".parse().unwrap();
        for _ in 0..STRANGERS {
            assert!(guard.admit(from, now));
        }
        assert!(!guard.admit(from, now + WAIT * 2));
        guard.settle(from, false, now);
        assert!(guard.admit(from, now));
    }

    #[test]
    fn many_addresses_are_not_all_remembered() {
        let (guard, now) = (Guard::default(), Instant::now());
        for number in 0..5000 {
            let from = IpAddr::V4(std::net::Ipv4Addr::from_bits(number));
            fail(&guard, from, 1, now);
        }
        assert!(guard.lock().len() <= REMEMBERED + 1);
    }
}
