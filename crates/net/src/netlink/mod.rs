//! Asking the kernel, and having the answer before the call returns.
//!
//! ```text
//!   Netlink        requests and their answers      control thread, blocking
//!   Notifications  what others change              control thread, polled
//! ```
//!
//! The kernel answers a request while it is being sent, so a blocking request costs what the
//! change itself costs. The two kinds of socket are apart because a socket is not told of the
//! changes that its own requests make. Every object the daemon makes carries [`PROTOCOL`], so that
//! what is left behind by a crash can be found ([`crate::owned`]).

mod address;
mod event;
mod guard;
mod link;
mod neighbour;
mod queue;
mod request;
mod route;
mod rule;

use std::net::IpAddr;

use netlink_packet_route::AddressFamily;

pub use address::Address;
pub use event::{Event, Notifications};
pub use guard::{Guard, Posted};
pub use link::Link;
pub use neighbour::{Neighbour, NeighbourState};
pub use request::Netlink;
pub use route::{Lookup, NextHop, Route};
pub use rule::Rule;

/// The mark of what this daemon makes: routing protocol number 213, which iproute2's list and
/// other daemons' leave free.
pub const PROTOCOL: u8 = 213;

/// The kernel's number of a device in its namespace.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DeviceIndex(pub u32);

impl std::fmt::Display for DeviceIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "device {}", self.0)
    }
}

/// A routing table's number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Table(pub u32);

impl Table {
    /// The table of ordinary routes.
    pub const MAIN: Self = Self(254);
}

fn family_of(address: IpAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 }
}
