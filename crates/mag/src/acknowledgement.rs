//! Proxy Binding Acknowledgements: which update they answer, and what follows from them
//! (RFC 5213 §6.9.1.2, RFC 5844 §3.2.3.2).

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use kedge_model::{BindingId, IpNet, Ipv4Net, Ipv6Net, Timestamp};
use kedge_sansio::Now;
use kedge_wire::registry::Status;
use kedge_wire::{
    AccessTechnology, BaFlags, BindingAcknowledgement, BindingRefreshAdvice, HandoffIndicator,
    HomeNetworkPrefix, Ipv4DefaultRouter, Ipv4HomeAddressReply, LmaControlledMagParameters,
    MnIdOption, MnLinkLayerId, OptionsRef, TimestampOption,
};
use tracing::debug;

use crate::access::delegation;
use crate::entry::{Entry, Grant, Kind, State};
use crate::rejection::{patience, refuses_what_was_not_asked};
use crate::settings::{Replay, Service};
use crate::update::handoff_indicator;
use crate::{Event, Mag, Refusal, Timer};

impl Mag {
    pub(crate) fn handle_acknowledgement(
        &mut self,
        peer: IpAddr,
        ba: BindingAcknowledgement,
        options: OptionsRef<'_>,
        now: Now,
    ) {
        if !ba.flags.contains(BaFlags::P) {
            self.stats.acknowledgements.errors += 1;
            self.stats.discards.not_proxy += 1;
            return;
        }
        let Some((id, kind)) = self.find_request(peer, ba, options) else {
            self.stats.acknowledgements.errors += 1;
            self.stats.discards.unmatched += 1;
            return;
        };
        let Some(entry) = self.list.get(id) else { return };
        if refuses_what_was_not_asked(entry.service, ba.status) {
            self.stats.acknowledgements.errors += 1;
            self.stats.discards.unmatched += 1;
            return;
        }
        if !echoes(entry, kind, options) {
            self.stats.acknowledgements.errors += 1;
            self.stats.discards.echo_mismatch += 1;
            self.hold(id, now);
            return;
        }
        if self.is_stale(ba, options, now) {
            self.stats.acknowledgements.errors += 1;
            self.stats.discards.stale += 1;
            return;
        }
        let parameters = options.get::<LmaControlledMagParameters>().unwrap_or_default();
        if parameters.has_zero() {
            debug!(%peer, ?parameters, "the anchor wants what cannot be");
            self.stats.acknowledgements.errors += 1;
            self.stats.discards.zero_parameters += 1;
            return;
        }
        self.stats.answered(kind, ba.status);
        let scouts = entry.scout_for.is_some();
        let grants = grants_something(entry.service, ba, options) && !self.is_taken(id, options);
        self.anchor_rose(peer, now);
        match (kind, ba.status.is_accepted()) {
            // Answered is answered: there is nothing left that a rejection could be about.
            (Kind::Deregistration, _) => self.conclude(id, now),
            (_, false) => self.rejected(id, ba, now),
            (_, true) if scouts && grants => {
                self.scout_accepted(id, ba, options, now);
                self.obey(peer, parameters.heartbeat, now);
            }
            (_, true) if scouts => self.scout_refused(id, now),
            (_, true) => {
                self.accepted(id, ba, options, now);
                self.obey(peer, parameters.heartbeat, now);
            }
        }
        self.release(id, peer, now);
    }

    /// Whether the time that an accepting answer repeats is too long ago (RFC 5213 §5.5): that of
    /// one that rejects may be the anchor's own.
    fn is_stale(&self, ba: BindingAcknowledgement, options: OptionsRef<'_>, now: Now) -> bool {
        let (Some(window), true) = (self.settings.replay_window, self.uses_timestamps()) else {
            return false;
        };
        let clock = Timestamp::from_system_time(now.wall);
        let said = options.get::<TimestampOption>().filter(|_| ba.status.is_accepted());
        said.is_some_and(|said| !said.0.is_within(window, clock))
    }

    /// The session whose update this answers (RFC 5213 §6.9.1.2, items 3 and 5). An acknowledgement
    /// of an earlier transmission is as good as that of the last one.
    fn find_request(
        &self,
        peer: IpAddr,
        ba: BindingAcknowledgement,
        options: OptionsRef<'_>,
    ) -> Option<(BindingId, Kind)> {
        let mn_id = options.get::<MnIdOption<'_>>()?.to_mn_id();
        // An anchor that accepts repeats the time of the update; one that rejects an update for
        // its time says its own (RFC 5213 §5.5 (7) to (9)).
        let said = options.get::<TimestampOption>().map(|option| option.0);
        let said = said.filter(|_| ba.status.is_accepted() && self.uses_timestamps());
        let answered = |id: &BindingId| {
            let entry = self.list.get(*id).filter(|entry| entry.lma.address == peer)?;
            let request = entry.request()?;
            let is_echo = echoes(entry, request.kind, options);
            let is_answered = if ba.status == Status::SEQUENCE_NUMBER_OUT_OF_WINDOW {
                // RFC 6275 §9.5.1: this one says the number that the anchor accepted last.
                is_echo
            } else {
                let (_, sent) = request.sent.iter().find(|(number, _)| *number == ba.sequence)?;
                // The end of a session is not the answer to the beginning of another one that
                // has got to the same number.
                let ends = request.kind == Kind::Deregistration;
                // A number alone may be an earlier session's: without times, what is repeated
                // says whose answer this is.
                said.map_or(self.uses_timestamps() || is_echo, |time| time == *sent)
                    && (!ba.status.is_accepted() || ba.lifetime.is_zero() == ends)
            };
            is_answered.then_some((is_echo, (*id, request.kind)))
        };
        // Two interfaces of a node can have got to the same number: then the echo decides.
        let found = || self.list.by_mn_id(&mn_id).iter().filter_map(answered);
        let found = found().find(|(is_echo, _)| *is_echo).or_else(|| found().next());
        found.map(|(_, named)| named)
    }

    pub(crate) fn accepted(
        &mut self,
        id: BindingId,
        ba: BindingAcknowledgement,
        options: OptionsRef<'_>,
        now: Now,
    ) {
        let agreed = self.agree_on_encapsulation(id, ba, options);
        let Some(entry) = self.list.get_mut(id) else { return };
        let ipv4 = granted_address(entry.service, options);
        let grant = Grant {
            prefixes: granted_prefixes(entry.service, options),
            ipv4,
            ipv4_router: ipv4.and_then(|address| default_router(address, options)),
            delegated: delegation::granted(entry.delegation, options),
            lifetime: ba.lifetime,
            expires: now.mono + ba.lifetime.duration(),
            encapsulation: agreed.encapsulation,
            keepalive: agreed.keepalive,
            control: options.get::<LmaControlledMagParameters>().and_then(|p| p.reregistration),
        };
        if !grants_something(entry.service, ba, options) {
            self.refuse(id, Refusal::NothingGranted, true, now);
            return;
        }
        if self.is_taken(id, options) {
            self.refuse(id, Refusal::Taken, true, now);
            return;
        }
        self.end_earlier_grants(id, &grant, now);
        let Some(entry) = self.list.get_mut(id) else { return };
        let before = match &entry.state {
            State::Active { grant, .. } => Some(grant.clone()),
            State::Registering { .. } | State::Refused { .. } | State::Deregistering { .. } => None,
        };
        let since = entry.request().map_or(now.mono, |request| request.since);
        let advice = options.get::<BindingRefreshAdvice>().map(|advice| advice.0.duration());
        entry.state = State::Active { grant: grant.clone(), request: None, last_update: now.mono };
        entry.corrections = 0;
        entry.patience = patience();
        entry.refused_by.retain(|(refuser, _)| *refuser != entry.lma.address);
        self.note_networks(id);
        let Some(entry) = self.list.get(id) else { return };
        let mut refresh = self.refresh_due(entry, ba.lifetime, now.mono);
        if let Some(advice) = advice.filter(|advice| !advice.is_zero()) {
            refresh = refresh.min(now.mono + advice);
        }
        if agreed.is_to_be_changed {
            refresh = now.mono;
        }
        self.set_timer(id, Timer::Signal, refresh);
        self.set_timer(id, Timer::Lifetime, grant.expires);
        self.tell(id);
        let delegated = before.as_ref().map_or(&[][..], |before| &before.delegated);
        if delegated != grant.delegated {
            self.report_delegation(id);
        }
        self.answer_waiting_dhcpv6(id, now);
        let changed = before
            .as_ref()
            .is_none_or(|before| (&before.prefixes, before.ipv4) != (&grant.prefixes, grant.ipv4));
        if changed {
            let gone = before.map_or(Vec::new(), |before| before.prefixes);
            self.announce(id, &gone, now);
            self.report_registration(id, grant, now.mono.duration_since(since));
        }
    }

    /// Whether an answer grants what another session has of another anchor, which is there. The two
    /// anchors do not know of each other, so that neither has forgotten anything; who has it keeps
    /// it, or both sessions would take it from each other for ever.
    fn is_taken(&self, id: BindingId, options: OptionsRef<'_>) -> bool {
        let Some(entry) = self.list.get(id) else { return false };
        let is_elsewhere = |earlier: BindingId| {
            let other = self
                .list
                .get(earlier)
                .filter(|_| ![Some(id), entry.scout_for].contains(&Some(earlier)));
            other.is_some_and(|other| {
                let address = other.lma.address;
                address != entry.lma.address && !self.anchors.is_down(address)
            })
        };
        let home = granted_address(entry.service, options);
        let prefixes = granted_prefixes(entry.service, options).into_iter().map(IpNet::V6);
        let mut nets = prefixes
            .chain(home.map(|home| Ipv4Net::from(home.addr()).into()))
            .chain(delegation::granted(entry.delegation, options));
        nets.any(|net| self.list.by_inner(net).is_some_and(is_elsewhere))
    }

    /// An anchor gives a prefix or an address to one session (RFC 5213 §5.2). What another session
    /// here had of it, the anchor has forgotten, since it cleared its bindings or restarted: that
    /// session is registered again.
    fn end_earlier_grants(&mut self, id: BindingId, grant: &Grant, now: Now) {
        for net in grant.inner() {
            if let Some(earlier) = self.list.by_inner(net).filter(|earlier| *earlier != id) {
                self.withdraw(earlier, now);
                self.register(earlier, now);
            }
        }
    }

    fn report_registration(&mut self, id: BindingId, grant: Grant, took: Duration) {
        let Some(entry) = self.list.get(id) else { return };
        let event = Event::Registered {
            binding: id,
            mn_id: entry.mn_id.clone(),
            lma: entry.lma.address,
            prefixes: grant.prefixes,
            ipv4: grant.ipv4,
            lifetime: grant.lifetime,
            took,
        };
        self.event(event);
    }

    /// The granted lifetime ran out (RFC 5213 §6.9.1.3): there is no service any more, but a node
    /// that is still there is registered anew, as often as the back-off allows.
    pub(crate) fn expire(&mut self, id: BindingId, now: Now) {
        let Some(entry) = self.list.get(id) else { return };
        let mn_id = entry.mn_id.clone();
        let held = entry.held;
        self.withdraw(id, now);
        self.event(Event::Expired { binding: id, mn_id });
        if held {
            self.refuse(id, Refusal::EchoMismatch, false, now);
        } else if !self.change_anchor(id, now) {
            self.register(id, now);
        }
    }

    fn uses_timestamps(&self) -> bool {
        self.settings.replay == Replay::Timestamp
    }
}

/// RFC 5213 §6.9.1.2 (6): what is repeated must be what was sent.
fn echoes(entry: &Entry, kind: Kind, options: OptionsRef<'_>) -> bool {
    let handoff = options.get::<HandoffIndicator>().map(|option| option.0);
    let technology = options.get::<AccessTechnology>().map(|option| option.0);
    let link_layer_id = options.get::<MnLinkLayerId<'_>>();
    let ours = entry.link_layer_id.as_ref().map(|id| id.octets());
    handoff.is_none_or(|value| value == handoff_indicator(entry, kind))
        && technology.is_none_or(|value| value == entry.access_technology)
        && link_layer_id.is_none_or(|option| Some(option.identifier()) == ours)
}

/// Whether an accepting answer is worth anything.
fn grants_something(service: Service, ba: BindingAcknowledgement, options: OptionsRef<'_>) -> bool {
    let prefixes = granted_prefixes(service, options);
    !ba.lifetime.is_zero() && (!prefixes.is_empty() || granted_address(service, options).is_some())
}

fn granted_prefixes(service: Service, options: OptionsRef<'_>) -> Vec<Ipv6Net> {
    let mut granted = Vec::new();
    for option in options.all::<HomeNetworkPrefix>().filter(|_| service.ipv6()) {
        let prefix = option.prefix.trunc();
        if is_home_prefix(prefix) && !granted.contains(&prefix) {
            granted.push(prefix);
        }
    }
    granted
}

fn granted_address(service: Service, options: OptionsRef<'_>) -> Option<Ipv4Net> {
    let reply = options.get::<Ipv4HomeAddressReply>().filter(|_| service.ipv4())?;
    let of_network = reply.address.prefix_len() > 0 && is_host(reply.address.addr());
    (reply.status.is_accepted() && of_network).then_some(reply.address)
}

/// The node's IPv4 router (RFC 5844 §3.2.3.2). From an anchor that does not say one, the first
/// host of the subnet that is not the node: the gateway needs some address to be the router at.
fn default_router(home: Ipv4Net, options: OptionsRef<'_>) -> Option<Ipv4Addr> {
    let said = options.get::<Ipv4DefaultRouter>().map(|option| option.0);
    said.filter(|address| is_host(*address))
        .or_else(|| home.hosts().find(|address| *address != home.addr()))
}

/// Whether a node can have addresses of `prefix` that the rest of the world sends to. What is
/// routed to the node must not be every destination, a group, or a link's own.
fn is_home_prefix(prefix: Ipv6Net) -> bool {
    let address = prefix.addr();
    prefix.prefix_len() > 0
        && !address.is_unspecified()
        && !address.is_loopback()
        && !address.is_multicast()
        && !address.is_unicast_link_local()
}

/// Whether one host can have this address on a network.
fn is_host(address: Ipv4Addr) -> bool {
    let reserved = address.is_unspecified() || address.is_broadcast() || address.is_loopback();
    !reserved && !address.is_multicast() && !address.is_link_local()
}
