//! Signalling sockets against the real kernel, in namespaces of their own.

mod lab;

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};

use kedge_model::{Datagram, VrfId, World};
use kedge_net::place::Place;
use kedge_net::signalling::{Batch, Outgoing, PORT, Sender, SignalSocket};
use lab::{Lab, wait_for};

const VRF: VrfId = VrfId(7);

fn place(lab: &Lab) -> Place {
    Place::find(&World::Namespace(lab.name.clone())).unwrap()
}

fn open(lab: &Lab, local: &str) -> SignalSocket {
    let local: SocketAddr = local.parse().unwrap();
    SignalSocket::open(&place(lab), VRF, local).unwrap()
}

/// A Heartbeat's header and `body`: a message that any kernel lets through.
fn message(body: &[u8]) -> Vec<u8> {
    let length = (6 + body.len()).div_ceil(8) - 1;
    let mut message = vec![59, length as u8, 13, 0, 0, 0];
    message.extend(body);
    message.resize(8 * (length + 1), 0);
    message
}

/// Sends each of `messages` from `from` to `to`.
fn send(from: &SignalSocket, to: &SignalSocket, dscp: u8, messages: &[Vec<u8>]) {
    let path = from.path_to(to.local());
    let messages = messages.iter().map(|m| Outgoing { path, dscp, bytes: m });
    let count = messages.len();
    let sent = from.send_batch(&mut Sender::default(), messages, |i, e| panic!("{i}: {e}"));
    assert_eq!(sent, count);
}

/// What arrives at `at` next: source, code point and octets of each.
fn receive(at: &mut SignalSocket) -> Vec<(SocketAddr, u8, Vec<u8>)> {
    let mut batch = Batch::default();
    wait_for(at, "a datagram's arrival", |at| {
        (at.recv_batch(&mut batch).unwrap() > 0).then_some(())
    });
    let all = batch.datagrams().inspect(|d| {
        assert_eq!((d.path.transport, d.path.local), (VRF, at.local()));
    });
    all.map(|d| (d.path.peer, d.dscp, d.bytes.to_vec())).collect()
}

#[test]
fn messages_cross_over_both_transports_with_their_code_point() {
    let lab = Lab::new();
    for [a, b] in [["[::1]:0", "[::1]:0"], ["127.0.0.1:5436", "127.0.0.2:5436"]] {
        let (a, mut b) = (open(&lab, a), open(&lab, b));
        for dscp in [0, 48, 63] {
            send(&a, &b, dscp, &[message(b"xx")]);
            assert_eq!(receive(&mut b), [(a.local(), dscp, message(b"xx"))]);
        }
    }
}

#[test]
fn a_native_message_arrives_with_the_checksum_its_sender_wrote_right_or_wrong() {
    let lab = Lab::new();
    let mut socket = open(&lab, "[::1]:0");
    let message = vec![59, 1, 13, 0, 0xab, 0xcd, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    send(&socket, &socket, 0, std::slice::from_ref(&message));
    assert_eq!(receive(&mut socket)[0].2, message);
}

#[test]
fn a_problem_is_answered_in_a_whole_packet_that_points_at_the_octet() {
    let lab = Lab::new();
    let socket = open(&lab, "[::1]:0");
    let icmp = lab.within(|| {
        let icmp =
            socket2::Socket::new(socket2::Domain::IPV6, libc::SOCK_RAW.into(), Some(58.into()));
        icmp.and_then(|icmp| icmp.set_nonblocking(true).map(|()| icmp)).unwrap()
    });
    let mut icmp = std::net::UdpSocket::from(icmp);
    let path = socket.path_to("[::1]:0".parse().unwrap());
    for length in [16, 2040] {
        let bytes = &vec![7; length];
        let message = Datagram { path, dscp: 46, bytes };
        assert!(socket.answer_problem(&place(&lab), message, 1).unwrap());
        let mut packet = [0; 2048];
        let got = wait_for(&mut icmp, "the answer", |icmp| icmp.recv(&mut packet).ok());
        let quoted = length.min(1280 - 40 - 8 - 40);
        assert_eq!(got, 8 + 40 + quoted);
        assert_eq!((&packet[..2], &packet[4..8]), (&[4, 0][..], &[0, 0, 0, 41][..]));
        let [high, low] = (length as u16).to_be_bytes();
        assert_eq!(packet[8..16], [0x6b, 0x80, 0, 0, high, low, 135, 0]);
        assert_eq!(packet[16..32], packet[32..48], "from and to the same address");
        assert_eq!(packet[48..got], bytes[..quoted]);
    }
}

#[test]
fn more_messages_than_a_batch_holds_arrive_in_order() {
    let lab = Lab::new();
    for address in ["[::1]:0", "127.0.0.1:5436"] {
        let mut socket = open(&lab, address);
        let messages: Vec<Vec<u8>> =
            (0..150u16).map(|i| message(&i.to_be_bytes().repeat(20))).collect();
        send(&socket, &socket, 0, &messages);
        let mut arrived = Vec::new();
        let mut sizes = Vec::new();
        while arrived.len() < messages.len() {
            let batch = receive(&mut socket);
            sizes.push(batch.len());
            arrived.extend(batch.into_iter().map(|(.., bytes)| bytes));
        }
        assert_eq!(arrived, messages);
        assert_eq!(sizes, [16, 16, 16, 16, 16, 16, 16, 16, 16, 6]);
        assert_eq!(socket.overruns().unwrap(), 0);
    }
}

#[test]
fn what_is_longer_than_a_mobility_header_is_cut_and_seen_to_be_too_long() {
    let lab = Lab::new();
    let socket = open(&lab, "127.0.0.1:5436");
    let mut socket = socket;
    send(&socket, &socket, 0, &[vec![1; 2048], vec![2; 3000], vec![], vec![3; 9]]);
    let mut batch = Batch::default();
    wait_for(&mut socket, "the messages' arrival", |s| {
        (s.recv_batch(&mut batch).unwrap() == 4).then_some(())
    });
    assert_eq!(batch.datagrams().map(|d| d.bytes.len()).collect::<Vec<_>>(), [2048, 2049, 0, 9]);
    assert_eq!(socket.recv_batch(&mut batch).unwrap(), 0);
    assert_eq!(batch.datagrams().count(), 0);
}

#[test]
fn a_batch_serves_sockets_of_both_families_in_turn() {
    let lab = Lab::new();
    let (v4, v6) = (open(&lab, "127.0.0.1:5436"), open(&lab, "[::1]:0"));
    let mut batch = Batch::default();
    for socket in [&v4, &v6, &v4, &v6] {
        send(socket, socket, 1, &[message(b"")]);
        assert_eq!(socket.recv_batch(&mut batch).unwrap(), 1);
        let datagram = batch.datagrams().next().unwrap();
        assert_eq!((datagram.path.peer, datagram.dscp), (socket.local(), 1));
    }
}

#[test]
fn a_message_that_cannot_be_sent_is_reported_by_its_place_and_the_others_go() {
    let lab = Lab::new();
    let mut socket = open(&lab, "127.0.0.1:5436");
    let good = socket.path_to(socket.local());
    let nowhere = socket.path_to("192.0.2.1:5436".parse().unwrap());
    let mut foreign = good;
    foreign.local = "127.0.0.9:5436".parse().unwrap();
    let other_family = socket.path_to("[::1]:0".parse().unwrap());
    let too_long = vec![0; 70_000];
    let messages = [
        (good, &b"first"[..]),
        (nowhere, b"x"),
        (foreign, b"x"),
        (other_family, b"x"),
        (good, &too_long),
        (good, b"last"),
    ]
    .map(|(path, bytes)| Outgoing { path, dscp: 0, bytes });
    let mut failures = Vec::new();
    let sent = socket.send_batch(&mut Sender::default(), messages, |i, e| {
        failures.push((i, e.kind(), e.raw_os_error()))
    });
    assert_eq!(sent, 2);
    failures.sort_by_key(|f| f.0);
    let [a, b, c, d] = failures[..] else { panic!("{failures:?}") };
    assert_eq!((a.0, a.1), (1, ErrorKind::NetworkUnreachable));
    assert_eq!((b.0, b.1), (2, ErrorKind::InvalidInput));
    assert_eq!((c.0, c.1), (3, ErrorKind::InvalidInput));
    assert_eq!((d.0, d.2), (4, Some(libc::EMSGSIZE)));
    let arrived: Vec<_> = receive(&mut socket).into_iter().map(|(.., bytes)| bytes).collect();
    assert_eq!(arrived, [b"first".to_vec(), b"last".to_vec()]);
}

#[test]
fn a_full_send_buffer_fails_the_rest_and_does_not_block() {
    let lab = Lab::with_pair();
    lab.ip("address add 192.0.2.1/24 dev near");
    // Nobody answers for this neighbour once, so the kernel holds what is sent to it.
    lab.set("ipv4/neigh/near/unres_qlen_bytes", "100000000");
    let socket = open(&lab, "192.0.2.1:5436");
    let path = socket.path_to("192.0.2.9:5436".parse().unwrap());
    let bytes = vec![0; 2000];
    let mut failures = Vec::new();
    let messages = (0..10_000).map(|_| Outgoing { path, dscp: 0, bytes: &bytes });
    let sent =
        socket.send_batch(&mut Sender::default(), messages, |i, e| failures.push((i, e.kind())));
    assert!(sent > 0 && sent < 10_000, "{sent} sent");
    let expected: Vec<_> = (sent..10_000).map(|i| (i, ErrorKind::WouldBlock)).collect();
    assert_eq!(failures, expected);
}

#[test]
fn datagrams_that_nobody_read_in_time_are_counted_by_the_kernel() {
    let lab = Lab::new();
    let socket = open(&lab, "127.0.0.1:5436");
    let peer = open(&lab, "127.0.0.2:5436");
    let path = peer.path_to(socket.local());
    let bytes = vec![0; 1000];
    let messages = (0..20_000).map(|_| Outgoing { path, dscp: 0, bytes: &bytes });
    assert_eq!(
        peer.send_batch(&mut Sender::default(), messages, |i, e| panic!("{i}: {e}")),
        20_000
    );
    let (waiting, room) = socket.backlog().unwrap();
    assert!(waiting > room / 16 * 15, "the buffer is full: {waiting} of {room}");
    let (mut batch, mut read) = (Batch::default(), 0);
    while socket.recv_batch(&mut batch).unwrap() > 0 {
        read += batch.datagrams().count() as u32;
    }
    assert!(read < 20_000);
    assert_eq!(read + socket.overruns().unwrap(), 20_000);
    assert_eq!(socket.backlog().unwrap(), (0, room), "all of it is read");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let lab = Lab::new();
    let _first = open(&lab, "127.0.0.1:5436");
    let second = SignalSocket::open(&place(&lab), VRF, "127.0.0.1:5436".parse().unwrap());
    assert_eq!(
        second.unwrap_err().to_string(),
        "cannot bind the signalling socket to 127.0.0.1:5436: Address already in use; \
         another process holds that address and port"
    );
}

#[test]
fn an_address_that_the_host_lacks_is_named() {
    let lab = Lab::new();
    for local in ["192.0.2.1:5436", "[2001:db8::1]:0"] {
        let error = SignalSocket::open(&place(&lab), VRF, local.parse().unwrap()).unwrap_err();
        let expected = format!(
            "cannot bind the signalling socket to {local}: Cannot assign requested address; \
             no interface of this namespace has that address, or its duplicate check still runs"
        );
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_bare_udp_speaker_is_understood_and_answered_at_its_own_port() {
    let lab = Lab::new();
    let mut socket = open(&lab, "127.0.0.1:5436");
    let client = lab.within(|| UdpSocket::bind("127.0.0.3:0")).unwrap();
    client.send_to(b"ping", ("127.0.0.1", PORT)).unwrap();
    let (peer, _, bytes) = receive(&mut socket).remove(0);
    assert_eq!((peer, bytes), (client.local_addr().unwrap(), b"ping".to_vec()));
    let answer = [Outgoing { path: socket.path_to(peer), dscp: 0, bytes: b"pong" }];
    assert_eq!(socket.send_batch(&mut Sender::default(), answer, |_, e| panic!("{e}")), 1);
    let mut buffer = [0; 16];
    let (length, from) = client.recv_from(&mut buffer).unwrap();
    assert_eq!((&buffer[..length], from), (&b"pong"[..], socket.local()));
}
