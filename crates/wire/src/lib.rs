//! The Mobility Header (RFC 6275 §6.1) as Proxy Mobile IPv6 speaks it: octets in, values out,
//! and back.
//!
//! This crate is pure: it keeps no state, reads no clock, opens no socket. A message is read
//! in one of two ways. [`PacketRef`] borrows the received octets and allocates nothing; it is
//! what a machine uses for the messages that come by the thousand. [`Packet`] owns its content.
//! Both are made by one decoder. Messages are written by [`Encoder`], into a buffer of the
//! caller's.
//!
//! **Guarantees.** Decoding never panics and never reads beyond the octets it was given, whatever
//! they are. A value that decoding returns is valid: lengths fit, prefix lengths are in range, so
//! nothing is left to validate but policy. Encoding never panics and always leaves a well-formed
//! message. `decode(encode(x)) == x` for every message this crate can hold, as long as it fits
//! [`MAX_UNSIGNED`].
//!
//! **Strict in what is sent, tolerant in what is received.** Options are aligned and padded as
//! their RFCs ask, counted from the start of the Mobility Header; reserved bits are sent as zero.
//! A receiver accepts any alignment, ignores reserved bits and the content of padding, and keeps
//! messages and options it does not know (RFC 6275 §6.2.1).
//!
//! Standards: RFC 6275 (framing and base messages), RFC 5213, 5844 and 5845 (options of the
//! proxy), RFC 5846 (revocation), RFC 5847 (heartbeat), RFC 4283 (identifier), RFC 4285
//! (authentication, module [`auth`]), RFC 5149, 6602, 7148 and 8278 (further options).

pub mod auth;
mod checksum;
mod encoder;
mod error;
mod flags;
mod header;
pub mod message;
pub mod option;
mod packet;
mod reader;
pub mod registry;
mod writer;

pub use checksum::{checksum, set_checksum, verify_checksum};
pub use encoder::{Encoded, Encoder};
pub use error::{DecodeError, Fault};
pub use header::{MAX_LEN, MAX_UNSIGNED};
pub use message::{
    BaFlags, BindingAcknowledgement, BindingError, BindingRefreshRequest,
    BindingRevocationAcknowledgement, BindingRevocationIndication, BindingUpdate, BuFlags,
    Heartbeat, HeartbeatFlags, Message, RevocationFlags, UnknownMessage,
};
pub use option::*;
pub use packet::{Packet, PacketRef};
pub use reader::Reader;
pub use writer::Writer;
