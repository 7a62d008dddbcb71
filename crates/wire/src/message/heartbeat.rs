use super::Body;
use crate::flags::flags;
use crate::registry::MhType;
use crate::{DecodeError, Reader, Writer};

/// Heartbeat, RFC 5847 §3.3.
///
/// ```text
/// |            Reserved       |U|R|
/// |                       Sequence Number                         |
/// |  options ...
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heartbeat {
    /// Request or response.
    pub flags: HeartbeatFlags,
    /// A response repeats it; in an unsolicited response it has no meaning.
    pub sequence: u32,
}

flags! {
    /// The flags of a Heartbeat; none of them in a request.
    pub struct HeartbeatFlags(u16) {
        /// Unsolicited: the sender restarted.
        U = 0x0002;
        /// Response.
        R = 0x0001;
    }
}

impl Body for Heartbeat {
    const TYPE: MhType = MhType::HEARTBEAT;

    fn decode(data: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            flags: HeartbeatFlags::from_bits(data.u16("flags")?),
            sequence: data.u32("sequence number")?,
        })
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u16(self.flags.bits());
        w.u32(self.sequence);
    }
}
