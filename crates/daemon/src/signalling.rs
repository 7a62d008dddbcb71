//! The signalling sockets of one machine, and what waits to be sent through them.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use kedge_model::{Datagram, SignalPath, VrfId, World};
use kedge_net::NetError;
use kedge_net::place;
use kedge_net::poll::{Poller, Token};
use kedge_net::signalling::{Batch, Outgoing, PORT, Sender, SignalSocket};
use kedge_sansio::RateLimit;
use kedge_wire::DecodeError;
use tracing::debug;

/// One socket for each local address, and the machine's outgoing messages.
///
/// Messages are collected while a batch is handled and leave in one system call per socket; a
/// steady stream of them allocates nothing here.
pub struct Signalling {
    /// The token of the first place; the others follow.
    first: Token,
    places: Vec<Option<Place>>,
    /// Empty places, which the next sockets take.
    empty: Vec<usize>,
    /// Which sockets leave when, the first first.
    leaving: BTreeSet<(Instant, usize)>,
    /// Where the socket of an address is, of its transport world.
    at: HashMap<(VrfId, IpAddr), usize>,
    sender: Sender,
    waiting: Vec<Message>,
    problems: RateLimit,
}

/// A socket, and until when it is open if its address is ours no more.
struct Place {
    socket: SignalSocket,
    world: World,
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
    pub fn new(first: Token) -> Self {
        Self {
            first,
            places: Vec::new(),
            empty: Vec::new(),
            leaving: BTreeSet::new(),
            at: HashMap::new(),
            sender: Sender::default(),
            waiting: Vec::new(),
            problems: RateLimit::default(),
        }
    }

    /// Opens a socket at an address of a transport world; one that was about to leave stays.
    pub fn open(
        &mut self,
        world: &World,
        vrf: VrfId,
        address: IpAddr,
        poller: &Poller,
    ) -> Result<(), NetError> {
        if let Some(&place) = self.at.get(&(vrf, address)) {
            self.set_leaving(place, None);
            return Ok(());
        }
        let local = SocketAddr::new(address, PORT);
        let socket = SignalSocket::open(&place::Place::find(world)?, vrf, local)?;
        let place = self.empty.last().copied().unwrap_or(self.places.len());
        poller.add(&socket, Token(self.first.0 + place as u64))?;
        if self.empty.pop().is_none() {
            self.places.push(None);
        }
        self.places[place] = Some(Place { socket, world: world.clone(), leaves: None });
        self.at.insert((vrf, address), place);
        Ok(())
    }

    /// Closes the socket at an address.
    pub fn close(&mut self, vrf: VrfId, address: IpAddr) {
        if let Some(&place) = self.at.get(&(vrf, address)) {
            self.empty_place(place);
        }
    }

    /// Closes the socket at an address then.
    pub fn leave(&mut self, vrf: VrfId, address: IpAddr, then: Instant) {
        if let Some(&place) = self.at.get(&(vrf, address)) {
            self.set_leaving(place, Some(then));
        }
    }

    fn set_leaving(&mut self, at: usize, then: Option<Instant>) {
        let Some(Some(place)) = self.places.get_mut(at) else { return };
        let was = std::mem::replace(&mut place.leaves, then);
        was.map(|was| self.leaving.remove(&(was, at)));
        then.map(|then| self.leaving.insert((then, at)));
    }

    fn empty_place(&mut self, at: usize) {
        let Some(Place { socket, leaves, .. }) = self.places.get_mut(at).and_then(Option::take)
        else {
            return;
        };
        self.at.remove(&(socket.transport(), socket.local().ip()));
        leaves.map(|then| self.leaving.remove(&(then, at)));
        self.empty.push(at);
    }

    /// When [`Self::handle_timeout`] is to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.leaving.first().map(|(then, _)| *then)
    }

    /// Closes the sockets that leave.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(&(then, place)) = self.leaving.first()
            && then <= now
        {
            self.leaving.pop_first();
            self.empty_place(place);
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

    /// Reads what has arrived at the socket in this place and says how many datagrams that were;
    /// none where it was closed while it waited for its turn.
    pub fn receive(&self, place: usize, batch: &mut Batch) -> Result<usize, NetError> {
        batch.clear();
        self.socket(place).map_or(Ok(0), |socket| socket.recv_batch(batch))
    }

    /// Tells the sender of a message over IPv6 that its header is wrong, if that is what is wrong with
    /// it (RFC 6275 §9.2), and says whether that was sent. Anybody can make us do so, ten times a
    /// second.
    pub fn complain(
        &mut self,
        at: usize,
        message: Datagram<'_>,
        error: &DecodeError,
        now: Instant,
    ) -> bool {
        let place = self.places.get(at).and_then(Option::as_ref);
        let (Some(octet), Some(Place { socket, world, .. })) = (error.parameter_problem(), place)
        else {
            return false;
        };
        if message.path.is_udp() || !self.problems.allows(now) {
            return false;
        }
        let told = place::Place::find(world)
            .and_then(|place| socket.answer_problem(&place, message, octet));
        told.unwrap_or_else(|error| {
            debug!("{error}");
            false
        })
    }

    /// Where the socket in this place is.
    pub fn local(&self, place: usize) -> Option<(VrfId, IpAddr)> {
        let socket = self.socket(place)?;
        Some((socket.transport(), socket.local().ip()))
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
        let Self { places, at, sender, waiting, .. } = self;
        let from = |message: &Message| (message.path.transport, message.path.local.ip());
        let mut failures: Vec<(usize, io::Error)> = Vec::new();
        let mut first = 0;
        // In the usual case all answers leave through the socket their questions came in by.
        for group in waiting.chunk_by(|a, b| from(a) == from(b)) {
            let place = at.get(&from(&group[0])).and_then(|place| places[*place].as_ref());
            match place {
                Some(Place { socket, .. }) => {
                    let outgoing = group.iter().map(|message| Outgoing {
                        path: message.path,
                        dscp: message.dscp,
                        bytes: &message.bytes,
                    });
                    let failed = |nth, error| failures.push((first + nth, error));
                    socket.send_batch(sender, outgoing, failed);
                }
                None => failures.extend(
                    (first..)
                        .take(group.len())
                        .map(|at| (at, io::ErrorKind::AddrNotAvailable.into())),
                ),
            }
            first += group.len();
        }
        let mut failures = failures.into_iter().peekable();
        for (place, message) in waiting.drain(..).enumerate() {
            let failure = failures.next_if(|(failed, _)| *failed == place);
            done(message, failure.map_or(Ok(()), |(_, error)| Err(error)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, UdpSocket};

    use super::*;

    #[test]
    fn a_socket_that_is_closed_before_its_turn_has_nothing_of_what_another_had() {
        let (poller, mut signalling) = (Poller::new().unwrap(), Signalling::new(Token(0)));
        // Two addresses that nobody else in this namespace signals at.
        let [one, other] = [77, 78].map(|last| IpAddr::from(Ipv4Addr::new(127, 54, 36, last)));
        for address in [one, other] {
            signalling.open(&World::Own, VrfId::DEFAULT, address, &poller).unwrap();
        }
        let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
        peer.send_to(b"update", (one, PORT)).unwrap();
        let mut batch = Batch::default();
        assert_eq!(signalling.receive(0, &mut batch).unwrap(), 1);
        assert_eq!(batch.datagrams().count(), 1);
        signalling.close(VrfId::DEFAULT, other);
        assert_eq!(signalling.receive(1, &mut batch).unwrap(), 0);
        assert_eq!(batch.datagrams().count(), 0);
    }
}
