use std::net::Ipv6Addr;

use super::Body;
use crate::registry::{BindingErrorStatus, MhType};
use crate::{DecodeError, Reader, Writer};

/// Binding Error, RFC 6275 §6.1.9.
///
/// ```text
/// |     Status    |   Reserved    |
/// |                     Home Address (16 octets)                  |
/// |  options ...
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BindingError {
    /// Why the message was not processed.
    pub status: BindingErrorStatus,
    /// The address in the Home Address destination option, or unspecified without one.
    pub home_address: Ipv6Addr,
}

impl Body for BindingError {
    const TYPE: MhType = MhType::BINDING_ERROR;

    fn decode(data: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let status = BindingErrorStatus(data.u8("status")?);
        data.skip(1, "reserved")?;
        Ok(Self { status, home_address: data.ipv6("home address")? })
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u8(self.status.0);
        w.u8(0);
        w.ipv6(self.home_address);
    }
}
