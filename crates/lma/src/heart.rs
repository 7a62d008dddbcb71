//! What an anchor knows of a gateway by its heartbeats.

use std::time::Instant;

use kedge_model::SignalPath;
use kedge_sansio::{Pulse, TimerId};

/// A gateway's heartbeat, as the anchor feels it.
#[derive(Clone, Debug, Default)]
pub struct Heart {
    /// What it has answered, and what it has not.
    pub pulse: Pulse,
    /// Where its last update came from.
    pub(crate) path: Option<SignalPath>,
    /// While it has sessions.
    pub(crate) timer: Option<TimerId>,
    pub(crate) asked: Option<Instant>,
    pub(crate) answered: Option<Instant>,
    /// Whether it has ever sent a heartbeat, a request or an answer.
    pub(crate) speaks: bool,
}

/// What is known about a gateway by its heartbeat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Life {
    /// It has no sessions, or heartbeats are off: it is not asked.
    NotAsked,
    /// It has not been asked for long enough to tell.
    Unknown,
    /// It answers.
    Up,
    /// It has answered once, and does not any more.
    Down,
    /// It has never answered.
    Silent,
    /// It does not know heartbeats.
    Refused,
}

impl Heart {
    /// Between whom requests go; `None` before the gateway has registered a node.
    pub fn path(&self) -> Option<SignalPath> {
        self.path
    }

    /// What is known by it.
    pub fn life(&self) -> Life {
        match (self.pulse.is_willing(), self.timer, self.pulse.is_down()) {
            (false, _, _) => Life::Refused,
            (true, None, _) => Life::NotAsked,
            (true, Some(_), true) if self.speaks => Life::Down,
            (true, Some(_), true) => Life::Silent,
            (true, Some(_), false) if self.speaks => Life::Up,
            (true, Some(_), false) => Life::Unknown,
        }
    }

    /// When it last answered.
    pub fn answered(&self) -> Option<Instant> {
        self.answered
    }

    /// The timer of the next request.
    pub(crate) fn timer(&self) -> Option<TimerId> {
        self.timer
    }
}
