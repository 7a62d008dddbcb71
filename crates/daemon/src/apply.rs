//! From the configuration to what the machines are told.
//!
//! The machines do not know the language and the language does not know the machines; this is
//! the one place that knows both.

mod anchor;
mod gateway;
mod management;
mod radius;

use std::net::IpAddr;

use kedge_config::{AuthOption, Dscp, Heartbeat};
use kedge_sansio::Rhythm;
use kedge_wire::auth::Key;

pub use anchor::{AnchorPlan, anchor};
pub use gateway::{GatewayPlan, gateway, profile as node_profile};
pub use management::management;
pub use radius::{RadiusPlan, radius};

/// The largest packet that a transport network is taken to carry.
const LINK_MTU: u16 = 1500;

/// Why a configuration that reads well cannot run.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ApplyError {
    /// A gateway or an anchor without an address of its own.
    #[error("{section}: no address is configured; add 'address ipv4 A' or 'address ipv6 A'")]
    NoAddress {
        /// The block.
        section: String,
    },
    /// An anchor that the gateway cannot send to.
    #[error(
        "{section} lma {lma}: no address of a family that the gateway has an address of; \
         it has {have}"
    )]
    UnreachableAnchor {
        /// The block.
        section: String,
        /// The anchor.
        lma: String,
        /// The gateway's addresses.
        have: String,
    },
    /// A gateway without an anchor.
    #[error("{section}: no anchor is configured; add 'lma ID DOMAIN' with its address")]
    NoAnchor {
        /// The block.
        section: String,
    },
    /// An anchor and a gateway that want one address.
    #[error("{address} cannot be the anchor's and the gateway's address: give each its own")]
    SharedAddress {
        /// The address.
        address: IpAddr,
    },
    /// A port for management without all that it takes.
    #[error("management-api: '{command}' is missing; clients are let in with TLS and tokens only")]
    OpenManagement {
        /// What it lacks.
        command: &'static str,
    },
    /// A RADIUS server that cannot be asked.
    #[error("radius-server host {server}: '{command}' is missing")]
    UnfitServer {
        /// The server.
        server: IpAddr,
        /// What it lacks.
        command: &'static str,
    },
    /// Accounting for a group of servers that there is not.
    #[error("aaa accounting: there is no group {group} of servers; 'radius' is all of them")]
    NoGroup {
        /// The group.
        group: String,
    },
    /// Neither an anchor nor a gateway.
    #[error(
        "nothing to run: add 'ipv6 mobile pmipv6-lma ID domain NAME' for an anchor or \
         'ipv6 mobile pmipv6-mag ID domain NAME' for a gateway"
    )]
    Nothing,
}

impl ApplyError {
    /// Whether something is only missing, which another file may have.
    pub fn is_absence(&self) -> bool {
        match self {
            Self::NoAddress { .. }
            | Self::UnreachableAnchor { .. }
            | Self::NoAnchor { .. }
            | Self::OpenManagement { .. }
            | Self::UnfitServer { .. }
            | Self::Nothing => true,
            Self::SharedAddress { .. } | Self::NoGroup { .. } => false,
        }
    }
}

/// The key of an `auth-option`.
fn key(auth: &AuthOption) -> Key {
    Key::new(auth.spi, auth.key.expose())
}

fn rhythm(heartbeat: Heartbeat) -> Rhythm {
    let Heartbeat { interval, retries, timeout } = heartbeat;
    Rhythm { interval, timeout, allowed: retries }
}

fn marking(dscp: Option<Dscp>) -> Option<(u8, bool)> {
    dscp.map(|dscp| (dscp.value, dscp.force))
}

fn families(addresses: &[IpAddr]) -> String {
    let list: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
    list.join(", ")
}
