//! Ethernet II framing.

use std::net::Ipv6Addr;

use kedge_model::MacAddr;

use crate::DecodeError;
use crate::reader::Reader;

/// What a frame carries (IEEE 802 Numbers).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct EtherType(pub u16);

impl EtherType {
    /// IPv4 (RFC 894).
    pub const IPV4: Self = Self(0x0800);
    /// ARP (RFC 826).
    pub const ARP: Self = Self(0x0806);
    /// IPv6 (RFC 2464).
    pub const IPV6: Self = Self(0x86dd);
}

/// The head of an Ethernet II frame.
///
/// ```text
/// | Destination (6) | Source (6) | EtherType (2) |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EthernetHeader {
    /// For whom the frame is.
    pub destination: MacAddr,
    /// Who sent it.
    pub source: MacAddr,
    /// What follows.
    pub ethertype: EtherType,
}

impl EthernetHeader {
    /// Octets of the header.
    pub const LEN: usize = 14;

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            destination: reader.mac("destination")?,
            source: reader.mac("source")?,
            ethertype: EtherType(reader.u16("EtherType")?),
        })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.destination.0);
        out.extend_from_slice(&self.source.0);
        out.extend_from_slice(&self.ethertype.0.to_be_bytes());
    }
}

/// The Ethernet address of an IPv6 multicast group (RFC 2464 §7).
pub fn multicast_mac(group: Ipv6Addr) -> MacAddr {
    let [.., a, b, c, d] = group.octets();
    MacAddr([0x33, 0x33, a, b, c, d])
}
