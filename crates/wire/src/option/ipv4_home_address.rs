use kedge_model::Ipv4Net;

use super::{Align, OptionBody};
use crate::registry::{Ipv4HomeAddressStatus, OptionType};
use crate::{DecodeError, Reader, Writer};

/// The prefix length stands in the upper six bits of its octet in both options.
const PREFIX_LEN_SHIFT: u32 = 2;

/// IPv4 Home Address Request option, RFC 5844 §3.3.1. Aligned 4n.
///
/// ```text
/// |   Type = 36   |  Length = 6   |Prefix-len |      Reserved     |
/// |                     IPv4 Home Address                         |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ipv4HomeAddressRequest {
    /// The address asked for, or unspecified to have one chosen, and its subnet's prefix length.
    pub address: Ipv4Net,
}

/// IPv4 Home Address Reply option, RFC 5844 §3.3.2. Aligned 4n.
///
/// ```text
/// |   Type = 37   |  Length = 6   |    Status     | Pref-len  |Res|
/// |                     IPv4 Home Address                         |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ipv4HomeAddressReply {
    /// Assigned, or why not.
    pub status: Ipv4HomeAddressStatus,
    /// The address and its subnet's prefix length.
    pub address: Ipv4Net,
}

impl OptionBody<'_> for Ipv4HomeAddressRequest {
    const TYPE: OptionType = OptionType::IPV4_HOME_ADDRESS_REQUEST;
    const ALIGN: Align = Align { multiple: 4, offset: 0 };

    fn decode(body: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let len = body.u8("prefix-len")? >> PREFIX_LEN_SHIFT;
        let out_of_range = body.invalid("prefix-len", len.into());
        body.skip(1, "reserved")?;
        let address = body.ipv4("ipv4 home address")?;
        Ok(Self { address: Ipv4Net::new(address, len).map_err(|_| out_of_range)? })
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u8(self.address.prefix_len() << PREFIX_LEN_SHIFT);
        w.u8(0);
        w.ipv4(self.address.addr());
    }
}

impl OptionBody<'_> for Ipv4HomeAddressReply {
    const TYPE: OptionType = OptionType::IPV4_HOME_ADDRESS_REPLY;
    const ALIGN: Align = Align { multiple: 4, offset: 0 };

    fn decode(body: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let status = Ipv4HomeAddressStatus(body.u8("status")?);
        let len = body.u8("pref-len")? >> PREFIX_LEN_SHIFT;
        let out_of_range = body.invalid("pref-len", len.into());
        let address = body.ipv4("ipv4 home address")?;
        Ok(Self { status, address: Ipv4Net::new(address, len).map_err(|_| out_of_range)? })
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u8(self.status.0);
        w.u8(self.address.prefix_len() << PREFIX_LEN_SHIFT);
        w.ipv4(self.address.addr());
    }
}
