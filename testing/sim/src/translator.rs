//! Translators (NAT) in front of gateways: they know UDP alone, and forget.
//!
//! ```text
//!   gateway 198.51.100.2:5436 ── translator 203.0.113.1:40001 ── anchors
//! ```
//!
//! Several gateways can be behind one outside address. A message or a packet to a port that was
//! given up arrives nowhere; only the gateway can open another one, by what it sends next.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use kedge_dataplane::checksum::Sum;
use kedge_model::{Encapsulation, Tunnel, VrfId};

use crate::plan::SIGNALLING_PORT;

/// The outside addresses of each transport world.
const OUTSIDE: [Ipv4Addr; 2] = [Ipv4Addr::new(203, 0, 113, 1), Ipv4Addr::new(203, 0, 113, 2)];
const FIRST_PORT: u16 = 40_000;
const IPV4_HEADER: usize = 20;
const UDP: u8 = 17;

/// What the translators of a domain know: where each gateway's signalling port is seen.
#[derive(Debug, Default)]
pub struct Translators {
    mappings: BTreeMap<usize, (VrfId, SocketAddrV4)>,
    given: u16,
}

impl Translators {
    /// A gateway's packets come from somewhere else from here on; `choice` says from which address.
    pub fn map(&mut self, gateway: usize, transport: VrfId, choice: usize) -> SocketAddrV4 {
        let port = FIRST_PORT + self.given % 20_000;
        self.given += 1;
        let outside = SocketAddrV4::new(OUTSIDE[choice % OUTSIDE.len()], port);
        self.mappings.insert(gateway, (transport, outside));
        outside
    }

    /// Where a gateway is seen; `None` without a translator.
    pub fn outside(&self, gateway: usize) -> Option<SocketAddrV4> {
        self.mappings.get(&gateway).map(|(_, outside)| *outside)
    }

    /// The gateway that is seen there.
    pub fn behind(&self, transport: VrfId, outside: SocketAddr) -> Option<usize> {
        let is_it = |(_, mapping): &(&usize, &(VrfId, SocketAddrV4))| {
            (mapping.0, SocketAddr::V4(mapping.1)) == (transport, outside)
        };
        self.mappings.iter().find(is_it).map(|(gateway, _)| *gateway)
    }

    /// A gateway's packet as it leaves the translator; `None` if it does not.
    pub fn rewrite_source(&self, gateway: usize, packet: &[u8]) -> Option<Vec<u8>> {
        let Some(outside) = self.outside(gateway) else { return Some(packet.to_vec()) };
        let from = (packet[9] == UDP).then(|| port(packet, 0))?;
        (from == SIGNALLING_PORT).then(|| rewrite(packet, 12, 0, outside))
    }

    /// The end of a gateway's tunnel as its anchor sees it.
    pub fn seen(&self, gateway: usize, mut tunnel: Tunnel) -> Tunnel {
        let Some(outside) = self.outside(gateway) else { return tunnel };
        if let Encapsulation::Udp { local_port, .. } | Encapsulation::GreUdp { local_port, .. } =
            &mut tunnel.encapsulation
        {
            *local_port = outside.port();
        }
        tunnel.local = (*outside.ip()).into();
        tunnel
    }
}

/// Where a packet goes, if it is UDP in IPv4.
pub fn destination(packet: &[u8]) -> Option<SocketAddr> {
    let is_udp = packet[0] >> 4 == 4 && packet[9] == UDP;
    let octets: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
    is_udp.then(|| SocketAddr::new(Ipv4Addr::from(octets).into(), port(packet, 2)))
}

/// A packet to a gateway as it comes out of the translator.
pub fn rewrite_destination(packet: &[u8], inside: Ipv4Addr) -> Vec<u8> {
    rewrite(packet, 16, 2, SocketAddrV4::new(inside, SIGNALLING_PORT))
}

fn port(packet: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([packet[IPV4_HEADER + at], packet[IPV4_HEADER + at + 1]])
}

/// Another address and port; the sum of UDP is left out, which IPv4 allows (RFC 768).
fn rewrite(packet: &[u8], address: usize, port: usize, to: SocketAddrV4) -> Vec<u8> {
    let mut packet = packet.to_vec();
    packet[address..address + 4].copy_from_slice(&to.ip().octets());
    let port = IPV4_HEADER + port;
    packet[port..port + 2].copy_from_slice(&to.port().to_be_bytes());
    packet[IPV4_HEADER + 6..IPV4_HEADER + 8].fill(0);
    packet[10..12].fill(0);
    let sum = Sum::default().bytes(&packet[..IPV4_HEADER]).checksum();
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet
}
