//! Doing something inside a network namespace.
#![expect(unsafe_code, reason = "setns has no safe wrapper in the standard library")]

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use super::check;

/// Runs `work` inside `netns`, or where we are if there is none. Sockets and devices made there
/// stay there.
pub fn within<T: Send>(netns: Option<&OwnedFd>, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    let Some(netns) = netns else { return Ok(work()) };
    // A thread of its own: the namespace is a property of the thread, and this one ends.
    std::thread::scope(|scope| {
        let entered = scope.spawn(|| {
            // SAFETY: the descriptor is open, as it is borrowed from its owner.
            check(unsafe { libc::setns(netns.as_raw_fd(), libc::CLONE_NEWNET) })?;
            Ok(work())
        });
        entered.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
