//! The last events, kept in bounded memory and put into words only when somebody looks.
//!
//! ```text
//!   lane                what goes there                                    kept
//!   sessions            sessions of subscribers, peers                   16,384
//!   attempts (known)    denials and attempts of nodes with a session      2,048
//!   attempts (strange)  denials and attempts of everybody else            1,024
//!   messages            what `debug` shows                                2,048
//! ```
//!
//! Each lane forgets its own oldest: a flood of denied strangers fills one that no subscriber's
//! events are in, and one who uses a subscriber's name gets at that subscriber's denials alone.
//! Events are moved in as the machines made them; a refresh makes none.

use std::collections::VecDeque;
use std::time::SystemTime;

use kedge_model::{CustomerId, MnId};

use crate::words::{Kind, Note};

const SESSIONS: usize = 16_384;
const KNOWN: usize = 2_048;
const STRANGE: usize = 1_024;
const MESSAGES: usize = 2_048;

/// An event, when it was, and its place among all events of the role.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its number; the next event's is higher by one.
    pub number: u64,
    /// When it happened.
    pub at: SystemTime,
    /// What happened.
    pub note: Note,
}

/// Which events are wanted.
#[derive(Clone, Default, Debug)]
pub struct Wanted {
    /// One customer's only.
    pub customer: Option<CustomerId>,
    /// One subscriber's only.
    pub mn_id: Option<MnId>,
    /// Those of one kind only.
    pub kind: Option<Kind>,
    /// Those behind this number only.
    pub since: Option<u64>,
    /// At most so many, the newest.
    pub last: Option<usize>,
}

/// The last events of a role.
#[derive(Debug)]
pub struct Trail {
    lanes: [Lane; 4],
    next: u64,
}

#[derive(Debug)]
struct Lane {
    most: usize,
    entries: VecDeque<Entry>,
    forgotten: u64,
}

impl Default for Trail {
    fn default() -> Self {
        let lane = |most| Lane { most, entries: VecDeque::new(), forgotten: 0 };
        Self { lanes: [SESSIONS, KNOWN, STRANGE, MESSAGES].map(lane), next: 1 }
    }
}

impl Trail {
    /// Keeps an event. `known` says whether the node it is about has, or had
    /// until now, a session; a peer is known.
    pub fn keep(&mut self, note: Note, known: bool, at: SystemTime) {
        let lane = match (note.kind(), known) {
            (Kind::Binding | Kind::Peer | Kind::Entitlement, true) => 0,
            (Kind::Attempt, true) => 1,
            // A node that never got a session ends, too.
            (Kind::Binding | Kind::Peer | Kind::Entitlement | Kind::Attempt, false) => 2,
            (Kind::Message, _) => 3,
        };
        let (lane, number) = (&mut self.lanes[lane], self.next);
        self.next += 1;
        if lane.entries.len() == lane.most {
            lane.entries.pop_front();
            lane.forgotten += 1;
        }
        lane.entries.push_back(Entry { number, at, note });
    }

    /// The number of the newest event; 0 before the first.
    pub fn newest(&self) -> u64 {
        self.next - 1
    }

    /// How many events have been forgotten to make room.
    pub fn forgotten(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.forgotten).sum()
    }

    /// The events that are wanted, the newest last.
    pub fn select(&self, wanted: &Wanted) -> Vec<&Entry> {
        let all = self.lanes.iter().flat_map(|lane| {
            // Numbers grow within a lane.
            let from = wanted
                .since
                .map_or(0, |since| lane.entries.partition_point(|entry| entry.number <= since));
            lane.entries.range(from..)
        });
        let fits = |entry: &&Entry| {
            wanted.customer.is_none_or(|customer| entry.note.customer() == customer)
                && wanted.mn_id.as_ref().is_none_or(|mn_id| entry.note.mn_id() == Some(mn_id))
                && wanted.kind.is_none_or(|kind| entry.note.kind() == kind)
        };
        let mut found: Vec<&Entry> = all.filter(fits).collect();
        found.sort_unstable_by_key(|entry| entry.number);
        let surplus = wanted.last.map_or(0, |last| found.len().saturating_sub(last));
        found.split_off(surplus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kedge_lma::{Denial, Event, Release, What};
    use kedge_model::BindingId;
    use std::time::UNIX_EPOCH;

    fn nai(name: &str) -> MnId {
        MnId::nai(name).expect("short")
    }

    fn note(name: &str, what: What) -> Note {
        Note::Anchor(Event { customer: CustomerId::DEFAULT, mn_id: nai(name), what })
    }

    fn released(name: &str) -> Note {
        note(name, What::Released { binding: BindingId(1), reason: Release::Expired })
    }

    fn denied(name: &str) -> Note {
        let peer = "2001:db8::5".parse().expect("an address");
        note(name, What::Denied { peer, denial: Denial::ALL[0] })
    }

    fn of(name: &str) -> Wanted {
        Wanted { mn_id: Some(nai(name)), ..Wanted::default() }
    }

    #[test]
    fn a_flood_of_denied_strangers_pushes_out_no_event_of_a_subscriber() {
        let mut trail = Trail::default();
        trail.keep(released("real@r"), true, UNIX_EPOCH);
        trail.keep(denied("real@r"), true, UNIX_EPOCH);
        for n in 0..100_000 {
            trail.keep(denied(&format!("stranger{n}@r")), false, UNIX_EPOCH);
        }
        assert_eq!(trail.select(&of("real@r")).len(), 2);
        let all = trail.select(&Wanted::default());
        assert_eq!(all.len(), 2 + STRANGE, "memory is bounded");
        assert_eq!(trail.forgotten(), 100_000 - STRANGE as u64);
    }

    #[test]
    fn one_who_uses_a_subscribers_name_pushes_out_nothing_of_the_session() {
        let mut trail = Trail::default();
        trail.keep(released("real@r"), true, UNIX_EPOCH);
        for _ in 0..10_000 {
            trail.keep(denied("real@r"), true, UNIX_EPOCH);
        }
        let kept = trail.select(&of("real@r"));
        assert_eq!((kept[0].number, kept.len()), (1, 1 + KNOWN));
    }

    #[test]
    fn events_of_all_lanes_come_in_the_order_in_which_they_happened() {
        let mut trail = Trail::default();
        for place in 0..6 {
            let note = if place % 2 == 0 { released("a@r") } else { denied("a@r") };
            trail.keep(note, place % 3 == 0, UNIX_EPOCH);
        }
        let numbers = |wanted: &Wanted| -> Vec<u64> {
            trail.select(wanted).iter().map(|entry| entry.number).collect()
        };
        assert_eq!(numbers(&Wanted::default()), [1, 2, 3, 4, 5, 6]);
        assert_eq!(numbers(&Wanted { last: Some(2), ..Wanted::default() }), [5, 6]);
        assert_eq!(numbers(&Wanted { since: Some(4), ..Wanted::default() }), [5, 6]);
        assert_eq!(numbers(&Wanted { kind: Some(Kind::Attempt), ..Wanted::default() }), [2, 4, 6]);
        assert_eq!(numbers(&Wanted { since: Some(6), ..Wanted::default() }), [0; 0]);
        assert_eq!(trail.newest(), 6);
    }
}
