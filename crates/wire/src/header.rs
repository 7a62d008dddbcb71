//! The six octets every message begins with (RFC 6275 §6.1.1).
//!
//! ```text
//! | Payload Proto |  Header Len   |   MH Type     |   Reserved    |
//! |           Checksum            |        Message Data ...
//! ```
//!
//! Header Len counts units of 8 octets beyond the first 8. Octets beyond the length it gives
//! belong to nobody: Payload Proto is "no next header" (RFC 8200 §4.7), so they are ignored.

use crate::registry::MhType;
use crate::{DecodeError, Fault, Reader};

/// The longest message: Header Len is 255.
pub const MAX_LEN: usize = 2048;
/// The longest message before its final padding that still has room for an MN-HA authentication
/// option (RFC 4285 §5.1). The encoder stops here, so that signing always succeeds.
pub const MAX_UNSIGNED: usize = MAX_LEN - 19;

/// IP protocol number of the Mobility Header.
pub(crate) const PROTOCOL: u8 = 135;
/// IPPROTO_NONE, the one value of Payload Proto.
pub(crate) const NO_NEXT_HEADER: u8 = 59;
/// Octets in front of the message data.
pub(crate) const HEADER_LEN: usize = 6;
/// Where Header Len stands.
pub(crate) const LENGTH_AT: usize = 1;
/// Where the Checksum field stands.
pub(crate) const CHECKSUM_AT: usize = 4;

/// Reads the header and returns the type and a reader of the message data, cut to Header Len.
pub(crate) fn decode(bytes: &[u8]) -> Result<(MhType, Reader<'_>), DecodeError> {
    let mut reader = Reader::new(bytes, 0);
    let proto = reader.u8("payload proto")?;
    if proto != NO_NEXT_HEADER {
        return Err(reader.invalid("payload proto", proto.into()));
    }
    let units = reader.u8("header len")?;
    let mh_type = MhType(reader.u8("mh type")?);
    reader.skip(1, "reserved")?;
    reader.skip(2, "checksum")?;
    let data_len = (usize::from(units) + 1) * 8 - HEADER_LEN;
    Ok((mh_type, reader.sub(data_len, "message data")?))
}

/// The error for a Header Len too short for the message's type (RFC 6275 §9.2), unless `error`,
/// met in the fixed part of a message, is of another kind.
pub(crate) fn too_short(error: DecodeError, bytes: &[u8]) -> DecodeError {
    match (error.fault, bytes.get(LENGTH_AT)) {
        (Fault::Truncated { .. }, Some(&units)) => DecodeError {
            offset: LENGTH_AT,
            field: "header len",
            fault: Fault::Invalid { value: units.into() },
        },
        _ => error,
    }
}

impl DecodeError {
    /// The octet that an ICMPv6 Parameter Problem points at, which RFC 6275 §9.2 asks for where
    /// Payload Proto is wrong or Header Len too small for the type; `None` for all else.
    pub fn parameter_problem(&self) -> Option<usize> {
        let is_wrong = matches!(self.fault, Fault::Invalid { .. });
        (is_wrong && self.offset <= LENGTH_AT).then_some(self.offset)
    }
}

/// Appends a header whose Header Len is set later, by [`set_len`].
pub(crate) fn encode(mh_type: MhType, out: &mut Vec<u8>) {
    out.extend_from_slice(&[NO_NEXT_HEADER, 0, mh_type.0, 0, 0, 0]);
}

/// Sets Header Len for the message `mh`, whose length is a multiple of 8 of at most
/// [`MAX_LEN`]; the type's limit is what a longer one gets.
pub(crate) fn set_len(mh: &mut [u8]) {
    let units = u8::try_from((mh.len() / 8).saturating_sub(1)).unwrap_or(u8::MAX);
    if let Some(field) = mh.get_mut(LENGTH_AT) {
        *field = units;
    }
}
