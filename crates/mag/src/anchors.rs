//! The anchors as this gateway finds them: which of them answer, and when one that was silent is
//! trusted again.
//!
//! ```text
//!          three updates, or one heartbeat too many, unanswered
//!   ┌────┐ ──────────────────────────────────────────────▶ ┌──────┐ ◀─┐ a session that would
//!   │ up │                                                 │ down │   │ rather be there tries
//!   └────┘ ◀────────────────────────────────────────────── └──────┘ ──┘ it; no answer
//!          it accepts an update, or answers a heartbeat
//! ```
//!
//! When an anchor goes down, the sessions that have another one to go to leave it. When it comes
//! up, those that prefer it return, but no sooner than its *hold time* after it went down. The
//! hold time doubles each time the anchor falls again soon, so that an anchor that comes and goes
//! does not drag its nodes along: every move changes their addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use kedge_model::{BindingId, Sequence};
use kedge_sansio::{Backoff, Now, TimerId, Timers};

use crate::entry::{Entry, State};
use crate::rate::Window;
use crate::{Event, Mag, Timer};

/// The shortest and the longest hold time.
const FIRST_HOLD: Duration = Duration::from_secs(30);
const LAST_HOLD: Duration = Duration::from_secs(960);
/// An anchor that has been up for this long has its first hold time again.
const STEADY: Duration = Duration::from_secs(1800);
/// Between two tries of an anchor that is down.
const TRIAL_INTERVAL: Duration = Duration::from_secs(30);

/// The least time over which many sessions are sent to an anchor, and what each one adds to it.
const LEAST_SPREAD: Duration = Duration::from_secs(1);
const SPREAD_PER_SESSION: Duration = Duration::from_millis(2);

/// All anchors that the gateway has had to do with.
#[derive(Debug, Default)]
pub(crate) struct Anchors {
    by_address: BTreeMap<IpAddr, Anchor>,
    timers: Timers<(IpAddr, AnchorTimer)>,
}

/// What a timer of an anchor is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AnchorTimer {
    /// It is down: see whether it answers again.
    Trial,
    /// Updates wait for their turn.
    Turn,
    /// A revocation is not acknowledged yet.
    Revocation,
}

/// One anchor.
#[derive(Debug)]
pub(crate) struct Anchor {
    /// When a message of its arrived last.
    heard: Option<Instant>,
    /// Since when it is down.
    down: Option<Instant>,
    /// No session returns to it before.
    hold_until: Option<Instant>,
    /// The next hold times.
    hold: Backoff,
    /// When it came up last.
    up_since: Option<Instant>,
    trial_timer: Option<TimerId>,
    turn_timer: Option<TimerId>,
    revocation_timer: Option<TimerId>,
    /// The updates that it is given at a time.
    pub(crate) window: Window,
    /// The revocation of all that it holds for this gateway.
    pub(crate) indication: Option<Indication>,
    /// It does not let this gateway revoke everything at once (RFC 5846 §9.2).
    pub(crate) refuses_global_revocation: bool,
}

/// A revocation of all sessions that is not acknowledged yet.
#[derive(Debug)]
pub(crate) struct Indication {
    pub(crate) sequence: Sequence,
    /// From where to where it goes.
    pub(crate) care_of: IpAddr,
    /// The sessions that it ends.
    pub(crate) sessions: Vec<BindingId>,
    /// Retransmissions that are left (BRIMaxRetriesNumber).
    pub(crate) retries: u8,
    pub(crate) backoff: Backoff,
}

impl Default for Anchor {
    fn default() -> Self {
        Self {
            heard: None,
            down: None,
            hold_until: None,
            hold: Backoff::new(FIRST_HOLD, LAST_HOLD),
            up_since: None,
            trial_timer: None,
            turn_timer: None,
            revocation_timer: None,
            window: Window::default(),
            indication: None,
            refuses_global_revocation: false,
        }
    }
}

impl Anchor {
    /// How long it has been down.
    pub(crate) fn down_for(&self, now: Instant) -> Option<Duration> {
        self.down.map(|since| now.saturating_duration_since(since))
    }

    /// How long no session returns to it.
    pub(crate) fn held_for(&self, now: Instant) -> Option<Duration> {
        let left = self.hold_until.map(|until| until.saturating_duration_since(now));
        left.filter(|left| !left.is_zero())
    }

    /// How long ago its last message was.
    pub(crate) fn heard_ago(&self, now: Instant) -> Option<Duration> {
        self.heard.map(|at| now.saturating_duration_since(at))
    }
}

impl Anchors {
    pub(crate) fn get(&self, address: IpAddr) -> Option<&Anchor> {
        self.by_address.get(&address)
    }

    pub(crate) fn get_mut(&mut self, address: IpAddr) -> Option<&mut Anchor> {
        self.by_address.get_mut(&address)
    }

    /// The anchor at an address of the settings; known from here on.
    pub(crate) fn at(&mut self, address: IpAddr) -> &mut Anchor {
        self.by_address.entry(address).or_default()
    }

    /// A message of the anchor has arrived.
    pub(crate) fn heard(&mut self, address: IpAddr, now: Instant) {
        self.at(address).heard = Some(now);
    }

    /// Whether something has come from the anchor lately, while an update to it has waited since
    /// `since`: then it is there, and does not want to answer that one.
    pub(crate) fn answers_others(&self, address: IpAddr, since: Instant, now: Instant) -> bool {
        let middle = since + now.saturating_duration_since(since) / 2;
        self.get(address).and_then(|anchor| anchor.heard).is_some_and(|heard| heard >= middle)
    }

    /// Whether the anchor is taken for unreachable.
    pub(crate) fn is_down(&self, address: IpAddr) -> bool {
        self.get(address).is_some_and(|anchor| anchor.down.is_some())
    }

    /// Whether a session may go there.
    pub(crate) fn is_usable(&self, address: IpAddr, now: Instant) -> bool {
        self.get(address).is_none_or(|anchor| {
            anchor.down.is_none() && anchor.hold_until.is_none_or(|until| now >= until)
        })
    }

    /// Forgets anchors that the settings do not have any more.
    pub(crate) fn retain(&mut self, is_configured: impl Fn(IpAddr) -> bool) {
        let gone: Vec<IpAddr> =
            self.by_address.keys().copied().filter(|address| !is_configured(*address)).collect();
        for address in gone {
            let Some(anchor) = self.by_address.remove(&address) else { continue };
            let timers = [anchor.trial_timer, anchor.turn_timer, anchor.revocation_timer];
            for timer in timers.into_iter().flatten() {
                self.timers.remove(timer);
            }
        }
    }

    /// Starts or moves a timer of an anchor.
    pub(crate) fn set_timer(&mut self, address: IpAddr, timer: AnchorTimer, due: Instant) {
        let anchor = self.by_address.entry(address).or_default();
        let slot = slot(anchor, timer);
        match *slot {
            Some(running) => self.timers.reschedule(running, due),
            None => *slot = Some(self.timers.insert(due, (address, timer))),
        }
    }

    pub(crate) fn stop_timer(&mut self, address: IpAddr, timer: AnchorTimer) {
        let running = self.get_mut(address).and_then(|anchor| slot(anchor, timer).take());
        if let Some(running) = running {
            self.timers.remove(running);
        }
    }

    /// Ends one timer that is due.
    pub(crate) fn pop_expired(&mut self, now: Instant) -> Option<(IpAddr, AnchorTimer)> {
        let (address, timer) = self.timers.pop_expired(now)?;
        if let Some(anchor) = self.get_mut(address) {
            *slot(anchor, timer) = None;
        }
        Some((address, timer))
    }

    /// When the next timer is due.
    pub(crate) fn next_due(&mut self) -> Option<Instant> {
        self.timers.next_due()
    }
}

/// Where an anchor keeps the name of its timer.
fn slot(anchor: &mut Anchor, timer: AnchorTimer) -> &mut Option<TimerId> {
    match timer {
        AnchorTimer::Trial => &mut anchor.trial_timer,
        AnchorTimer::Turn => &mut anchor.turn_timer,
        AnchorTimer::Revocation => &mut anchor.revocation_timer,
    }
}

impl Mag {
    /// The timer of an anchor fired.
    pub(crate) fn anchor_due(&mut self, address: IpAddr, timer: AnchorTimer, now: Now) {
        match timer {
            AnchorTimer::Trial => self.trial_due(address, now),
            AnchorTimer::Turn => self.turn_due(address, now),
            AnchorTimer::Revocation => self.indication_due(address, now),
        }
    }

    /// An anchor does not answer. Its sessions go elsewhere if they can; those that cannot stay,
    /// since a node is no better off without its binding.
    pub(crate) fn anchor_fell(&mut self, address: IpAddr, now: Now) {
        let anchor = self.anchors.at(address);
        if anchor.down.is_some() {
            return;
        }
        if anchor.up_since.is_some_and(|since| now.mono >= since + STEADY) {
            anchor.hold = Backoff::new(FIRST_HOLD, LAST_HOLD);
        }
        let hold = anchor.hold.next_interval();
        anchor.down = Some(now.mono);
        anchor.hold_until = Some(now.mono + hold);
        self.anchors.set_timer(address, AnchorTimer::Trial, now.mono + hold);
        self.stats.other.anchors_down += 1;
        self.event(Event::PeerDown { peer: address });
        let leave = |entry: &Entry| entry.lma.address == address && entry.is_present();
        let leaving = self.list.ids(leave);
        self.spread(leaving, now.mono, now);
    }

    /// An anchor answers. If it was down, the sessions that prefer it return.
    pub(crate) fn anchor_rose(&mut self, address: IpAddr, now: Now) {
        let Some(anchor) = self.anchors.get_mut(address) else { return };
        if anchor.down.take().is_none() {
            return;
        }
        anchor.up_since = Some(now.mono);
        let from = anchor.hold_until.map_or(now.mono, |until| until.max(now.mono));
        self.anchors.stop_timer(address, AnchorTimer::Trial);
        self.stats.other.anchors_up += 1;
        self.event(Event::PeerUp { peer: address });
        let returning = self.list.ids(|entry| self.prefers(entry, address));
        self.spread(returning, from, now);
    }

    /// It is time to see whether an anchor that is down answers again: one session tries it, and
    /// keeps what it has meanwhile.
    fn trial_due(&mut self, address: IpAddr, now: Now) {
        if !self.anchors.is_down(address) {
            return;
        }
        let may_try = |entry: &Entry| {
            self.prefers(entry, address)
                && matches!(entry.state, State::Active { .. })
                && entry.scout.is_none()
                && !entry.held
                && !entry.is_refused_by(address, now.mono)
        };
        let found = self.list.iter().find(|(_, entry)| may_try(entry)).map(|(id, _)| id);
        let is_wanted = self
            .list
            .iter()
            .any(|(_, entry)| entry.lma.address == address || self.prefers(entry, address));
        if !is_wanted {
            // Nobody knows whether it is back; the next node that comes will find out.
            self.anchors.at(address).down = None;
            return;
        }
        if let Some(id) = found {
            self.scout(id, address, now);
        }
        self.anchors.set_timer(address, AnchorTimer::Trial, now.mono + TRIAL_INTERVAL);
    }

    /// Has sessions look for the anchor they should be at, spread over a while from `from` on.
    fn spread(&mut self, ids: Vec<BindingId>, from: Instant, now: Now) {
        let spread = spread_of(ids.len());
        for id in ids {
            let wait = Duration::from_millis(self.rng.below(spread).into());
            self.set_timer(id, Timer::Move, from.max(now.mono) + wait);
        }
    }

    /// The sessions with an anchor, by its address.
    pub(crate) fn anchors_in_use(&self) -> BTreeSet<IpAddr> {
        let present = self.list.iter().filter(|(_, entry)| entry.is_present());
        present.map(|(_, entry)| entry.lma.address).collect()
    }
}

/// The milliseconds over which so many sessions are sent to an anchor.
pub(crate) fn spread_of(count: usize) -> u32 {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let spread = SPREAD_PER_SESSION.saturating_mul(count).max(LEAST_SPREAD);
    u32::try_from(spread.as_millis()).unwrap_or(u32::MAX)
}
