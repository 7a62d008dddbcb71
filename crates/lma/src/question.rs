//! What AAA is asked about nodes, and what it says.

use std::time::{Duration, Instant};

use kedge_model::{CustomerId, LinkLayerId, MnId, SignalPath};
use kedge_wire::registry::AccessTechnologyType;

use crate::settings::Profile;

/// Names a question to AAA, and its answer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(pub(crate) u64);

/// What AAA is to be asked about (RFC 6572 §6.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    /// Comes back with the answer.
    pub ticket: Ticket,
    /// The tenant.
    pub customer: CustomerId,
    /// The node, by its network access identifier.
    pub mn_id: MnId,
    /// Its interface, if its gateway told it.
    pub link_layer_id: Option<LinkLayerId>,
    /// How it is attached.
    pub access_technology: AccessTechnologyType,
    /// The service it selects (RFC 5149), if any.
    pub service: Option<Box<[u8]>>,
    /// Whether it asks for an IPv4 home address.
    pub wants_ipv4: bool,
    /// Whether it asks for home network prefixes.
    pub wants_ipv6: bool,
    /// Between which gateway and which address of the anchor the update went.
    pub path: SignalPath,
}

/// Why AAA has given no profile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoProfile {
    /// The node may not be served.
    Refused,
    /// Nobody answered.
    Unreachable,
    /// Nobody was asked, or the question or the answer is of no use.
    Failed,
}

/// What AAA has said about a node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Authorized {
    /// What the node may have.
    pub profile: Profile,
    /// When its sessions end, whatever their lifetimes.
    pub ends: Option<Instant>,
}

/// What AAA may change of a node while it has sessions (RFC 5176).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Change {
    /// How long its sessions last from here on, at most.
    pub session: Option<Duration>,
    /// What its accounting records carry from here on.
    pub class: Option<Vec<Box<[u8]>>>,
}
