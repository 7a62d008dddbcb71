//! The options: one type for each, and the one table that ties numbers to types.
//!
//! An option's type says its number, its alignment and how its body is read and written. Only
//! `list` knows how options follow one another, and only [`Encoder`](crate::Encoder) pads
//! between them.

mod alternate_care_of_address;
mod authentication;
mod binding_authorization_data;
mod binding_refresh_advice;
mod delegated_mobile_network_prefix;
mod gre_key;
mod handoff_indicator;
mod home_network_prefix;
mod ipv4_care_of_address;
mod ipv4_default_router;
mod ipv4_dhcp_support_mode;
mod ipv4_home_address;
mod link_local_address;
mod list;
mod lma_address;
mod lma_controlled_mag_parameters;
mod mag_identifier;
mod mag_multipath_binding;
mod message_id;
mod mn_group_id;
mod mn_id;
mod mn_link_layer_id;
mod nat_detection;
mod nonce_indices;
mod restart_counter;
mod service_selection;
mod timestamp;
mod unknown;
mod vendor_specific;

pub use alternate_care_of_address::AlternateCareOfAddress;
pub use authentication::Authentication;
pub use binding_authorization_data::BindingAuthorizationData;
pub use binding_refresh_advice::BindingRefreshAdvice;
pub use delegated_mobile_network_prefix::DelegatedMobileNetworkPrefix;
pub use gre_key::GreKeyOption;
pub use handoff_indicator::{AccessTechnology, HandoffIndicator};
pub use home_network_prefix::HomeNetworkPrefix;
pub use ipv4_care_of_address::Ipv4CareOfAddress;
pub use ipv4_default_router::Ipv4DefaultRouter;
pub use ipv4_dhcp_support_mode::DhcpSupportMode;
pub use ipv4_home_address::{Ipv4HomeAddressReply, Ipv4HomeAddressRequest};
pub use link_local_address::LinkLocalAddress;
pub use list::{Options, OptionsIter, OptionsRef};
pub use lma_address::LmaAddress;
pub use lma_controlled_mag_parameters::{
    HeartbeatControl, LmaControlledMagParameters, ReregistrationControl,
};
pub use mag_identifier::MagIdentifier;
pub use mag_multipath_binding::MagMultipathBinding;
pub use message_id::MessageId;
pub use mn_group_id::MobileNodeGroupId;
pub use mn_id::MnIdOption;
pub use mn_link_layer_id::MnLinkLayerId;
pub use nat_detection::NatDetection;
pub use nonce_indices::NonceIndices;
pub use restart_counter::RestartCounter;
pub use service_selection::ServiceSelection;
pub use timestamp::TimestampOption;
pub use unknown::UnknownOption;
pub use vendor_specific::VendorSpecific;

use crate::registry::OptionType;
use crate::{DecodeError, Reader, Writer};

/// Where an option's Type octet may stand, counted from the start of the Mobility Header: at
/// every `multiple`n + `offset`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Align {
    /// 1, 2, 4 or 8.
    pub multiple: u8,
    /// Below `multiple`.
    pub offset: u8,
}

impl Align {
    /// Anywhere.
    pub const NONE: Self = Self { multiple: 1, offset: 0 };

    /// The octets of padding that an option takes at `at`.
    pub const fn padding(self, at: usize) -> usize {
        let (multiple, offset) = (self.multiple as usize, self.offset as usize);
        (offset + multiple - at % multiple) % multiple
    }
}

/// What stands behind an option's Type and Length.
///
/// Values with octets of varying length borrow them; `'a` is the packet's.
pub trait OptionBody<'a>: Copy {
    /// The option's number.
    const TYPE: OptionType;
    /// Where it is put when sent; where it is met does not matter.
    const ALIGN: Align = Align::NONE;

    /// Reads the body; the caller complains about what is left in `body`.
    fn decode(body: &mut Reader<'a>) -> Result<Self, DecodeError>;

    /// Writes the body, at most 255 octets.
    fn encode(&self, w: &mut Writer<'_>);
}

/// Declares [`MobilityOption`] from the list of its types: the enum, reading by number, writing
/// and alignment.
macro_rules! mobility_options {
    ($( $(#[$meta:meta])* $variant:ident($body:ty), )+) => {
        /// One option. Padding is not an option here: it is skipped on receiving and put in on
        /// sending.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum MobilityOption<'a> {
            $( $(#[$meta])* $variant($body), )+
            /// An option this crate has no type for, kept as it came.
            Unknown(UnknownOption<'a>),
        }

        impl<'a> MobilityOption<'a> {
            /// The option's number.
            pub fn kind(&self) -> OptionType {
                match self {
                    $( Self::$variant(_) => <$body>::TYPE, )+
                    Self::Unknown(unknown) => unknown.kind(),
                }
            }

            /// Reads the body of an option of this number.
            pub(crate) fn decode(
                kind: OptionType,
                mut body: Reader<'a>,
            ) -> Result<Self, DecodeError> {
                let option = match kind {
                    $( <$body>::TYPE => Self::$variant(<$body>::decode(&mut body)?), )+
                    _ => Self::Unknown(UnknownOption::decode(kind, &mut body)),
                };
                body.finish("option body")?;
                Ok(option)
            }

            /// Writes the option's body.
            fn encode_body(&self, w: &mut Writer<'_>) {
                match self {
                    $( Self::$variant(body) => body.encode(w), )+
                    Self::Unknown(unknown) => w.bytes(unknown.body()),
                }
            }

            /// Where an option of this number is put when sent.
            pub(crate) fn alignment(kind: OptionType) -> Align {
                match kind {
                    $( <$body>::TYPE => <$body>::ALIGN, )+
                    _ => Align::NONE,
                }
            }

            /// Whether this crate has a type for the option, or it is padding.
            fn is_known(kind: OptionType) -> bool {
                matches!(kind, OptionType::PAD1 | OptionType::PADN $( | <$body>::TYPE )+)
            }
        }

        $(impl<'a> From<$body> for MobilityOption<'a> {
            fn from(body: $body) -> Self {
                Self::$variant(body)
            }
        })+
    };
}

mobility_options! {
    /// Type 2.
    BindingRefreshAdvice(BindingRefreshAdvice),
    /// Type 3.
    AlternateCareOfAddress(AlternateCareOfAddress),
    /// Type 4.
    NonceIndices(NonceIndices),
    /// Type 5.
    BindingAuthorizationData(BindingAuthorizationData<'a>),
    /// Type 8.
    MnId(MnIdOption<'a>),
    /// Type 9.
    Authentication(Authentication<'a>),
    /// Type 10.
    MessageId(MessageId),
    /// Type 19.
    VendorSpecific(VendorSpecific<'a>),
    /// Type 20.
    ServiceSelection(ServiceSelection<'a>),
    /// Type 22.
    HomeNetworkPrefix(HomeNetworkPrefix),
    /// Type 23.
    HandoffIndicator(HandoffIndicator),
    /// Type 24.
    AccessTechnology(AccessTechnology),
    /// Type 25.
    MnLinkLayerId(MnLinkLayerId<'a>),
    /// Type 26.
    LinkLocalAddress(LinkLocalAddress),
    /// Type 27.
    Timestamp(TimestampOption),
    /// Type 28.
    RestartCounter(RestartCounter),
    /// Type 31.
    NatDetection(NatDetection),
    /// Type 32.
    Ipv4CareOfAddress(Ipv4CareOfAddress),
    /// Type 33.
    GreKey(GreKeyOption),
    /// Type 36.
    Ipv4HomeAddressRequest(Ipv4HomeAddressRequest),
    /// Type 37.
    Ipv4HomeAddressReply(Ipv4HomeAddressReply),
    /// Type 38.
    Ipv4DefaultRouter(Ipv4DefaultRouter),
    /// Type 39.
    DhcpSupportMode(DhcpSupportMode),
    /// Type 41.
    LmaAddress(LmaAddress),
    /// Type 50.
    MobileNodeGroupId(MobileNodeGroupId),
    /// Type 55.
    DelegatedMobileNetworkPrefix(DelegatedMobileNetworkPrefix),
    /// Type 62.
    LmaControlledMagParameters(LmaControlledMagParameters),
    /// Type 63.
    MagMultipathBinding(MagMultipathBinding),
    /// Type 64.
    MagIdentifier(MagIdentifier<'a>),
}

impl<'a> From<UnknownOption<'a>> for MobilityOption<'a> {
    fn from(unknown: UnknownOption<'a>) -> Self {
        Self::Unknown(unknown)
    }
}

impl MobilityOption<'_> {
    /// Appends Type, Length and body.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let at = out.len();
        out.extend_from_slice(&[self.kind().0, 0]);
        self.encode_body(&mut Writer::new(out));
        let body_len = out.len() - at - 2;
        if let Some(length) = out.get_mut(at + 1) {
            *length = list::length_octet(self.kind(), body_len);
        }
    }
}
