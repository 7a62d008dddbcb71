//! The header of a message between client and server, and what stands in its options.

use std::fmt;

use super::DhcpOption;
use super::option::{Place, decode_options, encode_options};
use crate::DecodeError;
use crate::reader::Reader;

/// What a message wants (RFC 8415 §7.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageType(pub u8);

impl MessageType {
    /// A client looks for servers.
    pub const SOLICIT: Self = Self(1);
    /// A server says what it would give.
    pub const ADVERTISE: Self = Self(2);
    /// A client takes what a server advertised.
    pub const REQUEST: Self = Self(3);
    /// A client asks whether its addresses are still those of the link.
    pub const CONFIRM: Self = Self(4);
    /// A client extends what it has, at the server that gave it.
    pub const RENEW: Self = Self(5);
    /// A client extends what it has, at any server.
    pub const REBIND: Self = Self(6);
    /// A server's answer to all but a Solicit without Rapid Commit.
    pub const REPLY: Self = Self(7);
    /// A client gives something back.
    pub const RELEASE: Self = Self(8);
    /// A client found an address in use.
    pub const DECLINE: Self = Self(9);
    /// A server wants to be asked.
    pub const RECONFIGURE: Self = Self(10);
    /// A client asks for parameters alone.
    pub const INFORMATION_REQUEST: Self = Self(11);
    /// A relay agent forwards a message to a server.
    const RELAY_FORW: u8 = 12;
    /// A server answers a relay agent.
    const RELAY_REPL: u8 = 13;
}

impl fmt::Debug for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::SOLICIT => "Solicit",
            Self::ADVERTISE => "Advertise",
            Self::REQUEST => "Request",
            Self::CONFIRM => "Confirm",
            Self::RENEW => "Renew",
            Self::REBIND => "Rebind",
            Self::REPLY => "Reply",
            Self::RELEASE => "Release",
            Self::DECLINE => "Decline",
            Self::RECONFIGURE => "Reconfigure",
            Self::INFORMATION_REQUEST => "Information-request",
            Self(other) => return write!(f, "DHCPv6 type {other}"),
        })
    }
}

/// A message between a client and a server (RFC 8415 §8).
///
/// ```text
/// | msg-type (1) | transaction-id (3) | options ...
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// What it wants.
    pub message_type: MessageType,
    /// Ties answers to questions; 24 bits.
    pub transaction: u32,
    /// The options in their order.
    pub options: Vec<DhcpOption>,
}

impl Message {
    /// The bits of a transaction identifier.
    pub const TRANSACTION: u32 = 0xff_ffff;

    /// The client's DUID.
    pub fn client_id(&self) -> Option<&[u8]> {
        self.options.iter().find_map(|option| match option {
            DhcpOption::ClientId(duid) => Some(&duid[..]),
            _ => None,
        })
    }

    /// The server's DUID.
    pub fn server_id(&self) -> Option<&[u8]> {
        self.options.iter().find_map(|option| match option {
            DhcpOption::ServerId(duid) => Some(&duid[..]),
            _ => None,
        })
    }

    /// Reads a message from the octets behind its UDP header.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        Self::read(Reader::new(octets))
    }

    pub(super) fn read(mut body: Reader<'_>) -> Result<Self, DecodeError> {
        let at = body;
        let message_type = body.u8("msg-type")?;
        if matches!(message_type, MessageType::RELAY_FORW | MessageType::RELAY_REPL) {
            return Err(at.invalid("msg-type", message_type.into()));
        }
        let high = body.u8("transaction-id")?;
        let low = body.u16("transaction-id")?;
        Ok(Self {
            message_type: MessageType(message_type),
            transaction: u32::from(high) << 16 | u32::from(low),
            options: decode_options(body, Place::Message)?,
        })
    }

    /// Appends the message as it stands behind a UDP header.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let [_, a, b, c] = (self.transaction & Self::TRANSACTION).to_be_bytes();
        out.extend_from_slice(&[self.message_type.0, a, b, c]);
        encode_options(&self.options, out);
    }
}
