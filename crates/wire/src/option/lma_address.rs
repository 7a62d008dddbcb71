use std::net::IpAddr;

use super::{Align, OptionBody};
use crate::registry::OptionType;
use crate::{DecodeError, Reader, Writer};

/// Local Mobility Anchor Address option, RFC 5949 §6.2.2. We align it 4n: its IPv4 address then
/// lies at a multiple of four octets.
///
/// ```text
/// |   Type = 41   |    Length     |  Option-Code  |   Reserved    |
/// |          LMA Address, 16 octets or, with code 2, 4            |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LmaAddress(
    /// The address of the anchor.
    pub IpAddr,
);

impl LmaAddress {
    const IPV6: u8 = 1;
    const IPV4: u8 = 2;
}

impl OptionBody<'_> for LmaAddress {
    const TYPE: OptionType = OptionType::LOCAL_MOBILITY_ANCHOR_ADDRESS;
    const ALIGN: Align = Align { multiple: 4, offset: 0 };

    fn decode(body: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let code = body.u8("option code")?;
        body.skip(1, "reserved")?;
        match code {
            Self::IPV6 => body.ipv6("LMA address").map(|address| Self(address.into())),
            Self::IPV4 => body.ipv4("LMA address").map(|address| Self(address.into())),
            _ => Err(body.invalid("option code", code.into())),
        }
    }

    fn encode(&self, w: &mut Writer<'_>) {
        match self.0 {
            IpAddr::V6(address) => {
                w.u8(Self::IPV6);
                w.u8(0);
                w.ipv6(address);
            }
            IpAddr::V4(address) => {
                w.u8(Self::IPV4);
                w.u8(0);
                w.ipv4(address);
            }
        }
    }
}
