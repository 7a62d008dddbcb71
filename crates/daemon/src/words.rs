//! Events in words: the one place that says what happened, for the log, for `show … events` and
//! for the trace of a subscriber.

use std::fmt;
use std::net::IpAddr;

use kedge_lma::{Event as AnchorEvent, Release, What};
use kedge_mag::{DetachReason, Event as GatewayEvent, Trigger};
use kedge_model::{CustomerId, MnId};
use tracing::field::display;
use tracing::{debug, info, warn};

/// Something that happened, as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Note {
    /// At the anchor.
    Anchor(AnchorEvent),
    /// At the gateway.
    Gateway(GatewayEvent),
    /// A message that an operator asked to see.
    Message {
        /// Whose; a gateway has one customer.
        customer: CustomerId,
        /// The subscriber it is about, if it names one.
        mn_id: Option<MnId>,
        /// The other end.
        peer: IpAddr,
        /// The message, decoded.
        text: Box<str>,
    },
}

/// What an event is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// A session of a subscriber began, changed or ended.
    Binding,
    /// A peer went down, came back, restarted.
    Peer,
    /// A node did not get a session, or has none yet.
    Attempt,
    /// A message, shown because of `debug`.
    Message,
    /// How many bindings there are, and may be.
    Entitlement,
}

impl Kind {
    /// The word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Binding => "binding",
            Self::Peer => "peer",
            Self::Attempt => "attempt",
            Self::Message => "message",
            Self::Entitlement => "entitlement",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    Debug,
    Info,
    Warning,
}

impl Note {
    /// What it is about.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Anchor(event) => match event.what {
                What::Bound { .. }
                | What::HandedOver { .. }
                | What::Readdressed { .. }
                | What::Delegated { .. }
                | What::Deregistered { .. }
                | What::Resumed { .. }
                | What::Released { .. }
                | What::RevocationFailed { .. } => Kind::Binding,
                What::PeerDown { .. }
                | What::PeerUp { .. }
                | What::PeerRestarted { .. }
                | What::PeerWithoutHeartbeat { .. } => Kind::Peer,
                What::EntitlementExceeded { .. } | What::EntitlementMet { .. } => Kind::Entitlement,
                What::Denied { .. } => Kind::Attempt,
            },
            Self::Gateway(event) => match event {
                GatewayEvent::Registered { .. }
                | GatewayEvent::Delegated { .. }
                | GatewayEvent::AnchorChanged { .. }
                | GatewayEvent::Expired { .. }
                | GatewayEvent::Detached { .. }
                | GatewayEvent::Revoked { .. }
                | GatewayEvent::AddressInUse { .. } => Kind::Binding,
                GatewayEvent::PeerDown { .. }
                | GatewayEvent::PeerUp { .. }
                | GatewayEvent::PeerRestarted { .. }
                | GatewayEvent::RevocationRefused { .. }
                | GatewayEvent::BindingError { .. } => Kind::Peer,
                GatewayEvent::Attached { .. }
                | GatewayEvent::Unanswered { .. }
                | GatewayEvent::Refused { .. }
                | GatewayEvent::Full { .. } => Kind::Attempt,
            },
            Self::Message { .. } => Kind::Message,
        }
    }

    /// Whose it is, as far as an anchor tells its customers apart.
    pub fn customer(&self) -> CustomerId {
        match self {
            Self::Anchor(event) => event.customer,
            Self::Gateway(_) => CustomerId::DEFAULT,
            Self::Message { customer, .. } => *customer,
        }
    }

    /// The subscriber, if it is about one.
    pub fn mn_id(&self) -> Option<&MnId> {
        let named = match self {
            Self::Anchor(event) => Some(&event.mn_id),
            Self::Gateway(event) => match event {
                GatewayEvent::Attached { mn_id, .. }
                | GatewayEvent::Registered { mn_id, .. }
                | GatewayEvent::Delegated { mn_id, .. }
                | GatewayEvent::Unanswered { mn_id, .. }
                | GatewayEvent::Refused { mn_id, .. }
                | GatewayEvent::AnchorChanged { mn_id, .. }
                | GatewayEvent::Expired { mn_id, .. }
                | GatewayEvent::Detached { mn_id, .. }
                | GatewayEvent::Revoked { mn_id, .. }
                | GatewayEvent::AddressInUse { mn_id, .. } => Some(mn_id),
                GatewayEvent::RevocationRefused { .. }
                | GatewayEvent::PeerDown { .. }
                | GatewayEvent::PeerUp { .. }
                | GatewayEvent::PeerRestarted { .. }
                | GatewayEvent::BindingError { .. }
                | GatewayEvent::Full { .. } => None,
            },
            Self::Message { mn_id, .. } => mn_id.as_ref(),
        };
        // A message without an identifier is answered with an empty one.
        named.filter(|mn_id| !mn_id.octets().is_empty())
    }

    /// The peer, if it is about one or came from one.
    pub fn peer(&self) -> Option<IpAddr> {
        match self {
            Self::Anchor(event) => match &event.what {
                What::Bound { care_of: peer, .. }
                | What::HandedOver { to: peer, .. }
                | What::RevocationFailed { peer, .. }
                | What::PeerDown { peer }
                | What::PeerUp { peer }
                | What::PeerRestarted { peer }
                | What::PeerWithoutHeartbeat { peer }
                | What::Denied { peer, .. } => Some(*peer),
                What::Readdressed { .. }
                | What::Delegated { .. }
                | What::Deregistered { .. }
                | What::Resumed { .. }
                | What::Released { .. }
                | What::EntitlementExceeded { .. }
                | What::EntitlementMet { .. } => None,
            },
            Self::Gateway(event) => match event {
                GatewayEvent::Registered { lma: peer, .. }
                | GatewayEvent::Unanswered { lma: peer, .. }
                | GatewayEvent::AnchorChanged { to: peer, .. }
                | GatewayEvent::RevocationRefused { peer, .. }
                | GatewayEvent::PeerDown { peer }
                | GatewayEvent::PeerUp { peer }
                | GatewayEvent::PeerRestarted { peer }
                | GatewayEvent::BindingError { peer, .. } => Some(*peer),
                _ => None,
            },
            Self::Message { peer, .. } => Some(*peer),
        }
    }

    /// Writes the line of the log; `customer` is the name of whose it is.
    pub fn log(&self, customer: Option<&str>) {
        let mn_id = self.mn_id().map(display);
        let peer = self.peer().filter(|_| mn_id.is_none()).map(display);
        match self.weight() {
            Weight::Warning => warn!(customer, mn_id, peer, "{self}"),
            Weight::Info => info!(customer, mn_id, peer, "{self}"),
            Weight::Debug => debug!(customer, mn_id, peer, "{self}"),
        }
    }

    fn weight(&self) -> Weight {
        match self {
            Self::Anchor(event) => match event.what {
                What::PeerDown { .. }
                | What::PeerRestarted { .. }
                | What::EntitlementExceeded { .. } => Weight::Warning,
                // A stranger can cause any number of them.
                What::Denied { .. } => Weight::Debug,
                _ => Weight::Info,
            },
            Self::Gateway(event) => match event {
                GatewayEvent::Attached { .. }
                | GatewayEvent::Registered { .. }
                | GatewayEvent::Delegated { .. }
                | GatewayEvent::Detached { .. }
                | GatewayEvent::PeerUp { .. } => Weight::Info,
                _ => Weight::Warning,
            },
            Self::Message { .. } => Weight::Info,
        }
    }
}

/// What happened, without whose it is.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anchor(event) => at_anchor(&event.what, f),
            Self::Gateway(event) => at_gateway(event, f),
            Self::Message { text, .. } => f.write_str(text),
        }
    }
}

fn at_anchor(what: &What, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match what {
        What::Bound { care_of, addresses, .. } => {
            write!(f, "bound at {care_of}")?;
            list(f, " with ", addresses.routed())
        }
        What::HandedOver { from, to, .. } => write!(f, "handed over from {from} to {to}"),
        What::Readdressed { addresses, .. } => {
            f.write_str("addresses changed")?;
            list(f, " to ", addresses.routed())
        }
        What::Delegated { prefixes, .. } if prefixes.is_empty() => {
            f.write_str("mobile networks withdrawn")
        }
        What::Delegated { prefixes, .. } => {
            f.write_str("mobile networks changed")?;
            list(f, " to ", prefixes.iter())
        }
        What::Deregistered { .. } => {
            f.write_str("de-registered by its gateway, kept for a handover")
        }
        What::Resumed { .. } => f.write_str("served again"),
        What::Released { reason, .. } => write!(f, "released: {}", release(*reason)),
        What::RevocationFailed { peer, status: Some(status) } => {
            write!(f, "revocation refused by {peer}: {status}")
        }
        What::RevocationFailed { peer, status: None } => {
            write!(f, "revocation not acknowledged by {peer}")
        }
        What::PeerDown { .. } => f.write_str("gateway does not answer"),
        What::PeerUp { .. } => f.write_str("gateway answers again"),
        What::PeerRestarted { .. } => f.write_str("gateway has restarted"),
        What::PeerWithoutHeartbeat { .. } => f.write_str("gateway knows no heartbeats"),
        What::EntitlementExceeded { entitled } => {
            write!(f, "more bindings than the {entitled} that the operator is entitled to")
        }
        What::EntitlementMet { entitled } => {
            write!(f, "no more bindings than the {entitled} that the operator is entitled to")
        }
        What::Denied { peer, denial } => {
            write!(f, "update from {peer} denied with status {}: {denial}", denial.status().0)
        }
    }
}

fn release(reason: Release) -> &'static str {
    match reason {
        Release::Expired => "its lifetime ran out",
        Release::Deregistered => "de-registered, and not taken over",
        Release::Cleared => "cleared by an operator",
        Release::PeerLost => "its gateway restarted, and no other took it over",
        Release::Revoked => "revoked",
    }
}

fn at_gateway(event: &GatewayEvent, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match event {
        GatewayEvent::Attached { mac, trigger, .. } => {
            write!(f, "attached: {}", noticed(*trigger))?;
            mac.map_or(Ok(()), |mac| write!(f, " from {mac}"))
        }
        GatewayEvent::Registered { lma, prefixes, ipv4, lifetime, took, .. } => {
            write!(f, "registered with {lma}")?;
            list(f, " with ", prefixes.iter())?;
            if let Some(address) = ipv4 {
                f.write_str(if prefixes.is_empty() { " with " } else { ", " })?;
                write!(f, "{address}")?;
            }
            let (secs, took) = (lifetime.secs(), took.as_millis());
            write!(f, ", for {secs} s, after {took} ms")
        }
        GatewayEvent::Delegated { prefixes, .. } if prefixes.is_empty() => {
            f.write_str("mobile networks withdrawn")
        }
        GatewayEvent::Delegated { prefixes, .. } => {
            f.write_str("mobile networks changed")?;
            list(f, " to ", prefixes.iter())
        }
        GatewayEvent::Unanswered { lma, attempts, .. } => {
            write!(f, "the anchor does not answer: {lma}, {attempts} updates sent")
        }
        GatewayEvent::Refused { why, retry_in: Some(retry), .. } => {
            write!(f, "no service: {why}; tried again in {} s", retry.as_secs())
        }
        GatewayEvent::Refused { why, retry_in: None, .. } => {
            write!(f, "no service: {why}; not tried again until an operator clears it")
        }
        GatewayEvent::AnchorChanged { from, to, .. } => {
            write!(f, "another anchor: {to} instead of {from}")
        }
        GatewayEvent::RevocationRefused { status, .. } => {
            write!(f, "the anchor does not end all sessions at once: {status}")
        }
        GatewayEvent::Expired { .. } => f.write_str("expired without a refresh"),
        GatewayEvent::Detached { reason, .. } => write!(f, "detached: {}", detach(*reason)),
        GatewayEvent::Revoked { trigger, .. } => write!(f, "revoked by the anchor: {trigger}"),
        GatewayEvent::PeerDown { .. } => f.write_str("anchor does not answer"),
        GatewayEvent::PeerUp { .. } => f.write_str("anchor answers again"),
        GatewayEvent::PeerRestarted { .. } => f.write_str("anchor has restarted"),
        GatewayEvent::BindingError { status, .. } => write!(f, "binding error: {status}"),
        GatewayEvent::Full { mac, .. } => {
            f.write_str("turned away: binding maximum reached")?;
            mac.map_or(Ok(()), |mac| write!(f, ", {mac}"))
        }
        GatewayEvent::AddressInUse { address, .. } => {
            write!(f, "the node found its address {address} in use on its link")
        }
    }
}

fn noticed(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::RouterSolicitation => "router solicitation",
        Trigger::Dhcp => "DHCP",
        Trigger::Neighbor => "ARP or neighbour message",
        Trigger::Packet => "packet",
        Trigger::Static => "always on its interface",
        Trigger::Command => "by a command",
    }
}

fn detach(reason: DetachReason) -> &'static str {
    match reason {
        DetachReason::Link => "its link went down",
        DetachReason::Silent => "it did not answer",
        DetachReason::Moved => "it moved to another interface",
        DetachReason::Released => "it gave its address back",
        DetachReason::Cleared => "cleared by an operator",
        DetachReason::Reconfigured => "no longer configured",
        DetachReason::Shutdown => "the gateway stops",
        DetachReason::Revoked => "revoked by the anchor",
    }
}

/// Things in a row, or nothing.
fn list<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    before: &str,
    things: impl Iterator<Item = T>,
) -> fmt::Result {
    for (place, thing) in things.enumerate() {
        f.write_str(if place == 0 { before } else { ", " })?;
        write!(f, "{thing}")?;
    }
    Ok(())
}
