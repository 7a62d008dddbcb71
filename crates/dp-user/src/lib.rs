//! The userspace data plane: TUN devices on one side, UDP and raw sockets on the other.
//!
//! What becomes of a packet is decided by the reference forwarder of `kedge-dataplane`. This
//! crate moves the octets, and does it in trains: a TUN device gives and takes up to 64 KiB of
//! one flow's segments at a time, a UDP socket has the kernel cut and merge them
//! (UDP_SEGMENT, UDP_GRO), raw sockets carry GRE and IP-in-IP in batches. Outer IP headers are the
//! kernel's own: their TTL, DF bit, marks and flow label are asked for by socket options.
//!
//! The kernel routes to a TUN device and so has decremented the inner TTL or Hop Limit once; the
//! tunnel itself decrements nothing (RFC 2473 §3.1: the tunnel is one hop, and this was it).

mod config;
mod into_tunnels;
mod merge;
mod out_of_tunnels;
mod outbox;
mod pace;
#[cfg(test)]
mod parity;
mod replies;
mod split;
mod start;
mod sys;
#[cfg(test)]
mod trains;
mod transport;
mod virtio;
mod worker;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

pub use config::{Config, DeviceConfig, TransportLocal};
use kedge_dataplane::{
    BindingCells, BindingCounters, Change, Dataplane, DataplaneError, Forwarder, Local, Narrow,
    Tables, TotalCells, Totals,
};
use kedge_model::{BindingId, VrfId};
use sys::epoll::Waker;
use tracing::error;
use transport::Transports;
use worker::{Command, Worker};

/// Commands that may wait for the worker.
const COMMANDS: usize = 64;

/// A running userspace data plane. Dropping it stops it and removes its devices.
#[derive(Debug)]
pub struct DpUser {
    names: Vec<(VrfId, String)>,
    counters: HashMap<BindingId, Arc<BindingCells>>,
    totals: Arc<TotalCells>,
    commands: SyncSender<Command>,
    waker: Waker,
    worker: Option<JoinHandle<()>>,
}

impl DpUser {
    /// Makes the devices, opens the sockets and starts forwarding (with nothing bound).
    pub fn start(config: Config) -> Result<Self, DataplaneError> {
        let host = |action: &str| {
            let action = action.to_owned();
            move |source| DataplaneError::Host { action, source }
        };
        let mut devices = Vec::with_capacity(config.devices.len());
        let mut udp_trains = true;
        for device in &config.devices {
            let (device, udp) = start::device(device)?;
            udp_trains &= udp;
            devices.push(device);
        }
        let mut transports = Transports::default();
        for (place, local) in config.locals.iter().enumerate() {
            transports.set(place, start::transports(local)?);
        }
        let locals = config.locals.iter().map(|local| Local {
            vrf: local.vrf,
            address: local.address,
            udp_port: local.udp_port,
            signalling_port: local.signalling_port,
        });
        let vrfs = config.devices.iter().map(|device| device.vrf).collect();
        let tables = Tables::new(config.side, vrfs, locals.collect());
        let totals = Arc::new(TotalCells::default());
        let forwarder = Forwarder::new(tables, Arc::clone(&totals));

        let waker = Waker::new().map_err(host("make an eventfd"))?;
        let woken = waker.try_clone().map_err(host("make an eventfd"))?;
        let (commands, obeyed) = sync_channel(COMMANDS);
        let worker = Worker::new(forwarder, devices, transports, udp_trains, woken, obeyed)
            .map_err(host("wait for packets"))?;
        let run = move || {
            if let Err(error) = worker.run() {
                error!(%error, "the forwarder has ended");
            }
        };
        let worker = std::thread::Builder::new().name("forwarder".into()).spawn(run);
        let worker = worker.map_err(host("start a thread"))?;
        let names = config.devices.into_iter().map(|device| (device.vrf, device.name));
        Ok(Self {
            names: names.collect(),
            counters: HashMap::new(),
            totals,
            commands,
            waker,
            worker: Some(worker),
        })
    }

    /// The name of the device of an inner routing world.
    pub fn device_name(&self, vrf: VrfId) -> Option<&str> {
        self.names.iter().find(|(v, _)| *v == vrf).map(|(_, name)| name.as_str())
    }

    /// Stops forwarding, closes the sockets and removes the devices; when this returns they are
    /// gone.
    pub fn stop(self) {}

    fn command(&self, command: Command) -> Result<(), DataplaneError> {
        self.commands.send(command).map_err(|_| DataplaneError::Stopped)?;
        self.waker.wake();
        Ok(())
    }
}

impl Drop for DpUser {
    fn drop(&mut self) {
        let Some(worker) = self.worker.take() else { return };
        // A worker that has gone needs no command, and one that panicked has said so.
        let _ = self.command(Command::Stop);
        let _ = worker.join();
    }
}

impl Dataplane for DpUser {
    fn apply(&mut self, changes: &[Change]) -> Result<(), DataplaneError> {
        // A binding's counters go on while it stays bound, within these changes too.
        let mut bound: HashMap<BindingId, Arc<BindingCells>> = HashMap::new();
        let with_cells = changes.iter().map(|change| {
            let cells = match change {
                Change::Bind { binding, .. } => {
                    let held = || self.counters.get(binding).cloned().unwrap_or_default();
                    Arc::clone(bound.entry(*binding).or_insert_with(held))
                }
                Change::Unbind(binding) => {
                    bound.insert(*binding, Arc::default());
                    Arc::default()
                }
                Change::RouteLocally(_)
                | Change::AddLocal(_)
                | Change::RemoveLocal { .. }
                | Change::SetMtu { .. }
                | Change::SetPolicy { .. } => Arc::default(),
            };
            (change.clone(), cells)
        });
        let with_cells: Arc<[_]> = with_cells.collect();
        let (answer, answered) = sync_channel(1);
        self.command(Command::Apply(Arc::clone(&with_cells), answer))?;
        let (made, done) = answered.recv().map_err(|_| DataplaneError::Stopped)?;
        for (change, cells) in &with_cells[..made] {
            match change {
                Change::Bind { binding, .. } => self.counters.insert(*binding, Arc::clone(cells)),
                Change::Unbind(binding) => self.counters.remove(binding),
                Change::RouteLocally(_)
                | Change::AddLocal(_)
                | Change::RemoveLocal { .. }
                | Change::SetMtu { .. }
                | Change::SetPolicy { .. } => None,
            };
        }
        done
    }

    fn counters(&self, binding: BindingId) -> Option<BindingCounters> {
        self.counters.get(&binding).map(|cells| cells.read())
    }

    fn narrow_ways(&self) -> Vec<Narrow> {
        let (answer, answered) = sync_channel(1);
        // A worker that has stopped sends nothing anywhere.
        self.command(Command::NarrowWays(answer)).ok();
        answered.recv().unwrap_or_default()
    }

    fn is_running(&self) -> bool {
        self.worker.as_ref().is_some_and(|worker| !worker.is_finished())
    }

    fn totals(&self) -> Totals {
        self.totals.read()
    }
}
