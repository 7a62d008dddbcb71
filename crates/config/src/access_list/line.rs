//! Between the words of a line and what it says.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use kedge_grammar::{Args, Datum};

use super::entry::{AccessEntry, Action, AddressMatch, Family, IcmpMatch, PortMatch, Remark};

/// The one spelling of a line that is kept and written.
pub(crate) fn canonical(args: &Args, family: Family) -> Args {
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

/// The remark that a line is, if it is one.
pub(crate) fn read_remark(args: &Args) -> Option<Remark> {
    let sequence = args.integer("SEQUENCE").unwrap_or_default();
    Some(Remark { sequence, text: args.text("REMARK")?.to_owned() })
}

pub(crate) fn remark_args(text: &str, sequence: Option<u32>) -> Args {
    numbered(sequence).with("REMARK", Datum::Text(text.to_owned()))
}

fn numbered(sequence: Option<u32>) -> Args {
    let mut args = Args::default();
    if let Some(sequence) = sequence {
        args.push("SEQUENCE", Datum::Integer(sequence.into()));
    }
    args
}

/// The entry that a line is, which is no remark.
pub(crate) fn read_entry(args: &Args, family: Family) -> AccessEntry {
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

pub(crate) fn entry_args(entry: &AccessEntry, sequence: Option<u32>) -> Args {
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
