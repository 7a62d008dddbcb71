//! `debug`: the messages of chosen subscribers and peers, into the log and among the events.
//!
//! Never all of them: a busy node would drown its own log. And not too many of one: a peer that
//! is debugged may send thousands a second.

use std::fmt;
use std::net::IpAddr;
use std::time::Instant;

use kedge_model::{CustomerId, MnId};

/// Lines a second, on average and at once.
const RATE: f64 = 50.0;
const BURST: f64 = 200.0;

/// How many subscribers and peers are debugged at once.
const MOST: usize = 16;

/// Whose messages are meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// At one customer of the anchor only, with its name.
    pub customer: Option<(CustomerId, String)>,
    /// Of whom.
    pub whom: Whom,
}

/// A subscriber, a peer, or all of a customer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Whom {
    /// Messages that name a subscriber.
    Node(MnId),
    /// Messages that a peer sends, or gets.
    Peer(IpAddr),
    /// All messages, of a customer.
    Everyone,
}

impl Target {
    /// Whether a message is one of them.
    pub fn is_met(&self, at: CustomerId, mn_id: Option<&MnId>, from_or_to: IpAddr) -> bool {
        let there = self.customer.as_ref().is_none_or(|(wanted, _)| *wanted == at);
        there
            && match &self.whom {
                Whom::Node(wanted) => mn_id == Some(wanted),
                Whom::Peer(wanted) => *wanted == from_or_to,
                Whom::Everyone => true,
            }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((_, name)) = &self.customer {
            write!(f, "customer {name}")?;
        }
        let gap = if self.customer.is_some() { " " } else { "" };
        match &self.whom {
            Whom::Node(mn_id) => write!(f, "{gap}nai {mn_id}"),
            Whom::Peer(peer) => write!(f, "{gap}peer {peer}"),
            Whom::Everyone => Ok(()),
        }
    }
}

/// What is debugged.
#[derive(Debug, Default)]
pub struct Debug {
    targets: Vec<Target>,
    pace: Option<Pace>,
}

/// A bucket of tokens, one a line.
#[derive(Debug)]
struct Pace {
    tokens: f64,
    filled: Instant,
    unsaid: u64,
}

/// There are as many targets as there may be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{MOST} subscribers and peers are debugged at once at most; 'undebug all' ends them")]
pub struct TooMany;

impl Debug {
    /// Whether nothing is debugged.
    pub fn is_off(&self) -> bool {
        self.targets.is_empty()
    }

    /// What is debugged.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// Debugs this one, too.
    pub fn add(&mut self, target: Target) -> Result<(), TooMany> {
        if self.targets.contains(&target) {
            return Ok(());
        }
        if self.targets.len() == MOST {
            return Err(TooMany);
        }
        self.targets.push(target);
        Ok(())
    }

    /// Ends one; whether there was it.
    pub fn remove(&mut self, target: &Target) -> bool {
        let before = self.targets.len();
        self.targets.retain(|held| held != target);
        self.targets.len() < before
    }

    /// Ends all, and says how many those were.
    pub fn clear(&mut self) -> usize {
        std::mem::take(&mut self.targets).len()
    }

    /// Whether a message is to be shown.
    pub fn wants(&self, at: CustomerId, mn_id: Option<&MnId>, peer: IpAddr) -> bool {
        self.targets.iter().any(|target| target.is_met(at, mn_id, peer))
    }

    /// Whether one more line may be written now; if so, how many were not since the last one.
    pub fn may_say(&mut self, now: Instant) -> Option<u64> {
        let pace = self.pace.get_or_insert(Pace { tokens: BURST, filled: now, unsaid: 0 });
        let gained = now.saturating_duration_since(pace.filled).as_secs_f64() * RATE;
        (pace.tokens, pace.filled) = ((pace.tokens + gained).min(BURST), now);
        if pace.tokens < 1.0 {
            pace.unsaid += 1;
            return None;
        }
        pace.tokens -= 1.0;
        Some(std::mem::take(&mut pace.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_flood_of_messages_is_said_at_a_bounded_rate_and_the_rest_is_counted() {
        let (mut debug, start) = (Debug::default(), Instant::now());
        let said = (0..10_000).filter(|_| debug.may_say(start).is_some()).count();
        assert_eq!(said, BURST as usize);
        let later = start + Duration::from_millis(100);
        assert_eq!(debug.may_say(later), Some(10_000 - BURST as u64), "what was left out is said");
        let said = (0..100).filter(|_| debug.may_say(later).is_some()).count();
        assert_eq!(said, 4, "five lines in a tenth of a second, one of them said above");
    }

    #[test]
    fn only_what_was_asked_for_is_wanted_and_the_list_is_bounded() {
        let node = MnId::nai("a@r").expect("short");
        let peer: IpAddr = "192.0.2.1".parse().expect("an address");
        let other: IpAddr = "192.0.2.2".parse().expect("an address");
        let of = |whom| Target { customer: None, whom };
        let node_target = of(Whom::Node(node.clone()));
        let mut debug = Debug::default();
        assert!(debug.is_off() && !debug.wants(CustomerId(1), Some(&node), peer));
        debug.add(node_target.clone()).expect("room");
        assert!(
            debug.wants(CustomerId(1), Some(&node), other)
                && !debug.wants(CustomerId(1), None, peer)
        );
        debug.add(of(Whom::Peer(peer))).expect("room");
        assert!(debug.wants(CustomerId(1), None, peer) && !debug.wants(CustomerId(1), None, other));
        assert!(
            debug.remove(&node_target.clone()) && !debug.wants(CustomerId(1), Some(&node), other)
        );
        for n in 0..MOST as u8 - 1 {
            debug.add(of(Whom::Peer(IpAddr::from([198, 51, 100, n])))).expect("room");
        }
        assert_eq!(debug.add(node_target), Err(TooMany));
        assert_eq!(debug.clear(), MOST);
        assert!(debug.is_off());
    }

    #[test]
    fn a_subscriber_of_one_customer_is_not_its_namesake_at_another() {
        let node = MnId::nai("a@r").expect("short");
        let peer: IpAddr = "192.0.2.1".parse().expect("an address");
        let customer = Some((CustomerId(1), "C1".to_owned()));
        let target = Target { customer, whom: Whom::Node(node.clone()) };
        assert!(target.is_met(CustomerId(1), Some(&node), peer));
        assert!(!target.is_met(CustomerId(2), Some(&node), peer));
        assert_eq!(target.to_string(), "customer C1 nai a@r");
        let all = Target { whom: Whom::Everyone, ..target };
        assert!(all.is_met(CustomerId(1), None, peer) && !all.is_met(CustomerId(2), None, peer));
        assert_eq!(all.to_string(), "customer C1");
    }
}
