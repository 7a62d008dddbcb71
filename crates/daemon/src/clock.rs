//! The only clock: everything else is told the time.

use std::time::{Instant, SystemTime};

use kedge_sansio::Now;

/// Both clocks, read once for a turn.
pub fn sample() -> Now {
    Now { mono: Instant::now(), wall: SystemTime::now() }
}
