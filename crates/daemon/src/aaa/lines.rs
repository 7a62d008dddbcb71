//! Whose question is asked next.
//!
//! What servers are asked at a time is bounded by their window, and each customer's questions wait in
//! a line of their own. Customers take turns; and whoever has asked fewer than an equal share of the
//! window may ask, even if the others have filled it with what servers leave unanswered:
//!
//! ```text
//!   a window of 8, A has asked 8 that nobody answers, and B comes:
//!     A ▓▓▓▓▓▓▓▓ │ waits     until fewer than 8 are asked in all, or fewer than 4 of its own
//!     B ░░░░     │ is asked  up to 4 at a time, at once
//! ```
//!
//! So a customer whose nodes servers ignore, or know slowly, keeps no other customer waiting. The
//! machines that ask bound how long a line gets.

use std::collections::{BTreeMap, VecDeque};

use kedge_model::CustomerId;

/// How many questions run at a time, whatever the servers would take.
const RUNNING: usize = 2_048;

/// Whose questions wait in one line: a customer's, or the gateway's.
pub type Party = Option<CustomerId>;

/// The questions that wait, and how many are being asked.
#[derive(Debug)]
pub struct Lines<T> {
    lines: BTreeMap<Party, Line<T>>,
    /// Whose lines are not empty, in the order of their turns.
    order: VecDeque<Party>,
    running: usize,
}

#[derive(Debug)]
struct Line<T> {
    waiting: VecDeque<T>,
    running: usize,
}

impl<T> Default for Lines<T> {
    fn default() -> Self {
        Self { lines: BTreeMap::new(), order: VecDeque::new(), running: 0 }
    }
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), running: 0 }
    }
}

impl<T> Lines<T> {
    /// One more.
    pub fn push(&mut self, party: Party, question: T) {
        let line = self.lines.entry(party).or_default();
        if line.waiting.is_empty() {
            self.order.push_back(party);
        }
        line.waiting.push_back(question);
    }

    /// The one whose turn it is, of servers with a window of this size.
    pub fn next(&mut self, window: usize) -> Option<T> {
        let share = (window / self.lines.len().max(1)).max(1);
        let may_ask = |party: &Party| {
            let own = self.lines.get(party).map_or(0, |line| line.running);
            self.running < RUNNING && (self.running < window || own < share)
        };
        let place = self.order.iter().position(may_ask)?;
        let party = self.order.remove(place)?;
        let line = self.lines.get_mut(&party)?;
        let question = line.waiting.pop_front()?;
        line.running += 1;
        self.running += 1;
        if !line.waiting.is_empty() {
            self.order.push_back(party);
        }
        Some(question)
    }

    /// How many of a party's are being asked.
    pub fn running(&self, party: Party) -> usize {
        self.lines.get(&party).map_or(0, |line| line.running)
    }

    /// One is answered, or given up.
    pub fn done(&mut self, party: Party) {
        let Some(line) = self.lines.get_mut(&party) else { return };
        line.running = line.running.saturating_sub(1);
        self.running = self.running.saturating_sub(1);
        if line.running == 0 && line.waiting.is_empty() {
            self.lines.remove(&party);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Party = Some(CustomerId(1));
    const B: Party = Some(CustomerId(2));
    const WINDOW: usize = 8;

    fn all(lines: &mut Lines<u32>, window: usize) -> Vec<u32> {
        std::iter::from_fn(|| lines.next(window)).collect()
    }

    #[test]
    fn a_customer_whose_questions_nobody_answers_keeps_no_other_waiting() {
        let mut lines = Lines::default();
        (0..1_000).for_each(|n| lines.push(A, n));
        assert_eq!(all(&mut lines, WINDOW), (0..8).collect::<Vec<_>>());
        (2_000..2_100).for_each(|n| lines.push(B, n));
        assert_eq!(all(&mut lines, WINDOW), [2_000, 2_001, 2_002, 2_003], "its share, at once");
        for n in 2_004..2_100 {
            lines.done(B);
            assert_eq!(all(&mut lines, WINDOW), [n], "as fast as they are answered");
        }
        // A's are asked again when fewer than its share are.
        (0..4).for_each(|_| lines.done(A));
        assert_eq!(all(&mut lines, WINDOW), Vec::<u32>::new());
        lines.done(A);
        assert_eq!(all(&mut lines, WINDOW), [8]);
    }

    #[test]
    fn customers_take_turns_and_the_questions_of_one_keep_their_order() {
        let mut lines = Lines::default();
        (0..4).for_each(|n| lines.push(A, n));
        (10..14).for_each(|n| lines.push(B, n));
        lines.push(None, 20);
        assert_eq!(all(&mut lines, WINDOW), [0, 10, 20, 1, 11, 2, 12, 3]);
        lines.done(A);
        assert_eq!(all(&mut lines, WINDOW), [13]);
    }

    #[test]
    fn no_more_run_than_so_many_and_who_has_none_takes_no_room() {
        let mut lines = Lines::default();
        (0..=RUNNING as u32).for_each(|n| lines.push(A, n));
        assert_eq!(all(&mut lines, usize::MAX).len(), RUNNING);
        lines.push(B, 1);
        assert_eq!(lines.next(usize::MAX), None);
        lines.done(A);
        assert!(lines.next(usize::MAX).is_some() && lines.next(usize::MAX).is_none());
        (0..RUNNING).for_each(|_| lines.done(A));
        while lines.next(WINDOW).is_some() {}
        lines.done(B);
        assert!(lines.lines.is_empty() && lines.order.is_empty() && lines.running == 0);
    }
}
