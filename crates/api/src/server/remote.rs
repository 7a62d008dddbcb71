//! Clients over TCP: TLS first, then a token, then requests as on the socket.
//!
//! ```text
//!   accept ──► guard ──► place ──► handshake ──► first line: token ──► requests
//!               │         │            │                 │                │
//!               closed    closed       └── 10 s in all ──┘                └── token struck out:
//!               (address) (32 of them)     4 KiB, then counted, closed        told, closed
//! ```
//!
//! A stranger costs a thread for ten seconds at most. The certificate and its key are read again
//! for every client, so that a renewed one is in use at once; if that fails, the last good ones
//! serve on.

use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustls::{ServerConnection, StreamOwned};
use socket2::SockRef;

use super::connection::{Standing, refuse, serve};
use super::guard::Guard;
use super::papers::{Papers, RemoteAccess, RemoteError};
use super::tokens::{self, Hash, TokenError, Tokens};
use super::{Caller, Handle, OUT_OF_DESCRIPTORS, Reception};
use crate::frame::{self, Bounded, Frames};
use crate::message::Login;
use crate::{Answer, MAX_REQUEST, Reply};

/// How long the handshake and the token may take together.
const ENTRANCE: Duration = Duration::from_secs(10);

/// Octets of the line with the token.
const MAX_LOGIN: usize = 4096;

/// How long the answer to a token may take to be read.
const GREETING: Duration = Duration::from_secs(10);

/// What clients over TCP came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RemoteCounters {
    /// Came in with a valid token.
    pub admitted: u64,
    /// Showed a token that is not valid.
    pub wrong_tokens: u64,
    /// Did not get as far as a token: no TLS, no line, not in time.
    pub failed_entrances: u64,
    /// Were turned away before a handshake: no place left, or too many wrong tokens.
    pub turned_away: u64,
}

#[derive(Default)]
pub(super) struct Counted {
    admitted: AtomicU64,
    wrong_tokens: AtomicU64,
    failed_entrances: AtomicU64,
    turned_away: AtomicU64,
}

impl Counted {
    pub(super) fn read(&self) -> RemoteCounters {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RemoteCounters {
            admitted: load(&self.admitted),
            wrong_tokens: load(&self.wrong_tokens),
            failed_entrances: load(&self.failed_entrances),
            turned_away: load(&self.turned_away),
        }
    }
}

/// A port that is listened on. Dropping it closes the port and dismisses who came through it.
pub(super) struct Listening {
    entrance: Arc<Entrance>,
    accepting: Option<JoinHandle<()>>,
}

impl Listening {
    pub(super) fn begin(
        access: &RemoteAccess,
        reception: Reception,
        counted: Arc<Counted>,
    ) -> Result<Self, RemoteError> {
        let papers = Papers::read(access)?;
        let address = access.listen;
        let fault = |source| RemoteError::Listen { address, source };
        let listener = TcpListener::bind(address).map_err(fault)?;
        let entrance = Arc::new(Entrance {
            address,
            listener,
            papers: Mutex::new(papers),
            closing: AtomicBool::new(false),
            guard: Guard::default(),
            counted,
            reception,
        });
        let accepting = {
            let entrance = Arc::clone(&entrance);
            let thread = thread::Builder::new().name("api-tls".to_owned());
            thread.spawn(move || entrance.accept()).map_err(fault)?
        };
        tracing::info!(%address, "management clients may come over TLS");
        Ok(Self { entrance, accepting: Some(accepting) })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.entrance.address
    }

    /// Other files for clients to come.
    pub(super) fn change(&self, access: &RemoteAccess) -> Result<(), RemoteError> {
        *self.entrance.papers() = Papers::read(access)?;
        Ok(())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.entrance.closing.store(true, Ordering::SeqCst);
        // On a listening socket this makes accept() return and connect() fail.
        let _ = SockRef::from(&self.entrance.listener).shutdown(Shutdown::Both);
        self.entrance.reception.connections.wake();
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        self.entrance.reception.connections.dismiss_remote();
    }
}

/// What the accepting thread and the clients that it lets in share.
struct Entrance {
    address: SocketAddr,
    listener: TcpListener,
    papers: Mutex<Papers>,
    closing: AtomicBool,
    guard: Guard,
    counted: Arc<Counted>,
    reception: Reception,
}

/// Who came in.
struct Known {
    name: Arc<str>,
    hash: Hash,
    tokens: Arc<Tokens>,
}

/// Why nobody came in.
enum Stranger {
    /// It did not get as far as a token.
    Unheard(io::Error),
    /// The token is none.
    Wrong,
    /// We cannot tell, because of this file.
    Unreadable(PathBuf, TokenError),
}

impl Entrance {
    fn accept(self: &Arc<Self>) {
        loop {
            let accepted = self.listener.accept();
            if self.closing.load(Ordering::SeqCst) {
                return;
            }
            let result = accepted.and_then(|(stream, from)| self.admit(stream, from.ip()));
            if let Err(error) = result {
                tracing::warn!(%error, "a management client could not be served");
                self.reception.connections.pause(OUT_OF_DESCRIPTORS);
            }
        }
    }

    fn admit(self: &Arc<Self>, stream: TcpStream, from: IpAddr) -> io::Result<()> {
        let turn_away = || {
            self.counted.turned_away.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(%from, "a management client was turned away");
        };
        if !self.guard.admit(from, Instant::now()) {
            turn_away();
            return Ok(());
        }
        // From here on the guard counts it as a stranger, which `Visit` takes back.
        let mut visit = Visit { entrance: Arc::clone(self), from, settled: false };
        stream.set_nodelay(true)?;
        let Some(number) = self.reception.connections.enter(Handle::Remote(stream.try_clone()?))
        else {
            turn_away();
            return Ok(());
        };
        self.reception.spawn(number, move || visit.serve(stream, number))
    }

    /// A request may still arrive while its connection is being closed: closing a socket for
    /// reading leaves what is in it to be read.
    fn standing(&self, known: &Known) -> Standing {
        if self.closing.load(Ordering::SeqCst) {
            Standing::Dismissed
        } else if known.is_valid() {
            Standing::Admitted
        } else {
            Standing::Expelled
        }
    }

    fn papers(&self) -> MutexGuard<'_, Papers> {
        // Replaced whole or not at all.
        self.papers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A stream that begins with a handshake, and who may come in through it.
    fn secure(&self, stream: TcpStream) -> Result<(Frames, Arc<Tokens>), rustls::Error> {
        let mut papers = self.papers();
        let connection = ServerConnection::new(papers.renewed())?;
        let stream = StreamOwned::new(connection, Bounded::new(stream));
        let frames = Frames::new(stream, MAX_LOGIN).sharing(&self.reception.room);
        Ok((frames, Arc::clone(&papers.tokens)))
    }
}

/// Handshake and token: who it is, and the number of the request that said so.
fn identify(frames: &mut Frames, tokens: Arc<Tokens>) -> Result<(u64, Known), Stranger> {
    let line = match frames.read_line(ENTRANCE) {
        Ok(frame::Line::Complete(line)) => line,
        Ok(_) => return Err(Stranger::Unheard(io::ErrorKind::InvalidData.into())),
        Err(error) => return Err(Stranger::Unheard(error)),
    };
    let login = Login::decode(&line).map_err(|_| Stranger::Wrong)?;
    let hash = tokens::hash(&login.token).ok_or(Stranger::Wrong)?;
    match tokens.name(&hash) {
        Ok(Some(name)) => Ok((login.id, Known { name, hash, tokens })),
        Ok(None) => Err(Stranger::Wrong),
        Err(error) => Err(Stranger::Unreadable(tokens.0.clone(), error)),
    }
}

/// One client, from its acceptance on.
struct Visit {
    entrance: Arc<Entrance>,
    from: IpAddr,
    settled: bool,
}

impl Visit {
    fn serve(&mut self, stream: TcpStream, number: u64) {
        let entrance = Arc::clone(&self.entrance);
        let from = self.from;
        let (mut frames, tokens) = match entrance.secure(stream) {
            Ok(secured) => secured,
            Err(error) => {
                tracing::warn!(%from, %error, "a management client could not be served");
                return;
            }
        };
        let outcome = identify(&mut frames, tokens);
        self.settle(matches!(outcome, Err(Stranger::Wrong)));
        match outcome {
            Ok((id, known)) => {
                entrance.counted.admitted.fetch_add(1, Ordering::Relaxed);
                tracing::info!(user = %known.name, %from, "a management client came in");
                let answer = Answer { id, outcome: Ok(Reply::Text(String::new())), mode: None };
                frames.set_limit(MAX_REQUEST);
                if frames.write_line(&answer.encode(), GREETING).is_ok() {
                    let caller = Caller::Token { name: Arc::clone(&known.name) };
                    let line = entrance.reception.line(number, caller);
                    serve(&mut frames, &line, &|| entrance.standing(&known));
                }
            }
            Err(Stranger::Unheard(error)) => {
                entrance.counted.failed_entrances.fetch_add(1, Ordering::Relaxed);
                tracing::debug!(%from, %error, "a management client did not come in");
            }
            Err(Stranger::Wrong) => {
                entrance.counted.wrong_tokens.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(%from, "a management client showed a wrong token");
                let said = refuse("the token is not valid".to_owned());
                // Whether the client still reads is its own affair.
                let _ = frames.write_line(&said.encode(), GREETING);
            }
            Err(Stranger::Unreadable(file, error)) => {
                entrance.counted.failed_entrances.fetch_add(1, Ordering::Relaxed);
                let file = file.display();
                tracing::warn!(%from, "tokens cannot be looked up: {file} {error}");
                let said =
                    refuse("tokens cannot be looked up; the daemon's log says why".to_owned());
                let _ = frames.write_line(&said.encode(), GREETING);
            }
        }
    }

    fn settle(&mut self, wrong: bool) {
        if !self.settled {
            self.settled = true;
            self.entrance.guard.settle(self.from, wrong, Instant::now());
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.settle(false);
    }
}

impl Known {
    /// Whether the token is still in the file, under the same name.
    fn is_valid(&self) -> bool {
        match self.tokens.name(&self.hash) {
            Ok(name) => name.as_ref() == Some(&self.name),
            Err(error) => {
                let file = self.tokens.0.display();
                tracing::warn!("tokens cannot be looked up: {file} {error}");
                false
            }
        }
    }
}
