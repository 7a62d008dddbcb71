//! Whether a session has prefixes delegated (RFC 7148).

use crate::{Interface, Profile};

/// The most prefixes that a session has: as many as an operator can allow it at an anchor.
pub(crate) const MOST_PREFIXES: usize = 32;

/// Whether a session has prefixes delegated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Delegation {
    /// Its profile does not allow it, or its anchor does not (status 177).
    Off,
    /// Its router gave the prefixes back and has not asked for others.
    Released,
    /// Every update asks for them.
    Wanted,
    /// The node is this router: every update says which networks it has (`branch`).
    Networks,
}

impl Delegation {
    /// At the begin of a session.
    pub(crate) fn at_first(link: &Interface, profile: &Profile) -> Self {
        match (link.logical, profile.delegated_prefixes) {
            (true, _) => Self::Networks,
            (false, true) => Self::Wanted,
            (false, false) => Self::Off,
        }
    }
}
