//! What this crate asks of the kernel beyond the standard library.
//!
//! Each file wraps one facility in a safe interface; nothing outside this folder is `unsafe`.

pub mod epoll;
pub mod receive;
pub mod send;
pub mod share;
pub mod socket;
pub mod tun;

use std::io;

/// The result of a system call that reports failure as a negative number.
fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
