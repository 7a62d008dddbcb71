//! Everything random in a run, from one seed.

use std::time::Duration;

use kedge_sansio::Rng;

/// The dice of a run.
#[derive(Clone, Debug)]
pub struct Chance(Rng);

impl Chance {
    /// The dice that belong to a seed.
    pub fn new(seed: u64) -> Self {
        Self(Rng::new(seed))
    }

    /// A seed for something that has dice of its own.
    pub fn seed(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number from `least` to `most`.
    pub fn between(&mut self, least: u32, most: u32) -> u32 {
        least + self.0.below(most - least + 1)
    }

    /// A place in a list of `len`, which is not zero.
    pub fn index(&mut self, len: usize) -> usize {
        self.0.below(len as u32) as usize
    }

    /// Yes, so many times in a thousand.
    pub fn per_mille(&mut self, times: u32) -> bool {
        times > 0 && self.0.below(1000) < times
    }

    /// Yes, once in `n` times.
    pub fn one_in(&mut self, n: u32) -> bool {
        self.0.below(n) == 0
    }

    /// One of a list.
    pub fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.index(list.len())]
    }

    /// A time from `least` to `most` milliseconds, in microseconds.
    pub fn millis(&mut self, least: u32, most: u32) -> Duration {
        Duration::from_micros(self.between(least * 1000, most * 1000).into())
    }
}
