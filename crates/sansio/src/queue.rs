//! The order in which timers are due, cheap for those that run for the same time.
//!
//! Most timers of a machine run for one of a few spans: the lifetime that is granted, the delete
//! wait, the heartbeat's interval. Those of one span come up in the order in which they were
//! started, so they stand in a run: started at its back, due at its front, and nothing between is
//! looked at. What fits no run is in a heap, each of whose pops reads as many lines of memory as
//! the heap has levels.
//!
//! ```text
//!   delete wait   │ 10.1 │ 10.2 │ 10.2 │ ◄─ push      front of the least ──► pop
//!   lifetime      │ 3601 │ 3602 │ 3604 │ 3610 │ ◄─
//!   the rest      heap
//! ```

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Nanoseconds from a table's origin, for three centuries in both directions.
pub(crate) type Moment = i64;

/// When a timer of a slot comes up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Entry {
    pub due: Moment,
    pub slot: u32,
    pub generation: u32,
}

/// Entries that come out as they are due.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Each in the order in which it came.
    runs: [VecDeque<Entry>; RUNS],
    heap: BinaryHeap<Reverse<Entry>>,
}

/// More than a machine has spans.
const RUNS: usize = 8;

impl Queue {
    /// Adds an entry to the run that ends just before it, or to the heap if there is none.
    pub fn push(&mut self, entry: Entry) {
        let last = |run: &VecDeque<Entry>| run.back().map(|last| last.due);
        let fits = |run: &&mut VecDeque<Entry>| last(run).is_none_or(|last| last <= entry.due);
        // An empty run is the last choice: nothing is less than any entry.
        match self.runs.iter_mut().filter(fits).max_by_key(|run| last(run)) {
            Some(run) => run.push_back(entry),
            None => self.push_apart(entry),
        }
    }

    /// Adds an entry that is not of a span: it would only end the run that it stood in.
    pub fn push_apart(&mut self, entry: Entry) {
        self.heap.push(Reverse(entry));
    }

    /// The entry that is due first.
    pub fn peek(&self) -> Option<&Entry> {
        let in_heap = self.heap.peek().map(|Reverse(entry)| entry);
        let fronts = self.runs.iter().filter_map(VecDeque::front);
        fronts.chain(in_heap).min_by_key(|entry| entry.due)
    }

    /// Of the entries that are due by then some, the first ones of each run.
    pub fn due(&self, by: Moment, most: usize) -> impl Iterator<Item = &Entry> + Clone {
        let of_run = move |run| VecDeque::iter(run).take(most);
        self.runs.iter().flat_map(move |run| of_run(run).take_while(move |entry| entry.due <= by))
    }

    /// Takes the entry out that [`Self::peek`] shows.
    pub fn pop(&mut self) -> Option<Entry> {
        let first = *self.peek()?;
        match self.runs.iter_mut().find(|run| run.front() == Some(&first)) {
            Some(run) => run.pop_front(),
            None => self.heap.pop().map(|Reverse(entry)| entry),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.runs.iter().map(VecDeque::len).sum::<usize>() + self.heap.len()
    }

    /// Keeps those that `is_kept` says yes to.
    pub fn retain(&mut self, is_kept: impl Fn(&Entry) -> bool) {
        self.runs.iter_mut().for_each(|run| run.retain(&is_kept));
        self.heap.retain(|Reverse(entry)| is_kept(entry));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    fn entry(due: Moment, slot: u32) -> Entry {
        Entry { due, slot, generation: 0 }
    }

    #[test]
    fn timers_of_a_few_spans_are_all_in_runs() {
        let mut rng = Rng::new(4);
        let mut queue = Queue::default();
        for now in 0..10_000 {
            for span in [3_600, 1, 60, 3, 300, 3_600] {
                queue.push(entry(now + span, rng.next_u32()));
            }
            while queue.peek().is_some_and(|first| first.due <= now) {
                queue.pop();
            }
        }
        assert!(queue.heap.is_empty());
        assert_eq!(queue.runs.iter().filter(|run| !run.is_empty()).count(), 5);
    }

    #[test]
    fn entries_come_out_as_they_are_due_wherever_they_stand() {
        let mut rng = Rng::new(5);
        let mut queue = Queue::default();
        let mut list: Vec<Entry> = Vec::new();
        for step in 0..20_000 {
            let new = entry(rng.below(1_000).into(), step);
            // More come than go at first.
            match rng.below(if step < 10_000 { 3 } else { 8 }) {
                0 => {
                    queue.push(new);
                    list.push(new);
                }
                1 => {
                    queue.push_apart(new);
                    list.push(new);
                }
                2 if step % 500 == 0 => {
                    queue.retain(|entry| entry.slot % 3 > 0);
                    list.retain(|entry| entry.slot % 3 > 0);
                }
                _ => {
                    let (shown, taken) = (queue.peek().copied(), queue.pop());
                    assert_eq!(shown, taken);
                    let least = list.iter().map(|entry| entry.due).min();
                    assert_eq!(taken.map(|entry| entry.due), least);
                    list.retain(|entry| Some(*entry) != taken);
                }
            }
            assert_eq!(queue.len(), list.len());
        }
    }
}
