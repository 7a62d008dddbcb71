//! Servers with what they are secured with.

use kedge_config::RadiusTls;
use kedge_radius::Server;

use super::tls::{Client, TlsError};

/// A server as it is configured.
#[derive(Clone, Debug)]
pub struct PlannedServer {
    /// The server.
    pub server: Server,
    /// How it is reached over TLS, if it is.
    pub tls: Option<RadiusTls>,
}

/// Servers whose files are read.
#[derive(Debug, Default)]
pub struct Secured {
    /// The servers.
    pub servers: Vec<Server>,
    /// What each is secured with.
    pub tls: Vec<Option<Client>>,
}

/// The files of servers over TLS are read.
pub fn secure(planned: &[PlannedServer]) -> Result<Secured, TlsError> {
    let mut secured = Secured::default();
    for PlannedServer { server, tls } in planned {
        let address = server.accounting.or(server.authentication).map(|at| at.ip());
        let tls = tls.as_ref().zip(address).map(|(tls, at)| Client::load(tls, at));
        secured.tls.push(tls.transpose()?);
        secured.servers.push(server.clone());
    }
    Ok(secured)
}
