//! Load: what the benchmark sends, and the bare server it is compared with.
//!
//! Each part is a process on a host of its own (`kedge-lab udp-flood`, `udp-echo`, `pbu-load`),
//! and prints one line of numbers when it ends. All of them move packets by the batch.

mod batch;
mod echo;
mod flood;
mod updates;

pub use echo::echo;
pub use flood::{PAYLOAD, flood};
pub use updates::{Count, Load, Updates};

/// Packets handed to the kernel, or taken from it, in one call.
pub const BATCH: usize = 64;
