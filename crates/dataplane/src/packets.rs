//! Whole packets, one at a time: the octets of what the forwarder has decided.

use std::time::Instant;

use kedge_model::VrfId;

use crate::arrived::{Arrived, unwrap};
use crate::ecn;
use crate::ends::TunnelEnd;
use crate::forwarder::{Fit, Forwarder, Inbound, Load};
use crate::fragment::fragments;
use crate::inner::Inner;
use crate::outer;
use crate::{DropReason, Verdict};

/// An outer packet that is ready.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OuterPacket {
    /// The routing world to send it in.
    pub transport: VrfId,
    /// The packet, from its IP header on.
    pub bytes: Vec<u8>,
    /// Whether the IP layer below must fragment it.
    pub may_fragment: bool,
}

/// An inner packet that left its tunnel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InnerPacket {
    /// The routing world it belongs to.
    pub vrf: VrfId,
    /// The packet, from its IP header on.
    pub bytes: Vec<u8>,
}

impl Forwarder {
    /// The outer packets that carry `packet`, which a device of `vrf` gave.
    pub fn encapsulate(
        &mut self,
        vrf: VrfId,
        packet: &[u8],
        now: Instant,
    ) -> Verdict<Vec<OuterPacket>> {
        let inner = match Inner::parse(packet) {
            Ok(inner) => inner,
            Err(_) => return self.drop(DropReason::Malformed, 1),
        };
        let packet = &packet[..inner.total_len];
        let out = match self.outbound(vrf, &inner, packet, Load::one(&inner), now) {
            Verdict::Forward(out) => out,
            Verdict::Local => return Verdict::Local,
            Verdict::Drop(reason) => return Verdict::Drop(reason),
            Verdict::Reply(reason, reply) => return Verdict::Reply(reason, reply),
        };
        let clamped = out.clamp.map(|clamp| {
            let mut packet = packet.to_vec();
            clamp.apply(&mut packet);
            packet
        });
        let packet = clamped.as_deref().unwrap_or(packet);
        self.identification = self.identification.wrapping_add(1);
        let identification = (out.fit == Fit::OuterFragments).then_some(self.identification);
        let pieces = match out.fit {
            Fit::Whole | Fit::OuterFragments => Some(vec![packet.to_vec()]),
            Fit::Fragments(mtu) => fragments(&inner, packet, mtu),
        };
        let (Some(pieces), Some((_, path))) = (pieces, self.path(&out)) else {
            return self.drop(DropReason::TooBig, 1);
        };
        let outer = pieces.iter().map(|piece| OuterPacket {
            transport: path.tunnel.transport,
            bytes: outer::encapsulate(&path.tunnel, out.marks, piece, identification),
            may_fragment: identification.is_some(),
        });
        Verdict::Forward(outer.collect())
    }

    /// The inner packet of an outer one.
    pub fn decapsulate(&mut self, arrived: &Arrived<'_>, now: Instant) -> Verdict<InnerPacket> {
        let Arrived { transport, local, peer, .. } = *arrived;
        let Some(data_port) = self.tables.data_port(transport, local) else {
            return self.drop(DropReason::UnknownPeer, 1);
        };
        let (carrier, is_ipv4, packet) = match unwrap(arrived.carried, data_port) {
            Ok(unwrapped) => unwrapped,
            Err(reason) => return self.drop(reason, 1),
        };
        let end = match self.end(&TunnelEnd { transport, local, peer, carrier }, 1) {
            Ok(end) => end,
            Err(reason) => return Verdict::Drop(reason),
        };
        match self.inbound(end, arrived.tos, is_ipv4, packet, now) {
            Ok(Inbound { slot, inner, tos, clamp }) => {
                let mut bytes = packet[..inner.total_len].to_vec();
                if tos != inner.tos {
                    ecn::set_tos(&mut bytes, tos);
                }
                if let Some(clamp) = clamp {
                    clamp.apply(&mut bytes);
                }
                let vrf = self.tables.held(slot).map_or(VrfId::DEFAULT, |held| held.vrf);
                Verdict::Forward(InnerPacket { vrf, bytes })
            }
            Err(reason) => Verdict::Drop(reason),
        }
    }
}
