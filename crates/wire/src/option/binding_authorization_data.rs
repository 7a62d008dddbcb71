use super::{Align, OptionBody};
use crate::registry::OptionType;
use crate::{DecodeError, Reader, Writer};

/// Binding Authorization Data option, RFC 6275 §6.2.7. Must be the last option, which is an
/// implicit alignment of 8n+2 for the 12 octets of the return routability procedure.
///
/// ```text
/// |   Type = 5    | Option Length |
/// |                         Authenticator ...                     |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BindingAuthorizationData<'a> {
    authenticator: &'a [u8],
}

impl<'a> BindingAuthorizationData<'a> {
    /// `None` if the authenticator is longer than 255 octets.
    pub fn new(authenticator: &'a [u8]) -> Option<Self> {
        (authenticator.len() <= 255).then_some(Self { authenticator })
    }

    /// The authenticator, which this product does not check.
    pub fn authenticator(&self) -> &'a [u8] {
        self.authenticator
    }
}

impl<'a> OptionBody<'a> for BindingAuthorizationData<'a> {
    const TYPE: OptionType = OptionType::BINDING_AUTHORIZATION_DATA;
    const ALIGN: Align = Align { multiple: 8, offset: 2 };

    fn decode(body: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self { authenticator: body.rest() })
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.bytes(self.authenticator);
    }
}
