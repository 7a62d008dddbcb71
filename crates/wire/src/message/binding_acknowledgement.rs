use kedge_model::{Lifetime, Sequence};

use super::Body;
use crate::flags::flags;
use crate::registry::{MhType, Status};
use crate::{DecodeError, Reader, Writer};

/// Binding Acknowledgement, RFC 6275 §6.1.8; with the P flag a Proxy Binding Acknowledgement,
/// RFC 5213 §8.2.
///
/// ```text
/// |    Status     |K|R|P|T|B|S|D|.|         Sequence #            |
/// |           Lifetime            |  options ...
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BindingAcknowledgement {
    /// Accepted, or why not.
    pub status: Status,
    /// What was agreed to.
    pub flags: BaFlags,
    /// The number of the update this answers.
    pub sequence: Sequence,
    /// The lifetime granted.
    pub lifetime: Lifetime,
}

flags! {
    /// The flags of a Binding Acknowledgement. Not the positions of
    /// [`BuFlags`](crate::BuFlags).
    pub struct BaFlags(u8) {
        /// Key management mobility capability (RFC 6275 §6.1.8).
        K = 0x80;
        /// Mobile router (RFC 3963).
        R = 0x40;
        /// Proxy registration (RFC 5213 §8.2).
        P = 0x20;
        /// TLV-header format (RFC 5845 §6.3).
        T = 0x10;
        /// Bulk binding update (RFC 6602 §4.2).
        B = 0x08;
        /// Multicast signalling (RFC 7161).
        S = 0x04;
        /// Distributed mobility (RFC 8885).
        D = 0x02;
    }
}

impl Body for BindingAcknowledgement {
    const TYPE: MhType = MhType::BINDING_ACKNOWLEDGEMENT;

    fn decode(data: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            status: Status(data.u8("status")?),
            flags: BaFlags::from_bits(data.u8("flags")?),
            sequence: Sequence(data.u16("sequence #")?),
            lifetime: Lifetime::from_units(data.u16("lifetime")?),
        })
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u8(self.status.0);
        w.u8(self.flags.bits());
        w.u16(self.sequence.0);
        w.u16(self.lifetime.units());
    }
}
