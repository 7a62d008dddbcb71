//! When to wait a moment before looking for more.
//!
//! A forwarder that keeps up with packets that come one by one pays a wake-up, three system calls
//! and a walk through the kernel for each, in either direction, and then it is the forwarder that
//! is slow. Under load it waits a few microseconds instead, as network cards hold back interrupts,
//! and finds a batch that leaves in one call, or whose segments can be joined. A lone packet is
//! never held back, nor are a question and its answer: only turns that follow each other closely,
//! with packets of one direction in each, are load.

use std::time::{Duration, Instant};

/// Turns closer than this are load. A packet that waits for its answer comes later than that.
const CLOSE: Duration = Duration::from_micros(30);
/// How long to hold back.
const MOMENT: Duration = Duration::from_micros(30);
/// So many packets in a turn are a batch.
const BATCH: usize = 32;
/// So many close turns in a row are load.
const ROW: u32 = 4;

/// What the last turns were like.
#[derive(Debug)]
pub struct Pace {
    last: Option<Instant>,
    /// Close turns in a row with packets, by direction.
    close: [u32; 2],
}

impl Pace {
    /// No turn yet.
    pub fn new() -> Self {
        Self { last: None, close: [0; 2] }
    }

    /// How long to hold back after a turn that began at `began`, ended at `ended` and moved so many
    /// packets in either direction, if at all.
    pub fn after(
        &mut self,
        began: Instant,
        ended: Instant,
        packets: [usize; 2],
    ) -> Option<Duration> {
        let idle = self.last.map(|last| began.saturating_duration_since(last));
        let is_close = idle.is_some_and(|idle| idle <= CLOSE);
        for (close, packets) in self.close.iter_mut().zip(packets) {
            *close = if is_close && packets > 0 { (*close + 1).min(ROW) } else { 0 };
        }
        let wait = self.close.contains(&ROW) && packets[0] + packets[1] < BATCH;
        self.last = Some(if wait { ended + MOMENT } else { ended });
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
            assert_eq!(pace.after(now, now, [0, 1]), None);
        }
    }

    #[test]
    fn small_turns_in_close_order_are_held_back_and_full_ones_are_not() {
        let mut pace = Pace::new();
        let mut now = Instant::now();
        let mut turn = |packets| {
            now += MICROSECOND;
            let held = pace.after(now, now, [0, packets]);
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

    #[test]
    fn questions_and_answers_in_close_order_are_not_held_back() {
        let mut pace = Pace::new();
        let mut now = Instant::now();
        for turn in 0..100 {
            now += MICROSECOND;
            let packets = if turn % 2 == 0 { [1, 0] } else { [0, 1] };
            assert_eq!(pace.after(now, now, packets), None);
        }
    }
}
