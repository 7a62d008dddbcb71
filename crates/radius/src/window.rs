//! How many requests a server is sent before it has answered others.
//!
//! Nothing in RADIUS tells a client that a server has more to do than it can: what its socket has no
//! room for is lost, which is noticed when its time is over, seconds later. So the window is found as
//! that of TCP is (RFC 5681 §3.1): it grows by one with each answer, from [`CAREFUL`] on with each
//! window of answers, and only while half of it at least is used; a loss halves it.

use std::time::{Duration, Instant};

/// At first.
const FIRST: usize = 32;
/// As much as fits into the default buffer of a socket; from here on it grows slowly.
const CAREFUL: usize = 128;
/// At least.
const LEAST: usize = 8;
/// At most: a tenth of a second of a fast server.
const MOST: usize = 2_048;
/// Losses within this time are one.
const ONE_LOSS: Duration = Duration::from_secs(1);

/// The window of one kind of work at one server.
#[derive(Debug)]
pub struct Window {
    size: usize,
    /// From here on it grows slowly.
    careful: usize,
    /// Answers since it has grown.
    answers: usize,
    lost: Option<Instant>,
}

impl Default for Window {
    fn default() -> Self {
        Self { size: FIRST, careful: CAREFUL, answers: 0, lost: None }
    }
}

impl Window {
    /// How many requests may be unanswered.
    pub fn size(&self) -> usize {
        self.size
    }

    /// One was answered while so many were unanswered, itself among them.
    pub fn answered(&mut self, unanswered: usize) {
        if 2 * unanswered < self.size {
            return;
        }
        self.answers += 1;
        if self.size < self.careful || self.answers >= self.size {
            (self.size, self.answers) = ((self.size + 1).min(MOST), 0);
        }
    }

    /// The time of one was over.
    pub fn lost(&mut self, now: Instant) {
        if self.lost.is_none_or(|lost| now.saturating_duration_since(lost) >= ONE_LOSS) {
            self.size = (self.size / 2).max(LEAST);
            (self.careful, self.answers, self.lost) = (self.size, 0, Some(now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_fast_then_slowly_and_is_halved_once_by_losses_that_come_together() {
        let (mut window, now) = (Window::default(), Instant::now());
        let answered = |window: &mut Window, times: usize| {
            (0..times).for_each(|_| window.answered(window.size()));
        };
        answered(&mut window, CAREFUL - FIRST);
        assert_eq!(window.size(), CAREFUL);
        answered(&mut window, CAREFUL - 1);
        assert_eq!(window.size(), CAREFUL);
        answered(&mut window, 1);
        assert_eq!(window.size(), CAREFUL + 1);
        (0..9).for_each(|_| window.lost(now));
        assert_eq!(window.size(), CAREFUL.div_ceil(2));
        answered(&mut window, CAREFUL / 2 - 1);
        assert_eq!(window.size(), CAREFUL / 2, "slowly from there on");
        for second in 1..9 {
            window.lost(now + Duration::from_secs(second));
        }
        assert_eq!(window.size(), LEAST);
        answered(&mut window, MOST * MOST);
        assert_eq!(window.size(), MOST);
    }

    #[test]
    fn answers_say_nothing_of_a_window_that_is_not_used() {
        let mut window = Window::default();
        (0..1_000).for_each(|_| window.answered(FIRST / 2 - 1));
        assert_eq!(window.size(), FIRST);
    }
}
