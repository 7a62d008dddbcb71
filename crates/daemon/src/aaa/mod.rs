//! RADIUS in the daemon: the servers' sockets, the client that asks them, and the records that
//! wait for them on the disk.
//!
//! ```text
//!   anchor ─ Accounting ─ records ─►  ┌──────────────────────────────┐
//!                                     │ Queue ──► Client ──► Ports ──┼──► servers, UDP or TLS
//!   what is asked ── Request ───────► │   │          │               │
//!                                     │ Spool (thread, disk)         │
//!   who asked ◄───── Ticket ───────── └──────────────────────────────┘
//! ```
//!
//! One [`Client`] asks for both kinds of work. A request goes out with a [`Ticket`] that says
//! whose it is, and comes back with it. All of it runs in the turns of the daemon's loop and
//! waits for nothing; only the disk has a thread.

mod accounting;
mod asking;
mod authorization;
mod books;
mod dynamic;
mod lines;
mod node;
mod ports;
mod record;
mod records;
mod secured;
mod spool;
mod station;
mod tls;
mod tunnels;

use std::path::Path;
use std::time::Instant;

use kedge_lma::Question;
use kedge_model::MacAddr;
use kedge_net::poll::Poller;
use kedge_radius::{AccountingCounters, Client, Failure, Held, Output, Queue, ServerState, Work};
use kedge_sansio::Now;

pub use accounting::{Accounting, AccountingPlan};
pub use asking::{Answer, Said};
pub use authorization::{AccessCounters, profile};
pub use books::customer;
pub use dynamic::{Bound, DynamicPlan, Listener};
pub use record::{Cause, Nas, Record, SessionIds};
pub use secured::{PlannedServer, Secured, secure};
pub use spool::Health;
pub use station::identity;
pub use tls::{SECRET as TLS_SECRET, TlsError, name as tls_name};
pub use tunnels::{TunnelKey, TunnelSession};

use crate::tokens;
use asking::{Asking, Ticket};
use books::Books;
use lines::Lines;
use ports::Ports;
use spool::Spool;

/// How many octets of records wait for a server, on the disk and in memory.
const ROOM: usize = 64 << 20;

/// Everything about RADIUS servers.
#[derive(Debug)]
pub struct Aaa {
    client: Client<Ticket>,
    tls: Vec<Option<tls::Client>>,
    ports: Ports,
    queue: Queue,
    spool: Spool,
    ids: SessionIds,
    books: Books,
    questions: Lines<Asking>,
    answers: Vec<Answer>,
    access: AccessCounters,
}

impl Aaa {
    /// Without servers; with the records that an earlier run left in `spool`.
    pub fn new(spool: &Path, restart_counter: u32, now: Now) -> Self {
        let (spool, left) = Spool::open(spool);
        let mut queue = Queue::new(ROOM);
        for (number, record) in left {
            let ago = now.wall.duration_since(record.happened).unwrap_or_default();
            let happened = now.mono.checked_sub(ago).unwrap_or(now.mono);
            let spool::Record { kind, session, attributes, .. } = record;
            queue.restore(number, Held { kind, happened, session, attributes });
        }
        Self {
            client: Client::new(Vec::new(), tls::random()),
            tls: Vec::new(),
            ports: Ports::new(tokens::AAA),
            queue,
            spool,
            ids: SessionIds::new(restart_counter),
            books: Books::default(),
            questions: Lines::default(),
            answers: Vec::new(),
            access: AccessCounters::default(),
        }
    }

    /// Other servers from here on. What waits is asked again.
    pub fn replace_servers(&mut self, secured: Secured, poller: &Poller, now: Now) {
        self.ports.close_all();
        self.tls = secured.tls;
        self.client.replace_servers(secured.servers, now.mono);
        self.settle(poller, now);
    }

    /// The numbers of sessions.
    pub fn session_ids(&self) -> SessionIds {
        self.ids.clone()
    }

    /// Takes a question of the anchor's up, about a node of the customer of this name;
    /// [`Self::settle`] must follow.
    pub fn ask(&mut self, question: Question, customer: String, nas: Nas) {
        let party = Some(question.customer);
        self.questions.push(party, Asking::Node(Box::new(question), customer, nas));
    }

    /// Takes a question of the gateway's up: who the node with this address is.
    pub fn ask_identity(&mut self, mac: MacAddr, nas: Nas) {
        self.questions.push(None, Asking::Station(mac, nas));
    }

    /// The answers since the last time.
    pub fn take_answers(&mut self) -> Vec<Answer> {
        std::mem::take(&mut self.answers)
    }

    /// What servers said about nodes.
    pub fn access_counters(&self) -> &AccessCounters {
        &self.access
    }

    fn send_questions(&mut self, now: Now) {
        loop {
            let is_down = self.client.is_down(Work::Authentication, now.mono);
            let window = self.client.window(Work::Authentication, now.mono);
            let window = if is_down { usize::MAX } else { window };
            let Some(asking) = self.questions.next(window) else { break };
            let (request, ticket) = match asking {
                Asking::Node(question, customer, nas) => (
                    authorization::request(&question, &customer, &nas),
                    Ticket::Node(question.customer, question.ticket),
                ),
                Asking::Station(mac, nas) => (station::request(mac, &nas), Ticket::Station(mac)),
            };
            // While no server answers one question of each customer is tried. The others are told at
            // once, by which they can be served otherwise.
            if is_down && ticket.party().is_some_and(|party| self.questions.running(party) > 1) {
                self.answered(ticket, Err(Failure::NoServer));
                continue;
            }
            match request {
                Ok(request) => self.client.request(request, ticket, now.mono),
                Err(_) => self.answered(ticket, Err(Failure::TooLong)),
            }
        }
    }

    fn answered(&mut self, ticket: Ticket, outcome: Result<Vec<u8>, Failure>) {
        if let Some(party) = ticket.party() {
            self.questions.done(party);
        }
        let asked = self.client.servers().any(|state| state.server.authentication.is_some());
        let said = authorization::read(outcome, asked, &mut self.access);
        match ticket {
            Ticket::Node(customer, ticket) => {
                self.answers.push(Answer::Node(customer, ticket, said));
            }
            Ticket::Station(mac) => self.answers.push(Answer::Station(mac, said)),
            // Records have no answers of this kind.
            Ticket::Record(_) => {}
        }
    }

    /// Reads from the socket in this place.
    pub fn receive(&mut self, place: usize, poller: &Poller, now: Now) {
        let client = &mut self.client;
        self.ports.receive(place, poller, |port, packet| {
            client.handle_datagram(port, packet, now.mono);
        });
        self.settle(poller, now);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, poller: &Poller, now: Now) {
        self.client.handle_timeout(now.mono);
        self.settle(poller, now);
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        let again = self.queue.poll_timeout().filter(|_| self.has_servers());
        [self.client.poll_timeout(), again].into_iter().flatten().min()
    }

    /// Whether no record waits that a server might take now.
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() || self.queue.is_stalled() || !self.has_servers()
    }

    fn has_servers(&self) -> bool {
        self.client.servers().any(|state| state.server.accounting.is_some())
    }

    /// Sends what there is to be sent, tells those whose requests are over, and writes the records
    /// of this turn down.
    pub fn settle(&mut self, poller: &Poller, now: Now) {
        loop {
            self.send_records(now);
            self.send_questions(now);
            let Some(output) = self.client.poll_output() else { break };
            match output {
                Output::Send { to, port, bytes } => {
                    let tls = self.tls.get(port.server).and_then(Option::as_ref);
                    self.ports.send(port, to, tls, &bytes, poller);
                }
                Output::Done { ticket: Ticket::Record(number), outcome } => {
                    self.record_done(number, outcome.map(drop), now);
                }
                Output::Done { ticket, outcome } => self.answered(ticket, outcome),
            }
        }
        self.spool.write(now.mono);
    }

    /// The servers as they are.
    pub fn servers(&self) -> impl Iterator<Item = &ServerState> {
        self.client.servers()
    }

    /// Why the last socket to the server in this place failed, if the server was not heard since.
    pub fn trouble(&self, server: usize) -> Option<&str> {
        self.ports.trouble(server)
    }

    /// The records that wait.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// How the disk is.
    pub fn health(&self) -> Health {
        self.spool.health()
    }

    /// What became of records: of one customer's, or of all.
    pub fn counters(&self, customer: Option<&str>) -> AccountingCounters {
        self.books.of(customer)
    }

    /// Counts from zero again: what became of one customer's records, or everything.
    pub fn clear_counters(&mut self, customer: Option<&str>) {
        self.books.clear(customer);
        if customer.is_none() {
            self.client.clear_counters();
            self.access = AccessCounters::default();
        }
    }
}
