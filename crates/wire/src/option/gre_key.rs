use kedge_model::GreKey;

use super::{Align, OptionBody};
use crate::registry::OptionType;
use crate::{DecodeError, Reader, Writer};

/// GRE Key option, RFC 5845 §6.1. Aligned 4n.
///
/// In an update the key is the one for downlink packets, in an acknowledgement the one for uplink
/// packets: each side chooses what it will receive.
///
/// ```text
/// |   Type = 33   | Length = 2, 6 |           Reserved            |
/// |                 GRE Key Identifier, absent if Length is 2     |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GreKeyOption {
    /// `None` is GRE without keys.
    pub key: Option<GreKey>,
}

impl OptionBody<'_> for GreKeyOption {
    const TYPE: OptionType = OptionType::GRE_KEY;
    const ALIGN: Align = Align { multiple: 4, offset: 0 };

    fn decode(body: &mut Reader<'_>) -> Result<Self, DecodeError> {
        body.skip(2, "reserved")?;
        let key = if body.left() == 0 { None } else { Some(body.u32("gre key identifier")?) };
        Ok(Self { key })
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u16(0);
        if let Some(key) = self.key {
            w.u32(key);
        }
    }
}
