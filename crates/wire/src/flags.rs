//! Flag fields: the registered bits as constants, everything else ignored on receiving.

/// Declares a set of flags over an unsigned integer.
///
/// Reserved bits are dropped on decoding, so they are neither compared nor sent back.
macro_rules! flags {
    (
        $(#[$meta:meta])*
        pub struct $name:ident($repr:ty) {
            $( $(#[$bit_meta:meta])* $bit:ident = $mask:literal; )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $name($repr);

        impl $name {
            $( $(#[$bit_meta])* pub const $bit: Self = Self($mask); )+
            /// No flag at all.
            pub const NONE: Self = Self(0);
            const ALL: $repr = 0 $(| $mask)+;

            /// The flags of a field as received; bits without a meaning are ignored.
            pub const fn from_bits(bits: $repr) -> Self {
                Self(bits & Self::ALL)
            }

            /// The field as it is sent.
            pub const fn bits(self) -> $repr {
                self.0
            }

            /// Whether every flag of `other` is set.
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// These flags and those of `other`.
            #[must_use]
            pub const fn with(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// These flags less those of `other`.
            #[must_use]
            pub const fn without(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }
        }

        impl std::ops::BitOr for $name {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                self.with(other)
            }
        }

        impl std::ops::BitOrAssign for $name {
            fn bitor_assign(&mut self, other: Self) {
                *self = self.with(other);
            }
        }

        /// The letters of the flags that are set, in the order of the field; `-` for none.
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                if self.0 == 0 {
                    return f.write_str("-");
                }
                $(if self.contains(Self::$bit) { f.write_str(stringify!($bit))?; })+
                Ok(())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

pub(crate) use flags;
