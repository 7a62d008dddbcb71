use super::OptionBody;
use crate::registry::{MnIdSubtype, OptionType};
use crate::{DecodeError, Reader, Writer};

/// MAG Identifier option, RFC 8278 §4.2. No alignment. One octet more in front of the identifier
/// than the Mobile Node Identifier option has.
///
/// ```text
/// |   Type = 64   |   Length      |    Subtype    |   Reserved    |
/// |                     Identifier ...                            |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MagIdentifier<'a> {
    subtype: MnIdSubtype,
    identifier: &'a [u8],
}

impl<'a> MagIdentifier<'a> {
    /// `None` if the identifier is longer than 253 octets.
    pub fn new(subtype: MnIdSubtype, identifier: &'a [u8]) -> Option<Self> {
        (identifier.len() <= 253).then_some(Self { subtype, identifier })
    }

    /// The kind of identifier.
    pub fn subtype(&self) -> MnIdSubtype {
        self.subtype
    }

    /// The identifier's octets.
    pub fn identifier(&self) -> &'a [u8] {
        self.identifier
    }
}

impl<'a> OptionBody<'a> for MagIdentifier<'a> {
    const TYPE: OptionType = OptionType::MAG_IDENTIFIER;

    fn decode(body: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let subtype = MnIdSubtype(body.u8("subtype")?);
        body.skip(1, "reserved")?;
        Ok(Self { subtype, identifier: body.rest() })
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u8(self.subtype.0);
        w.u8(0);
        w.bytes(self.identifier);
    }
}
