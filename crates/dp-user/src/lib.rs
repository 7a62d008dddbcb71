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

mod closing;
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

use std::collections::BTreeMap;
use std::io::{PipeReader, pipe};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use closing::Closing;
use kedge_dataplane::{
    BindingCounters, Change, Dataplane, DataplaneError, Forwarder, Ledger, Narrow, Side, Tables,
    TotalCells, Totals,
};
use kedge_model::{BindingId, VrfId};
use start::Opened;
use sys::epoll::Waker;
use tracing::error;
use worker::{Command, Device, New, Worker};

/// Commands that may wait for the worker.
const COMMANDS: usize = 64;

/// A running userspace data plane. Dropping it stops it and removes its devices. A device that is
/// removed in service is gone a moment later; one that is added in its world waits for that.
///
/// Devices and sockets are made where their routing worlds are, as seen from the thread that asks
/// for them. Addresses and routes of devices are their owner's business; `rp_filter` of a device is
/// off, as what leaves a tunnel arrives with sources that the host may route elsewhere. An anchor and
/// a gateway on one host need addresses, or ports, of their own. At a signalling port, which data
/// shares where a translator is on its way, whoever has the signalling socket keeps what is no
/// data: it is bound before, and lets others bind its port (SO_REUSEPORT) since.
#[derive(Debug)]
pub struct DpUser {
    devices: BTreeMap<VrfId, Opened>,
    ledger: Ledger,
    totals: Arc<TotalCells>,
    commands: SyncSender<Command>,
    waker: Waker,
    worker: Option<JoinHandle<Vec<Device>>>,
    /// Its other end is the worker's.
    end: PipeReader,
    /// Devices that were removed.
    closing: Closing,
}

impl DpUser {
    /// Starts forwarding, with no devices and addresses yet.
    pub fn start(side: Side) -> Result<Self, DataplaneError> {
        let host = |action: &str| {
            let action = action.to_owned();
            move |source| DataplaneError::Host { action, source }
        };
        let totals = Arc::new(TotalCells::default());
        let tables = Tables::new(side);
        let ledger = Ledger::new(tables.counts());
        let forwarder = Forwarder::new(tables, Arc::clone(&totals));
        let waker = Waker::new().map_err(host("make an eventfd"))?;
        let woken = waker.try_clone().map_err(host("make an eventfd"))?;
        let (commands, obeyed) = sync_channel(COMMANDS);
        let mut worker = Worker::new(forwarder, woken, obeyed).map_err(host("wait for packets"))?;
        let (end, ends) = pipe().map_err(host("make a pipe"))?;
        let run = move || {
            if let Err(error) = worker.run() {
                error!(%error, "the forwarder has ended");
            }
            drop(ends);
            worker.into_devices()
        };
        let worker = std::thread::Builder::new().name("forwarder".into()).spawn(run);
        let worker = Some(worker.map_err(host("start a thread"))?);
        let (devices, closing) = (BTreeMap::new(), Closing::default());
        Ok(Self { devices, ledger, totals, commands, waker, worker, end, closing })
    }

    /// What has something to read when forwarding has ended, for whatever reason.
    pub fn end(&self) -> BorrowedFd<'_> {
        self.end.as_fd()
    }

    /// The name of the device of an inner routing world.
    pub fn device_name(&self, vrf: VrfId) -> Option<&str> {
        self.devices.get(&vrf).map(Opened::name)
    }

    /// Stops forwarding, closes the sockets and removes the devices; when this returns they are
    /// gone.
    pub fn stop(self) {}

    fn command(&self, command: Command) -> Result<(), DataplaneError> {
        self.commands.send(command).map_err(|_| DataplaneError::Stopped)?;
        self.waker.wake();
        Ok(())
    }

    /// Has the worker do something, and waits until it is done.
    fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Worker) -> T + Send + 'static,
    ) -> Result<T, DataplaneError> {
        let (answer, answered) = sync_channel(1);
        let work = move |worker: &mut Worker| {
            // The owner waits for it, or has gone.
            let _ = answer.send(work(worker));
        };
        self.command(Command::Do(Box::new(work)))?;
        answered.recv().map_err(|_| DataplaneError::Stopped)
    }

    /// Makes changes of what is held.
    fn hold(&mut self, changes: &[Change]) -> Result<(), DataplaneError> {
        if changes.is_empty() {
            return Ok(());
        }
        // A binding's counters go on while it stays bound, within these changes too.
        let mut opened = Vec::new();
        let places: Vec<u32> = changes
            .iter()
            .enumerate()
            .map(|(at, change)| match change {
                Change::Bind { binding, .. } => self.ledger.find(*binding).unwrap_or_else(|| {
                    opened.push((at, *binding));
                    self.ledger.open(*binding)
                }),
                Change::Unbind(binding) => {
                    self.ledger.close(*binding);
                    0
                }
                _ => 0,
            })
            .collect();
        // The worker borrows them: what one thread allocates is not another's to free.
        let with_places: Arc<[_]> = changes.iter().cloned().zip(places).collect();
        let changes = Arc::clone(&with_places);
        let (made, done) = self.ask(move |worker| worker.hold(&changes))?;
        for (_, binding) in opened.iter().filter(|(at, _)| *at >= made) {
            self.ledger.close(*binding);
        }
        self.ledger.settle();
        done
    }

    /// Adds devices and addresses. What takes the kernel its time is done here, while the worker
    /// forwards; then it is given all of it together.
    fn add(&mut self, changes: &[Change]) -> Result<(), DataplaneError> {
        let (mut new, mut devices) = (Vec::new(), Vec::new());
        let opened = changes.iter().try_for_each(|change| {
            match change {
                Change::AddLocal { local, world } => {
                    new.push(New::Local(*local, start::transports(local, world)?));
                }
                Change::AddDevice { vrf, world, name, mtu } => {
                    self.closing.wait_for(*vrf);
                    let (opened, device) = start::device(*vrf, world, name, *mtu)?;
                    devices.push((new.len(), *vrf, opened));
                    new.push(New::Device(device));
                }
                _ => {}
            }
            Ok(())
        });
        let (taken, refused) = self.ask(move |worker| worker.take(new))?;
        for (_, vrf, opened) in devices.into_iter().filter(|(place, ..)| *place < taken) {
            self.devices.insert(vrf, opened);
        }
        refused.and(opened)
    }

    /// Makes a change of devices or addresses that are there.
    fn reshape(&mut self, change: &Change) -> Result<(), DataplaneError> {
        match change {
            Change::RemoveLocal { vrf, address } => {
                let (vrf, address) = (*vrf, *address);
                self.ask(move |worker| worker.remove_local(vrf, address)).map(drop)
            }
            Change::RemoveDevice(vrf) => {
                let vrf = *vrf;
                self.devices.remove(&vrf);
                let device = self.ask(move |worker| worker.remove_device(vrf))?;
                device.into_iter().for_each(|device| self.closing.close(device));
                Ok(())
            }
            Change::SetMtu { vrf, mtu } => {
                let (vrf, mtu) = (*vrf, *mtu);
                let Some(opened) = self.devices.get(&vrf) else { return Ok(()) };
                opened.set_mtu(mtu)?;
                self.ask(move |worker| {
                    if let Some(device) = worker.device_mut(vrf) {
                        device.mtu = mtu;
                    }
                })
            }
            Change::AddLocal { .. } | Change::AddDevice { .. } => {
                self.add(std::slice::from_ref(change))
            }
            Change::Bind { .. }
            | Change::Unbind(_)
            | Change::RouteLocally(_)
            | Change::SetPolicy { .. } => self.hold(std::slice::from_ref(change)),
        }
    }
}

/// Whether a change is one of the tables alone, which takes nothing of the kernel.
fn is_held(change: &Change) -> bool {
    use Change::{Bind, RouteLocally, SetPolicy, Unbind};
    matches!(change, Bind { .. } | Unbind(_) | RouteLocally(_) | SetPolicy { .. })
}

/// Whether a change opens something.
fn opens(change: &Change) -> bool {
    matches!(change, Change::AddLocal { .. } | Change::AddDevice { .. })
}

impl Drop for DpUser {
    fn drop(&mut self) {
        let Some(worker) = self.worker.take() else { return };
        // A worker that has gone needs no command, and one that panicked has said so.
        let _ = self.command(Command::Stop);
        let devices = worker.join().unwrap_or_default();
        devices.into_iter().for_each(|device| self.closing.close(device));
    }
}

impl Dataplane for DpUser {
    fn apply(&mut self, changes: &[Change]) -> Result<(), DataplaneError> {
        // Those of what is held, which are many, go to the worker together, and so does what is new.
        let mut groups =
            changes.chunk_by(|a, b| (is_held(a) && is_held(b)) || (opens(a) && opens(b)));
        groups.try_for_each(|group| match group {
            [] => Ok(()),
            [first, ..] if is_held(first) => self.hold(group),
            [first, ..] if opens(first) => self.add(group),
            each => each.iter().try_for_each(|change| self.reshape(change)),
        })
    }

    fn counters(&self, binding: BindingId) -> Option<BindingCounters> {
        self.ledger.read(binding)
    }

    fn narrow_ways(&self) -> Vec<Narrow> {
        let narrow = |worker: &mut Worker| {
            worker.forwarder.tables.narrow_ways(Instant::now()).collect::<Vec<_>>()
        };
        // A worker that has stopped sends nothing anywhere.
        self.ask(narrow).unwrap_or_default()
    }

    fn await_removed(&self, longest: Duration) -> bool {
        self.closing.wait(longest)
    }

    fn is_running(&self) -> bool {
        self.worker.as_ref().is_some_and(|worker| !worker.is_finished())
    }

    fn totals(&self) -> Totals {
        self.totals.read()
    }
}
