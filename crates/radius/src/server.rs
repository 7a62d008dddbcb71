//! A server: where it is, how long it is waited for, and what became of what it was asked.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use kedge_telemetry::counters;

use crate::Secret;

/// A server as it is configured.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its name, unique among the servers.
    pub name: String,
    /// Where it authenticates; `None` if it does not.
    pub authentication: Option<SocketAddr>,
    /// Where it accounts; `None` if it does not.
    pub accounting: Option<SocketAddr>,
    /// The secret shared with it.
    pub secret: Secret,
    /// How long an answer is waited for, each time the request is sent.
    pub timeout: Duration,
    /// How often a request is sent again before another server is asked.
    pub retransmit: u8,
    /// How long a server that does not answer is left alone; zero never leaves it alone.
    pub dead_time: Duration,
    /// Whether its answers to Access-Requests need a Message-Authenticator.
    pub needs_message_authenticator: bool,
}

counters! {
    /// What became of the requests to one server.
    pub struct Counters: "RADIUS Server", "radius_server" {
        /// Access-Requests sent, without those sent again.
        access_requests: "Access Requests",
        /// Access-Requests sent again.
        access_retransmissions: "Access Retransmissions",
        /// Access-Accepts received and verified.
        access_accepts: "Access Accepts",
        /// Access-Rejects received and verified.
        access_rejects: "Access Rejects",
        /// Access-Challenges received and verified.
        access_challenges: "Access Challenges",
        /// Accounting-Requests sent, without those sent again.
        accounting_requests: "Accounting Requests",
        /// Accounting-Requests sent again.
        accounting_retransmissions: "Accounting Retransmissions",
        /// Accounting-Responses received and verified.
        accounting_responses: "Accounting Responses",
        /// Accounting-Responses that refuse: the server does not account.
        accounting_refused: "Accounting Refused",
        /// Requests that were not answered in time, each time they were sent.
        timeouts: "Timeouts",
        /// Requests that went on to another server, or failed, after the last timeout.
        given_up: "Requests Given Up",
        /// Answers that are no packets.
        malformed: "Malformed Responses",
        /// Answers whose authenticators are not those of the secret.
        bad_authenticators: "Bad Authenticators",
        /// Answers of a kind that is no answer to the request.
        unexpected: "Unexpected Types",
        /// Answers to nothing that waits for one: late, repeated or invented.
        unmatched: "Unmatched Responses",
        /// Times the server was found dead.
        deaths: "Marked Dead",
    }
}

/// A server as it is.
#[derive(Clone, Debug)]
pub struct ServerState {
    /// Its configuration.
    pub server: Server,
    /// Until when it is left alone.
    pub dead_until: Option<Instant>,
    /// When it last answered.
    pub answered: Option<Instant>,
    /// How long its last answer took, from the latest sending of the request.
    pub round_trip: Option<Duration>,
    /// Requests that wait for its answer.
    pub waiting: u32,
    /// What it was asked and said.
    pub counters: Counters,
}

impl ServerState {
    pub(crate) fn new(server: Server) -> Self {
        Self {
            server,
            dead_until: None,
            answered: None,
            round_trip: None,
            waiting: 0,
            counters: Counters::default(),
        }
    }

    /// Whether it is left alone for now.
    pub fn is_dead(&self, now: Instant) -> bool {
        self.dead_until.is_some_and(|until| now < until)
    }
}
