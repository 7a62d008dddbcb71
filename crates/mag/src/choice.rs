//! Which anchor a session is registered with, and how it gets to another one.
//!
//! The order is the operator's: the anchor that the node's profile names, then all in the order of
//! the configuration. A session is with the first of them that is up and has not just refused it.
//! When that is another one than the session is with, it moves:
//!
//! - A session without a binding is simply registered there.
//! - A session with one keeps it while a *scout*, an entry of its own in the list, registers it
//!   there. When the anchor accepts, the session takes the scout's place, and what is left of the
//!   old registration is ended by a de-registration. When the anchor refuses or does not answer,
//!   nothing has happened to the node.
//!
//! Another anchor gives other addresses (each has its own pools), so a move renumbers the node: the
//! old prefixes are taken back in the first advertisement with the new ones (RFC 5213 §6.12).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kedge_model::{BindingId, Encapsulation, MacAddr, MnId};
use kedge_sansio::Now;
use kedge_wire::{BindingAcknowledgement, OptionsRef};

use crate::entry::{Entry, Kind, State, TlvPlan};
use crate::rate::Recent;
use crate::settings::Lma;
use crate::{Event, Mag, Timer};

/// After so many transmissions without an answer an anchor is silent.
pub(crate) const SILENT_ATTEMPTS: u32 = 3;

/// How long a session does not ask an anchor again that refused or ignored it, while another one
/// serves it.
const REFUSAL_KEPT: Duration = Duration::from_secs(600);

impl Mag {
    /// Whether a session would rather be with the anchor at `address` than where it is.
    pub(crate) fn prefers(&self, entry: &Entry, address: IpAddr) -> bool {
        let Some(profile) = self.settings.profile(&entry.mn_id) else { return false };
        let mut order = self.settings.anchors_of(profile).map(|(_, lma)| lma.address);
        entry.is_present()
            && entry.lma.address != address
            && order.find(|a| *a == address || *a == entry.lma.address) == Some(address)
    }

    /// The anchor that a new session of a node begins with: the first that is up, or the first if
    /// none is.
    pub(crate) fn first_anchor(&self, mn_id: &MnId, now: Instant) -> Option<(String, Arc<Lma>)> {
        let profile = self.settings.profile(mn_id)?;
        let all = || self.settings.anchors_of(profile);
        let usable = all().find(|(_, lma)| self.anchors.is_usable(lma.address, now));
        usable.or_else(|| all().next()).map(|(name, lma)| (name.to_owned(), lma.clone()))
    }

    /// The anchor that a session should move to; `None` if it is where it should be, or if it can
    /// be nowhere.
    fn better_anchor(&self, entry: &Entry, now: Instant) -> Option<IpAddr> {
        let profile = self.settings.profile(&entry.mn_id)?;
        for (_, lma) in self.settings.anchors_of(profile) {
            let refused = entry.is_refused_by(lma.address, now);
            if lma.address == entry.lma.address {
                if !refused && !self.anchors.is_down(lma.address) {
                    return None;
                }
            } else if !refused && self.anchors.is_usable(lma.address, now) {
                return Some(lma.address);
            }
        }
        None
    }

    /// The timer of a session's move fired.
    pub(crate) fn move_due(&mut self, id: BindingId, now: Now) {
        self.change_anchor(id, now);
        self.plan_return(id, now);
    }

    /// Has a session look again for its anchor once one that it prefers to its own may be asked: at
    /// the end of the hold time, or of the time for which a refusal is kept. One that is down has
    /// the sessions look when it is back.
    pub(crate) fn plan_return(&mut self, id: BindingId, now: Now) {
        let Some(entry) = self.list.get(id).filter(|entry| entry.is_present()) else { return };
        let Some(profile) = self.settings.profile(&entry.mn_id) else { return };
        let all = self.settings.anchors_of(profile).map(|(_, lma)| lma.address);
        let better = all.take_while(|address| *address != entry.lma.address);
        let opens =
            better.filter(|address| !self.anchors.is_down(*address)).filter_map(|address| {
                let held = self.anchors.get(address).and_then(|anchor| anchor.held_for(now.mono));
                let refused = entry.refused_by.iter().find(|(refuser, _)| *refuser == address);
                let refused = refused.map(|(_, until)| *until).filter(|until| *until > now.mono);
                refused.max(held.map(|left| now.mono + left))
            });
        if let Some(at) = opens.min() {
            self.look_at(id, at);
        }
    }

    /// Has a session look for its anchor at this time, if it does not before.
    fn look_at(&mut self, id: BindingId, at: Instant) {
        let Some(entry) = self.list.get(id) else { return };
        let planned = entry.move_timer.and_then(|timer| self.timers.due(timer));
        if planned.is_none_or(|planned| at < planned) {
            self.set_timer(id, Timer::Move, at);
        }
    }

    /// Begins the move of a session to where it should be. `true` if it has left its anchor.
    pub(crate) fn change_anchor(&mut self, id: BindingId, now: Now) -> bool {
        let Some(entry) = self.list.get(id).filter(|e| e.is_present() && !e.held) else {
            return false;
        };
        let Some(address) = self.better_anchor(entry, now.mono) else { return false };
        match (&entry.state, entry.scout) {
            (State::Active { .. }, None) => {
                self.scout(id, address, now);
                false
            }
            (State::Registering { .. }, None) => {
                // An update that was not answered may have arrived all the same.
                let tell = entry.may_be_held && !entry.is_refused_by(entry.lma.address, now.mono);
                self.switch(id, address, tell, now)
            }
            (State::Active { .. } | State::Registering { .. }, Some(_))
            | (State::Refused { .. } | State::Deregistering { .. }, _) => false,
        }
    }

    /// The anchor has refused the session, or does not answer it: it is not asked for a while.
    pub(crate) fn shun(&mut self, id: BindingId, address: IpAddr, now: Now) {
        let until = now.mono + REFUSAL_KEPT;
        let Some(entry) = self.list.get_mut(id) else { return };
        entry.refused_by.retain(|(refuser, at)| *refuser != address && *at > now.mono);
        entry.refused_by.push((address, until));
        self.look_at(id, until);
    }

    /// Several transmissions of a session's update were not answered. `true` if the session has
    /// left its anchor, or was a scout and is no more.
    pub(crate) fn unanswered(&mut self, id: BindingId, now: Now) -> bool {
        let Some(entry) = self.list.get(id) else { return true };
        let Some(since) = entry.request().map(|request| request.since) else { return false };
        let (address, scouts_for) = (entry.lma.address, entry.scout_for);
        let ignored = self.anchors.answers_others(address, since, now.mono);
        if !ignored {
            self.anchor_fell(address, now);
        }
        let session = scouts_for.unwrap_or(id);
        if ignored && self.has_choice(session) {
            self.shun(session, address, now);
        }
        if scouts_for.is_some() {
            self.end_scout(session, now);
        }
        self.change_anchor(session, now) || scouts_for.is_some()
    }

    fn has_choice(&self, id: BindingId) -> bool {
        let profile = self.list.get(id).and_then(|e| self.settings.profile(&e.mn_id));
        profile.is_some_and(|profile| self.settings.anchors_of(profile).nth(1).is_some())
    }

    /// Registers a session that has no binding with the anchor at `address` instead of its own,
    /// which is told that it is over if it may hold something.
    pub(crate) fn switch(&mut self, id: BindingId, address: IpAddr, tell: bool, now: Now) -> bool {
        let Some((name, lma)) = self.anchor_at(address) else { return false };
        let Some(care_of) = self.settings.care_of_towards(address) else { return false };
        let Some(mn_id) = self.list.get(id).map(|entry| entry.mn_id.clone()) else { return false };
        let gre = self.plan_gre(&lma, &mn_id);
        let request = self.new_request(Kind::Initial, now);
        let Some(entry) = self.list.get_mut(id) else { return false };
        let mut old = entry.beside(State::Registering { request });
        let from = entry.lma.address;
        (entry.lma_name, entry.lma, entry.care_of, entry.gre) = (name, lma, care_of, gre);
        entry.tlv = TlvPlan::Off;
        entry.delegation = entry.first_delegation;
        entry.service = entry.profile_service;
        entry.corrections = 0;
        let mac = entry.mac;
        if tell {
            let request = self.new_request(Kind::Deregistration, now);
            old.state = State::Deregistering { grant: None, request };
            let farewell = self.list.insert_aside(old);
            self.transmit(farewell, now);
        }
        let ended = self.end_farewells(&mn_id, mac, address);
        if let Some(entry) = self.list.get_mut(id) {
            entry.may_be_held = ended.is_some();
            entry.recent = ended.unwrap_or_default();
        }
        self.event(Event::AnchorChanged { binding: id, mn_id, from, to: address });
        self.stats.updates.anchor_changes += 1;
        self.register(id, now);
        true
    }

    /// Tries the anchor at `address` for a session that has a binding elsewhere.
    pub(crate) fn scout(&mut self, id: BindingId, address: IpAddr, now: Now) {
        let Some((name, lma)) = self.anchor_at(address) else { return };
        let Some(care_of) = self.settings.care_of_towards(address) else { return };
        let Some(entry) = self.list.get(id) else { return };
        let (mn_id, mac) = (entry.mn_id.clone(), entry.mac);
        let gre = self.plan_gre(&lma, &mn_id);
        let request = self.new_request(Kind::Initial, now);
        let ended = self.end_farewells(&mn_id, mac, address);
        let handoff = self.handoff_of_first_update(&mn_id, mac);
        let Some(entry) = self.list.get(id) else { return };
        let mut scout = entry.beside(State::Registering { request });
        (scout.lma_name, scout.lma, scout.care_of, scout.gre) = (name, lma, care_of, gre);
        scout.service = scout.profile_service;
        scout.handoff = handoff;
        scout.scout_for = Some(id);
        scout.may_be_held = ended.is_some();
        scout.recent = ended.unwrap_or_default();
        let scout = self.list.insert_aside(scout);
        if let Some(entry) = self.list.get_mut(id) {
            entry.scout = Some(scout);
        }
        self.transmit(scout, now);
    }

    /// Ends the scout of a session, if it has one. The anchor is told if it may hold something.
    pub(crate) fn end_scout(&mut self, id: BindingId, now: Now) {
        let scout = self.list.get_mut(id).and_then(|entry| entry.scout.take());
        let Some(scout) = scout else { return };
        let request = self.new_request(Kind::Deregistration, now);
        let Some(entry) = self.list.get_mut(scout) else { return };
        entry.scout_for = None;
        if !entry.may_be_held {
            return self.forget(scout);
        }
        entry.state = State::Deregistering { grant: None, request };
        self.transmit(scout, now);
    }

    /// The anchor refused a scout's update for good.
    pub(crate) fn scout_refused(&mut self, scout: BindingId, now: Now) {
        let Some(entry) = self.list.get(scout) else { return };
        let (address, session) = (entry.lma.address, entry.scout_for);
        self.forget(scout);
        let Some(session) = session else { return };
        if let Some(entry) = self.list.get_mut(session) {
            entry.scout = None;
        }
        self.shun(session, address, now);
        self.change_anchor(session, now);
    }

    /// The anchor accepted a scout's update: the session is there from here on.
    pub(crate) fn scout_accepted(
        &mut self,
        scout: BindingId,
        ba: BindingAcknowledgement,
        options: OptionsRef<'_>,
        now: Now,
    ) {
        self.stop_timers(scout);
        let Some(mut aside) = self.list.remove(scout) else { return };
        let farewell = self.new_request(Kind::Deregistration, now);
        let Some(entry) = aside.scout_for.and_then(|id| self.list.get_mut(id)) else { return };
        let Some(id) = aside.scout_for.take() else { return };
        entry.scout = None;
        std::mem::swap(&mut entry.lma_name, &mut aside.lma_name);
        std::mem::swap(&mut entry.lma, &mut aside.lma);
        std::mem::swap(&mut entry.care_of, &mut aside.care_of);
        std::mem::swap(&mut entry.gre, &mut aside.gre);
        std::mem::swap(&mut entry.tlv, &mut aside.tlv);
        std::mem::swap(&mut entry.delegation, &mut aside.delegation);
        std::mem::swap(&mut entry.service, &mut aside.service);
        std::mem::swap(&mut entry.handoff, &mut aside.handoff);
        std::mem::swap(&mut entry.sequence, &mut aside.sequence);
        std::mem::swap(&mut entry.recent, &mut aside.recent);
        entry.corrections = 0;
        // What the old anchor asked about the node is of no interest any more.
        entry.contest = None;
        let State::Registering { request: answered } = aside.state else { return };
        // What the old anchor may hold, and what the session has until the new grant replaces it.
        let old = match &mut entry.state {
            State::Active { grant, request, .. } => {
                let old = grant.clone();
                // Of another anchor: nothing of it is to be inherited.
                (grant.encapsulation, grant.keepalive) = (Encapsulation::IpInIp, None);
                grant.control = None;
                *request = Some(answered);
                Some(old)
            }
            State::Registering { request } => {
                *request = answered;
                None
            }
            State::Refused { .. } => {
                entry.state = State::Registering { request: answered };
                None
            }
            State::Deregistering { .. } => return,
        };
        let (mn_id, from, to) = (entry.mn_id.clone(), aside.lma.address, entry.lma.address);
        self.event(Event::AnchorChanged { binding: id, mn_id, from, to });
        self.stats.updates.anchor_changes += 1;
        aside.state = State::Deregistering { grant: old, request: farewell };
        let aside = self.list.insert_aside(aside);
        self.accepted(id, ba, options, now);
        self.transmit(aside, now);
        // The anchor that it has left may have come back while the scout was out.
        self.plan_return(id, now);
    }

    /// A rejection that another anchor might not give: the session goes there. `false` if there is
    /// no other.
    pub(crate) fn try_elsewhere(&mut self, id: BindingId, now: Now) -> bool {
        let Some(entry) = self.list.get(id) else { return false };
        let address = entry.lma.address;
        if !self.has_choice(id) {
            return false;
        }
        self.shun(id, address, now);
        let Some(to) = self.list.get(id).and_then(|e| self.better_anchor(e, now.mono)) else {
            return false;
        };
        self.end_scout(id, now);
        // RFC 5213 §6.9.1.2 (11): no service from a binding that was rejected.
        self.withdraw(id, now);
        self.switch(id, to, false, now)
    }

    /// A refused node is tried again: from the first anchor on, whatever they said before.
    pub(crate) fn begin_again(&mut self, id: BindingId, now: Now) {
        let Some(entry) = self.list.get_mut(id) else { return };
        entry.refused_by.clear();
        let (mn_id, address) = (entry.mn_id.clone(), entry.lma.address);
        match self.first_anchor(&mn_id, now.mono) {
            Some((_, lma)) if lma.address != address => {
                self.switch(id, lma.address, false, now);
            }
            Some(_) | None => self.register(id, now),
        }
        self.plan_return(id, now);
    }

    fn anchor_at(&self, address: IpAddr) -> Option<(String, Arc<Lma>)> {
        let found = self.settings.lmas.iter().find(|(_, lma)| lma.address == address);
        found.map(|(name, lma)| (name.clone(), lma.clone()))
    }

    /// Stops telling an anchor that a node has left: another transmission would be later than the
    /// update that now says it is there, and end the new session. Gives when the last updates were
    /// sent, if one was being told; the anchor may hold the old binding still.
    pub(crate) fn end_farewells(
        &mut self,
        mn_id: &MnId,
        mac: Option<MacAddr>,
        address: IpAddr,
    ) -> Option<Recent> {
        let mut recent = None;
        for id in self.list.by_mn_id(mn_id).to_vec() {
            let over = |e: &&Entry| {
                matches!(e.state, State::Deregistering { .. })
                    && e.mac == mac
                    && e.lma.address == address
            };
            if let Some(entry) = self.list.get(id).filter(over) {
                recent = Some(entry.recent);
                self.forget(id);
            }
        }
        recent
    }
}
