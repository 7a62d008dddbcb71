//! IPv4 and IPv6 headers, as far as an access link needs them.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::checksum::Sum;
use crate::reader::Reader;
use crate::{DecodeError, Fault};

/// An IP protocol or IPv6 next header number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Protocol(pub u8);

impl Protocol {
    /// User Datagram Protocol.
    pub const UDP: Self = Self(17);
    /// ICMP for IPv6.
    pub const ICMPV6: Self = Self(58);
}

/// What a gateway reads in an IPv4 header (RFC 791 §3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ipv4Header {
    /// The sender.
    pub source: Ipv4Addr,
    /// The receiver.
    pub destination: Ipv4Addr,
    /// What follows.
    pub protocol: Protocol,
    /// Whether the packet is a piece of a larger one.
    pub fragment: bool,
}

impl Ipv4Header {
    const MIN_LEN: u8 = 20;
    const MORE_FRAGMENTS_AND_OFFSET: u16 = 0x3fff;

    /// Reads the header and gives what the packet says its payload is, without the padding of
    /// short Ethernet frames; cut short if the frame was.
    pub(crate) fn decode<'a>(reader: &mut Reader<'a>) -> Result<(Self, Reader<'a>), DecodeError> {
        let start = *reader;
        let version_and_length = reader.u8("version")?;
        if version_and_length >> 4 != 4 {
            return Err(start.invalid("version", (version_and_length >> 4).into()));
        }
        let header_len = (version_and_length & 15) * 4;
        if header_len < Self::MIN_LEN {
            return Err(start.invalid("header length", header_len.into()));
        }
        reader.take(1, "type of service")?;
        let at = *reader;
        let total = reader.u16("total length")?;
        let Some(payload_len) = total.checked_sub(header_len.into()) else {
            return Err(at.invalid("total length", total.into()));
        };
        reader.take(2, "identification")?;
        let fragment = reader.u16("fragment offset")? & Self::MORE_FRAGMENTS_AND_OFFSET != 0;
        reader.take(1, "time to live")?;
        let protocol = Protocol(reader.u8("protocol")?);
        let at = *reader;
        reader.take(2, "header checksum")?;
        let header = Self {
            protocol,
            source: reader.ipv4("source address")?,
            destination: reader.ipv4("destination address")?,
            fragment,
        };
        reader.take(usize::from(header_len - Self::MIN_LEN), "options")?;
        let octets = &start.rest()[..usize::from(header_len)];
        if Sum::default().add(octets).finish() != 0 {
            return Err(at.error("header checksum", Fault::Checksum));
        }
        let have = usize::from(payload_len).min(reader.rest().len());
        Ok((header, reader.sub(have, "payload")?))
    }

    /// Writes a header without options, not to be fragmented, for `payload_len` octets.
    pub(crate) fn encode(&self, payload_len: usize, out: &mut Vec<u8>) {
        const VERSION_4_LENGTH_5: u8 = 0x45;
        const DO_NOT_FRAGMENT: u16 = 0x4000;
        const TIME_TO_LIVE: u8 = 64;
        let start = out.len();
        out.extend_from_slice(&[VERSION_4_LENGTH_5, 0]);
        out.extend_from_slice(&saturated(payload_len + usize::from(Self::MIN_LEN)));
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&DO_NOT_FRAGMENT.to_be_bytes());
        out.extend_from_slice(&[TIME_TO_LIVE, self.protocol.0, 0, 0]);
        out.extend_from_slice(&self.source.octets());
        out.extend_from_slice(&self.destination.octets());
        let sum = Sum::default().add(&out[start..]).finish();
        out[start + 10..start + 12].copy_from_slice(&sum.to_be_bytes());
    }
}

/// What a gateway reads in an IPv6 header (RFC 8200 §3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ipv6Header {
    /// The sender.
    pub source: Ipv6Addr,
    /// The receiver.
    pub destination: Ipv6Addr,
    /// What follows.
    pub next: Protocol,
    /// How many hops the packet may still take.
    pub hop_limit: u8,
}

impl Ipv6Header {
    /// Reads the header and gives the payload with its whole length, if the frame has it;
    /// cut short if the frame was.
    pub(crate) fn decode<'a>(
        reader: &mut Reader<'a>,
    ) -> Result<(Self, Reader<'a>, usize), DecodeError> {
        let start = *reader;
        let version = reader.u32("version")? >> 28;
        if version != 6 {
            return Err(start.invalid("version", version.into()));
        }
        let payload_len = usize::from(reader.u16("payload length")?);
        let next = Protocol(reader.u8("next header")?);
        let hop_limit = reader.u8("hop limit")?;
        let header = Self {
            next,
            hop_limit,
            source: reader.ipv6("source address")?,
            destination: reader.ipv6("destination address")?,
        };
        let have = payload_len.min(reader.rest().len());
        Ok((header, reader.sub(have, "payload")?, payload_len))
    }

    pub(crate) fn encode(&self, payload_len: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&[0x60, 0, 0, 0]);
        out.extend_from_slice(&saturated(payload_len));
        out.extend_from_slice(&[self.next.0, self.hop_limit]);
        out.extend_from_slice(&self.source.octets());
        out.extend_from_slice(&self.destination.octets());
    }
}

/// A length field. Nothing this crate writes comes near 64 KiB; what did would be refused by
/// every receiver instead of being read wrongly.
pub(crate) fn saturated(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
}
