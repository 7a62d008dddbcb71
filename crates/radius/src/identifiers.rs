//! What tells packets apart: identifiers, which are few, and authenticators, which nobody guesses.

use std::collections::VecDeque;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;

/// Ports of ours towards one server, for each kind of work.
pub const SOCKETS: u16 = 16;
/// Identifiers of one port.
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

    pub fn holder(&self, slot: u16) -> Option<u64> {
        self.holders.get(usize::from(slot)).copied().flatten()
    }

    pub fn release(&mut self, slot: u16) {
        self.holders[usize::from(slot)] = None;
        self.free.push_back(slot);
    }
}

/// Authenticators that nobody without the seed can tell in advance.
pub struct Random {
    mac: Hmac<Md5>,
    counter: u64,
}

impl Random {
    pub fn new(seed: [u8; 16]) -> Self {
        let mac = Hmac::new_from_slice(&seed).expect("HMAC takes keys of any length");
        Self { mac, counter: 0 }
    }

    pub fn octets(&mut self) -> [u8; 16] {
        self.counter += 1;
        self.mac.clone().chain_update(self.counter.to_be_bytes()).finalize().into_bytes().into()
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random(..)")
    }
}
