//! What the fuzz targets do with their octets, apart from libFuzzer.
//!
//! Each function is also run by an ordinary test of its crate over the committed corpus, so that
//! a crash, once put there under a name of its own, stays found.
//!
//! ```text
//! RUSTC_BOOTSTRAP=1 cargo fuzz run wire_packet -- -max_total_time=60
//! ```

pub mod access;
pub mod anchor;
pub mod gateway;
pub mod octets;
pub mod radius;
pub mod text;
pub mod wire;
