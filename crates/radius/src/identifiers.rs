//! Identifiers, which tie answers to their requests.
//!
//! One has 8 bits, so each kind of work at each server uses up to [`SOCKETS`] ports of ours at once.
//! They are used in turn, which keeps the answer to an old request from meeting a new one.

use std::collections::VecDeque;

/// Ports of ours towards one server, for each kind of work.
pub const SOCKETS: u16 = 16;
/// In each port.
pub const IDENTIFIERS: u16 = 256;

/// The identifiers of one kind of work at one server, over all our ports to it.
#[derive(Debug, Default)]
pub struct Identifiers {
    /// Whose each is; as many as were ever needed at once, in whole ports.
    holders: Vec<Option<u64>>,
    /// The free ones, the one that was used longest ago first.
    free: VecDeque<u16>,
}

impl Identifiers {
    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.holders.len() - self.free.len()
    }

    /// One for the exchange of this number, if there is one left.
    pub fn take(&mut self, number: u64) -> Option<u16> {
        if self.free.is_empty() {
            // At most 16 times 256.
            let used = self.holders.len() as u16;
            if used >= SOCKETS * IDENTIFIERS {
                return None;
            }
            self.holders.resize(usize::from(used + IDENTIFIERS), None);
            self.free.extend(used..used + IDENTIFIERS);
        }
        let slot = self.free.pop_front()?;
        self.holders[usize::from(slot)] = Some(number);
        Some(slot)
    }

    /// Whose it is.
    pub fn holder(&self, slot: u16) -> Option<u64> {
        self.holders.get(usize::from(slot)).copied().flatten()
    }

    /// Gives one back.
    pub fn release(&mut self, slot: u16) {
        self.holders[usize::from(slot)] = None;
        self.free.push_back(slot);
    }
}
