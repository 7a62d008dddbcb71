//! One Mobility Header, borrowed or owned.

use crate::message::Message;
use crate::option::{MnIdOption, Options, OptionsRef};
use crate::{DecodeError, Encoded, Encoder, header};

/// A received message that borrows the octets it was read from. Reading it allocates nothing.
#[derive(Clone, Debug)]
pub struct PacketRef<'a> {
    /// The message's fixed part.
    pub message: Message<'a>,
    /// Its options, all of them valid.
    pub options: OptionsRef<'a>,
}

/// A message that owns its content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packet {
    /// The message's fixed part.
    pub message: Message<'static>,
    /// Its options; an unknown message has them in its data instead.
    pub options: Options,
}

impl<'a> PacketRef<'a> {
    /// Reads a message from its Payload Proto octet on. The checksum is not looked at: over IPv4
    /// there is none, see [`verify_checksum`](crate::verify_checksum).
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (mh_type, mut data) = header::decode(bytes)?;
        let message =
            Message::decode(mh_type, &mut data).map_err(|e| header::too_short(e, bytes))?;
        Ok(Self { message, options: OptionsRef::decode(data)? })
    }

    /// The first identifier in a message of which nothing else is looked at, and which may be no
    /// message at all.
    pub fn peek_mn_id(bytes: &'a [u8]) -> Option<MnIdOption<'a>> {
        let (mh_type, mut data) = header::decode(bytes).ok()?;
        Message::decode(mh_type, &mut data).ok()?;
        OptionsRef::unchecked(data).get()
    }

    /// The message, borrowing nothing.
    pub fn into_owned(self) -> Packet {
        Packet { message: self.message.into_owned(), options: self.options.to_owned() }
    }
}

impl Packet {
    /// Reads a message as [`PacketRef::decode`] does.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        PacketRef::decode(bytes).map(PacketRef::into_owned)
    }

    /// Appends the message to `out`, its Checksum field zero, its options padded as they ask.
    pub fn encode(&self, out: &mut Vec<u8>) -> Encoded {
        let mut encoder = Encoder::new(out, self.message.clone());
        for option in &self.options {
            encoder.option(option);
        }
        encoder.finish()
    }
}
