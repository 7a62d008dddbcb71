use kedge_model::MnId;

use super::OptionBody;
use crate::registry::{MnIdSubtype, OptionType};
use crate::{DecodeError, Reader, Writer};

/// Mobile Node Identifier option, RFC 4283 §3. No alignment.
///
/// The answer to an update without the option carries one with an empty identifier (RFC 5213
/// §5.3.6), so an identifier may be empty.
///
/// ```text
/// |   Type = 8    | Option Length |   Subtype     | Identifier ...
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MnIdOption<'a> {
    subtype: MnIdSubtype,
    identifier: &'a [u8],
}

impl<'a> MnIdOption<'a> {
    /// What answers an update without the option (RFC 5213 §5.3.6).
    pub const EMPTY: MnIdOption<'static> =
        MnIdOption { subtype: MnIdSubtype::NAI, identifier: &[] };

    /// `None` if the identifier is longer than 254 octets.
    pub fn new(subtype: MnIdSubtype, identifier: &'a [u8]) -> Option<Self> {
        (identifier.len() <= MnId::MAX_OCTETS).then_some(Self { subtype, identifier })
    }

    /// The kind of identifier.
    pub fn subtype(&self) -> MnIdSubtype {
        self.subtype
    }

    /// The identifier's octets.
    pub fn identifier(&self) -> &'a [u8] {
        self.identifier
    }

    /// The identifier to keep; this allocates.
    pub fn to_mn_id(self) -> MnId {
        // The length was checked when this value was made.
        MnId::new(self.subtype.0, self.identifier).expect("at most 254 octets")
    }
}

impl<'a> From<&'a MnId> for MnIdOption<'a> {
    fn from(mn_id: &'a MnId) -> Self {
        Self { subtype: MnIdSubtype(mn_id.subtype()), identifier: mn_id.octets() }
    }
}

impl<'a> OptionBody<'a> for MnIdOption<'a> {
    const TYPE: OptionType = OptionType::MN_ID;

    fn decode(body: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self { subtype: MnIdSubtype(body.u8("subtype")?), identifier: body.rest() })
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u8(self.subtype.0);
        w.bytes(self.identifier);
    }
}
