//! A line of an access list: the packets that it fits, and what is done with them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::keyword::keywords;

/// A version of the Internet Protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// Version 4.
    Ipv4,
    /// Version 6.
    Ipv6,
}

/// An entry of an access list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AccessEntry {
    /// Its number in the list.
    pub sequence: u32,
    /// What is done with packets that it fits.
    pub action: Action,
    /// The IP protocol, behind the extension headers of IPv6; `None` is any.
    pub protocol: Option<u8>,
    /// Where they come from.
    pub source: AddressMatch,
    /// The ports they come from; `None` is any.
    pub source_ports: Option<PortMatch>,
    /// Where they go.
    pub destination: AddressMatch,
    /// The ports they go to; `None` is any.
    pub destination_ports: Option<PortMatch>,
    /// The messages of ICMP or ICMPv6; `None` is any.
    pub icmp: Option<IcmpMatch>,
    /// Only TCP segments of a connection that is there: those with ACK or RST.
    pub established: bool,
}

/// A remark between the entries of an access list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remark {
    /// Its number in the list.
    pub sequence: u32,
    /// What it says.
    pub text: String,
}

keywords! {
    /// What an entry does with packets.
    pub enum Action {
        Permit = "permit", "Let packets pass";
        Deny = "deny", "Drop packets";
    }
}

/// Ports from one to another, or all but those.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PortMatch {
    /// The first one.
    pub first: u16,
    /// The last one.
    pub last: u16,
    /// All ports but those.
    pub except: bool,
}

impl PortMatch {
    /// Whether a port is one of them.
    pub fn fits(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port) != self.except
    }
}

/// Messages of ICMP or ICMPv6.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IcmpMatch {
    /// Their type.
    pub kind: u8,
    /// Their code; `None` is any.
    pub code: Option<u8>,
}

/// Addresses of one family that differ from one only in bits that do not matter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AddressMatch {
    /// The address; its bits that do not matter are zero.
    pub address: IpAddr,
    /// The bits that do not matter, which a router calls a wildcard.
    pub wildcard: IpAddr,
}

impl AddressMatch {
    /// Every address of a family.
    pub const fn any(family: Family) -> Self {
        match family {
            Family::Ipv4 => Self {
                address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                wildcard: IpAddr::V4(Ipv4Addr::BROADCAST),
            },
            Family::Ipv6 => Self {
                address: IpAddr::V6(Ipv6Addr::UNSPECIFIED),
                wildcard: IpAddr::V6(Ipv6Addr::from_bits(u128::MAX)),
            },
        }
    }

    /// Whether an address is one of them.
    pub fn fits(&self, address: IpAddr) -> bool {
        match (address, self.wildcard, self.address) {
            (IpAddr::V4(is), IpAddr::V4(any), IpAddr::V4(wanted)) => is & !any == wanted,
            (IpAddr::V6(is), IpAddr::V6(any), IpAddr::V6(wanted)) => is & !any == wanted,
            _ => false,
        }
    }
}
