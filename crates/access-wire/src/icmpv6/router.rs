//! Router Solicitation and Router Advertisement (RFC 4861 §4.1, §4.2).

use kedge_model::MacAddr;

use super::{NdOption, flag};
use crate::reader::Reader;
use crate::{DecodeError, Ipv6Header};

/// A host asks for routers.
///
/// ```text
/// | Type = 133 | Code = 0 | Checksum |
/// |            Reserved              |
/// | Options ...
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RouterSolicitation {
    /// The options in their order.
    pub options: Vec<NdOption>,
}

impl RouterSolicitation {
    /// The host's link-layer address, if it says it.
    pub fn source_mac(&self) -> Option<MacAddr> {
        self.options.iter().find_map(|option| match option {
            NdOption::SourceLinkLayerAddress(mac) => Some(*mac),
            _ => None,
        })
    }

    pub(super) fn decode(ip: &Ipv6Header, mut body: Reader<'_>) -> Result<Self, DecodeError> {
        body.take(4, "reserved")?;
        let at = body;
        let message = Self { options: NdOption::decode_all(body)? };
        if ip.source.is_unspecified() && message.source_mac().is_some() {
            return Err(at.invalid("source link-layer address", 1));
        }
        Ok(message)
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[0; 4]);
        self.options.iter().for_each(|option| option.encode(out));
    }
}

/// A router says that it is there, and what the link is like.
///
/// ```text
/// | Type = 134     | Code = 0     | Checksum        |
/// | Cur Hop Limit  |M|O| Reserved | Router Lifetime |
/// |                Reachable Time                   |
/// |                Retrans Timer                    |
/// | Options ...
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RouterAdvertisement {
    /// The hop limit hosts shall use; 0 leaves it to them.
    pub hop_limit: u8,
    /// Addresses come by DHCPv6.
    pub managed: bool,
    /// Other configuration comes by DHCPv6.
    pub other: bool,
    /// For how many seconds the router is a default router; 0 is not at all.
    pub router_lifetime: u16,
    /// For how many milliseconds a neighbour counts as reachable; 0 leaves it to the host.
    pub reachable_time: u32,
    /// Milliseconds between repeated solicitations; 0 leaves it to the host.
    pub retrans_timer: u32,
    /// The options in their order.
    pub options: Vec<NdOption>,
}

impl RouterAdvertisement {
    const MANAGED: u8 = 0x80;
    const OTHER: u8 = 0x40;

    pub(super) fn decode(ip: &Ipv6Header, mut body: Reader<'_>) -> Result<Self, DecodeError> {
        if !ip.source.is_unicast_link_local() {
            return Err(body.invalid("source address", ip.source.segments()[0].into()));
        }
        let hop_limit = body.u8("cur hop limit")?;
        let flags = body.u8("flags")?;
        Ok(Self {
            hop_limit,
            managed: flags & Self::MANAGED != 0,
            other: flags & Self::OTHER != 0,
            router_lifetime: body.u16("router lifetime")?,
            reachable_time: body.u32("reachable time")?,
            retrans_timer: body.u32("retrans timer")?,
            options: NdOption::decode_all(body)?,
        })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let flags = flag(self.managed, Self::MANAGED) | flag(self.other, Self::OTHER);
        out.extend_from_slice(&[self.hop_limit, flags]);
        out.extend_from_slice(&self.router_lifetime.to_be_bytes());
        out.extend_from_slice(&self.reachable_time.to_be_bytes());
        out.extend_from_slice(&self.retrans_timer.to_be_bytes());
        self.options.iter().for_each(|option| option.encode(out));
    }
}
