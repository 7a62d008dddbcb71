use super::{Align, OptionBody};
use crate::registry::OptionType;
use crate::{DecodeError, Reader, Writer};

/// NAT Detection option, RFC 5555 §3.2.2, as RFC 5844 §4.2 uses it. Aligned 4n.
///
/// ```text
/// |   Type = 31   |  Length = 6   |F|          Reserved           |
/// |                         Refresh Time                          |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NatDetection {
    /// The F flag: UDP encapsulation is required.
    pub force_udp: bool,
    /// Seconds between keepalives; all ones is none needed.
    pub refresh_time: u32,
}

impl NatDetection {
    const FORCE: u16 = 0x8000;
}

impl OptionBody<'_> for NatDetection {
    const TYPE: OptionType = OptionType::NAT_DETECTION;
    const ALIGN: Align = Align { multiple: 4, offset: 0 };

    fn decode(body: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            force_udp: body.u16("flags")? & Self::FORCE != 0,
            refresh_time: body.u32("refresh time")?,
        })
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u16(if self.force_udp { Self::FORCE } else { 0 });
        w.u32(self.refresh_time);
    }
}
