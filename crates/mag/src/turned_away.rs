//! Static nodes that found the gateway full.
//!
//! A node that is heard tries again with its next frame. A static one need never say a word: it is
//! tried again after a while that doubles, until there is room, its link goes, or it is no longer
//! configured.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kedge_sansio::{Backoff, Now, Timers};

use crate::{InterfaceId, Mag};

/// The first and the longest wait.
const FIRST: Duration = Duration::from_secs(10);
const LAST: Duration = Duration::from_secs(600);

/// The interfaces whose static node waits for room.
#[derive(Debug, Default)]
pub(crate) struct TurnedAway {
    waits: BTreeMap<InterfaceId, Wait>,
    timers: Timers<InterfaceId>,
}

#[derive(Debug)]
struct Wait {
    backoff: Backoff,
    is_timed: bool,
}

impl TurnedAway {
    /// The node of an interface has to wait.
    pub(crate) fn wait(&mut self, interface: InterfaceId, now: Instant) {
        let wait = self.waits.entry(interface);
        let wait =
            wait.or_insert_with(|| Wait { backoff: Backoff::new(FIRST, LAST), is_timed: false });
        if !wait.is_timed {
            wait.is_timed = true;
            self.timers.insert(now + wait.backoff.next_interval(), interface);
        }
    }

    pub(crate) fn next_due(&mut self) -> Option<Instant> {
        self.timers.next_due()
    }

    fn pop_expired(&mut self, now: Instant) -> Option<InterfaceId> {
        let interface = self.timers.pop_expired(now)?;
        if let Some(wait) = self.waits.get_mut(&interface) {
            wait.is_timed = false;
        }
        Some(interface)
    }

    /// Forgets an interface whose node was tried again and does not wait any more.
    fn settle(&mut self, interface: InterfaceId) {
        if self.waits.get(&interface).is_some_and(|wait| !wait.is_timed) {
            self.waits.remove(&interface);
        }
    }
}

impl Mag {
    /// Tries one static node again whose time has come. `false` if there is none.
    pub(crate) fn retry_turned_away(&mut self, now: Now) -> bool {
        let Some(interface) = self.turned_away.pop_expired(now.mono) else { return false };
        self.attend_static(interface, now);
        self.turned_away.settle(interface);
        true
    }
}
