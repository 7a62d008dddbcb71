//! How many errors strangers can make a host send.

use std::time::{Duration, Instant};

/// A token bucket, as RFC 4443 §2.4 (f) advises for errors: ten at once, ten a second.
#[derive(Debug, Default)]
pub struct RateLimit {
    /// When the bucket is full again.
    full_at: Option<Instant>,
}

impl RateLimit {
    const EVERY: Duration = Duration::from_millis(100);
    const BURST: u32 = 10;

    /// Whether one more may be sent now; then it counts as sent.
    pub fn allows(&mut self, now: Instant) -> bool {
        let full_at = self.full_at.map_or(now, |at| at.max(now));
        let allowed = full_at + Self::EVERY <= now + Self::EVERY * Self::BURST;
        if allowed {
            self.full_at = Some(full_at + Self::EVERY);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_errors_at_once_and_ten_a_second_are_allowed() {
        let start = Instant::now();
        let mut limit = RateLimit::default();
        assert_eq!((0..100).filter(|_| limit.allows(start)).count(), 10);
        let second = |n: u32| start + Duration::from_millis(10) * n;
        assert_eq!((1..=100).filter(|n| limit.allows(second(*n))).count(), 10);
    }
}
