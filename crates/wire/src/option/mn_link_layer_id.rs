use kedge_model::LinkLayerId;

use super::OptionBody;
use crate::registry::OptionType;
use crate::{DecodeError, Reader, Writer};

/// Mobile Node Link-layer Identifier option, RFC 5213 §8.6.
///
/// The RFC leaves the alignment to the kind of identifier; an octet string needs none.
///
/// ```text
/// |   Type = 25   |   Length      |           Reserved            |
/// |                  Link-layer Identifier ...                    |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MnLinkLayerId<'a> {
    identifier: &'a [u8],
}

impl<'a> MnLinkLayerId<'a> {
    /// `None` if the identifier is longer than 253 octets.
    pub fn new(identifier: &'a [u8]) -> Option<Self> {
        (identifier.len() <= LinkLayerId::MAX_OCTETS).then_some(Self { identifier })
    }

    /// The identifier's octets.
    pub fn identifier(&self) -> &'a [u8] {
        self.identifier
    }

    /// The identifier to keep; this allocates.
    pub fn to_link_layer_id(self) -> LinkLayerId {
        // The length was checked when this value was made.
        LinkLayerId::new(self.identifier).expect("at most 253 octets")
    }
}

impl<'a> From<&'a LinkLayerId> for MnLinkLayerId<'a> {
    fn from(id: &'a LinkLayerId) -> Self {
        Self { identifier: id.octets() }
    }
}

impl<'a> OptionBody<'a> for MnLinkLayerId<'a> {
    const TYPE: OptionType = OptionType::MN_LINK_LAYER_ID;

    fn decode(body: &mut Reader<'a>) -> Result<Self, DecodeError> {
        body.skip(2, "reserved")?;
        Ok(Self { identifier: body.rest() })
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u16(0);
        w.bytes(self.identifier);
    }
}
