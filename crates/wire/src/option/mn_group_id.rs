use super::OptionBody;
use crate::registry::{MnGroupSubtype, OptionType};
use crate::{DecodeError, Reader, Writer};

/// Mobile Node Group Identifier option, RFC 6602 §4.3, which gives no alignment.
///
/// The figure of the RFC draws 7 and 9 bits where its text says 8 and 8; the text is followed.
///
/// ```text
/// |   Type = 50   |  Length = 6   |   Sub-type    |   Reserved    |
/// |               Mobile Node Group Identifier                    |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MobileNodeGroupId {
    /// The kind of group.
    pub subtype: MnGroupSubtype,
    /// The group; 0 is reserved.
    pub group: u32,
}

impl MobileNodeGroupId {
    /// The group of every session of the peer (RFC 6602 §4.3).
    pub const ALL_SESSIONS: u32 = 1;
}

impl OptionBody<'_> for MobileNodeGroupId {
    const TYPE: OptionType = OptionType::MN_GROUP_ID;

    fn decode(body: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let subtype = MnGroupSubtype(body.u8("sub-type")?);
        body.skip(1, "reserved")?;
        Ok(Self { subtype, group: body.u32("mobile node group identifier")? })
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u8(self.subtype.0);
        w.u8(0);
        w.u32(self.group);
    }
}
