//! Proxy Binding Acknowledgements: which update they answer, and what follows from them
//! (RFC 5213 §6.9.1.2, RFC 5844 §3.2.3.2).

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use kedge_model::{BindingId, Ipv4Net, Ipv6Net};
use kedge_sansio::{Backoff, Now};
use kedge_wire::registry::Status;
use kedge_wire::{
    AccessTechnology, BaFlags, BindingAcknowledgement, BindingRefreshAdvice, HandoffIndicator,
    HomeNetworkPrefix, Ipv4DefaultRouter, Ipv4HomeAddressReply, MnIdOption, MnLinkLayerId,
    OptionsRef, TimestampOption,
};
use tracing::debug;

use crate::access::delegation;
use crate::list::{Entry, Grant, GrePlan, Kind, State};
use crate::settings::{Replay, Service, TunnelMode};
use crate::update::handoff_indicator;
use crate::{Event, Mag, Refusal, Timer};

/// Between two attempts to register a node that the anchor refused.
const FIRST_RETRY: Duration = Duration::from_secs(10);
const LAST_RETRY: Duration = Duration::from_secs(600);

/// How many rejections in a row for an update's number or time are answered with another update
/// soon. Any other correction asks for less than before, so that its number is limited by itself.
const MAX_CORRECTIONS: u8 = 3;

/// How far the clocks of gateways are expected to be apart; the wait before the first update
/// that follows one with too low a timestamp.
const CLOCK_SKEW: Duration = Duration::from_millis(50);

/// Whether an answer denies an address family that the session does not ask for: it belongs to an
/// update from before the session gave that family up, whatever number it repeats.
fn refuses_what_was_not_asked(service: Service, status: Status) -> bool {
    match status {
        Status::NOT_AUTHORIZED_FOR_IPV4_MOBILITY_SERVICE => !service.ipv4(),
        Status::NOT_AUTHORIZED_FOR_IPV6_MOBILITY_SERVICE => !service.ipv6(),
        _ => false,
    }
}

/// The patience of a session that has not been refused.
pub(crate) fn patience() -> Backoff {
    Backoff::new(FIRST_RETRY, LAST_RETRY)
}

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
        self.stats.answered(kind, ba.status);
        if kind == Kind::Deregistration {
            // Answered is answered: there is nothing left that a rejection could be about.
            self.forget(id);
        } else if ba.status.is_accepted() {
            self.accepted(id, ba, options, now);
            self.feel(peer, now);
        } else {
            debug!(status = %ba.status, "update rejected");
            self.rejected(id, ba, now);
        }
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

    fn accepted(
        &mut self,
        id: BindingId,
        ba: BindingAcknowledgement,
        options: OptionsRef<'_>,
        now: Now,
    ) {
        let encapsulation = self.agree_on_encapsulation(id, ba.status, options);
        let Some(entry) = self.list.get_mut(id) else { return };
        let ipv4 = granted_address(entry.service, options);
        let grant = Grant {
            prefixes: granted_prefixes(entry.service, options),
            ipv4,
            ipv4_router: ipv4.and_then(|address| default_router(address, options)),
            delegated: delegation::granted(entry.delegation, options),
            lifetime: ba.lifetime,
            expires: now.mono + ba.lifetime.duration(),
            encapsulation,
        };
        if ba.lifetime.is_zero() || (grant.prefixes.is_empty() && grant.ipv4.is_none()) {
            self.refuse(id, Refusal::NothingGranted, true, now);
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
        let Some(entry) = self.list.get(id) else { return };
        let mut refresh = self.refresh_due(entry, ba.lifetime, now.mono);
        if let Some(advice) = advice.filter(|advice| !advice.is_zero()) {
            refresh = refresh.min(now.mono + advice);
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

    /// A rejection is answered with a corrected update where an RFC says how to correct it, at
    /// once but not often; otherwise the node gets no service for a while.
    fn rejected(&mut self, id: BindingId, ba: BindingAcknowledgement, now: Now) {
        let refusal = Refusal::Status(ba.status);
        let Some(entry) = self.list.get_mut(id) else { return };
        // RFC 5213 §6.9.1.2 (8): reassert the node's presence. The gateway it comes from has a clock
        // that is ahead of ours, mostly by little: a few quick attempts, each with a later time,
        // then those that the retransmission timer makes anyway.
        if ba.status == Status::TIMESTAMP_LOWER_THAN_PREV_ACCEPTED {
            if entry.corrections < MAX_CORRECTIONS {
                let wait = CLOCK_SKEW * (1 << entry.corrections);
                entry.corrections += 1;
                self.set_timer(id, Timer::Signal, now.mono + wait);
            }
            return;
        }
        // RFC 7148 §5.1.2: the rest of the session is not in question.
        let is_about_delegation = matches!(
            ba.status,
            Status::NOT_AUTHORIZED_FOR_DELEGATED_MNP | Status::REQUESTED_DMNP_IN_USE
        );
        if is_about_delegation && self.give_up_delegated(id, ba.status) {
            self.transmit(id, now);
            return;
        }
        let Some(entry) = self.list.get_mut(id) else { return };
        let asked_for_its_own = entry.grant().is_some();
        let corrected = match ba.status {
            // RFC 6275 §11.7.3: go on from the number that the anchor accepted last.
            Status::SEQUENCE_NUMBER_OUT_OF_WINDOW => {
                entry.sequence = ba.sequence;
                entry.corrections < MAX_CORRECTIONS
            }
            // RFC 5213 §6.9.1.2 (10), RFC 5844 §3.2.3.2: let the anchor choose.
            Status::NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX
            | Status::BCE_PBU_PREFIX_SET_DO_NOT_MATCH
            | Status::NOT_AUTHORIZED_FOR_IPV4_HOME_ADDRESS => asked_for_its_own,
            // RFC 5844 §3.2.3.2: not again until an administrative action is taken.
            Status::NOT_AUTHORIZED_FOR_IPV4_MOBILITY_SERVICE if entry.service == Service::Dual => {
                entry.service = Service::Ipv6;
                true
            }
            Status::NOT_AUTHORIZED_FOR_IPV6_MOBILITY_SERVICE if entry.service == Service::Dual => {
                entry.service = Service::Ipv4;
                true
            }
            // RFC 5845 §4.2: send again with the option.
            Status::GRE_KEY_OPTION_REQUIRED if entry.gre == GrePlan::Off => {
                let key = self.new_gre_key();
                if let Some(entry) = self.list.get_mut(id) {
                    entry.gre = match entry.lma.encapsulation {
                        TunnelMode::Gre => GrePlan::Plain,
                        TunnelMode::IpInIp | TunnelMode::GreKeyed | TunnelMode::Udp => {
                            GrePlan::Keyed(key)
                        }
                    };
                }
                true
            }
            _ => false,
        };
        let Some(entry) = self.list.get_mut(id) else { return };
        if corrected {
            match ba.status {
                Status::SEQUENCE_NUMBER_OUT_OF_WINDOW => {
                    entry.corrections += 1;
                    self.transmit(id, now);
                }
                // What the node has is not what it will get: no service until then (item 11).
                _ => {
                    self.withdraw(id, now);
                    self.register(id, now);
                }
            }
            return;
        }
        // Item 7 and RFC 5844 §3.2.3.2: the anchor's operator has to act before it makes sense.
        let final_word = matches!(
            ba.status,
            Status::PROXY_REG_NOT_ENABLED
                | Status::NOT_AUTHORIZED_FOR_IPV4_MOBILITY_SERVICE
                | Status::NOT_AUTHORIZED_FOR_IPV6_MOBILITY_SERVICE
        );
        self.refuse(id, refusal, !final_word, now);
    }

    /// Denies service to a node that is there (RFC 5213 §6.9.1.2, item 11), for a time that
    /// doubles, or until an operator acts. Item 9 asks for patience too: this gateway's clock is
    /// the host's, and whoever sets it needs time.
    pub(crate) fn refuse(&mut self, id: BindingId, why: Refusal, again: bool, now: Now) {
        self.withdraw(id, now);
        let Some(entry) = self.list.get_mut(id) else { return };
        let retry_in = again.then(|| entry.patience.next_interval());
        entry.state = State::Refused { why };
        entry.corrections = 0;
        let mn_id = entry.mn_id.clone();
        match retry_in {
            Some(interval) => self.set_timer(id, Timer::Signal, now.mono + interval),
            None => self.stop_timer(id, Timer::Signal),
        }
        self.deny_dhcp(id, now);
        self.event(Event::Refused { binding: id, mn_id, why, retry_in });
    }

    /// After an acknowledgement with a wrong echo nothing is sent until an operator acts
    /// (RFC 5213 §6.9.1.2, item 6). What the anchor granted before stays until it runs out: the
    /// message is to be ignored, not believed.
    fn hold(&mut self, id: BindingId, now: Now) {
        self.stop_timer(id, Timer::Signal);
        let Some(entry) = self.list.get_mut(id) else { return };
        entry.held = true;
        match &mut entry.state {
            State::Active { request, .. } => *request = None,
            State::Registering { .. } => {
                self.refuse(id, Refusal::EchoMismatch, false, now);
            }
            State::Deregistering { .. } => self.forget(id),
            State::Refused { .. } => {}
        }
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
        } else {
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

fn granted_prefixes(service: Service, options: OptionsRef<'_>) -> Vec<Ipv6Net> {
    if !service.ipv6() {
        return Vec::new();
    }
    let prefixes = options.all::<HomeNetworkPrefix>();
    prefixes.filter(|option| !option.is_request()).map(|option| option.prefix.trunc()).collect()
}

fn granted_address(service: Service, options: OptionsRef<'_>) -> Option<Ipv4Net> {
    let reply = options.get::<Ipv4HomeAddressReply>().filter(|_| service.ipv4())?;
    let assigned = reply.status.is_accepted() && !reply.address.addr().is_unspecified();
    assigned.then_some(reply.address)
}

/// The node's IPv4 router (RFC 5844 §3.2.3.2). From an anchor that does not say one, the first
/// host of the subnet that is not the node: the gateway needs some address to be the router at.
fn default_router(home: Ipv4Net, options: OptionsRef<'_>) -> Option<Ipv4Addr> {
    let said = options.get::<Ipv4DefaultRouter>().map(|option| option.0);
    said.filter(|address| !address.is_unspecified())
        .or_else(|| home.hosts().find(|address| *address != home.addr()))
}
