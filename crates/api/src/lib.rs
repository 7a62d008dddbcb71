//! The management API: one JSON object a line, one answer for each request, over a Unix socket and,
//! where it is configured, over TCP with TLS and tokens.
//!
//! ```text
//!   kedge, scripts             kedge-api::Server                            kedged
//!   ┌────────┐  line   ┌──────────────────────────┐  bounded channel  ┌──────────────┐
//!   │ Client │ ──────► │ one thread a connection  │ ─── Call, wake ─► │ its one loop │
//!   │        │ ◄────── │ (at most 32), deadlines  │ ◄── Outcome ───── │              │
//!   └────────┘  line   └──────────────────────────┘                   └──────────────┘
//! ```
//!
//! The daemon parses, completes and renders; a client sends a line as it was typed and prints
//! what comes back. Nothing a client does can hold up the daemon's loop: it takes a [`Call`]
//! when it has time for one and its answer never waits for the client to read.
//!
//! ```text
//! {"version":1,"id":7,"command":"show ipv6 mobile pmipv6 lma bindings","format":"json"}
//! {"version":1,"id":7,"status":"ok","data":{"bindings":[]}}
//! ```

mod client;
mod fold;
mod frame;
mod message;
mod private;
mod server;

pub use client::{Client, ClientError, Daemon, Remote};
pub use fold::fold;
pub use message::{
    Answer, AnswerError, Ask, Format, Outcome, Refusal, Reply, Request, RequestError, Word,
};
pub use server::{
    BindError, Call, Caller, Carried, ClientId, RemoteAccess, RemoteCounters, RemoteError, Server,
    Work,
};

/// The version both sides must speak; a request of any other version is refused.
pub const VERSION: u32 = 1;

/// Where the daemon listens unless it is told otherwise.
pub const DEFAULT_SOCKET: &str = "/run/kedge/kedge.sock";

/// Octets of the longest request, its newline included: a configuration of some ten thousand
/// customers may be in it.
pub const MAX_REQUEST: usize = 16 * 1024 * 1024;

/// Octets of the longest answer that a client reads, its newline included.
pub const MAX_ANSWER: usize = 256 * 1024 * 1024;
