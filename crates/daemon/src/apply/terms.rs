//! What anchors and gateways say alike.

use kedge_config::{AuthOption, Dscp, Heartbeat};
use kedge_sansio::Rhythm;
use kedge_wire::auth::Key;

/// The largest packet that a transport network is taken to carry.
pub const LINK_MTU: u16 = 1500;

/// IPv6 requires this much of every link (RFC 8200 §5), the tunnels' device included.
pub const MIN_MTU: u16 = 1280;

/// The key of an `auth-option`.
pub fn key(auth: &AuthOption) -> Key {
    Key::new(auth.spi, auth.key.expose())
}

/// How often a peer is asked whether it is there.
pub fn rhythm(heartbeat: Heartbeat) -> Rhythm {
    let Heartbeat { interval, retries, timeout } = heartbeat;
    Rhythm { interval, timeout, allowed: retries }
}

/// The code point, and whether it is forced upon packets that have one.
pub fn marking(dscp: Option<Dscp>) -> Option<(u8, bool)> {
    dscp.map(|dscp| (dscp.value, dscp.force))
}
