use super::OptionBody;
use crate::registry::OptionType;
use crate::{DecodeError, Reader, Writer};

/// Service Selection Mobility option, RFC 5149 §3. No alignment.
///
/// ```text
/// |   Type = 20   |   Length      | Identifier ...
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServiceSelection<'a> {
    identifier: &'a [u8],
}

impl<'a> ServiceSelection<'a> {
    /// `None` unless the identifier is 1 to 255 octets long.
    pub fn new(identifier: &'a [u8]) -> Option<Self> {
        (1..=255).contains(&identifier.len()).then_some(Self { identifier })
    }

    /// The service's name; UTF-8 if the sender keeps to the RFC.
    pub fn identifier(&self) -> &'a [u8] {
        self.identifier
    }
}

impl<'a> OptionBody<'a> for ServiceSelection<'a> {
    const TYPE: OptionType = OptionType::SERVICE_SELECTION;

    fn decode(body: &mut Reader<'a>) -> Result<Self, DecodeError> {
        // RFC 5149 §3: a Length of zero is not allowed.
        body.clone().skip(1, "identifier")?;
        Ok(Self { identifier: body.rest() })
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.bytes(self.identifier);
    }
}
