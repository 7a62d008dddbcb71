//! What a change of the settings means for the nodes that are here.

use std::sync::Arc;

use kedge_model::BindingId;
use kedge_sansio::Now;

use crate::delegated::Delegation;
use crate::entry::{Entry, State};
use crate::settings::Lma;
use crate::{DetachReason, InterfaceId, LinkState, Mag, Settings, Timer, Trigger};

/// What the new settings do to one session.
enum Effect {
    /// It goes on, with this definition of its anchor.
    Keep(Arc<Lma>),
    /// It was begun for other settings and has to be begun again.
    Restart,
    /// Its node is not served any more.
    End,
}

/// How many sessions other settings would end.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Ended {
    /// Their nodes are not served any more.
    pub for_good: usize,
    /// They are begun again at once.
    pub to_begin_again: usize,
}

impl Mag {
    /// How many sessions other settings would end.
    pub fn ended_by(&self, settings: &Settings) -> Ended {
        let mut ended = Ended::default();
        let settings = &self.with_identities(settings.clone());
        for (_, entry) in self.list.iter().filter(|(_, entry)| entry.is_present()) {
            match effect(&self.settings, settings, entry) {
                Effect::Keep(_) => {}
                Effect::Restart => ended.to_begin_again += 1,
                Effect::End => ended.for_good += 1,
            }
        }
        ended
    }

    /// Command: other settings. Sessions that they do not touch go on undisturbed; refused nodes
    /// are tried again, since this is the administrative action they wait for.
    pub fn apply(&mut self, settings: Settings, now: Now) {
        let settings = self.with_identities(settings);
        let before = std::mem::replace(&mut self.settings, settings);
        for (id, interface) in &mut self.settings.interfaces {
            if let Some(told) = self.mtus.get(id) {
                interface.mtu = *told;
            }
        }
        self.mtus.retain(|interface, _| self.settings.interfaces.contains_key(interface));
        self.links.retain(|interface, _| self.settings.interfaces.contains_key(interface));
        self.branches.retain(|interface, _| self.settings.interfaces.contains_key(interface));
        self.without_gre.clear();
        let lmas = &self.settings.lmas;
        let is_configured = |address| lmas.values().any(|lma| lma.address == address);
        self.anchors.retain(is_configured);
        self.hearts.retain(is_configured);
        for id in self.list.ids(|entry| entry.scout.is_some()) {
            self.end_scout(id, now);
        }
        for id in self.list.ids(Entry::is_present) {
            let Some(entry) = self.list.get(id) else { continue };
            match effect(&before, &self.settings, entry) {
                Effect::Keep(lma) => self.keep(id, lma, now),
                Effect::Restart => self.restart(id, now),
                Effect::End => self.detach(id, DetachReason::Reconfigured, now),
            }
        }
        let up = self.links.iter().filter(|(_, state)| **state == LinkState::Up);
        let up: Vec<InterfaceId> = up.map(|(interface, _)| *interface).collect();
        for interface in up {
            self.attend_static(interface, now);
        }
        self.advertise_mtus(now);
        if before.detach != self.settings.detach {
            self.watch_anew(now);
        }
    }

    fn keep(&mut self, id: BindingId, lma: Arc<Lma>, now: Now) {
        let Some(entry) = self.list.get_mut(id) else { return };
        entry.lma = lma;
        // The administrative action that a refused delegation waits for.
        if entry.delegation == Delegation::Off {
            entry.delegation = entry.first_delegation;
        }
        let held = std::mem::take(&mut entry.held);
        entry.refused_by.clear();
        // What the anchor took away is asked for again (RFC 5844 §3.2.3.2).
        entry.service = entry.profile_service;
        let registered_at = entry.grant().map(|_| entry.lma.address);
        if let State::Refused { .. } = entry.state {
            self.begin_again(id, now);
        } else if held {
            self.set_timer(id, Timer::Signal, now.mono);
        }
        // Heartbeats may have been turned on.
        if let Some(anchor) = registered_at {
            self.feel(anchor, now);
        }
        // The order of the anchors may be another one.
        self.set_timer(id, Timer::Move, now.mono);
        // The tunnel's MTU may be another one.
        self.tell(id);
    }

    fn restart(&mut self, id: BindingId, now: Now) {
        let Some(entry) = self.list.get(id) else { return };
        let (interface, mac) = (entry.interface, entry.mac);
        self.detach(id, DetachReason::Reconfigured, now);
        match mac {
            Some(mac) => {
                self.attend(interface, mac, Trigger::Command, now);
            }
            None => self.attend_static(interface, now),
        }
    }

    fn watch_anew(&mut self, now: Now) {
        for id in self.list.ids(Entry::is_present) {
            match self.settings.detach {
                Some(discovery) => self.set_timer(id, Timer::Probe, now.mono + discovery.interval),
                None => self.stop_timer(id, Timer::Probe),
            }
        }
    }
}

fn effect(before: &Settings, settings: &Settings, entry: &Entry) -> Effect {
    let Some(link) = settings.interfaces.get(&entry.interface) else { return Effect::End };
    let who = settings.identify(link, entry.mac);
    let Some(profile) = who.and_then(|who| settings.profile(who)) else { return Effect::End };
    let mut anchors = settings.anchors_of(profile).peekable();
    if anchors.peek().is_none() {
        return Effect::End;
    }
    let Some((_, lma)) = anchors.find(|(name, _)| *name == entry.lma_name) else {
        return Effect::Restart;
    };
    let care_of = settings.care_of_towards(lma.address);
    let same = who == Some(&entry.mn_id)
        && before.transport == settings.transport
        && lma.address == entry.lma.address
        && lma.encapsulation == entry.lma.encapsulation
        && care_of == Some(entry.care_of)
        && link.access_technology == entry.access_technology
        && profile.service == entry.profile_service
        && Delegation::at_first(link, profile) == entry.first_delegation;
    if same { Effect::Keep(lma.clone()) } else { Effect::Restart }
}
