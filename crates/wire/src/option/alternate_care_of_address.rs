use std::net::Ipv6Addr;

use super::{Align, OptionBody};
use crate::registry::OptionType;
use crate::{DecodeError, Reader, Writer};

/// Alternate Care-of Address option, RFC 6275 §6.2.5. Aligned 8n+6.
///
/// ```text
/// |   Type = 3    |  Length = 16  |
/// |               Alternate Care-of Address (16 octets)           |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AlternateCareOfAddress(
    /// The care-of address to use instead of the packet's source.
    pub Ipv6Addr,
);

impl OptionBody<'_> for AlternateCareOfAddress {
    const TYPE: OptionType = OptionType::ALTERNATE_CARE_OF_ADDRESS;
    const ALIGN: Align = Align { multiple: 8, offset: 6 };

    fn decode(body: &mut Reader<'_>) -> Result<Self, DecodeError> {
        body.ipv6("alternate care-of address").map(Self)
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.ipv6(self.0);
    }
}
