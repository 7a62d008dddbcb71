//! Why the daemon does not start, or does not take a configuration: what each part refuses, for an
//! operator to read.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

use kedge_api::{BindError, RemoteError};
use kedge_dataplane::DataplaneError;
use kedge_model::World;
use kedge_net::NetError;

use crate::aaa::TlsError;
use crate::apply::Unfit;
use crate::ends::EndsError;
use crate::gateway::{SharedInterface, Unusable};
use crate::key_file::KeyFileError;
use crate::os_error::reason;
use crate::state_dir::StateError;

/// Why the daemon did not start. The text is what an operator reads.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration cannot be read.
    #[error("configuration {path}: {} (--config FILE chooses another)", reason(cause))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        cause: io::Error,
    },
    /// The configuration has mistakes; they are printed already.
    #[error("configuration {path}: {count} {}; nothing was started", if *.count == 1 { "error" } else { "errors" })]
    Mistakes {
        /// The file.
        path: PathBuf,
        /// How many.
        count: usize,
    },
    /// The configuration cannot run.
    #[error("configuration {path}: {cause}")]
    Unfit {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: Unfit,
    },
    /// The commits cannot be kept.
    #[error("history of commits in {path}: {}", reason(cause))]
    History {
        /// The directory.
        path: PathBuf,
        /// What the kernel said.
        cause: io::Error,
    },
    /// The process lacks privileges.
    #[error("missing privileges: {0}; run as root, or let the service manager grant them")]
    Privileges(String),
    /// The state directory cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// Another daemon runs here.
    #[error("another kedged runs in this network namespace; one daemon can be anchor and gateway")]
    Occupied,
    /// The management socket cannot be used.
    #[error(transparent)]
    Api(#[from] BindError),
    /// An interface cannot have nodes and anchors.
    #[error(transparent)]
    SharedInterface(#[from] SharedInterface),
    /// The port for management clients of other hosts cannot be used.
    #[error("management-api: {0}")]
    Remote(#[from] RemoteError),
    /// An address is not this host's.
    #[error("{address} is no address of {}, or not yet", if *.world == World::Own { "this host".to_owned() } else { world.to_string() })]
    NoSuchAddress {
        /// The address.
        address: IpAddr,
        /// Where it was looked for.
        world: World,
    },
    /// An access interface cannot be one.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// The kernel refused something.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The ends of a service cannot be had.
    #[error(transparent)]
    Ends(#[from] EndsError),
    /// A key that is in a file cannot be had.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// A RADIUS server cannot be asked over TLS.
    #[error("radius-server: {0}")]
    RadiusTls(#[from] TlsError),
    /// The port where RADIUS servers ask for changes cannot be had.
    #[error("aaa server radius dynamic-author: port {port}: {cause}")]
    DynamicAuthor {
        /// The port.
        port: u16,
        /// Why.
        cause: io::Error,
    },
    /// The data plane has stopped.
    #[error("data plane: {0}")]
    Dataplane(#[from] DataplaneError),
}
