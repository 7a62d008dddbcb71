//! Waiting on a condition, with a limit and a message. Nothing else in the lab waits.

use std::time::{Duration, Instant};

use crate::error::{LabError, Result};

/// How often a condition is looked at. Short against anything a test measures.
const STEP: Duration = Duration::from_millis(5);

/// Longer than anything takes that a test waits for, on a machine that has hardly any time for it.
/// It passes only where what is waited for never comes.
pub const SOON: Duration = Duration::from_secs(60);

/// Looks until `probe` gives a value; after `limit` the error carries the last thing `probe`
/// said it saw instead.
pub fn until<T>(
    limit: Duration,
    what: &str,
    mut probe: impl FnMut() -> std::result::Result<T, String>,
) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        let last = match probe() {
            Ok(value) => return Ok(value),
            Err(last) => last,
        };
        if Instant::now() >= deadline {
            return Err(LabError::Timeout { what: what.to_owned(), limit, last });
        }
        pause(STEP);
    }
}

/// Lets a stretch of measured traffic run: the length of a measurement, never a guess about
/// how long something takes.
#[expect(clippy::disallowed_methods, reason = "the lab's one place where a thread sleeps")]
pub fn pause(length: Duration) {
    std::thread::sleep(length);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_that_runs_out_says_for_what_and_what_was_there() {
        let error = until(Duration::ZERO, "the tide", || Err::<(), _>("ebb".to_owned()));
        let text = error.expect_err("never true").to_string();
        assert!(text.contains("the tide") && text.contains("ebb"), "{text}");
    }

    #[test]
    fn a_condition_already_true_is_taken_even_with_no_time_left() {
        assert_eq!(until(Duration::ZERO, "now", || Ok(7)).ok(), Some(7));
    }
}
