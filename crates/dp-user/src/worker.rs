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
use std::net::IpAddr;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use kedge_dataplane::{
    Change, DataplaneError, DropReason, Forwarder, Local, TunnelError, unwrap_quote,
};
use kedge_model::VrfId;

use crate::merge::Merger;
use crate::pace::Pace;
use crate::replies::Replies;
use crate::sys::epoll::{Epoll, Waker, precise_timers};
use crate::sys::receive::Inbox;
use crate::transport::{Transport, Transports};
use crate::virtio::VirtioHeader;

/// What a token of the poll says: its kind, and in the other bits the place.
const KIND: u64 = 3 << 32;
const WAKER: u64 = 0;
const DEVICE: u64 = 1 << 32;
const TRANSPORT: u64 = 2 << 32;

/// Octets of the largest read: a train and its virtio header.
pub const READ: usize = VirtioHeader::LEN + (1 << 16);
/// Octets that one batch of reads fills.
const READS: usize = 16 * READ;

/// What the owner asks of the worker.
pub enum Command {
    /// Do this between two packets. What it opens, and what it closes, takes the kernel its time:
    /// the owner does both.
    Do(Box<dyn FnOnce(&mut Worker) + Send>),
    /// End.
    Stop,
}

/// A TUN device.
#[derive(Debug)]
pub struct Device {
    /// Its inner routing world.
    pub vrf: VrfId,
    /// Its MTU.
    pub mtu: u16,
    /// Whether it takes trains of UDP datagrams.
    pub udp_trains: bool,
    /// Where packets are read and written.
    pub file: File,
    /// How senders of that world are told of errors.
    pub replies: Replies,
}

/// Something that its owner has opened for the worker.
#[derive(Debug)]
pub enum New {
    /// The device of an inner world.
    Device(Device),
    /// The sockets of an address.
    Local(Local, Vec<Transport>),
}

/// The state of the thread.
#[derive(Debug)]
pub struct Worker {
    /// What decides.
    pub forwarder: Forwarder,
    /// By the places that the tables give them.
    pub devices: Vec<Option<Device>>,
    /// By the places of the tables' locals.
    pub transports: Transports,
    /// Joins what goes to devices.
    pub merger: Merger,
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
        waker: Waker,
        commands: Receiver<Command>,
    ) -> io::Result<Self> {
        let epoll = Epoll::new()?;
        epoll.add(&waker, WAKER)?;
        Ok(Self {
            forwarder,
            devices: Vec::new(),
            transports: Transports::default(),
            merger: Merger::new(true),
            epoll,
            waker,
            commands,
            reads: vec![0; READS],
            written: Vec::with_capacity(1 << 18),
            inbox: Inbox::new(),
        })
    }

    /// Forwards until told to stop, or until a device is taken away.
    pub fn run(&mut self) -> io::Result<()> {
        precise_timers()?;
        let mut pace = Pace::new();
        loop {
            let ready = self.epoll.wait()?;
            let now = Instant::now();
            let mut packets = [0; 2];
            for (token, is_error) in ready {
                let place = (token & !KIND) as usize;
                match token & KIND {
                    DEVICE => packets[0] += self.serve_device(place, now)?,
                    TRANSPORT => packets[1] += self.serve_transport(place, is_error, now),
                    _ if self.obey() => return Ok(()),
                    _ => {}
                }
            }
            if let Some(moment) = pace.after(now, Instant::now(), packets) {
                self.waker.wait(moment);
            }
        }
    }

    /// The devices, which are the owner's to close.
    pub fn into_devices(self) -> Vec<Device> {
        self.devices.into_iter().flatten().collect()
    }

    /// Does what was asked; `true` to end.
    fn obey(&mut self) -> bool {
        self.waker.clear();
        while let Ok(command) = self.commands.try_recv() {
            match command {
                Command::Stop => return true,
                Command::Do(work) => work(self),
            }
        }
        false
    }

    /// Makes changes of what is held, until one fails: how many were made, and what that one met.
    /// Each comes with the place where what is bound is counted.
    pub fn hold(&mut self, changes: &[(Change, u32)]) -> (usize, Result<(), DataplaneError>) {
        let tables = &mut self.forwarder.tables;
        tables.look_ahead(changes.iter().filter_map(|(change, _)| match change {
            Change::Bind { binding, want } => Some((*binding, Some(want))),
            Change::Unbind(binding) => Some((*binding, None)),
            _ => None,
        }));
        let mut made = 0;
        let done = changes.iter().try_for_each(|(change, place)| {
            match change {
                Change::Bind { binding, want } => tables.bind(*binding, want, *place)?,
                Change::Unbind(binding) => tables.unbind(*binding),
                Change::RouteLocally(on) => tables.route_locally(*on),
                Change::SetPolicy { vrf, policy } => tables.set_policy(*vrf, policy.clone())?,
                // The owner makes these one by one, with what they take.
                Change::AddLocal { .. }
                | Change::RemoveLocal { .. }
                | Change::AddDevice { .. }
                | Change::RemoveDevice(_)
                | Change::SetMtu { .. } => {}
            }
            made += 1;
            Ok(())
        });
        (made, done)
    }

    /// Takes over what is new, until there is no room: how many, and what there was no room for.
    pub fn take(&mut self, new: Vec<New>) -> (usize, Result<(), DataplaneError>) {
        let mut taken = 0;
        let done = new.into_iter().try_for_each(|new| {
            match new {
                New::Device(device) => self.add_device(device)?,
                New::Local(local, sockets) => self.add_local(local, sockets)?,
            }
            taken += 1;
            Ok(())
        });
        (taken, done)
    }

    /// Takes packets of an inner world.
    fn add_device(&mut self, device: Device) -> Result<(), DataplaneError> {
        let vrf = device.vrf;
        let place = self.forwarder.tables.add_device(vrf)?;
        if let Err(source) = self.epoll.add(&device.file, DEVICE | u64::from(place)) {
            self.forwarder.tables.remove_device(vrf);
            return Err(not_watched(source));
        }
        self.merger.udp &= device.udp_trains;
        let place = usize::from(place);
        if self.devices.len() <= place {
            self.devices.resize_with(place + 1, || None);
        }
        self.devices[place] = Some(device);
        Ok(())
    }

    /// Takes packets of an inner world no more; its device is the owner's to close.
    pub fn remove_device(&mut self, vrf: VrfId) -> Option<Device> {
        let place = self.forwarder.tables.remove_device(vrf)?;
        let device = self.devices.get_mut(usize::from(place))?.take()?;
        // What is closed is not watched either.
        let _ = self.epoll.remove(&device.file);
        Some(device)
    }

    /// The device of an inner world.
    pub fn device_mut(&mut self, vrf: VrfId) -> Option<&mut Device> {
        let place = self.forwarder.tables.device(vrf)?;
        self.devices.get_mut(usize::from(place))?.as_mut()
    }

    /// Takes packets from tunnels that end at an address more, by these sockets.
    fn add_local(&mut self, local: Local, sockets: Vec<Transport>) -> Result<(), DataplaneError> {
        let place = self.forwarder.tables.add_local(local)?;
        self.transports.set(place, sockets);
        let watched = self.transports.numbered_of(place).try_for_each(|(number, transport)| {
            self.epoll.add(transport.outbox.fd(), TRANSPORT | number as u64)
        });
        watched.map_err(|source| {
            self.remove_local(local.vrf, local.address);
            not_watched(source)
        })
    }

    /// Takes packets from tunnels that end at an address no more; its sockets are the owner's to
    /// close.
    pub fn remove_local(&mut self, vrf: VrfId, address: IpAddr) -> Vec<Transport> {
        let Some(place) = self.forwarder.tables.remove_local(vrf, address) else {
            return Vec::new();
        };
        let sockets = self.transports.set(place, Vec::new());
        for socket in &sockets {
            let _ = self.epoll.remove(socket.outbox.fd());
        }
        sockets
    }

    /// Tells the senders of packets that could not be sent through these sockets, or met an error
    /// on their way.
    pub fn collect_failures(&mut self, numbers: &[usize], now: Instant) {
        for &number in numbers {
            let Some(transport) = self.transports.get_mut(number) else { continue };
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
                let place = self.forwarder.tables.device(vrf).map(usize::from);
                if let Some(Some(device)) = place.and_then(|place| self.devices.get(place)) {
                    device.replies.send(&reply);
                }
            }
        }
    }
}

fn not_watched(source: io::Error) -> DataplaneError {
    DataplaneError::Host { action: "wait for packets".to_owned(), source }
}
