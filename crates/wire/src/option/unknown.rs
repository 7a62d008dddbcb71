use super::{MobilityOption, list};
use crate::Reader;
use crate::registry::OptionType;

/// An option this crate has no type for. RFC 6275 §6.2.1 has a receiver skip it; kept, it can be
/// shown, and a message that was stored can be sent on whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnknownOption<'a> {
    kind: OptionType,
    body: &'a [u8],
}

impl<'a> UnknownOption<'a> {
    /// `None` if this crate has a type for the option, if it is padding, or if its Length octet
    /// cannot say how long the body is.
    pub fn new(kind: OptionType, body: &'a [u8]) -> Option<Self> {
        (!MobilityOption::is_known(kind) && list::fits(kind, body.len()))
            .then_some(Self { kind, body })
    }

    /// The option's number.
    pub fn kind(&self) -> OptionType {
        self.kind
    }

    /// What follows its Length octet.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    pub(super) fn decode(kind: OptionType, body: &mut Reader<'a>) -> Self {
        Self { kind, body: body.rest() }
    }
}
