//! What the poller calls each descriptor of the loop.
//!
//! The upper half says whose it is, the lower half which of them.

use kedge_net::poll::Token;

/// Requests of the management API wait.
pub const API: Token = Token(0);
/// A signal has arrived.
pub const SIGNAL: Token = Token(1);
/// The kernel has changed something.
pub const KERNEL: Token = Token(2);
/// A forwarder has ended.
pub const FORWARDER: Token = Token(3);
/// The first signalling socket of the anchor; the others follow.
pub const ANCHOR: Token = Token(1 << 32);
/// The first signalling socket of the gateway.
pub const GATEWAY: Token = Token(2 << 32);
/// The first access interface of the gateway.
pub const ACCESS: Token = Token(3 << 32);
/// The first mobile network of the gateway.
pub const NETWORK: Token = Token(4 << 32);
/// The first socket to a RADIUS server.
pub const AAA: Token = Token(5 << 32);
/// The first socket where RADIUS servers ask for changes.
pub const DYNAMIC: Token = Token(6 << 32);

/// Whose a descriptor is: the first that its owner has.
pub fn first(token: Token) -> Token {
    Token(token.0 >> 32 << 32)
}

/// Which of its owner's it is, counted from the first.
pub fn place(token: Token) -> usize {
    token.0 as u32 as usize // the lower half
}
