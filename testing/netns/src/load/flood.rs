//! Small packets as fast as one thread can send them.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use super::{BATCH, batch::Batch};

/// Payload of a small packet.
pub const PAYLOAD: usize = 64;

/// Floods `to` for a while; how many packets the kernel took. How many arrive is for the counters
/// of the receiver's interface to say.
pub fn flood(to: SocketAddr, length: Duration) -> io::Result<u64> {
    let any: SocketAddr = match to {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(to)?;
    let payload = [0; PAYLOAD];
    let mut batch = Batch::new();
    let (start, mut sent) = (Instant::now(), 0);
    while start.elapsed() < length {
        sent += batch.send(&socket, (0..BATCH).map(|_| (&payload[..], None)))? as u64;
    }
    Ok(sent)
}
