//! A packet on the wire (RFC 2865 §3):
//!
//! ```text
//!   octet 0     1            2..4     4..20           20..Length
//!         Code  Identifier   Length   Authenticator   attributes: Type, Length, Value ...
//! ```
//!
//! An attribute's Length counts its Type and itself.

use crate::{Attribute, AttributeType, Code};

/// The longest packet (§3).
pub const MAX_LEN: usize = 4096;
pub(crate) const HEADER: usize = 20;
/// The longest value of an attribute.
const MAX_VALUE: usize = 253;

/// Why octets are no packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DecodeError {
    /// Fewer octets than a header, or than the Length field says.
    #[error("shorter than its header or its Length field says")]
    Truncated,
    /// The Length field is below 20 or above 4096.
    #[error("the Length field says {0}")]
    Length(u16),
    /// An attribute is shorter than its own header, or reaches behind the end.
    #[error("attribute at octet {at} has length {len}")]
    Attribute {
        /// Where it begins.
        at: usize,
        /// What it says.
        len: u8,
    },
}

/// A packet has no room for an attribute.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an attribute or the packet would be too long")]
pub struct TooLong;

/// A received packet, whole and well-formed; nothing is said about who sent it.
#[derive(Clone, Copy, Debug)]
pub struct PacketRef<'a> {
    bytes: &'a [u8],
}

impl<'a> PacketRef<'a> {
    /// Reads a datagram. Octets behind the end of the packet are padding (§3).
    pub fn decode(datagram: &'a [u8]) -> Result<Self, DecodeError> {
        let header: &[u8; HEADER] = datagram.first_chunk().ok_or(DecodeError::Truncated)?;
        let len = u16::from_be_bytes([header[2], header[3]]);
        if !(HEADER..=MAX_LEN).contains(&usize::from(len)) {
            return Err(DecodeError::Length(len));
        }
        let bytes = datagram.get(..len.into()).ok_or(DecodeError::Truncated)?;
        let mut at = HEADER;
        while at < bytes.len() {
            let len = bytes.get(at + 1).copied().unwrap_or(0);
            if len < 2 || at + usize::from(len) > bytes.len() {
                return Err(DecodeError::Attribute { at, len });
            }
            at += usize::from(len);
        }
        Ok(Self { bytes })
    }

    /// The packet without padding.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What it is.
    pub fn code(&self) -> Code {
        Code(self.bytes[0])
    }

    /// What ties an answer to its request.
    pub fn identifier(&self) -> u8 {
        self.bytes[1]
    }

    /// The Authenticator field.
    pub fn authenticator(&self) -> [u8; 16] {
        *self.bytes[4..].first_chunk().expect("a header has 20 octets")
    }

    /// The attributes in their order.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'a>> + use<'a> {
        attributes(&self.bytes[HEADER..])
    }

    /// The first attribute of a kind.
    pub fn get(&self, kind: AttributeType) -> Option<Attribute<'a>> {
        self.all(kind).next()
    }

    /// The attributes of a kind.
    pub fn all(&self, kind: AttributeType) -> impl Iterator<Item = Attribute<'a>> + use<'a> {
        self.attributes().filter(move |attribute| attribute.kind == kind)
    }

    /// Where the value of the first attribute of a kind begins.
    pub(crate) fn value_at(&self, kind: AttributeType) -> Option<usize> {
        let mut at = HEADER;
        for attribute in self.attributes() {
            if attribute.kind == kind {
                return Some(at + 2);
            }
            at += 2 + attribute.value.len();
        }
        None
    }
}

/// Attributes as they stand in a packet, in their order; what is no attribute ends them.
pub fn attributes<'a>(octets: &'a [u8]) -> impl Iterator<Item = Attribute<'a>> + use<'a> {
    let mut rest = octets;
    std::iter::from_fn(move || {
        let (&[kind, len], _) = rest.split_first_chunk()?;
        let (this, next) = rest.split_at_checked(len.into())?;
        rest = next;
        Some(Attribute { kind: AttributeType(kind), value: this.get(2..)? })
    })
}

/// A packet under way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packet {
    pub(crate) bytes: Vec<u8>,
}

impl Packet {
    /// A packet without attributes and with an authenticator of zeros.
    pub fn new(code: Code, identifier: u8) -> Self {
        let mut bytes = vec![0; HEADER];
        bytes[..4].copy_from_slice(&[code.0, identifier, 0, HEADER as u8]);
        Self { bytes }
    }

    /// Adds an attribute.
    pub fn push(&mut self, kind: AttributeType, value: &[u8]) -> Result<(), TooLong> {
        let len = self.bytes.len() + 2 + value.len();
        if value.len() > MAX_VALUE || len > MAX_LEN {
            return Err(TooLong);
        }
        // Both fit: a value has at most 253 octets, a packet at most 4096.
        self.bytes.extend_from_slice(&[kind.0, value.len() as u8 + 2]);
        self.bytes.extend_from_slice(value);
        self.bytes[2..4].copy_from_slice(&(len as u16).to_be_bytes());
        Ok(())
    }

    /// Adds attributes as they stand in another packet.
    pub(crate) fn push_all(&mut self, attributes: &[u8]) -> Result<(), TooLong> {
        let len = self.bytes.len() + attributes.len();
        if len > MAX_LEN {
            return Err(TooLong);
        }
        self.bytes.extend_from_slice(attributes);
        self.bytes[2..4].copy_from_slice(&(len as u16).to_be_bytes());
        Ok(())
    }

    /// The octets to send.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn view(&self) -> PacketRef<'_> {
        PacketRef { bytes: &self.bytes }
    }

    pub(crate) fn set_authenticator(&mut self, authenticator: [u8; 16]) {
        self.bytes[4..HEADER].copy_from_slice(&authenticator);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_packet_reads_as_it_was_written() {
        let mut packet = Packet::new(Code::ACCESS_REQUEST, 7);
        packet.push(AttributeType::USER_NAME, b"mn1@example.com").unwrap();
        packet.push(AttributeType::CLASS, &[1]).unwrap();
        packet.push(AttributeType::CLASS, &[]).unwrap();
        let mut datagram = packet.bytes().to_vec();
        datagram.extend_from_slice(b"padding");
        let read = PacketRef::decode(&datagram).unwrap();
        assert_eq!((read.code(), read.identifier()), (Code::ACCESS_REQUEST, 7));
        assert_eq!(read.bytes(), packet.bytes());
        assert_eq!(read.get(AttributeType::USER_NAME).unwrap().text(), Some("mn1@example.com"));
        let classes: Vec<&[u8]> = read.all(AttributeType::CLASS).map(|a| a.value).collect();
        assert_eq!(classes, [&[1][..], &[]]);
    }

    #[test]
    fn lengths_that_do_not_fit_are_refused_and_change_nothing() {
        let mut packet = Packet::new(Code::ACCESS_REQUEST, 0);
        assert_eq!(packet.push(AttributeType::CLASS, &[0; 254]), Err(TooLong));
        while packet.push(AttributeType::CLASS, &[0; 253]).is_ok() {}
        assert!(packet.bytes().len() <= MAX_LEN);
        assert!(PacketRef::decode(packet.bytes()).is_ok());
    }

    #[test]
    fn what_contradicts_itself_is_no_packet() {
        let header = |len: u16| {
            let mut bytes = vec![1, 0];
            bytes.extend_from_slice(&len.to_be_bytes());
            bytes.resize(HEADER, 0);
            bytes
        };
        let decode = |bytes: &[u8]| PacketRef::decode(bytes).map(|_| ());
        assert_eq!(decode(&header(20)[..19]), Err(DecodeError::Truncated));
        assert_eq!(decode(&header(19)), Err(DecodeError::Length(19)));
        assert_eq!(decode(&header(4097)), Err(DecodeError::Length(4097)));
        assert_eq!(decode(&header(21)), Err(DecodeError::Truncated));
        let with = |attributes: &[u8]| {
            let mut bytes = header(20 + attributes.len() as u16);
            bytes.extend_from_slice(attributes);
            decode(&bytes)
        };
        assert_eq!(with(&[1]), Err(DecodeError::Attribute { at: 20, len: 0 }));
        assert_eq!(with(&[1, 1]), Err(DecodeError::Attribute { at: 20, len: 1 }));
        assert_eq!(with(&[1, 2, 1, 3]), Err(DecodeError::Attribute { at: 22, len: 3 }));
        assert_eq!(with(&[1, 2]), Ok(()));
    }

    proptest! {
        #[test]
        fn any_octets_are_a_packet_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(packet) = PacketRef::decode(&bytes) {
                let total: usize = packet.attributes().map(|a| a.value.len() + 2).sum();
                prop_assert_eq!(total + HEADER, packet.bytes().len());
            }
        }
    }
}
