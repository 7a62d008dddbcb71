use std::net::IpAddr;

use kedge_model::IpNet;

use super::{Align, OptionBody};
use crate::registry::OptionType;
use crate::{DecodeError, Reader, Writer};

/// Delegated Mobile Network Prefix option, RFC 7148 §4.1.
///
/// Aligned 8n+2 as the RFC prints it, although four octets stand before the prefix.
///
/// ```text
/// |   Type = 55   | Length = 6, 18|V|  Reserved   | Prefix Length |
/// |         IPv4 (4 octets, V = 1) or IPv6 (16 octets) prefix     |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DelegatedMobileNetworkPrefix {
    /// The prefix; all zero asks for one. Bits beyond its length are kept as they came.
    pub prefix: IpNet,
}

impl DelegatedMobileNetworkPrefix {
    const IPV4: u8 = 0x80;

    /// Whether this asks the anchor to choose.
    pub fn is_request(&self) -> bool {
        self.prefix.addr().is_unspecified()
    }
}

impl OptionBody<'_> for DelegatedMobileNetworkPrefix {
    const TYPE: OptionType = OptionType::DELEGATED_MOBILE_NETWORK_PREFIX;
    const ALIGN: Align = Align { multiple: 8, offset: 2 };

    fn decode(body: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let is_ipv4 = body.u8("flags")? & Self::IPV4 != 0;
        let len = body.u8("prefix length")?;
        let out_of_range = body.invalid("prefix length", len.into());
        let address: IpAddr = if is_ipv4 {
            body.ipv4("ipv4 delegated mobile network prefix")?.into()
        } else {
            body.ipv6("ipv6 delegated mobile network prefix")?.into()
        };
        Ok(Self { prefix: IpNet::new(address, len).map_err(|_| out_of_range)? })
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u8(if self.prefix.addr().is_ipv4() { Self::IPV4 } else { 0 });
        w.u8(self.prefix.prefix_len());
        match self.prefix.addr() {
            IpAddr::V4(address) => w.ipv4(address),
            IpAddr::V6(address) => w.ipv6(address),
        }
    }
}
