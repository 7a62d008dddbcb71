//! A packet that has come through a tunnel, before anybody knows whose it is.

use std::net::IpAddr;

use kedge_model::VrfId;

use crate::ends::{Carrier, Ports};
use crate::gre::Gre;
use crate::inner::{Inner, protocol};
use crate::{DropReason, tlv};

/// An outer packet as a transport socket gives it.
#[derive(Clone, Copy, Debug)]
pub struct Arrived<'a> {
    /// The routing world it was received in.
    pub transport: VrfId,
    /// Its destination, an address of ours.
    pub local: IpAddr,
    /// Its source.
    pub peer: IpAddr,
    /// Its Type of Service or Traffic Class.
    pub tos: u8,
    /// What it carries.
    pub carried: Carried<'a>,
}

/// What an outer packet carries behind its IP header, or behind its UDP header.
#[derive(Clone, Copy, Debug)]
pub enum Carried<'a> {
    /// Protocol 4: IPv4.
    Ipv4(&'a [u8]),
    /// Protocol 41: IPv6.
    Ipv6(&'a [u8]),
    /// Protocol 47, from the GRE header on.
    Gre(&'a [u8]),
    /// The payload of UDP.
    Udp {
        /// Its destination port, one of ours.
        to: u16,
        /// Its source port.
        from: u16,
        /// What is behind the UDP header.
        payload: &'a [u8],
    },
}

/// The carrier, what it says of the inner packet's family, and the inner packet. `data_port` is
/// our port of UDP encapsulation.
pub fn unwrap(
    carried: Carried<'_>,
    data_port: u16,
) -> Result<(Carrier, Option<bool>, &[u8]), DropReason> {
    match carried {
        Carried::Ipv4(packet) => Ok((Carrier::IpInIp, Some(true), packet)),
        Carried::Ipv6(packet) => Ok((Carrier::IpInIp, Some(false), packet)),
        Carried::Gre(bytes) => {
            let (gre, packet) = Gre::split(bytes)?;
            Ok((Carrier::Gre(gre.key), Some(gre.is_ipv4), packet))
        }
        Carried::Udp { to, from, payload } => {
            let ports = Ports::new(to, from, data_port);
            if !tlv::precedes(payload) {
                return Ok((Carrier::Udp(ports), None, payload));
            }
            let (gre, packet) = Gre::split(tlv::decode(payload)?)?;
            Ok((Carrier::GreUdp(ports, gre.key), Some(gre.is_ipv4), packet))
        }
    }
}

/// The start of the inner packet in what is left of an outer one that met an error.
pub fn unwrap_quote(carried: Carried<'_>) -> Option<&[u8]> {
    match carried {
        Carried::Ipv4(packet) | Carried::Ipv6(packet) => Some(packet),
        Carried::Gre(bytes) => Gre::split(bytes).ok().map(|(_, packet)| packet),
        Carried::Udp { payload, .. } if !tlv::precedes(payload) => Some(payload),
        // The header's length is that of the whole.
        Carried::Udp { payload, .. } => {
            Gre::split(payload.get(tlv::LEN..)?).ok().map(|(_, packet)| packet)
        }
    }
}

impl<'a> Arrived<'a> {
    /// Reads an outer packet from its IP header on, as another data plane or a test has it.
    /// `None` for what carries none of our encapsulations, and for outer fragments: the host puts
    /// those together first.
    pub fn parse(transport: VrfId, packet: &'a [u8]) -> Option<Self> {
        let outer = Inner::parse(packet).ok()?;
        let payload = packet.get(outer.header_len..outer.total_len)?;
        let carried = match outer.protocol {
            protocol::IPV4 => Carried::Ipv4(payload),
            protocol::IPV6 => Carried::Ipv6(payload),
            protocol::GRE => Carried::Gre(payload),
            protocol::UDP => {
                let (header, payload) = payload.split_first_chunk::<8>()?;
                Carried::Udp {
                    to: u16::from_be_bytes([header[2], header[3]]),
                    from: u16::from_be_bytes([header[0], header[1]]),
                    payload,
                }
            }
            _ => return None,
        };
        let (local, peer, tos) = (outer.destination, outer.source, outer.tos);
        (!outer.fragment).then_some(Self { transport, local, peer, tos, carried })
    }
}
