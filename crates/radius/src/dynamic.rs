//! The other direction: servers that ask for changes (RFC 5176).
//!
//! A request is believed when it comes from a known address, carries that server's authenticator,
//! and, if it says when it was made, is not older than five minutes (§6.3). One that comes again
//! gets the answer it got before and is not carried out twice (§2.3), from whatever port it comes:
//! who has recorded a request can send it from any. Answers are therefore kept for as long as a
//! request's time can be near ours.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

use kedge_sansio::Now;
use kedge_telemetry::counters;

use crate::{
    AttributeType, Code, DecodeError, ErrorCause, Forged, Packet, PacketRef, Secret, TooLong,
};

/// How far the clock of a server may be from ours (§6.3).
const WINDOW: Duration = Duration::from_secs(300);
/// How long an answer is kept: a clock that is ahead makes a request near for twice the window.
const KEPT_FOR: Duration = Duration::from_secs(600);
/// The most answers that are kept. Only who has a secret makes us keep one.
const KEPT: usize = 16_384;

/// A request as it was sent, wherever from.
type Seen = (IpAddr, [u8; 16]);

/// The servers that may ask for changes, and what they were answered lately.
#[derive(Debug, Default)]
pub struct Dynamic {
    servers: BTreeMap<IpAddr, Secret>,
    needs_timestamp: bool,
    answers: HashMap<Seen, Vec<u8>>,
    order: VecDeque<(Instant, Seen)>,
    counters: DynamicCounters,
}

counters! {
    /// What servers asked for.
    pub struct DynamicCounters: "RADIUS Dynamic Authorization", "radius_dynamic" {
        /// Disconnect-Requests carried out.
        disconnect_acks: "Disconnects Acknowledged",
        /// Disconnect-Requests refused.
        disconnect_naks: "Disconnects Refused",
        /// CoA-Requests carried out.
        coa_acks: "Changes Acknowledged",
        /// CoA-Requests refused.
        coa_naks: "Changes Refused",
        /// Requests that came again, and got the answer they had got before.
        repeated: "Repeated Requests",
        /// Dropped: from a host that may not ask.
        unknown_hosts: "Unknown Hosts",
        /// Dropped: no packet.
        malformed: "Malformed Requests",
        /// Dropped: a packet of another kind.
        unexpected: "Unexpected Types",
        /// Dropped: not made with the secret.
        bad_authenticators: "Bad Authenticators",
        /// Dropped: made at another time, or not saying when where that is required.
        stale: "Stale Requests",
    }
}

/// Why a request is dropped without an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DynamicError {
    /// Nobody may ask from there.
    #[error("not a configured server")]
    UnknownServer,
    /// It is no packet.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// It is neither a Disconnect-Request nor a CoA-Request.
    #[error("{0} is no request for a change")]
    Unexpected(Code),
    /// It is not the server's.
    #[error(transparent)]
    Forged(#[from] Forged),
    /// It was made at another time, or does not say when.
    #[error("its Event-Timestamp is missing, or more than five minutes from now")]
    Stale,
}

/// What is to be done about a request that is believed.
#[derive(Debug)]
pub enum Asked<'a> {
    /// Carry it out and [`Dynamic::answer`] it.
    New(PacketRef<'a>),
    /// Send what was answered before.
    Again(Vec<u8>),
}

impl Dynamic {
    /// Those who may ask, by address, and whether they must say when they did.
    pub fn new(servers: impl IntoIterator<Item = (IpAddr, Secret)>, needs_timestamp: bool) -> Self {
        Self { servers: servers.into_iter().collect(), needs_timestamp, ..Self::default() }
    }

    /// Command: others may ask. What was answered stays known.
    pub fn configure(
        &mut self,
        servers: impl IntoIterator<Item = (IpAddr, Secret)>,
        needs_timestamp: bool,
    ) {
        self.servers = servers.into_iter().collect();
        self.needs_timestamp = needs_timestamp;
    }

    /// What became of the requests.
    pub fn counters(&self) -> &DynamicCounters {
        &self.counters
    }

    /// Input: a datagram. The error says how it was counted.
    pub fn receive<'a>(
        &mut self,
        from: SocketAddr,
        bytes: &'a [u8],
        now: Now,
    ) -> Result<Asked<'a>, DynamicError> {
        let believed = self.believe(from, bytes, now);
        let counters = &mut self.counters;
        match believed {
            Ok(_) => {}
            Err(DynamicError::UnknownServer) => counters.unknown_hosts += 1,
            Err(DynamicError::Malformed(_)) => counters.malformed += 1,
            Err(DynamicError::Unexpected(_)) => counters.unexpected += 1,
            Err(DynamicError::Forged(_)) => counters.bad_authenticators += 1,
            Err(DynamicError::Stale) => counters.stale += 1,
        }
        let packet = believed?;
        while let Some((_, old)) =
            self.order.pop_front_if(|(at, _)| now.mono.saturating_duration_since(*at) > KEPT_FOR)
        {
            self.answers.remove(&old);
        }
        Ok(match self.answers.get(&(from.ip(), packet.authenticator())) {
            Some(answer) => {
                self.counters.repeated += 1;
                Asked::Again(answer.clone())
            }
            None => Asked::New(packet),
        })
    }

    fn believe<'a>(
        &self,
        from: SocketAddr,
        bytes: &'a [u8],
        now: Now,
    ) -> Result<PacketRef<'a>, DynamicError> {
        let secret = self.servers.get(&from.ip()).ok_or(DynamicError::UnknownServer)?;
        let packet = PacketRef::decode(bytes)?;
        if !matches!(packet.code(), Code::DISCONNECT_REQUEST | Code::COA_REQUEST) {
            return Err(DynamicError::Unexpected(packet.code()));
        }
        packet.verify_request(secret)?;
        let made = packet.get(AttributeType::EVENT_TIMESTAMP);
        let is_near = |seconds| is_near(seconds, now.wall);
        match made.map(|attribute| attribute.integer().is_some_and(is_near)) {
            Some(true) => Ok(packet),
            None if !self.needs_timestamp => Ok(packet),
            Some(false) | None => Err(DynamicError::Stale),
        }
    }

    /// Answers a request: done, or not and why. The answer repeats the Proxy-State of the request
    /// (§3.1).
    pub fn answer(
        &mut self,
        from: SocketAddr,
        request: &PacketRef<'_>,
        outcome: Result<(), ErrorCause>,
        now: Now,
    ) -> Result<Vec<u8>, TooLong> {
        let counters = &mut self.counters;
        let (code, counter) = match (request.code(), outcome.is_ok()) {
            (Code::DISCONNECT_REQUEST, true) => {
                (Code::DISCONNECT_ACK, &mut counters.disconnect_acks)
            }
            (Code::DISCONNECT_REQUEST, false) => {
                (Code::DISCONNECT_NAK, &mut counters.disconnect_naks)
            }
            (_, true) => (Code::COA_ACK, &mut counters.coa_acks),
            (_, false) => (Code::COA_NAK, &mut counters.coa_naks),
        };
        *counter += 1;
        let mut packet = Packet::new(code, request.identifier());
        packet.reserve()?;
        if let Err(cause) = outcome {
            packet.push(AttributeType::ERROR_CAUSE, &cause.0.to_be_bytes())?;
        }
        for state in request.all(AttributeType::PROXY_STATE) {
            packet.push(state.kind, state.value)?;
        }
        if let Some(secret) = self.servers.get(&from.ip()) {
            packet.sign_answer(secret, request.authenticator());
        }
        if self.order.len() >= KEPT
            && let Some((_, oldest)) = self.order.pop_front()
        {
            self.answers.remove(&oldest);
        }
        let seen = (from.ip(), request.authenticator());
        self.order.push_back((now.mono, seen));
        self.answers.insert(seen, packet.bytes.clone());
        Ok(packet.bytes)
    }
}

fn is_near(seconds: u32, wall: SystemTime) -> bool {
    let made = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.into());
    let apart = wall.duration_since(made).unwrap_or_else(|early| early.duration());
    apart <= WINDOW
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Now {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        Now { mono: Instant::now(), wall }
    }

    fn request(code: Code, timestamp: Option<u32>) -> Packet {
        let mut packet = Packet::new(code, 3);
        packet.push(AttributeType::USER_NAME, b"mn1@example.com").unwrap();
        packet.push(AttributeType::PROXY_STATE, b"p").unwrap();
        if let Some(timestamp) = timestamp {
            packet.push(AttributeType::EVENT_TIMESTAMP, &timestamp.to_be_bytes()).unwrap();
        }
        packet.sign_request(&Secret::new(b"s"));
        packet
    }

    const SERVER: &str = "192.0.2.9:3799";

    fn dynamic() -> Dynamic {
        Dynamic::new([("192.0.2.9".parse().unwrap(), Secret::new(b"s"))], false)
    }

    #[test]
    fn a_request_is_carried_out_once_and_a_repeated_one_gets_the_same_answer() {
        let (mut dynamic, from, now) = (dynamic(), SERVER.parse().unwrap(), now());
        let asked = request(Code::DISCONNECT_REQUEST, Some(1_800_000_299));
        let Ok(Asked::New(packet)) = dynamic.receive(from, asked.bytes(), now) else { panic!() };
        let answer =
            dynamic.answer(from, &packet, Err(ErrorCause::SESSION_CONTEXT_NOT_FOUND), now).unwrap();
        let read = PacketRef::decode(&answer).unwrap();
        assert_eq!((read.code(), read.identifier()), (Code::DISCONNECT_NAK, 3));
        assert_eq!(read.get(AttributeType::ERROR_CAUSE).unwrap().integer(), Some(503));
        assert_eq!(read.get(AttributeType::PROXY_STATE).unwrap().value, b"p");
        let authenticator = asked.view().authenticator();
        assert_eq!(read.verify_answer(&Secret::new(b"s"), authenticator, true), Ok(()));
        // Whoever has recorded it may send it from another port, up to the end of the window.
        let elsewhere = "192.0.2.9:40000".parse().unwrap();
        let late = Now { mono: now.mono + Duration::from_secs(599), ..now };
        match dynamic.receive(elsewhere, asked.bytes(), late) {
            Ok(Asked::Again(again)) => assert_eq!(again, answer),
            other => panic!("{other:?}"),
        }
        let later = Now { mono: now.mono + KEPT_FOR + Duration::from_secs(1), ..now };
        assert!(matches!(dynamic.receive(from, asked.bytes(), later), Ok(Asked::New(_))));
    }

    #[test]
    fn each_kind_of_request_has_its_kind_of_answer() {
        let (mut dynamic, from, now) = (dynamic(), SERVER.parse().unwrap(), now());
        for (code, outcome, answer) in [
            (Code::DISCONNECT_REQUEST, Ok(()), Code::DISCONNECT_ACK),
            (Code::COA_REQUEST, Ok(()), Code::COA_ACK),
            (Code::COA_REQUEST, Err(ErrorCause::UNSUPPORTED_ATTRIBUTE), Code::COA_NAK),
        ] {
            let asked = request(code, None);
            let bytes = dynamic.answer(from, &asked.view(), outcome, now).unwrap();
            assert_eq!(PacketRef::decode(&bytes).unwrap().code(), answer);
        }
    }

    #[test]
    fn who_is_not_believed_gets_no_answer() {
        let (mut dynamic, from, now) = (dynamic(), SERVER.parse().unwrap(), now());
        let mut receive = |from, packet: &Packet| dynamic.receive(from, packet.bytes(), now).err();
        let good = request(Code::COA_REQUEST, None);
        let elsewhere = "192.0.2.8:3799".parse().unwrap();
        assert_eq!(receive(elsewhere, &good), Some(DynamicError::UnknownServer));
        for stale in [1_799_999_699, 1_800_000_301] {
            let old = request(Code::COA_REQUEST, Some(stale));
            assert_eq!(receive(from, &old), Some(DynamicError::Stale));
        }
        let other = request(Code::ACCESS_REQUEST, None);
        let unexpected = DynamicError::Unexpected(Code::ACCESS_REQUEST);
        assert_eq!(receive(from, &other), Some(unexpected));
        let mut forged = good.clone();
        forged.sign_request(&Secret::new(b"t"));
        let forgery = DynamicError::Forged(Forged::Authenticator);
        assert_eq!(receive(from, &forged), Some(forgery));
        let truncated = DynamicError::Malformed(DecodeError::Truncated);
        assert_eq!(dynamic.receive(from, &good.bytes()[..30], now).err(), Some(truncated));
        let DynamicCounters { unknown_hosts, stale, unexpected, .. } = *dynamic.counters();
        assert_eq!((unknown_hosts, stale, unexpected), (1, 2, 1));
        let counters = dynamic.counters();
        assert_eq!((counters.bad_authenticators, counters.malformed), (1, 1));
        dynamic.configure([("192.0.2.9".parse().unwrap(), Secret::new(b"s"))], true);
        let stale = Some(DynamicError::Stale);
        assert_eq!(dynamic.receive(from, good.bytes(), now).err(), stale, "it must say when");
    }
}
