//! Access lists: which inner packets may enter tunnels, and which may leave them.
//!
//! The rules are tried in their order; the first that fits a packet decides, and a packet that none
//! fits is denied. A list says nothing about a family that none of its rules is for: packets of
//! that family pass, as those that meet no list do.
//!
//! Fragments are treated as routers do. A later one has no ports, flags or messages: a rule that
//! permits some of them lets it pass, because it is worth nothing without the first; a rule that
//! denies some does not fit it. A packet that ends before them, which no sender makes without intent
//! (RFC 1858 §3), is denied by a rule that denies some and permitted by none that names any.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::counters::Cell;
use crate::inner::{Inner, protocol, upper_layer};

/// Where the flags are in a TCP header, and two of them (RFC 9293 §3.1).
const TCP_FLAGS: usize = 13;
const TCP_ACK: u8 = 0x10;
const TCP_RST: u8 = 0x04;

/// A list, and how many packets each of its rules has decided about.
#[derive(Debug, Default)]
pub struct AccessList {
    rules: Box<[Rule]>,
    /// One for each rule, and behind them that of packets that none fitted.
    hits: Box<[Cell]>,
    /// Whether there are rules for IPv4, and for IPv6.
    decides: [bool; 2],
}

/// One rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Whether packets that it fits may pass.
    pub permit: bool,
    /// The protocol behind the IP header and its extensions; `None` is any.
    pub protocol: Option<u8>,
    /// Where packets come from and go.
    pub between: Between,
    /// The ports of TCP or UDP that they come from; `None` is any.
    pub source_ports: Option<PortRange>,
    /// The ports that they go to; `None` is any.
    pub destination_ports: Option<PortRange>,
    /// The messages of ICMP or ICMPv6; `None` is any.
    pub messages: Option<Messages>,
    /// Only segments of a TCP connection that is there: those with ACK or RST.
    pub established: bool,
    /// The code points of Differentiated Services; `None` is any.
    pub code_points: Option<CodePoints>,
    /// Whether those who watch the data plane are to tell of the packets that it decides about.
    pub log: bool,
}

/// Ports from one to another, or all but those.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PortRange {
    /// The first one.
    pub first: u16,
    /// The last one.
    pub last: u16,
    /// All ports but those.
    pub except: bool,
}

/// Messages of ICMP or ICMPv6.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Messages {
    /// Their type.
    pub kind: u8,
    /// Their code; `None` is any.
    pub code: Option<u8>,
}

/// Code points of Differentiated Services from one to another (RFC 2474 §3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CodePoints {
    /// The first one.
    pub first: u8,
    /// The last one.
    pub last: u8,
}

impl CodePoints {
    /// Whether a Type of Service or a Traffic Class has one of them.
    fn fit(self, tos: u8) -> bool {
        (self.first..=self.last).contains(&(tos >> 2))
    }
}

/// The addresses that a rule is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Between {
    /// IPv4 packets.
    Ipv4 {
        /// Where from.
        source: Addresses<Ipv4Addr>,
        /// Where to.
        destination: Addresses<Ipv4Addr>,
    },
    /// IPv6 packets.
    Ipv6 {
        /// Where from.
        source: Addresses<Ipv6Addr>,
        /// Where to.
        destination: Addresses<Ipv6Addr>,
    },
}

/// Addresses that differ from one only in bits that do not matter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Addresses<A> {
    /// One of them.
    pub address: A,
    /// The bits that do not matter.
    pub wildcard: A,
}

impl Addresses<Ipv4Addr> {
    fn fit(&self, address: Ipv4Addr) -> bool {
        (address.to_bits() ^ self.address.to_bits()) & !self.wildcard.to_bits() == 0
    }
}

impl Addresses<Ipv6Addr> {
    fn fit(&self, address: Ipv6Addr) -> bool {
        (address.to_bits() ^ self.address.to_bits()) & !self.wildcard.to_bits() == 0
    }
}

impl PortRange {
    fn fits(&self, port: u16) -> bool {
        (self.first..=self.last).contains(&port) != self.except
    }
}

/// What is behind a packet's IP header.
struct Upper<'a> {
    /// `None` where the packet ends within its extension headers.
    protocol: Option<u8>,
    /// `None` in a later fragment.
    octets: Option<&'a [u8]>,
}

impl<'a> Upper<'a> {
    fn of(inner: &Inner, packet: &'a [u8]) -> Self {
        let Some((last, at, later_fragment)) = upper_layer(inner, packet) else {
            return Self { protocol: None, octets: Some(&[]) };
        };
        let octets = packet.get(at..inner.total_len).unwrap_or_default();
        Self { protocol: Some(last), octets: (!later_fragment).then_some(octets) }
    }
}

impl AccessList {
    /// A list that has counted nothing.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        let rules: Box<[Rule]> = rules.into_iter().collect();
        let hits = (0..=rules.len()).map(|_| Cell::default()).collect();
        let decides = [true, false].map(|ipv4| rules.iter().any(|rule| rule.is_ipv4() == ipv4));
        Self { rules, hits, decides }
    }

    /// Its rules, each with the packets it has decided about.
    pub fn rules(&self) -> impl Iterator<Item = (&Rule, u64)> {
        self.rules.iter().zip(self.hits.iter().map(Cell::get))
    }

    /// The packets that no rule fitted.
    pub fn unmatched(&self) -> u64 {
        self.hits.last().map_or(0, Cell::get)
    }

    /// Whether a packet may pass; it stands for `packets` of its kind, which are counted. Only one
    /// data plane at a time may ask.
    pub(crate) fn permits(&self, inner: &Inner, packet: &[u8], packets: u64) -> bool {
        if !self.decides[usize::from(!inner.is_ipv4())] {
            return true;
        }
        let upper = Upper::of(inner, packet);
        let at = self.rules.iter().position(|rule| rule.fits(inner, &upper));
        if let Some(cell) = self.hits.get(at.unwrap_or(self.rules.len())) {
            cell.add(packets);
        }
        at.is_some_and(|at| self.rules[at].permit)
    }
}

/// Lists are equal that say the same, whatever they have counted.
impl PartialEq for AccessList {
    fn eq(&self, other: &Self) -> bool {
        self.rules == other.rules
    }
}

impl Eq for AccessList {}

impl Rule {
    fn is_ipv4(&self) -> bool {
        matches!(self.between, Between::Ipv4 { .. })
    }

    fn fits(&self, inner: &Inner, upper: &Upper) -> bool {
        let between = match (self.between, inner.source, inner.destination) {
            (Between::Ipv4 { source, destination }, IpAddr::V4(from), IpAddr::V4(to)) => {
                source.fit(from) && destination.fit(to)
            }
            (Between::Ipv6 { source, destination }, IpAddr::V6(from), IpAddr::V6(to)) => {
                source.fit(from) && destination.fit(to)
            }
            _ => false,
        };
        between
            && self.code_points.is_none_or(|code_points| code_points.fit(inner.tos))
            && self.protocol.is_none_or(|protocol| upper.protocol == Some(protocol))
            && self.upper_fits(upper)
    }

    fn upper_fits(&self, upper: &Upper<'_>) -> bool {
        let Some(octets) = upper.octets else { return !self.names_more() || self.permit };
        self.octets_fit(upper.protocol, octets).unwrap_or(!self.permit)
    }

    /// Whether it names more than a protocol.
    fn names_more(&self) -> bool {
        let ports = self.source_ports.or(self.destination_ports);
        ports.is_some() || self.messages.is_some() || self.established
    }

    /// Whether what is behind the IP header is what the rule names; `None` where it is not there.
    fn octets_fit(&self, protocol: Option<u8>, octets: &[u8]) -> Option<bool> {
        let is = |protocols: &[u8]| protocol.filter(|protocol| protocols.contains(protocol));
        for (range, at) in [(self.source_ports, 0), (self.destination_ports, 2)] {
            let Some(range) = range else { continue };
            is(&[protocol::TCP, protocol::UDP])?;
            let port = octets.get(at..)?.first_chunk()?;
            if !range.fits(u16::from_be_bytes(*port)) {
                return Some(false);
            }
        }
        if let Some(messages) = self.messages {
            is(&[protocol::ICMP, protocol::ICMPV6])?;
            let [kind, code] = *octets.first_chunk()?;
            if kind != messages.kind || messages.code.is_some_and(|wanted| wanted != code) {
                return Some(false);
            }
        }
        if self.established {
            is(&[protocol::TCP])?;
            return Some(octets.get(TCP_FLAGS)? & (TCP_ACK | TCP_RST) != 0);
        }
        Some(true)
    }
}
