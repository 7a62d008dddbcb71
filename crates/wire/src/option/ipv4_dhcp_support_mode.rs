use super::OptionBody;
use crate::registry::OptionType;
use crate::{DecodeError, Reader, Writer};

/// IPv4 DHCP Support Mode option, RFC 5844 §3.3.4. No alignment.
///
/// ```text
/// |   Type = 39   |  Length = 2   |    Reserved                 |S|
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DhcpSupportMode {
    /// The S flag: the gateway is the DHCP server. Clear, or without the option, it is a relay.
    pub server: bool,
}

impl DhcpSupportMode {
    const SERVER: u16 = 0x0001;
}

impl OptionBody<'_> for DhcpSupportMode {
    const TYPE: OptionType = OptionType::IPV4_DHCP_SUPPORT_MODE;

    fn decode(body: &mut Reader<'_>) -> Result<Self, DecodeError> {
        body.u16("flags").map(|flags| Self { server: flags & Self::SERVER != 0 })
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u16(if self.server { Self::SERVER } else { 0 });
    }
}
