//! A node's entry in the Binding Update List (RFC 5213 §6.1), and the states it goes through.
//!
//! ```text
//!              attach                     accepted
//!   (nobody) ─────────▶ Registering ──────────────────▶ Active ◀─┐ refresh accepted
//!                        ▲    │  ▲ lifetime ran out       │ │ └──┘
//!             try again  │    │  └────────────────────────┘ │
//!                        │    │ rejected                    │ rejected, revoked
//!                       Refused ◀───────────────────────────┘
//!
//!   node left, from Registering and Active ─▶ Deregistering ─▶ (nobody)
//!   node left, from Refused ─▶ (nobody)
//! ```
//!
//! A session that has a binding and should move to another anchor has a second entry meanwhile,
//! its scout, which is Registering there (`choice`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kedge_access_wire::dhcpv4;
use kedge_model::{
    BindingId, Encapsulation, Forwarding, GreKey, IpNet, Ipv4Net, Ipv6Net, Lifetime, LinkLayerId,
    MacAddr, MnId, Sequence, Timestamp,
};
use kedge_sansio::{Backoff, TimerId};
use kedge_wire::ReregistrationControl;
use kedge_wire::registry::{AccessTechnologyType, HandoffIndicatorValue};

use crate::delegated::Delegation;
use crate::pending::{Contest, Waiting};
use crate::rate::Recent;
use crate::settings::{Lma, Service};
use crate::{AccessNode, InterfaceId, Refusal};

/// A node and its mobility session.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) mn_id: MnId,
    pub(crate) interface: InterfaceId,
    /// `None` for a static node that has not been heard yet.
    pub(crate) mac: Option<MacAddr>,
    /// What the session said about its link at its first update; every later update repeats it.
    pub(crate) link_layer_id: Option<LinkLayerId>,
    pub(crate) access_technology: AccessTechnologyType,
    /// The families of the node's profile.
    pub(crate) profile_service: Service,
    /// Whether prefixes are delegated, as the settings say it.
    pub(crate) first_delegation: Delegation,
    /// The families to ask for: the anchor's refusals take some away.
    pub(crate) service: Service,
    pub(crate) lma_name: String,
    pub(crate) lma: Arc<Lma>,
    pub(crate) care_of: IpAddr,
    pub(crate) gre: GrePlan,
    pub(crate) tlv: TlvPlan,
    /// The handoff indicator of the first update.
    pub(crate) handoff: HandoffIndicatorValue,
    /// The last sequence number sent.
    pub(crate) sequence: Sequence,
    pub(crate) state: State,
    /// Intervals between attempts of a refused node.
    pub(crate) patience: Backoff,
    /// How many rejections in a row were answered with a corrected update.
    pub(crate) corrections: u8,
    /// The node may have been elsewhere since the last update.
    pub(crate) reassert: bool,
    /// No update may be sent before an operator acts (RFC 5213 §6.9.1.2, item 6).
    pub(crate) held: bool,
    /// The anchor may hold a binding of it: it was sent an update, by this entry or by one that
    /// this one came after.
    pub(crate) may_be_held: bool,
    /// When it sent its last updates.
    pub(crate) recent: Recent,
    /// The anchors that refused or ignored it, and until when it does not ask them again.
    pub(crate) refused_by: Vec<(IpAddr, Instant)>,
    /// The entry that tries another anchor for this one.
    pub(crate) scout: Option<BindingId>,
    /// The entry that this one tries another anchor for.
    pub(crate) scout_for: Option<BindingId>,
    /// The signs of life and the addresses that the node showed on its link.
    pub(crate) neighbor: Neighbor,
    pub(crate) advertising: Advertising,
    /// The anchor waits to be told whether the node has left.
    pub(crate) contest: Option<Contest>,
    /// A DHCP message that waits for the anchor's answer.
    pub(crate) dhcp: Option<Box<dhcpv4::Message>>,
    /// A DHCPv6 message that does.
    pub(crate) dhcpv6: Option<Waiting>,
    pub(crate) delegation: Delegation,
    /// What the shell was last told to hold.
    pub(crate) told_forwarding: Option<Forwarding>,
    pub(crate) told_access: Option<AccessNode>,
    /// Retransmission, refresh or the next attempt: what comes next in signalling.
    pub(crate) signal_timer: Option<TimerId>,
    pub(crate) lifetime_timer: Option<TimerId>,
    pub(crate) advertise_timer: Option<TimerId>,
    pub(crate) probe_timer: Option<TimerId>,
    pub(crate) verify_timer: Option<TimerId>,
    /// When to look whether another anchor is the better one.
    pub(crate) move_timer: Option<TimerId>,
}

/// Where a session stands with its anchor.
#[derive(Debug)]
pub(crate) enum State {
    /// The first update is on its way; nothing is promised.
    Registering { request: Request },
    /// The anchor holds the binding; perhaps a refresh is on its way.
    Active { grant: Grant, request: Option<Request>, last_update: Instant },
    /// The node gets no service; it is tried again when the signalling timer says so, if it runs.
    Refused { why: Refusal },
    /// The node is gone and the anchor is being told; nothing else is left of the session.
    Deregistering { grant: Option<Grant>, request: Request },
}

/// An update that waits for its acknowledgement.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) kind: Kind,
    /// What each transmission can be recognised by, the latest last; the oldest are forgotten.
    pub(crate) sent: Vec<(Sequence, Timestamp)>,
    pub(crate) attempts: u32,
    /// Transmissions since the anchor last said anything about it.
    pub(crate) unanswered: u32,
    /// When it was sent first, or made if it still waits.
    pub(crate) since: Instant,
    pub(crate) backoff: Backoff,
}

impl Request {
    /// How many transmissions an acknowledgement may still answer.
    const REMEMBERED: usize = 4;

    pub(crate) fn new(kind: Kind, backoff: Backoff, now: Instant) -> Self {
        Self { kind, sent: Vec::new(), attempts: 0, unanswered: 0, since: now, backoff }
    }

    pub(crate) fn remember(&mut self, sequence: Sequence, timestamp: Timestamp, now: Instant) {
        if self.attempts == 0 {
            self.since = now;
        }
        if self.sent.len() == Self::REMEMBERED {
            self.sent.remove(0);
        }
        self.sent.push((sequence, timestamp));
        self.attempts += 1;
        self.unanswered += 1;
    }
}

/// What an update is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// To begin a session here.
    Initial,
    /// To extend it.
    Refresh,
    /// To extend it when the node may have been elsewhere in between.
    Reassertion,
    /// To end it.
    Deregistration,
}

/// What the anchor granted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Grant {
    pub(crate) prefixes: Vec<Ipv6Net>,
    /// The home address in its subnet.
    pub(crate) ipv4: Option<Ipv4Net>,
    pub(crate) ipv4_router: Option<Ipv4Addr>,
    /// Prefixes for the network behind the node (RFC 7148 §5.1.1).
    pub(crate) delegated: Vec<IpNet>,
    pub(crate) lifetime: Lifetime,
    pub(crate) expires: Instant,
    pub(crate) encapsulation: Encapsulation,
    /// How often a translator on the path has to be reminded of us, if there is one.
    pub(crate) keepalive: Option<Duration>,
    /// When the anchor wants updates, in place of what is configured (RFC 8127 §5.2).
    pub(crate) control: Option<ReregistrationControl>,
}

/// Whether the next update carries the GRE Key option (RFC 5845 §4.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum GrePlan {
    /// It does not.
    Off,
    /// It does not, and the tunnel is GRE: both ends are configured for it.
    Static,
    /// It does, without a key.
    Plain,
    /// It does, with our downlink key.
    Keyed(GreKey),
}

/// Whether updates with the GRE Key option ask for GRE in UDP, behind the TLV header
/// (RFC 5845 §7.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TlvPlan {
    /// They do not.
    Off,
    /// A translator is on the path: they do.
    Asked,
    /// They did, and the anchor does not know it.
    Refused,
}

/// What a node showed on its link.
#[derive(Debug)]
pub(crate) struct Neighbor {
    pub(crate) last_heard: Instant,
    /// Questions asked since then.
    pub(crate) unanswered: u8,
    pub(crate) link_local: Option<Ipv6Addr>,
    /// It used its IPv4 home address, so it answers ARP for it.
    pub(crate) uses_ipv4: bool,
}

/// The router advertisements to one node.
#[derive(Debug, Default)]
pub(crate) struct Advertising {
    pub(crate) sent: u32,
    pub(crate) last: Option<Instant>,
    /// The largest packet that the last one spoke of.
    pub(crate) mtu: Option<u16>,
    /// Prefixes that the node should stop to use, and in how many advertisements to say so.
    pub(crate) withdrawn: Vec<Ipv6Net>,
    pub(crate) withdrawals_left: u8,
    /// Prefixes that the node used and that no anchor has granted here.
    pub(crate) earlier: Vec<Ipv6Net>,
}

impl Grant {
    /// What is on the node's link: its prefixes, and its address as a host route.
    pub(crate) fn on_link(&self) -> Vec<IpNet> {
        let host = self.ipv4.map(|home| IpNet::V4(Ipv4Net::from(home.addr())));
        self.prefixes.iter().copied().map(IpNet::V6).chain(host).collect()
    }

    /// What is routed to the node: what is on its link, and what is behind it.
    pub(crate) fn inner(&self) -> Vec<IpNet> {
        let mut inner = self.on_link();
        inner.extend(&self.delegated);
        inner
    }
}

impl Entry {
    /// Whether this is the session of a node that is thought to be on its link.
    pub(crate) fn is_present(&self) -> bool {
        !matches!(self.state, State::Deregistering { .. }) && self.scout_for.is_none()
    }

    /// Whether the node is this router itself, with no link between.
    pub(crate) fn is_router(&self) -> bool {
        self.first_delegation == Delegation::Networks
    }

    /// Whether an anchor is not to be asked for a while.
    pub(crate) fn is_refused_by(&self, anchor: IpAddr, now: Instant) -> bool {
        self.refused_by.iter().any(|(refuser, until)| *refuser == anchor && now < *until)
    }

    /// An entry about the same node at the same anchor that serves nobody: a scout, or what is
    /// left to be ended of a registration.
    pub(crate) fn beside(&self, state: State) -> Self {
        Self {
            mn_id: self.mn_id.clone(),
            interface: self.interface,
            mac: self.mac,
            link_layer_id: self.link_layer_id.clone(),
            access_technology: self.access_technology,
            profile_service: self.profile_service,
            first_delegation: self.first_delegation,
            service: self.service,
            lma_name: self.lma_name.clone(),
            lma: self.lma.clone(),
            care_of: self.care_of,
            gre: self.gre,
            tlv: TlvPlan::Off,
            handoff: self.handoff,
            sequence: self.sequence,
            state,
            patience: self.patience,
            corrections: 0,
            reassert: false,
            held: false,
            may_be_held: self.may_be_held,
            recent: self.recent,
            refused_by: Vec::new(),
            scout: None,
            scout_for: None,
            neighbor: Neighbor::heard_at(self.neighbor.last_heard),
            advertising: Advertising::default(),
            contest: None,
            dhcp: None,
            dhcpv6: None,
            delegation: self.first_delegation,
            told_forwarding: None,
            told_access: None,
            signal_timer: None,
            lifetime_timer: None,
            advertise_timer: None,
            probe_timer: None,
            verify_timer: None,
            move_timer: None,
        }
    }

    /// What the anchor granted and still holds for us.
    pub(crate) fn grant(&self) -> Option<&Grant> {
        match &self.state {
            State::Active { grant, .. } => Some(grant),
            State::Registering { .. } | State::Refused { .. } | State::Deregistering { .. } => None,
        }
    }

    /// The update that waits for an answer.
    pub(crate) fn request_mut(&mut self) -> Option<&mut Request> {
        match &mut self.state {
            State::Registering { request } | State::Deregistering { request, .. } => Some(request),
            State::Active { request, .. } => request.as_mut(),
            State::Refused { .. } => None,
        }
    }

    /// The update that waits for an answer.
    pub(crate) fn request(&self) -> Option<&Request> {
        match &self.state {
            State::Registering { request } | State::Deregistering { request, .. } => Some(request),
            State::Active { request, .. } => request.as_ref(),
            State::Refused { .. } => None,
        }
    }
}
