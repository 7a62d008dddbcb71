//! Which accounting record goes next, of those that may.

use std::collections::BTreeSet;

/// Records that may go, in three rows that are emptied one after the other.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    /// Those that no server was asked to take, by their numbers.
    fresh: BTreeSet<u64>,
    /// Those that went when no server answered, first the one that failed first.
    failed: BTreeSet<(u64, u64)>,
    /// Those that servers ignored while they took others, likewise.
    ignored: BTreeSet<(u64, u64)>,
    /// The one of the last row that is on its way.
    tried: Option<u64>,
    failures: u64,
}

impl Ready {
    /// Whether none may go.
    pub fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.failed.is_empty() && self.ignored.is_empty()
    }

    /// One more.
    pub fn add(&mut self, number: u64) {
        self.fresh.insert(number);
    }

    /// Takes the next one out, whose number is at most that of the first gate.
    pub fn take(&mut self, gate: u64) -> Option<u64> {
        if let Some(number) = self.fresh.first().copied().filter(|number| *number <= gate) {
            self.fresh.remove(&number);
            return Some(number);
        }
        let may_go = |(_, number): &&(u64, u64)| *number <= gate;
        if let Some(place) = self.failed.iter().find(may_go).copied() {
            self.failed.remove(&place);
            return Some(place.1);
        }
        if self.tried.is_some() {
            return None;
        }
        let place = self.ignored.iter().find(may_go).copied()?;
        self.ignored.remove(&place);
        self.tried = Some(place.1);
        Some(place.1)
    }

    /// Takes one out that waits for the first gate to be acknowledged and is none itself.
    pub fn take_behind(&mut self, gates: &BTreeSet<u64>) -> Option<u64> {
        let first = gates.first()?;
        let waits = |number: &u64| number > first && !gates.contains(number);
        let failed = || self.failed.iter().map(|(_, number)| *number).find(waits);
        let number = self.fresh.iter().copied().find(waits).or_else(failed)?;
        self.forget(number);
        Some(number)
    }

    /// One is not to go any more.
    pub fn forget(&mut self, number: u64) {
        self.fresh.remove(&number);
        self.failed.retain(|(_, failed)| *failed != number);
        self.ignored.retain(|(_, ignored)| *ignored != number);
    }

    /// One that was on its way was not taken.
    pub fn put_back(&mut self, number: u64, ignored: bool) {
        self.failures += 1;
        let place = (self.failures, number);
        if ignored {
            self.ignored.insert(place)
        } else {
            self.failed.insert(place)
        };
        self.over(number);
    }

    /// One is not on its way any more.
    pub fn over(&mut self, number: u64) {
        self.tried = self.tried.filter(|tried| *tried != number);
    }
}
