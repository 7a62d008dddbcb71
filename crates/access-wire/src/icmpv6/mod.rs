//! Neighbor Discovery: the router and neighbour messages of RFC 4861.
//!
//! Decoding applies the validation rules of RFC 4861 §6.1.1, §6.1.2, §7.1.1 and §7.1.2 whole: a
//! message that a node "MUST silently discard" is a [`DecodeError`] here.

mod neighbor;
mod option;
mod router;

use std::net::Ipv6Addr;

use kedge_model::MacAddr;

pub use neighbor::{NeighborAdvertisement, NeighborSolicitation};
pub use option::{NdOption, PrefixInformation};
pub use router::{RouterAdvertisement, RouterSolicitation};

use crate::checksum::Sum;
use crate::reader::Reader;
use crate::{DecodeError, EtherType, EthernetHeader, Fault, Ipv6Header, Protocol};

/// All nodes on the link (RFC 4291 §2.7.1).
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// The hop limit of every message here, which no router passes on (RFC 4861 §3.1).
const HOP_LIMIT: u8 = 255;

const ROUTER_SOLICITATION: u8 = 133;
const ROUTER_ADVERTISEMENT: u8 = 134;
const NEIGHBOR_SOLICITATION: u8 = 135;
const NEIGHBOR_ADVERTISEMENT: u8 = 136;

/// A Neighbor Discovery message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Message {
    /// A host asks for routers.
    RouterSolicitation(RouterSolicitation),
    /// A router says that it is there.
    RouterAdvertisement(RouterAdvertisement),
    /// Who has the target, or is it still there?
    NeighborSolicitation(NeighborSolicitation),
    /// The target is here.
    NeighborAdvertisement(NeighborAdvertisement),
}

/// The solicited-node multicast group of an address (RFC 4291 §2.7.1).
pub fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), u16::from_be_bytes([b, c]))
}

/// Whether ICMPv6 octets are one of the messages of this module.
pub(crate) fn is_neighbor_discovery(octets: &[u8]) -> bool {
    matches!(octets.first(), Some(ROUTER_SOLICITATION..=NEIGHBOR_ADVERTISEMENT))
}

/// Reads a message that came under `ip`, of which `body` is the whole payload.
pub(crate) fn decode(ip: &Ipv6Header, mut body: Reader<'_>) -> Result<Message, DecodeError> {
    let start = body;
    let octets = body.rest();
    let sum = Sum::ipv6(ip.source, ip.destination, Protocol::ICMPV6.0, octets.len()).add(octets);
    let kind = body.u8("type")?;
    body.expect_u8("code", 0)?;
    let at = body;
    body.u16("checksum")?;
    if sum.finish() != 0 {
        return Err(at.error("checksum", Fault::Checksum));
    }
    if ip.hop_limit != HOP_LIMIT {
        return Err(start.invalid("hop limit", ip.hop_limit.into()));
    }
    match kind {
        ROUTER_SOLICITATION => {
            RouterSolicitation::decode(ip, body).map(Message::RouterSolicitation)
        }
        ROUTER_ADVERTISEMENT => {
            RouterAdvertisement::decode(ip, body).map(Message::RouterAdvertisement)
        }
        NEIGHBOR_SOLICITATION => {
            NeighborSolicitation::decode(ip, body).map(Message::NeighborSolicitation)
        }
        NEIGHBOR_ADVERTISEMENT => {
            NeighborAdvertisement::decode(ip, body).map(Message::NeighborAdvertisement)
        }
        other => Err(start.invalid("type", other.into())),
    }
}

/// A bit of a flags octet.
fn flag(set: bool, mask: u8) -> u8 {
    if set { mask } else { 0 }
}

/// Between whom a message travels, on the link and above it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route {
    /// The sender on the link.
    pub source_mac: MacAddr,
    /// The receiver on the link.
    pub destination_mac: MacAddr,
    /// The sender.
    pub source: Ipv6Addr,
    /// The receiver or group.
    pub destination: Ipv6Addr,
}

/// Appends a whole frame with `message`.
pub fn encode_frame(route: &Route, message: &Message, out: &mut Vec<u8>) {
    let Route { source_mac, destination_mac, source, destination } = *route;
    let ethernet = EthernetHeader {
        destination: destination_mac,
        source: source_mac,
        ethertype: EtherType::IPV6,
    };
    ethernet.encode(out);
    let mut body = Vec::with_capacity(128);
    match message {
        Message::RouterSolicitation(rs) => {
            body.extend_from_slice(&[ROUTER_SOLICITATION, 0, 0, 0]);
            rs.encode(&mut body);
        }
        Message::RouterAdvertisement(ra) => {
            body.extend_from_slice(&[ROUTER_ADVERTISEMENT, 0, 0, 0]);
            ra.encode(&mut body);
        }
        Message::NeighborSolicitation(ns) => {
            body.extend_from_slice(&[NEIGHBOR_SOLICITATION, 0, 0, 0]);
            ns.encode(&mut body);
        }
        Message::NeighborAdvertisement(na) => {
            body.extend_from_slice(&[NEIGHBOR_ADVERTISEMENT, 0, 0, 0]);
            na.encode(&mut body);
        }
    }
    let sum = Sum::ipv6(source, destination, Protocol::ICMPV6.0, body.len()).add(&body).finish();
    body[2..4].copy_from_slice(&sum.to_be_bytes());
    let ip = Ipv6Header { source, destination, next: Protocol::ICMPV6, hop_limit: HOP_LIMIT };
    ip.encode(body.len(), out);
    out.extend_from_slice(&body);
}
