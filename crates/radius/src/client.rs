//! The client: identifiers, retransmission, fail-over and dead servers.
//!
//! A request goes to the first server in their order that does its kind of work and is not dead.
//! It is sent again, unchanged, `retransmit` times; so an answer that comes late still fits. Then
//! it goes on to the next server, as a new packet: a change of Acct-Delay-Time makes another
//! identifier necessary (RFC 2866 §5.2). A server from which nothing was heard all that time is
//! dead for its dead time. A request that no server is left for fails, and its caller, who knows
//! what it is worth, keeps it or does without.
//!
//! How many requests a server is sent at a time is found by `window`. The client takes more, but a
//! caller that can wait asks [`Client::has_room`] or [`Client::window`] first.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use kedge_sansio::{TimerId, Timers};

use crate::PacketRef;
use crate::identifiers::{IDENTIFIERS, Random};
use crate::request::{Request, Work};
use crate::server::{Counters, Server, ServerState};
use crate::servers::{Lane, Servers};

/// A port of ours: identifiers are unique in each, and an answer comes back to the one that its
/// request left from. It means nothing any more after [`Client::replace_servers`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Port {
    /// The place of the server among the servers.
    pub server: usize,
    /// What it is asked for.
    pub work: Work,
    /// Below [`SOCKETS`](crate::SOCKETS).
    pub number: u16,
}

/// Why there is no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Failure {
    /// No server does this work, or all that do are dead.
    #[error("no server")]
    NoServer,
    /// Every server that was asked stayed silent.
    #[error("no answer")]
    TimedOut,
    /// Too many requests wait already.
    #[error("too many requests wait")]
    Busy,
    /// The request does not fit into a packet.
    #[error("the request is too long")]
    TooLong,
}

/// What the client wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output<T> {
    /// Send this to a server. Each port has a socket of its own, which hears that server alone.
    Send {
        /// The server.
        to: SocketAddr,
        /// Where it leaves from.
        port: Port,
        /// The packet.
        bytes: Vec<u8>,
    },
    /// A request is over.
    Done {
        /// What the caller knows it by.
        ticket: T,
        /// The verified answer, a packet to be read by [`PacketRef::decode`].
        outcome: Result<Vec<u8>, Failure>,
    },
}

/// A client of several servers. `T` is what its caller knows a request by.
#[derive(Debug)]
pub struct Client<T> {
    servers: Servers,
    exchanges: HashMap<u64, Exchange<T>>,
    next: u64,
    timers: Timers<u64>,
    output: VecDeque<Output<T>>,
    random: Random,
}

#[derive(Debug)]
struct Exchange<T> {
    ticket: T,
    request: Request,
    server: usize,
    slot: u16,
    bytes: Vec<u8>,
    authenticator: [u8; 16],
    /// How often it was sent to this server.
    sent: u8,
    began: Instant,
    last_sent: Instant,
    timer: TimerId,
}

impl<T> Client<T> {
    /// A client of these servers, in the order in which they are preferred. `seed` is random and
    /// secret: it keeps Authenticators from being guessed.
    pub fn new(servers: Vec<Server>, seed: [u8; 16]) -> Self {
        let mut client = Self {
            servers: Servers::default(),
            exchanges: HashMap::new(),
            next: 0,
            timers: Timers::default(),
            output: VecDeque::new(),
            random: Random::new(seed),
        };
        client.servers.replace(servers);
        client
    }

    /// The servers as they are.
    pub fn servers(&self) -> impl Iterator<Item = &ServerState> {
        self.servers.states()
    }

    /// Command: counts from zero again.
    pub fn clear_counters(&mut self) {
        self.servers.states_mut().for_each(|state| state.counters = Counters::default());
    }

    /// How many requests wait for an answer.
    pub fn waiting(&self) -> usize {
        self.exchanges.len()
    }

    /// Command: other servers. One that keeps its name keeps its counters; what waits is asked
    /// again, of the servers there are now.
    pub fn replace_servers(&mut self, servers: Vec<Server>, now: Instant) {
        let mut waiting: Vec<(u64, Exchange<T>)> = self.exchanges.drain().collect();
        waiting.sort_unstable_by_key(|(number, _)| *number);
        self.servers.replace(servers);
        for (_, exchange) in waiting {
            self.timers.remove(exchange.timer);
            self.ask(exchange.request, exchange.ticket, 0, Failure::NoServer, now);
        }
    }

    /// Whether the server that such a request would go to takes another one now. Where there is none,
    /// it is not what one has to wait for.
    pub fn has_room(&self, work: Work, now: Instant) -> bool {
        self.next_asked(work, now).is_none_or(|lane| lane.identifiers.taken() < lane.window.size())
    }

    /// How many requests at a time that server is sent; any number where there is none.
    pub fn window(&self, work: Work, now: Instant) -> usize {
        self.next_asked(work, now).map_or(usize::MAX, |lane| lane.window.size())
    }

    fn next_asked(&self, work: Work, now: Instant) -> Option<&Lane> {
        let place = self.servers.get(self.servers.next_asked(work, 0, now)?)?;
        Some(place.lane(work))
    }

    /// Input: asks the servers. The answer comes out with `ticket`.
    pub fn request(&mut self, request: Request, ticket: T, now: Instant) {
        self.ask(request, ticket, 0, Failure::NoServer, now);
    }

    /// Asks the first server from `from` on that can be asked; if there is none, fails for this
    /// reason.
    fn ask(&mut self, request: Request, ticket: T, from: usize, mut why: Failure, now: Instant) {
        let work = request.work;
        let mut next = from;
        while let Some(index) = self.servers.next_asked(work, next, now) {
            next = index + 1;
            let Some(place) = self.servers.get_mut(index) else { break };
            let Some(to) = place.address(work) else { continue };
            let number = self.next;
            let Some(slot) = place.lane_mut(work).identifiers.take(number) else {
                why = Failure::Busy;
                continue;
            };
            let authenticator = self.random.octets();
            let identifier = (slot % IDENTIFIERS) as u8;
            let Ok(packet) = request.packet(identifier, authenticator, &place.state.server, now)
            else {
                place.lane_mut(work).identifiers.release(slot);
                why = Failure::TooLong;
                break;
            };
            self.next += 1;
            place.state.waiting += 1;
            match work {
                Work::Authentication => place.state.counters.access_requests += 1,
                Work::Accounting => place.state.counters.accounting_requests += 1,
            }
            let due = now + place.state.server.timeout;
            let timer = self.timers.insert(due, number);
            let exchange = Exchange {
                ticket,
                request,
                server: index,
                slot,
                authenticator: packet.view().authenticator(),
                bytes: packet.bytes,
                sent: 1,
                began: now,
                last_sent: now,
                timer,
            };
            self.output.push_back(exchange.send(to));
            self.exchanges.insert(number, exchange);
            return;
        }
        self.output.push_back(Output::Done { ticket, outcome: Err(why) });
    }

    /// Whether every server that does this work is dead, or there is none. A caller that does not want
    /// to wait for what is likely to fail asks before.
    pub fn is_down(&self, work: Work, now: Instant) -> bool {
        self.servers.are_down(work, now)
    }

    /// Input: a packet that arrived at a port. The shell's socket takes only its server's.
    pub fn handle_datagram(&mut self, port: Port, bytes: &[u8], now: Instant) {
        let Port { server, work, number: socket } = port;
        let Some(place) = self.servers.get_mut(server) else { return };
        let Ok(packet) = PacketRef::decode(bytes) else {
            place.state.counters.malformed += 1;
            return;
        };
        let slot = socket.saturating_mul(IDENTIFIERS) + u16::from(packet.identifier());
        let number = place.lane_mut(work).identifiers.holder(slot);
        let Some((number, exchange)) =
            number.and_then(|number| Some((number, self.exchanges.get(&number)?)))
        else {
            place.state.counters.unmatched += 1;
            return;
        };
        let server = &place.state.server;
        let strict = server.needs_message_authenticator && work == Work::Authentication;
        if packet.verify_answer(&server.secret, exchange.authenticator, strict).is_err() {
            place.state.counters.bad_authenticators += 1;
            return;
        }
        if !place.count_answer(work, packet) {
            return;
        }
        let lane = place.lane_mut(work);
        let unanswered = lane.identifiers.taken();
        lane.window.answered(unanswered);
        place.state.answered = Some(now);
        place.state.dead_until = None;
        place.state.round_trip = Some(now.saturating_duration_since(exchange.last_sent));
        if let Some(exchange) = self.finish(number) {
            let outcome = Ok(packet.bytes().to_vec());
            self.output.push_back(Output::Done { ticket: exchange.ticket, outcome });
        }
    }

    /// Input: time. Sends again, goes on to other servers, gives up.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(number) = self.timers.pop_expired(now) {
            let Some(exchange) = self.exchanges.get_mut(&number) else { continue };
            let Some(place) = self.servers.get_mut(exchange.server) else { continue };
            place.state.counters.timeouts += 1;
            place.lane_mut(exchange.request.work).window.lost(now);
            if exchange.sent <= place.state.server.retransmit
                && let Some(to) = place.address(exchange.request.work)
            {
                exchange.sent += 1;
                exchange.last_sent = now;
                exchange.timer = self.timers.insert(now + place.state.server.timeout, number);
                match exchange.request.work {
                    Work::Authentication => place.state.counters.access_retransmissions += 1,
                    Work::Accounting => place.state.counters.accounting_retransmissions += 1,
                }
                self.output.push_back(exchange.send(to));
                continue;
            }
            place.state.counters.given_up += 1;
            let silent = place.state.answered.is_none_or(|answered| answered < exchange.began);
            if silent && !place.state.is_dead(now) && !place.state.server.dead_time.is_zero() {
                place.state.dead_until = Some(now + place.state.server.dead_time);
                place.state.counters.deaths += 1;
            }
            if let Some(exchange) = self.finish(number) {
                let Exchange { request, ticket, server, .. } = exchange;
                self.ask(request, ticket, server + 1, Failure::TimedOut, now);
            }
        }
    }

    /// Takes an exchange out, with its identifier and its timer.
    fn finish(&mut self, number: u64) -> Option<Exchange<T>> {
        let exchange = self.exchanges.remove(&number)?;
        self.timers.remove(exchange.timer);
        let place = self.servers.get_mut(exchange.server)?;
        place.lane_mut(exchange.request.work).identifiers.release(exchange.slot);
        place.state.waiting -= 1;
        Some(exchange)
    }

    /// What to do next.
    pub fn poll_output(&mut self) -> Option<Output<T>> {
        self.output.pop_front()
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        self.timers.next_due()
    }
}

impl<T> Exchange<T> {
    fn send(&self, to: SocketAddr) -> Output<T> {
        let number = self.slot / IDENTIFIERS;
        let port = Port { server: self.server, work: self.request.work, number };
        Output::Send { to, port, bytes: self.bytes.clone() }
    }
}
