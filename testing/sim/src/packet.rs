//! The nodes' packets: a question that a correspondent sends back as it came, over UDP.

use std::net::{IpAddr, SocketAddr};

use kedge_dataplane::checksum::Sum;
use kedge_dataplane::inner::Inner;

const UDP: u8 = 17;

/// What a question says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ping {
    /// Who asked.
    pub asker: Asker,
    /// Which of its questions it is.
    pub number: u64,
}

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asker {
    /// A host.
    Host(usize),
    /// A host of a network behind this gateway.
    Branch(usize),
}

impl Asker {
    /// Set in the number of a gateway.
    const BRANCH: u64 = 1 << 32;

    fn to_number(self) -> u64 {
        match self {
            Self::Host(host) => host as u64,
            Self::Branch(gateway) => Self::BRANCH | gateway as u64,
        }
    }

    fn of_number(number: u64) -> Self {
        match number & Self::BRANCH {
            0 => Self::Host(number as usize),
            _ => Self::Branch((number & !Self::BRANCH) as usize),
        }
    }
}

/// Writes the packet from `from` to `to`.
pub fn write(from: SocketAddr, to: SocketAddr, ping: Ping) -> Vec<u8> {
    let mut datagram = Vec::with_capacity(24);
    datagram.extend_from_slice(&from.port().to_be_bytes());
    datagram.extend_from_slice(&to.port().to_be_bytes());
    datagram.extend_from_slice(&24_u16.to_be_bytes());
    datagram.extend_from_slice(&[0, 0]);
    datagram.extend_from_slice(&ping.asker.to_number().to_be_bytes());
    datagram.extend_from_slice(&ping.number.to_be_bytes());
    let sum = Sum::default().add_pseudo_header(from.ip(), to.ip(), UDP, 24).bytes(&datagram);
    datagram[6..8].copy_from_slice(&sum.checksum().to_be_bytes());
    let mut packet = header(from.ip(), to.ip(), datagram.len() as u16);
    packet.extend_from_slice(&datagram);
    packet
}

/// Reads a packet that [`write`] wrote; `None` for any other.
pub fn read(packet: &[u8]) -> Option<(SocketAddr, SocketAddr, Ping)> {
    let inner = Inner::parse(packet).ok().filter(|inner| inner.protocol == UDP)?;
    let datagram = packet.get(inner.header_len..inner.total_len)?;
    let port = |at: usize| Some(u16::from_be_bytes(*datagram.get(at..)?.first_chunk()?));
    let number = |at: usize| Some(u64::from_be_bytes(*datagram.get(at..)?.first_chunk()?));
    let sum = Sum::default()
        .add_pseudo_header(inner.source, inner.destination, UDP, datagram.len() as u32)
        .bytes(datagram);
    if datagram.len() != 24 || !sum.is_valid() {
        return None;
    }
    let ping = Ping { asker: Asker::of_number(number(8)?), number: number(16)? };
    let from = SocketAddr::new(inner.source, port(0)?);
    Some((from, SocketAddr::new(inner.destination, port(2)?), ping))
}

fn header(from: IpAddr, to: IpAddr, payload: u16) -> Vec<u8> {
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let [a, b] = (payload + 20).to_be_bytes();
            let mut header = vec![0x45, 0, a, b, 0, 0, 0x40, 0, 64, UDP, 0, 0];
            header.extend_from_slice(&from.octets());
            header.extend_from_slice(&to.octets());
            let sum = Sum::default().bytes(&header).checksum();
            header[10..12].copy_from_slice(&sum.to_be_bytes());
            header
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let [a, b] = payload.to_be_bytes();
            let mut header = vec![0x60, 0, 0, 0, a, b, UDP, 64];
            header.extend_from_slice(&from.octets());
            header.extend_from_slice(&to.octets());
            header
        }
        _ => unreachable!("a packet is of one family"),
    }
}
