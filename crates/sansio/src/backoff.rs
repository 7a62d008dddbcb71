//! Retransmission intervals that double.

use std::time::Duration;

/// The interval before each retransmission: it starts at `initial`, doubles, and stays at `max`
/// (RFC 6275 §11.8, RFC 5846 §7.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backoff {
    next: Duration,
    max: Duration,
}

impl Backoff {
    /// A sequence from `initial` to `max`.
    pub fn new(initial: Duration, max: Duration) -> Self {
        Self { next: initial.min(max), max }
    }

    /// How long to wait before the next retransmission.
    pub fn next_interval(&mut self) -> Duration {
        let interval = self.next;
        self.next = (interval * 2).min(self.max);
        interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_double_up_to_the_ceiling() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(5));
        let secs: Vec<u64> = (0..5).map(|_| backoff.next_interval().as_secs()).collect();
        assert_eq!(secs, [1, 2, 4, 5, 5]);
    }
}
