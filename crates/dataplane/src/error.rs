//! What the host, or the wanted state itself, can refuse.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use kedge_model::{BindingId, VrfId, World};

use crate::places::MOST_PLACES;

/// Why a data plane could not start or could not make a change. The text names the thing that
/// failed and, where there is one, the way out.
#[derive(Debug, thiserror::Error)]
pub enum DataplaneError {
    /// The inner addresses of a binding belong to a routing world without a device.
    #[error("binding {}: no device for the routing world {}", .binding.0, .vrf.0)]
    UnknownVrf {
        /// The binding that was refused.
        binding: BindingId,
        /// The world it named.
        vrf: VrfId,
    },
    /// A policy is for a routing world without a device.
    #[error("no device for the routing world {}", .vrf.0)]
    NoDevice {
        /// The world.
        vrf: VrfId,
    },
    /// A tunnel starts at an address this data plane does not serve.
    #[error("binding {}: no transport socket at {local} in the routing world {}", .binding.0, .transport.0)]
    UnknownLocal {
        /// The binding that was refused.
        binding: BindingId,
        /// The world of the outer packets.
        transport: VrfId,
        /// The address, with the UDP port where UDP carries the tunnel and 0 elsewhere.
        local: SocketAddr,
    },
    /// The two ends of a tunnel are of different address families.
    #[error("binding {}: a tunnel cannot go from {local} to {peer}", .binding.0)]
    MixedFamilies {
        /// The binding that was refused.
        binding: BindingId,
        /// The near end.
        local: IpAddr,
        /// The far end.
        peer: IpAddr,
    },
    /// Another binding of the same routing world holds this prefix.
    #[error("binding {}: {prefix} belongs to binding {}", .binding.0, .holder.0)]
    PrefixTaken {
        /// The binding that was refused.
        binding: BindingId,
        /// The prefix both want.
        prefix: IpNet,
        /// Who has it.
        holder: BindingId,
    },
    /// None of a binding's paths has a weight, so its packets have nowhere to go.
    #[error("binding {}: no path with a weight", .binding.0)]
    NoPath {
        /// The binding that was refused.
        binding: BindingId,
    },
    /// There are as many as there can be.
    #[error("no more than {MOST_PLACES} {what} are possible")]
    Full {
        /// Of what.
        what: &'static str,
    },
    /// A device or a kernel facility is missing on this host.
    #[error("{what} is missing: {remedy}")]
    Missing {
        /// A path or a name.
        what: String,
        /// What makes it appear.
        remedy: &'static str,
        /// What the kernel said.
        #[source]
        source: std::io::Error,
    },
    /// The process lacks a privilege.
    #[error("not permitted to {action}: {capability} is needed")]
    NotPermitted {
        /// What was tried.
        action: String,
        /// The capability that allows it.
        capability: &'static str,
        /// What the kernel said.
        #[source]
        source: std::io::Error,
    },
    /// Another socket has the address and port.
    #[error("{local} is in use by another program")]
    AddressInUse {
        /// The address and port.
        local: SocketAddr,
        /// What the kernel said.
        #[source]
        source: std::io::Error,
    },
    /// The host has no such address.
    #[error("{local} is no address of {world}")]
    AddressUnavailable {
        /// Where it was looked for.
        world: World,
        /// The address.
        local: IpAddr,
        /// What the kernel said.
        #[source]
        source: std::io::Error,
    },
    /// So many files are open that no more may be.
    #[error("cannot {action}: {limit}")]
    TooManyFiles {
        /// What was tried.
        action: String,
        /// Which limit was hit, and how it is raised.
        limit: String,
        /// What the kernel said.
        #[source]
        source: std::io::Error,
    },
    /// A routing world is not there, or cannot be entered.
    #[error("{0}")]
    World(String),
    /// Anything else the kernel refused.
    #[error("cannot {action}: {source}")]
    Host {
        /// What was tried, and on what.
        action: String,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// The forwarder has ended; nothing is forwarded any more.
    #[error("the forwarder has stopped")]
    Stopped,
    /// The `chaos` backend fails on purpose.
    #[error("failed on purpose")]
    OnPurpose,
}
