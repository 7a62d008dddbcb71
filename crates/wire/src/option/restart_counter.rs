use super::{Align, OptionBody};
use crate::registry::OptionType;
use crate::{DecodeError, Reader, Writer};

/// Restart Counter option, RFC 5847 §3.4, in heartbeat responses only. Aligned 4n+2.
///
/// ```text
///                                 |   Type = 28   |  Length = 4   |
/// |                       Restart Counter                         |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RestartCounter(
    /// How often the sender lost its sessions; outlives a restart.
    pub u32,
);

impl OptionBody<'_> for RestartCounter {
    const TYPE: OptionType = OptionType::RESTART_COUNTER;
    const ALIGN: Align = Align { multiple: 4, offset: 2 };

    fn decode(body: &mut Reader<'_>) -> Result<Self, DecodeError> {
        body.u32("restart counter").map(Self)
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u32(self.0);
    }
}
