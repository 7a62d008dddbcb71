//! The client against servers that a test plays: which is asked, how often, what is believed.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use kedge_radius::{
    AttributeType, Client, Code, Failure, Output, Packet, PacketRef, Port, Request, SOCKETS,
    Secret, Server, ServerState, Work,
};

const FIRST: &str = "192.0.2.1:1812";
const SECOND: &str = "192.0.2.2:1812";
const ACCOUNTING: &str = "192.0.2.1:1813";

fn secret() -> Secret {
    Secret::new(b"testing123")
}

fn server(name: &str, at: &str) -> Server {
    let authentication: SocketAddr = at.parse().unwrap();
    Server {
        name: name.to_owned(),
        authentication: Some(authentication),
        accounting: Some(SocketAddr::new(authentication.ip(), 1813)),
        secret: secret(),
        timeout: Duration::from_secs(5),
        retransmit: 2,
        dead_time: Duration::from_secs(60),
        needs_message_authenticator: true,
    }
}

/// A ticket, and what came of its request.
type Done = (u32, Result<Vec<u8>, Failure>);

struct World {
    client: Client<u32>,
    now: Instant,
}

/// A packet on its way to a server.
struct Sent {
    to: SocketAddr,
    port: Port,
    bytes: Vec<u8>,
}

impl World {
    fn new(servers: Vec<Server>) -> Self {
        Self { client: Client::new(servers, [7; 16]), now: Instant::now() }
    }

    fn two() -> Self {
        Self::new(vec![server("one", FIRST), server("two", SECOND)])
    }

    fn drain(&mut self) -> (Vec<Sent>, Vec<Done>) {
        let (mut sent, mut done) = (Vec::new(), Vec::new());
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Send { to, port, bytes } => sent.push(Sent { to, port, bytes }),
                Output::Done { ticket, outcome } => done.push((ticket, outcome)),
            }
        }
        (sent, done)
    }

    /// Asks, and gives the one packet that is sent.
    fn ask(&mut self, ticket: u32) -> Sent {
        let mut request = Request::access();
        request.push(AttributeType::USER_NAME, b"mn1@example.com").unwrap();
        self.client.request(request, ticket, self.now);
        self.sent()
    }

    fn sent(&mut self) -> Sent {
        let (mut sent, done) = self.drain();
        assert!(done.is_empty(), "{done:?}");
        assert_eq!(sent.len(), 1);
        sent.remove(0)
    }

    /// Lets time pass until the next timer is due.
    fn wait(&mut self) {
        self.now = self.client.poll_timeout().expect("something waits");
        self.client.handle_timeout(self.now);
    }

    fn deliver(&mut self, sent: &Sent, bytes: &[u8]) -> Vec<Done> {
        self.client.handle_datagram(sent.port, bytes, self.now);
        let (sent, done) = self.drain();
        assert!(sent.is_empty());
        done
    }

    fn state(&self, place: usize) -> &ServerState {
        self.client.servers().nth(place).unwrap()
    }
}

fn answer(sent: &Sent, code: Code, signed: bool) -> Vec<u8> {
    let request = PacketRef::decode(&sent.bytes).unwrap();
    let mut packet = Packet::new(code, request.identifier());
    if signed {
        packet.push(AttributeType::MESSAGE_AUTHENTICATOR, &[0; 16]).unwrap();
    }
    packet.push(AttributeType::REPLY_MESSAGE, b"hello").unwrap();
    packet.sign_answer(&secret(), request.authenticator());
    packet.bytes().to_vec()
}

#[test]
fn an_accept_comes_back_with_its_ticket_and_nothing_waits_any_more() {
    let mut world = World::two();
    let sent = world.ask(1);
    assert_eq!(sent.to, FIRST.parse().unwrap());
    let request = PacketRef::decode(&sent.bytes).unwrap();
    let first = request.attributes().next().unwrap();
    assert_eq!(first.kind, AttributeType::MESSAGE_AUTHENTICATOR);
    let bytes = answer(&sent, Code::ACCESS_ACCEPT, true);
    let done = world.deliver(&sent, &bytes);
    assert_eq!(done, [(1, Ok(bytes.clone()))]);
    assert_eq!((world.client.waiting(), world.client.poll_timeout()), (0, None));
    let counters = world.state(0).counters;
    assert_eq!((counters.access_requests, counters.access_accepts), (1, 1));
    // The same answer again is an answer to nothing.
    assert!(world.deliver(&sent, &bytes).is_empty());
    assert_eq!(world.state(0).counters.unmatched, 1);
}

#[test]
fn rejects_and_challenges_are_answers_too() {
    for code in [Code::ACCESS_REJECT, Code::ACCESS_CHALLENGE] {
        let mut world = World::two();
        let sent = world.ask(1);
        let done = world.deliver(&sent, &answer(&sent, code, true));
        assert_eq!(PacketRef::decode(done[0].1.as_ref().unwrap()).unwrap().code(), code);
    }
}

#[test]
fn an_answer_that_is_not_believed_leaves_the_request_waiting() {
    let mut world = World::two();
    let sent = world.ask(1);
    let good = answer(&sent, Code::ACCESS_ACCEPT, true);
    let mut forged = good.clone();
    *forged.last_mut().unwrap() ^= 1;
    assert!(world.deliver(&sent, &forged).is_empty());
    assert!(world.deliver(&sent, &answer(&sent, Code::ACCESS_ACCEPT, false)).is_empty());
    assert!(world.deliver(&sent, &answer(&sent, Code::ACCOUNTING_RESPONSE, true)).is_empty());
    assert!(world.deliver(&sent, &good[..19]).is_empty());
    let other = Port { server: 1, ..sent.port };
    let elsewhere = Sent { port: other, ..sent };
    assert!(world.deliver(&elsewhere, &good).is_empty());
    assert_eq!(world.state(1).counters.unmatched, 1);
    let counters = world.state(0).counters;
    assert_eq!(counters.bad_authenticators, 2);
    assert_eq!((counters.unexpected, counters.malformed), (1, 1));
    let sent = Sent { port: Port { server: 0, ..other }, ..elsewhere };
    assert_eq!(world.deliver(&sent, &good).len(), 1);
}

#[test]
fn a_server_that_is_excepted_may_answer_without_a_message_authenticator() {
    let lenient = Server { needs_message_authenticator: false, ..server("one", FIRST) };
    let mut world = World::new(vec![lenient]);
    let sent = world.ask(1);
    assert_eq!(world.deliver(&sent, &answer(&sent, Code::ACCESS_ACCEPT, false)).len(), 1);
}

#[test]
fn a_silent_server_is_asked_again_with_the_same_packet_then_the_next_one_is() {
    let mut world = World::two();
    let first = world.ask(1);
    for _ in 0..2 {
        world.wait();
        let again = world.sent();
        assert_eq!((again.to, &again.bytes), (first.to, &first.bytes));
    }
    world.wait();
    let second = world.sent();
    assert_eq!(second.to, SECOND.parse().unwrap());
    assert_ne!(second.bytes[4..20], first.bytes[4..20], "another authenticator");
    let counters = world.state(0).counters;
    assert_eq!((counters.access_retransmissions, counters.timeouts), (2, 3));
    assert_eq!((counters.given_up, counters.deaths), (1, 1));
    // The first one is left alone for its dead time, and not longer.
    assert_eq!(world.ask(2).to, second.to);
    world.now += Duration::from_secs(60);
    assert_eq!(world.ask(3).to, first.to);
}

#[test]
fn a_late_answer_to_a_packet_that_was_sent_again_fits() {
    let mut world = World::two();
    let sent = world.ask(1);
    world.wait();
    world.sent();
    assert_eq!(world.deliver(&sent, &answer(&sent, Code::ACCESS_ACCEPT, true)).len(), 1);
    assert!(!world.state(0).is_dead(world.now));
}

#[test]
fn a_server_that_answers_others_is_not_dead_for_one_lost_request() {
    let mut world = World::two();
    world.ask(1);
    world.wait();
    world.sent();
    let other = world.ask(2);
    world.deliver(&other, &answer(&other, Code::ACCESS_REJECT, true));
    world.wait();
    world.sent();
    world.wait();
    assert_eq!(world.sent().to, SECOND.parse().unwrap());
    assert_eq!(world.state(0).counters.deaths, 0);
}

#[test]
fn a_request_that_nobody_answers_fails_and_the_next_one_finds_a_server_that_is_back() {
    let mut world = World::two();
    world.ask(1);
    for _ in 0..5 {
        world.wait();
        world.sent();
    }
    world.wait();
    let (sent, done) = world.drain();
    assert!(sent.is_empty());
    assert_eq!(done, [(1, Err(Failure::TimedOut))]);
    assert!(world.client.is_down(Work::Authentication, world.now));
    let tried = world.ask(2);
    assert_eq!(tried.to, FIRST.parse().unwrap());
    // Its silence is waited for, and it goes to no other dead server.
    for _ in 0..2 {
        world.wait();
        assert_eq!(world.sent().to, tried.to);
    }
    world.wait();
    assert_eq!(world.drain().1, [(2, Err(Failure::TimedOut))]);
    assert_eq!((world.client.waiting(), world.client.poll_timeout()), (0, None));
    // The next one is answered, and with that all are asked again.
    let tried = world.ask(4);
    assert_eq!(world.deliver(&tried, &answer(&tried, Code::ACCESS_ACCEPT, true)).len(), 1);
    assert!(!world.client.is_down(Work::Authentication, world.now));
}

#[test]
fn accounting_says_how_late_it_is_and_goes_to_its_own_port() {
    let mut world = World::two();
    let happened = world.now;
    world.now += Duration::from_secs(90);
    world.client.request(Request::accounting(happened), 1, world.now);
    let sent = world.sent();
    assert_eq!(sent.to, ACCOUNTING.parse().unwrap());
    let request = PacketRef::decode(&sent.bytes).unwrap();
    assert_eq!(request.code(), Code::ACCOUNTING_REQUEST);
    assert_eq!(request.get(AttributeType::ACCT_DELAY_TIME).unwrap().integer(), Some(90));
    assert_eq!(request.verify_request(&secret()), Ok(()));
    assert_eq!(world.deliver(&sent, &answer(&sent, Code::ACCESS_ACCEPT, true)).len(), 0);
    let response = answer(&sent, Code::ACCOUNTING_RESPONSE, false);
    assert_eq!(world.deliver(&sent, &response).len(), 1, "which needs no Message-Authenticator");
    // At the next server the delay is another.
    world.client.request(Request::accounting(happened), 2, world.now);
    for _ in 0..3 {
        world.drain();
        world.wait();
    }
    let sent = world.sent();
    let request = PacketRef::decode(&sent.bytes).unwrap();
    assert_eq!(request.get(AttributeType::ACCT_DELAY_TIME).unwrap().integer(), Some(105));
}

#[test]
fn more_requests_than_identifiers_use_more_ports_and_a_bounded_number_of_them() {
    let mut world = World::new(vec![server("one", FIRST)]);
    let most = u32::from(SOCKETS) * 256;
    let mut seen = BTreeSet::new();
    for ticket in 0..most {
        let sent = world.ask(ticket);
        assert!(seen.insert((sent.port, sent.bytes[1])), "{ticket}");
        assert!(sent.port.number < SOCKETS);
    }
    world.client.request(Request::access(), most, world.now);
    assert_eq!(world.drain().1, [(most, Err(Failure::Busy))]);
    assert_eq!(world.state(0).waiting, most);
}

/// A server that loses what its socket has no room for.
#[test]
fn a_server_with_room_for_so_many_is_soon_asked_no_more_at_a_time_and_answers_all() {
    const ROOM: usize = 100;
    let mut world = World::new(vec![server("one", FIRST)]);
    let (mut asked, mut answered, mut lost, mut most) = (0, 0, 0, 0);
    for _ in 0..120 {
        while world.client.has_room(Work::Authentication, world.now) {
            world.client.request(Request::access(), asked, world.now);
            asked += 1;
        }
        let mut sent: Vec<Sent> = world.drain().0;
        most = most.max(sent.len());
        lost += sent.len().saturating_sub(ROOM);
        sent.truncate(ROOM);
        for sent in &sent {
            let answer = answer(sent, Code::ACCESS_ACCEPT, true);
            world.client.handle_datagram(sent.port, &answer, world.now);
        }
        answered += world.drain().1.len();
        let due = world.client.poll_timeout().filter(|_| sent.is_empty());
        world.now = due.unwrap_or(world.now + Duration::from_millis(10));
        world.client.handle_timeout(world.now);
    }
    assert!(answered > 6_000, "{answered} of {asked}");
    assert!((ROOM..=128).contains(&most), "{most} at a time");
    assert!(lost < answered / 50, "{lost} lost of {answered}");
}

#[test]
fn where_no_server_can_be_asked_nobody_has_to_wait_for_room() {
    let world = World::new(Vec::new());
    assert!(world.client.has_room(Work::Accounting, world.now));
}

#[test]
fn a_request_that_is_too_long_fails_and_costs_no_identifier() {
    let mut world = World::two();
    let mut request = Request::access();
    while request.push(AttributeType::CLASS, &[0; 253]).is_ok() {}
    while request.push(AttributeType::CLASS, &[0; 1]).is_ok() {}
    world.client.request(request, 1, world.now);
    assert_eq!(world.drain().1, [(1, Err(Failure::TooLong))]);
    assert_eq!(world.state(0).waiting, 0);
}

#[test]
fn other_servers_are_asked_what_the_former_were_and_counters_stay_with_their_names() {
    let mut world = World::two();
    world.ask(1);
    world.client.replace_servers(vec![server("three", "192.0.2.3:1812")], world.now);
    assert_eq!(world.sent().to, "192.0.2.3:1812".parse().unwrap());
    let back = vec![server("three", "192.0.2.4:1812"), server("one", FIRST)];
    world.client.replace_servers(back, world.now);
    assert_eq!(world.sent().to, "192.0.2.4:1812".parse().unwrap());
    assert_eq!(world.state(0).counters.access_requests, 2);
    world.client.replace_servers(vec![], world.now);
    assert_eq!(world.drain().1, [(1, Err(Failure::NoServer))]);
    assert_eq!((world.client.waiting(), world.client.poll_timeout()), (0, None));
}

#[test]
fn a_password_is_hidden_and_differs_from_request_to_request() {
    let mut world = World::two();
    let mut hidden = || {
        let mut request = Request::access();
        request.set_password(b"kedge");
        world.client.request(request, 1, world.now);
        let sent = world.sent();
        let packet = PacketRef::decode(&sent.bytes).unwrap();
        packet.get(AttributeType::USER_PASSWORD).unwrap().value.to_vec()
    };
    let (one, two) = (hidden(), hidden());
    assert_eq!((one.len(), two.len()), (16, 16));
    assert_ne!(one, two);
}

fn account(world: &mut World, ticket: u32) {
    world.client.request(Request::accounting(world.now), ticket, world.now);
}

#[test]
fn accounting_notices_a_server_that_is_back_though_all_are_dead() {
    let mut world = World::two();
    account(&mut world, 1);
    world.sent();
    while world.client.waiting() > 0 {
        world.wait();
        world.drain();
    }
    assert!((0..2).all(|place| world.state(place).is_dead(world.now)));
    account(&mut world, 3);
    let probe = world.sent();
    assert_eq!(probe.port.server, 0, "the one that died first");
    assert_eq!(world.deliver(&probe, &answer(&probe, Code::ACCOUNTING_RESPONSE, false)).len(), 1);
    assert!(!world.state(0).is_dead(world.now));
}

#[test]
fn attributes_that_were_kept_are_taken_again_unless_they_are_damaged() {
    let now = Instant::now();
    let mut request = Request::accounting(now);
    request.push(AttributeType::USER_NAME, b"mn1@example.com").unwrap();
    let kept = request.attributes().to_vec();
    assert_eq!(Request::accounting_of(now, &kept).unwrap().attributes(), kept);
    assert!(Request::accounting_of(now, &kept[..kept.len() - 1]).is_err());
    assert!(Request::accounting_of(now, &[0; 5000]).is_err());
}

// RFC 6614 §2.5: such an answer has an Error-Cause.
#[test]
fn an_accounting_response_that_refuses_acknowledges_nothing_and_another_server_is_asked() {
    let mut world = World::two();
    account(&mut world, 1);
    let sent = world.sent();
    let request = PacketRef::decode(&sent.bytes).unwrap();
    let mut refusal = Packet::new(Code::ACCOUNTING_RESPONSE, request.identifier());
    refusal.push(AttributeType::ERROR_CAUSE, &406_u32.to_be_bytes()).unwrap();
    refusal.sign_answer(&secret(), request.authenticator());
    assert_eq!(world.deliver(&sent, refusal.bytes()), []);
    assert_eq!(world.state(0).counters.accounting_refused, 1);
    for _ in 0..3 {
        world.wait();
    }
    let (sent, _) = world.drain();
    let last = sent.last().unwrap();
    assert_eq!(last.port.server, 1);
    assert_eq!(world.deliver(last, &answer(last, Code::ACCOUNTING_RESPONSE, false)).len(), 1);
}
