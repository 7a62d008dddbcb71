//! How a node comes: who it is, where it is, and the beginning of its registration
//! (RFC 5213 §6.6, §6.9.1.1).

use kedge_model::{BindingId, MacAddr, MnId, Sequence};
use kedge_sansio::Now;
use kedge_wire::registry::HandoffIndicatorValue;
use tracing::debug;

use crate::delegated::Delegation;
use crate::entry::{Advertising, Entry, Kind, Neighbor, State, TlvPlan};
use crate::rejection::patience;
use crate::{DetachReason, Event, InterfaceId, LinkState, Mag, Timer, Trigger};

impl Mag {
    /// Command: a node is on an interface, somebody else found out (a controller, a link layer
    /// with its own association). Does nothing for a node that no table knows.
    pub fn attach(&mut self, interface: InterfaceId, mac: MacAddr, now: Now) {
        self.attend(interface, mac, Trigger::Command, now);
    }

    /// The session of the node that was heard; begun if it is new here. `None` if the node is
    /// not to be served.
    pub(crate) fn attend(
        &mut self,
        interface: InterfaceId,
        mac: MacAddr,
        trigger: Trigger,
        now: Now,
    ) -> Option<BindingId> {
        if let Some(id) = self.list.by_mac(mac) {
            return self.follow(id, interface, mac, trigger, now);
        }
        // A static node had no address until it was heard.
        if self.is_static(interface, mac)
            && let Some(id) = self.list.unheard(interface)
        {
            self.list.learn_mac(id, mac);
            self.tell(id);
            return Some(id);
        }
        self.begin(interface, Some(mac), trigger, now)
    }

    /// The static node of an interface whose link is up.
    pub(crate) fn attend_static(&mut self, interface: InterfaceId, now: Now) {
        let is_static = self.settings.interfaces.get(&interface).is_some_and(|i| i.static_node);
        let here = |e: &Entry| e.interface == interface && e.is_present();
        if is_static && !self.list.iter().any(|(_, entry)| here(entry)) {
            self.begin(interface, None, Trigger::Static, now);
        }
    }

    /// A node that is known, perhaps from another interface.
    fn follow(
        &mut self,
        id: BindingId,
        interface: InterfaceId,
        mac: MacAddr,
        trigger: Trigger,
        now: Now,
    ) -> Option<BindingId> {
        let entry = self.list.get_mut(id)?;
        if entry.interface == interface {
            return Some(id);
        }
        let link = self.settings.interfaces.get(&interface)?;
        let who = self.settings.identify(link, Some(mac));
        if who != Some(&entry.mn_id) || link.access_technology != entry.access_technology {
            // Another session, as the anchor sees it: its key has the technology in it
            // (RFC 5213 §5.4.1.2). The anchor keeps the addresses of one that has just ended.
            self.detach(id, DetachReason::Moved, now);
            return self.begin(interface, Some(mac), trigger, now);
        }
        // The same session on another port: nothing for the anchor to know, but an update makes
        // sure that it agrees.
        entry.interface = interface;
        self.tell(id);
        self.announce(id, &[], now);
        self.reassert(id, now);
        Some(id)
    }

    /// Begins the session of a node, if a table knows it and there is room.
    fn begin(
        &mut self,
        interface: InterfaceId,
        mac: Option<MacAddr>,
        trigger: Trigger,
        now: Now,
    ) -> Option<BindingId> {
        if self.links.get(&interface).is_some_and(|state| *state != LinkState::Up) {
            return None;
        }
        let link = self.settings.interfaces.get(&interface)?;
        let access_technology = link.access_technology;
        let Some(mn_id) = self.settings.identify(link, mac).cloned() else {
            debug!(?interface, ?mac, "a node that no table knows");
            self.stats.access.unknown_nodes += 1;
            if let Some(mac) = mac {
                self.ask_identity(interface, mac, trigger, now);
            }
            return None;
        };
        let plan = self.first_anchor(&mn_id, now.mono).and_then(|(name, lma)| {
            let profile = self.settings.profile(&mn_id)?;
            let (service, delegation) = (profile.service, Delegation::at_first(link, profile));
            let care_of = self.settings.care_of_towards(lma.address)?;
            Some((service, delegation, name, lma, care_of))
        });
        let Some((service, delegation, lma_name, lma, care_of)) = plan else {
            debug!(?interface, ?mac, "a node without a profile or a way to its anchor");
            self.stats.access.unserved_nodes += 1;
            return None;
        };
        let last_sequence = self.last_sequence(&mn_id, lma.address);
        let ended = self.end_farewells(&mn_id, mac, lma.address);
        if self.list.len() >= self.settings.max_bindings {
            self.stats.access.full += 1;
            self.event(Event::Full { interface, mac });
            if trigger == Trigger::Static {
                self.turned_away.wait(interface, now.mono);
            }
            return None;
        }
        let entry = Entry {
            handoff: self.handoff_of_first_update(&mn_id, mac),
            gre: self.plan_gre(&lma, &mn_id),
            tlv: TlvPlan::Off,
            sequence: last_sequence.unwrap_or(Sequence(self.rng.next_u32() as u16)),
            mn_id: mn_id.clone(),
            interface,
            mac,
            link_layer_id: mac.map(Into::into),
            access_technology,
            profile_service: service,
            first_delegation: delegation,
            service,
            lma_name,
            lma,
            care_of,
            state: State::Registering { request: self.new_request(Kind::Initial, now) },
            patience: patience(),
            corrections: 0,
            reassert: false,
            held: false,
            may_be_held: ended.is_some(),
            recent: ended.unwrap_or_default(),
            refused_by: Vec::new(),
            scout: None,
            scout_for: None,
            neighbor: Neighbor::heard_at(now.mono),
            advertising: Advertising::default(),
            contest: None,
            dhcp: None,
            dhcpv6: None,
            delegation,
            told_forwarding: None,
            told_access: None,
            signal_timer: None,
            lifetime_timer: None,
            advertise_timer: None,
            probe_timer: None,
            verify_timer: None,
            move_timer: None,
        };
        let id = self.list.insert(entry);
        self.stats.access.attached += 1;
        self.event(Event::Attached { binding: id, mn_id, interface, mac, trigger });
        self.watch(id, now);
        self.transmit(id, now);
        self.plan_return(id, now);
        Some(id)
    }

    /// The handoff indicator of a first update (RFC 5213 §6.9.1.1 (4), (5)).
    ///
    /// A gateway alone cannot know whether the node comes from another gateway, so the value is
    /// 4, unknown: 2 and 3 MUST NOT be set on a guess. It costs no time. The Mobile Node
    /// Link-layer Identifier option is in the update, and an anchor that finds its session by
    /// (MN-ID, ATT, LL-ID) updates it whatever the indicator says (§5.4.1.2 (2)); only a node
    /// with another interface registered elsewhere is made to wait (§5.4.1.2 (4)), which is what
    /// keeps a handover between its interfaces possible. What a gateway does know is that
    /// another interface of the node is attached to it at the same time: then this one is new, 1.
    pub(crate) fn handoff_of_first_update(
        &self,
        mn_id: &MnId,
        mac: Option<MacAddr>,
    ) -> HandoffIndicatorValue {
        let attached = |id: &BindingId| {
            self.list.get(*id).is_some_and(|other| other.grant().is_some() && other.mac != mac)
        };
        match self.list.by_mn_id(mn_id).iter().any(attached) {
            true => HandoffIndicatorValue::NEW_INTERFACE,
            false => HandoffIndicatorValue::UNKNOWN,
        }
    }

    /// Whether a node heard on an interface is the one that is always there.
    fn is_static(&self, interface: InterfaceId, mac: MacAddr) -> bool {
        self.settings.interfaces.get(&interface).is_some_and(|link| {
            link.static_node && self.settings.identify(link, Some(mac)) == link.identity.as_ref()
        })
    }

    /// Whether a session is that of the node that is always there.
    pub(crate) fn is_bound_to_link(&self, entry: &Entry) -> bool {
        self.settings
            .interfaces
            .get(&entry.interface)
            .is_some_and(|link| link.static_node && link.identity.as_ref() == Some(&entry.mn_id))
    }

    /// Starts to look whether the node is still there.
    fn watch(&mut self, id: BindingId, now: Now) {
        if let Some(discovery) = self.settings.detach {
            self.set_timer(id, Timer::Probe, now.mono + discovery.interval);
        }
    }
}
