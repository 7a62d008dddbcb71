//! The few parts every sans-IO machine uses: time as an argument, timers, back-off, an index of
//! large tables, buffers to write answers into, a limit for errors, and randomness from a seed.
//!
//! A machine is driven by one contract: **after every input, drain `poll_output` until it is
//! empty, then wait until `poll_timeout` or the next input.** Nothing here reads a clock, opens
//! a socket or starts a thread.

mod backoff;
mod blocks;
mod buffers;
mod index;
mod pulse;
mod queue;
mod rate_limit;
mod rng;
mod timers;

use std::time::{Instant, SystemTime};

pub use backoff::Backoff;
pub use blocks::Blocks;
pub use buffers::Buffers;
pub use index::{HashIndex, Tag};
pub use pulse::{Pulse, Rhythm, Sign};
pub use rate_limit::RateLimit;
pub use rng::Rng;
pub use timers::{TimerId, Timers};

/// Both clocks, sampled once per turn of the shell's loop.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Drives every timer.
    pub mono: Instant,
    /// Exists for the Timestamp option (RFC 5213 §8.8) and for what is shown to people.
    pub wall: SystemTime,
}
