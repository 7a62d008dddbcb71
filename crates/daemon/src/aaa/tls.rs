//! A server over TLS (RFC 6614): packets one behind the other in a stream.
//!
//! Nothing here waits. A connection that is being made keeps what is sent meanwhile, up to a
//! bound; one that fails is dropped with what was on its way, which is asked again on another.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use kedge_config::RadiusTls;
use kedge_net::poll::{Interest, Poller, Token};
use kedge_radius::MAX_LEN;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use socket2::{Domain, Socket, Type};

use crate::os_error::reason;

/// The secret of every server over TLS (RFC 6614 §2.3).
pub const SECRET: &[u8] = b"radsec";

/// Octets that wait for a server that takes none.
const MOST_QUEUED: usize = 1 << 20;
/// How often one turn of the loop reads what a server says.
const READS: usize = 64;

/// Octets that nobody can guess.
pub fn random() -> [u8; 16] {
    let mut octets = [0; 16];
    let source = rustls::crypto::ring::default_provider().secure_random;
    source.fill(&mut octets).expect("the kernel has random octets");
    octets
}

/// Why a server cannot be asked over TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// One of the files.
    #[error("{what} {path}: {reason}")]
    File {
        /// What it should hold.
        what: &'static str,
        /// Its name.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The certificate and the key do not fit together, or are not supported.
    #[error("certificate {path}: {cause}")]
    Pair {
        /// The certificate's file.
        path: String,
        /// What is wrong.
        cause: rustls::Error,
    },
}

/// What a server's certificate must be for: the name that is configured, or the address. `None` if
/// nothing can have that name.
pub fn name(tls: &RadiusTls, address: IpAddr) -> Option<ServerName<'static>> {
    match &tls.server_name {
        Some(name) => ServerName::try_from(name.clone()).ok(),
        None => Some(ServerName::IpAddress(address.into())),
    }
}

/// What connections to one server are secured with.
#[derive(Clone, Debug)]
pub struct Client {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Client {
    /// Reads the files.
    pub fn load(tls: &RadiusTls, name: ServerName<'static>) -> Result<Self, TlsError> {
        let path = |file: &Option<String>| file.clone().unwrap_or_default();
        let (authority, certificate, key) =
            (path(&tls.ca_file), path(&tls.certificate), path(&tls.private_key));
        let mut roots = RootCertStore::empty();
        for trusted in certificates("ca-file", &authority)? {
            let added = roots.add(trusted);
            added.map_err(|cause| wrong("ca-file", &authority, cause))?;
        }
        let chain = certificates("certificate", &certificate)?;
        let key = private_key(&key)?;
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .map_err(|cause| TlsError::Pair { path: certificate, cause })?;
        Ok(Self { config: Arc::new(config), name })
    }

    /// Begins a connection.
    pub fn connect(&self, to: SocketAddr, poller: &Poller, token: Token) -> io::Result<Connection> {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        match socket.connect(&to.into()) {
            Err(cause) if cause.raw_os_error() != Some(nix::errno::Errno::EINPROGRESS as i32) => {
                return Err(cause);
            }
            _ => {}
        }
        let stream = TcpStream::from(socket);
        poller.add_with(&stream, token, Interest::ReadWrite).map_err(io::Error::other)?;
        let mut tls = ClientConnection::new(self.config.clone(), self.name.clone())
            .map_err(io::Error::other)?;
        // The bound is ours: a packet must not be cut.
        tls.set_buffer_limit(None);
        let (received, queued) = (Vec::new(), 0);
        Ok(Connection { stream, tls, received, queued, writing: true, is_answered: false })
    }
}

fn wrong(what: &'static str, path: &str, cause: impl ToString) -> TlsError {
    TlsError::File { what, path: path.to_owned(), reason: cause.to_string() }
}

fn unreadable(what: &'static str, path: &str, cause: &pem::Error) -> TlsError {
    match cause {
        pem::Error::Io(cause) => wrong(what, path, reason(cause)),
        pem::Error::NoItemsFound => wrong(what, path, "holds none"),
        other => wrong(what, path, other),
    }
}

fn certificates(what: &'static str, path: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let read: Vec<_> = read.map_err(|cause| unreadable(what, path, &cause))?;
    match read.is_empty() {
        true => Err(wrong(what, path, "holds no certificate")),
        false => Ok(read),
    }
}

fn private_key(path: &str) -> Result<PrivateKeyDer<'static>, TlsError> {
    const WHAT: &str = "private-key";
    let metadata = fs::metadata(path).map_err(|cause| wrong(WHAT, path, reason(&cause)))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let open = format!("has mode {mode:03o}: only its owner may use it (chmod 600)");
        return Err(wrong(WHAT, path, open));
    }
    PrivateKeyDer::from_pem_file(path).map_err(|cause| unreadable(WHAT, path, &cause))
}

/// A connection to a server, made or in the making.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    tls: ClientConnection,
    /// The beginning of a packet.
    received: Vec<u8>,
    /// Octets of packets since the last time that everything was written.
    queued: usize,
    /// The poller says when there is room to write.
    writing: bool,
    /// A packet has come.
    is_answered: bool,
}

impl Connection {
    /// Sends a packet, or keeps it until there is room.
    pub fn send(&mut self, packet: &[u8], poller: &Poller, token: Token) -> io::Result<()> {
        if self.queued + packet.len() > MOST_QUEUED {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.queued += packet.len();
        self.tls.writer().write_all(packet)?;
        self.write(poller, token)
    }

    /// Reads and writes what can be; hands over the packets.
    pub fn serve(
        &mut self,
        poller: &Poller,
        token: Token,
        mut take: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        // What is left is read at the loop's next turn: a server that writes without end holds up
        // nobody else.
        for _ in 0..READS {
            match self.tls.read_tls(&mut self.stream) {
                Ok(0) => return Err(self.end()),
                Ok(_) => {
                    self.tls.process_new_packets().map_err(io::Error::other)?;
                    self.take_packets(&mut take)?;
                }
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => break,
                Err(cause) => return Err(cause),
            }
        }
        self.write(poller, token)
    }

    /// Why a connection that the server closed is no use. Some servers do not send the alert that
    /// says so.
    fn end(&self) -> io::Error {
        if self.is_answered {
            return io::ErrorKind::UnexpectedEof.into();
        }
        io::Error::other(
            "closes the connection without an answer; it may not trust our certificate",
        )
    }

    fn take_packets(&mut self, take: &mut impl FnMut(&[u8])) -> io::Result<()> {
        match self.tls.reader().read_to_end(&mut self.received) {
            Err(cause) if cause.kind() != io::ErrorKind::WouldBlock => return Err(cause),
            _ => {}
        }
        let mut at = 0;
        while let Some(&[_, _, high, low]) = self.received[at..].first_chunk() {
            let len = usize::from(u16::from_be_bytes([high, low]));
            // Where the next packet begins is not known any more (RFC 6613 §2.6.4).
            if !(20..=MAX_LEN).contains(&len) {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let Some(packet) = self.received.get(at..at + len) else { break };
            self.is_answered = true;
            take(packet);
            at += len;
        }
        self.received.drain(..at);
        Ok(())
    }

    fn write(&mut self, poller: &Poller, token: Token) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.stream) {
                Ok(_) => {}
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => break,
                Err(cause) => return Err(cause),
            }
        }
        let writing = self.tls.wants_write();
        if !writing && !self.tls.is_handshaking() {
            self.queued = 0;
        }
        if writing != self.writing {
            let interest = if writing { Interest::ReadWrite } else { Interest::Read };
            poller.modify(&self.stream, token, interest).map_err(io::Error::other)?;
            self.writing = writing;
        }
        Ok(())
    }
}
