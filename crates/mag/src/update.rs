//! Proxy Binding Updates: what is in them, when they are sent, how often they are repeated
//! (RFC 5213 §6.9.1 and §6.9.4, RFC 5844 §3.2.3, RFC 5845 §4.2).

use std::net::IpAddr;
use std::time::{Duration, Instant};

use kedge_model::{BindingId, Lifetime, MnId, Sequence, Timestamp};
use kedge_sansio::{Backoff, Now};
use kedge_wire::registry::{HandoffIndicatorValue, MnIdSubtype};
use kedge_wire::{
    AccessTechnology, BindingUpdate, BuFlags, Encoder, GreKeyOption, HandoffIndicator,
    HomeNetworkPrefix, Ipv4CareOfAddress, Ipv4HomeAddressRequest, LmaAddress, MnIdOption,
    MnLinkLayerId, ServiceSelection, TimestampOption,
};

use crate::access::delegation;
use crate::branch::Told;
use crate::choice::SILENT_ATTEMPTS;
use crate::entry::{Entry, GrePlan, Kind, Request, State, TlvPlan};
use crate::settings::{Registration, Replay, TunnelMode};
use crate::{Event, Mag, Timer};

/// How often the end of a session is told before the gateway gives up. RFC 5213 §6.9.1.4 ends
/// the session itself after INITIAL_BINDACK_TIMEOUT, answered or not, and so does this gateway,
/// at once; only the message is repeated, since an anchor that missed it would tunnel to nobody
/// for the rest of the lifetime.
const DEREGISTRATION_ATTEMPTS: u32 = 3;

/// After how many unanswered updates an operator is told.
const UNANSWERED_ATTEMPTS: u32 = 3;

/// Shorter times than these are not kept, whatever is configured: the anchor is shared.
const MIN_RETRANSMISSION: Duration = Duration::from_millis(100);
const MIN_REFRESH: Duration = Duration::from_secs(1);

/// The least time between an update and another one that only reasserts the node's presence.
const REASSERTION_INTERVAL: Duration = Duration::from_secs(2);

impl Mag {
    /// Begins an exchange of a kind: the state says what waits for the answer.
    pub(crate) fn new_request(&self, kind: Kind, now: Now) -> Request {
        let Registration { initial_retransmission, max_retransmission, .. } =
            self.settings.registration;
        Request::new(kind, backoff(initial_retransmission, max_retransmission), now.mono)
    }

    /// One of a session that the anchor knows, which may have said how it is done.
    fn request_of(&self, entry: &Entry, kind: Kind, now: Now) -> Request {
        let Some(control) = entry.grant().and_then(|grant| grant.control) else {
            return self.new_request(kind, now);
        };
        let seconds = |seconds: u16| Duration::from_secs(seconds.into());
        let (first, last) = (control.initial_retransmission, control.max_retransmission);
        Request::new(kind, backoff(seconds(first), seconds(last)), now.mono)
    }

    /// Begins a session anew: everything is asked for, nothing is promised.
    pub(crate) fn register(&mut self, id: BindingId, now: Now) {
        let request = self.new_request(Kind::Initial, now);
        let Some(entry) = self.list.get_mut(id) else { return };
        entry.state = State::Registering { request };
        self.transmit(id, now);
    }

    /// Tells the anchor again that the node is here, soon.
    ///
    /// A node that solicits routers, looks for a DHCP server or probes its addresses has just
    /// come up on its link. If this gateway thinks that it has been here all the time, it may
    /// have been at another gateway in between, which the anchor tunnels to since; nobody tells
    /// the first gateway so (a revocation may be lost, or not be sent at all). An update puts it
    /// right and does no harm otherwise. How often a node can cause one is bounded.
    pub(crate) fn reassert(&mut self, id: BindingId, now: Now) {
        let Some(entry) = self.list.get_mut(id) else { return };
        let State::Active { request, last_update, .. } = &entry.state else { return };
        if entry.held {
            return;
        }
        entry.reassert = true;
        if request.is_none() {
            let due = (*last_update + REASSERTION_INTERVAL).max(now.mono);
            if entry.signal_timer.and_then(|timer| self.timers.due(timer)).is_none_or(|d| d > due) {
                self.set_timer(id, Timer::Signal, due);
            }
        }
    }

    /// When the next update of an active session is due.
    pub(crate) fn refresh_due(&self, entry: &Entry, granted: Lifetime, now: Instant) -> Instant {
        if entry.reassert {
            return now + REASSERTION_INTERVAL;
        }
        let half = granted.duration() / 2;
        let configured = self.settings.registration.refresh_time;
        let mut refresh = match entry.grant().and_then(|grant| grant.control) {
            // In units of four seconds before the end. A lifetime that is over by then leaves
            // nothing to count from.
            Some(control) => {
                let before = Lifetime::from_units(control.start_time).duration();
                granted.duration().checked_sub(before).unwrap_or(half)
            }
            None => configured.map_or(half, |time| time.min(half)),
        };
        // RFC 5555 §4.3: an update and its answer are what refreshes a translator's mapping in a
        // way that can be relied on, and what moves the path if the mapping has changed.
        if let Some(keepalive) = entry.grant().and_then(|grant| grant.keepalive) {
            refresh = refresh.min(keepalive);
        }
        now + refresh.max(MIN_REFRESH)
    }

    /// The signalling timer of a session fired.
    pub(crate) fn signal_due(&mut self, id: BindingId, now: Now) {
        let Some(entry) = self.list.get(id) else { return };
        let ends = matches!(entry.state, State::Deregistering { .. });
        let unanswered = entry.request().map_or(0, |request| request.unanswered);
        if !ends && unanswered >= SILENT_ATTEMPTS && self.unanswered(id, now) {
            return;
        }
        let Some(entry) = self.list.get(id) else { return };
        let kind = if entry.reassert { Kind::Reassertion } else { Kind::Refresh };
        match &entry.state {
            State::Registering { .. } | State::Active { request: Some(_), .. } => {
                self.transmit(id, now);
            }
            State::Active { request: None, .. } => {
                let fresh = self.request_of(entry, kind, now);
                if let Some(Entry { state: State::Active { request, .. }, .. }) =
                    self.list.get_mut(id)
                {
                    *request = Some(fresh);
                }
                self.transmit(id, now);
            }
            State::Refused { .. } => self.begin_again(id, now),
            State::Deregistering { request, .. } if request.attempts < DEREGISTRATION_ATTEMPTS => {
                self.transmit(id, now);
            }
            State::Deregistering { .. } => self.conclude(id, now),
        }
    }

    /// Sends the update that waits for an answer, for the first time or again, and starts the
    /// timer of its retransmission.
    pub(crate) fn transmit(&mut self, id: BindingId, now: Now) {
        let Some(entry) = self.list.get(id) else { return };
        let address = entry.lma.address;
        let earliest = entry.recent.earliest(now.mono);
        if earliest > now.mono {
            return self.set_timer(id, Timer::Signal, earliest);
        }
        let is_first = entry.request().is_some_and(|request| request.attempts == 0);
        if is_first && !self.admit(id, address, now) {
            return self.stop_timer(id, Timer::Signal);
        }
        // RFC 5213 §6.9.4 (4): a retransmission has a number and a time of its own.
        let timestamp = self.next_timestamp(now);
        let replay = self.settings.replay;
        let Some(sequence) = self.next_sequence(id) else { return };
        let Some(entry) = self.list.get_mut(id) else { return };
        entry.sequence = sequence;
        entry.recent.note(now.mono);
        entry.may_be_held = true;
        entry.reassert = false;
        if let State::Active { last_update, .. } = &mut entry.state {
            *last_update = now.mono;
        }
        let Some(request) = entry.request_mut() else { return };
        request.remember(sequence, timestamp, now.mono);
        let (kind, attempts) = (request.kind, request.attempts);
        let due = now.mono + request.backoff.next_interval();
        self.set_timer(id, Timer::Signal, due);
        self.stats.sent(kind, attempts == 1);

        let Some(entry) = self.list.get(id) else { return };
        let (lma, care_of) = (entry.lma.clone(), entry.care_of);
        let path = self.path_to(care_of, lma.address);
        let timestamp = (replay == Replay::Timestamp).then_some(timestamp);
        let lifetime = match kind {
            Kind::Deregistration => Lifetime::ZERO,
            Kind::Initial | Kind::Refresh | Kind::Reassertion => {
                self.settings.registration.lifetime
            }
        };
        let mut bytes = self.buffers.take();
        let branch = self.branches.get(&entry.interface);
        // RFC 5149 §4.1: with the first update of a session alone.
        let profile = self.settings.profile(&entry.mn_id).filter(|_| kind == Kind::Initial);
        let selection = profile.and_then(|profile| profile.service_selection.as_deref());
        write_update(entry, branch, kind, lifetime, (timestamp, selection), &mut bytes);
        let unanswered = (attempts == UNANSWERED_ATTEMPTS && kind != Kind::Deregistration)
            .then(|| entry.mn_id.clone());
        let dscp = self.settings.dscp_of(&lma).of_request();
        let auth = self.settings.auth_of(&entry.mn_id, &lma).cloned();
        self.send(path, dscp, auth.as_ref(), bytes);
        if let Some(mn_id) = unanswered {
            self.event(Event::Unanswered { binding: id, mn_id, lma: lma.address, attempts });
        }
    }

    /// The number after the last one sent: of all sessions with timestamps, where it only tells
    /// updates apart (RFC 5213 §6.9.1.1 (6)); of the node's sessions with this anchor otherwise.
    /// An anchor compares the numbers of one node (RFC 6275 §9.5.1), and to some that is the node
    /// whichever of its interfaces an update is about.
    fn next_sequence(&mut self, id: BindingId) -> Option<Sequence> {
        if self.settings.replay == Replay::Timestamp {
            self.sequence = self.sequence.next();
            return Some(self.sequence);
        }
        let entry = self.list.get(id)?;
        let others = self.last_sequence(&entry.mn_id, entry.lma.address);
        let last = others.filter(|other| other.is_after(entry.sequence)).unwrap_or(entry.sequence);
        Some(last.next())
    }

    /// The last number that a session of a node sent to an anchor.
    pub(crate) fn last_sequence(&self, mn_id: &MnId, address: IpAddr) -> Option<Sequence> {
        let entries = self.list.by_mn_id(mn_id).iter().filter_map(|id| self.list.get(*id));
        let numbers = entries.filter(|e| e.lma.address == address).map(|e| e.sequence);
        numbers.reduce(|last, next| if next.is_after(last) { next } else { last })
    }

    /// Now, but after every timestamp sent before: two updates in one turn of the loop have an
    /// order too. A clock that was set back by more than a second is followed.
    fn next_timestamp(&mut self, now: Now) -> Timestamp {
        let clock = Timestamp::from_system_time(now.wall);
        let close = self.timestamp.abs_diff(clock) < Duration::from_secs(1);
        self.timestamp = match close && clock <= self.timestamp {
            true => Timestamp(self.timestamp.0 + 1),
            false => clock,
        };
        self.timestamp
    }
}

/// The waits of retransmissions.
fn backoff(first: Duration, last: Duration) -> Backoff {
    let first = first.max(MIN_RETRANSMISSION);
    Backoff::new(first, last.max(first))
}

/// The handoff indicator of an update.
///
/// RFC 5213 §6.9.1.3 and §6.9.1.4 fix it for refreshes (5) and de-registrations (4). A
/// reassertion does not know whether the node was handed over in between: 4.
pub(crate) fn handoff_indicator(entry: &Entry, kind: Kind) -> HandoffIndicatorValue {
    match kind {
        Kind::Initial => entry.handoff,
        Kind::Refresh => HandoffIndicatorValue::NOT_CHANGED,
        Kind::Reassertion | Kind::Deregistration => HandoffIndicatorValue::UNKNOWN,
    }
}

/// Writes the message of RFC 5213 §6.9.1.5. The Link-local Address option is not in it because
/// the gateway's address is fixed (RFC 6543, RFC 5213 §6.9.1.1 (9)).
fn write_update(
    entry: &Entry,
    branch: Option<&Told>,
    kind: Kind,
    lifetime: Lifetime,
    (timestamp, selection): (Option<Timestamp>, Option<&str>),
    out: &mut Vec<u8>,
) {
    let mut flags = BuFlags::A | BuFlags::P;
    if entry.lma.encapsulation == TunnelMode::Udp {
        // RFC 5844 §4.2.2.1. It speaks of IPv4 transport; over IPv6 the flag asks for the same,
        // and an anchor that does not give it leaves out the NAT Detection option.
        flags |= BuFlags::F;
    }
    // RFC 5845 §4.2: GRE is not asked for in a de-registration.
    let gre = if kind == Kind::Deregistration { GrePlan::Off } else { entry.gre };
    if !matches!(gre, GrePlan::Off | GrePlan::Static) && entry.tlv == TlvPlan::Asked {
        flags |= BuFlags::F | BuFlags::T;
    }
    let mut encoder =
        Encoder::new(out, BindingUpdate { sequence: entry.sequence, flags, lifetime });
    // The identifier before everything that depends on whose it is (RFC 4283 §3.2).
    let subtype = MnIdSubtype(entry.mn_id.subtype());
    if let Some(mn_id) = MnIdOption::new(subtype, entry.mn_id.octets()) {
        encoder.option(mn_id);
    }
    let granted = match &entry.state {
        State::Active { grant, .. } => Some(grant),
        State::Deregistering { grant, .. } => grant.as_ref(),
        State::Registering { .. } | State::Refused { .. } => None,
    };
    match granted {
        // RFC 5213 §6.9.1.3 (2), §6.9.1.4 (2): one option for each prefix assigned.
        Some(grant) => {
            grant.prefixes.iter().for_each(|p| encoder.option(HomeNetworkPrefix::new(*p)));
        }
        None if entry.service.ipv6() => {
            let asked = branch.and_then(|told| told.branch.ipv6).unwrap_or_default();
            encoder.option(HomeNetworkPrefix::new(asked));
        }
        None => {}
    }
    match branch.filter(|_| entry.is_router()) {
        Some(told) => told.asked_for(entry, kind).for_each(|option| encoder.option(option)),
        None => delegation::asked_for(entry, kind).for_each(|option| encoder.option(option)),
    }
    encoder.option(HandoffIndicator(handoff_indicator(entry, kind)));
    encoder.option(AccessTechnology(entry.access_technology));
    let link_layer_id = entry.link_layer_id.as_ref();
    if let Some(option) = link_layer_id.and_then(|id| MnLinkLayerId::new(id.octets())) {
        encoder.option(option);
    }
    if let Some(timestamp) = timestamp {
        encoder.option(TimestampOption(timestamp));
    }
    // RFC 5844 §3.2.3.1, §3.2.3.3: zero asks for an address, otherwise the one assigned. An
    // address that was asked for and not assigned is asked for again: a refresh has the options
    // of the first update (RFC 5213 §6.9.1.3 (1)).
    let asks = kind != Kind::Deregistration || granted.is_none();
    let own = branch.and_then(|told| told.branch.ipv4);
    let address = granted
        .and_then(|grant| grant.ipv4)
        .or_else(|| (asks && entry.service.ipv4()).then(|| own.unwrap_or_default()));
    if let Some(address) = address {
        encoder.option(Ipv4HomeAddressRequest { address });
    }
    match gre {
        GrePlan::Off | GrePlan::Static => {}
        GrePlan::Plain => encoder.option(GreKeyOption { key: None }),
        GrePlan::Keyed(key) => encoder.option(GreKeyOption { key: Some(key) }),
    }
    if let Some(option) = selection.and_then(|name| ServiceSelection::new(name.as_bytes())) {
        encoder.option(option);
    }
    // What the anchor compares with the packet's addresses, to find translators.
    if let IpAddr::V4(own) = entry.care_of {
        encoder.option(Ipv4CareOfAddress(own));
        encoder.option(LmaAddress(entry.lma.address));
    }
    encoder.finish();
}
