//! Counters that one thread writes and any thread reads.
//!
//! The forwarder is the only writer of a [`Cell`], so it needs no read-modify-write instruction:
//! a relaxed load and a relaxed store. A reader sees each counter as it was at some moment of
//! its own; totals are summed from the parts when they are read, so they always agree.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// One counter with one writer.
#[derive(Debug, Default)]
pub struct Cell(AtomicU64);

impl Cell {
    /// Adds `n`; only the owner's thread calls this.
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// Starts again; only while nobody adds.
    fn reset(&self) {
        self.0.store(0, Relaxed);
    }

    /// The count.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// What a binding's packets added up to. Octets are those of inner packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BindingCounters {
    /// Packets put into the tunnel.
    pub sent_packets: u64,
    /// Octets put into the tunnel.
    pub sent_bytes: u64,
    /// Packets taken out of the tunnel.
    pub received_packets: u64,
    /// Octets taken out of the tunnel.
    pub received_bytes: u64,
}

/// A binding's counters while they are being written.
#[derive(Debug, Default)]
pub struct BindingCells {
    sent_packets: Cell,
    sent_bytes: Cell,
    received_packets: Cell,
    received_bytes: Cell,
}

impl BindingCells {
    /// Counts inner packets put into the tunnel.
    pub fn sent(&self, packets: u64, bytes: u64) {
        self.sent_packets.add(packets);
        self.sent_bytes.add(bytes);
    }

    /// Counts inner packets taken out of the tunnel.
    pub fn received(&self, packets: u64, bytes: u64) {
        self.received_packets.add(packets);
        self.received_bytes.add(bytes);
    }

    /// Starts again, for another binding.
    pub(crate) fn reset(&self) {
        self.sent_packets.reset();
        self.sent_bytes.reset();
        self.received_packets.reset();
        self.received_bytes.reset();
    }

    /// The counts as they stand.
    pub fn read(&self) -> BindingCounters {
        BindingCounters {
            sent_packets: self.sent_packets.get(),
            sent_bytes: self.sent_bytes.get(),
            received_packets: self.received_packets.get(),
            received_bytes: self.received_bytes.get(),
        }
    }
}
