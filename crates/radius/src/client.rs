//! The client: identifiers, retransmission, fail-over and dead servers.
//!
//! A request goes to the first server in their order that does its kind of work and is not dead.
//! It is sent again, unchanged, `retransmit` times; so an answer that comes late still fits. Then
//! it goes on to the next server, as a new packet: a change of Acct-Delay-Time makes another
//! identifier necessary (RFC 2866 §5.2). A server from which nothing was heard all that time is
//! dead for its dead time. A request that no server is left for fails, and its caller, who knows
//! what it is worth, keeps it or does without.
//!
//! How many requests a server is sent at a time is found by [`Window`]. The client takes more, but a
//! caller that can wait asks [`Client::has_room`] or [`Client::window`] first.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use kedge_sansio::{TimerId, Timers};

use crate::identifiers::{IDENTIFIERS, Identifiers, Random};
use crate::request::{Request, Work};
use crate::server::{Counters, Server, ServerState};
use crate::window::Window;
use crate::{AttributeType, Code, PacketRef};

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
    servers: Vec<Held>,
    exchanges: HashMap<u64, Exchange<T>>,
    next: u64,
    timers: Timers<u64>,
    output: VecDeque<Output<T>>,
    random: Random,
}

#[derive(Debug)]
struct Held {
    state: ServerState,
    authentication: Lane,
    accounting: Lane,
}

/// One kind of work at one server.
#[derive(Debug, Default)]
struct Lane {
    identifiers: Identifiers,
    window: Window,
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
            servers: Vec::new(),
            exchanges: HashMap::new(),
            next: 0,
            timers: Timers::default(),
            output: VecDeque::new(),
            random: Random::new(seed),
        };
        client.install(servers);
        client
    }

    /// The servers as they are.
    pub fn servers(&self) -> impl Iterator<Item = &ServerState> {
        self.servers.iter().map(|held| &held.state)
    }

    /// Command: counts from zero again.
    pub fn clear_counters(&mut self) {
        self.servers.iter_mut().for_each(|held| held.state.counters = Counters::default());
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
        self.install(servers);
        for (_, exchange) in waiting {
            self.timers.remove(exchange.timer);
            self.ask(exchange.request, exchange.ticket, 0, Failure::NoServer, now);
        }
    }

    fn install(&mut self, servers: Vec<Server>) {
        let mut before: Vec<ServerState> = self.servers.drain(..).map(|held| held.state).collect();
        for server in servers {
            let known = before.iter().position(|state| state.server.name == server.name);
            let mut state = ServerState::new(server);
            if let Some(known) = known.map(|at| before.swap_remove(at)) {
                (state.counters, state.answered) = (known.counters, known.answered);
            }
            let (authentication, accounting) = (Lane::default(), Lane::default());
            self.servers.push(Held { state, authentication, accounting });
        }
    }

    /// Whether the server that such a request would go to takes another one now. Where there is none,
    /// it is not what one has to wait for.
    pub fn has_room(&self, work: Work, now: Instant) -> bool {
        let asked = self.next_asked(work, now);
        asked.is_none_or(|held| held.lane_of(work).identifiers.taken() < held.window(work))
    }

    /// How many requests at a time that server is sent; any number where there is none.
    pub fn window(&self, work: Work, now: Instant) -> usize {
        self.next_asked(work, now).map_or(usize::MAX, |held| held.window(work))
    }

    fn next_asked(&self, work: Work, now: Instant) -> Option<&Held> {
        let last_resort = self.last_resort(work, now);
        let asked = self.servers.iter().enumerate().find(|(index, held)| {
            let rests = held.state.is_dead(now) && last_resort != Some(*index);
            held.address(work).is_some() && !rests
        });
        asked.map(|(_, held)| held)
    }

    /// Input: asks the servers. The answer comes out with `ticket`.
    pub fn request(&mut self, request: Request, ticket: T, now: Instant) {
        self.ask(request, ticket, 0, Failure::NoServer, now);
    }

    /// Asks the first server from `from` on that can be asked; if there is none, fails for this
    /// reason.
    fn ask(&mut self, request: Request, ticket: T, from: usize, mut why: Failure, now: Instant) {
        let last_resort = self.last_resort(request.work, now).filter(|index| *index >= from);
        for index in from..self.servers.len() {
            let held = &mut self.servers[index];
            let Some(to) = held.address(request.work) else { continue };
            if held.state.is_dead(now) && last_resort != Some(index) {
                continue;
            }
            let number = self.next;
            let Some(slot) = held.lane(request.work).identifiers.take(number) else {
                why = Failure::Busy;
                continue;
            };
            let authenticator = self.random.octets();
            let identifier = (slot % IDENTIFIERS) as u8;
            let Ok(packet) = request.packet(identifier, authenticator, &held.state.server, now)
            else {
                held.lane(request.work).identifiers.release(slot);
                why = Failure::TooLong;
                break;
            };
            self.next += 1;
            held.state.waiting += 1;
            match request.work {
                Work::Authentication => held.state.counters.access_requests += 1,
                Work::Accounting => held.state.counters.accounting_requests += 1,
            }
            let due = now + held.state.server.timeout;
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

    /// When every server is dead, a request goes to the one that is left alone no longer first, and
    /// notices one that is back.
    fn last_resort(&self, work: Work, now: Instant) -> Option<usize> {
        if !self.is_down(work, now) {
            return None;
        }
        let does = self.servers.iter().enumerate().filter(|(_, held)| held.address(work).is_some());
        Some(does.min_by_key(|(_, held)| held.state.dead_until)?.0)
    }

    /// Whether every server that does this work is dead, or there is none. A caller that does not want
    /// to wait for what is likely to fail asks before.
    pub fn is_down(&self, work: Work, now: Instant) -> bool {
        let mut does = self.servers.iter().filter(|held| held.address(work).is_some());
        does.all(|held| held.state.is_dead(now))
    }

    /// Input: a packet that arrived at a port. The shell's socket takes only its server's.
    pub fn handle_datagram(&mut self, port: Port, bytes: &[u8], now: Instant) {
        let Port { server, work, number: socket } = port;
        let Some(held) = self.servers.get_mut(server) else { return };
        let Ok(packet) = PacketRef::decode(bytes) else {
            held.state.counters.malformed += 1;
            return;
        };
        let slot = socket.saturating_mul(IDENTIFIERS) + u16::from(packet.identifier());
        let number = held.lane(work).identifiers.holder(slot);
        let Some((number, exchange)) =
            number.and_then(|number| Some((number, self.exchanges.get(&number)?)))
        else {
            held.state.counters.unmatched += 1;
            return;
        };
        let server = &held.state.server;
        let strict = server.needs_message_authenticator && work == Work::Authentication;
        if packet.verify_answer(&server.secret, exchange.authenticator, strict).is_err() {
            held.state.counters.bad_authenticators += 1;
            return;
        }
        let counters = &mut held.state.counters;
        match (work, packet.code()) {
            (Work::Authentication, Code::ACCESS_ACCEPT) => counters.access_accepts += 1,
            (Work::Authentication, Code::ACCESS_REJECT) => counters.access_rejects += 1,
            (Work::Authentication, Code::ACCESS_CHALLENGE) => counters.access_challenges += 1,
            // A server that does not account says so like this (RFC 6614 §2.5): it has taken
            // nothing, and another one is asked when the time of this one is over.
            (Work::Accounting, Code::ACCOUNTING_RESPONSE)
                if packet.get(AttributeType::ERROR_CAUSE).is_some() =>
            {
                counters.accounting_refused += 1;
                return;
            }
            (Work::Accounting, Code::ACCOUNTING_RESPONSE) => counters.accounting_responses += 1,
            _ => {
                counters.unexpected += 1;
                return;
            }
        }
        let lane = held.lane(work);
        let unanswered = lane.identifiers.taken();
        lane.window.answered(unanswered);
        held.state.answered = Some(now);
        held.state.dead_until = None;
        held.state.round_trip = Some(now.saturating_duration_since(exchange.last_sent));
        if let Some(exchange) = self.finish(number) {
            let outcome = Ok(packet.bytes().to_vec());
            self.output.push_back(Output::Done { ticket: exchange.ticket, outcome });
        }
    }

    /// Input: time. Sends again, goes on to other servers, gives up.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(number) = self.timers.pop_expired(now) {
            let Some(exchange) = self.exchanges.get_mut(&number) else { continue };
            let held = &mut self.servers[exchange.server];
            held.state.counters.timeouts += 1;
            held.lane(exchange.request.work).window.lost(now);
            if exchange.sent <= held.state.server.retransmit
                && let Some(to) = held.address(exchange.request.work)
            {
                exchange.sent += 1;
                exchange.last_sent = now;
                exchange.timer = self.timers.insert(now + held.state.server.timeout, number);
                match exchange.request.work {
                    Work::Authentication => held.state.counters.access_retransmissions += 1,
                    Work::Accounting => held.state.counters.accounting_retransmissions += 1,
                }
                self.output.push_back(exchange.send(to));
                continue;
            }
            held.state.counters.given_up += 1;
            let silent = held.state.answered.is_none_or(|answered| answered < exchange.began);
            if silent && !held.state.is_dead(now) && !held.state.server.dead_time.is_zero() {
                held.state.dead_until = Some(now + held.state.server.dead_time);
                held.state.counters.deaths += 1;
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
        let held = &mut self.servers[exchange.server];
        held.lane(exchange.request.work).identifiers.release(exchange.slot);
        held.state.waiting -= 1;
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

impl Held {
    fn address(&self, work: Work) -> Option<SocketAddr> {
        match work {
            Work::Authentication => self.state.server.authentication,
            Work::Accounting => self.state.server.accounting,
        }
    }

    fn window(&self, work: Work) -> usize {
        self.lane_of(work).window.size()
    }

    fn lane_of(&self, work: Work) -> &Lane {
        match work {
            Work::Authentication => &self.authentication,
            Work::Accounting => &self.accounting,
        }
    }

    fn lane(&mut self, work: Work) -> &mut Lane {
        match work {
            Work::Authentication => &mut self.authentication,
            Work::Accounting => &mut self.accounting,
        }
    }
}
