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

/// All of them, those of each local in the order of [`Carriage::ALL`]. A socket's number says
/// where it is: that of its local times the kinds there are, and its kind.
#[derive(Debug, Default)]
pub struct Transports {
    /// By the place of their local; that of one which was removed has none.
    locals: Vec<Vec<Transport>>,
    /// The numbers of those through which something is about to leave: there may be thousands
    /// through which nothing does.
    queued: Vec<usize>,
}

impl Transports {
    /// Puts those of a local in its place, and gives what was there: none for one that is removed.
    pub fn set(&mut self, place: u16, of_local: Vec<Transport>) -> Vec<Transport> {
        let place = usize::from(place);
        if self.locals.len() <= place {
            self.locals.resize_with(place + 1, Vec::new);
        }
        std::mem::replace(&mut self.locals[place], of_local)
    }

    /// The outbox of a local, by its place among them, for a kind of packets. It is among what
    /// [`Self::take_queued`] gives next.
    pub fn queue(&mut self, local: u16, carriage: Carriage) -> Option<&mut Outbox> {
        let (local, kind) = (usize::from(local), carriage as usize);
        let outbox = &mut self.locals.get_mut(local)?.get_mut(kind)?.outbox;
        if outbox.is_empty() {
            self.queued.push(local * Carriage::ALL.len() + kind);
        }
        Some(outbox)
    }

    /// The numbers of the sockets through which something is about to leave.
    pub fn take_queued(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.queued)
    }

    /// The socket of this number.
    pub fn get_mut(&mut self, number: usize) -> Option<&mut Transport> {
        let kinds = Carriage::ALL.len();
        self.locals.get_mut(number / kinds)?.get_mut(number % kinds)
    }

    /// The sockets of the local in this place, with their numbers.
    pub fn numbered_of(&self, place: u16) -> impl Iterator<Item = (usize, &Transport)> {
        let first = usize::from(place) * Carriage::ALL.len();
        let of_local = self.locals.get(usize::from(place)).into_iter().flatten();
        of_local.zip(first..).map(|(transport, number)| (number, transport))
    }
}
