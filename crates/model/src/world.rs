//! Where a routing world is in the host.

use std::fmt;

/// A routing world as the host knows it. Machines and data planes know it by its
/// [`VrfId`](crate::VrfId); whoever opens something in it needs this.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum World {
    /// The network namespace of the daemon, outside of all VRF devices.
    #[default]
    Own,
    /// The network namespace that `ip netns` calls so.
    Namespace(String),
    /// The Linux VRF device of this name, in the daemon's own network namespace.
    Device(String),
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("the daemon's own network namespace"),
            Self::Namespace(name) => write!(f, "network namespace {name}"),
            Self::Device(name) => write!(f, "VRF device {name}"),
        }
    }
}
