//! What the daemon shows of itself to clients over TCP, and what it asks to be shown: certificate,
//! key and tokens, each a file that may be renewed while it runs.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use super::tokens::Tokens;
use crate::private::{self, reason};

/// How clients come in over TCP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemoteAccess {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The daemon's certificate and those between it and the root, in PEM.
    pub certificate: PathBuf,
    /// Its private key, in PEM; for its owner alone.
    pub key: PathBuf,
    /// Names and hashes of tokens; for its owner alone.
    pub tokens: PathBuf,
}

/// Why clients cannot come in over TCP.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The address or the port.
    #[error("cannot listen at {address}: {}", reason(source))]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// One of the files.
    #[error("{what} {}: {reason}", path.display())]
    File {
        /// What it should hold.
        what: &'static str,
        /// Its name.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The two do not fit together, or are of a kind that is not supported.
    #[error("certificate {} and key {}: {source}", certificate.display(), key.display())]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
}

/// The files as they were read last.
pub(super) struct Papers {
    access: RemoteAccess,
    config: Arc<ServerConfig>,
    pub(super) tokens: Arc<Tokens>,
}

impl Papers {
    pub(super) fn read(access: &RemoteAccess) -> Result<Self, RemoteError> {
        let tokens = Tokens(access.tokens.clone());
        tokens.check().map_err(|error| RemoteError::File {
            what: "tokens",
            path: access.tokens.clone(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            access: access.clone(),
            config: Arc::new(show_with(&access.certificate, &access.key)?),
            tokens: Arc::new(tokens),
        })
    }

    /// The certificate and key that the files hold, or held when they last could be used.
    pub(super) fn renewed(&mut self) -> Arc<ServerConfig> {
        match show_with(&self.access.certificate, &self.access.key) {
            Ok(config) => self.config = Arc::new(config),
            Err(error) => tracing::warn!("the former certificate is still in use: {error}"),
        }
        Arc::clone(&self.config)
    }
}

/// TLS with this certificate.
fn show_with(certificate: &Path, key: &Path) -> Result<ServerConfig, RemoteError> {
    let file = |what, path: &Path, reason: String| {
        let path = path.to_owned();
        RemoteError::File { what, path, reason }
    };
    let wrong = |reason: String| file("certificate", certificate, reason);
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
    let chain: Vec<_> = chain.map_err(|error| wrong(error.to_string()))?;
    if chain.is_empty() {
        return Err(wrong("no certificate is in it".to_owned()));
    }
    let text = private::read(key).map_err(|error| file("key", key, error.to_string()))?;
    let secret = PrivateKeyDer::from_pem_slice(text.as_bytes())
        .map_err(|error| file("key", key, error.to_string()))?;
    ServerConfig::builder().with_no_client_auth().with_single_cert(chain, secret).map_err(
        |source| RemoteError::Pair {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            source,
        },
    )
}
