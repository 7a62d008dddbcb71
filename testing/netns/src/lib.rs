//! The lab: topologies of network namespaces on a real kernel, with real programs in them.
//!
//! A [`Lab`] owns everything and removes everything; a [`Host`] is a namespace, a [`Link`] a
//! cable, a [`Switch`] a set of bridges between which a [`Port`] can roam, a [`Relay`] a cable
//! with loss and delay. A [`Daemon`] is `kedged` on a host, a [`Capture`] is tcpdump judged by
//! tshark, [`Ping`] and [`Transfer`] are the traffic whose losses are counted, and [`Domain`] is
//! the whole Proxy Mobile IPv6 domain that the demo, the tests and the benchmark draw on.
//!
//! ```text
//!   lab ── host ── ip, sysctl, exec, spawn ──► process
//!    │      └── link, port, relay
//!    └── tag ──► namespaces, directory: all removed by drop, panic, SIGINT, SIGTERM
//! ```
//!
//! It is synchronous: a step of an experiment is done when the call returns, and where the world
//! takes its time [`wait::until`] looks at a condition, with a limit and a message.
//! Everything needs root, and says so; nothing here is skipped for want of it.

mod capture;
mod daemon;
pub mod detail;
pub mod domain;
mod error;
pub mod freeradius;
mod host;
mod lab;
mod link;
pub mod load;
pub mod node;
pub mod pattern;
pub mod ping;
mod process;
pub mod programs;
mod relay;
pub mod transfer;
pub mod wait;

pub use capture::{Capture, Recording};
pub use daemon::{Daemon, answers};
pub use domain::Domain;
pub use error::{LabError, Result};
pub use freeradius::FreeRadius;
pub use host::Host;
pub use lab::{Lab, interrupted, leftovers};
pub use link::{Link, Port, Switch, eui64_address};
pub use node::MobileNode;
pub use ping::{Ping, Span};
pub use process::Process;
pub use relay::{Impairment, Relay, RelayCount};
pub use transfer::Transfer;
