//! Acknowledgements that say no (RFC 5213 §6.9.1.2 (7) to (11), RFC 5844 §3.2.3.2, RFC 5845 §4.2,
//! RFC 6275 §11.7.3): for each status one remedy, or none.
//!
//! A rejection ends the node's service at once (item 11) unless the update was only too old. What
//! comes next is the remedy: an update that is corrected, another anchor, or patience. The table
//! in words is in `docs/rfc/rfc5213-mag.md`.

use std::time::Duration;

use kedge_model::BindingId;
use kedge_sansio::{Backoff, Now};
use kedge_wire::BindingAcknowledgement;
use kedge_wire::registry::Status;
use tracing::debug;

use crate::entry::{GrePlan, State};
use crate::settings::{Service, TunnelMode};
use crate::{Event, Mag, Refusal, Timer};

/// Between two attempts to register a node that was refused.
const FIRST_RETRY: Duration = Duration::from_secs(10);
const LAST_RETRY: Duration = Duration::from_secs(600);

/// How many rejections in a row for an update's number or time are answered with another update
/// soon. Any other correction asks for less than before, so that its number is limited by itself.
const MAX_CORRECTIONS: u8 = 3;

/// How far the clocks of gateways are expected to be apart; the wait before the first update
/// that follows one with too low a timestamp.
const CLOCK_SKEW: Duration = Duration::from_millis(50);

/// What may help.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Remedy {
    /// The same with a later timestamp, soon.
    LaterTime,
    /// The same with the number after the one that the anchor accepted last.
    NextNumber,
    /// To leave the choice of addresses to the anchor, if the update named some.
    AskAnew,
    /// To do without an IPv4 home address.
    WithoutIpv4,
    /// To do without home network prefixes.
    WithoutIpv6,
    /// A GRE key.
    GreKey,
    /// To do without delegated prefixes.
    WithoutDelegation,
    /// Another anchor; this one again after a while.
    Elsewhere,
    /// Time.
    Patience,
    /// An operator.
    Operator,
}

fn remedy(status: Status) -> Remedy {
    match status {
        // RFC 5213 §6.9.1.2 (8).
        Status::TIMESTAMP_LOWER_THAN_PREV_ACCEPTED => Remedy::LaterTime,
        // RFC 6275 §11.7.3.
        Status::SEQUENCE_NUMBER_OUT_OF_WINDOW => Remedy::NextNumber,
        // RFC 5213 §6.9.1.2 (10), RFC 5844 §3.2.3.2; RFC 5213 §5.4.1 for the set.
        Status::NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX
        | Status::BCE_PBU_PREFIX_SET_DO_NOT_MATCH
        | Status::NOT_AUTHORIZED_FOR_IPV4_HOME_ADDRESS => Remedy::AskAnew,
        // RFC 5844 §3.2.3.2; 173 says that another session of the node has the one address.
        Status::NOT_AUTHORIZED_FOR_IPV4_MOBILITY_SERVICE
        | Status::MULTIPLE_IPV4_HOME_ADDRESS_ASSIGNMENT_NOT_SUPPORTED => Remedy::WithoutIpv4,
        Status::NOT_AUTHORIZED_FOR_IPV6_MOBILITY_SERVICE => Remedy::WithoutIpv6,
        // RFC 7148 §5.1.2: the rest of the session is not in question.
        Status::NOT_AUTHORIZED_FOR_DELEGATED_MNP | Status::REQUESTED_DMNP_IN_USE => {
            Remedy::WithoutDelegation
        }
        // RFC 5845 §4.2.
        Status::GRE_KEY_OPTION_REQUIRED => Remedy::GreKey,
        // RFC 5213 §6.9.1.2 (9): whoever sets this host's clock needs time, and other anchors
        // have the right time too.
        Status::TIMESTAMP_MISMATCH => Remedy::Patience,
        // RFC 5213 §6.9.1.2 (7); RFC 5149 §3: what is not subscribed to anywhere.
        Status::PROXY_REG_NOT_ENABLED | Status::SERVICE_AUTHORIZATION_FAILED => Remedy::Operator,
        // All others are about this anchor: its resources, its policy, what it supports, what it
        // knows of the node, of the gateway or of their keys.
        _ => Remedy::Elsewhere,
    }
}

/// Whether an answer denies an address family that the session does not ask for: it belongs to an
/// update from before the session gave that family up, whatever number it repeats.
pub(crate) fn refuses_what_was_not_asked(service: Service, status: Status) -> bool {
    match remedy(status) {
        Remedy::WithoutIpv4 => !service.ipv4(),
        Remedy::WithoutIpv6 => !service.ipv6(),
        _ => false,
    }
}

/// The patience of a session that has not been refused.
pub(crate) fn patience() -> Backoff {
    Backoff::new(FIRST_RETRY, LAST_RETRY)
}

impl Mag {
    pub(crate) fn rejected(&mut self, id: BindingId, ba: BindingAcknowledgement, now: Now) {
        let remedy = remedy(ba.status);
        debug!(status = %ba.status, ?remedy, "update rejected");
        if let Some(request) = self.list.get_mut(id).and_then(|entry| entry.request_mut()) {
            request.unanswered = 0;
        }
        if remedy == Remedy::LaterTime {
            return self.send_later(id, now);
        }
        if self.correct(id, remedy, ba, now) {
            return;
        }
        let Some(entry) = self.list.get(id) else { return };
        if entry.scout_for.is_some() {
            return self.scout_refused(id, now);
        }
        let why = Refusal::Status(ba.status);
        match remedy {
            // RFC 5844 §3.2.3.2: the family was all that the session asked for.
            Remedy::Operator | Remedy::WithoutIpv4 | Remedy::WithoutIpv6 => {
                self.refuse(id, why, false, now);
            }
            Remedy::Patience => self.refuse(id, why, true, now),
            Remedy::LaterTime
            | Remedy::NextNumber
            | Remedy::AskAnew
            | Remedy::GreKey
            | Remedy::WithoutDelegation
            | Remedy::Elsewhere => {
                if !self.try_elsewhere(id, now) {
                    self.refuse(id, why, true, now);
                }
            }
        }
    }

    /// Item 8: reassert the node's presence. The gateway it comes from has a clock that is ahead
    /// of ours, mostly by little: a few quick attempts, each with a later time, then those that
    /// the retransmission timer makes anyway.
    fn send_later(&mut self, id: BindingId, now: Now) {
        let Some(entry) = self.list.get_mut(id) else { return };
        if entry.corrections < MAX_CORRECTIONS {
            let wait = CLOCK_SKEW * (1 << entry.corrections);
            entry.corrections += 1;
            self.set_timer(id, Timer::Signal, now.mono + wait);
        }
    }

    /// Sends a corrected update, if the remedy is one that this session has not had.
    fn correct(
        &mut self,
        id: BindingId,
        remedy: Remedy,
        ba: BindingAcknowledgement,
        now: Now,
    ) -> bool {
        if remedy == Remedy::WithoutDelegation {
            let gave_up = self.give_up_networks(id) || self.give_up_delegated(id, ba.status);
            if gave_up {
                self.transmit(id, now);
            }
            return gave_up;
        }
        let Some(entry) = self.list.get_mut(id) else { return false };
        match remedy {
            Remedy::NextNumber if entry.corrections < MAX_CORRECTIONS => {
                entry.corrections += 1;
                entry.sequence = ba.sequence;
                self.transmit(id, now);
                return true;
            }
            Remedy::AskAnew if entry.grant().is_some() => {}
            Remedy::WithoutIpv4 if entry.service == Service::Dual => entry.service = Service::Ipv6,
            Remedy::WithoutIpv6 if entry.service == Service::Dual => entry.service = Service::Ipv4,
            Remedy::GreKey if entry.gre == GrePlan::Off => {
                let keyed = entry.lma.encapsulation != TunnelMode::Gre;
                let mn_id = entry.mn_id.clone();
                let plan = match keyed {
                    true => GrePlan::Keyed(self.downlink_key(&mn_id)),
                    false => GrePlan::Plain,
                };
                if let Some(entry) = self.list.get_mut(id) {
                    entry.gre = plan;
                }
            }
            _ => return false,
        }
        // What the node has is not what it will get: no service until then (item 11).
        self.withdraw(id, now);
        self.register(id, now);
        true
    }

    /// Denies service to a node that is there (item 11), for a time that doubles, or until an
    /// operator acts.
    pub(crate) fn refuse(&mut self, id: BindingId, why: Refusal, again: bool, now: Now) {
        self.end_scout(id, now);
        self.withdraw(id, now);
        let Some(entry) = self.list.get_mut(id) else { return };
        let retry_in = again.then(|| entry.patience.next_interval());
        entry.state = State::Refused { why };
        entry.corrections = 0;
        let mn_id = entry.mn_id.clone();
        self.stop_timer(id, Timer::Move);
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
    pub(crate) fn hold(&mut self, id: BindingId, now: Now) {
        self.stop_timer(id, Timer::Signal);
        self.end_scout(id, now);
        let Some(entry) = self.list.get_mut(id) else { return };
        if entry.scout_for.is_some() {
            return self.scout_refused(id, now);
        }
        entry.held = true;
        match &mut entry.state {
            State::Active { request, .. } => *request = None,
            State::Registering { .. } => {
                self.refuse(id, Refusal::EchoMismatch, false, now);
            }
            State::Deregistering { .. } => self.conclude(id, now),
            State::Refused { .. } => {}
        }
    }
}
