//! One mobility session: the Binding Cache entry of RFC 5213 §5.1.
//!
//! ```text
//!            accepted                de-registered
//!   (none) ───────────► Active ─────────────────────► Lingering
//!                        ▲  │ ▲                         │    │
//!       refresh, handover└──┘ └─────────────────────────┘    │ delete wait over, or cleared
//!                        │ │       accepted again             ▼
//!                        │ └────────────────────────────► (none)
//!                        │  lifetime over                    ▲
//!                        └───────► Revoking ─────────────────┘
//!                        cleared         acknowledged, or not in time
//! ```
//!
//! An active binding is `Unreachable` while its gateway is down: it is active again when the gateway
//! answers, or when a gateway registers the node.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Instant;

use kedge_model::{
    BindingId, CustomerId, Forwarding, GreKey, IpNet, Lifetime, LinkLayerId, MnId, Path, Sequence,
    Timestamp, VrfId,
};
use kedge_sansio::TimerId;
use kedge_wire::registry::{AccessTechnologyType, HandoffIndicatorValue};

use crate::addresses::HomeAddresses;
use crate::networks::NetworkId;
use crate::paths::{BindingPath, Paths};
use crate::question::Authorized;
use crate::request::Request;
use crate::slot::Slot;

/// A Binding Cache entry.
#[derive(Debug)]
pub struct Binding {
    /// Its name towards the data plane.
    pub id: BindingId,
    /// The tenant.
    pub customer: CustomerId,
    /// The mobile node.
    pub mn_id: MnId,
    /// The link-layer identifier of the node's interface, if its gateway told it.
    pub link_layer_id: Option<LinkLayerId>,
    /// How the node is attached.
    pub access_technology: AccessTechnologyType,
    /// What the last accepted update said about how the node came.
    pub handoff_indicator: HandoffIndicatorValue,
    /// What the node has.
    pub addresses: HomeAddresses,
    /// The prefixes of the networks behind the node (RFC 7148 §5.2.1).
    pub delegated: Box<[IpNet]>,
    /// The gateway's link-local address on the node's link.
    pub link_local: Ipv6Addr,
    /// The lifetime granted last.
    pub lifetime: Lifetime,
    /// When the binding was made.
    pub created: Instant,
    /// When the lifetime ends.
    pub expires: Instant,
    /// Whether traffic is forwarded.
    pub state: State,
    /// Where the node is reached.
    pub paths: Paths,
    /// The key of GRE packets to us. It stays for the life of the binding (RFC 5845 §3.3.2).
    pub gre_key: Option<GreKey>,
    /// The Timestamp option accepted last; zero after an update without one.
    pub timestamp: Timestamp,
    /// The sequence number accepted last.
    pub sequence: Sequence,
    /// What AAA has said about the node; `None` if it was not asked.
    pub authorized: Option<Arc<Authorized>>,
    pub(crate) network: NetworkId,
    pub(crate) lifetime_timer: TimerId,
    /// When that timer wakes; never after `expires`.
    pub(crate) wakes: Instant,
    /// The next binding of the same node.
    pub(crate) next: Option<Slot>,
}

/// Whether a binding's traffic is forwarded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// It is.
    Active,
    /// The gateway de-registered it. Its addresses are kept for MinDelayBeforeBCEDelete, should
    /// another gateway take over; its traffic is dropped (RFC 5213 §5.3.5).
    Lingering(
        /// When that time is over.
        TimerId,
    ),
    /// Its gateway does not answer heartbeats any more (RFC 5847 §3). Its traffic is dropped until
    /// the gateway answers; any gateway may take it over meanwhile.
    Unreachable,
    /// The anchor takes it back, and its gateway has not acknowledged that yet (RFC 5846 §8.1).
    /// Its traffic is dropped, and so is every update that would extend it.
    Revoking(
        /// The number of the indication.
        Sequence,
    ),
}

impl Binding {
    /// The care-of address in use.
    pub fn care_of(&self) -> IpAddr {
        self.paths.first().care_of
    }

    /// When AAA wants the session to end, if it does.
    pub(crate) fn session_end(&self) -> Option<Instant> {
        self.authorized.as_ref().and_then(|authorized| authorized.ends)
    }

    /// Whether a request comes from the gateway in charge.
    pub(crate) fn is_at_sender_of(&self, request: &Request<'_>) -> bool {
        let path = self.paths.first();
        (path.care_of, path.behind) == (request.care_of, request.behind())
    }

    /// Keeps what orders a de-registration among the updates (RFC 5213 §5.5).
    pub(crate) fn note_order(&mut self, request: &Request<'_>) {
        self.sequence = request.update.sequence;
        if let Some(time) = request.time() {
            self.timestamp = time;
        }
    }

    /// Whether traffic is forwarded.
    pub fn is_active(&self) -> bool {
        self.state == State::Active
    }

    /// Whether a gateway holds it, for all that is known.
    pub(crate) fn is_held(&self) -> bool {
        matches!(self.state, State::Active | State::Unreachable)
    }

    /// What the data plane should hold for the binding.
    pub fn forwarding(&self, vrf: VrfId) -> Option<Forwarding> {
        self.is_active().then(|| Forwarding {
            vrf,
            inner: self.addresses.routed().chain(self.delegated.iter().copied()).collect(),
            paths: self.paths.iter().map(|p| Path { tunnel: p.tunnel, weight: 1 }).collect(),
        })
    }

    /// Reads from each of its cache lines. Which fields those take is the compiler's choice, so
    /// there are some more than lines.
    pub(crate) fn touch(&self) {
        let BindingPath { care_of, signal, tunnel, .. } = self.paths.first();
        std::hint::black_box((tunnel.mtu, signal.local.port(), signal.peer.port()));
        std::hint::black_box((care_of.is_ipv4(), self.gre_key, self.wakes, self.expires));
        std::hint::black_box((self.mn_id.subtype(), self.mn_id.octets().last()));
        std::hint::black_box((self.addresses.prefixes.len(), self.link_layer_id.is_some()));
        std::hint::black_box((self.timestamp, self.state, self.sequence));
    }

    pub(crate) fn has_link_layer_id(&self, id: Option<&[u8]>) -> bool {
        self.link_layer_id.as_ref().map(LinkLayerId::octets) == id
    }
}
