use super::{Align, OptionBody};
use crate::registry::OptionType;
use crate::{DecodeError, Reader, Writer};

/// Vendor Specific Mobility option, RFC 5094. Aligned 4n+2.
///
/// ```text
///                                 |   Type = 19   |   Length      |
/// |                       Vendor/Org-ID                           |
/// |   Sub-Type    |  Data ...
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VendorSpecific<'a> {
    vendor: u32,
    subtype: u8,
    data: &'a [u8],
}

impl<'a> VendorSpecific<'a> {
    /// `None` if the data is longer than 250 octets.
    pub fn new(vendor: u32, subtype: u8, data: &'a [u8]) -> Option<Self> {
        (data.len() <= 250).then_some(Self { vendor, subtype, data })
    }

    /// The vendor's private enterprise number.
    pub fn vendor(&self) -> u32 {
        self.vendor
    }

    /// The vendor's own number for the option.
    pub fn subtype(&self) -> u8 {
        self.subtype
    }

    /// What the vendor means by it.
    pub fn data(&self) -> &'a [u8] {
        self.data
    }
}

impl<'a> OptionBody<'a> for VendorSpecific<'a> {
    const TYPE: OptionType = OptionType::VENDOR_SPECIFIC;
    const ALIGN: Align = Align { multiple: 4, offset: 2 };

    fn decode(body: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            vendor: body.u32("vendor/org-id")?,
            subtype: body.u8("sub-type")?,
            data: body.rest(),
        })
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u32(self.vendor);
        w.u8(self.subtype);
        w.bytes(self.data);
    }
}
