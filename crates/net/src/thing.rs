//! What a daemon makes or changes in a kernel.

use std::fmt;

use kedge_model::MacAddr;

use crate::netlink::{Address, Neighbour, Route, Rule};
use crate::sysctl::Sysctl;

/// A thing in the kernel that a daemon makes or changes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Thing {
    /// A route.
    Route(Route),
    /// A routing rule.
    Rule(Rule),
    /// An address on a device.
    Address(Address),
    /// A permanent neighbour entry.
    Neighbour(Neighbour),
    /// A device's Ethernet address.
    Mac {
        /// The device's name.
        device: String,
        /// The address it is to have.
        mac: MacAddr,
    },
    /// The value of a sysctl.
    Sysctl {
        /// Which one.
        entry: Sysctl,
        /// The value it is to have.
        value: String,
    },
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route(route) => write!(f, "route {route}"),
            Self::Rule(rule) => write!(f, "rule {rule}"),
            Self::Address(address) => write!(f, "address {address}"),
            Self::Neighbour(neighbour) => write!(f, "neighbour {neighbour}"),
            Self::Mac { device, mac } => write!(f, "MAC address {mac} of {device}"),
            Self::Sysctl { entry, value } => write!(f, "{entry} = {value}"),
        }
    }
}
