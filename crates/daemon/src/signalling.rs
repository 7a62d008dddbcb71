//! The signalling sockets of one machine, and what waits to be sent through them.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use kedge_model::{SignalPath, VrfId};
use kedge_net::NetError;
use kedge_net::poll::{Poller, Token};
use kedge_net::signalling::{Batch, Outgoing, PORT, Sender, SignalSocket};

/// One socket for each local address, and the machine's outgoing messages.
///
/// Messages are collected while a batch is handled and leave in one system call per socket; a
/// steady stream of them allocates nothing here.
pub struct Signalling {
    transport: VrfId,
    /// The token of the first place; the others follow.
    first: Token,
    /// A place that is empty is taken by the next socket.
    places: Vec<Option<Place>>,
    sender: Sender,
    waiting: Vec<Message>,
}

/// A socket, and until when it is open if its address is ours no more.
struct Place {
    socket: SignalSocket,
    leaves: Option<Instant>,
}

/// A message that waits for the end of the turn.
pub struct Message {
    /// Between whom it travels.
    pub path: SignalPath,
    /// The code point of its packet.
    pub dscp: u8,
    /// The message; the machine takes the buffer back.
    pub bytes: Vec<u8>,
}

impl Signalling {
    /// No sockets yet; the poller will know those that are opened as `first` plus their place.
    pub fn new(transport: VrfId, first: Token) -> Self {
        let (places, sender, waiting) = (Vec::new(), Sender::default(), Vec::new());
        Self { transport, first, places, sender, waiting }
    }

    /// Opens a socket at an address; one that was about to leave stays.
    pub fn open(&mut self, address: IpAddr, poller: &Poller) -> Result<(), NetError> {
        let there = self.places.iter_mut().flatten().find(|place| place.is_at(address));
        if let Some(place) = there {
            place.leaves = None;
            return Ok(());
        }
        let socket = SignalSocket::open(self.transport, SocketAddr::new(address, PORT))?;
        let empty = self.places.iter().position(Option::is_none);
        let place = empty.unwrap_or(self.places.len());
        poller.add(&socket, Token(self.first.0 + place as u64))?;
        if empty.is_none() {
            self.places.push(None);
        }
        self.places[place] = Some(Place { socket, leaves: None });
        Ok(())
    }

    /// Closes the socket at an address.
    pub fn close(&mut self, address: IpAddr) {
        for place in &mut self.places {
            place.take_if(|place| place.is_at(address));
        }
    }

    /// Closes the socket at an address then.
    pub fn leave(&mut self, address: IpAddr, then: Instant) {
        for place in self.places.iter_mut().flatten().filter(|place| place.is_at(address)) {
            place.leaves = Some(then);
        }
    }

    /// When [`Self::handle_timeout`] is to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.places.iter().flatten().filter_map(|place| place.leaves).min()
    }

    /// Closes the sockets that leave.
    pub fn handle_timeout(&mut self, now: Instant) {
        for place in &mut self.places {
            place.take_if(|place| place.leaves.is_some_and(|then| then <= now));
        }
    }

    /// Whether the address of the socket in this place is ours no more.
    pub fn is_leaving(&self, place: usize) -> bool {
        self.places.get(place).into_iter().flatten().any(|place| place.leaves.is_some())
    }

    fn sockets(&self) -> impl Iterator<Item = &SignalSocket> {
        self.places.iter().flatten().map(|place| &place.socket)
    }

    fn socket(&self, place: usize) -> Option<&SignalSocket> {
        Some(&self.places.get(place)?.as_ref()?.socket)
    }

    /// Reads what has arrived at the socket in this place and says how many datagrams that were.
    pub fn receive(&self, place: usize, batch: &mut Batch) -> Result<usize, NetError> {
        self.socket(place).map_or(Ok(0), |socket| socket.recv_batch(batch))
    }

    /// Where the socket in this place is.
    pub fn local(&self, place: usize) -> Option<(VrfId, IpAddr)> {
        Some((self.transport, self.socket(place)?.local().ip()))
    }

    /// How much of what the socket in this place has room for waits to be read, both in octets.
    pub fn backlog(&self, place: usize) -> Result<(u32, u32), NetError> {
        self.socket(place).map_or(Ok((0, 0)), SignalSocket::backlog)
    }

    /// How many datagrams were lost because they were not read in time.
    pub fn overruns(&self) -> u64 {
        self.sockets().filter_map(|socket| socket.overruns().ok()).map(u64::from).sum()
    }

    /// Keeps a message until [`Self::send`].
    pub fn queue(&mut self, path: SignalPath, dscp: u8, bytes: Vec<u8>) {
        self.waiting.push(Message { path, dscp, bytes });
    }

    /// Sends what waits; `done` gets every message back with what became of it.
    pub fn send(&mut self, mut done: impl FnMut(Message, Result<(), io::Error>)) {
        let Self { places, sender, waiting, .. } = self;
        // In the usual case all answers leave through the socket their questions came in by.
        while let Some(local) = waiting.first().map(|message| message.path.local) {
            let through = waiting.iter().position(|m| m.path.local != local);
            let count = through.unwrap_or(waiting.len());
            let place = places.iter().flatten().find(|place| place.is_at(local.ip()));
            let Some(Place { socket, .. }) = place else {
                for message in waiting.drain(..count) {
                    done(message, Err(io::ErrorKind::AddrNotAvailable.into()));
                }
                continue;
            };
            let mut failures: Vec<(usize, io::Error)> = Vec::new();
            let outgoing = waiting[..count].iter().map(|message| Outgoing {
                path: message.path,
                dscp: message.dscp,
                bytes: &message.bytes,
            });
            socket.send_batch(sender, outgoing, |place, error| failures.push((place, error)));
            let mut failures = failures.into_iter().peekable();
            for (place, message) in waiting.drain(..count).enumerate() {
                let failure = failures.next_if(|(failed, _)| *failed == place);
                done(message, failure.map_or(Ok(()), |(_, error)| Err(error)));
            }
        }
    }
}

impl Place {
    fn is_at(&self, address: IpAddr) -> bool {
        self.socket.local().ip() == address
    }
}
