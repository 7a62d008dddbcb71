//! The sockets to RADIUS servers, one for each [`Port`] of the client.
//!
//! Each is connected, so that it hears its server alone. A socket that fails is closed; what was
//! sent on it is asked again when its time is over, on a new one.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use kedge_net::poll::{Poller, Token};
use kedge_radius::{MAX_LEN, Port};
use tracing::{debug, warn};

use super::tls::{self, Connection};
use crate::os_error::reason;

/// Packets read from one socket before others get their turn.
const PACKETS_A_TURN: usize = 64;

/// The open sockets.
#[derive(Debug)]
pub struct Ports {
    first: Token,
    open: BTreeMap<u64, (Port, SocketAddr, Socket)>,
    places: BTreeMap<Port, u64>,
    /// The next place; those that are not used again do not receive what was meant for others.
    next: u64,
    /// Why sockets to servers failed last, of servers that were not heard since.
    troubles: BTreeMap<usize, String>,
}

#[derive(Debug)]
enum Socket {
    Udp(UdpSocket),
    Tls(Box<Connection>),
}

impl Ports {
    /// No sockets yet. The poller knows them as `first` and those behind it.
    pub fn new(first: Token) -> Self {
        let (open, places) = (BTreeMap::new(), BTreeMap::new());
        Self { first, open, places, next: 0, troubles: BTreeMap::new() }
    }

    /// Closes every socket.
    pub fn close_all(&mut self) {
        self.open.clear();
        self.places.clear();
        self.troubles.clear();
    }

    /// Why the last socket to a server failed, if the server was not heard since.
    pub fn trouble(&self, server: usize) -> Option<&str> {
        self.troubles.get(&server).map(String::as_str)
    }

    /// Sends a packet from a port, over TLS if there is something to secure it with.
    pub fn send(
        &mut self,
        port: Port,
        to: SocketAddr,
        secure: Option<&tls::Client>,
        bytes: &[u8],
        poller: &Poller,
    ) {
        let sent = self.socket(port, to, secure, poller).and_then(|(token, socket)| match socket {
            Socket::Udp(socket) => socket.send(bytes).map(drop),
            Socket::Tls(connection) => connection.send(bytes, poller, token),
        });
        match sent {
            Ok(()) => {}
            // The same as a packet that the network loses: it is sent again.
            Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => {}
            Err(cause) => self.failed(port, to, &cause),
        }
    }

    fn socket(
        &mut self,
        port: Port,
        to: SocketAddr,
        secure: Option<&tls::Client>,
        poller: &Poller,
    ) -> io::Result<(Token, &mut Socket)> {
        let place = match self.places.get(&port) {
            Some(place) => *place,
            None => {
                let place = self.next;
                let token = self.token(place);
                let socket = match secure {
                    Some(client) => Socket::Tls(Box::new(client.connect(to, poller, token)?)),
                    None => Socket::Udp(udp(to, poller, token)?),
                };
                self.next = (place + 1) & 0xffff;
                if let Some((before, ..)) = self.open.insert(place, (port, to, socket)) {
                    self.places.remove(&before);
                }
                self.places.insert(port, place);
                place
            }
        };
        let token = self.token(place);
        let (_, _, socket) = self.open.get_mut(&place).ok_or(io::ErrorKind::NotConnected)?;
        Ok((token, socket))
    }

    fn token(&self, place: u64) -> Token {
        Token(self.first.0 + place)
    }

    fn close(&mut self, port: Port) {
        if let Some(place) = self.places.remove(&port) {
            self.open.remove(&place);
        }
    }

    /// Hands what has arrived at the socket in this place to `take`.
    pub fn receive(&mut self, place: usize, poller: &Poller, mut take: impl FnMut(Port, &[u8])) {
        let place = place as u64;
        let token = self.token(place);
        let Some((port, to, socket)) = self.open.get_mut(&place) else { return };
        let (port, to) = (*port, *to);
        let mut hear = |packet: &[u8]| {
            self.troubles.remove(&port.server);
            take(port, packet);
        };
        let outcome = match socket {
            Socket::Udp(socket) => receive_udp(socket, &mut hear),
            Socket::Tls(connection) => connection.serve(poller, token, &mut hear),
        };
        if let Err(cause) = outcome {
            self.failed(port, to, &cause);
        }
    }

    /// A socket failed. What is wrong is said when it begins, and as often as it changes.
    fn failed(&mut self, port: Port, to: SocketAddr, cause: &io::Error) {
        self.close(port);
        // A server may end a connection that it has no use for.
        if cause.kind() == io::ErrorKind::UnexpectedEof {
            debug!(%to, "a RADIUS server has closed a connection");
            return;
        }
        let trouble = reason(cause);
        if self.trouble(port.server) != Some(&trouble) {
            warn!("RADIUS server {to}: {trouble}");
            self.troubles.insert(port.server, trouble);
        }
    }
}

fn udp(to: SocketAddr, poller: &Poller, token: Token) -> io::Result<UdpSocket> {
    let any: SocketAddr = match to {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    socket.set_nonblocking(true)?;
    socket.connect(to)?;
    poller.add(&socket, token).map_err(io::Error::other)?;
    Ok(socket)
}

fn receive_udp(socket: &UdpSocket, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    // One octet more than a packet: what is longer is no packet.
    let mut buffer = [0; MAX_LEN + 1];
    for _ in 0..PACKETS_A_TURN {
        match socket.recv(&mut buffer) {
            Ok(len) => take(&buffer[..len]),
            Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => break,
            // An ICMP error about a packet of ours. Anybody can send one: it is no answer.
            Err(cause) if cause.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(cause) => return Err(cause),
        }
    }
    Ok(())
}
