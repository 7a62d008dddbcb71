use std::net::Ipv6Addr;

use super::{Align, OptionBody};
use crate::registry::OptionType;
use crate::{DecodeError, Reader, Writer};

/// Link-local Address option, RFC 5213 §8.7. Aligned 8n+6.
///
/// ```text
/// |   Type = 26   |  Length = 16  |
/// |                  Link-local Address (16 octets)               |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LinkLocalAddress(
    /// The gateway's address on the access link; all zero asks for one.
    pub Ipv6Addr,
);

impl OptionBody<'_> for LinkLocalAddress {
    const TYPE: OptionType = OptionType::LINK_LOCAL_ADDRESS;
    const ALIGN: Align = Align { multiple: 8, offset: 6 };

    fn decode(body: &mut Reader<'_>) -> Result<Self, DecodeError> {
        body.ipv6("link-local address").map(Self)
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.ipv6(self.0);
    }
}
