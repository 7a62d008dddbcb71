//! Waiting for what the kernel delivers, with a limit.

use std::time::{Duration, Instant};

use kedge_net::poll::{Poller, Token};

/// Calls `look` each time `fd` is readable until it gives something, for five seconds.
#[track_caller]
pub fn wait_for<F: std::os::fd::AsFd, T>(
    source: &mut F,
    what: &str,
    mut look: impl FnMut(&mut F) -> Option<T>,
) -> T {
    let mut poller = Poller::new().unwrap();
    poller.add(&*source, Token(0)).unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        if let Some(found) = look(source) {
            return found;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "{what} did not happen within five seconds");
        poller.wait(Some(left)).unwrap().for_each(drop);
    }
}
