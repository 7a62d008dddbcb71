//! The messages: what stands between the header and the options.

mod binding_acknowledgement;
mod binding_error;
mod binding_refresh_request;
mod binding_revocation;
mod binding_update;
mod heartbeat;
mod unknown;

pub use binding_acknowledgement::{BaFlags, BindingAcknowledgement};
pub use binding_error::BindingError;
pub use binding_refresh_request::BindingRefreshRequest;
pub use binding_revocation::{
    BindingRevocationAcknowledgement, BindingRevocationIndication, RevocationFlags,
};
pub use binding_update::{BindingUpdate, BuFlags};
pub use heartbeat::{Heartbeat, HeartbeatFlags};
pub use unknown::UnknownMessage;

use crate::registry::MhType;
use crate::{DecodeError, Reader, Writer};

/// The fixed part of one kind of message.
trait Body: Sized {
    const TYPE: MhType;

    fn decode(data: &mut Reader<'_>) -> Result<Self, DecodeError>;
    fn encode(&self, w: &mut Writer<'_>);
}

/// A message without its options.
///
/// Only [`Message::Unknown`] has content of varying length; it borrows from a packet that was
/// received, or owns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Message<'a> {
    /// MH type 0.
    BindingRefreshRequest(BindingRefreshRequest),
    /// MH type 5; a proxy's has the P flag set.
    BindingUpdate(BindingUpdate),
    /// MH type 6; a proxy's has the P flag set.
    BindingAcknowledgement(BindingAcknowledgement),
    /// MH type 7.
    BindingError(BindingError),
    /// MH type 13.
    Heartbeat(Heartbeat),
    /// MH type 16, revocation type 1.
    BindingRevocationIndication(BindingRevocationIndication),
    /// MH type 16, revocation type 2.
    BindingRevocationAcknowledgement(BindingRevocationAcknowledgement),
    /// Any other message, options and all.
    Unknown(UnknownMessage<'a>),
}

impl<'a> Message<'a> {
    /// The message's number.
    pub fn mh_type(&self) -> MhType {
        match self {
            Self::BindingRefreshRequest(_) => BindingRefreshRequest::TYPE,
            Self::BindingUpdate(_) => BindingUpdate::TYPE,
            Self::BindingAcknowledgement(_) => BindingAcknowledgement::TYPE,
            Self::BindingError(_) => BindingError::TYPE,
            Self::Heartbeat(_) => Heartbeat::TYPE,
            Self::BindingRevocationIndication(_) => BindingRevocationIndication::TYPE,
            Self::BindingRevocationAcknowledgement(_) => BindingRevocationAcknowledgement::TYPE,
            Self::Unknown(unknown) => unknown.mh_type(),
        }
    }

    /// The same message, borrowing nothing.
    pub fn into_owned(self) -> Message<'static> {
        match self {
            Self::BindingRefreshRequest(m) => Message::BindingRefreshRequest(m),
            Self::BindingUpdate(m) => Message::BindingUpdate(m),
            Self::BindingAcknowledgement(m) => Message::BindingAcknowledgement(m),
            Self::BindingError(m) => Message::BindingError(m),
            Self::Heartbeat(m) => Message::Heartbeat(m),
            Self::BindingRevocationIndication(m) => Message::BindingRevocationIndication(m),
            Self::BindingRevocationAcknowledgement(m) => {
                Message::BindingRevocationAcknowledgement(m)
            }
            Self::Unknown(unknown) => Message::Unknown(unknown.into_owned()),
        }
    }

    /// Reads the fixed part from the message data and leaves the options in `data`.
    pub(crate) fn decode(mh_type: MhType, data: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(match mh_type {
            MhType::BINDING_REFRESH_REQUEST => {
                Self::BindingRefreshRequest(BindingRefreshRequest::decode(data)?)
            }
            MhType::BINDING_UPDATE => Self::BindingUpdate(BindingUpdate::decode(data)?),
            MhType::BINDING_ACKNOWLEDGEMENT => {
                Self::BindingAcknowledgement(BindingAcknowledgement::decode(data)?)
            }
            MhType::BINDING_ERROR => Self::BindingError(BindingError::decode(data)?),
            MhType::HEARTBEAT => Self::Heartbeat(Heartbeat::decode(data)?),
            MhType::BINDING_REVOCATION => binding_revocation::decode(data)?,
            _ => Self::Unknown(UnknownMessage::decode(mh_type, data)),
        })
    }

    /// Writes what stands between the header and the options.
    pub(crate) fn encode(&self, w: &mut Writer<'_>) {
        match self {
            Self::BindingRefreshRequest(m) => m.encode(w),
            Self::BindingUpdate(m) => m.encode(w),
            Self::BindingAcknowledgement(m) => m.encode(w),
            Self::BindingError(m) => m.encode(w),
            Self::Heartbeat(m) => m.encode(w),
            Self::BindingRevocationIndication(m) => m.encode(w),
            Self::BindingRevocationAcknowledgement(m) => m.encode(w),
            Self::Unknown(m) => w.bytes(m.data()),
        }
    }
}

macro_rules! from_body {
    ($($body:ident),+ $(,)?) => {
        $(impl From<$body> for Message<'_> {
            fn from(body: $body) -> Self {
                Self::$body(body)
            }
        })+
    };
}

from_body!(
    BindingRefreshRequest,
    BindingUpdate,
    BindingAcknowledgement,
    BindingError,
    Heartbeat,
    BindingRevocationIndication,
    BindingRevocationAcknowledgement,
);

impl<'a> From<UnknownMessage<'a>> for Message<'a> {
    fn from(unknown: UnknownMessage<'a>) -> Self {
        Self::Unknown(unknown)
    }
}
