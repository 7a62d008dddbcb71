//! The sockets that tunnels end at.

use std::net::SocketAddr;

use kedge_dataplane::Carried;
use kedge_model::VrfId;

use crate::outbox::Outbox;

/// What a transport socket carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Carriage {
    /// UDP, to the port for data of its local.
    Udp,
    /// GRE.
    Gre,
    /// IPv4 in IP.
    Ipv4,
    /// IPv6 in IP.
    Ipv6,
    /// UDP, to the signalling port of its local, which not every local has.
    Shared,
}

impl Carriage {
    /// Every kind of transport socket, in the order in which each local has them.
    pub const ALL: [Self; 5] = [Self::Udp, Self::Gre, Self::Ipv4, Self::Ipv6, Self::Shared];

    /// Whether the kernel gives and takes trains of datagrams.
    pub fn is_udp(self) -> bool {
        matches!(self, Self::Udp | Self::Shared)
    }
}

/// A transport socket.
#[derive(Debug)]
pub struct Transport {
    /// The routing world it is in.
    pub vrf: VrfId,
    /// The address it is bound to; of a raw socket without a port.
    pub local: SocketAddr,
    /// The port for data at that address.
    pub data_port: u16,
    /// What it carries.
    pub carriage: Carriage,
    /// The socket, and what waits to leave through it.
    pub outbox: Outbox,
}

impl Transport {
    /// What arrived here from `peer_port`, or was sent from here to it, behind its IP header or UDP
    /// header.
    pub fn carried<'a>(&self, octets: &'a [u8], peer_port: u16) -> Carried<'a> {
        match self.carriage {
            Carriage::Udp | Carriage::Shared => {
                Carried::Udp { to: self.local.port(), from: peer_port, payload: octets }
            }
            Carriage::Gre => Carried::Gre(octets),
            Carriage::Ipv4 => Carried::Ipv4(octets),
            Carriage::Ipv6 => Carried::Ipv6(octets),
        }
    }
}

/// All of them, those of each local in the order of [`Carriage::ALL`].
#[derive(Debug, Default)]
pub struct Transports {
    list: Vec<Transport>,
    /// Where those of each local begin.
    firsts: Vec<usize>,
}

impl Transports {
    /// Adds those of the next local.
    pub fn add(&mut self, of_local: Vec<Transport>) {
        self.firsts.push(self.list.len());
        self.list.extend(of_local);
    }

    /// The socket of a local, by its place among them, for a kind of packets.
    pub fn of_local(&mut self, local: u16, carriage: Carriage) -> Option<&mut Transport> {
        let first = self.firsts.get(usize::from(local))?;
        self.list.get_mut(first + carriage as usize)
    }

    /// The socket in this place of the whole list.
    pub fn get_mut(&mut self, at: usize) -> Option<&mut Transport> {
        self.list.get_mut(at)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Transport> {
        self.list.iter()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Transport> {
        self.list.iter_mut()
    }
}
