use kedge_model::Lifetime;

use super::{Align, OptionBody};
use crate::registry::OptionType;
use crate::{DecodeError, Reader, Writer};

/// Binding Refresh Advice option, RFC 6275 §6.2.4. Aligned 2n.
///
/// ```text
/// |   Type = 2    |  Length = 2   |       Refresh Interval        |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BindingRefreshAdvice(
    /// How long until a new update should be sent, in the unit of lifetimes.
    pub Lifetime,
);

impl OptionBody<'_> for BindingRefreshAdvice {
    const TYPE: OptionType = OptionType::BINDING_REFRESH_ADVICE;
    const ALIGN: Align = Align { multiple: 2, offset: 0 };

    fn decode(body: &mut Reader<'_>) -> Result<Self, DecodeError> {
        body.u16("refresh interval").map(|units| Self(Lifetime::from_units(units)))
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u16(self.0.units());
    }
}
