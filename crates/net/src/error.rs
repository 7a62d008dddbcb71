//! What the kernel refused, in one line that an operator understands.

use std::fmt;
use std::io;

use crate::limits;

/// A system call or netlink request that failed: what was tried, on what, why, and what helps.
///
/// ```text
/// cannot bind the signalling socket to 192.0.2.1:5436: Address in use; another process holds it
/// ```
#[derive(Debug)]
pub struct NetError {
    operation: &'static str,
    object: String,
    needs: &'static str,
    /// What helps, where the error's number does not say it.
    advice: Option<String>,
    words: Option<String>,
    source: io::Error,
}

impl NetError {
    /// `operation` follows "cannot"; `object` names what it was tried on and may be empty.
    pub(crate) fn new(
        operation: &'static str,
        object: impl fmt::Display,
        source: io::Error,
    ) -> Self {
        let object = object.to_string();
        Self { operation, object, needs: "CAP_NET_ADMIN", advice: None, words: None, source }
    }

    /// Names the capability that the operation asks for, when it is not `CAP_NET_ADMIN`.
    pub(crate) fn needs(mut self, capability: &'static str) -> Self {
        self.needs = capability;
        self
    }

    /// Says what helps if the object does not exist.
    pub(crate) fn if_absent(self, advice: &str) -> Self {
        if self.is_absent() { self.with_advice(advice.to_owned()) } else { self }
    }

    /// Says what helps.
    pub(crate) fn with_advice(mut self, advice: String) -> Self {
        self.advice = Some(advice);
        self
    }

    /// Adds the kernel's own explanation (netlink's extended acknowledgement).
    pub(crate) fn in_words(mut self, words: Option<String>) -> Self {
        self.words = words;
        self
    }

    /// The kernel's error number, if it was the kernel that refused.
    pub fn errno(&self) -> Option<i32> {
        self.source.raw_os_error()
    }

    /// Whether the thing to remove or to change is not there.
    pub fn is_absent(&self) -> bool {
        matches!(
            self.errno(),
            Some(libc::ENOENT | libc::ESRCH | libc::ENODEV | libc::ENXIO | libc::EADDRNOTAVAIL)
        )
    }

    /// Whether the thing to make is there already.
    pub fn is_present(&self) -> bool {
        self.errno() == Some(libc::EEXIST)
    }

    fn hint(&self) -> Option<String> {
        if let Some(advice) = &self.advice {
            return Some(advice.clone());
        }
        let hint = match self.errno()? {
            libc::EPERM | libc::EACCES => return Some(format!("needs {}", self.needs)),
            libc::EADDRINUSE => "another process holds that address and port",
            libc::EADDRNOTAVAIL => {
                "no interface of this namespace has that address, or its duplicate check still runs"
            }
            libc::ENODEV | libc::ENXIO => "there is no such device in this namespace",
            libc::EEXIST => "it exists and was not made by this daemon",
            libc::EROFS => "/proc/sys is read-only here; a container must mount it writable",
            libc::ENETDOWN => "the device is down",
            libc::ENETUNREACH | libc::EHOSTUNREACH => "there is no route to it",
            libc::EBUSY => "the device must be down for this change",
            number @ (libc::EMFILE | libc::ENFILE) => return limits::hit(number),
            libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT => "this kernel lacks that protocol",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}", self.operation)?;
        if !self.object.is_empty() {
            write!(f, " {}", self.object)?;
        }
        // The number that std appends tells an operator nothing.
        let cause = self.source.to_string();
        write!(f, ": {}", cause.split(" (os error").next().unwrap_or(&cause))?;
        if let Some(words) = &self.words {
            write!(f, " ({words})")?;
        }
        if let Some(hint) = self.hint() {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

/// The cause is part of the one line that [`fmt::Display`] gives, so it is not a `source` too.
impl std::error::Error for NetError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(errno: i32) -> NetError {
        NetError::new(
            "bind the signalling socket to",
            "192.0.2.1:5436",
            io::Error::from_raw_os_error(errno),
        )
    }

    #[test]
    fn an_error_is_one_line_that_names_operation_object_cause_and_remedy() {
        assert_eq!(
            refused(libc::EADDRINUSE).to_string(),
            "cannot bind the signalling socket to 192.0.2.1:5436: Address already in use; \
             another process holds that address and port"
        );
        assert_eq!(
            refused(libc::EPERM).needs("CAP_NET_RAW").to_string(),
            "cannot bind the signalling socket to 192.0.2.1:5436: Operation not permitted; \
             needs CAP_NET_RAW"
        );
    }

    #[test]
    fn absence_and_presence_are_told_apart_from_other_refusals() {
        assert!(refused(libc::ESRCH).is_absent() && !refused(libc::EPERM).is_absent());
        assert!(refused(libc::EEXIST).is_present() && !refused(libc::ESRCH).is_present());
    }
}
