use super::OptionBody;
use crate::registry::{AccessTechnologyType, HandoffIndicatorValue, OptionType};
use crate::{DecodeError, Reader, Writer};

/// Handoff Indicator option, RFC 5213 §8.4. No alignment.
///
/// ```text
/// |   Type = 23   |  Length = 2   |   Reserved    |      HI       |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HandoffIndicator(
    /// The kind of handoff.
    pub HandoffIndicatorValue,
);

/// Access Technology Type option, RFC 5213 §8.5. No alignment.
///
/// ```text
/// |   Type = 24   |  Length = 2   |   Reserved    |      ATT      |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AccessTechnology(
    /// Of the link between mobile node and gateway.
    pub AccessTechnologyType,
);

impl OptionBody<'_> for HandoffIndicator {
    const TYPE: OptionType = OptionType::HANDOFF_INDICATOR;

    fn decode(body: &mut Reader<'_>) -> Result<Self, DecodeError> {
        body.skip(1, "reserved")?;
        body.u8("handoff indicator").map(|value| Self(HandoffIndicatorValue(value)))
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u8(0);
        w.u8(self.0.0);
    }
}

impl OptionBody<'_> for AccessTechnology {
    const TYPE: OptionType = OptionType::ACCESS_TECHNOLOGY_TYPE;

    fn decode(body: &mut Reader<'_>) -> Result<Self, DecodeError> {
        body.skip(1, "reserved")?;
        body.u8("access technology type").map(|value| Self(AccessTechnologyType(value)))
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u8(0);
        w.u8(self.0.0);
    }
}
