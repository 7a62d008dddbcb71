//! How fast updates are sent (RFC 6275 §11.8).
//!
//! §11.8 has two rules, made for one mobile node that speaks for itself. The gateway keeps them so:
//!
//! - *A node sends no more than MAX_UPDATE_RATE messages of a type within a second.* Each session
//!   is a node's; each counts for itself, whatever makes it speak: corrections, retransmissions,
//!   a node that comes and goes.
//! - *The peer has a sufficient amount of time to respond when many bindings are registered.* An
//!   anchor is given [`WINDOW`] exchanges at a time, and the next when it has answered one. When
//!   thousands of nodes attach at once, the rest wait, the oldest session first, and the anchor's
//!   own answers set the pace. An update that stays unanswered gives its place up after a while:
//!   otherwise nodes that the anchor ignores would keep all others out.

use std::net::IpAddr;
use std::time::Duration;

use kedge_model::BindingId;
use kedge_sansio::Now;

use crate::Mag;
use crate::anchors::AnchorTimer;

/// Exchanges with one anchor that may be open at a time.
const WINDOW: usize = 256;
/// The transmissions of an update after which it does not count any more.
const COUNTED_ATTEMPTS: u32 = 2;
/// How often places are looked for that have been given up.
const TURN: Duration = Duration::from_millis(100);

impl Mag {
    /// Whether the first transmission of a session's update may be sent to its anchor; if not, it
    /// waits and is sent when it may.
    pub(crate) fn admit(&mut self, id: BindingId, address: IpAddr, now: Now) -> bool {
        let anchor = self.anchors.at(address);
        if anchor.window.open.len() >= WINDOW {
            self.give_places_up(address);
        }
        let anchor = self.anchors.at(address);
        // While everything is being revoked, whatever is registered would be revoked with it.
        let is_free = anchor.window.open.len() < WINDOW && anchor.indication.is_none();
        let window = &mut anchor.window;
        if is_free {
            window.open.insert(id);
            return true;
        }
        let is_alone = window.waiting.is_empty();
        window.waiting.insert(id);
        if is_alone {
            self.anchors.set_timer(address, AnchorTimer::Turn, now.mono + TURN);
        }
        false
    }

    /// A session's update was answered: the next one may go.
    pub(crate) fn release(&mut self, id: BindingId, address: IpAddr, now: Now) {
        let Some(anchor) = self.anchors.get_mut(address) else { return };
        anchor.window.open.remove(&id);
        self.let_in(address, now);
    }

    pub(crate) fn turn_due(&mut self, address: IpAddr, now: Now) {
        self.give_places_up(address);
        self.let_in(address, now);
        if self.anchors.get(address).is_some_and(|anchor| anchor.window.waiting() > 0) {
            self.anchors.set_timer(address, AnchorTimer::Turn, now.mono + TURN);
        }
    }

    /// Sends updates that wait, as many as there is room for.
    pub(crate) fn let_in(&mut self, address: IpAddr, now: Now) {
        while let Some(anchor) = self.anchors.get_mut(address)
            && anchor.window.open.len() < WINDOW
            && anchor.indication.is_none()
            && let Some(id) = anchor.window.waiting.pop_first()
        {
            let waits = |entry: &crate::entry::Entry| {
                let unsent = entry.request().is_some_and(|request| request.attempts == 0);
                unsent && entry.lma.address == address
            };
            if self.list.get(id).is_some_and(waits) {
                self.transmit(id, now);
            }
        }
    }

    fn give_places_up(&mut self, address: IpAddr) {
        let list = &self.list;
        let Some(anchor) = self.anchors.get_mut(address) else { return };
        anchor.window.open.retain(|id| {
            let Some(entry) = list.get(*id).filter(|e| e.lma.address == address) else {
                return false;
            };
            entry.request().is_some_and(|r| (1..=COUNTED_ATTEMPTS).contains(&r.attempts))
        });
    }
}
