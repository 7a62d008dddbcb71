//! Access lists: which inner packets may enter tunnels, and which may leave them.
//!
//! The rules are tried in their order; the first that fits a packet decides, and a packet that none
//! fits is denied. A list says nothing about a family that none of its rules is for: packets of
//! that family pass, as those that meet no list do.
//!
//! Fragments are treated as routers do. A later one has no ports: a rule that permits some ports
//! lets it pass, because it is worth nothing without the first; a rule that denies some ports does
//! not fit it. A packet that ends before its ports, which no sender makes without intent
//! (RFC 1858 §3), is denied by a rule that denies some ports and permitted by none that names any.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use crate::counters::Cell;
use crate::inner::{Inner, protocol, upper_layer};

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
    /// The ports that they come from; `None` is any.
    pub source_ports: Option<RangeInclusive<u16>>,
    /// The ports that they go to; `None` is any.
    pub destination_ports: Option<RangeInclusive<u16>>,
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

/// What is behind a packet's IP header.
struct Upper {
    /// `None` where the packet ends within its extension headers.
    protocol: Option<u8>,
    ports: Ports,
}

enum Ports {
    /// From and to.
    Known([u16; 2]),
    /// A later fragment.
    Elsewhere,
    /// None, or cut off.
    Missing,
}

impl Upper {
    fn of(inner: &Inner, packet: &[u8]) -> Self {
        let Some((last, at, later_fragment)) = upper_layer(inner, packet) else {
            return Self { protocol: None, ports: Ports::Missing };
        };
        let ports = match packet.get(at..inner.total_len).and_then(|rest| rest.first_chunk()) {
            _ if later_fragment => Ports::Elsewhere,
            Some([a, b, c, d]) if matches!(last, protocol::TCP | protocol::UDP) => {
                Ports::Known([u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])])
            }
            _ => Ports::Missing,
        };
        Self { protocol: Some(last), ports }
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
            && self.protocol.is_none_or(|protocol| upper.protocol == Some(protocol))
            && self.ports_fit(upper)
    }

    fn ports_fit(&self, upper: &Upper) -> bool {
        let ranges = [&self.source_ports, &self.destination_ports];
        if ranges.iter().all(|range| range.is_none()) {
            return true;
        }
        match upper.ports {
            Ports::Known(ports) => ranges
                .iter()
                .zip(ports)
                .all(|(range, port)| range.as_ref().is_none_or(|range| range.contains(&port))),
            Ports::Elsewhere => self.permit,
            Ports::Missing => !self.permit,
        }
    }
}
