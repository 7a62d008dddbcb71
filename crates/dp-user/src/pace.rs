//! When to wait a moment before looking for more.
//!
//! Raw sockets give packets one by one, where UDP's come in trains. A forwarder that keeps up with
//! them pays a wake-up, three system calls and a walk through the kernel for each, and then it is
//! the forwarder that is slow. Under load it waits a few microseconds instead, as network cards
//! hold back interrupts, and finds a batch whose segments can be joined. A lone packet is never
//! held back: only turns that follow each other closely are load.

use std::time::{Duration, Instant};

/// Turns closer than this are load. A packet that waits for its answer comes later than that.
const CLOSE: Duration = Duration::from_micros(30);
/// How long to hold back.
const MOMENT: Duration = Duration::from_micros(30);
/// A turn of this many packets is batch enough.
const BATCH: usize = 32;
/// So many close turns in a row are load.
const ROW: u32 = 4;

/// What the last turns were like.
#[derive(Debug)]
pub struct Pace {
    last: Option<Instant>,
    close: u32,
}

impl Pace {
    /// No turn yet.
    pub fn new() -> Self {
        Self { last: None, close: 0 }
    }

    /// How long to hold back after a turn that began at `began`, ended at `ended` and moved
    /// `packets`, if at all.
    pub fn after(&mut self, began: Instant, ended: Instant, packets: usize) -> Option<Duration> {
        let idle = self.last.map(|last| began.saturating_duration_since(last));
        self.last = Some(ended);
        if packets == 0 || idle.is_none_or(|idle| idle > CLOSE) {
            self.close = 0;
        } else {
            self.close = (self.close + 1).min(ROW);
        }
        let wait = self.close == ROW && packets < BATCH;
        if wait {
            self.last = Some(ended + MOMENT);
        }
        wait.then_some(MOMENT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MICROSECOND: Duration = Duration::from_micros(1);

    #[test]
    fn packets_that_come_one_by_one_are_not_held_back() {
        let mut pace = Pace::new();
        let mut now = Instant::now();
        for _ in 0..100 {
            now += MICROSECOND * 31;
            assert_eq!(pace.after(now, now, 1), None);
        }
    }

    #[test]
    fn small_turns_in_close_order_are_held_back_and_full_ones_are_not() {
        let mut pace = Pace::new();
        let mut now = Instant::now();
        let mut turn = |packets| {
            now += MICROSECOND;
            let held = pace.after(now, now, packets);
            now += held.unwrap_or_default();
            held
        };
        for _ in 0..ROW {
            assert_eq!(turn(1), None);
        }
        assert_eq!(turn(1), Some(MOMENT));
        assert_eq!(turn(BATCH), None);
        assert_eq!(turn(1), Some(MOMENT));
    }
}
