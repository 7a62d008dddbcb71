//! Writing a message, option by option, into a buffer of the caller's.
//!
//! ```
//! # use kedge_wire::{BaFlags, BindingAcknowledgement, Encoder, HandoffIndicator};
//! # use kedge_wire::registry::{HandoffIndicatorValue, Status};
//! # use kedge_model::{Lifetime, Sequence};
//! let mut out = Vec::new();
//! let mut encoder = Encoder::new(&mut out, BindingAcknowledgement {
//!     status: Status::ACCEPTED,
//!     flags: BaFlags::P,
//!     sequence: Sequence(7),
//!     lifetime: Lifetime::from_secs(3600),
//! });
//! encoder.option(HandoffIndicator(HandoffIndicatorValue::NEW_INTERFACE));
//! encoder.finish();
//! assert_eq!(out, *b"\x3b\x01\x06\0\0\0\0\x20\0\x07\x03\x84\x17\x02\0\x01");
//! ```

use crate::Writer;
use crate::header::{self, MAX_UNSIGNED};
use crate::message::Message;
use crate::option::{Align, MobilityOption};
use crate::registry::OptionType;

/// A message being written. It is complete only once [`Encoder::finish`] has been called.
#[derive(Debug)]
#[must_use = "a message without its length is not one"]
pub struct Encoder<'o> {
    out: &'o mut Vec<u8>,
    /// Where the message begins in `out`.
    start: usize,
    omitted: usize,
}

/// What was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Encoded {
    /// The message's length in octets.
    pub len: usize,
    /// How many options found no room: a message ends at [`MAX_UNSIGNED`], and one that answers
    /// a peer's full message with more options than it had can get there.
    pub omitted: usize,
}

impl<'o> Encoder<'o> {
    /// Appends a header and the message's fixed part to `out`. The Checksum field is zero.
    pub fn new<'a>(out: &'o mut Vec<u8>, message: impl Into<Message<'a>>) -> Self {
        let start = out.len();
        let message = message.into();
        header::encode(message.mh_type(), out);
        message.encode(&mut Writer::new(out));
        Self { out, start, omitted: 0 }
    }

    /// Adds an option, behind the padding that its alignment takes.
    pub fn option<'a>(&mut self, option: impl Into<MobilityOption<'a>>) {
        let option = option.into();
        let before = self.out.len();
        pad(self.out, MobilityOption::alignment(option.kind()).padding(before - self.start));
        option.encode(self.out);
        if self.out.len() - self.start > MAX_UNSIGNED {
            self.out.truncate(before);
            self.omitted += 1;
        }
    }

    /// Pads the message to a multiple of 8 octets and sets its Header Len.
    pub fn finish(self) -> Encoded {
        const END: Align = Align { multiple: 8, offset: 0 };
        pad(self.out, END.padding(self.out.len() - self.start));
        let message = self.out.get_mut(self.start..).unwrap_or_default();
        header::set_len(message);
        Encoded { len: message.len(), omitted: self.omitted }
    }
}

/// Appends padding: RFC 6275 §6.2.2 wants one PadN rather than several Pad1.
pub(crate) fn pad(out: &mut Vec<u8>, len: usize) {
    match u8::try_from(len) {
        Ok(0) => {}
        Ok(1) => out.push(OptionType::PAD1.0),
        // No alignment asks for more than seven octets.
        Ok(len) => {
            out.extend_from_slice(&[OptionType::PADN.0, len - 2]);
            out.resize(out.len() + usize::from(len) - 2, 0);
        }
        Err(_) => {}
    }
}
