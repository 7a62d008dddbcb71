//! What a packet is (RFC 2865 §3, RFC 2866 §3, RFC 5176 §2.3).

use std::fmt;

/// The first octet of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Code(pub u8);

impl Code {
    /// Access-Request
    pub const ACCESS_REQUEST: Self = Self(1);
    /// Access-Accept
    pub const ACCESS_ACCEPT: Self = Self(2);
    /// Access-Reject
    pub const ACCESS_REJECT: Self = Self(3);
    /// Accounting-Request
    pub const ACCOUNTING_REQUEST: Self = Self(4);
    /// Accounting-Response
    pub const ACCOUNTING_RESPONSE: Self = Self(5);
    /// Access-Challenge
    pub const ACCESS_CHALLENGE: Self = Self(11);
    /// Disconnect-Request
    pub const DISCONNECT_REQUEST: Self = Self(40);
    /// Disconnect-ACK
    pub const DISCONNECT_ACK: Self = Self(41);
    /// Disconnect-NAK
    pub const DISCONNECT_NAK: Self = Self(42);
    /// CoA-Request
    pub const COA_REQUEST: Self = Self(43);
    /// CoA-ACK
    pub const COA_ACK: Self = Self(44);
    /// CoA-NAK
    pub const COA_NAK: Self = Self(45);

    fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::ACCESS_REQUEST => "Access-Request",
            Self::ACCESS_ACCEPT => "Access-Accept",
            Self::ACCESS_REJECT => "Access-Reject",
            Self::ACCOUNTING_REQUEST => "Accounting-Request",
            Self::ACCOUNTING_RESPONSE => "Accounting-Response",
            Self::ACCESS_CHALLENGE => "Access-Challenge",
            Self::DISCONNECT_REQUEST => "Disconnect-Request",
            Self::DISCONNECT_ACK => "Disconnect-ACK",
            Self::DISCONNECT_NAK => "Disconnect-NAK",
            Self::COA_REQUEST => "CoA-Request",
            Self::COA_ACK => "CoA-ACK",
            Self::COA_NAK => "CoA-NAK",
            _ => return None,
        })
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "code {}", self.0),
        }
    }
}
