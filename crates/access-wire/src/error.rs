//! What is wrong with the octets, and where.

/// Octets that are not what they claim to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{field} at octet {offset}: {fault}")]
pub struct DecodeError {
    /// Octets from the start of the frame.
    pub offset: usize,
    /// The field in the RFC's words.
    pub field: &'static str,
    /// What is wrong with it.
    pub fault: Fault,
}

/// The ways in which a field can be wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// The octets end before the field does.
    #[error("needs {need} octets, has {have}")]
    Truncated {
        /// Octets the field takes.
        need: usize,
        /// Octets that are left.
        have: usize,
    },
    /// The field's value is not allowed there.
    #[error("{value} is not allowed")]
    Invalid {
        /// The value that was read.
        value: u64,
    },
    /// A field that must be there is not.
    #[error("is missing")]
    Missing,
    /// The sum over the message does not come out.
    #[error("does not match the message")]
    Checksum,
}
