//! Load: what the benchmark sends, and the bare server it is compared with.
//!
//! The flood and the echo server are processes on hosts of their own (`kedge-lab udp-flood`,
//! `udp-echo`); updates are sent by the benchmark itself, through sockets it opens on a host. All
//! of them move packets by the batch.

mod batch;
mod echo;
mod flood;
mod heard;
mod native;
mod paced;
mod updates;

pub use echo::echo;
pub use flood::{PAYLOAD, flood};
pub use paced::{Flood, Paced};
pub use updates::{Count, Load, Step, Updates, nai};

/// Packets handed to the kernel, or taken from it, in one call.
pub const BATCH: usize = 64;
