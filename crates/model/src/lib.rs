//! Identifiers, units and the forwarding model that every part of Kedge shares.
//!
//! This crate is pure: plain values, no socket, no clock, no thread. A number with a meaning is
//! a type of its own here, built through a constructor that checks it; the wire codec, the
//! machines, the configuration and the data planes all speak in these types.

mod forward;
mod identity;
mod octets;
mod signal;
mod units;
mod world;

pub use forward::{BindingId, Encapsulation, Forwarding, GreKey, Path, Tunnel};
pub use identity::{CustomerId, LinkLayerId, MacAddr, MnId, ParseMacError, VrfId};
pub use ipnet::{IpNet, Ipv4Net, Ipv6Net};
pub use signal::{Datagram, SignalPath};
pub use units::{Lifetime, Sequence, Timestamp};
pub use world::World;
