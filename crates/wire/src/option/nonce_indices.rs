use super::{Align, OptionBody};
use crate::registry::OptionType;
use crate::{DecodeError, Reader, Writer};

/// Nonce Indices option, RFC 6275 §6.2.6. Aligned 2n. Part of return routability, which Proxy
/// Mobile IPv6 does not use.
///
/// ```text
/// |   Type = 4    |  Length = 4   |       Home Nonce Index        |
/// |     Care-of Nonce Index       |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NonceIndices {
    /// Which nonce the home keygen token was made with.
    pub home: u16,
    /// Which nonce the care-of keygen token was made with.
    pub care_of: u16,
}

impl OptionBody<'_> for NonceIndices {
    const TYPE: OptionType = OptionType::NONCE_INDICES;
    const ALIGN: Align = Align { multiple: 2, offset: 0 };

    fn decode(body: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { home: body.u16("home nonce index")?, care_of: body.u16("care-of nonce index")? })
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u16(self.home);
        w.u16(self.care_of);
    }
}
