use super::OptionBody;
use crate::registry::{AccessTechnologyType, OptionType};
use crate::{DecodeError, Reader, Writer};

/// MAG Multipath Binding option, RFC 8278 §4.1. No alignment.
///
/// ```text
/// |   Type = 63   |  Length = 6   |    If-ATT     |   If-Label    |
/// |  Binding ID   |B|O|             Reserved                      |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MagMultipathBinding {
    /// The technology of the gateway's interface.
    pub technology: AccessTechnologyType,
    /// The interface's label, used in routing policies.
    pub label: u8,
    /// The binding's number among the mobile node's; 0 and 255 are reserved.
    pub bid: u8,
    /// The B flag: renew the lifetime of all the mobile node's bindings.
    pub bulk_reregistration: bool,
    /// The O flag: replace all the mobile node's bindings by this one. Never with the B flag,
    /// which is the receiver's to judge.
    pub overwrite: bool,
}

impl MagMultipathBinding {
    const BULK: u8 = 0x80;
    const OVERWRITE: u8 = 0x40;
}

impl OptionBody<'_> for MagMultipathBinding {
    const TYPE: OptionType = OptionType::MAG_MULTIPATH_BINDING;

    fn decode(body: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let technology = AccessTechnologyType(body.u8("if-att")?);
        let label = body.u8("if-label")?;
        let bid = body.u8("binding id")?;
        let flags = body.u8("flags")?;
        body.skip(2, "reserved")?;
        Ok(Self {
            technology,
            label,
            bid,
            bulk_reregistration: flags & Self::BULK != 0,
            overwrite: flags & Self::OVERWRITE != 0,
        })
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u8(self.technology.0);
        w.u8(self.label);
        w.u8(self.bid);
        let bulk = if self.bulk_reregistration { Self::BULK } else { 0 };
        w.u8(bulk | if self.overwrite { Self::OVERWRITE } else { 0 });
        w.u16(0);
    }
}
