//! The server and the client over a real socket in a directory of the test's own.
//!
//! A thread plays the daemon's loop: it waits to be woken and answers what it finds.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use kedge_api::{
    Answer, Ask, BindError, Call, Caller, Client, ClientError, MAX_REQUEST, Refusal, Reply, Server,
};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn a_command_gets_its_answer_and_the_connection_serves_the_next() {
    let place = Place::new();
    let daemon = Daemon::start(&place, echo);
    let mut client = Client::connect(&place.socket()).unwrap();
    for line in ["show one", "show two"] {
        let outcome = client.request(Ask::command(line)).unwrap();
        assert_eq!(outcome, Ok(Reply::Text(format!("{line}\n"))));
    }
    daemon.stop();
}

#[test]
fn a_refusal_arrives_whole() {
    let refusal = Refusal {
        message: "not known here: bogus".into(),
        line: Some(1),
        column: Some(6),
        caret: Some("show bogus\n     ^".into()),
        allowed: vec!["ipv6".into(), "running-config".into()],
    };
    let place = Place::new();
    let sent = refusal.clone();
    let daemon = Daemon::start(&place, move |call| call.answer(Err(sent.clone()), None));
    let outcome = Client::connect(&place.socket()).unwrap().request(Ask::command("show bogus"));
    assert_eq!(outcome.unwrap(), Err(refusal));
    daemon.stop();
}

#[test]
fn an_answer_of_many_megabytes_arrives_whole() {
    let place = Place::new();
    let text = "0123456789abcde\n".repeat(500_000);
    let sent = text.clone();
    let daemon =
        Daemon::start(&place, move |call| call.answer(Ok(Reply::Text(sent.clone())), None));
    let outcome = Client::connect(&place.socket()).unwrap().request(Ask::command("show all"));
    assert_eq!(outcome.unwrap(), Ok(Reply::Text(text)));
    daemon.stop();
}

#[test]
fn the_socket_and_its_directory_are_closed_to_others_and_gone_after_a_stop() {
    let place = Place::new();
    let socket = place.0.path().join("run/kedge/kedge.sock");
    let server = Server::bind(&socket, || {}).unwrap();
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&socket), 0o660);
    assert_eq!(mode(&place.0.path().join("run/kedge")) & 0o007, 0);
    drop(server);
    assert_eq!(fs::read_dir(socket.parent().unwrap()).unwrap().count(), 0);
}

#[test]
fn a_second_daemon_is_refused_and_the_first_is_not_disturbed() {
    let place = Place::new();
    let daemon = Daemon::start(&place, echo);
    let error = Server::bind(&place.socket(), || {}).err().unwrap();
    assert!(matches!(error, BindError::InUse { .. }), "{error}");
    let outcome = Client::connect(&place.socket()).unwrap().request(Ask::command("show"));
    assert_eq!(outcome.unwrap(), Ok(Reply::Text("show\n".into())));
    daemon.stop();
}

#[test]
fn a_living_server_that_holds_no_lock_is_respected_too() {
    let place = Place::new();
    let _other = UnixListener::bind(place.socket()).unwrap();
    let error = Server::bind(&place.socket(), || {}).err().unwrap();
    assert!(matches!(error, BindError::InUse { .. }), "{error}");
}

#[test]
fn the_socket_of_a_dead_daemon_is_replaced() {
    let place = Place::new();
    drop(UnixListener::bind(place.socket()).unwrap());
    fs::write(place.0.path().join("kedge.sock.lock"), "").unwrap();
    assert!(place.socket().exists());
    let daemon = Daemon::start(&place, echo);
    let outcome = Client::connect(&place.socket()).unwrap().request(Ask::command("show"));
    assert_eq!(outcome.unwrap(), Ok(Reply::Text("show\n".into())));
    daemon.stop();
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let place = Place::new();
    fs::write(place.socket(), "precious").unwrap();
    let error = Server::bind(&place.socket(), || {}).err().unwrap();
    assert!(matches!(error, BindError::NotASocket { .. }), "{error}");
    assert_eq!(fs::read_to_string(place.socket()).unwrap(), "precious");
}

#[test]
fn of_many_daemons_started_at_once_over_a_dead_ones_socket_exactly_one_lives() {
    let place = Place::new();
    drop(UnixListener::bind(place.socket()).unwrap());
    let contenders: Vec<_> = (0..8)
        .map(|_| {
            let socket = place.socket();
            thread::spawn(move || Server::bind(&socket, || {}))
        })
        .collect();
    let results: Vec<_> = contenders.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(fs::metadata(place.socket()).unwrap().file_type().is_socket());
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        assert!(matches!(error, BindError::InUse { .. }), "{error}");
    }
}

#[test]
fn daemons_that_come_and_go_are_never_two_at_a_time() {
    let place = Place::new();
    let alive = AtomicU32::new(0);
    let lived = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    let Ok(server) = Server::bind(&place.socket(), || {}) else { continue };
                    assert_eq!(alive.fetch_add(1, Ordering::SeqCst), 0);
                    lived.fetch_add(1, Ordering::SeqCst);
                    assert!(place.socket().exists());
                    alive.fetch_sub(1, Ordering::SeqCst);
                    drop(server);
                }
            });
        }
    });
    assert_ne!(lived.into_inner(), 0);
    assert_eq!(fs::read_dir(place.0.path()).unwrap().count(), 0);
}

#[test]
fn a_path_that_the_kernel_cannot_hold_is_an_error_that_names_it() {
    let place = Place::new();
    let socket = place.0.path().join("x".repeat(120));
    let error = Server::bind(&socket, || {}).err().unwrap();
    assert!(error.to_string().starts_with("cannot listen at /"), "{error}");
    assert_eq!(fs::read_dir(place.0.path()).unwrap().count(), 0, "the lock was left behind");
}

#[test]
fn a_client_skips_the_empty_lines_that_say_that_the_daemon_is_at_its_request() {
    let place = Place::new();
    let listener = UnixListener::bind(place.socket()).unwrap();
    let daemon = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        BufReader::new(stream.try_clone().unwrap()).read_line(&mut String::new()).unwrap();
        let outcome = Ok(Reply::Text("done\n".to_owned()));
        let answer = Answer { id: 1, outcome, mode: None }.encode();
        stream.write_all(&[b"\n\n".as_slice(), &answer].concat()).unwrap();
    });
    let outcome = Client::connect(&place.socket()).unwrap().request(Ask::command("commit"));
    assert_eq!(outcome.unwrap(), Ok(Reply::Text("done\n".to_owned())));
    daemon.join().unwrap();
}

#[test]
fn no_daemon_and_a_dead_daemon_give_the_advice_to_look_for_one() {
    let place = Place::new();
    let advice = format!(
        "no daemon answers at {}: is kedged running? (--socket PATH names another socket)",
        place.socket().display()
    );
    let error = Client::connect(&place.socket()).err().unwrap();
    assert_eq!(error.to_string(), advice);
    drop(UnixListener::bind(place.socket()).unwrap());
    let error = Client::connect(&place.socket()).err().unwrap();
    assert_eq!(error.to_string(), advice);
}

#[test]
fn a_line_beyond_the_limit_is_refused_and_the_connection_closed() {
    let place = Place::new();
    let daemon = Daemon::start(&place, echo);
    let mut stream = UnixStream::connect(place.socket()).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.write_all(&vec![b'x'; MAX_REQUEST]).unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let refusal = Answer::decode(line.as_bytes()).unwrap().outcome.unwrap_err();
    assert_eq!(refusal.message, "the request is too long: at most 16777216 octets");
    assert_eq!(reader.read_line(&mut line).unwrap(), 0);
    daemon.stop();
}

#[test]
fn the_client_itself_does_not_send_a_line_beyond_the_limit() {
    let place = Place::new();
    let daemon = Daemon::start(&place, echo);
    let mut client = Client::connect(&place.socket()).unwrap();
    let error = client.request(Ask::command("x".repeat(MAX_REQUEST))).unwrap_err();
    assert!(matches!(error, ClientError::TooLong));
    daemon.stop();
}

#[test]
fn a_line_of_nonsense_is_answered_and_the_next_request_still_served() {
    let place = Place::new();
    let daemon = Daemon::start(&place, echo);
    let mut stream = UnixStream::connect(place.socket()).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
        .write_all(
            b"hello\n{\"version\":9,\"id\":4}\n{\"version\":1,\"id\":5,\"command\":\"show\"}\n",
        )
        .unwrap();
    let mut lines = BufReader::new(stream).lines();
    let mut next = || Answer::decode(lines.next().unwrap().unwrap().as_bytes()).unwrap();
    assert!(next().outcome.unwrap_err().message.starts_with("not a request: "));
    let versioned = next();
    assert_eq!(versioned.id, 4);
    let message = versioned.outcome.unwrap_err().message;
    assert_eq!(message, "API version 9 is not spoken here, only 1");
    assert_eq!(next(), Answer { id: 5, outcome: Ok(Reply::Text("show\n".into())), mode: None });
    daemon.stop();
}

#[test]
fn the_33rd_client_is_told_that_it_is_one_too_many_and_a_place_given_free_is_used() {
    let place = Place::new();
    let daemon = Daemon::start(&place, echo);
    let mut clients: Vec<_> = (0..32)
        .map(|_| {
            let mut client = Client::connect(&place.socket()).unwrap();
            client.request(Ask::command("show")).unwrap().unwrap();
            client
        })
        .collect();
    let ask_as_newcomer =
        || Client::connect(&place.socket()).unwrap().request(Ask::command("show")).unwrap();
    let refusal = ask_as_newcomer().unwrap_err();
    assert!(refusal.message.starts_with("32 management clients"), "{}", refusal.message);
    drop(clients.pop());
    // The server notices the departure in its own time; ask until it has.
    let deadline = Instant::now() + LIMIT;
    while ask_as_newcomer().is_err() {
        assert!(Instant::now() < deadline, "the place was never given free");
        thread::yield_now();
    }
    daemon.stop();
}

#[test]
fn a_client_that_never_reads_holds_up_neither_the_daemon_nor_the_others() {
    let place = Place::new();
    let text = "x".repeat(8 * 1024 * 1024);
    let daemon = Daemon::start(&place, move |call| match &call.ask {
        Ask::Command { line, .. } if line == "show all" => {
            call.answer(Ok(Reply::Text(text.clone())), None);
        }
        _ => echo(call),
    });
    let mut deaf = UnixStream::connect(place.socket()).unwrap();
    for _ in 0..4 {
        deaf.write_all(b"{\"version\":1,\"id\":1,\"command\":\"show all\"}\n").unwrap();
    }
    for _ in 0..20 {
        let mut client = Client::connect(&place.socket()).unwrap();
        let outcome = client.request(Ask::command("show")).unwrap();
        assert_eq!(outcome, Ok(Reply::Text("show\n".into())));
    }
    // Stopping does not wait for it either, beyond the moment of grace: an answer that nobody takes
    // is otherwise given up after thirty seconds.
    let started = Instant::now();
    daemon.stop();
    assert!(started.elapsed() < Duration::from_secs(25));
}

#[test]
fn requests_that_the_daemon_drops_are_answered_all_the_same() {
    let place = Place::new();
    let server = Server::bind(&place.socket(), || {}).unwrap();
    let line = b"{\"version\":1,\"id\":1,\"command\":\"show\"}\n";
    let waiting: Vec<_> = (0..32)
        .map(|_| {
            let mut stream = UnixStream::connect(place.socket()).unwrap();
            stream.write_all(line).unwrap();
            stream
        })
        .collect();
    let deadline = Instant::now() + LIMIT;
    let mut taken = Vec::new();
    while taken.len() < 32 {
        taken.extend(server.next_call());
        assert!(Instant::now() < deadline, "only {} calls arrived", taken.len());
        thread::yield_now();
    }
    assert!(server.next_call().is_none());
    // Dropped without an answer: each client is told, none is left waiting.
    drop(taken);
    for stream in waiting {
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        let refusal = Answer::decode(line.as_bytes()).unwrap().outcome.unwrap_err();
        assert_eq!(refusal.message, "the daemon is stopping");
    }
}

#[test]
fn a_stop_answers_who_waits_and_refuses_who_comes() {
    let place = Place::new();
    let (woken, wait) = channel();
    let server = Server::bind(&place.socket(), move || woken.send(()).unwrap()).unwrap();
    let socket = place.socket();
    let waiting = thread::spawn(move || {
        Client::connect(&socket).unwrap().request(Ask::command("show")).unwrap()
    });
    wait.recv_timeout(LIMIT).unwrap();
    drop(server);
    assert_eq!(waiting.join().unwrap(), Err(Refusal::new("the daemon is stopping")));
    assert!(matches!(Client::connect(&place.socket()), Err(ClientError::NoDaemon { .. })));
}

#[test]
fn a_call_says_whose_it_is_and_the_server_says_who_has_left() {
    let place = Place::new();
    let (woken, wait) = channel();
    let server = Server::bind(&place.socket(), move || woken.send(()).unwrap()).unwrap();
    let (socket, next) = (place.socket(), || {
        wait.recv_timeout(LIMIT).unwrap();
        server.next_call().unwrap()
    });
    let terminal = thread::spawn(move || {
        let mut client = Client::connect(&socket).unwrap();
        let modes = ["configure", "exit"].map(|line| {
            client.request(Ask::command(line)).unwrap().unwrap();
            client.mode().map(str::to_owned)
        });
        let mut another = Client::connect(&socket).unwrap();
        another.request(Ask::command("show")).unwrap().unwrap();
        modes
    });
    let done = || Ok(Reply::Text(String::new()));
    let first = next();
    let (client, caller) = (first.client, first.caller.clone());
    let me = Command::new("id").arg("-un").output().unwrap().stdout;
    let me = String::from_utf8(me).unwrap();
    assert_eq!(caller, Caller::Local { user: me.trim().into() });
    first.answer(done(), Some("config".to_owned()));
    let second = next();
    assert_eq!(second.client, client);
    second.answer(done(), None);
    let third = next();
    assert_ne!(third.client, client);
    assert_eq!(server.next_gone(), None, "nobody has left");
    let other = third.client;
    third.answer(done(), None);
    assert_eq!(terminal.join().unwrap(), [Some("config".to_owned()), None]);
    let mut gone = Vec::new();
    while gone.len() < 2 {
        wait.recv_timeout(LIMIT).unwrap();
        gone.extend(std::iter::from_fn(|| server.next_gone()));
    }
    gone.sort_unstable();
    assert_eq!(gone, [client, other]);
}

/// A directory of the test's own.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn socket(&self) -> PathBuf {
        self.0.path().join("kedge.sock")
    }
}

fn echo(call: Call) {
    let text = match &call.ask {
        Ask::Command { line, .. } | Ask::Complete { line } => format!("{line}\n"),
    };
    call.answer(Ok(Reply::Text(text)), None);
}

enum Wake {
    Call,
    Stop,
}

/// A thread in the place of the daemon's loop.
struct Daemon {
    wake: Sender<Wake>,
    thread: JoinHandle<()>,
}

impl Daemon {
    fn start(place: &Place, handle: impl Fn(Call) + Send + 'static) -> Self {
        let (wake, woken): (_, Receiver<Wake>) = channel();
        let ring = wake.clone();
        let server = Server::bind(&place.socket(), move || {
            // The loop may have ended before the last client left.
            let _ = ring.send(Wake::Call);
        })
        .unwrap();
        let thread = thread::spawn(move || {
            while let Ok(Wake::Call) = woken.recv() {
                while let Some(call) = server.next_call() {
                    handle(call);
                }
            }
        });
        Self { wake, thread }
    }

    fn stop(self) {
        self.wake.send(Wake::Stop).unwrap();
        self.thread.join().unwrap();
    }
}
