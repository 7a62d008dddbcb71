use kedge_model::Sequence;

use super::{Body, Message, UnknownMessage};
use crate::flags::flags;
use crate::registry::{MhType, RevocationStatus, RevocationTrigger};
use crate::{DecodeError, Reader, Writer};

/// B.R. Type of an indication.
const INDICATION: u8 = 1;
/// B.R. Type of an acknowledgement.
const ACKNOWLEDGEMENT: u8 = 2;

/// Binding Revocation Indication, RFC 5846 §5.1.
///
/// ```text
/// | B.R. Type = 1 |  R. Trigger   |
/// |         Sequence #            |P|V|G|        Reserved         |
/// |  options ...
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BindingRevocationIndication {
    /// Why the binding is revoked.
    pub trigger: RevocationTrigger,
    /// The acknowledgement repeats it.
    pub sequence: Sequence,
    /// Which bindings are meant.
    pub flags: RevocationFlags,
}

/// Binding Revocation Acknowledgement, RFC 5846 §5.2.
///
/// ```text
/// | B.R. Type = 2 |    Status     |
/// |         Sequence #            |P|V|G|        Reserved         |
/// |  options ...
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BindingRevocationAcknowledgement {
    /// Revoked, or why not.
    pub status: RevocationStatus,
    /// The number of the indication this answers.
    pub sequence: Sequence,
    /// As in the indication.
    pub flags: RevocationFlags,
}

flags! {
    /// The flags of both revocation messages.
    pub struct RevocationFlags(u16) {
        /// A proxy binding.
        P = 0x8000;
        /// The IPv4 home address binding only.
        V = 0x4000;
        /// Global: several bindings, chosen by trigger and options.
        G = 0x2000;
    }
}

/// Reads either message; one of another B.R. Type is kept as unknown, its type octet included.
pub(super) fn decode<'a>(data: &mut Reader<'a>) -> Result<Message<'a>, DecodeError> {
    let mut ahead = data.clone();
    match ahead.u8("b.r. type")? {
        INDICATION => BindingRevocationIndication::decode(data).map(Message::from),
        ACKNOWLEDGEMENT => BindingRevocationAcknowledgement::decode(data).map(Message::from),
        _ => Ok(UnknownMessage::decode(MhType::BINDING_REVOCATION, data).into()),
    }
}

/// Whether `data` is a revocation message that this module reads.
pub(super) fn is_known(data: &[u8]) -> bool {
    matches!(data.first(), Some(&INDICATION | &ACKNOWLEDGEMENT))
}

impl Body for BindingRevocationIndication {
    const TYPE: MhType = MhType::BINDING_REVOCATION;

    fn decode(data: &mut Reader<'_>) -> Result<Self, DecodeError> {
        data.skip(1, "b.r. type")?;
        Ok(Self {
            trigger: RevocationTrigger(data.u8("r. trigger")?),
            sequence: Sequence(data.u16("sequence #")?),
            flags: RevocationFlags::from_bits(data.u16("flags")?),
        })
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u8(INDICATION);
        w.u8(self.trigger.0);
        w.u16(self.sequence.0);
        w.u16(self.flags.bits());
    }
}

impl Body for BindingRevocationAcknowledgement {
    const TYPE: MhType = MhType::BINDING_REVOCATION;

    fn decode(data: &mut Reader<'_>) -> Result<Self, DecodeError> {
        data.skip(1, "b.r. type")?;
        Ok(Self {
            status: RevocationStatus(data.u8("status")?),
            sequence: Sequence(data.u16("sequence #")?),
            flags: RevocationFlags::from_bits(data.u16("flags")?),
        })
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u8(ACKNOWLEDGEMENT);
        w.u8(self.status.0);
        w.u16(self.sequence.0);
        w.u16(self.flags.bits());
    }
}
