//! Access lists: which packets pass, and which packets a mobile map's entry is for.
//!
//! A list is about the packets of one family; packets of the other one are none of its business.
//! An IPv4 list and an IPv6 list may have one name, as on routers: then what names it means both.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use kedge_grammar::{Args, Datum, Item, Writer};

use crate::key::Key;
use crate::keyword::keywords;
use crate::shared;

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
            match read_remark(&item.args) {
                Some(remark) => remarks.push(remark),
                None => entries.push(read_entry(&item.args, family)),
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
                writer.put(Key::AccessEntry, entry_args(entry, Some(entry.sequence)));
            }
            for remark in &self.remarks {
                writer.put(Key::AccessEntry, remark_args(&remark.text, Some(remark.sequence)));
            }
        });
    }
}

/// A line of an IPv4 list in the one spelling that is kept and written.
pub(crate) fn canonical_ipv4(args: &Args) -> Args {
    canonical(args, Family::Ipv4)
}

/// A line of an IPv6 list in the one spelling that is kept and written.
pub(crate) fn canonical_ipv6(args: &Args) -> Args {
    canonical(args, Family::Ipv6)
}

fn canonical(args: &Args, family: Family) -> Args {
    let sequence = args.integer("SEQUENCE");
    match read_remark(args) {
        Some(remark) => remark_args(&remark.text, sequence),
        None => entry_args(&read_entry(args, family), sequence),
    }
}

/// The protocols that have a word in lists of a family, and their numbers.
fn protocols(family: Family) -> &'static [(&'static str, u8)] {
    const IPV4: &[(&str, u8)] = &[
        ("icmp", 1),
        ("igmp", 2),
        ("ipinip", 4),
        ("tcp", 6),
        ("udp", 17),
        ("gre", 47),
        ("esp", 50),
        ("ahp", 51),
        ("ospf", 89),
        ("pim", 103),
        ("sctp", 132),
    ];
    const IPV6: &[(&str, u8)] = &[
        ("tcp", 6),
        ("udp", 17),
        ("gre", 47),
        ("esp", 50),
        ("ahp", 51),
        ("icmp", 58),
        ("ospf", 89),
        ("pim", 103),
        ("sctp", 132),
    ];
    match family {
        Family::Ipv4 => IPV4,
        Family::Ipv6 => IPV6,
    }
}

fn read_remark(args: &Args) -> Option<Remark> {
    let sequence = args.integer("SEQUENCE").unwrap_or_default();
    Some(Remark { sequence, text: args.text("REMARK")?.to_owned() })
}

fn remark_args(text: &str, sequence: Option<u32>) -> Args {
    numbered(sequence).with("REMARK", Datum::Text(text.to_owned()))
}

fn numbered(sequence: Option<u32>) -> Args {
    let mut args = Args::default();
    if let Some(sequence) = sequence {
        args.push("SEQUENCE", Datum::Integer(sequence.into()));
    }
    args
}

fn read_entry(args: &Args, family: Family) -> AccessEntry {
    let action = args.word("action").and_then(Action::from_word);
    let named = |word: &str| protocols(family).iter().find(|(name, _)| *name == word);
    let named = args.word("protocol").and_then(named).map(|(_, number)| *number);
    // A message's name may stand for its type and its code.
    let message = args.integer::<u16>("MESSAGE").map(|both| both.to_be_bytes());
    let message = message.map(|[kind, code]| IcmpMatch { kind, code: Some(code) });
    let kind = |kind| IcmpMatch { kind, code: args.integer("CODE") };
    AccessEntry {
        sequence: args.integer("SEQUENCE").unwrap_or_default(),
        action: action.expect("the table makes it mandatory"),
        protocol: named.or(args.integer("PROTOCOL")),
        source: read_address(args, &SOURCE, family),
        source_ports: read_ports(args, &SOURCE),
        destination: read_address(args, &DESTINATION, family),
        destination_ports: read_ports(args, &DESTINATION),
        icmp: args.integer("TYPE").map(kind).or(message),
        established: args.has("established"),
    }
}

fn entry_args(entry: &AccessEntry, sequence: Option<u32>) -> Args {
    let family = match entry.source.address {
        IpAddr::V4(_) => Family::Ipv4,
        IpAddr::V6(_) => Family::Ipv6,
    };
    let mut args = numbered(sequence).with("action", Datum::Word(entry.action.word()));
    let word = |number: u8| protocols(family).iter().find(|(_, known)| *known == number);
    match (entry.protocol, family) {
        (None, Family::Ipv4) => args.push("protocol", Datum::Word("ip")),
        (None, Family::Ipv6) => args.push("protocol", Datum::Word("ipv6")),
        (Some(number), _) => match word(number) {
            Some((word, _)) => args.push("protocol", Datum::Word(word)),
            None => args.push("PROTOCOL", Datum::Integer(number.into())),
        },
    }
    write_address(entry.source, &SOURCE, &mut args);
    write_ports(entry.source_ports, &SOURCE, &mut args);
    write_address(entry.destination, &DESTINATION, &mut args);
    write_ports(entry.destination_ports, &DESTINATION, &mut args);
    if let Some(IcmpMatch { kind, code }) = entry.icmp {
        args.push("TYPE", Datum::Integer(kind.into()));
        code.into_iter().for_each(|code| args.push("CODE", Datum::Integer(code.into())));
    }
    if entry.established {
        args.push("established", Datum::Word("established"));
    }
    args
}

/// What the table calls the arguments of one end of a packet's way.
struct End {
    address: &'static str,
    wildcard: &'static str,
    prefix: &'static str,
    port: &'static str,
    last: &'static str,
    below: &'static str,
    above: &'static str,
    except: &'static str,
}

const SOURCE: End = End {
    address: "SOURCE",
    wildcard: "SOURCE-WILDCARD",
    prefix: "SOURCE-PREFIX",
    port: "SOURCE-PORT",
    last: "SOURCE-LAST",
    below: "SOURCE-BELOW",
    above: "SOURCE-ABOVE",
    except: "SOURCE-EXCEPT",
};
const DESTINATION: End = End {
    address: "DESTINATION",
    wildcard: "DESTINATION-WILDCARD",
    prefix: "DESTINATION-PREFIX",
    port: "DESTINATION-PORT",
    last: "DESTINATION-LAST",
    below: "DESTINATION-BELOW",
    above: "DESTINATION-ABOVE",
    except: "DESTINATION-EXCEPT",
};

fn read_address(args: &Args, end: &End, family: Family) -> AddressMatch {
    if let Some((address, length)) = args.prefix(end.prefix) {
        let shift = u32::from(length);
        let wildcard = match address {
            IpAddr::V4(_) => Ipv4Addr::from(u32::MAX.checked_shr(shift).unwrap_or(0)).into(),
            IpAddr::V6(_) => Ipv6Addr::from(u128::MAX.checked_shr(shift).unwrap_or(0)).into(),
        };
        return AddressMatch { address, wildcard };
    }
    if let Some(address) = args.ipv6(end.address) {
        let wildcard = Ipv6Addr::UNSPECIFIED.into();
        return AddressMatch { address: address.into(), wildcard };
    }
    let Some(address) = args.ipv4(end.address) else { return AddressMatch::any(family) };
    let wildcard = args.ipv4(end.wildcard).unwrap_or(Ipv4Addr::UNSPECIFIED);
    AddressMatch { address: (address & !wildcard).into(), wildcard: wildcard.into() }
}

fn write_address(matched: AddressMatch, end: &End, args: &mut Args) {
    match (matched.address, matched.wildcard) {
        (_, IpAddr::V4(Ipv4Addr::BROADCAST)) => {}
        (IpAddr::V4(address), IpAddr::V4(wildcard)) => {
            args.push(end.address, Datum::Ipv4(address));
            if !wildcard.is_unspecified() {
                args.push(end.wildcard, Datum::Ipv4(wildcard));
            }
        }
        (IpAddr::V6(address), IpAddr::V6(Ipv6Addr::UNSPECIFIED)) => {
            args.push(end.address, Datum::Ipv6(address));
        }
        // Lists of IPv6 know prefixes only, so the bits that matter come first.
        (address, IpAddr::V6(wildcard)) => match wildcard.to_bits().leading_zeros() {
            0 => {}
            length => args.push(end.prefix, Datum::Prefix(address, length as u8)),
        },
        (IpAddr::V6(_), IpAddr::V4(_)) => {}
    }
}

fn read_ports(args: &Args, end: &End) -> Option<PortMatch> {
    let port = |name: &str| args.integer::<u16>(name);
    let ports = |first: u16, last: u16| PortMatch { first, last, except: false };
    if let Some(first) = port(end.port) {
        return Some(ports(first, port(end.last).unwrap_or(first)));
    }
    if let Some(only) = port(end.except) {
        return Some(PortMatch { except: true, ..ports(only, only) });
    }
    let below = port(end.below).map(|port| ports(0, port.saturating_sub(1)));
    below.or(port(end.above).map(|port| ports(port.saturating_add(1), u16::MAX)))
}

fn write_ports(matched: Option<PortMatch>, end: &End, args: &mut Args) {
    let Some(PortMatch { first, last, except }) = matched else { return };
    let mut push = |name, port: u16| args.push(name, Datum::Integer(port.into()));
    match (first, last) {
        _ if except => push(end.except, first),
        (first, last) if first == last => push(end.port, first),
        (0, last) if last < u16::MAX => push(end.below, last + 1),
        (first, u16::MAX) if first > 0 => push(end.above, first - 1),
        (first, last) => {
            push(end.port, first);
            push(end.last, last);
        }
    }
}

#[cfg(test)]
mod tests;
