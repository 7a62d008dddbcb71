//! Enumerations whose values are words of the language: the words, their help and the type are
//! stated once.

/// Defines an enumeration, `WORDS` for the table, and the way between word and value.
macro_rules! keywords {
    (
        $(#[$doc:meta])*
        pub enum $name:ident { $( $variant:ident = $word:literal, $help:literal; )+ }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $name { $( #[doc = $help] $variant, )+ }

        impl $name {
            /// The words and their help, for the table.
            pub(crate) const WORDS: &'static [(&'static str, &'static str)] =
                &[ $( ($word, $help), )+ ];

            /// The value's word in the language.
            pub fn word(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }

            /// The value of a word of the table.
            pub(crate) fn from_word(word: &str) -> Option<Self> {
                match word { $( $word => Some(Self::$variant), )+ _ => None }
            }
        }
    };
}

pub(crate) use keywords;
