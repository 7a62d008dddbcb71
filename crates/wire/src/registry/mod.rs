//! The IANA tables ("Mobile IPv6 parameters"), each in registry order.
//!
//! The number is the identity and the names are constants, so a code assigned after our release
//! still decodes, compares and is sent back. Names are the registry's own spelling.

mod access;
mod identifier;
mod mh_type;
mod option_type;
mod revocation;
mod status;

pub use access::{AccessTechnologyType, HandoffIndicatorValue};
pub use identifier::{AuthenticationSubtype, MnGroupSubtype, MnIdSubtype};
pub use mh_type::{BindingErrorStatus, MhType};
pub use option_type::OptionType;
pub use revocation::{RevocationStatus, RevocationTrigger};
pub use status::{Ipv4HomeAddressStatus, Status};

/// Declares one registry: a newtype over its number, a constant and a name for each entry.
macro_rules! registry {
    (
        $(#[$meta:meta])*
        pub struct $registry:ident {
            $( $value:literal $entry:ident $name:literal $source:literal; )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $registry(pub u8);

        impl $registry {
            $(
                #[doc = concat!($name, " (", $source, ").")]
                pub const $entry: Self = Self($value);
            )+

            /// Every entry in registry order.
            pub const ALL: &'static [Self] = &[$(Self::$entry),+];

            /// The registry's name for the number; `None` if it had none when this was written.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $( $value => Some($name), )+
                    _ => None,
                }
            }
        }

        /// The registry's name, or `Unassigned (N)`.
        impl std::fmt::Display for $registry {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.name() {
                    Some(name) => f.pad(name),
                    None => write!(f, "Unassigned ({})", self.0),
                }
            }
        }

        /// Number and name.
        impl std::fmt::Debug for $registry {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($registry), "({} {})"), self.0, self)
            }
        }
    };
}

use registry;
