//! What must hold.
//!
//! * `always`: after every step, of the station that took it.
//! * `counters`: the sums within the counter groups, likewise.
//! * `rest`: once a domain has been left in peace, and in the end.

mod always;
mod counters;
mod memory;
mod rest;

pub use always::{check_anchor, check_downlink, check_gateway, check_message, check_uplink};
pub use memory::Memory;
pub use rest::{await_end, await_rest};
