//! How options follow one another: the one place that knows Type, Length and padding.
//!
//! ```text
//! |  Option Type  | Option Length |   Option Data...          (RFC 6275 §6.2.1)
//! |  0 (Pad1)     |                                           (RFC 6275 §6.2.2)
//! |  1 (PadN)     |      N-2      |   N-2 octets, ignored     (RFC 6275 §6.2.3)
//! ```
//!
//! Length counts the octets of the data, except in the two multicast options of RFC 7411: there
//! it counts 32-bit words, and two octets of the data are not counted. A walker that does not
//! know this loses its place behind them.

use std::fmt;

use super::{MobilityOption, OptionBody};
use crate::registry::OptionType;
use crate::{DecodeError, Reader};

/// Options of a received message, in their order, not copied.
///
/// They were all decoded once when the message was, so that walking them cannot fail.
#[derive(Clone, Copy)]
pub struct OptionsRef<'a> {
    bytes: &'a [u8],
    /// Octets from the start of the Mobility Header to the first option.
    offset: usize,
}

/// The options of a message one after the other, without its padding.
#[derive(Clone, Debug)]
pub struct OptionsIter<'a> {
    walk: Walk<'a>,
}

/// Options of a message to be sent, or of one that was received and kept.
///
/// They are held as they stand on the wire, without padding, in one piece of memory.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Options {
    bytes: Vec<u8>,
}

impl<'a> OptionsRef<'a> {
    /// Checks every option of `reader`, which holds what follows a message's fixed part.
    pub(crate) fn decode(reader: Reader<'a>) -> Result<Self, DecodeError> {
        let mut walk = Walk { reader: reader.clone() };
        while let Some(found) = walk.next_raw() {
            let raw = found?;
            MobilityOption::decode(raw.kind, raw.body)?;
        }
        Ok(Self::unchecked(reader))
    }

    /// The options of `reader` as far as they are valid.
    pub(crate) fn unchecked(mut reader: Reader<'a>) -> Self {
        let offset = reader.offset();
        Self { bytes: reader.rest(), offset }
    }

    /// The options in their order.
    pub fn iter(&self) -> OptionsIter<'a> {
        OptionsIter { walk: Walk { reader: Reader::new(self.bytes, self.offset) } }
    }

    /// The first option of a kind.
    pub fn get<T: OptionBody<'a>>(&self) -> Option<T> {
        self.all::<T>().next()
    }

    /// Every option of a kind, in their order.
    pub fn all<T: OptionBody<'a>>(&self) -> impl Iterator<Item = T> + use<'a, T> {
        let mut walk = self.iter().walk;
        std::iter::from_fn(move || {
            loop {
                let mut raw = walk.next_raw()?.ok()?;
                if raw.kind == T::TYPE {
                    return T::decode(&mut raw.body).ok();
                }
            }
        })
    }

    /// Whether there is an option of this number.
    pub fn contains(&self, kind: OptionType) -> bool {
        let mut walk = self.iter().walk;
        std::iter::from_fn(|| walk.next_raw()?.ok()).any(|raw| raw.kind == kind)
    }

    /// The options with the offset of each one's Type octet in the message.
    pub(crate) fn with_offsets(&self) -> impl Iterator<Item = (usize, MobilityOption<'a>)> {
        let mut walk = self.iter().walk;
        std::iter::from_fn(move || {
            let raw = walk.next_raw()?.ok()?;
            Some((raw.offset, MobilityOption::decode(raw.kind, raw.body).ok()?))
        })
    }

    /// The octets from the start of the message to the end of its last option, final padding
    /// left out.
    pub(crate) fn end(&self) -> usize {
        let mut walk = self.iter().walk;
        std::iter::from_fn(|| walk.next_raw()?.ok())
            .last()
            .map_or(self.offset, |raw| raw.body.offset() + raw.body.left())
    }

    /// The options, borrowing nothing.
    pub fn to_owned(self) -> Options {
        self.iter().collect()
    }
}

impl<'a> IntoIterator for OptionsRef<'a> {
    type Item = MobilityOption<'a>;
    type IntoIter = OptionsIter<'a>;

    fn into_iter(self) -> OptionsIter<'a> {
        self.iter()
    }
}

impl fmt::Debug for OptionsRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> Iterator for OptionsIter<'a> {
    type Item = MobilityOption<'a>;

    fn next(&mut self) -> Option<MobilityOption<'a>> {
        let raw = self.walk.next_raw()?.ok()?;
        MobilityOption::decode(raw.kind, raw.body).ok()
    }
}

impl Options {
    /// No options yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an option behind the others.
    pub fn push<'a>(&mut self, option: impl Into<MobilityOption<'a>>) {
        option.into().encode(&mut self.bytes);
    }

    /// The options as a received message's would be.
    pub fn as_ref(&self) -> OptionsRef<'_> {
        OptionsRef { bytes: &self.bytes, offset: 0 }
    }

    /// The options in their order.
    pub fn iter(&self) -> OptionsIter<'_> {
        self.as_ref().iter()
    }

    /// The first option of a kind.
    pub fn get<'a, T: OptionBody<'a>>(&'a self) -> Option<T> {
        self.as_ref().get()
    }

    /// Every option of a kind, in their order.
    pub fn all<'a, T: OptionBody<'a>>(&'a self) -> impl Iterator<Item = T> + use<'a, T> {
        self.as_ref().all()
    }

    /// Whether there is an option of this number.
    pub fn contains(&self, kind: OptionType) -> bool {
        self.as_ref().contains(kind)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

impl<'a> IntoIterator for &'a Options {
    type Item = MobilityOption<'a>;
    type IntoIter = OptionsIter<'a>;

    fn into_iter(self) -> OptionsIter<'a> {
        self.iter()
    }
}

impl<'a, T: Into<MobilityOption<'a>>> Extend<T> for Options {
    fn extend<I: IntoIterator<Item = T>>(&mut self, options: I) {
        options.into_iter().for_each(|option| self.push(option));
    }
}

impl<'a, T: Into<MobilityOption<'a>>> FromIterator<T> for Options {
    fn from_iter<I: IntoIterator<Item = T>>(options: I) -> Self {
        let mut list = Self::new();
        list.extend(options);
        list
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

/// An option cut out, not yet decoded.
struct RawOption<'a> {
    /// Where its Type octet stands.
    offset: usize,
    kind: OptionType,
    body: Reader<'a>,
}

#[derive(Clone, Debug)]
struct Walk<'a> {
    reader: Reader<'a>,
}

impl<'a> Walk<'a> {
    /// The next option that is not padding.
    fn next_raw(&mut self) -> Option<Result<RawOption<'a>, DecodeError>> {
        while self.reader.left() > 0 {
            match self.step() {
                Ok(raw) if matches!(raw.kind, OptionType::PAD1 | OptionType::PADN) => {}
                found => return Some(found),
            }
        }
        None
    }

    fn step(&mut self) -> Result<RawOption<'a>, DecodeError> {
        let offset = self.reader.offset();
        let kind = OptionType(self.reader.u8("option type")?);
        let len = match kind {
            OptionType::PAD1 => 0,
            _ => body_len(kind, self.reader.u8("option length")?),
        };
        Ok(RawOption { offset, kind, body: self.reader.sub(len, "option data")? })
    }
}

/// The octets of data that a Length octet announces.
fn body_len(kind: OptionType, length: u8) -> usize {
    match kind {
        // RFC 7411 §5: in 32-bit words, Option-Code and Reserved not counted.
        OptionType::MULTICAST | OptionType::MULTICAST_ACKNOWLEDGEMENT => {
            2 + 4 * usize::from(length)
        }
        _ => length.into(),
    }
}

/// The Length octet for this much data: [`body_len`] turned round. Every body this crate holds
/// fits, because its constructor checks; the largest Length is what anything longer would get.
pub(super) fn length_octet(kind: OptionType, body_len: usize) -> u8 {
    let length = match kind {
        OptionType::MULTICAST | OptionType::MULTICAST_ACKNOWLEDGEMENT => {
            body_len.saturating_sub(2) / 4
        }
        _ => body_len,
    };
    u8::try_from(length).unwrap_or(u8::MAX)
}

/// Whether a body of this length can be announced at all.
pub(super) fn fits(kind: OptionType, len: usize) -> bool {
    body_len(kind, length_octet(kind, len)) == len
}
