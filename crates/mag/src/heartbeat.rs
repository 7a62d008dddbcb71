//! Heartbeats (RFC 5847): whether anchors live, and whether they remember.
//!
//! An anchor with sessions is asked. One that has lost them is told again of every node that is
//! here, spread over a while, because the other gateways do the same at that moment. One that
//! does not answer is down, and its sessions go to another anchor if there is one (`anchors`).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use kedge_model::{BindingId, SignalPath};
use kedge_sansio::{Now, Pulse, Rhythm, TimerId, Timers};
use kedge_wire::registry::BindingErrorStatus;
use kedge_wire::{
    BindingError, Encoder, Heartbeat, HeartbeatControl, HeartbeatFlags, OptionsRef, RestartCounter,
};

use crate::anchors::spread_of;
use crate::entry::State;
use crate::settings::Lma;
use crate::signal::name_sender;
use crate::{Event, Mag, Timer};

/// The anchors' heartbeats.
#[derive(Debug, Default)]
pub(crate) struct Hearts {
    by_address: BTreeMap<IpAddr, Heart>,
    /// What anchors want in place of what is configured (RFC 8127 §5.2).
    imposed: BTreeMap<IpAddr, Rhythm>,
    pub(crate) timers: Timers<IpAddr>,
}

impl Hearts {
    /// Forgets what anchors wanted that the settings do not have any more.
    pub(crate) fn retain(&mut self, is_configured: impl Fn(IpAddr) -> bool) {
        self.imposed.retain(|address, _| is_configured(*address));
    }
}

/// An anchor's heartbeat, as the gateway feels it.
#[derive(Debug, Default)]
struct Heart {
    pulse: Pulse,
    /// While it has sessions of ours.
    timer: Option<TimerId>,
    asked: Option<Instant>,
}

impl Mag {
    /// When an anchor is asked whether it lives: as it wants to be, else as the settings say.
    pub fn heartbeat_of(&self, lma: &Lma) -> Option<Rhythm> {
        self.hearts.imposed.get(&lma.address).copied().or(self.settings.heartbeat_of(lma))
    }

    /// The anchor has accepted a session, and said how it wants to be asked, or that it does not
    /// mind (RFC 8127 §5.2): what it says is for all the sessions that it has.
    pub(crate) fn obey(&mut self, anchor: IpAddr, control: Option<HeartbeatControl>, now: Now) {
        let imposed = &mut self.hearts.imposed;
        let before = match control.map(imposed_rhythm) {
            Some(rhythm) => imposed.insert(anchor, rhythm),
            None => imposed.remove(&anchor),
        };
        let rhythm = imposed.get(&anchor).copied();
        let heart = self.hearts.by_address.get(&anchor);
        let waits = heart.filter(|heart| !heart.pulse.awaits()).and_then(|heart| heart.timer);
        if let (Some(rhythm), Some(timer)) = (rhythm.filter(|_| rhythm != before), waits) {
            self.hearts.timers.reschedule(timer, now.mono + rhythm.interval);
        }
        self.feel(anchor, now);
    }

    /// The anchor has accepted a session. It is asked from here on.
    pub(crate) fn feel(&mut self, anchor: IpAddr, now: Now) {
        let lma = self.settings.lma_at(anchor);
        let Some(rhythm) = lma.and_then(|lma| self.heartbeat_of(lma)) else { return };
        let heart = self.hearts.by_address.entry(anchor).or_default();
        if heart.timer.is_none() && heart.pulse.is_willing() {
            heart.timer = Some(self.hearts.timers.insert(now.mono + rhythm.interval, anchor));
        }
    }

    /// The next request is due (RFC 5847 §3.1), or the answer to the last one.
    pub(crate) fn heartbeat_due(&mut self, anchor: IpAddr, now: Now) {
        let lma = self.settings.lma_at(anchor);
        let asked = lma.and_then(|lma| Some((lma.clone(), self.heartbeat_of(lma)?)));
        let Some(heart) = self.hearts.by_address.get_mut(&anchor) else { return };
        heart.timer = None;
        let Some((lma, rhythm)) = asked else {
            self.hearts.by_address.remove(&anchor);
            return;
        };
        // §3: only while there are sessions.
        let session =
            self.list.iter().find(|(_, e)| e.grant().is_some() && e.lma.address == anchor);
        let Some(care_of) = session.map(|(_, entry)| entry.care_of) else {
            heart.pulse.rest();
            return;
        };
        let (sequence, wait, fell) = heart.pulse.beat(rhythm);
        heart.asked = Some(now.mono);
        heart.timer = Some(self.hearts.timers.insert(now.mono + wait, anchor));
        if fell {
            self.anchor_fell(anchor, now);
        }
        self.stats.other.heartbeats_sent += 1;
        let dscp = self.settings.dscp_of(&lma).of_request();
        let path = self.path_to(care_of, anchor);
        self.send_heartbeat(path, dscp, &lma, HeartbeatFlags::NONE, sequence);
    }

    /// Answers a request, always and with the restart counter (RFC 5847 §3), or takes an answer.
    pub(crate) fn handle_heartbeat(
        &mut self,
        path: SignalPath,
        dscp: u8,
        lma: &Lma,
        heartbeat: Heartbeat,
        options: OptionsRef<'_>,
        now: Now,
    ) {
        if heartbeat.flags.contains(HeartbeatFlags::R) {
            return self.handle_response(lma, heartbeat, options, now);
        }
        self.stats.other.heartbeats_answered += 1;
        let dscp = self.settings.dscp_of(lma).of_answer(dscp);
        self.send_heartbeat(path, dscp, lma, HeartbeatFlags::R, heartbeat.sequence);
    }

    /// RFC 5847 §3.1, §3.2.
    fn handle_response(
        &mut self,
        lma: &Lma,
        heartbeat: Heartbeat,
        options: OptionsRef<'_>,
        now: Now,
    ) {
        let (anchor, rhythm) = (lma.address, self.heartbeat_of(lma));
        let counter = options.get::<RestartCounter>().map(|option| option.0);
        let heart = self.hearts.by_address.entry(anchor).or_default();
        let (restarted, came_back) = if heartbeat.flags.contains(HeartbeatFlags::U) {
            (heart.pulse.announced(counter), false)
        } else {
            let Some(sign) = heart.pulse.answered(heartbeat.sequence, counter) else {
                self.stats.discards.unexpected += 1;
                return;
            };
            if let (Some(rhythm), Some(timer), Some(asked)) = (rhythm, heart.timer, heart.asked) {
                let due = (asked + rhythm.interval).max(now.mono);
                self.hearts.timers.reschedule(timer, due);
            }
            (sign.restarted, sign.came_back)
        };
        self.stats.other.heartbeat_responses += 1;
        if came_back {
            self.anchor_rose(anchor, now);
        }
        if restarted {
            self.stats.other.anchors_restarted += 1;
            self.event(Event::PeerRestarted { peer: anchor });
            self.register_again(anchor, now);
        }
    }

    /// RFC 6275 §9.3.3. In answer to a heartbeat it ends them for good (RFC 5847 §3); otherwise it
    /// is the answer to a revocation, if there is one.
    pub(crate) fn handle_binding_error(&mut self, peer: IpAddr, error: BindingError, now: Now) {
        self.stats.other.binding_errors += 1;
        self.event(Event::BindingError { peer, status: error.status });
        if error.status != BindingErrorStatus::UNRECOGNIZED_MH_TYPE {
            return;
        }
        let Some(heart) = self.hearts.by_address.get_mut(&peer) else {
            return self.indication_not_understood(peer, now);
        };
        if !heart.pulse.refused() {
            self.indication_not_understood(peer, now);
        } else if let Some(timer) = heart.timer.take() {
            self.hearts.timers.remove(timer);
        }
    }

    /// Command: tells every anchor that heartbeats are exchanged with that this gateway has lost
    /// its sessions (RFC 5847 §3.2), in case it had some.
    pub fn announce_restart(&mut self) {
        let lmas = self.settings.lmas.values().cloned();
        let lmas: Vec<_> = lmas.filter(|lma| self.settings.heartbeat_of(lma).is_some()).collect();
        for lma in lmas {
            let dscp = self.settings.dscp_of(&lma).of_request();
            let Some(care_of) = self.settings.care_of_towards(lma.address) else { continue };
            let path = self.path_to(care_of, lma.address);
            let flags = HeartbeatFlags::R | HeartbeatFlags::U;
            self.stats.other.restarts_announced += 1;
            self.send_heartbeat(path, dscp, &lma, flags, 0);
        }
    }

    /// The anchor has lost what it had granted.
    fn register_again(&mut self, anchor: IpAddr, now: Now) {
        let lost: Vec<BindingId> =
            self.list.ids(|e| e.grant().is_some() && e.lma.address == anchor && !e.held);
        let spread = spread_of(lost.len());
        for id in lost {
            let wait = Duration::from_millis(self.rng.below(spread).into());
            let Some(entry) = self.list.get_mut(id) else { continue };
            entry.reassert = true;
            // An update that is on its way does it too.
            if matches!(entry.state, State::Active { request: None, .. }) {
                self.set_timer(id, Timer::Signal, now.mono + wait);
            }
        }
    }

    fn send_heartbeat(
        &mut self,
        path: SignalPath,
        dscp: u8,
        lma: &Lma,
        flags: HeartbeatFlags,
        sequence: u32,
    ) {
        let auth = lma.auth.as_ref().filter(|auth| !auth.updates_only);
        let mut bytes = self.buffers.take();
        let mut encoder = Encoder::new(&mut bytes, Heartbeat { flags, sequence });
        // §3.4: only valid in a response.
        if flags.contains(HeartbeatFlags::R) {
            encoder.option(RestartCounter(self.settings.restart_counter));
        }
        name_sender(&mut encoder, &path);
        encoder.finish();
        self.send(path, dscp, auth, bytes);
    }
}

/// Without a delay of its own a retransmission waits for the shortest one that there is.
fn imposed_rhythm(control: HeartbeatControl) -> Rhythm {
    Rhythm {
        interval: Duration::from_secs(control.interval.into()),
        timeout: Duration::from_secs(control.retransmission_delay.max(1).into()),
        allowed: u8::try_from(control.max_retransmissions).unwrap_or(u8::MAX),
    }
}

/// What is known about an anchor by its heartbeat.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeartView {
    /// The anchor's address.
    pub anchor: IpAddr,
    /// Whether it is asked: there are sessions.
    pub is_asked: bool,
    /// What it has answered, and what it has not.
    pub pulse: Pulse,
}

impl Mag {
    /// The anchors that have accepted a session since heartbeats are on, and those that were
    /// heard of.
    pub fn hearts(&self) -> impl Iterator<Item = HeartView> {
        self.hearts.by_address.iter().map(|(&anchor, heart)| HeartView {
            anchor,
            is_asked: heart.timer.is_some(),
            pulse: heart.pulse.clone(),
        })
    }
}
