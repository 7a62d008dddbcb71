//! Virtual time, and what is to happen when.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::time::{Duration, Instant, SystemTime};

use kedge_sansio::Now;

/// The time of day at which every run begins: 2027-01-15 08:00 UTC.
const BEGINNING: Duration = Duration::from_secs(1_800_000_000);

/// How far a host's time of day is off; the monotonic clock of every host runs true.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Skew {
    /// In milliseconds, ahead if positive.
    pub millis: i64,
}

/// The clock of a run: it moves when something happens.
#[derive(Debug)]
pub struct Clock {
    start: Instant,
    now: Instant,
}

impl Clock {
    /// The clock at the beginning. Only differences of its times matter, so that two runs with
    /// one seed are the same run.
    pub fn new() -> Self {
        let start = Instant::now();
        Self { start, now: start }
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The time since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// Both clocks of a host.
    pub fn of_host(&self, skew: Skew) -> Now {
        let true_time = SystemTime::UNIX_EPOCH + BEGINNING + self.elapsed();
        let off = Duration::from_millis(skew.millis.unsigned_abs());
        let wall = if skew.millis < 0 { true_time - off } else { true_time + off };
        Now { mono: self.now, wall }
    }

    /// Lets time pass until `at`.
    pub fn advance(&mut self, at: Instant) {
        assert!(at >= self.now, "time runs backwards");
        self.now = at;
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

/// What is to happen, the earliest first; at one time, what was planned first.
#[derive(Debug)]
pub struct Agenda<E> {
    planned: BinaryHeap<Reverse<Planned<E>>>,
    count: u64,
}

#[derive(Debug)]
struct Planned<E> {
    at: Instant,
    number: u64,
    event: E,
}

impl<E> Default for Agenda<E> {
    fn default() -> Self {
        Self { planned: BinaryHeap::new(), count: 0 }
    }
}

impl<E> Agenda<E> {
    /// Plans an event.
    pub fn plan(&mut self, at: Instant, event: E) {
        self.count += 1;
        self.planned.push(Reverse(Planned { at, number: self.count, event }));
    }

    /// The next event, if it is due by `until`.
    pub fn next(&mut self, until: Instant) -> Option<(Instant, E)> {
        if self.planned.peek()?.0.at > until {
            return None;
        }
        self.planned.pop().map(|Reverse(planned)| (planned.at, planned.event))
    }
}

impl<E> Ord for Planned<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl<E> PartialOrd for Planned<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Planned<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E> Eq for Planned<E> {}
