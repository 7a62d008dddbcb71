//! Entries below `/proc/sys/net`, in any namespace.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use crate::NetError;
use crate::namespace::Namespace;

/// An entry of one namespace that was found there. The kernel walks through those of all namespaces
/// to find one.
pub(crate) struct Opened<'a> {
    entry: &'a Sysctl,
    /// Where it may not be written, it may be read.
    file: io::Result<File>,
}

impl Opened<'_> {
    /// Gives it a value.
    pub(crate) fn write(self, value: &str) -> Result<(), NetError> {
        let written = self.file.and_then(|file| file.write_all_at(value.as_bytes(), 0));
        written.map_err(|e| NetError::new("set", self.entry, e))
    }
}

/// One entry.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Sysctl {
    /// Below `/proc/sys/net`, with slashes: a device's name may have dots in it.
    path: String,
}

impl Sysctl {
    /// `net.ipv4.conf.DEVICE.KEY`; "all" and "default" are devices too.
    pub fn ipv4(device: &str, key: &'static str) -> Self {
        Self { path: format!("ipv4/conf/{device}/{key}") }
    }

    /// `net.ipv6.conf.DEVICE.KEY`.
    pub fn ipv6(device: &str, key: &'static str) -> Self {
        Self { path: format!("ipv6/conf/{device}/{key}") }
    }

    /// `net.ipv4.KEY`, which is about no device.
    pub fn ipv4_of_all(key: &'static str) -> Self {
        Self { path: format!("ipv4/{key}") }
    }

    /// The entry at a path below `/proc/sys/net`, as [`Self::path`] gives it.
    pub(crate) fn at(path: &str) -> Self {
        Self { path: path.to_owned() }
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The value it has.
    pub fn read(&self, namespace: &Namespace) -> Result<String, NetError> {
        let path = self.file().map_err(|e| NetError::new("read", self, e))?;
        namespace
            .within(|| fs::read_to_string(path))?
            .map(|value| value.trim_end().to_owned())
            .map_err(|e| NetError::new("read", self, e))
    }

    /// Gives it a value.
    pub fn write(&self, namespace: &Namespace, value: &str) -> Result<(), NetError> {
        let path = self.file().map_err(|e| NetError::new("set", self, e))?;
        namespace.within(|| fs::write(&path, value))?.map_err(|e| NetError::new("set", self, e))
    }

    /// The value it has, and what gives it another one.
    pub(crate) fn open(&self, namespace: &Namespace) -> Result<(String, Opened<'_>), NetError> {
        let path = self.file().map_err(|e| NetError::new("read", self, e))?;
        let open = || {
            let mut value = String::new();
            let file = match File::options().read(true).write(true).open(&path) {
                Ok(mut file) => file.read_to_string(&mut value).map(|_| Ok(file))?,
                Err(refused) => {
                    value = fs::read_to_string(&path)?;
                    Err(refused)
                }
            };
            Ok((value.trim_end().to_owned(), Opened { entry: self, file }))
        };
        namespace.within(open)?.map_err(|e: io::Error| NetError::new("read", self, e))
    }

    /// A device whose name leads out of its directory is refused.
    fn file(&self) -> io::Result<PathBuf> {
        let is_step = |part: &str| part.is_empty() || part == "." || part == "..";
        if !matches!(self.path.split('/').count(), 2 | 4) || self.path.split('/').any(is_step) {
            return Err(io::ErrorKind::InvalidFilename.into());
        }
        Ok(PathBuf::from("/proc/sys/net").join(&self.path))
    }
}

impl fmt::Display for Sysctl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/proc/sys/net/{}", self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_name_cannot_lead_to_another_entry() {
        let here = Namespace::current().unwrap();
        for device in ["", "..", "a/../..", "../../core"] {
            assert!(Sysctl::ipv6(device, "forwarding").read(&here).is_err(), "{device}");
        }
    }

    #[test]
    fn an_entry_that_does_not_exist_is_named_in_the_error() {
        let here = Namespace::current().unwrap();
        let error = Sysctl::ipv4("kgnet-none", "forwarding").read(&here).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot read /proc/sys/net/ipv4/conf/kgnet-none/forwarding: No such file or directory"
        );
    }
}
