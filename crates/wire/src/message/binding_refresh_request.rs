use super::Body;
use crate::registry::MhType;
use crate::{DecodeError, Reader, Writer};

/// Binding Refresh Request, RFC 6275 §6.1.2. Proxy Mobile IPv6 does not use it.
///
/// ```text
/// |           Reserved            |  options ...
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BindingRefreshRequest;

impl Body for BindingRefreshRequest {
    const TYPE: MhType = MhType::BINDING_REFRESH_REQUEST;

    fn decode(data: &mut Reader<'_>) -> Result<Self, DecodeError> {
        data.skip(2, "reserved")?;
        Ok(Self)
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u16(0);
    }
}
