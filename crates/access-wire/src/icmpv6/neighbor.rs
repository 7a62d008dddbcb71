//! Neighbor Solicitation and Neighbor Advertisement (RFC 4861 §4.3, §4.4).

use std::net::Ipv6Addr;

use super::{NdOption, flag};
use crate::reader::Reader;
use crate::{DecodeError, Ipv6Header};

/// Who has the target, or is it still there?
///
/// ```text
/// | Type = 135 | Code = 0 | Checksum |
/// |            Reserved              |
/// |      Target Address (16)         |
/// | Options ...
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NeighborSolicitation {
    /// The address in question.
    pub target: Ipv6Addr,
    /// The options in their order.
    pub options: Vec<NdOption>,
}

impl NeighborSolicitation {
    pub(super) fn decode(ip: &Ipv6Header, mut body: Reader<'_>) -> Result<Self, DecodeError> {
        body.take(4, "reserved")?;
        let target = decode_target(&mut body)?;
        let at = body;
        let options = NdOption::decode_all(body)?;
        // §7.1.1: duplicate address detection asks the target's own group and names no address.
        if ip.source.is_unspecified() {
            let [a, b, .., c, d, _, _, _] = ip.destination.octets();
            if [a, b, c, d] != [0xff, 0x02, 0x01, 0xff] {
                return Err(at.invalid("destination address", u16::from_be_bytes([a, b]).into()));
            }
            if options.iter().any(|o| matches!(o, NdOption::SourceLinkLayerAddress(_))) {
                return Err(at.invalid("source link-layer address", 1));
            }
        }
        Ok(Self { target, options })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.target.octets());
        self.options.iter().for_each(|option| option.encode(out));
    }
}

/// The target is here.
///
/// ```text
/// | Type = 136 | Code = 0 | Checksum |
/// |R|S|O|      Reserved              |
/// |      Target Address (16)         |
/// | Options ...
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NeighborAdvertisement {
    /// The sender is a router.
    pub router: bool,
    /// It was asked.
    pub solicited: bool,
    /// A cached link-layer address shall be replaced.
    pub overriding: bool,
    /// The address in question.
    pub target: Ipv6Addr,
    /// The options in their order.
    pub options: Vec<NdOption>,
}

impl NeighborAdvertisement {
    const ROUTER: u8 = 0x80;
    const SOLICITED: u8 = 0x40;
    const OVERRIDE: u8 = 0x20;

    pub(super) fn decode(ip: &Ipv6Header, mut body: Reader<'_>) -> Result<Self, DecodeError> {
        let at = body;
        let flags = body.u8("flags")?;
        body.take(3, "reserved")?;
        let solicited = flags & Self::SOLICITED != 0;
        // §7.1.2: an answer to nobody in particular is not solicited.
        if ip.destination.is_multicast() && solicited {
            return Err(at.invalid("solicited flag", 1));
        }
        Ok(Self {
            router: flags & Self::ROUTER != 0,
            solicited,
            overriding: flags & Self::OVERRIDE != 0,
            target: decode_target(&mut body)?,
            options: NdOption::decode_all(body)?,
        })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let flags = flag(self.router, Self::ROUTER)
            | flag(self.solicited, Self::SOLICITED)
            | flag(self.overriding, Self::OVERRIDE);
        out.extend_from_slice(&[flags, 0, 0, 0]);
        out.extend_from_slice(&self.target.octets());
        self.options.iter().for_each(|option| option.encode(out));
    }
}

fn decode_target(body: &mut Reader<'_>) -> Result<Ipv6Addr, DecodeError> {
    let at = *body;
    let target = body.ipv6("target address")?;
    if target.is_multicast() {
        return Err(at.invalid("target address", target.segments()[0].into()));
    }
    Ok(target)
}
