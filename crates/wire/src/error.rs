//! What is wrong with octets that cannot be decoded.

use std::fmt;

/// Octets that are no Mobility Header, or one with a field that cannot be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{field} at octet {offset}: {fault}")]
pub struct DecodeError {
    /// Where the field begins, in octets from the start of the Mobility Header.
    pub offset: usize,
    /// The field, in the RFC's words.
    pub field: &'static str,
    /// What is wrong with it.
    pub fault: Fault,
}

/// The ways a field can be wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The octets end before the field does.
    Truncated {
        /// The octets that the field takes.
        need: usize,
        /// The octets that are there.
        have: usize,
    },
    /// The field holds a value that its RFC rules out.
    Invalid {
        /// That value.
        value: u64,
    },
    /// Octets are left behind the last field of an option.
    Trailing {
        /// How many.
        left: usize,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { need, have } => write!(f, "{need} octets needed, {have} left"),
            Self::Invalid { value } => write!(f, "invalid value {value}"),
            Self::Trailing { left } => write!(f, "{left} octets too many"),
        }
    }
}
