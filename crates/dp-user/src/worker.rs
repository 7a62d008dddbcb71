//! The one thread that forwards. It owns devices, sockets and tables; nothing on its way locks.
//!
//! ```text
//!            ┌────────────────────── worker ──────────────────────┐
//!   device ──► read until empty ─► outbound ─► split ─► outboxes ─► sockets
//!   device ◄── merge ◄─ inbound ◄───────────── unwrap ◄──────────── sockets
//!            └──────────▲─────────────────────────────────────────┘
//!                       │ changes, by a bounded channel and an eventfd; each is answered
//!                    DpUser (any thread)
//! ```
//!
//! Each turn waits for what is ready, then serves it one batch each, so that neither a device
//! nor a socket starves the others.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Instant;

use kedge_dataplane::{
    BindingCells, Change, DataplaneError, DropReason, Forwarder, Local, Narrow, TunnelError,
    unwrap_quote,
};
use kedge_model::VrfId;

use crate::config::TransportLocal;
use crate::into_tunnels::READS;
use crate::merge::Merger;
use crate::pace::Pace;
use crate::replies::Replies;
use crate::start;
use crate::sys::epoll::{Epoll, Waker, precise_timers};
use crate::sys::receive::Inbox;
use crate::transport::Transports;

/// What the owner asks of the worker.
#[derive(Debug)]
pub enum Command {
    /// Make these changes, then answer how many were made, and what the next one met. A binding's
    /// counters come with it.
    Apply(Arc<[(Change, Arc<BindingCells>)]>, SyncSender<(usize, Result<(), DataplaneError>)>),
    /// Answer which ways were found to carry less than their first link.
    NarrowWays(SyncSender<Vec<Narrow>>),
    /// End.
    Stop,
}

/// A TUN device.
#[derive(Debug)]
pub struct Device {
    /// Its inner routing world.
    pub vrf: VrfId,
    /// Its name, in the network namespace of `netns`.
    pub name: String,
    /// The namespace it was made in; `None` is the process's own.
    pub netns: Option<OwnedFd>,
    /// Its MTU.
    pub mtu: u16,
    /// Where packets are read and written.
    pub file: File,
    /// How senders of that world are told of errors.
    pub replies: Replies,
}

/// The state of the thread.
#[derive(Debug)]
pub struct Worker {
    /// What decides.
    pub forwarder: Forwarder,
    /// In the order of the tables' devices.
    pub devices: Vec<Device>,
    /// In the order of the tables' locals.
    pub transports: Transports,
    /// Joins what goes to devices.
    pub merger: Merger,
    /// Knows the waker as 0, then devices, then transports by their numbers.
    epoll: Epoll,
    /// Says that a command waits.
    waker: Waker,
    /// What waits.
    commands: Receiver<Command>,
    /// What a batch read from a device.
    pub reads: Vec<u8>,
    /// Headers that were written for that batch.
    pub written: Vec<u8>,
    /// What a batch received from a socket.
    pub inbox: Inbox,
}

impl Worker {
    /// A worker that has not run yet.
    pub fn new(
        forwarder: Forwarder,
        devices: Vec<Device>,
        transports: Transports,
        udp_trains: bool,
        waker: Waker,
        commands: Receiver<Command>,
    ) -> io::Result<Self> {
        let epoll = Epoll::new()?;
        epoll.add(&waker, 0)?;
        for (device, token) in devices.iter().zip(1..) {
            epoll.add(&device.file, token)?;
        }
        let first = 1 + devices.len();
        for (number, transport) in transports.numbered() {
            epoll.add(transport.outbox.fd(), (first + number) as u64)?;
        }
        Ok(Self {
            forwarder,
            devices,
            transports,
            merger: Merger::new(udp_trains),
            epoll,
            waker,
            commands,
            reads: vec![0; READS],
            written: Vec::with_capacity(1 << 18),
            inbox: Inbox::new(),
        })
    }

    /// Forwards until told to stop, or until a device is taken away.
    pub fn run(mut self) -> io::Result<()> {
        precise_timers()?;
        let mut pace = Pace::new();
        loop {
            let ready = self.epoll.wait()?;
            let now = Instant::now();
            let mut single = 0;
            for (token, is_error) in ready {
                let at = usize::try_from(token).unwrap_or(usize::MAX);
                if at == 0 {
                    if self.obey() {
                        return Ok(());
                    }
                } else if at <= self.devices.len() {
                    self.serve_device(at - 1, now)?;
                } else {
                    single += self.serve_transport(at - 1 - self.devices.len(), is_error, now);
                }
            }
            if let Some(moment) = pace.after(now, Instant::now(), single) {
                self.waker.wait(moment);
            }
        }
    }

    /// Does what was asked; `true` to end.
    fn obey(&mut self) -> bool {
        self.waker.clear();
        while let Ok(command) = self.commands.try_recv() {
            match command {
                Command::Stop => return true,
                Command::NarrowWays(answer) => {
                    let narrow = self.forwarder.tables.narrow_ways(Instant::now()).collect();
                    let _ = answer.send(narrow);
                }
                Command::Apply(changes, answer) => {
                    let mut made = 0;
                    let done = changes.iter().try_for_each(|(change, cells)| {
                        self.make(change, cells)?;
                        made += 1;
                        Ok(())
                    });
                    // The owner waits for it, or has gone.
                    let _ = answer.send((made, done));
                }
            }
        }
        false
    }

    fn make(&mut self, change: &Change, cells: &Arc<BindingCells>) -> Result<(), DataplaneError> {
        let tables = &mut self.forwarder.tables;
        match change {
            Change::Bind { binding, want } => tables.bind(*binding, want, Arc::clone(cells))?,
            Change::Unbind(binding) => tables.unbind(*binding),
            Change::RouteLocally(on) => tables.route_locally(*on),
            Change::AddLocal(local) => self.add_local(*local)?,
            Change::RemoveLocal { vrf, address } => {
                if let Some(place) = tables.remove_local(*vrf, *address) {
                    // The sockets are closed, which ends their watch.
                    self.transports.set(place, Vec::new());
                }
            }
            Change::SetPolicy { vrf, policy } => tables.set_policy(*vrf, policy.clone())?,
            Change::SetMtu { vrf, mtu } => {
                for device in self.devices.iter_mut().filter(|device| device.vrf == *vrf) {
                    start::set_mtu(device, *mtu)?;
                }
            }
        }
        Ok(())
    }

    fn add_local(&mut self, local: Local) -> Result<(), DataplaneError> {
        let Local { vrf, address, udp_port, signalling_port } = local;
        let config = TransportLocal { vrf, address, udp_port, signalling_port, netns: None };
        let opened = start::transports(&config)?;
        let place = self.forwarder.tables.add_local(local);
        self.transports.set(place, opened);
        let first = 1 + self.devices.len();
        let watched = self.transports.numbered_of(place).try_for_each(|(number, transport)| {
            self.epoll.add(transport.outbox.fd(), (first + number) as u64)
        });
        watched.map_err(|source| {
            self.forwarder.tables.remove_local(vrf, address);
            self.transports.set(place, Vec::new());
            DataplaneError::Host { action: "wait for packets".to_owned(), source }
        })
    }

    /// Tells the senders of packets that could not be sent, or met an error on their way.
    pub fn collect_failures(&mut self, now: Instant) {
        for transport in self.transports.iter_mut() {
            let outbox = &mut transport.outbox;
            if outbox.refused > 0 {
                self.forwarder.cells().dropped(DropReason::Refused, outbox.refused);
                outbox.refused = 0;
            }
            for report in std::mem::take(&mut transport.outbox.reports) {
                let carried = transport.carried(&report.carried, report.to.port());
                let Some(inner) = unwrap_quote(carried) else { continue };
                let error = TunnelError {
                    transport: transport.vrf,
                    local: transport.local.ip(),
                    peer: report.to.ip(),
                    fault: report.fault,
                    inner,
                };
                let Some((vrf, reply)) = self.forwarder.tunnel_error(&error, now) else { continue };
                if let Some(device) = self.devices.iter().find(|device| device.vrf == vrf) {
                    device.replies.send(&reply);
                }
            }
        }
    }
}
