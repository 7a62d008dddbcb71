//! A request between its client's thread and the daemon's loop.
//!
//! ```text
//!   client's thread ──► Call ──► loop ──► answer ──────────────────► client's thread
//!                        ▲         └────► work, done by the thread ──┐
//!                        └──────────── with what came of it ─────────┘
//! ```

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;

use super::ClientId;
use crate::{Ask, Outcome};

/// What came of work.
pub type Carried = Box<dyn Any + Send>;

/// What a client's own thread does for the loop. It is given what the client has asked.
pub type Work = Box<dyn FnOnce(&Ask) -> Carried + Send>;

/// A request on its way to the daemon's loop. Dropping it answers that the daemon is stopping.
#[derive(Debug)]
pub struct Call {
    /// What the client wants.
    pub ask: Ask,
    /// Who asks.
    pub client: ClientId,
    /// On whose behalf.
    pub caller: Caller,
    pub(super) carried: Option<Carried>,
    pub(super) progress: Progress,
    pub(super) reply: SyncSender<Turn>,
}

/// How often the loop has said that it is at a request.
pub(super) type Progress = Arc<AtomicU64>;

/// Who asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Caller {
    /// A process of this host.
    Local {
        /// The user it runs as, by the name that the host has for them: `uid 1000` if it has none,
        /// `unknown` if the kernel does not say.
        user: Arc<str>,
    },
    /// Someone on another host who has a token.
    Token {
        /// The token's name.
        name: Arc<str>,
    },
}

impl Call {
    /// Answers. Never waits: the connection's own thread does the writing. `mode` is what the
    /// client is in from now on, see [`crate::Answer::mode`].
    pub fn answer(self, outcome: Outcome, mode: Option<String>) {
        // The client may have gone; then nobody misses the answer.
        let _ = self.reply.try_send(Turn::Answered(Answered { outcome, mode }));
    }

    /// Says that the loop is at it, in slices: whoever waits for the answer waits on.
    pub fn is_under_way(&self) {
        self.progress.fetch_add(1, Ordering::Relaxed);
    }

    /// Has the client's own thread do what takes long and needs nothing of the loop's. The call
    /// comes again then, with what came of it.
    pub fn work(self, work: Work) {
        let reply = self.reply.clone();
        let _ = reply.try_send(Turn::Work(Box::new(self), work));
    }

    /// What came of [`Self::work`], if that was wanted.
    pub fn take_carried(&mut self) -> Option<Carried> {
        self.carried.take()
    }
}

/// What the loop says to one request.
pub(super) enum Turn {
    /// The end of it.
    Answered(Answered),
    /// Something is to be done for it first.
    Work(Box<Call>, Work),
}

/// The answer to one request.
#[derive(PartialEq, Debug)]
pub(super) struct Answered {
    pub(super) outcome: Outcome,
    pub(super) mode: Option<String>,
}
