//! Why a configuration cannot run.

use std::fmt;
use std::net::IpAddr;

use kedge_model::World;

/// Everything that was found to keep a configuration from running.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unfit(pub Vec<ApplyError>);

impl Unfit {
    /// Whether it may be a part of a configuration, and all that it lacks is in the others.
    pub fn is_absence(&self) -> bool {
        self.0.iter().all(ApplyError::is_absence)
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<String> = self.0.iter().map(ApplyError::to_string).collect();
        f.write_str(&faults.join("; "))
    }
}

impl std::error::Error for Unfit {}

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
    /// An anchor without an address.
    #[error(
        "{section} lma {lma}: no address is configured; add 'ipv4 address A' or 'ipv6 address A'"
    )]
    NowhereAnchor {
        /// The block.
        section: String,
        /// The anchor.
        lma: String,
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
    /// A routing world that is named and not said where it is.
    #[error("vrf {vrf}: {why}")]
    NoWorld {
        /// Its name.
        vrf: String,
        /// What is missing.
        why: &'static str,
    },
    /// A routing world in a namespace that there cannot be.
    #[error(
        "vrf {vrf}: no network namespace can be named '{netns}': it is a file's name below /run/netns"
    )]
    NoNamespace {
        /// Its name.
        vrf: String,
        /// The name of the namespace.
        netns: String,
    },
    /// A routing world in two places.
    #[error("vrf {vrf}: 'netns' and 'device' exclude each other")]
    TwoWorlds {
        /// Its name.
        vrf: String,
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
    /// A RADIUS server whose certificate can have no such name.
    #[error(
        "radius-server host {server}: server-name {name}: neither a host's name nor an address"
    )]
    NoServerName {
        /// The server.
        server: IpAddr,
        /// The name.
        name: String,
    },
    /// A port for RADIUS servers that signalling or tunnels have.
    #[error(
        "aaa server radius dynamic-author: port {port} is the port of {whose}: choose another one"
    )]
    TakenPort {
        /// The port.
        port: u16,
        /// Who has it.
        whose: &'static str,
    },
    /// More addresses or devices than the data plane has places for.
    #[error(
        "{count} {what} are configured: no more than {} are possible",
        kedge_dataplane::MOST_PLACES
    )]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
    },
    /// Accounting for a group of servers that there is not.
    #[error("aaa accounting: there is no group {group} of servers; 'radius' is all of them")]
    NoGroup {
        /// The group.
        group: String,
    },
}

impl ApplyError {
    /// Whether lines are only missing that another file may have, as those that a document's
    /// example leaves out. Whatever else is wrong is wrong in a part, too.
    pub fn is_absence(&self) -> bool {
        match self {
            Self::NoAddress { .. }
            | Self::NowhereAnchor { .. }
            | Self::NoAnchor { .. }
            | Self::NoWorld { .. }
            | Self::NoAccessList { .. }
            | Self::NoPool { .. } => true,
            Self::UnreachableAnchor { .. }
            | Self::SharedAddress { .. }
            | Self::NoNamespace { .. }
            | Self::TwoWorlds { .. }
            | Self::TakenWorld { .. }
            | Self::TakenAddress { .. }
            | Self::TooManyCustomers
            | Self::SeveralTransports { .. }
            | Self::AddressOutsideVrf { .. }
            | Self::OpenManagement { .. }
            | Self::UnfitServer { .. }
            | Self::NoServerName { .. }
            | Self::TakenPort { .. }
            | Self::TooMany { .. }
            | Self::NoGroup { .. } => false,
        }
    }
}
