//! Giving up every privilege that is not needed.
//!
//! Capabilities belong to threads, and a thread inherits those of the one that starts it. So
//! [`keep_needed`] is called before the first thread is started.
#![expect(unsafe_code, reason = "prctl")]

use std::io;

use caps::{CapSet, Capability, CapsHashSet};

use crate::NetError;
use crate::socket::check;

/// What the daemon's configuration makes necessary.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needs {
    /// Everything happens in the namespace the daemon was started in.
    OneNamespace,
    /// Routing worlds in other namespaces are configured; entering one takes `CAP_SYS_ADMIN`.
    OtherNamespaces,
}

impl Needs {
    fn capabilities(self) -> &'static [Capability] {
        const ALL: [Capability; 4] = [
            Capability::CAP_NET_ADMIN,
            Capability::CAP_NET_RAW,
            // For the DHCP server's port on access interfaces.
            Capability::CAP_NET_BIND_SERVICE,
            Capability::CAP_SYS_ADMIN,
        ];
        match self {
            Self::OneNamespace => &ALL[..3],
            Self::OtherNamespaces => &ALL,
        }
    }
}

/// The capabilities that are needed and that the calling thread lacks, by name.
pub fn missing(needs: Needs) -> Result<Vec<String>, NetError> {
    let have = caps::read(None, CapSet::Effective).map_err(|e| failed("read", e))?;
    Ok(needs.capabilities().iter().filter(|c| !have.contains(c)).map(|c| c.to_string()).collect())
}

/// Leaves the calling thread, and those it starts, with what is needed, and makes sure that no
/// program they run gets more.
pub fn keep_needed(needs: Needs) -> Result<(), NetError> {
    let needed: CapsHashSet = needs.capabilities().iter().copied().collect();
    // SAFETY: this prctl() takes plain numbers.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })
        .map_err(|e| NetError::new("set no_new_privs", "", e))?;
    // The bounding set first: changing it takes a capability that is given up after.
    let bounding = caps::read(None, CapSet::Bounding).map_err(|e| failed("read", e))?;
    if caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP).unwrap_or(false) {
        for capability in bounding.difference(&needed) {
            caps::drop(None, CapSet::Bounding, *capability).map_err(|e| failed("drop", e))?;
        }
    }
    let permitted = caps::read(None, CapSet::Permitted).map_err(|e| failed("read", e))?;
    let kept: CapsHashSet = permitted.intersection(&needed).copied().collect();
    caps::clear(None, CapSet::Ambient).map_err(|e| failed("drop", e))?;
    caps::clear(None, CapSet::Inheritable).map_err(|e| failed("drop", e))?;
    caps::set(None, CapSet::Effective, &kept).map_err(|e| failed("drop", e))?;
    caps::set(None, CapSet::Permitted, &kept).map_err(|e| failed("drop", e))
}

fn failed(operation: &'static str, error: caps::errors::CapsError) -> NetError {
    NetError::new(operation, "capabilities", io::Error::other(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_what_is_needed_and_nothing_else() {
        std::thread::spawn(|| {
            assert!(missing(Needs::OtherNamespaces).unwrap().is_empty(), "the tests run as root");
            keep_needed(Needs::OneNamespace).unwrap();
            let kept = caps::read(None, CapSet::Permitted).unwrap();
            let needed = [
                Capability::CAP_NET_ADMIN,
                Capability::CAP_NET_RAW,
                Capability::CAP_NET_BIND_SERVICE,
            ];
            assert_eq!(kept, needed.into_iter().collect());
            assert_eq!(caps::read(None, CapSet::Bounding).unwrap(), kept);
            assert_eq!(missing(Needs::OneNamespace).unwrap(), Vec::<String>::new());
            assert_eq!(missing(Needs::OtherNamespaces).unwrap(), ["CAP_SYS_ADMIN"]);
        })
        .join()
        .unwrap();
    }
}
