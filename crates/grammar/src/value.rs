//! What may stand in the place of an argument, and what it becomes.
//!
//! A [`Value`] reads one word into a [`Datum`], says in a few words what it accepts, and prints a
//! datum the way it reads it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use kedge_model::MacAddr;

use crate::Secret;

/// The kinds of argument.
#[derive(Clone, Copy, Debug)]
pub enum Value {
    /// A name of 1 to `max` characters.
    Name {
        /// Most characters.
        max: usize,
    },
    /// The name of something that exists: as [`Value::Name`], and completion offers those that
    /// there are.
    Known {
        /// Of what, as "customer".
        what: &'static str,
        /// Most characters.
        max: usize,
    },
    /// A number in a range.
    Integer {
        /// The least.
        min: u64,
        /// The greatest.
        max: u64,
        /// What one of it is, as "seconds"; empty for a plain count.
        unit: &'static str,
    },
    /// A 32-bit number in hexadecimal, not zero; `0x` may stand before it.
    Hex32,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// An IPv4 prefix, `A.B.C.D/LENGTH`; bits behind its length are dropped.
    Ipv4Prefix,
    /// An IPv6 prefix, `X:X::X/LENGTH`; bits behind its length are dropped.
    Ipv6Prefix,
    /// An Ethernet address, in the three usual spellings.
    Mac,
    /// A network access identifier, `user@realm`, or `@realm` for all of a realm.
    Nai,
    /// The identifier of one node, `user@realm`.
    NodeNai,
    /// One of some words, each with its help.
    Keyword(&'static [(&'static str, &'static str)]),
    /// One of some words that stand for other ones: typed, meant, help.
    Spelled(&'static [(&'static str, &'static str, &'static str)]),
    /// A number that has a name: name, number, help. Written by its name; a number without one is
    /// another value's to read.
    Named(&'static [(&'static str, u64, &'static str)]),
    /// All the words to the end of the line, in at most `max` characters.
    Line {
        /// Most characters.
        max: usize,
    },
    /// A network interface's name in one word: `eth0`, `GigabitEthernet0/0/0`.
    Interface,
    /// The name of a device of Linux: at most 15 octets, no slash.
    Device,
    /// The first word of an interface's name in two: `Ethernet` of `Ethernet 0/0`.
    InterfaceType,
    /// The second word of an interface's name in two: `0/0` of `Ethernet 0/0`.
    InterfaceNumber,
    /// A secret as it is, 1 to 125 characters.
    SecretText,
    /// A secret as pairs of hexadecimal digits, 2 to 128 of them.
    SecretHex,
    /// A secret in the obfuscated form ([`Secret::obfuscate`]).
    SecretObfuscated,
}

/// A value that was read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Datum {
    /// A word of the table that stands for itself: a keyword, or the presence of an option.
    Word(&'static str),
    /// A name, an identifier or an interface.
    Text(String),
    /// A number.
    Integer(u64),
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
    /// A prefix: its address, without bits behind its length, and its length.
    Prefix(IpAddr, u8),
    /// An Ethernet address.
    Mac(MacAddr),
    /// A secret.
    Secret(Secret),
}

impl From<IpAddr> for Datum {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::Ipv4(address),
            IpAddr::V6(address) => Self::Ipv6(address),
        }
    }
}

impl Value {
    /// Reads one word; `None` when it is not such a value. Keywords are the matcher's, because
    /// they may be abbreviated.
    pub(crate) fn read(&self, word: &str) -> Option<Datum> {
        match *self {
            Self::Name { max } | Self::Known { max, .. } => {
                let characters = word.chars().count();
                let fits = (1..=max).contains(&characters) && !word.chars().any(char::is_control);
                fits.then(|| Datum::Text(word.to_owned()))
            }
            Self::Integer { min, max, .. } => {
                let number = decimal(word)?;
                (min..=max).contains(&number).then_some(Datum::Integer(number))
            }
            Self::Hex32 => {
                let digits = word.strip_prefix("0x").or(word.strip_prefix("0X")).unwrap_or(word);
                if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return None;
                }
                let number = u32::from_str_radix(digits, 16).ok()?;
                (number != 0).then_some(Datum::Integer(number.into()))
            }
            Self::Ipv4 => word.parse().ok().map(Datum::Ipv4),
            Self::Ipv6 => word.parse().ok().map(Datum::Ipv6),
            Self::Ipv4Prefix => {
                let (address, length) = split_prefix::<Ipv4Addr>(word, 32)?;
                let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
                Some(Datum::Prefix(Ipv4Addr::from(u32::from(address) & mask).into(), length))
            }
            Self::Ipv6Prefix => {
                let (address, length) = split_prefix::<Ipv6Addr>(word, 128)?;
                let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
                Some(Datum::Prefix(Ipv6Addr::from(u128::from(address) & mask).into(), length))
            }
            Self::Mac => word.parse().ok().map(Datum::Mac),
            Self::Nai => is_nai(word).then(|| Datum::Text(word.to_owned())),
            Self::NodeNai => {
                let node = is_nai(word) && !word.starts_with('@');
                node.then(|| Datum::Text(word.to_owned()))
            }
            Self::Keyword(_) | Self::Spelled(_) | Self::Named(_) => None,
            Self::Line { max } => {
                let fits = !word.chars().any(char::is_control) && word.chars().count() <= max;
                let words: Vec<&str> = word.split_whitespace().collect();
                (fits && !words.is_empty()).then(|| Datum::Text(words.join(" ")))
            }
            Self::Interface => is_interface(word).then(|| Datum::Text(word.to_owned())),
            Self::Device => is_device(word).then(|| Datum::Text(word.to_owned())),
            Self::InterfaceType => {
                let letters = word.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-');
                (letters && !word.is_empty()).then(|| Datum::Text(word.to_owned()))
            }
            Self::InterfaceNumber => {
                let digits = word.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'/' | b'.'));
                let number = digits && word.starts_with(|c: char| c.is_ascii_digit());
                (number && word.len() <= 32).then(|| Datum::Text(word.to_owned()))
            }
            Self::SecretText => {
                let fits = (1..=125).contains(&word.len()) && !word.chars().any(char::is_control);
                fits.then(|| Datum::Secret(Secret::new(word)))
            }
            Self::SecretHex => {
                let fits = (2..=128).contains(&word.len());
                fits.then(|| Secret::from_hex(word)).flatten().map(Datum::Secret)
            }
            Self::SecretObfuscated => Secret::from_obfuscated(word).map(Datum::Secret),
        }
    }

    /// The datum as this kind of argument is typed.
    pub(crate) fn print(&self, datum: &Datum) -> String {
        match (self, datum) {
            (Self::Hex32, Datum::Integer(number)) => format!("{number:X}"),
            (Self::SecretObfuscated, Datum::Secret(secret)) => secret.obfuscate(),
            (_, Datum::Secret(secret)) => secret.to_string(),
            (_, Datum::Word(word)) => (*word).to_owned(),
            (Self::Line { .. }, Datum::Text(text)) => {
                let words: Vec<String> = text.split(' ').map(quoted).collect();
                words.join(" ")
            }
            (_, Datum::Text(text)) => quoted(text),
            (Self::Named(names), Datum::Integer(number)) => {
                let name = names.iter().find(|(_, known, _)| known == number);
                name.map_or_else(|| number.to_string(), |(name, ..)| (*name).to_owned())
            }
            (_, Datum::Integer(number)) => number.to_string(),
            (_, Datum::Ipv4(address)) => address.to_string(),
            (_, Datum::Ipv6(address)) => address.to_string(),
            (_, Datum::Prefix(address, length)) => format!("{address}/{length}"),
            (_, Datum::Mac(mac)) => mac.to_string(),
        }
    }

    /// What is accepted, for help, errors and documentation.
    pub fn describe(&self) -> String {
        match *self {
            Self::Name { max } | Self::Known { max, .. } => format!("name of 1-{max} characters"),
            Self::Integer { min, max, unit: "" } => format!("{min}-{max}"),
            Self::Integer { min, max, unit } => format!("{min}-{max} {unit}"),
            Self::Hex32 => "hexadecimal number, 1-FFFFFFFF".to_owned(),
            Self::Ipv4 => "IPv4 address, A.B.C.D".to_owned(),
            Self::Ipv6 => "IPv6 address, X:X::X".to_owned(),
            Self::Ipv4Prefix => "IPv4 prefix, A.B.C.D/LENGTH".to_owned(),
            Self::Ipv6Prefix => "IPv6 prefix, X:X::X/LENGTH".to_owned(),
            Self::Mac => "MAC address, xx:xx:xx:xx:xx:xx or xxxx.xxxx.xxxx".to_owned(),
            Self::Nai => "[user]@realm, at most 125 characters".to_owned(),
            Self::NodeNai => "user@realm, at most 125 characters".to_owned(),
            Self::Keyword(words) => {
                let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                words.join(", ")
            }
            Self::Spelled(words) => {
                let words: Vec<&str> = words.iter().map(|(word, ..)| *word).collect();
                words.join(", ")
            }
            Self::Named(names) => {
                let names: Vec<&str> = names.iter().map(|(name, ..)| *name).collect();
                names.join(", ")
            }
            Self::Line { max } => format!("the rest of the line, at most {max} characters"),
            Self::Interface => "interface name".to_owned(),
            Self::Device => "name of a Linux device, at most 15 characters".to_owned(),
            Self::InterfaceType => "interface type, then its number".to_owned(),
            Self::InterfaceNumber => "interface number, as 0/0/0".to_owned(),
            Self::SecretText => {
                "1-125 characters; in double quotes when blanks are in it".to_owned()
            }
            Self::SecretHex => "pairs of hexadecimal digits, 2-128 digits".to_owned(),
            Self::SecretObfuscated => "obfuscated key, as show running-config prints it".to_owned(),
        }
    }

    /// What such a word names, when it is the name of something that exists.
    pub(crate) fn names(&self) -> Option<&'static str> {
        match self {
            Self::Known { what, .. } => Some(what),
            Self::Interface | Self::Device => Some("interface"),
            Self::Nai | Self::NodeNai => Some("node"),
            _ => None,
        }
    }

    /// Whether it is one of some fixed words.
    pub(crate) fn is_choice(&self) -> bool {
        matches!(self, Self::Keyword(_) | Self::Spelled(_) | Self::Named(_))
    }

    /// The fixed words that it is one of, each with what it stands for and its help.
    pub(crate) fn choices(&self) -> impl Iterator<Item = (&'static str, Datum, &'static str)> {
        let keywords = if let Self::Keyword(words) = *self { words } else { &[] };
        let spelled = if let Self::Spelled(words) = *self { words } else { &[] };
        let named = if let Self::Named(names) = *self { names } else { &[] };
        let keywords = keywords.iter().map(|(word, help)| (*word, Datum::Word(word), *help));
        let spelled = spelled.iter().map(|(word, meant, help)| (*word, Datum::Word(meant), *help));
        let named =
            named.iter().map(|(name, number, help)| (*name, Datum::Integer(*number), *help));
        keywords.chain(spelled).chain(named)
    }

    /// Whether it is this one's place to say `datum`: a word of another choice is not.
    pub(crate) fn may_be(&self, datum: &Datum) -> bool {
        match (self, datum) {
            (Self::Keyword(_) | Self::Spelled(_), Datum::Word(_)) => {
                self.choices().any(|(_, meant, _)| meant == *datum)
            }
            (Self::Keyword(_) | Self::Spelled(_), _) => false,
            (_, Datum::Word(_)) => false,
            _ => true,
        }
    }

    /// Whether words of this kind must not be shown.
    pub(crate) fn is_secret(&self) -> bool {
        matches!(self, Self::SecretText | Self::SecretHex | Self::SecretObfuscated)
    }
}

/// Text as one word of the language: in double quotes when it would not be read as it stands.
pub(crate) fn quoted(text: &str) -> String {
    let plain = !text.is_empty()
        && !text.starts_with(['"', '!', '|'])
        && !text.contains("/*")
        && !text.contains(char::is_whitespace);
    if plain {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn split_prefix<A: FromStr>(word: &str, longest: u8) -> Option<(A, u8)> {
    let (address, length) = word.split_once('/')?;
    let length = u8::try_from(decimal(length)?).ok()?;
    Some((address.parse().ok()?, length)).filter(|(_, length)| *length <= longest)
}

fn decimal(word: &str) -> Option<u64> {
    if word.bytes().all(|b| b.is_ascii_digit()) { word.parse().ok() } else { None }
}

fn is_nai(word: &str) -> bool {
    let printable = word.chars().all(|c| !c.is_control() && !c.is_whitespace());
    printable
        && word.len() <= 125
        && word.rsplit_once('@').is_some_and(|(_, realm)| !realm.is_empty())
}

/// The vendors' names are longer than Linux allows and have slashes.
fn is_interface(word: &str) -> bool {
    (1..=64).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_graphic())
}

/// Whether a Linux device can have this name: 1 to 15 octets, none of them a blank, `/` or `:`
/// (dev_valid_name in the kernel).
pub fn is_device(word: &str) -> bool {
    let fits = |b: u8| b.is_ascii_graphic() && b != b'/' && b != b':';
    (1..=15).contains(&word.len()) && !matches!(word, "." | "..") && word.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_held_to_their_range_and_to_digits() {
        let value = Value::Integer { min: 10, max: 65535, unit: "seconds" };
        assert_eq!(value.read("10"), Some(Datum::Integer(10)));
        for text in ["9", "65536", "", "+10", "-10", "1e2", "99999999999999999999999"] {
            assert_eq!(value.read(text), None, "{text}");
        }
    }

    #[test]
    fn a_security_parameter_index_is_hexadecimal() {
        assert_eq!(Value::Hex32.read("87E"), Some(Datum::Integer(0x87e)));
        assert_eq!(Value::Hex32.read("0x67"), Some(Datum::Integer(0x67)));
        assert_eq!(Value::Hex32.print(&Datum::Integer(0x87e)), "87E");
        for text in ["0", "", "0x", "100000000", "key", "+1"] {
            assert_eq!(Value::Hex32.read(text), None, "{text}");
        }
    }

    #[test]
    fn an_identifier_needs_a_realm() {
        for text in ["example@cisco", "@CUST1", "a@b@c.example"] {
            assert!(Value::Nai.read(text).is_some(), "{text}");
        }
        for text in ["", "@", "user", "user@", "a b@c"] {
            assert_eq!(Value::Nai.read(text), None, "{text}");
            assert_eq!(Value::NodeNai.read(text), None, "{text}");
        }
        assert!(Value::NodeNai.read("@CUST1").is_none());
    }

    #[test]
    fn a_device_has_a_name_that_linux_allows() {
        for text in ["eth0", "wlan0.100", "veth-a_b@c", "fifteen-octets1"] {
            assert!(Value::Device.read(text).is_some(), "{text}");
        }
        for text in ["", ".", "..", "GigabitEthernet0/0/0", "sixteen-octets16", "a:1"] {
            assert_eq!(Value::Device.read(text), None, "{text}");
        }
    }

    #[test]
    fn text_that_would_be_read_differently_is_quoted() {
        assert_eq!(quoted("eth0"), "eth0");
        assert_eq!(quoted("a b"), "\"a b\"");
        assert_eq!(quoted(r#""\"#), r#""\"\\""#);
        assert_eq!(quoted("!x"), "\"!x\"");
    }
}
