use std::net::Ipv4Addr;

use super::{Align, OptionBody};
use crate::registry::OptionType;
use crate::{DecodeError, Reader, Writer};

/// IPv4 Care-of Address option, RFC 5555 §3.1.2. Aligned 4n.
///
/// ```text
/// |   Type = 32   |  Length = 6   |           Reserved            |
/// |                     IPv4 Care-of Address                      |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ipv4CareOfAddress(
    /// The address that the sender of the packet has.
    pub Ipv4Addr,
);

impl OptionBody<'_> for Ipv4CareOfAddress {
    const TYPE: OptionType = OptionType::IPV4_CARE_OF_ADDRESS;
    const ALIGN: Align = Align { multiple: 4, offset: 0 };

    fn decode(body: &mut Reader<'_>) -> Result<Self, DecodeError> {
        body.skip(2, "reserved")?;
        body.ipv4("IPv4 care-of address").map(Self)
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u16(0);
        w.ipv4(self.0);
    }
}
