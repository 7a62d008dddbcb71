//! The counters of all bindings, where two threads find them: the one that forwards adds, the one
//! that owns the data plane reads.
//!
//! ```text
//!   owner       Ledger: binding ─► place ─┐
//!                                         ├─► Counts: │ cells │ cells │ cells │ …
//!   forwarder   Tables: binding ─► place ─┘
//! ```
//!
//! Each binding's are one cache line of a few large pieces of memory, and what finds them is an index
//! of eight octets an entry: a million of them apart would be as many pages to look for.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use foldhash::quality::RandomState;
use kedge_model::BindingId;
use kedge_sansio::{Blocks, HashIndex, Tag};

use crate::{BindingCells, BindingCounters};

/// The counters by place. Nothing moves, so two threads need no lock.
#[derive(Debug, Default)]
pub struct Counts {
    /// As those of [`Blocks`], each made when the first of its places is.
    blocks: [OnceLock<Box<[Line]>>; Blocks::<Line>::MOST],
}

/// What is counted in a place, in one cache line.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Line {
    /// Whose; the owner's to write.
    binding: AtomicU64,
    cells: BindingCells,
}

impl Counts {
    /// The counters in a place.
    pub fn at(&self, place: u32) -> &BindingCells {
        &self.line(place).cells
    }

    fn line(&self, place: u32) -> &Line {
        let (block, offset) = Blocks::<Line>::place(place as usize);
        let lines = || (0..Blocks::<Line>::length(block)).map(|_| Line::default()).collect();
        &self.blocks[block].get_or_init(lines)[offset]
    }
}

/// Which binding is counted where.
#[derive(Debug)]
pub struct Ledger {
    counts: Arc<Counts>,
    places: HashIndex,
    hasher: RandomState,
    /// Places that nobody counts in.
    free: Vec<u32>,
    /// Places that the forwarder may still count in.
    closed: Vec<u32>,
    /// How many places there are.
    len: u32,
}

impl Ledger {
    /// An empty one, of places of these.
    pub fn new(counts: Arc<Counts>) -> Self {
        Self {
            counts,
            places: HashIndex::default(),
            hasher: RandomState::default(),
            free: Vec::new(),
            closed: Vec::new(),
            len: 0,
        }
    }

    /// Where a binding is counted.
    pub fn find(&self, binding: BindingId) -> Option<u32> {
        let is_its = |place| self.counts.line(place).binding.load(Relaxed) == binding.0;
        self.places.find(self.tag(binding), is_its)
    }

    /// What a binding's packets have added up to.
    pub fn read(&self, binding: BindingId) -> Option<BindingCounters> {
        self.find(binding).map(|place| self.counts.at(place).read())
    }

    /// Counts a binding that is not counted yet, from zero; where.
    pub fn open(&mut self, binding: BindingId) -> u32 {
        let place = self.free.pop().unwrap_or_else(|| {
            let place = self.len;
            self.len = place.checked_add(1).expect("fewer than 2^32 bindings");
            place
        });
        let line = self.counts.line(place);
        line.binding.store(binding.0, Relaxed);
        line.cells.reset();
        self.places.insert(self.tag(binding), place);
        place
    }

    /// Counts a binding no more. Its place is nobody else's before [`Self::settle`].
    pub fn close(&mut self, binding: BindingId) {
        if let Some(place) = self.find(binding) {
            self.places.remove(self.tag(binding), place);
            self.closed.push(place);
        }
    }

    /// The forwarder knows by now what was closed.
    pub fn settle(&mut self) {
        self.free.append(&mut self.closed);
    }

    fn tag(&self, binding: BindingId) -> Tag {
        self.hasher.hash_one(binding).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_counts_from_zero_in_a_place_that_another_has_left() {
        let counts = Arc::new(Counts::default());
        let mut ledger = Ledger::new(Arc::clone(&counts));
        let [one, two, three] = [1, 2, 3].map(BindingId);
        let place = ledger.open(one);
        counts.at(place).sent(5, 500);
        ledger.close(one);
        assert_eq!(ledger.read(one), None);
        // The forwarder may not have heard of it.
        assert_ne!(ledger.open(two), place);
        counts.at(place).sent(1, 100);
        ledger.settle();
        assert_eq!(ledger.open(three), place);
        assert_eq!(ledger.read(three), Some(BindingCounters::default()));
        counts.at(place).received(2, 200);
        let received =
            BindingCounters { received_packets: 2, received_bytes: 200, ..Default::default() };
        assert_eq!(ledger.read(three), Some(received));
        assert_eq!(ledger.read(two), Some(BindingCounters::default()));
    }

    #[test]
    fn each_of_many_bindings_is_found_where_it_is_counted() {
        let counts = Arc::new(Counts::default());
        let mut ledger = Ledger::new(Arc::clone(&counts));
        let all = || (0..2_000).map(|n| BindingId(n << 40));
        for binding in all() {
            let place = ledger.open(binding);
            counts.at(place).sent(binding.0, 0);
        }
        for binding in all() {
            assert_eq!(ledger.read(binding).map(|read| read.sent_packets), Some(binding.0));
        }
        all().for_each(|binding| ledger.close(binding));
        assert!(all().all(|binding| ledger.find(binding).is_none()));
    }
}
