//! RADIUS (RFC 2865, 2866, 2869, 5176, and the Proxy Mobile IPv6 attributes of RFC 6572): the
//! codec, the authenticators, and a client as a machine without input and output.
//!
//! This crate is pure: it opens no socket, reads no clock, starts no thread. Whoever drives
//! [`Client`] keeps one contract: **after every input, drain [`Client::poll_output`] until it is
//! empty, then wait until [`Client::poll_timeout`] or the next input.**
//!
//! ```text
//!                          ┌──────────────────────────────┐
//!   request(ticket) ──────►│ Client: identifiers, retries,│──► Output::Send to a server
//!   handle_datagram ──────►│ fail-over, dead servers      │──► Output::Done with the ticket
//!   handle_timeout ───────►└──────────────────────────────┘
//! ```
//!
//! Every Access-Request carries a Message-Authenticator as its first attribute, and an answer to
//! one needs it unless the server is excepted: without it the answer of RFC 2865 can be forged
//! (the attack of 2024 on MD5 in RADIUS).

mod attribute;
mod authenticator;
mod change;
mod client;
mod code;
mod dynamic;
mod gates;
mod identifiers;
mod lengths;
mod packet;
mod profile;
mod queue;
mod ready;
mod request;
mod server;
mod servers;
mod window;

pub use attribute::{Attribute, AttributeType, prefix, read_prefix};
pub use authenticator::{Forged, Secret};
pub use change::{ErrorCause, Nas, Subject, Wanted};
pub use client::{Client, Failure, Output, Port};
pub use code::Code;
pub use dynamic::{Asked, Dynamic, DynamicCounters, DynamicError};
pub use identifiers::SOCKETS;
pub use packet::{DecodeError, MAX_LEN, Packet, PacketRef, TooLong, attributes};
pub use profile::{
    IP4_HOA_ONLY_SUPPORTED, IP4_HOA_SUPPORTED, NotAuthorized, PMIP6_SUPPORTED, Profile,
};
pub use queue::{AccountingCounters, Held, Kind, Pushed, Queue, Unanswered};
pub use request::{Request, Work};
pub use server::{Counters, Server, ServerState};
