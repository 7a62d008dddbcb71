//! How many files the process may have open.
//!
//! Each address takes a socket for signalling and four or five for tunnels, and each inner routing
//! world a device and four sockets. The limit that processes begin with, 1024 on most systems, is
//! too low for some dozens of customers; what a process may raise it to is not.
#![expect(unsafe_code, reason = "getrlimit and setrlimit")]

use std::io;

use crate::NetError;
use crate::socket::check;

/// Raises the limit as far as the process may, and gives it.
pub fn raise_open_files() -> Result<u64, NetError> {
    let failed = |e| NetError::new("raise the limit on open files", "", e);
    let mut limit = open_files().map_err(failed)?;
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: the kernel reads one rlimit, which lives through the call.
    check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }).map_err(failed)?;
    Ok(limit.rlim_cur)
}

/// Which limit stands behind an error number, if it is one of those about too many open files.
pub fn hit(errno: i32) -> Option<String> {
    match errno {
        libc::EMFILE => {
            let most = open_files().map_or(0, |limit| limit.rlim_cur);
            Some(format!("this process may open {most} files: raise RLIMIT_NOFILE (LimitNOFILE=)"))
        }
        libc::ENFILE => Some("this host may open no more files: raise fs.file-max".to_owned()),
        _ => None,
    }
}

fn open_files() -> io::Result<libc::rlimit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel writes one rlimit, which lives through the call.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    Ok(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_as_high_as_it_may_be_and_errors_name_it() {
        let most = raise_open_files().unwrap();
        assert_eq!(most, open_files().unwrap().rlim_max);
        let error = NetError::new("open", "x", io::Error::from_raw_os_error(libc::EMFILE));
        assert!(error.to_string().contains(&format!("may open {most} files")), "{error}");
        assert_eq!(hit(libc::EPERM), None);
    }
}
