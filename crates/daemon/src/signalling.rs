//! The signalling sockets of one machine, and what waits to be sent through them.

use std::io;
use std::net::{IpAddr, SocketAddr};

use kedge_model::{SignalPath, VrfId};
use kedge_net::NetError;
use kedge_net::poll::{Poller, Token};
use kedge_net::signalling::{Batch, Outgoing, PORT, Sender, SignalSocket};

/// One socket for each local address, and the machine's outgoing messages.
///
/// Messages are collected while a batch is handled and leave in one system call per socket; a
/// steady stream of them allocates nothing here.
pub struct Signalling {
    sockets: Vec<SignalSocket>,
    sender: Sender,
    waiting: Vec<Message>,
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
    /// Opens a socket at each address and has the poller watch it as `first` plus its place.
    pub fn open(
        transport: VrfId,
        addresses: &[IpAddr],
        poller: &Poller,
        first: Token,
    ) -> Result<Self, NetError> {
        let mut sockets = Vec::with_capacity(addresses.len());
        for (place, &address) in addresses.iter().enumerate() {
            let socket = SignalSocket::open(transport, SocketAddr::new(address, PORT))?;
            poller.add(&socket, Token(first.0 + place as u64))?;
            sockets.push(socket);
        }
        Ok(Self { sockets, sender: Sender::default(), waiting: Vec::new() })
    }

    /// Reads what has arrived at the socket in this place and says how many datagrams that were.
    pub fn receive(&self, place: usize, batch: &mut Batch) -> Result<usize, NetError> {
        self.sockets.get(place).map_or(Ok(0), |socket| socket.recv_batch(batch))
    }

    /// How much of what the socket in this place has room for waits to be read, both in octets.
    pub fn backlog(&self, place: usize) -> Result<(u32, u32), NetError> {
        self.sockets.get(place).map_or(Ok((0, 0)), SignalSocket::backlog)
    }

    /// How many datagrams were lost because they were not read in time.
    pub fn overruns(&self) -> u64 {
        self.sockets.iter().filter_map(|socket| socket.overruns().ok()).map(u64::from).sum()
    }

    /// Keeps a message until [`Self::send`].
    pub fn queue(&mut self, path: SignalPath, dscp: u8, bytes: Vec<u8>) {
        self.waiting.push(Message { path, dscp, bytes });
    }

    /// Sends what waits; `done` gets every message back with what became of it.
    pub fn send(&mut self, mut done: impl FnMut(Message, Result<(), io::Error>)) {
        let Self { sockets, sender, waiting } = self;
        // In the usual case all answers leave through the socket their questions came in by.
        while let Some(local) = waiting.first().map(|message| message.path.local) {
            let through = waiting.iter().position(|m| m.path.local != local);
            let count = through.unwrap_or(waiting.len());
            let socket = sockets.iter().find(|socket| socket.local().ip() == local.ip());
            let Some(socket) = socket else {
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
