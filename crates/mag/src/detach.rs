//! How a node goes: its link, an operator, the gateway's own end (RFC 5213 §6.9.1.4, §6.13).

use kedge_model::{BindingId, MnId};
use kedge_sansio::Now;

use crate::entry::{Entry, Grant, Kind, State};
use crate::{DetachReason, Event, InterfaceId, LinkState, Mag, Timer};

impl Mag {
    /// The link of an access interface changed, or the shell saw it for the first time.
    pub fn handle_link(&mut self, interface: InterfaceId, state: LinkState, now: Now) {
        match state {
            LinkState::Up => {
                self.links.insert(interface, state);
                self.attend_static(interface, now);
            }
            LinkState::Down | LinkState::Gone => {
                self.links.insert(interface, state);
                for id in self.list.ids(|e| e.interface == interface && e.is_present()) {
                    self.detach(id, DetachReason::Link, now);
                }
            }
        }
    }

    /// Command: ends all sessions of a node. It is registered again when it is heard again, a
    /// static node as soon as the anchor has been told. Returns how many sessions there were.
    pub fn clear(&mut self, mn_id: &MnId, now: Now) -> usize {
        self.detach_all(|entry| entry.mn_id == *mn_id, DetachReason::Cleared, now)
    }

    /// Command: ends all sessions. Returns how many there were. An anchor that has several of
    /// them is told so by one Binding Revocation Indication (RFC 5846 §9.2).
    pub fn clear_all(&mut self, now: Now) -> usize {
        let at = |address| move |entry: &Entry| entry.lma.address == address;
        let anchors = self.anchors_in_use();
        let ended = anchors.into_iter().map(|address| {
            let ids = self.list.ids(|entry| entry.is_present() && at(address)(entry));
            match ids.len() > 1 && self.may_revoke_all(address) {
                true => self.revoke_all(address, &ids, now),
                false => ids.iter().for_each(|id| self.detach(*id, DetachReason::Cleared, now)),
            }
            ids.len()
        });
        ended.sum()
    }

    /// Command: ends all sessions because the gateway stops. The shell goes on driving the
    /// machine until [`Mag::is_idle`], or for as long as it can wait. The anchors are told by
    /// de-registrations: these let them keep a node's addresses for the gateway that it moves to,
    /// which a revocation does not.
    pub fn shutdown(&mut self, now: Now) {
        self.detach_all(|_| true, DetachReason::Shutdown, now);
        // Whoever is heard from here on is not served any more.
        let interfaces = self.settings.interfaces.keys();
        self.links.extend(interfaces.map(|interface| (*interface, LinkState::Gone)));
    }

    fn detach_all(
        &mut self,
        wanted: impl Fn(&Entry) -> bool,
        reason: DetachReason,
        now: Now,
    ) -> usize {
        let ids = self.list.ids(|entry| entry.is_present() && wanted(entry));
        for id in &ids {
            self.detach(*id, reason, now);
        }
        ids.len()
    }

    /// Ends a session here, and tells the anchor if it may hold something for it.
    pub(crate) fn detach(&mut self, id: BindingId, reason: DetachReason, now: Now) {
        let interface = self.list.get(id).map(|entry| entry.interface);
        if self.part(id, reason, now) {
            self.transmit(id, now);
        } else if let Some(interface) = interface.filter(|_| reason != DetachReason::Shutdown) {
            self.attend_static(interface, now);
        }
    }

    /// Ends a session here. `true` if the anchor may hold something for it: then the entry is left
    /// with a de-registration that is still to be sent.
    pub(crate) fn part(&mut self, id: BindingId, reason: DetachReason, now: Now) -> bool {
        let Some(entry) = self.list.get(id) else { return false };
        let mn_id = entry.mn_id.clone();
        let tell_anchor = match &entry.state {
            State::Deregistering { .. } => return false,
            // An update that was not answered may have arrived all the same.
            State::Registering { .. } | State::Active { .. } => entry.may_be_held,
            State::Refused { .. } => false,
        } && reason != DetachReason::Revoked;
        self.end_scout(id, now);
        // The node hears it if it is still there, and then forgets its router and prefixes:
        // RFC 5213 §6.9.1.4 (4) asks to tear the link down, which nobody can do to an Ethernet.
        let grant = self.withdraw(id, now);
        self.list.forget_mac(id);
        self.stop_timers(id);
        self.stats.access.detached += 1;
        self.event(Event::Detached { binding: id, mn_id, reason });
        if !tell_anchor {
            self.forget(id);
            return false;
        }
        let request = self.new_request(Kind::Deregistration, now);
        if let Some(entry) = self.list.get_mut(id) {
            entry.dhcp = None;
            entry.dhcpv6 = None;
            entry.contest = None;
            entry.reassert = false;
            entry.state = State::Deregistering { grant, request };
        }
        true
    }

    /// Takes the service from a node: it is told so, and no packet of its is forwarded any more.
    /// The state that remains promises nothing; the caller says what comes next. Gives what had
    /// been granted.
    pub(crate) fn withdraw(&mut self, id: BindingId, now: Now) -> Option<Grant> {
        let granted = self.list.get(id).is_some_and(|entry| entry.grant().is_some());
        if !granted {
            return None;
        }
        self.advertise_end(id);
        self.stop_timer(id, Timer::Advertise);
        self.stop_timer(id, Timer::Lifetime);
        let request = self.new_request(Kind::Initial, now);
        let entry = self.list.get_mut(id)?;
        let before = std::mem::replace(&mut entry.state, State::Registering { request });
        self.tell(id);
        match before {
            State::Active { grant, .. } => Some(grant),
            State::Registering { .. } | State::Refused { .. } | State::Deregistering { .. } => None,
        }
    }

    /// The anchor knows that a session is over, or is not told any more. A node that is always
    /// there begins another one.
    pub(crate) fn conclude(&mut self, id: BindingId, now: Now) {
        let interface = self.list.get(id).map(|entry| entry.interface);
        self.forget(id);
        if let Some(interface) = interface {
            self.attend_static(interface, now);
        }
    }

    /// Removes the last trace of a session.
    pub(crate) fn forget(&mut self, id: BindingId) {
        self.stop_timers(id);
        let session = self.list.remove(id).and_then(|entry| entry.scout_for);
        if let Some(entry) = session.and_then(|session| self.list.get_mut(session)) {
            entry.scout = None;
        }
    }
}
