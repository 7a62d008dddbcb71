//! What others change, as it happens.
//!
//! The kernel drops notifications when we do not read them in time, and says so once. Then
//! nothing is known to be as it was: [`Event::Resync`] asks the reader to look at everything
//! again.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_packet_core::NetlinkPayload;
use netlink_packet_route::neighbour::NeighbourState as Nud;
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::Socket;

use super::request::{connect, messages};
use super::{Address, DeviceIndex, Link, neighbour};
use crate::NetError;

/// The groups of notifications listened to, as bits (linux/rtnetlink.h).
const LINKS: u32 = 1 << 0;
const NEIGHBOURS: u32 = 1 << 2;
const IPV4_ADDRESSES: u32 = 1 << 4;
const IPV6_ADDRESSES: u32 = 1 << 8;

const RECEIVE_SIZE: usize = 64 << 10;

/// Something that changed in the namespace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A device appeared or changed; this is how it is.
    Link(Link),
    /// A device is gone.
    LinkGone(Link),
    /// An address appeared on a device, or became usable.
    AddressAdded(Address),
    /// An address is gone from a device.
    AddressRemoved(Address),
    /// A neighbour did not answer.
    NeighbourFailed {
        /// The device it was a neighbour on.
        device: DeviceIndex,
        /// Its address.
        address: IpAddr,
    },
    /// Events were lost: everything must be looked at again.
    Resync,
}

/// A subscription to the changes of one namespace.
pub struct Notifications {
    socket: Socket,
    incoming: Vec<u8>,
    events: VecDeque<Event>,
}

impl Notifications {
    /// Subscribes in the namespace of the calling thread.
    pub fn open() -> Result<Self, NetError> {
        let open = || {
            let socket = connect(LINKS | NEIGHBOURS | IPV4_ADDRESSES | IPV6_ADDRESSES)?;
            socket.set_non_blocking(true)?;
            Ok(socket)
        };
        let socket = open().map_err(|e| NetError::new("subscribe to network changes", "", e))?;
        Ok(Self { socket, incoming: Vec::with_capacity(RECEIVE_SIZE), events: VecDeque::new() })
    }

    /// The next event, if one has happened.
    pub fn poll_event(&mut self) -> Result<Option<Event>, NetError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            self.incoming.clear();
            match self.socket.recv(&mut self.incoming, 0) {
                Ok(_) => self.events.extend(messages(&self.incoming).filter_map(|message| {
                    // What cannot be decoded is not among what this daemon acts on.
                    match message.ok()?.payload {
                        NetlinkPayload::InnerMessage(m) => event(&m),
                        _ => None,
                    }
                })),
                Err(e) if e.raw_os_error() == Some(libc::ENOBUFS) => {
                    return Ok(Some(Event::Resync));
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(e) => return Err(NetError::new("read network changes", "", e)),
            }
        }
    }
}

impl AsFd for Notifications {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl std::fmt::Debug for Notifications {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notifications").field("events", &self.events).finish_non_exhaustive()
    }
}

fn event(message: &RouteNetlinkMessage) -> Option<Event> {
    match message {
        // A device that joins or leaves a bridge is announced by the bridge too.
        RouteNetlinkMessage::NewLink(m) | RouteNetlinkMessage::DelLink(m)
            if m.header.interface_family == AddressFamily::Bridge =>
        {
            None
        }
        RouteNetlinkMessage::NewLink(m) => Some(Event::Link(Link::from_message(m))),
        RouteNetlinkMessage::DelLink(m) => Some(Event::LinkGone(Link::from_message(m))),
        RouteNetlinkMessage::NewAddress(m) => Address::from_message(m).map(Event::AddressAdded),
        RouteNetlinkMessage::DelAddress(m) => Address::from_message(m).map(Event::AddressRemoved),
        RouteNetlinkMessage::NewNeighbour(m) if m.header.state == Nud::Failed => {
            let device = DeviceIndex(m.header.ifindex);
            Some(Event::NeighbourFailed { device, address: neighbour::address_of(m)? })
        }
        _ => None,
    }
}
