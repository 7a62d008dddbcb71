//! What scenarios have shown.

use std::collections::BTreeSet;

use kedge_lma::{Denial, Discard, Rejection};
use kedge_wire::{DecodeError, Fault};

/// What one scenario, or several, have shown.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// How many sentences said what has to be.
    pub assertions: usize,
    /// The counters that were named as having moved, `group.counter`.
    pub counters: BTreeSet<String>,
    /// Why updates were denied.
    pub denials: BTreeSet<Denial>,
    /// Why messages were dropped, by the names of [`Seen::DISCARDS`].
    pub discards: BTreeSet<&'static str>,
    /// What was wrong with octets, by the names of [`Seen::FAULTS`].
    pub faults: BTreeSet<&'static str>,
}

/// Gives each variant of an enum a name, and lists the names.
macro_rules! named {
    ($list:ident, $function:ident($enum:ty): $($pattern:pat => $name:literal,)+) => {
        impl Seen {
            /// Every name there is.
            pub const $list: &'static [&'static str] = &[$($name),+];
        }

        fn $function(value: &$enum) -> &'static str {
            match value {
                $($pattern => $name,)+
            }
        }
    };
}

named! { DISCARDS, discard_name(Discard):
    Discard::Checksum => "checksum",
    Discard::InvalidLength => "invalid length",
    Discard::Malformed(_) => "malformed",
    Discard::SessionNotFound => "session not found",
    Discard::NotAuthenticated => "not authenticated",
    Discard::Superseded => "superseded",
    Discard::RevocationPending => "revocation pending",
    Discard::NoMatchingRequest => "no matching request",
    Discard::Contradiction => "contradiction",
    Discard::Unexpected => "unexpected",
    Discard::UnknownMag => "unknown gateway",
    Discard::UnknownType(_) => "unknown type",
    Discard::Congestion => "congestion",
    Discard::AuthorizationPending => "authorization pending",
}

named! { FAULTS, fault_name(Fault):
    Fault::Truncated { .. } => "truncated",
    Fault::Invalid { .. } => "invalid",
    Fault::Trailing { .. } => "trailing",
}

impl Seen {
    /// A message was refused.
    pub fn rejection(&mut self, rejection: &Rejection) {
        match rejection {
            Rejection::Denied(denial) => drop(self.denials.insert(*denial)),
            Rejection::Discarded(discard) => {
                self.discards.insert(discard_name(discard));
                if let Discard::Malformed(DecodeError { fault, .. }) = discard {
                    self.faults.insert(fault_name(fault));
                }
            }
        }
    }

    /// Adds what another scenario has shown.
    pub fn join(&mut self, other: Self) {
        self.assertions += other.assertions;
        self.counters.extend(other.counters);
        self.denials.extend(other.denials);
        self.discards.extend(other.discards);
        self.faults.extend(other.faults);
    }
}
