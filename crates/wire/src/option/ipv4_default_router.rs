use std::net::Ipv4Addr;

use super::{Align, OptionBody};
use crate::registry::OptionType;
use crate::{DecodeError, Reader, Writer};

/// IPv4 Default-Router Address option, RFC 5844 §3.3.3. Aligned 4n.
///
/// ```text
/// |   Type = 38   |  Length = 6   |           Reserved            |
/// |                 IPv4 Default-Router Address                   |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ipv4DefaultRouter(
    /// The router that the mobile node is told to use.
    pub Ipv4Addr,
);

impl OptionBody<'_> for Ipv4DefaultRouter {
    const TYPE: OptionType = OptionType::IPV4_DEFAULT_ROUTER_ADDRESS;
    const ALIGN: Align = Align { multiple: 4, offset: 0 };

    fn decode(body: &mut Reader<'_>) -> Result<Self, DecodeError> {
        body.skip(2, "reserved")?;
        body.ipv4("ipv4 default-router address").map(Self)
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u16(0);
        w.ipv4(self.0);
    }
}
