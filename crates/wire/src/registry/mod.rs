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
                let name = self.name().unwrap_or("unassigned");
                write!(f, concat!(stringify!($registry), "({} {})"), self.0, name)
            }
        }
    };
}

use registry;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_are_in_their_order_without_a_number_twice() {
        assert!(MhType::ALL.is_sorted_by(|a, b| a < b));
        assert!(OptionType::ALL.is_sorted_by(|a, b| a < b));
        assert!(Status::ALL.is_sorted_by(|a, b| a < b));
        assert!(RevocationTrigger::ALL.is_sorted_by(|a, b| a < b));
        assert!(RevocationStatus::ALL.is_sorted_by(|a, b| a < b));
        assert!(AccessTechnologyType::ALL.is_sorted_by(|a, b| a < b));
        assert!(HandoffIndicatorValue::ALL.is_sorted_by(|a, b| a < b));
    }

    // How many the IANA registry of 2024-11-06 assigns.
    #[test]
    fn registries_are_whole() {
        assert_eq!((MhType::ALL.len(), OptionType::ALL.len()), (24, 71));
        assert_eq!((Status::ALL.len(), AccessTechnologyType::ALL.len()), (60, 14));
    }

    #[test]
    fn a_number_prints_as_its_name_or_as_unassigned() {
        assert_eq!(Status(156).to_string(), "TIMESTAMP_MISMATCH");
        assert_eq!(Status(127).to_string(), "Unassigned (127)");
        assert_eq!(format!("{:?}", Status(127)), "Status(127 unassigned)");
    }

    // RFC 5213 §8.9 says greater than 128; RFC 6275 §6.1.8 and RFC 5213 §8.2 include it.
    #[test]
    fn status_128_is_a_rejection() {
        assert!(Status(127).is_accepted() && !Status(128).is_accepted());
        assert!(!Ipv4HomeAddressStatus(128).is_accepted());
        assert!(!RevocationStatus(128).is_success());
        let global = [127, 128, 249, 250].map(|number| RevocationTrigger(number).is_global());
        assert_eq!(global, [false, true, true, false]);
    }
}
