//! Why a configuration cannot run.

use std::net::IpAddr;

use kedge_model::World;

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
    /// A routing world that cannot be used.
    #[error("vrf {vrf}: {why}")]
    NoWorld {
        /// Its name.
        vrf: String,
        /// The reason.
        why: &'static str,
    },
    /// Two customers whose nodes would share a routing world under two names.
    #[error("{section}: the vrf {vrf} is the routing world of {owner} by another name")]
    TakenWorld {
        /// The block.
        section: String,
        /// The world's name.
        vrf: String,
        /// Whose it is.
        owner: String,
    },
    /// Two customers that would be reached at one address.
    #[error("{section}: {address} is an address of {owner} in the same routing world")]
    TakenAddress {
        /// The block.
        section: String,
        /// The address.
        address: IpAddr,
        /// Whose it is.
        owner: String,
    },
    /// More customers than there are numbers.
    #[error("there have been as many customers as the daemon can tell apart; start it again")]
    TooManyCustomers,
    /// A gateway whose anchors are in several routing worlds.
    #[error(
        "{section}: its anchors are in more than one routing world; give each 'lma' the same \
         'vrf id NAME', or none"
    )]
    SeveralTransports {
        /// The block.
        section: String,
    },
    /// An address inside and outside of VRF devices, which the kernel does not tell apart.
    #[error(
        "{address} cannot be an address of {world} and of the host outside of VRF devices: give \
         the other one a VRF device or a network namespace, too"
    )]
    AddressOutsideVrf {
        /// The address.
        address: IpAddr,
        /// The VRF device.
        world: World,
    },
    /// A port for management without all that it takes.
    #[error("management-api: '{command}' is missing; clients are let in with TLS and tokens only")]
    OpenManagement {
        /// What it lacks.
        command: &'static str,
    },
    /// An access list on the tunnels that there is not.
    #[error(
        "{section}: there is no access list '{list}' for 'tunnel acl'; add it, or no packet \
             would be refused"
    )]
    NoAccessList {
        /// The block.
        section: String,
        /// Its name.
        list: String,
    },
    /// A network whose addresses are of a pool that there is not.
    #[error("network {network}: there is no pool '{pool}'; add '{syntax}' with that name")]
    NoPool {
        /// The network.
        network: String,
        /// The pool.
        pool: String,
        /// The command that defines one.
        syntax: &'static str,
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
            | Self::NoWorld { .. }
            | Self::OpenManagement { .. }
            | Self::NoAccessList { .. }
            | Self::NoPool { .. }
            | Self::UnfitServer { .. }
            | Self::Nothing => true,
            Self::SharedAddress { .. }
            | Self::TakenWorld { .. }
            | Self::TakenAddress { .. }
            | Self::TooManyCustomers
            | Self::AddressOutsideVrf { .. }
            | Self::SeveralTransports { .. }
            | Self::NoGroup { .. } => false,
        }
    }
}
