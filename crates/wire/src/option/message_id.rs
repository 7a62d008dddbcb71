use super::{Align, OptionBody};
use crate::registry::OptionType;
use crate::{DecodeError, Reader, Writer};

/// Mobility Message Replay Protection option, RFC 4285 §6. Aligned 8n+2.
///
/// Not the Timestamp option of RFC 5213: this one counts from 1900.
///
/// ```text
///                                 |   Type = 10   |  Length = 8   |
/// |                  Timestamp (8 octets, NTP format)             |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MessageId(
    /// NTP time: 32 bits of seconds since 1900 and 32 bits of fraction.
    pub u64,
);

impl OptionBody<'_> for MessageId {
    const TYPE: OptionType = OptionType::MESSAGE_ID;
    const ALIGN: Align = Align { multiple: 8, offset: 2 };

    fn decode(body: &mut Reader<'_>) -> Result<Self, DecodeError> {
        body.u64("timestamp").map(Self)
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u64(self.0);
    }
}
