//! What is known of the updates that were sent, by session and by anchor: the two rules of `pace`
//! go by it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use kedge_model::BindingId;

/// MAX_UPDATE_RATE: updates of one session within [`SECOND`].
const MAX_UPDATE_RATE: usize = 3;
const SECOND: Duration = Duration::from_secs(1);

/// When a session sent its last updates.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Recent([Option<Instant>; MAX_UPDATE_RATE]);

impl Recent {
    /// When the next update may be sent.
    pub(crate) fn earliest(&self, now: Instant) -> Instant {
        self.0[0].map_or(now, |oldest| now.max(oldest + SECOND))
    }

    pub(crate) fn note(&mut self, now: Instant) {
        self.0.rotate_left(1);
        self.0[MAX_UPDATE_RATE - 1] = Some(now);
    }
}

/// The exchanges that are open with an anchor, and those that wait.
#[derive(Debug, Default)]
pub(crate) struct Window {
    /// Those that are open.
    pub(crate) open: BTreeSet<BindingId>,
    /// Those whose turn comes.
    pub(crate) waiting: BTreeSet<BindingId>,
}

impl Window {
    /// How many updates wait for their turn.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}
