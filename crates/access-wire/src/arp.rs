//! Address Resolution Protocol for IPv4 over Ethernet (RFC 826).

use std::net::Ipv4Addr;

use kedge_model::MacAddr;

use crate::reader::Reader;
use crate::{DecodeError, EtherType, EthernetHeader};

/// What an ARP packet is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// Who has the target address?
    Request,
    /// The sender has it.
    Reply,
}

/// An ARP packet for IPv4 over Ethernet.
///
/// ```text
/// |   Hardware Type = 1 (2)   |  Protocol Type = 0x0800 (2)  |
/// | HLen = 6 | PLen = 4       |        Operation (2)         |
/// | Sender MAC (6)            | Sender IPv4 (4)              |
/// | Target MAC (6)            | Target IPv4 (4)              |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arp {
    /// Question or answer.
    pub operation: Operation,
    /// The sender's hardware address.
    pub sender_mac: MacAddr,
    /// The sender's address; unspecified in a probe (RFC 5227 §1.1).
    pub sender: Ipv4Addr,
    /// Ignored in a request.
    pub target_mac: MacAddr,
    /// The address in question.
    pub target: Ipv4Addr,
}

impl Arp {
    /// Whether the sender tells others about itself or asks whether an address is free, which a
    /// host does when its link has just come up (RFC 5227 §2): a probe or an announcement.
    pub fn is_probe_or_announcement(&self) -> bool {
        self.sender.is_unspecified() || self.sender == self.target
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.expect_u16("hardware type", 1)?;
        reader.expect_u16("protocol type", EtherType::IPV4.0)?;
        reader.expect_u8("hardware address length", 6)?;
        reader.expect_u8("protocol address length", 4)?;
        let at = *reader;
        let operation = match reader.u16("operation")? {
            1 => Operation::Request,
            2 => Operation::Reply,
            other => return Err(at.invalid("operation", other.into())),
        };
        Ok(Self {
            operation,
            sender_mac: reader.mac("sender hardware address")?,
            sender: reader.ipv4("sender protocol address")?,
            target_mac: reader.mac("target hardware address")?,
            target: reader.ipv4("target protocol address")?,
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let operation = match self.operation {
            Operation::Request => 1,
            Operation::Reply => 2,
        };
        out.extend_from_slice(&[0, 1, 0x08, 0x00, 6, 4, 0, operation]);
        out.extend_from_slice(&self.sender_mac.0);
        out.extend_from_slice(&self.sender.octets());
        out.extend_from_slice(&self.target_mac.0);
        out.extend_from_slice(&self.target.octets());
    }
}

/// Appends a whole frame with `arp`.
pub fn encode_frame(source: MacAddr, destination: MacAddr, arp: &Arp, out: &mut Vec<u8>) {
    EthernetHeader { destination, source, ethertype: EtherType::ARP }.encode(out);
    arp.encode(out);
}
