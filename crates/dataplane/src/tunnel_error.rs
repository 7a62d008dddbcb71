//! Errors about outer packets become errors about inner ones (RFC 2473 §8, RFC 2003 §4).

use std::net::IpAddr;
use std::time::Instant;

use kedge_model::VrfId;

use crate::Side;
use crate::forwarder::Forwarder;
use crate::icmp::{IPV6_MINIMUM_MTU, Problem, Reply};
use crate::inner::Inner;
use crate::ways::WayKey;

/// An error about a packet that we sent into a tunnel.
#[derive(Clone, Copy, Debug)]
pub struct TunnelError<'a> {
    /// The routing world of the outer packet.
    pub transport: VrfId,
    /// Its source, an address of ours.
    pub local: IpAddr,
    /// Its destination.
    pub peer: IpAddr,
    /// What is wrong.
    pub fault: TunnelFault,
    /// What is known of the inner packet; its end is usually missing.
    pub inner: &'a [u8],
}

/// What is wrong with an outer packet or with the way it was to go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TunnelFault {
    /// "Packet too big" or "fragmentation needed": outer packets may have this many octets.
    TooBig {
        /// Octets with the outer IP header.
        outer_mtu: u32,
    },
    /// Anything else that RFC 2473 §8.1 reports: no route, no answer, hop limit exceeded.
    Broken,
}

impl Forwarder {
    /// Learns from an error about an outer packet, and gives what the inner packet's sender must
    /// be told, and in which routing world.
    pub fn tunnel_error(
        &mut self,
        error: &TunnelError<'_>,
        now: Instant,
    ) -> Option<(VrfId, Reply)> {
        let too_big = matches!(error.fault, TunnelFault::TooBig { .. });
        if too_big {
            self.cells().too_big_received.add(1);
        }
        let Some((vrf, inner, mtu)) = self.blame(error, now) else {
            if too_big {
                self.cells().too_big_dropped.add(1);
            }
            return None;
        };
        let problem = match error.fault {
            TunnelFault::Broken => Problem::Unreachable,
            // Such packets are fragmented from here on; their sender has nothing to change.
            TunnelFault::TooBig { .. } if !inner.dont_fragment => return None,
            // RFC 2473 §8.2: only about packets larger than the minimum MTU; ours carries the
            // others in fragments.
            TunnelFault::TooBig { .. }
                if !inner.is_ipv4() && inner.total_len <= IPV6_MINIMUM_MTU.into() =>
            {
                return None;
            }
            TunnelFault::TooBig { .. } => Problem::TooBig { mtu },
        };
        let reply = self.answer(problem, &inner, error.inner, now)?;
        if too_big {
            self.cells().too_big_relayed.add(1);
        }
        Some((vrf, reply))
    }

    /// The inner packet's world and header, and the MTU of its path, which has been lowered; `None`
    /// where the packet is not one that a binding of ours sends into that tunnel, so that nobody
    /// can lower an MTU by guessing addresses alone.
    fn blame(&mut self, error: &TunnelError<'_>, now: Instant) -> Option<(VrfId, Inner, u16)> {
        let inner = Inner::parse_quote(error.inner).ok()?;
        let subscriber = match self.tables.side() {
            Side::Anchor => inner.destination,
            Side::Gateway => inner.source,
        };
        let key = WayKey { transport: error.transport, local: error.local, peer: error.peer };
        let way = self.tables.way(&key)?;
        let slot = self.tables.find_on(way, subscriber)?;
        if let TunnelFault::TooBig { outer_mtu } = error.fault
            && !self.tables.lower(way, outer_mtu, now)
        {
            return None;
        }
        let held = self.tables.held(slot)?;
        let paths = held.paths.iter().filter(|path| path.way == way);
        let mtu = paths.map(|path| self.tables.path_mtu(path, now)).min()?;
        Some((held.vrf, inner, mtu))
    }
}
