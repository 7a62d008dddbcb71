use kedge_model::Timestamp;

use super::{Align, OptionBody};
use crate::registry::OptionType;
use crate::{DecodeError, Reader, Writer};

/// Timestamp option, RFC 5213 §8.8. Aligned 8n+2.
///
/// ```text
///                                 |   Type = 27   |  Length = 8   |
/// |                       Timestamp (8 octets)                    |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimestampOption(
    /// When the update was sent.
    pub Timestamp,
);

impl OptionBody<'_> for TimestampOption {
    const TYPE: OptionType = OptionType::TIMESTAMP;
    const ALIGN: Align = Align { multiple: 8, offset: 2 };

    fn decode(body: &mut Reader<'_>) -> Result<Self, DecodeError> {
        body.u64("timestamp").map(|value| Self(Timestamp(value)))
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u64(self.0.0);
    }
}
