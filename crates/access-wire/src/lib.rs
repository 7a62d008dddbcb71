//! What an access link speaks: Ethernet frames with ARP, IPv6 Neighbor Discovery, DHCPv4
//! and DHCPv6.
//!
//! A gateway reads frames with [`Frame::decode`], which goes through every layer at once and
//! keeps what a gateway acts on: an ARP packet, a Neighbor Discovery message, a DHCP message, or
//! just the addresses of any other IP packet. It writes frames with [`arp::encode_frame`],
//! [`icmpv6::encode_frame`], [`dhcpv4::encode_frame`] and [`dhcpv6::encode_frame`], checksums and
//! lengths included.
//!
//! The crate is pure: octets in, values out. **Decoding never panics, whatever the octets**, and
//! gives a value that has passed every check its RFC asks for, or a [`DecodeError`] that says
//! which octet is at fault. What is decoded encodes again to the same meaning; options without a
//! type here are kept as they came.

mod checksum;
mod error;
mod ethernet;
mod frame;
mod ip;
mod reader;
mod udp;

pub mod arp;
pub mod dhcpv4;
pub mod dhcpv6;
pub mod icmpv6;

pub use error::{DecodeError, Fault};
pub use ethernet::{EtherType, EthernetHeader, multicast_mac};
pub use frame::{Content, Frame};
pub use ip::{Ipv4Header, Ipv6Header, Protocol};
