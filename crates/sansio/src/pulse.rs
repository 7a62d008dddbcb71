//! Whether a peer lives: the heartbeats of RFC 5847 §3, seen from the end that asks.
//!
//! ```text
//!            answered in time: the next request an interval after the last
//!   ┌─────┐ ◀────────────────────────────────────────────────────────────┐
//!   │ up  ├── no answer: missed + 1, the next request at once ───────────┤
//!   └──┬──┘                                                              │
//!      │ missed > allowed                                                │
//!      ▼                                                                 │
//!   ┌─────┐                                                              │
//!   │down ├── asked once an interval ── answered ────────────────────────┘
//!   └─────┘
//! ```

use std::time::Duration;

/// When a peer is asked, and when it is given up (RFC 5847 §5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rhythm {
    /// HEARTBEAT_INTERVAL: between two requests that are answered.
    pub interval: Duration,
    /// How long an answer may take; the next request follows a missing one.
    pub timeout: Duration,
    /// MISSING_HEARTBEATS_ALLOWED: one more, and the peer is down.
    pub allowed: u8,
}

/// What is known about one peer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pulse {
    sequence: u32,
    /// The last request is not answered yet.
    awaits: bool,
    missed: u8,
    down: bool,
    /// The peer does not know the message (§3): it is never asked again.
    refuses: bool,
    restart_counter: Option<u32>,
}

/// What a peer's answer says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sign {
    /// The peer was down and is not any more.
    pub came_back: bool,
    /// The peer has lost its sessions since its last answer (§3.2).
    pub restarted: bool,
}

impl Pulse {
    /// What to do when the timer of this peer fires: the number of the request to send, after
    /// how long to fire again, and whether the peer has just been found down.
    pub fn beat(&mut self, rhythm: Rhythm) -> (u32, Duration, bool) {
        let mut fell = false;
        if self.awaits {
            self.missed = self.missed.saturating_add(1);
            fell = self.missed > rhythm.allowed && !self.down;
            self.down |= fell;
        }
        self.awaits = true;
        self.sequence = self.sequence.wrapping_add(1);
        let wait = if self.down { rhythm.interval } else { rhythm.timeout };
        (self.sequence, wait, fell)
    }

    /// A response to the request with this number; `None` if none with it is outstanding.
    pub fn answered(&mut self, sequence: u32, restart_counter: Option<u32>) -> Option<Sign> {
        if !self.awaits || sequence != self.sequence {
            return None;
        }
        self.awaits = false;
        self.missed = 0;
        let came_back = std::mem::take(&mut self.down);
        Some(Sign { came_back, restarted: self.has_restarted(restart_counter) })
    }

    /// An unsolicited response, which has no number (§3.2): whether the peer has restarted.
    pub fn announced(&mut self, restart_counter: Option<u32>) -> bool {
        self.has_restarted(restart_counter)
    }

    /// A Binding Error: whether it is the answer to a request, which is then the last.
    pub fn refused(&mut self) -> bool {
        let ours = std::mem::take(&mut self.awaits);
        self.refuses |= ours;
        ours
    }

    /// Whether the last request is not answered yet.
    pub fn awaits(&self) -> bool {
        self.awaits
    }

    /// Forgets what was asked, because there are no sessions to ask for any more.
    pub fn rest(&mut self) {
        self.awaits = false;
        self.missed = 0;
        self.down = false;
    }

    /// Whether the peer may be asked.
    pub fn is_willing(&self) -> bool {
        !self.refuses
    }

    /// Whether the peer is taken for unreachable.
    pub fn is_down(&self) -> bool {
        self.down
    }

    /// How many requests in a row were not answered.
    pub fn missed(&self) -> u8 {
        self.missed
    }

    /// The restart counter that the peer told last.
    pub fn restart_counter(&self) -> Option<u32> {
        self.restart_counter
    }

    /// §3.2: another value is a restart, the first one is not.
    fn has_restarted(&mut self, counter: Option<u32>) -> bool {
        let Some(counter) = counter else { return false };
        self.restart_counter.replace(counter).is_some_and(|before| before != counter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RHYTHM: Rhythm =
        Rhythm { interval: Duration::from_secs(60), timeout: Duration::from_secs(3), allowed: 3 };

    #[test]
    fn a_peer_is_down_when_it_has_missed_one_more_than_allowed_and_comes_back_with_an_answer() {
        let mut pulse = Pulse::default();
        for n in 1..=4 {
            assert_eq!(pulse.beat(RHYTHM), (n, RHYTHM.timeout, false));
        }
        assert!(!pulse.is_down() && pulse.missed() == 3);
        assert_eq!(pulse.beat(RHYTHM), (5, RHYTHM.interval, true));
        assert_eq!(pulse.beat(RHYTHM), (6, RHYTHM.interval, false), "it is down once");
        let back = Sign { came_back: true, restarted: false };
        assert_eq!(pulse.answered(6, Some(1)), Some(back));
        assert!(!pulse.is_down() && pulse.missed() == 0);
    }

    #[test]
    fn an_answer_is_of_the_last_request_and_of_it_once() {
        let mut pulse = Pulse::default();
        assert_eq!(pulse.answered(0, None), None);
        pulse.beat(RHYTHM);
        assert_eq!(pulse.answered(2, None), None);
        assert_eq!(pulse.answered(1, None), Some(Sign::default()));
        assert_eq!(pulse.answered(1, None), None);
        pulse.beat(RHYTHM);
        assert_eq!(pulse.missed(), 0, "the answer reset the count");
    }

    #[test]
    fn another_restart_counter_is_a_restart_and_the_first_is_not() {
        let mut pulse = Pulse::default();
        assert!(!pulse.announced(Some(7)));
        assert!(!pulse.announced(Some(7)) && !pulse.announced(None));
        assert!(pulse.announced(Some(8)));
        pulse.beat(RHYTHM);
        assert!(pulse.answered(1, Some(1)).unwrap().restarted, "also a lower one");
    }

    #[test]
    fn a_binding_error_ends_the_asking_only_when_something_was_asked() {
        let mut pulse = Pulse::default();
        assert!(!pulse.refused() && pulse.is_willing());
        pulse.beat(RHYTHM);
        assert!(pulse.refused() && !pulse.is_willing());
    }
}
