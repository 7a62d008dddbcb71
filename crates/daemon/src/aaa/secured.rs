//! Servers with what they are secured with.

use kedge_config::RadiusTls;
use kedge_radius::Server;
use rustls::pki_types::ServerName;

use super::tls::{Client, TlsError};

/// A server as it is configured.
#[derive(Clone, Debug)]
pub struct PlannedServer {
    /// The server.
    pub server: Server,
    /// How it is reached over TLS, and who it is then, if it is.
    pub tls: Option<(RadiusTls, ServerName<'static>)>,
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
        let tls = tls.as_ref().map(|(tls, name)| Client::load(tls, name.clone()));
        secured.tls.push(tls.transpose()?);
        secured.servers.push(server.clone());
    }
    Ok(secured)
}
