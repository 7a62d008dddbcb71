//! The forwarding state that a machine wants and a data plane makes so.
//!
//! An anchor and a gateway describe the same thing from two ends: the inner addresses of one
//! binding, and the tunnels its packets may use. What differs is which inner address is looked
//! up, and that is a property of the device the packets pass through (crate `dataplane`), not of
//! the binding.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::VrfId;

/// Names one binding towards a data plane; never used again while the daemon runs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BindingId(pub u64);

/// A GRE key (RFC 2890 §2.1). Any 32-bit value is a key, zero included.
pub type GreKey = u32;

/// How inner packets are put into outer ones. Inner IPv4 and IPv6 travel in each of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Encapsulation {
    /// IP in IP (RFC 2003, RFC 2473, RFC 4213).
    IpInIp,
    /// GRE (RFC 2784, RFC 2890). The side that receives a packet chose its key (RFC 5845 §3.3);
    /// `None` is a header without the key field.
    Gre {
        /// The key in packets we send: the peer chose it.
        send_key: Option<GreKey>,
        /// The key in packets we receive: we chose it.
        receive_key: Option<GreKey>,
    },
    /// UDP (RFC 5844 §4.1.3.2), the inner packet right behind the UDP header.
    Udp {
        /// Our port.
        local_port: u16,
        /// The peer's port.
        peer_port: u16,
    },
    /// GRE in UDP, behind the TLV header of RFC 5845 §7.2. Ports and keys are as above.
    GreUdp {
        /// Our port.
        local_port: u16,
        /// The peer's port.
        peer_port: u16,
        /// The key in packets we send.
        send_key: Option<GreKey>,
        /// The key in packets we receive.
        receive_key: Option<GreKey>,
    },
}

impl Encapsulation {
    /// Our UDP port and the peer's, of what goes over UDP.
    pub fn udp_ports(self) -> Option<(u16, u16)> {
        match self {
            Self::IpInIp | Self::Gre { .. } => None,
            Self::Udp { local_port, peer_port } | Self::GreUdp { local_port, peer_port, .. } => {
                Some((local_port, peer_port))
            }
        }
    }
}

/// One tunnel between an anchor and a gateway, seen from this host.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Tunnel {
    /// The routing world the outer packets travel in.
    pub transport: VrfId,
    /// Our outer address, of the peer's family.
    pub local: IpAddr,
    /// The peer's outer address.
    pub peer: IpAddr,
    /// How packets are carried.
    pub encapsulation: Encapsulation,
    /// The largest inner packet the tunnel carries whole, in octets.
    pub mtu: u16,
}

impl Tunnel {
    /// The octets that the encapsulation puts in front of an inner packet we send.
    pub fn overhead(&self) -> u16 {
        let ip = if self.peer.is_ipv4() { 20 } else { 40 };
        ip + match self.encapsulation {
            Encapsulation::IpInIp => 0,
            Encapsulation::Gre { send_key: None, .. } => 4,
            Encapsulation::Gre { send_key: Some(_), .. } => 8,
            Encapsulation::Udp { .. } => 8,
            Encapsulation::GreUdp { send_key: None, .. } => 16,
            Encapsulation::GreUdp { send_key: Some(_), .. } => 20,
        }
    }
}

/// A tunnel as one of a binding's ways.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Path {
    /// Where its packets go and come from.
    pub tunnel: Tunnel,
    /// Its share of new flows among the binding's paths; 0 takes none, and packets that arrive
    /// on it are still the binding's.
    pub weight: u16,
}

/// What a data plane should hold for one binding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Forwarding {
    /// The routing world of the inner packets.
    pub vrf: VrfId,
    /// The subscriber's addresses and prefixes.
    pub inner: Vec<IpNet>,
    /// The tunnels to use, at least one of them with a weight.
    pub paths: Vec<Path>,
}
