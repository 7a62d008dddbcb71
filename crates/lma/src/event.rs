//! What comes out of an anchor.

use std::net::IpAddr;

use kedge_model::{BindingId, CustomerId, Forwarding, IpNet, MnId, SignalPath};
use kedge_wire::registry::RevocationStatus;

use crate::addresses::HomeAddresses;
use crate::question::Question;
use crate::rejection::Denial;

/// What the shell does for the anchor, in this order.
#[derive(Debug)]
pub enum Output {
    /// A message to send. Its buffer comes back by [`Lma::reclaim`](crate::Lma::reclaim).
    Send {
        /// Between whom.
        path: SignalPath,
        /// The code point of the packet.
        dscp: u8,
        /// The message from its Payload Proto octet on, its checksum set for IPv6.
        bytes: Vec<u8>,
    },
    /// What the data plane should hold for a binding from here on; `None` is nothing.
    Forward {
        /// Which binding.
        binding: BindingId,
        /// The whole of it.
        want: Option<Forwarding>,
    },
    /// AAA is to be asked about a node; the answer is for
    /// [`Lma::handle_authorization`](crate::Lma::handle_authorization).
    Authorize(Box<Question>),
    /// Something worth knowing happened.
    Event(Event),
}

/// A change of a binding, or why there was none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Whose.
    pub customer: CustomerId,
    /// The node; an identifier of no octets if the message had none.
    pub mn_id: MnId,
    /// What.
    pub what: What,
}

/// The kinds of [`Event`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// A session began.
    Bound {
        /// Its binding.
        binding: BindingId,
        /// Its gateway.
        care_of: IpAddr,
        /// What the node got.
        addresses: HomeAddresses,
    },
    /// A session moved to another gateway.
    HandedOver {
        /// Its binding.
        binding: BindingId,
        /// The gateway it left.
        from: IpAddr,
        /// The gateway it came to.
        to: IpAddr,
    },
    /// The addresses of a session changed.
    Readdressed {
        /// Its binding.
        binding: BindingId,
        /// What the node has.
        addresses: HomeAddresses,
    },
    /// The prefixes of the networks behind a node changed (RFC 7148).
    Delegated {
        /// Its binding.
        binding: BindingId,
        /// What is delegated to it.
        prefixes: Box<[IpNet]>,
    },
    /// The gateway de-registered a session; another may still take it over.
    Deregistered {
        /// Its binding.
        binding: BindingId,
    },
    /// A session that was de-registered or unreachable is served by its gateway again.
    Resumed {
        /// Its binding.
        binding: BindingId,
    },
    /// A session ended.
    Released {
        /// Its binding.
        binding: BindingId,
        /// Why.
        reason: Release,
    },
    /// A gateway did not do as it was told when a binding was taken back. The anchor did.
    RevocationFailed {
        /// The gateway.
        peer: IpAddr,
        /// What it said; `None` if it said nothing.
        status: Option<RevocationStatus>,
    },
    /// A gateway does not answer any more; nothing is forwarded for its bindings until it does.
    PeerDown {
        /// The gateway.
        peer: IpAddr,
    },
    /// A gateway that was down answers again.
    PeerUp {
        /// The gateway.
        peer: IpAddr,
    },
    /// A gateway has lost its sessions; they are kept for others for a while.
    PeerRestarted {
        /// The gateway.
        peer: IpAddr,
    },
    /// A gateway does not know heartbeats, and is not asked again.
    PeerWithoutHeartbeat {
        /// The gateway.
        peer: IpAddr,
    },
    /// There are more bindings than the operator is entitled to. They are served all the same.
    EntitlementExceeded {
        /// How many may be there.
        entitled: u32,
    },
    /// There are no longer more bindings than the operator is entitled to.
    EntitlementMet {
        /// How many may be there.
        entitled: u32,
    },
    /// An update was denied.
    Denied {
        /// Who sent it.
        peer: IpAddr,
        /// Why.
        denial: Denial,
    },
}

/// Why a session ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Release {
    /// Its lifetime ran out.
    Expired,
    /// It was de-registered, and no gateway took it over in time.
    Deregistered,
    /// An operator cleared it.
    Cleared,
    /// Its gateway had restarted, and no other took it over in time.
    PeerLost,
    /// It was revoked for another reason.
    Revoked,
}
