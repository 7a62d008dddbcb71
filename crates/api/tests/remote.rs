//! Clients over TCP, on loopback: TLS, tokens, and what a stranger cannot do.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use kedge_api::{
    Ask, Call, Caller, Client, ClientError, Daemon, Remote, RemoteAccess, RemoteCounters,
    RemoteError, Reply, Server,
};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(60);
const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// `printf %s TOKEN | sha256sum`
const HASH: &str = "3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f9";

#[test]
fn a_client_with_a_token_is_served_under_its_name() {
    let site = Site::start();
    let mut client = site.client(TOKEN).unwrap();
    assert_eq!(client.request(Ask::command("show")).unwrap(), said("robot: show\n"));
    let long = "x".repeat(1_000_000);
    let answer = said(&format!("robot: {long}\n"));
    assert_eq!(client.request(Ask::command(long)).unwrap(), answer);
    assert!(!client.is_closed());
    assert_eq!(site.counters(), RemoteCounters { admitted: 1, ..RemoteCounters::default() });
}

#[test]
fn a_wrong_token_is_refused_and_counted_and_after_five_the_address_waits() {
    let site = Site::start();
    for _ in 0..5 {
        let error = site.client(&"0".repeat(64)).err().unwrap();
        assert!(error.to_string().ends_with("refuses: the token is not valid"), "{error}");
    }
    let error = site.client(TOKEN).err().unwrap();
    assert!(matches!(error, ClientError::TurnedAway { .. }), "{error}");
    let expected = RemoteCounters { wrong_tokens: 5, turned_away: 1, ..RemoteCounters::default() };
    assert_eq!(site.counters(), expected);
}

#[test]
fn a_token_that_is_struck_out_of_the_file_is_out_at_its_next_request() {
    let site = Site::start();
    let mut client = site.client(TOKEN).unwrap();
    client.request(Ask::command("show")).unwrap().unwrap();
    site.write("tokens", "# nobody\n");
    let refusal = client.request(Ask::command("show")).unwrap().unwrap_err();
    assert_eq!(refusal.message, "the token is not valid any more");
    assert!(client.request(Ask::command("show")).is_err());
}

#[test]
fn a_token_file_that_others_could_read_lets_nobody_in() {
    let site = Site::start();
    let open = Permissions::from_mode(0o644);
    fs::set_permissions(site.place.path().join("tokens"), open).unwrap();
    let error = site.client(TOKEN).err().unwrap();
    assert!(error.to_string().contains("the daemon's log says why"), "{error}");
    assert_eq!(site.counters().failed_entrances, 1);
}

#[test]
fn a_client_does_not_talk_to_a_daemon_that_it_does_not_trust() {
    let site = Site::start();
    let (other, _) = certificate(&["localhost"]);
    site.write("ca", &other);
    let error = site.client(TOKEN).err().unwrap();
    assert!(matches!(error, ClientError::Insecure { .. }), "{error}");
    assert!(error.to_string().contains("certificate"), "{error}");
    assert_eq!(site.counters().wrong_tokens, 0, "it has not shown its token");
}

#[test]
fn a_certificate_whose_time_is_not_now_is_refused_in_days() {
    let site = Site::start();
    let day = |year| rcgen::date_time_ymd(year, 1, 1);
    let said = |from, to| {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut wanted = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        (wanted.not_before, wanted.not_after) = (day(from), day(to));
        let certificate = wanted.self_signed(&key).unwrap().pem();
        site.write("certificate", &certificate);
        site.write("key", &key.serialize_pem());
        site.write("ca", &certificate);
        site.client(TOKEN).err().unwrap().to_string()
    };
    let expired = said(2001, 2002);
    assert!(expired.contains("has expired, ") && expired.contains(" days ago"), "{expired}");
    let early = said(2990, 2999);
    assert!(early.contains("not valid yet, for ") && early.contains("clock"), "{early}");
}

#[test]
fn a_client_does_not_talk_to_a_daemon_of_another_name() {
    let site = Site::start();
    let (certificate, key) = certificate(&["elsewhere.example"]);
    site.write("certificate", &certificate);
    site.write("key", &key);
    site.write("ca", &certificate);
    let error = site.client(TOKEN).err().unwrap();
    assert!(matches!(error, ClientError::Insecure { .. }), "{error}");
}

#[test]
fn a_token_file_of_the_client_that_others_could_read_is_not_used() {
    let site = Site::start();
    let path = site.write("token", TOKEN);
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let error = Client::open(&site.daemon(path)).err().unwrap();
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

#[test]
fn whoever_speaks_no_tls_gets_nothing_and_is_counted() {
    let site = Site::start();
    let mut stream = TcpStream::connect(site.address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.write_all(b"{\"version\":1,\"id\":1,\"command\":\"show\"}\n").unwrap();
    let mut answer = Vec::new();
    // An alert of TLS at most, or a reset.
    let _ = stream.read_to_end(&mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains("version"), "{answer:?}");
    until(|| site.counters().failed_entrances == 1);
}

#[test]
fn strangers_who_say_nothing_keep_neither_local_users_nor_known_clients_out() {
    let site = Site::start();
    let mut known = site.client(TOKEN).unwrap();
    let strangers: Vec<_> = (0..20).map(|_| TcpStream::connect(site.address).unwrap()).collect();
    until(|| site.counters().turned_away == 12);
    assert_eq!(known.request(Ask::command("show")).unwrap(), said("robot: show\n"));
    let mut local = Client::connect(&site.place.path().join("socket")).unwrap();
    assert_eq!(local.request(Ask::command("show")).unwrap(), said("local: show\n"));
    drop(strangers);
    until(|| site.client(TOKEN).is_ok());
}

#[test]
fn a_stranger_that_drips_is_cut_off_in_time() {
    let site = Site::start();
    let mut stream = TcpStream::connect(site.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let begun = Instant::now();
    // The head of a TLS record that would be long, then an octet now and then.
    stream.write_all(&[22, 3, 1, 2, 0]).unwrap();
    while site.counters().failed_entrances == 0 {
        assert!(begun.elapsed() < LIMIT, "it is still there");
        let _ = stream.write_all(&[1]);
        // Nothing comes; that is the pause.
        let _ = stream.read(&mut [0]);
    }
}

#[test]
fn a_renewed_certificate_is_shown_to_the_next_client() {
    let site = Site::start();
    let (certificate, key) = certificate(&["localhost"]);
    site.write("certificate", &certificate);
    site.write("key", &key);
    site.write("ca", &certificate);
    site.client(TOKEN).unwrap();
    // Half of a renewal: the last good pair serves on.
    site.write("key", "no key");
    site.client(TOKEN).unwrap();
}

#[test]
fn a_closed_port_dismisses_its_clients_and_a_failed_change_leaves_everything() {
    let site = Site::start();
    let mut client = site.client(TOKEN).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = RemoteAccess { listen: taken.local_addr().unwrap(), ..site.access.clone() };
    let error = site.set(Some(other)).unwrap_err();
    assert!(matches!(error, RemoteError::Listen { .. }), "{error}");
    let missing = RemoteAccess { key: "/nonexistent".into(), ..site.access.clone() };
    let error = site.set(Some(missing)).unwrap_err().to_string();
    assert!(error.starts_with("key /nonexistent: cannot be read: No such file"), "{error}");
    assert_eq!(client.request(Ask::command("show")).unwrap(), said("robot: show\n"));
    site.set(None).unwrap();
    assert!(client.request(Ask::command("show")).is_err());
    assert!(matches!(site.client(TOKEN).err(), Some(ClientError::Unreachable { .. })));
    site.set(Some(site.access.clone())).unwrap();
    site.client(TOKEN).unwrap();
}

#[test]
fn what_the_daemon_cannot_use_is_named() {
    let site = Site::start();
    let fault = |change: &dyn Fn(&mut RemoteAccess)| {
        let mut access = site.access.clone();
        change(&mut access);
        site.set(Some(access)).unwrap_err().to_string()
    };
    let (_, stranger) = certificate(&["localhost"]);
    let stranger = site.write("stranger", &stranger);
    assert!(fault(&|access| access.key = stranger.clone()).contains("KeyMismatch"));
    let open = site.write("open", &fs::read_to_string(&site.access.key).unwrap());
    fs::set_permissions(&open, Permissions::from_mode(0o640)).unwrap();
    assert!(fault(&|access| access.key = open.clone()).contains("chmod 600"));
    let empty = site.write("empty", "");
    let said = fault(&|access| access.certificate = empty.clone());
    assert!(said.contains("no certificate is in it"), "{said}");
    assert!(fault(&|access| access.tokens = stranger.clone()).contains("line 1"));
}

fn said(text: &str) -> Result<Reply, kedge_api::Refusal> {
    Ok(Reply::Text(text.to_owned()))
}

fn until(mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !holds() {
        assert!(Instant::now() < deadline, "it does not come about");
        thread::yield_now();
    }
}

/// A certificate that signs itself, and its key.
fn certificate(names: &[&str]) -> (String, String) {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

/// What the thread in the place of the daemon's loop is told.
enum Tell {
    Call,
    Set(Option<RemoteAccess>, Sender<Result<(), RemoteError>>),
    Count(Sender<RemoteCounters>),
    Stop,
}

/// A server with its port, on a thread in the place of the daemon's loop.
struct Site {
    place: TempDir,
    address: SocketAddr,
    access: RemoteAccess,
    tell: Sender<Tell>,
    thread: Option<JoinHandle<()>>,
}

impl Site {
    fn start() -> Self {
        let place = tempfile::tempdir().unwrap();
        let file = |name: &str| place.path().join(name);
        // Free a moment ago; the kernel does not give it out again so soon.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let access = RemoteAccess {
            listen: address,
            certificate: file("certificate"),
            key: file("key"),
            tokens: file("tokens"),
        };
        let (tell, told): (_, Receiver<Tell>) = channel();
        let mut site = Self { place, address, access, tell, thread: None };
        let (certificate, key) = certificate(&["localhost"]);
        site.write("certificate", &certificate);
        site.write("ca", &certificate);
        site.write("key", &key);
        site.write("tokens", &format!("robot {HASH}\n"));
        let (ring, socket, access) =
            (site.tell.clone(), site.place.path().join("socket"), site.access.clone());
        let (ready, begun) = channel();
        site.thread = Some(thread::spawn(move || {
            let wake = move || {
                // The loop may have ended before the last client left.
                let _ = ring.send(Tell::Call);
            };
            let mut server = Server::bind(&socket, wake).unwrap();
            ready.send(server.set_remote(Some(&access))).unwrap();
            while let Ok(told) = told.recv() {
                match told {
                    Tell::Call => std::iter::from_fn(|| server.next_call()).for_each(answer),
                    Tell::Set(access, back) => {
                        back.send(server.set_remote(access.as_ref())).unwrap();
                    }
                    Tell::Count(back) => back.send(server.remote_counters()).unwrap(),
                    Tell::Stop => return,
                }
            }
        }));
        begun.recv().unwrap().unwrap();
        site
    }

    /// Writes a file that is its owner's alone.
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.place.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn daemon(&self, token: PathBuf) -> Daemon {
        let place = format!("localhost:{}", self.address.port());
        Daemon::Remote(Remote { place, ca: self.place.path().join("ca"), token })
    }

    fn client(&self, token: &str) -> Result<Client, ClientError> {
        Client::open(&self.daemon(self.write("token", token)))
    }

    fn set(&self, access: Option<RemoteAccess>) -> Result<(), RemoteError> {
        let (back, answer) = channel();
        self.tell.send(Tell::Set(access, back)).unwrap();
        answer.recv_timeout(LIMIT).unwrap()
    }

    fn counters(&self) -> RemoteCounters {
        let (back, answer) = channel();
        self.tell.send(Tell::Count(back)).unwrap();
        answer.recv_timeout(LIMIT).unwrap()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.tell.send(Tell::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(call: Call) {
    let who = match &call.caller {
        Caller::Local { .. } => "local",
        Caller::Token { name } => name,
    };
    let (Ask::Command { line, .. } | Ask::Complete { line }) = &call.ask;
    let text = format!("{who}: {line}\n");
    call.answer(Ok(Reply::Text(text)), None);
}
