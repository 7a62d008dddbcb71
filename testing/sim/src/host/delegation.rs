//! A node's router: a DHCPv6 client for delegated prefixes (RFC 8415 §18.2).
//!
//! ```text
//!   Soliciting ──Reply with prefixes──► Bound ──T1──► Bound, asking again
//!       ▲                                │ another link ──► Rebinding ──Reply──► Bound
//!       └──── all prefixes are gone ─────┘
//! ```

use std::collections::BTreeMap;
use std::net::Ipv6Addr;
use std::time::{Duration, Instant};

use kedge_access_wire::dhcpv6::{
    ALL_SERVERS, DhcpOption, IaPrefix, Identity, Message, MessageType, encode_client_frame,
};
use kedge_access_wire::icmpv6::Route;
use kedge_access_wire::multicast_mac;
use kedge_model::{Ipv6Net, MacAddr};

use crate::chance::Chance;

/// What the client is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Off,
    Soliciting,
    Rebinding,
    Bound,
}

/// The client of one host.
#[derive(Debug)]
pub struct Client {
    mac: MacAddr,
    source: Ipv6Addr,
    state: State,
    /// Until when a prefix is valid.
    prefixes: BTreeMap<Ipv6Net, Instant>,
    server: Vec<u8>,
    transaction: u32,
    tries: u32,
    due: Option<Instant>,
}

impl Client {
    /// A client without a link and prefixes, which speaks from `source`.
    pub fn new(mac: MacAddr, source: Ipv6Addr) -> Self {
        let (prefixes, server) = Default::default();
        let state = State::Off;
        Self { mac, source, state, prefixes, server, transaction: 0, tries: 0, due: None }
    }

    /// The prefixes that are valid.
    pub fn prefixes(&self, now: Instant) -> impl Iterator<Item = Ipv6Net> {
        self.prefixes.iter().filter(move |(_, until)| **until > now).map(|(prefix, _)| *prefix)
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The link came up (RFC 8415 §18.2.12).
    pub fn start(&mut self, now: Instant, chance: &mut Chance) {
        let has = self.prefixes(now).next().is_some();
        self.enter(if has { State::Rebinding } else { State::Soliciting }, now, chance);
    }

    /// The link went down.
    pub fn stop(&mut self) {
        (self.state, self.due) = (State::Off, None);
    }

    /// Asks, or asks again; the frame to send.
    pub fn handle_timeout(&mut self, now: Instant, chance: &mut Chance) -> Option<Vec<u8>> {
        if self.due.is_none_or(|due| due > now) {
            return None;
        }
        self.prefixes.retain(|_, until| *until > now);
        if self.prefixes.is_empty() && self.state != State::Soliciting {
            self.enter(State::Soliciting, now, chance);
        }
        self.tries += 1;
        self.due = Some(now + Duration::from_secs(1 << self.tries.min(5)));
        let (message_type, more) = match self.state {
            State::Off => return None,
            State::Soliciting => (MessageType::SOLICIT, Some(DhcpOption::RapidCommit)),
            State::Rebinding => (MessageType::REBIND, None),
            State::Bound => (MessageType::RENEW, Some(DhcpOption::ServerId(self.server.clone()))),
        };
        let named = self.prefixes.keys().map(|prefix| {
            let (preferred_lifetime, valid_lifetime, options) = (0, 0, Vec::new());
            DhcpOption::IaPrefix(IaPrefix {
                prefix: *prefix,
                preferred_lifetime,
                valid_lifetime,
                options,
            })
        });
        let association = Identity { iaid: 1, t1: 0, t2: 0, options: named.collect() };
        let mut options = vec![self.identifier(), DhcpOption::IaPd(association)];
        options.extend(more);
        let message = Message { message_type, transaction: self.transaction, options };
        let route = Route {
            source_mac: self.mac,
            destination_mac: multicast_mac(ALL_SERVERS),
            source: self.source,
            destination: ALL_SERVERS,
        };
        let mut frame = Vec::new();
        encode_client_frame(&route, &message, &mut frame);
        Some(frame)
    }

    /// Takes an answer. One without prefixes changes nothing: the client asks on.
    pub fn handle(&mut self, message: &Message, now: Instant, chance: &mut Chance) {
        if message.transaction != self.transaction
            || message.message_type != MessageType::REPLY
            || self.state == State::Off
        {
            return;
        }
        let association = message.options.iter().find_map(|option| match option {
            DhcpOption::IaPd(association) => Some(association),
            _ => None,
        });
        let Some(association) = association else { return };
        let said: Vec<&IaPrefix> = association.prefixes().collect();
        if said.is_empty() && self.state != State::Soliciting {
            // §18.2.10.1: the server knows nothing of them.
            self.prefixes.clear();
            return self.enter(State::Soliciting, now, chance);
        }
        for prefix in said {
            let lifetime = Duration::from_secs(prefix.valid_lifetime.into());
            self.prefixes.insert(prefix.prefix, now + lifetime);
        }
        self.prefixes.retain(|_, until| *until > now);
        if self.prefixes.is_empty() {
            return;
        }
        self.server = message.server_id().expect("a server says who it is").to_vec();
        self.enter(State::Bound, now, chance);
        self.due = Some(now + Duration::from_secs(association.t1.max(1).into()));
    }

    fn enter(&mut self, state: State, now: Instant, chance: &mut Chance) {
        self.state = state;
        self.transaction = chance.seed() as u32 & Message::TRANSACTION;
        self.tries = 0;
        self.due = Some(now);
    }

    fn identifier(&self) -> DhcpOption {
        let mut duid = vec![0, 3, 0, 1];
        duid.extend_from_slice(&self.mac.0);
        DhcpOption::ClientId(duid)
    }
}
