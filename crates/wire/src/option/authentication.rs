use super::{Align, OptionBody};
use crate::registry::{AuthenticationSubtype, OptionType};
use crate::{DecodeError, Reader, Writer};

/// Mobility Message Authentication option, RFC 4285 §5. What goes into it: module
/// [`auth`](crate::auth).
///
/// RFC 4285 asks for 4n+1, and that an MN-HA option be the last. With the 12 octets of
/// HMAC_SHA1 it takes 19, and nothing may follow, not even padding: it must begin at 8n+5, which
/// is 4n+1 too.
///
/// ```text
///                                 |   Type = 9    | Option Length |
/// |   Subtype     |                  Mobility SPI
///                 |  Authentication Data ...
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Authentication<'a> {
    subtype: AuthenticationSubtype,
    spi: u32,
    data: &'a [u8],
}

impl<'a> Authentication<'a> {
    /// `None` if the data is longer than 250 octets.
    pub fn new(subtype: AuthenticationSubtype, spi: u32, data: &'a [u8]) -> Option<Self> {
        (data.len() <= 250).then_some(Self { subtype, spi, data })
    }

    /// Between whom the key is shared.
    pub fn subtype(&self) -> AuthenticationSubtype {
        self.subtype
    }

    /// Which key.
    pub fn spi(&self) -> u32 {
        self.spi
    }

    /// The authentication data.
    pub fn data(&self) -> &'a [u8] {
        self.data
    }
}

impl<'a> OptionBody<'a> for Authentication<'a> {
    const TYPE: OptionType = OptionType::AUTHENTICATION;
    const ALIGN: Align = Align { multiple: 8, offset: 5 };

    fn decode(body: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            subtype: AuthenticationSubtype(body.u8("subtype")?),
            spi: body.u32("mobility spi")?,
            data: body.rest(),
        })
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u8(self.subtype.0);
        w.u32(self.spi);
        w.bytes(self.data);
    }
}
