//! Sending ICMP errors to inner senders, from an address of ours.
//!
//! They leave as packets of the host, not through the TUN device: the kernel takes no packet from
//! a device whose source is an address of its own.

use std::net::IpAddr;
use std::os::fd::OwnedFd;

use kedge_dataplane::Reply;
use kedge_net::place::Place;
use tracing::debug;

use crate::sys::socket;

/// The sockets of one inner routing world; a family that the host has not is missing.
#[derive(Debug)]
pub struct Replies {
    v4: Option<Sockets>,
    v6: Option<Sockets>,
}

#[derive(Debug)]
struct Sockets {
    /// Sends packets with their IP headers.
    raw: OwnedFd,
    /// Is asked which address of ours a route starts at.
    route: OwnedFd,
}

impl Replies {
    /// Opens the sockets of a world, in whose network namespace the calling thread is.
    pub fn open(place: &Place) -> std::io::Result<Self> {
        let open = |is_ipv4| {
            let raw = socket::open(is_ipv4, libc::SOCK_RAW, libc::IPPROTO_RAW as u8)?;
            let route = socket::open(is_ipv4, libc::SOCK_DGRAM, 0)?;
            place.claim(&raw)?;
            place.claim(&route)?;
            Ok(Sockets { raw, route })
        };
        let unless_missing = |result: std::io::Result<Sockets>| match result {
            Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => Ok(None),
            other => other.map(Some),
        };
        Ok(Self { v4: unless_missing(open(true))?, v6: unless_missing(open(false))? })
    }

    /// Sends an error if there is a way to its receiver.
    pub fn send(&self, reply: &Reply) {
        let sockets = if reply.to.is_ipv4() { &self.v4 } else { &self.v6 };
        let Some(sockets) = sockets else { return };
        let sent = socket::source_towards(&sockets.route, reply.to)
            .and_then(|from: IpAddr| socket::send_to(&sockets.raw, &reply.packet(from), reply.to));
        if let Err(error) = sent {
            debug!(to = %reply.to, %error, "an ICMP error could not be sent");
        }
    }
}
