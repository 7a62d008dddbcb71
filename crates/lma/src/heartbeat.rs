//! Heartbeats (RFC 5847): whether gateways live, and whether they remember.
//!
//! A gateway with sessions is asked. One that is not heard of any more, or that has lost its
//! sessions, is a gateway whose bindings are invalid (§3): nothing is forwarded, and whichever
//! gateway registers a node gets its addresses. Those of a gateway that is down stay so until their
//! lifetimes end, and are valid again when it answers and has not forgotten them. Those of a
//! gateway that has restarted are treated as if it had de-registered them: they are kept for
//! MinDelayBeforeBCEDelete.
//!
//! A gateway that has never said anything by a heartbeat is not taken for down: it may not know
//! them, and not all that do not say so by a Binding Error. Its bindings stay, and it goes on being
//! asked; from its first answer on it is one that speaks.

use std::net::IpAddr;

use kedge_model::{Datagram, SignalPath};
use kedge_wire::registry::BindingErrorStatus;
use kedge_wire::{BindingError, Encoder, Heartbeat, HeartbeatFlags, OptionsRef, RestartCounter};

use crate::answer::{behind, care_of_address, seal};
use crate::binding::{Binding, State};
use crate::cache::Slot;
use crate::event::{Output, Release, What};
use crate::lookup::Decision;
use crate::peers::PeerIndex;
use crate::rejection::Discard;
use crate::request::Request;
use crate::{Lma, Now, Timer, dscp};

impl Lma {
    /// A gateway has a session and was heard on this path. It is asked from here on.
    ///
    /// One behind a translator is not: several may be behind the same, as one gateway that answers
    /// for all, each with a restart counter of its own. It has to be heard often anyway.
    pub(crate) fn feel(&mut self, peer: PeerIndex, request: &Request<'_>, now: Now) {
        let Some(rhythm) = self.settings.heartbeat else { return };
        if request.behind().is_some() {
            return;
        }
        let heart = &mut self.peers.get_mut(peer).heart;
        heart.path = Some(request.path);
        if heart.timer.is_none() && heart.pulse.is_willing() {
            let due = now.mono + rhythm.interval;
            heart.timer = Some(self.timers.insert(due, Timer::Heartbeat(peer)));
        }
    }

    /// The next request is due (§3.1), or the answer to the last one.
    pub(crate) fn heartbeat_due(&mut self, peer: PeerIndex, now: Now) {
        let state = self.peers.get_mut(peer);
        state.heart.timer = None;
        let (Some(rhythm), Some(path)) = (self.settings.heartbeat, state.heart.path) else {
            return;
        };
        // §3: only while there are sessions. Those of a gateway that is down are none, so it is
        // asked until their addresses are given away.
        if state.bindings == 0 || !state.heart.pulse.is_willing() {
            state.heart.pulse.rest();
            return;
        }
        if state.heart.pulse.awaits() {
            state.counters.heartbeats_missed += 1;
            self.statistics.other_signalling.heartbeats_missed += 1;
        }
        let (sequence, wait, fell) = state.heart.pulse.beat(rhythm);
        state.heart.asked = Some(now.mono);
        state.heart.timer = Some(self.timers.insert(now.mono + wait, Timer::Heartbeat(peer)));
        state.counters.heartbeats_sent += 1;
        match (fell, state.heart.speaks) {
            (true, true) => {
                self.statistics.peers.down += 1;
                self.report_peer(What::PeerDown { peer: path.peer.ip() });
                self.lose_reach(peer, now);
            }
            (true, false) => {
                self.statistics.peers.without_heartbeat += 1;
                self.report_peer(What::PeerWithoutHeartbeat { peer: path.peer.ip() });
            }
            (false, _) => {}
        }
        let care_of = path.peer.ip();
        self.send_heartbeat(path, care_of, Some(peer), 0, HeartbeatFlags::NONE, sequence);
        self.statistics.other_signalling.heartbeats_sent += 1;
    }

    /// Answers a request (§3: always), takes an answer.
    pub(crate) fn handle_heartbeat(
        &mut self,
        d: Datagram<'_>,
        heartbeat: Heartbeat,
        options: OptionsRef<'_>,
        peer: Option<PeerIndex>,
        now: Now,
    ) -> Result<(), Discard> {
        if !self.peers.is_authorized(peer) {
            return Err(Discard::UnknownMag);
        }
        self.check_protection(d, options, peer)?;
        if heartbeat.flags.contains(HeartbeatFlags::R) {
            return self.handle_response(d, heartbeat, options, peer, now);
        }
        let care_of = care_of_address(&d.path, options);
        let (flags, sequence) = (HeartbeatFlags::R, heartbeat.sequence);
        self.send_heartbeat(d.path, care_of, peer, d.dscp, flags, sequence);
        self.statistics.other_signalling.heartbeats_answered += 1;
        if let Some(peer) = peer {
            let state = self.peers.get_mut(peer);
            state.counters.heartbeats += 1;
            state.heart.speaks = true;
        }
        Ok(())
    }

    /// §3.1, §3.2.
    fn handle_response(
        &mut self,
        d: Datagram<'_>,
        heartbeat: Heartbeat,
        options: OptionsRef<'_>,
        peer: Option<PeerIndex>,
        now: Now,
    ) -> Result<(), Discard> {
        let Some(index) = peer else { return Err(Discard::Unexpected) };
        let counter = options.get::<RestartCounter>().map(|option| option.0);
        let heart = &mut self.peers.get_mut(index).heart;
        let last = heart.answered;
        let (restarted, came_back) = if heartbeat.flags.contains(HeartbeatFlags::U) {
            (heart.pulse.announced(counter), false)
        } else {
            let sign = heart.pulse.answered(heartbeat.sequence, counter);
            let Some(sign) = sign else { return Err(Discard::Unexpected) };
            if let (Some(rhythm), Some(timer), Some(asked)) =
                (self.settings.heartbeat, heart.timer, heart.asked)
            {
                self.timers.reschedule(timer, (asked + rhythm.interval).max(now.mono));
            }
            if sign.came_back {
                self.statistics.peers.up += 1;
                self.report_peer(What::PeerUp { peer: d.path.peer.ip() });
            }
            (sign.restarted, sign.came_back)
        };
        let heart = &mut self.peers.get_mut(index).heart;
        (heart.answered, heart.speaks) = (Some(now.mono), true);
        self.statistics.other_signalling.heartbeat_responses += 1;
        if restarted {
            self.statistics.peers.restarted += 1;
            self.report_peer(What::PeerRestarted { peer: d.path.peer.ip() });
            // What was registered since the last sign of the earlier life may be the new one's.
            let own = behind(&d.path, options);
            let is_older = |binding: &Binding| {
                if binding.paths.first().behind != own {
                    return false; // another gateway behind the same translator
                }
                let updated = binding.expires.checked_sub(binding.lifetime.duration());
                last.is_some_and(|last| updated.is_none_or(|updated| updated <= last))
            };
            self.invalidate(index, now, is_older);
        }
        if came_back {
            self.regain_reach(index);
        }
        Ok(())
    }

    /// §3: who does not know the message says so by a Binding Error, and is never asked again. The
    /// error does not say which message was meant: an unanswered heartbeat before an
    /// unacknowledged revocation.
    pub(crate) fn handle_binding_error(
        &mut self,
        d: Datagram<'_>,
        error: BindingError,
        peer: Option<PeerIndex>,
        now: Now,
    ) -> Result<(), Discard> {
        let Some(peer) = peer.filter(|_| error.status == BindingErrorStatus::UNRECOGNIZED_MH_TYPE)
        else {
            return Err(Discard::Unexpected);
        };
        let heart = &mut self.peers.get_mut(peer).heart;
        if !heart.pulse.refused() {
            self.revocations_not_understood(&d.path, now)?;
            self.statistics.other_signalling.binding_errors_received += 1;
            return Ok(());
        }
        self.statistics.other_signalling.binding_errors_received += 1;
        self.statistics.peers.without_heartbeat += 1;
        if let Some(timer) = heart.timer.take() {
            self.timers.remove(timer);
        }
        self.report_peer(What::PeerWithoutHeartbeat { peer: d.path.peer.ip() });
        Ok(())
    }

    /// Command: tells gateways that this anchor has lost its sessions (§3.2), in case they had
    /// some. `paths` are those between the anchor's addresses and theirs.
    pub fn announce_restart(&mut self, paths: impl IntoIterator<Item = SignalPath>) {
        for path in paths {
            let peer = self.peers.find(&path);
            let flags = HeartbeatFlags::R | HeartbeatFlags::U;
            self.send_heartbeat(path, path.peer.ip(), peer, 0, flags, 0);
            self.statistics.other_signalling.restarts_announced += 1;
        }
    }

    /// A gateway is down: its sessions are not forwarded, and who waits for one gets it.
    fn lose_reach(&mut self, peer: PeerIndex, now: Now) {
        for slot in self.sessions_of(peer, Binding::is_active) {
            self.cache[slot].state = State::Unreachable;
            self.want_forwarding(slot);
            self.resume_waiting(slot, Decision::Update(slot), now);
        }
    }

    /// A gateway that was down answers, and has not forgotten its sessions.
    fn regain_reach(&mut self, peer: PeerIndex) {
        for slot in self.sessions_of(peer, |b| b.state == State::Unreachable) {
            self.cache[slot].state = State::Active;
            self.want_forwarding(slot);
            let binding = self.cache[slot].id;
            self.report(slot, What::Resumed { binding });
        }
    }

    fn sessions_of(&self, peer: PeerIndex, which: impl Fn(&Binding) -> bool) -> Vec<Slot> {
        let is_one = |b: &Binding| b.paths.first().peer == peer && which(b);
        self.cache.iter().filter(|(_, b)| is_one(b)).map(|(slot, _)| slot).collect()
    }

    /// Treats sessions of a gateway as if it had de-registered them.
    fn invalidate(&mut self, peer: PeerIndex, now: Now, which: impl Fn(&Binding) -> bool) {
        let slots = self.sessions_of(peer, |b| b.is_held() && which(b));
        slots.iter().for_each(|slot| self.leave_to_others(*slot, Release::PeerLost, now));
    }

    fn send_heartbeat(
        &mut self,
        path: SignalPath,
        care_of: IpAddr,
        peer: Option<PeerIndex>,
        received_dscp: u8,
        flags: HeartbeatFlags,
        sequence: u32,
    ) {
        let policy = self.peers.policy(peer);
        let mut bytes = self.buffers.take();
        let mut encoder = Encoder::new(&mut bytes, Heartbeat { flags, sequence });
        // §3.4: only valid in a response.
        if flags.contains(HeartbeatFlags::R) {
            encoder.option(RestartCounter(self.settings.restart_counter));
        }
        encoder.finish();
        seal(&mut bytes, &path, care_of, policy.beyond_updates());
        let dscp = dscp::answer(policy.dscp, received_dscp);
        self.output.push_back(Output::Send { path, dscp, bytes });
    }

    fn report_peer(&mut self, what: What) {
        self.push_event(self.settings.customer, crate::revocation::nobody(), what);
    }
}
