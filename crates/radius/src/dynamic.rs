//! The other direction: servers that ask for changes (RFC 5176).
//!
//! A request is believed when it comes from a known address, carries that server's authenticator,
//! and, if it says when it was made, is not older than five minutes (§6.3). One that comes again
//! gets the answer it got before and is not carried out twice (§2.3).

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

use kedge_sansio::Now;

use crate::{AttributeType, Code, DecodeError, Forged, Packet, PacketRef, Secret, TooLong};

/// How far the clock of a server may be from ours.
const WINDOW: Duration = Duration::from_secs(300);
/// How long an answer is kept for repeated requests: longer than any server retransmits.
const KEPT_FOR: Duration = Duration::from_secs(30);
/// The most answers that are kept.
const KEPT: usize = 1024;

/// The servers that may ask for changes, and what they were answered lately.
#[derive(Debug, Default)]
pub struct Dynamic {
    servers: BTreeMap<IpAddr, Secret>,
    answered: VecDeque<Answered>,
}

#[derive(Debug)]
struct Answered {
    from: SocketAddr,
    authenticator: [u8; 16],
    at: Instant,
    answer: Vec<u8>,
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
    /// It was made at another time.
    #[error("its Event-Timestamp is more than five minutes from now")]
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
    /// Those who may ask, by address.
    pub fn new(servers: impl IntoIterator<Item = (IpAddr, Secret)>) -> Self {
        Self { servers: servers.into_iter().collect(), answered: VecDeque::new() }
    }

    /// Input: a datagram.
    pub fn receive<'a>(
        &mut self,
        from: SocketAddr,
        bytes: &'a [u8],
        now: Now,
    ) -> Result<Asked<'a>, DynamicError> {
        let secret = self.servers.get(&from.ip()).ok_or(DynamicError::UnknownServer)?;
        let packet = PacketRef::decode(bytes)?;
        if !matches!(packet.code(), Code::DISCONNECT_REQUEST | Code::COA_REQUEST) {
            return Err(DynamicError::Unexpected(packet.code()));
        }
        packet.verify_request(secret)?;
        let made = packet.get(AttributeType::EVENT_TIMESTAMP).and_then(|a| a.integer());
        if made.is_some_and(|seconds| !is_near(seconds, now.wall)) {
            return Err(DynamicError::Stale);
        }
        let is_old =
            |answered: &Answered| now.mono.saturating_duration_since(answered.at) > KEPT_FOR;
        while self.answered.front().is_some_and(is_old) {
            self.answered.pop_front();
        }
        let before = self.answered.iter().find(|answered| {
            answered.from == from && answered.authenticator == packet.authenticator()
        });
        Ok(match before {
            Some(answered) => Asked::Again(answered.answer.clone()),
            None => Asked::New(packet),
        })
    }

    /// Answers a request: done, or not and why, as an Error-Cause (§3.5) says. The answer repeats
    /// the Proxy-State of the request (§3.1).
    pub fn answer(
        &mut self,
        from: SocketAddr,
        request: &PacketRef<'_>,
        outcome: Result<(), u32>,
        now: Now,
    ) -> Result<Vec<u8>, TooLong> {
        let code = match (request.code(), outcome.is_ok()) {
            (Code::DISCONNECT_REQUEST, true) => Code::DISCONNECT_ACK,
            (Code::DISCONNECT_REQUEST, false) => Code::DISCONNECT_NAK,
            (_, true) => Code::COA_ACK,
            (_, false) => Code::COA_NAK,
        };
        let mut packet = Packet::new(code, request.identifier());
        packet.reserve()?;
        if let Err(cause) = outcome {
            packet.push(AttributeType::ERROR_CAUSE, &cause.to_be_bytes())?;
        }
        for state in request.all(AttributeType::PROXY_STATE) {
            packet.push(state.kind, state.value)?;
        }
        if let Some(secret) = self.servers.get(&from.ip()) {
            packet.sign_answer(secret, request.authenticator());
        }
        if self.answered.len() >= KEPT {
            self.answered.pop_front();
        }
        let (authenticator, answer) = (request.authenticator(), packet.bytes);
        self.answered.push_back(Answered {
            from,
            authenticator,
            at: now.mono,
            answer: answer.clone(),
        });
        Ok(answer)
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
        Dynamic::new([("192.0.2.9".parse().unwrap(), Secret::new(b"s"))])
    }

    #[test]
    fn a_request_is_carried_out_once_and_a_repeated_one_gets_the_same_answer() {
        let (mut dynamic, from, now) = (dynamic(), SERVER.parse().unwrap(), now());
        let asked = request(Code::DISCONNECT_REQUEST, Some(1_800_000_299));
        let Ok(Asked::New(packet)) = dynamic.receive(from, asked.bytes(), now) else { panic!() };
        let answer = dynamic.answer(from, &packet, Err(503), now).unwrap();
        let read = PacketRef::decode(&answer).unwrap();
        assert_eq!((read.code(), read.identifier()), (Code::DISCONNECT_NAK, 3));
        assert_eq!(read.get(AttributeType::ERROR_CAUSE).unwrap().integer(), Some(503));
        assert_eq!(read.get(AttributeType::PROXY_STATE).unwrap().value, b"p");
        let authenticator = asked.view().authenticator();
        assert_eq!(read.verify_answer(&Secret::new(b"s"), authenticator, true), Ok(()));
        match dynamic.receive(from, asked.bytes(), now) {
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
            (Code::COA_REQUEST, Err(401), Code::COA_NAK),
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
    }
}
