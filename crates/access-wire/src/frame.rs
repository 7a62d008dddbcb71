//! A frame of the access link, all layers at once.

use crate::arp::Arp;
use crate::reader::Reader;
use crate::{DecodeError, EtherType, EthernetHeader, Ipv4Header, Ipv6Header, Protocol};
use crate::{dhcpv4, dhcpv6, icmpv6};

/// A frame that a gateway received on an access link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// Between whom it travelled.
    pub ethernet: EthernetHeader,
    /// What it carries.
    pub content: Content,
}

/// What a gateway distinguishes in the frames of its access links.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content {
    /// An ARP packet.
    Arp(Arp),
    /// A Neighbor Discovery message.
    Neighbor {
        /// The header it came under.
        ip: Ipv6Header,
        /// The message.
        message: icmpv6::Message,
    },
    /// A DHCPv4 message.
    Dhcpv4 {
        /// The header it came under.
        ip: Ipv4Header,
        /// The message.
        message: Box<dhcpv4::Message>,
    },
    /// A DHCPv6 message.
    Dhcpv6 {
        /// The header it came under.
        ip: Ipv6Header,
        /// The message.
        message: Box<dhcpv6::Message>,
    },
    /// Any other IPv4 packet; only its header was read.
    Ipv4(Ipv4Header),
    /// Any other IPv6 packet; only its header was read.
    Ipv6(Ipv6Header),
    /// Something that is not IP.
    Other,
}

impl Frame {
    /// Reads a frame. Of an ordinary IP packet the header is enough, so such a frame may be cut
    /// short behind it; ARP, Neighbor Discovery and DHCP have to be whole.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(octets);
        let ethernet = EthernetHeader::decode(&mut reader)?;
        let content = match ethernet.ethertype {
            EtherType::ARP => Content::Arp(Arp::decode(&mut reader)?),
            EtherType::IPV4 => Self::decode_ipv4(&mut reader)?,
            EtherType::IPV6 => Self::decode_ipv6(&mut reader)?,
            _ => Content::Other,
        };
        Ok(Self { ethernet, content })
    }

    fn decode_ipv4(reader: &mut Reader<'_>) -> Result<Content, DecodeError> {
        let (ip, payload) = Ipv4Header::decode(reader)?;
        if ip.protocol != Protocol::UDP || ip.fragment {
            return Ok(Content::Ipv4(ip));
        }
        Ok(match dhcpv4::decode_udp(&ip, payload)? {
            Some(message) => Content::Dhcpv4 { ip, message: Box::new(message) },
            None => Content::Ipv4(ip),
        })
    }

    fn decode_ipv6(reader: &mut Reader<'_>) -> Result<Content, DecodeError> {
        let (ip, mut payload, whole) = Ipv6Header::decode(reader)?;
        // A message behind extension headers, a Fragment header above all, is none of ours:
        // RFC 6980 §5 forbids fragments in Neighbor Discovery.
        match ip.next {
            Protocol::ICMPV6 if icmpv6::is_neighbor_discovery(payload.rest()) => {
                let body = payload.sub(whole, "payload")?;
                Ok(Content::Neighbor { ip, message: icmpv6::decode(&ip, body)? })
            }
            Protocol::UDP if dhcpv6::is_for_dhcp(payload.rest()) => {
                let body = payload.sub(whole, "payload")?;
                Ok(Content::Dhcpv6 { ip, message: Box::new(dhcpv6::decode_udp(&ip, body)?) })
            }
            _ => Ok(Content::Ipv6(ip)),
        }
    }
}
