//! Request Authenticators (RFC 2865 §3: "unpredictable and unique").

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;

/// Authenticators that nobody without the seed can tell in advance.
pub struct Random {
    mac: Hmac<Md5>,
    counter: u64,
}

impl Random {
    /// From a seed that is random and secret.
    pub fn new(seed: [u8; 16]) -> Self {
        let mac = Hmac::new_from_slice(&seed).expect("HMAC takes keys of any length");
        Self { mac, counter: 0 }
    }

    /// The next one.
    pub fn octets(&mut self) -> [u8; 16] {
        self.counter += 1;
        self.mac.clone().chain_update(self.counter.to_be_bytes()).finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random(..)")
    }
}
