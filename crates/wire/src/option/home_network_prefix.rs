use kedge_model::Ipv6Net;

use super::{Align, OptionBody};
use crate::registry::OptionType;
use crate::{DecodeError, Reader, Writer};

/// Home Network Prefix option, RFC 5213 §8.3, with the L flag of RFC 7864 §4.1. Aligned 8n+4.
///
/// ```text
/// |   Type = 22   |  Length = 18  |L|  Reserved   | Prefix Length |
/// |                  Home Network Prefix (16 octets)              |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HomeNetworkPrefix {
    /// The prefix; all zero asks for one. Bits beyond its length are kept as they came.
    pub prefix: Ipv6Net,
    /// The prefix is not on-link (RFC 7864). A receiver that knows only RFC 5213 ignores it.
    pub off_link: bool,
}

impl HomeNetworkPrefix {
    const OFF_LINK: u8 = 0x80;

    /// The option of RFC 5213 for a prefix.
    pub fn new(prefix: Ipv6Net) -> Self {
        Self { prefix, off_link: false }
    }

    /// Whether this asks the anchor to choose (RFC 5213 §5.3.1).
    pub fn is_request(&self) -> bool {
        self.prefix.addr().is_unspecified()
    }
}

impl OptionBody<'_> for HomeNetworkPrefix {
    const TYPE: OptionType = OptionType::HOME_NETWORK_PREFIX;
    const ALIGN: Align = Align { multiple: 8, offset: 4 };

    fn decode(body: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let reserved = body.u8("reserved")?;
        let len = body.u8("prefix length")?;
        let out_of_range = body.invalid("prefix length", len.into());
        let address = body.ipv6("home network prefix")?;
        let prefix = Ipv6Net::new(address, len).map_err(|_| out_of_range)?;
        Ok(Self { prefix, off_link: reserved & Self::OFF_LINK != 0 })
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u8(if self.off_link { Self::OFF_LINK } else { 0 });
        w.u8(self.prefix.prefix_len());
        w.ipv6(self.prefix.addr());
    }
}
