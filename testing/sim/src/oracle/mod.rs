//! What must hold.
//!
//! * `machines`: of a machine alone, after every input; the fuzz targets ask it too.
//! * `counters`: the sums within the counter groups, likewise.
//! * `always`: after every step, of the station that took it.
//! * `rest`: once a domain has been left in peace, and in the end.
//! * `agreement`: what two ends of a session have to say alike.

mod agreement;
mod always;
mod counters;
mod machines;
mod memory;
mod rest;

pub use machines::{Sessions, check_lma, check_mag};

pub(crate) use always::{
    check_anchor, check_branch, check_downlink, check_gateway, check_message, check_uplink,
};
pub(crate) use memory::Memory;
pub(crate) use rest::{await_end, await_rest};
