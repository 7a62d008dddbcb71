//! Accounting-On and -Off that wait, and servers that never answer one.
//!
//! What was made behind a gate waits until the gate is acknowledged. When the first gate was tried in
//! vain a few times, a record behind it takes turns with it:
//!
//! ```text
//!   gate ✗  gate ✗  gate ✗  record ✗  gate ✗  record ✗ …      no server is there: all wait
//!                           record ✓  gate ✓                  one is back
//!                           record ✓  gate ✗                  it ignores gates: this one is given up
//! ```
//!
//! The record goes again in any case: a gate that a server takes behind it ends its session there.

use std::collections::BTreeSet;

/// How often a gate is tried before it is asked whether servers answer anything else.
const TRIES: u32 = 3;

/// The gates that wait.
#[derive(Debug, Default)]
pub(crate) struct Gates {
    waiting: BTreeSet<u64>,
    /// How often the first was left unanswered.
    tries: u32,
    /// It is the turn of a record behind it.
    is_turn: bool,
    /// That record, on its way.
    probe: Option<u64>,
    /// That record was answered.
    is_heard: bool,
}

impl Gates {
    /// One more.
    pub fn add(&mut self, number: u64) {
        self.waiting.insert(number);
    }

    /// Those that wait.
    pub fn waiting(&self) -> &BTreeSet<u64> {
        &self.waiting
    }

    /// The last record that may go before a gate is acknowledged: the first gate.
    pub fn limit(&self) -> u64 {
        self.waiting.first().copied().unwrap_or(u64::MAX)
    }

    /// Whether it is the turn of a record behind the first gate.
    pub fn is_turn_of_others(&self) -> bool {
        self.is_turn
    }

    /// Something goes; ahead of the first gate if it is the turn of such a one.
    pub fn goes(&mut self, probe: Option<u64>) {
        self.is_turn = false;
        self.probe = probe;
    }

    /// Whether a record is on its way ahead of a gate. Nothing goes beside it, so that it is known
    /// which of the two a server answers.
    pub fn has_probe(&self) -> bool {
        self.probe.is_some()
    }

    /// Whether it is this record that is on its way ahead of a gate.
    pub fn is_probe(&self, number: u64) -> bool {
        self.probe == Some(number)
    }

    /// A record was answered. Says whether it went ahead of a gate, and has to go again.
    pub fn answered(&mut self, number: u64) -> bool {
        if !self.is_probe(number) {
            return false;
        }
        self.probe = None;
        self.is_heard = true;
        true
    }

    /// A record was not answered. Says whether it is a gate that servers ignore.
    pub fn unanswered(&mut self, number: u64) -> bool {
        self.probe = self.probe.filter(|probe| *probe != number);
        if self.waiting.first() != Some(&number) {
            return false;
        }
        self.tries += 1;
        self.is_turn = self.tries >= TRIES;
        self.is_heard
    }

    /// A record is over.
    pub fn over(&mut self, number: u64) {
        if self.waiting.remove(&number) {
            *self = Self { waiting: std::mem::take(&mut self.waiting), ..Self::default() };
        }
    }
}
