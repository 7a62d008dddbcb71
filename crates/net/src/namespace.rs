//! Network namespaces, entered for a moment.
//!
//! `setns` changes the namespace of one thread, and whatever that thread opens next belongs to the
//! new one and keeps it for life: sockets, netlink connections, devices. So a thread goes there,
//! opens what is wanted, and comes back, whether the work returns or panics; that takes the kernel
//! about a microsecond, of which an anchor with a thousand customers has need. That it can come
//! back is tried before it goes.
#![expect(unsafe_code, reason = "setns")]

use std::cell::RefCell;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::{fmt, io, process};

use crate::NetError;
use crate::socket::check;

/// What entering takes, for the error of who lacks it: see [`crate::privileges`].
const PRIVILEGE: &str = "CAP_SYS_ADMIN, which kedged keeps only if its configuration names a \
    namespace when it starts: restart it";

thread_local! {
    /// Where this thread is, once it has been asked. It goes nowhere but by [`Namespace::enter`].
    static HERE: RefCell<Option<Namespace>> = const { RefCell::new(None) };
}

/// A network namespace, kept alive while a handle to it exists. Clones are the same namespace.
#[derive(Clone)]
pub struct Namespace {
    /// `None` is the namespace the handle was taken in.
    name: Option<Arc<str>>,
    file: Arc<File>,
    /// Device and inode, which tell namespaces apart.
    identity: (u64, u64),
}

impl Namespace {
    /// Where `ip netns` and the container runtimes that follow it keep named namespaces.
    const DIRECTORY: &'static str = "/run/netns";

    /// The namespace of the calling thread.
    pub fn current() -> Result<Self, NetError> {
        if let Some(here) = HERE.with_borrow(Clone::clone) {
            return Ok(here);
        }
        let here = Self::from_file(None, Path::new("/proc/thread-self/ns/net"))
            .map_err(|e| NetError::new("open", "the current network namespace", e))?;
        HERE.set(Some(here.clone()));
        Ok(here)
    }

    /// Whether a namespace can have this name, which is a file's.
    pub fn is_name(name: &str) -> bool {
        !matches!(name, "" | "." | "..") && !name.contains('/')
    }

    /// The namespace that `ip netns` calls `name`.
    pub fn open(name: &str) -> Result<Self, NetError> {
        let object = format_args!("network namespace {name} (/run/netns/{name})");
        if !Self::is_name(name) {
            return Err(NetError::new("open", object, io::ErrorKind::InvalidFilename.into()));
        }
        Self::from_file(Some(name.into()), &Path::new(Self::DIRECTORY).join(name))
            .map_err(|e| NetError::new("open", object, e).needs("permission to read it"))
            .map_err(|e| e.if_absent("`ip netns add` makes one"))
    }

    /// Device and inode, which tell namespaces apart.
    pub(crate) fn identity(&self) -> (u64, u64) {
        self.identity
    }

    /// The name it was opened by; the current namespace has none.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Runs `work` with the calling thread in this namespace, and brings the thread back. In the
    /// namespace of the calling thread this takes no privilege, elsewhere `CAP_SYS_ADMIN`.
    pub fn within<T>(&self, work: impl FnOnce() -> T) -> Result<T, NetError> {
        let here = Self::current()?;
        if *self == here {
            return Ok(work());
        }
        here.enter()
            .and_then(|()| self.enter())
            .map_err(|e| NetError::new("enter", self, e).needs(PRIVILEGE))?;
        let _back = Return(here);
        Ok(work())
    }

    fn enter(&self) -> io::Result<()> {
        // SAFETY: the descriptor is open; setns() takes plain numbers.
        check(unsafe { libc::setns(self.file.as_raw_fd(), libc::CLONE_NEWNET) })?;
        HERE.set(Some(self.clone()));
        Ok(())
    }

    fn from_file(name: Option<Arc<str>>, path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let identity = (metadata.dev(), metadata.ino());
        Ok(Self { name, file: Arc::new(file), identity })
    }
}

/// Brings the thread back at the end of a visit.
struct Return(Namespace);

impl Drop for Return {
    fn drop(&mut self) {
        if let Err(error) = self.0.enter() {
            // Whatever it did next would be done in a stranger's network.
            eprintln!("cannot return to {}: {error}", self.0);
            process::abort();
        }
    }
}

/// Two handles are equal when they lead to the same namespace, whatever it is called.
impl PartialEq for Namespace {
    fn eq(&self, other: &Self) -> bool {
        self.identity == other.identity
    }
}

impl Eq for Namespace {}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "network namespace {name}"),
            None => f.write_str("the daemon's own network namespace"),
        }
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Namespace({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        for name in ["", "..", "../../proc/1/ns/net", "/proc/1/ns/net"] {
            assert!(Namespace::open(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_namespace_that_does_not_exist_is_named_in_the_error() {
        let error = Namespace::open("kgnet-never-made").unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot open network namespace kgnet-never-made (/run/netns/kgnet-never-made): \
             No such file or directory; `ip netns add` makes one"
        );
    }

    #[test]
    fn work_in_the_callers_namespace_stays_there() {
        let here = Namespace::current().unwrap();
        assert_eq!(here.within(|| Namespace::current().unwrap()).unwrap(), here);
    }

    #[test]
    #[should_panic(expected = "the work's own words")]
    fn a_panic_of_the_work_continues_in_the_caller() {
        let here = Namespace::current().unwrap();
        let _ = here.within(|| panic!("the work's own words"));
    }
}
