use std::borrow::Cow;

use super::binding_revocation;
use crate::Reader;
use crate::header::{HEADER_LEN, MAX_UNSIGNED};
use crate::registry::MhType;

/// A message this crate has no type for, kept as it came.
///
/// Where its options begin is not known, so they are part of the data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownMessage<'a> {
    mh_type: MhType,
    data: Cow<'a, [u8]>,
}

impl<'a> UnknownMessage<'a> {
    /// `None` if this crate has a type for the message, or if the data does not fill the message
    /// to a multiple of 8 octets (6 beyond the header come first), or is longer than the encoder
    /// writes.
    pub fn new(mh_type: MhType, data: impl Into<Cow<'a, [u8]>>) -> Option<Self> {
        let data = data.into();
        let known = match mh_type {
            MhType::BINDING_REFRESH_REQUEST
            | MhType::BINDING_UPDATE
            | MhType::BINDING_ACKNOWLEDGEMENT
            | MhType::BINDING_ERROR
            | MhType::HEARTBEAT => true,
            MhType::BINDING_REVOCATION => binding_revocation::is_known(&data),
            _ => false,
        };
        let len = data.len() + HEADER_LEN;
        (!known && len.is_multiple_of(8) && len <= MAX_UNSIGNED).then_some(Self { mh_type, data })
    }

    /// The message's number.
    pub fn mh_type(&self) -> MhType {
        self.mh_type
    }

    /// What follows the Checksum field.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The same message, borrowing nothing.
    pub fn into_owned(self) -> UnknownMessage<'static> {
        UnknownMessage { mh_type: self.mh_type, data: Cow::Owned(self.data.into_owned()) }
    }

    /// The header was cut to a multiple of 8 octets before.
    pub(super) fn decode(mh_type: MhType, data: &mut Reader<'a>) -> Self {
        Self { mh_type, data: Cow::Borrowed(data.rest()) }
    }
}
