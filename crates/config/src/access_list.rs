//! Access lists: which packets pass, and which packets a mobile map's entry is for.
//!
//! A list is about the packets of one family; packets of the other one are none of its business.
//! An IPv4 list and an IPv6 list may have one name, as on routers: then what names it means both.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use kedge_grammar::{Args, Datum, Item, Writer};

use crate::key::Key;
use crate::keyword::keywords;
use crate::shared;

mod lines;

pub(crate) use lines::{canonical_ipv4, canonical_ipv6};

/// An extended access list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccessList {
    /// Its name.
    pub name: String,
    /// The family of the packets that it is about.
    pub family: Family,
    /// Its entries in the order of their numbers: the first that fits a packet decides; a packet
    /// of the list's family that none fits is denied.
    pub entries: Vec<AccessEntry>,
    /// What is said about them, by the same numbers.
    pub remarks: Vec<Remark>,
}

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
    /// The code points of Differentiated Services; `None` is any.
    pub code_points: Option<CodePoints>,
    /// Now and then it is logged how many packets it has decided about.
    pub log: bool,
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

/// Code points of Differentiated Services from one to another: one, or the eight of a precedence
/// (RFC 2474 §4.2.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CodePoints {
    /// The first one.
    pub first: u8,
    /// The last one.
    pub last: u8,
}

impl CodePoints {
    /// Those of a precedence: its three bits are the upper ones.
    fn of_precedence(precedence: u8) -> Self {
        let first = precedence << 3;
        Self { first, last: first | 0b111 }
    }

    /// The precedence whose code points they are.
    fn precedence(self) -> Option<u8> {
        let precedence = self.first >> 3;
        (self == Self::of_precedence(precedence)).then_some(precedence)
    }
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

impl AccessList {
    /// The highest number of a line.
    pub const LAST: u32 = 2_147_483_647;

    /// Gives the lines new numbers in their order; `None`, and nothing has changed, if they do not
    /// suffice.
    pub(crate) fn renumber(&mut self, start: u32, step: u32) -> Option<()> {
        let entries = self.entries.iter_mut().map(|entry| &mut entry.sequence);
        let remarks = self.remarks.iter_mut().map(|remark| &mut remark.sequence);
        let mut lines: Vec<&mut u32> = entries.chain(remarks).collect();
        let steps = u32::try_from(lines.len()).ok()?.saturating_sub(1);
        step.checked_mul(steps)?.checked_add(start).filter(|last| *last <= Self::LAST)?;
        lines.sort();
        for (line, number) in lines.into_iter().zip((start..).step_by(step as usize)) {
            *line = number;
        }
        Some(())
    }

    pub(crate) fn read(item: &Item<Key>) -> Self {
        let family = match item.row.key {
            Key::AccessListIpv6 => Family::Ipv6,
            _ => Family::Ipv4,
        };
        let (mut entries, mut remarks) = (Vec::new(), Vec::new());
        for item in item.section().each(Key::AccessEntry) {
            match lines::read_remark(&item.args) {
                Some(remark) => remarks.push(remark),
                None => entries.push(lines::read_entry(&item.args, family)),
            }
        }
        Self { name: shared::name(&item.args, "NAME"), family, entries, remarks }
    }

    pub(crate) fn write(&self, writer: &mut Writer<Key>) {
        let name = Args::default().with("NAME", Datum::Text(self.name.clone()));
        let key = match self.family {
            Family::Ipv4 => Key::AccessList,
            Family::Ipv6 => Key::AccessListIpv6,
        };
        writer.block(key, name, |writer| {
            for entry in &self.entries {
                writer.put(Key::AccessEntry, lines::entry_args(entry, Some(entry.sequence)));
            }
            for remark in &self.remarks {
                let args = lines::remark_args(&remark.text, Some(remark.sequence));
                writer.put(Key::AccessEntry, args);
            }
        });
    }
}

#[cfg(test)]
mod tests;
