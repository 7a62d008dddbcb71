//! The server: a socket, an accepting thread, and one thread for each of at most
//! [`MAX_CONNECTIONS`] clients.
//!
//! ```text
//!  thread "api"            accepts; turns the 33rd client away with a word
//!  thread "api-client" xN  line in → Call into the bounded queue, wake → outcome → line out
//!  the daemon's loop       next_call() when woken; Call::answer()
//! ```
//!
//! The state shared by the threads is [`Connections`]: who is connected, and whether the server
//! stops. Stopping refuses new clients, lets answers under way reach their clients for a moment,
//! and removes the socket.

mod claim;
mod connection;

use std::collections::BTreeMap;
use std::io;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::{Ask, Outcome};

pub use claim::BindError;
use claim::Claim;
use connection::{Line, serve, turn_away};

/// Clients served at the same time.
const MAX_CONNECTIONS: usize = 32;

/// Requests that wait for the daemon's loop, one of each client. More can wait only when clients
/// gave up on a stuck loop and others came; those are told that the daemon is busy.
const MAX_WAITING: usize = MAX_CONNECTIONS;

/// How long answers under way may take once the server stops.
const PARTING: Duration = Duration::from_secs(1);

/// How long to wait before accepting again when the process is out of descriptors.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(200);

/// One connection of a client; no two of a server's life have the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ClientId(u64);

/// A request on its way to the daemon's loop. Dropping it answers that the daemon is stopping.
#[derive(Debug)]
pub struct Call {
    /// What the client wants.
    pub ask: Ask,
    /// Who asks.
    pub client: ClientId,
    /// The user that the client runs as, by the kernel's word; `None` if it has none.
    pub uid: Option<u32>,
    reply: SyncSender<Answered>,
}

impl Call {
    /// Answers. Never waits: the connection's own thread does the writing. `mode` is what the
    /// client is in from now on, see [`crate::Answer::mode`].
    pub fn answer(self, outcome: Outcome, mode: Option<String>) {
        // The client may have gone; then nobody misses the answer.
        let _ = self.reply.try_send(Answered { outcome, mode });
    }
}

/// What the loop says to one request.
#[derive(PartialEq, Debug)]
struct Answered {
    outcome: Outcome,
    mode: Option<String>,
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
        let door = Door { queue, leaving, wake, connections: Arc::clone(&connections) };
        let accepting = thread::Builder::new()
            .name("api".to_owned())
            .spawn(move || door.accept(&listener))
            .map_err(fault)?;
        let accepting = Some(accepting);
        Ok(Self { calls: Some(calls), gone, connections, listening, accepting, claim })
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

/// What the accepting thread owns and lends to each connection.
struct Door {
    queue: SyncSender<Call>,
    leaving: Sender<ClientId>,
    wake: Arc<dyn Fn() + Send + Sync>,
    connections: Arc<Connections>,
}

impl Door {
    fn accept(&self, listener: &UnixListener) {
        loop {
            let accepted = listener.accept();
            if self.connections.stopping() {
                return;
            }
            let result = accepted.and_then(|(stream, _)| self.admit(stream));
            if let Err(error) = result {
                tracing::warn!(%error, "a management client could not be served");
                self.connections.pause(OUT_OF_DESCRIPTORS);
            }
        }
    }

    fn admit(&self, stream: UnixStream) -> io::Result<()> {
        let Some(number) = self.connections.enter(stream.try_clone()?) else {
            turn_away(stream);
            return Ok(());
        };
        let client = ClientId(number);
        let uid = rustix::net::sockopt::socket_peercred(&stream).ok().map(|peer| peer.uid.as_raw());
        let line = Line { client, uid, queue: self.queue.clone(), wake: Arc::clone(&self.wake) };
        let (connections, leaving) = (Arc::clone(&self.connections), self.leaving.clone());
        let leave = Leave { connections, number, leaving, wake: Arc::clone(&self.wake) };
        thread::Builder::new().name("api-client".to_owned()).spawn(move || {
            let _leave = leave;
            serve(stream, &line);
        })?;
        Ok(())
    }
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
    streams: BTreeMap<u64, UnixStream>,
}

impl Connections {
    fn enter(&self, stream: UnixStream) -> Option<u64> {
        let mut state = self.lock();
        if state.stopping || state.streams.len() >= MAX_CONNECTIONS {
            return None;
        }
        let number = state.next;
        state.next += 1;
        state.streams.insert(number, stream);
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

    /// Waits for `time`, or less when the server stops.
    fn pause(&self, time: Duration) {
        let _ = self.changed.wait_timeout_while(self.lock(), time, |state| !state.stopping);
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
        for stream in self.lock().streams.values() {
            // A client that has gone by itself cannot be hung up on.
            let _ = stream.shutdown(how);
        }
    }

    /// The state is plain data: a thread that panicked left it whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives the connection's place free when its thread ends, however it ends, and says so.
struct Leave {
    connections: Arc<Connections>,
    number: u64,
    leaving: Sender<ClientId>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.connections.leave(self.number);
        // A server that has stopped does not ask any more.
        if self.leaving.send(ClientId(self.number)).is_ok() {
            (self.wake)();
        }
    }
}
