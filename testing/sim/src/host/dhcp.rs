//! A node's DHCP client (RFC 2131 §4.4).
//!
//! ```text
//!   Selecting ──OFFER──► Requesting ──ACK──► Bound ──T1, T2──► Bound, asking again
//!       ▲ ▲                  │ nothing         │ │
//!       │ └──────────────────┘                 │ └── another link ──► Rebooting ──ACK──► Bound
//!       └───────────── NAK, expired ───────────┘                          │ nothing, NAK
//!       └─────────────────────────────────────────────────────────────────┘
//! ```

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use kedge_access_wire::dhcpv4::{DhcpOption, Message, MessageType, Op, Route, encode_client_frame};
use kedge_model::MacAddr;

use crate::chance::Chance;

/// How often an answer is waited for before the client tries something else.
const PATIENCE: u32 = 4;

/// What the client was given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lease {
    /// Its address.
    pub address: Ipv4Addr,
    /// Who gave it.
    pub server: Ipv4Addr,
    /// Its default router.
    pub router: Ipv4Addr,
    renew: Instant,
    rebind: Instant,
    /// Until when it may be used.
    pub expires: Instant,
}

/// What the client is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// There is no link.
    Off,
    /// It looks for a server.
    Selecting,
    /// It takes what a server offers.
    Requesting { address: Ipv4Addr, server: Ipv4Addr },
    /// It asks whether what it had is right on this link.
    Rebooting,
    /// It has a lease.
    Bound,
}

/// The client of one host.
#[derive(Debug)]
pub struct Client {
    mac: MacAddr,
    state: State,
    lease: Option<Lease>,
    xid: u32,
    tries: u32,
    due: Option<Instant>,
}

impl Client {
    /// A client without a link and a lease.
    pub fn new(mac: MacAddr) -> Self {
        Self { mac, state: State::Off, lease: None, xid: 0, tries: 0, due: None }
    }

    /// The lease, as long as it may be used.
    pub fn lease(&self, now: Instant) -> Option<&Lease> {
        self.lease.as_ref().filter(|lease| lease.expires > now)
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The link came up.
    pub fn start(&mut self, now: Instant, chance: &mut Chance) {
        let state = if self.lease(now).is_some() { State::Rebooting } else { State::Selecting };
        self.enter(state, now, chance);
    }

    /// The link went down.
    pub fn stop(&mut self) {
        self.state = State::Off;
        self.due = None;
    }

    /// Gives the lease back; the frame says so.
    pub fn release(&mut self, now: Instant) -> Option<Vec<u8>> {
        let lease = *self.lease(now)?;
        let mut message = self.message(MessageType::RELEASE);
        message.ciaddr = lease.address;
        message.options = vec![DhcpOption::ServerIdentifier(lease.server)];
        self.lease = None;
        Some(self.frame(&message, lease.address, lease.server))
    }

    /// Asks again, or gives up; the frame to send, if there is one.
    pub fn handle_timeout(&mut self, now: Instant, chance: &mut Chance) -> Option<Vec<u8>> {
        if self.due.is_none_or(|due| due > now) {
            return None;
        }
        if self.lease.is_some_and(|lease| lease.expires <= now) {
            self.lease = None;
            self.enter(State::Selecting, now, chance);
        }
        self.tries += 1;
        if self.tries > PATIENCE
            && matches!(self.state, State::Requesting { .. } | State::Rebooting)
        {
            self.enter(State::Selecting, now, chance);
            self.tries = 1;
        }
        // RFC 2131 §4.1: 4 s, then twice as long, up to 64 s.
        let backoff = Duration::from_secs(2 << self.tries.min(5));
        self.due = Some(now + backoff);
        let unspecified = Ipv4Addr::UNSPECIFIED;
        let mut message = self.message(MessageType::REQUEST);
        match (self.state, self.lease) {
            (State::Off, _) => {
                self.due = None;
                return None;
            }
            (State::Selecting, _) => message.message_type = MessageType::DISCOVER,
            (State::Requesting { address, server }, _) => {
                message.options = vec![
                    DhcpOption::RequestedAddress(address),
                    DhcpOption::ServerIdentifier(server),
                ];
            }
            (State::Rebooting, Some(lease)) => {
                message.options = vec![DhcpOption::RequestedAddress(lease.address)];
            }
            (State::Bound, Some(lease)) => {
                // §4.4.5: half of the time that is left, but a minute in practice; here less.
                let next = if now < lease.rebind { lease.rebind } else { lease.expires };
                self.due = Some((now + ((next - now) / 2).max(Duration::from_secs(4))).min(next));
                if self.due <= Some(now) {
                    self.due = Some(now + Duration::from_secs(1));
                }
                message.ciaddr = lease.address;
                let to = if now < lease.rebind { lease.server } else { Ipv4Addr::BROADCAST };
                return Some(self.frame(&message, lease.address, to));
            }
            (State::Rebooting | State::Bound, None) => {
                self.enter(State::Selecting, now, chance);
                message.message_type = MessageType::DISCOVER;
                message.xid = self.xid;
            }
        }
        Some(self.frame(&message, unspecified, Ipv4Addr::BROADCAST))
    }

    /// Takes an answer; true if the host has an address that it had not.
    pub fn handle(&mut self, message: &Message, now: Instant, chance: &mut Chance) -> bool {
        if message.op != Op::Reply || message.xid != self.xid || message.chaddr != self.mac {
            return false;
        }
        let Some(server) = message.server_identifier() else { return false };
        match (message.message_type, self.state) {
            (MessageType::OFFER, State::Selecting) => {
                let address = message.yiaddr;
                let xid = self.xid;
                self.enter(State::Requesting { address, server }, now, chance);
                self.xid = xid;
            }
            (MessageType::ACK, State::Requesting { .. } | State::Rebooting | State::Bound) => {
                return self.bind(message, server, now);
            }
            (MessageType::NAK, State::Requesting { .. } | State::Rebooting | State::Bound) => {
                self.lease = None;
                self.enter(State::Selecting, now, chance);
                self.due = Some(now + Duration::from_secs(1));
            }
            _ => {}
        }
        false
    }

    fn bind(&mut self, message: &Message, server: Ipv4Addr, now: Instant) -> bool {
        let seconds = |wanted: fn(&DhcpOption) -> Option<u32>| {
            message.options.iter().find_map(wanted).map(|s| Duration::from_secs(s.into()))
        };
        let lease = seconds(|o| if let DhcpOption::LeaseTime(s) = o { Some(*s) } else { None });
        let t1 = seconds(|o| if let DhcpOption::RenewalTime(s) = o { Some(*s) } else { None });
        let t2 = seconds(|o| if let DhcpOption::RebindingTime(s) = o { Some(*s) } else { None });
        let router = message.options.iter().find_map(|option| match option {
            DhcpOption::Router(routers) => routers.first().copied(),
            _ => None,
        });
        // An acknowledgement says all of it (RFC 2131 §4.3.1, RFC 5844 §3.4.1).
        let (lease, t1, t2) = (
            lease.expect("a lease has a time"),
            t1.expect("a lease says when to renew it"),
            t2.expect("a lease says when to rebind it"),
        );
        let before = self.lease.map(|lease| lease.address);
        self.lease = Some(Lease {
            address: message.yiaddr,
            server,
            router: router.expect("a lease names a router"),
            renew: now + t1,
            rebind: now + t2,
            expires: now + lease,
        });
        self.state = State::Bound;
        self.tries = 0;
        self.due = self.lease.map(|lease| lease.renew);
        before != Some(message.yiaddr)
    }

    fn enter(&mut self, state: State, now: Instant, chance: &mut Chance) {
        self.state = state;
        self.xid = chance.seed() as u32;
        self.tries = 0;
        self.due = Some(now);
    }

    fn message(&self, message_type: MessageType) -> Message {
        Message {
            op: Op::Request,
            message_type,
            xid: self.xid,
            secs: 0,
            broadcast: false,
            ciaddr: Ipv4Addr::UNSPECIFIED,
            yiaddr: Ipv4Addr::UNSPECIFIED,
            siaddr: Ipv4Addr::UNSPECIFIED,
            giaddr: Ipv4Addr::UNSPECIFIED,
            chaddr: self.mac,
            options: Vec::new(),
        }
    }

    fn frame(&self, message: &Message, source: Ipv4Addr, destination: Ipv4Addr) -> Vec<u8> {
        let destination_mac = match destination {
            Ipv4Addr::BROADCAST => MacAddr::BROADCAST,
            _ => MacAddr::PMIPV6_GATEWAY,
        };
        let route = Route { source_mac: self.mac, destination_mac, source, destination };
        let mut frame = Vec::new();
        encode_client_frame(&route, message, &mut frame);
        frame
    }
}
