//! The server: a socket, an accepting thread, and one thread for each of at most
//! [`MAX_CONNECTIONS`] clients; the same again for clients that come over TCP ([`remote`]), so
//! that strangers cannot keep the host's own users out.
//!
//! ```text
//!  thread "api"            accepts; turns the 33rd client away with a word
//!  thread "api-tls"        accepts over TCP, where that is configured
//!  thread "api-client" xN  line in → Call into the bounded queue, wake → outcome → line out
//!  the daemon's loop       next_call() when woken; Call::answer(), or Call::work() and again
//! ```
//!
//! The state shared by the threads is [`Connections`]: who is connected, and whether the server
//! stops. Stopping refuses new clients, lets answers under way reach their clients for a moment,
//! and removes the socket.

mod call;
mod claim;
mod connection;
mod guard;
mod papers;
mod remote;
mod tokens;

use std::collections::BTreeMap;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::unistd::{Uid, User};

use crate::MAX_REQUEST;
use crate::frame::{Bounded, Frames, Room};

pub use call::{Call, Caller, Carried, Work};
pub use claim::BindError;
use claim::Claim;
use connection::{Line, Standing, serve, turn_away};
pub use papers::{RemoteAccess, RemoteError};
pub use remote::RemoteCounters;
use remote::{Counted, Listening};

/// Clients served at the same time, of either kind.
const MAX_CONNECTIONS: usize = 32;

/// Requests that wait for the daemon's loop, one of each client. More can wait only when clients
/// gave up on a stuck loop and others came; those are told that the daemon is busy.
const MAX_WAITING: usize = 2 * MAX_CONNECTIONS;

/// Octets that requests longer than usual may take together: two of the longest.
const ROOM: usize = 2 * MAX_REQUEST;

/// How long answers under way may take once the server stops.
const PARTING: Duration = Duration::from_secs(1);

/// How long to wait before accepting again when the process is out of descriptors.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(200);

/// One connection of a client; no two of a server's life have the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ClientId(u64);

impl ClientId {
    /// Its number; no other client of this run of the daemon has had it.
    pub fn number(self) -> u64 {
        self.0
    }
}

/// The listening daemon side. Dropping it stops the threads and removes the socket.
pub struct Server {
    /// Taken when the server stops, so that waiting requests are answered.
    calls: Option<Receiver<Call>>,
    gone: Receiver<ClientId>,
    connections: Arc<Connections>,
    /// A second handle on the listening socket, to interrupt the accepting thread.
    listening: UnixStream,
    accepting: Option<JoinHandle<()>>,
    /// What each connection's thread is given.
    reception: Reception,
    /// The TCP side, where one is configured.
    remote: Option<Listening>,
    counted: Arc<Counted>,
    claim: Claim,
}

impl Server {
    /// Listens at `path`, making its directory if there is none.
    ///
    /// `wake` is called from a connection's thread after each request that it queued; it should
    /// make the daemon's loop look, e.g. by writing to an eventfd.
    pub fn bind(path: &Path, wake: impl Fn() + Send + Sync + 'static) -> Result<Self, BindError> {
        let (claim, listener) = Claim::take(path)?;
        let fault = |source| BindError::Io { what: "listen at", path: path.to_owned(), source };
        let listening = UnixStream::from(OwnedFd::from(listener.try_clone().map_err(fault)?));
        let (queue, calls) = sync_channel(MAX_WAITING);
        // No more than one of each connection.
        let (leaving, gone) = channel();
        let connections = Arc::new(Connections::default());
        let wake = Arc::new(wake);
        let reception = Reception {
            queue,
            leaving,
            wake,
            connections: Arc::clone(&connections),
            room: Room::new(ROOM),
        };
        let door = Door { reception: reception.clone() };
        let accepting = thread::Builder::new()
            .name("api".to_owned())
            .spawn(move || door.accept(&listener))
            .map_err(fault)?;
        let accepting = Some(accepting);
        Ok(Self {
            calls: Some(calls),
            gone,
            connections,
            listening,
            accepting,
            reception,
            remote: None,
            counted: Arc::default(),
            claim,
        })
    }

    /// Lets clients in over TCP as `access` says, or not at all. On an error everything is as it
    /// was. Clients that came through a port that is closed by this are cut off once the request
    /// under way is answered; those of a port that stays, stay.
    pub fn set_remote(&mut self, access: Option<&RemoteAccess>) -> Result<(), RemoteError> {
        let Some(access) = access else {
            self.remote = None;
            return Ok(());
        };
        match &self.remote {
            Some(remote) if remote.address() == access.listen => remote.change(access),
            _ => {
                let counted = Arc::clone(&self.counted);
                let begun = Listening::begin(access, self.reception.clone(), counted)?;
                self.remote = Some(begun);
                Ok(())
            }
        }
    }

    /// What clients over TCP came to since the server began.
    pub fn remote_counters(&self) -> RemoteCounters {
        self.counted.read()
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        self.claim.path()
    }

    /// The next request, if one waits. Never blocks.
    pub fn next_call(&self) -> Option<Call> {
        self.calls.as_ref()?.try_recv().ok()
    }

    /// The next client that has left, if one has. Its last request came before. Never blocks.
    pub fn next_gone(&self) -> Option<ClientId> {
        self.gone.try_recv().ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.connections.stop();
        self.remote = None;
        // On a listening socket this makes accept() return and connect() fail.
        let _ = self.listening.shutdown(Shutdown::Both);
        // Unanswered calls go with their queue; their threads tell the clients.
        self.calls = None;
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        self.connections.part(PARTING);
    }
}

/// What an accepting thread lends to each connection.
#[derive(Clone)]
struct Reception {
    queue: SyncSender<Call>,
    leaving: Sender<ClientId>,
    wake: Arc<dyn Fn() + Send + Sync>,
    connections: Arc<Connections>,
    /// What the long requests of all clients share.
    room: Arc<Room>,
}

impl Reception {
    /// The way to the loop for a client, in the name of `caller`.
    fn line(&self, number: u64, caller: Caller) -> Line {
        let (queue, wake) = (self.queue.clone(), Arc::clone(&self.wake));
        Line { client: ClientId(number), caller, queue, wake }
    }

    /// Runs `serve` for a connection that has a place, on a thread of its own; the place is free
    /// again when it ends.
    fn spawn(&self, number: u64, serve: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let leave = Leave { reception: self.clone(), number };
        let thread = thread::Builder::new().name("api-client".to_owned());
        thread.spawn(move || {
            let _leave = leave;
            serve();
        })?;
        Ok(())
    }
}

/// The accepting thread of the socket.
struct Door {
    reception: Reception,
}

impl Door {
    fn accept(&self, listener: &UnixListener) {
        let connections = &self.reception.connections;
        loop {
            let accepted = listener.accept();
            if connections.stopping() {
                return;
            }
            let result = accepted.and_then(|(stream, _)| self.admit(stream));
            if let Err(error) = result {
                tracing::warn!(%error, "a management client could not be served");
                connections.pause(OUT_OF_DESCRIPTORS);
            }
        }
    }

    fn admit(&self, stream: UnixStream) -> io::Result<()> {
        let uid = rustix::net::sockopt::socket_peercred(&stream).ok().map(|peer| peer.uid.as_raw());
        let second = Handle::Local(stream.try_clone()?);
        let frames = Frames::new(Bounded::new(stream), MAX_REQUEST);
        let mut frames = frames.sharing(&self.reception.room);
        let Some(number) = self.reception.connections.enter(second) else {
            turn_away(&mut frames);
            return Ok(());
        };
        let reception = self.reception.clone();
        self.reception.spawn(number, move || {
            let line = reception.line(number, Caller::Local { user: user(uid).into() });
            serve(&mut frames, &line, &|| Standing::Admitted);
        })
    }
}

/// The name of a user. Whoever keeps the host's names may be far away, and slow.
fn user(uid: Option<u32>) -> String {
    let Some(uid) = uid else { return "unknown".to_owned() };
    let known = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    known.map_or_else(|| format!("uid {uid}"), |user| user.name)
}

/// Who is connected, shared by all threads of the server.
#[derive(Default)]
struct Connections {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    stopping: bool,
    next: u64,
    streams: BTreeMap<u64, Handle>,
}

/// A second handle on a connection, to hang up on it.
enum Handle {
    Local(UnixStream),
    Remote(TcpStream),
}

impl Handle {
    fn is_remote(&self) -> bool {
        matches!(self, Self::Remote(_))
    }

    fn shutdown(&self, how: Shutdown) {
        // A client that has gone by itself cannot be hung up on.
        let _ = match self {
            Self::Local(stream) => stream.shutdown(how),
            Self::Remote(stream) => stream.shutdown(how),
        };
    }
}

impl Connections {
    /// A place for a connection, if its kind has one left.
    fn enter(&self, handle: Handle) -> Option<u64> {
        let mut state = self.lock();
        let remote = handle.is_remote();
        let same = state.streams.values().filter(|other| other.is_remote() == remote).count();
        if state.stopping || same >= MAX_CONNECTIONS {
            return None;
        }
        let number = state.next;
        state.next += 1;
        state.streams.insert(number, handle);
        Some(number)
    }

    fn leave(&self, number: u64) {
        self.lock().streams.remove(&number);
        self.changed.notify_all();
    }

    fn stopping(&self) -> bool {
        self.lock().stopping
    }

    fn stop(&self) {
        self.lock().stopping = true;
        self.changed.notify_all();
    }

    /// Ends every pause.
    fn wake(&self) {
        self.changed.notify_all();
    }

    /// Waits for `time`, or less when something changes.
    fn pause(&self, time: Duration) {
        let state = self.lock();
        if !state.stopping {
            let _ = self.changed.wait_timeout(state, time);
        }
    }

    /// Reads no further request; gives answers under way `time`, then cuts what is left.
    fn part(&self, time: Duration) {
        self.hang_up(Shutdown::Read);
        let occupied = |state: &mut State| !state.streams.is_empty();
        let _ = self.changed.wait_timeout_while(self.lock(), time, occupied);
        self.hang_up(Shutdown::Both);
        let _ = self.changed.wait_timeout_while(self.lock(), time, occupied);
    }

    fn hang_up(&self, how: Shutdown) {
        self.lock().streams.values().for_each(|handle| handle.shutdown(how));
    }

    /// Reads no further request of clients that came over TCP.
    fn dismiss_remote(&self) {
        let state = self.lock();
        let remote = state.streams.values().filter(|handle| handle.is_remote());
        remote.for_each(|handle| handle.shutdown(Shutdown::Read));
    }

    /// The state is plain data: a thread that panicked left it whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives the connection's place free when its thread ends, however it ends, and says so.
struct Leave {
    reception: Reception,
    number: u64,
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.reception.connections.leave(self.number);
        // A server that has stopped does not ask any more.
        if self.reception.leaving.send(ClientId(self.number)).is_ok() {
            (self.reception.wake)();
        }
    }
}
