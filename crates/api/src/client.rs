//! The client: one connection, one request at a time, each within a time limit.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName, UnixTime, pem, pem::PemObject};
use rustls::{CertificateError, ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::frame::{Bounded, Frames, Line};
use crate::message::Login;
use crate::{Answer, AnswerError, Ask, MAX_ANSWER, MAX_REQUEST, Outcome, Request, private};

/// How long the daemon may be silent: an empty line says that it is at the request. It is longer than
/// the server's own patience with the daemon's loop, so that the server's explanation arrives.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a connection to another host may take to come about.
const CONNECTING: Duration = Duration::from_secs(10);

/// Where a daemon is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Daemon {
    /// On this host, behind this socket.
    Local(PathBuf),
    /// Behind a TCP port, with TLS and a token.
    Remote(Remote),
}

/// A daemon behind a TCP port, and how both sides know each other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remote {
    /// `HOST:PORT`; an IPv6 address in brackets.
    pub place: String,
    /// The certificates that the daemon's must come from, in PEM.
    pub ca: PathBuf,
    /// The file with the token and nothing else.
    pub token: PathBuf,
}

impl fmt::Display for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(socket) => write!(f, "{}", socket.display()),
            Self::Remote(remote) => f.write_str(&remote.place),
        }
    }
}

/// A connection to the daemon.
pub struct Client {
    frames: Frames,
    next_id: u64,
    mode: Option<String>,
}

/// Why there is no answer. Each says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No socket, or one that nobody listens on.
    #[error("no daemon answers at {}: is kedged running? (--socket PATH names another socket)",
        path.display())]
    NoDaemon {
        /// The socket that was tried.
        path: PathBuf,
    },
    /// The file system forbids it.
    #[error("permission denied at {}: run as root, or as a member of the socket's group \
        (see ls -ld {} {})", path.display(), directory(path).display(), path.display())]
    Denied {
        /// The socket that was tried.
        path: PathBuf,
    },
    /// No host of that name, no port, or nobody who listens there.
    #[error("no daemon answers at {place}: {reason}")]
    Unreachable {
        /// `HOST:PORT`.
        place: String,
        /// What the resolver or the kernel said.
        reason: String,
    },
    /// A file that the connection needs.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The TLS of one side is not to the taste of the other.
    #[error("no secure connection to {place}: {}", plainly(cause))]
    Insecure {
        /// `HOST:PORT`.
        place: String,
        /// What is wrong, e.g. with the certificate.
        cause: rustls::Error,
    },
    /// The daemon does not know the token, or has no place.
    #[error("{place} refuses: {reason}")]
    Refused {
        /// `HOST:PORT`.
        place: String,
        /// What it said.
        reason: String,
    },
    /// The connection was closed before the token was looked at.
    #[error(
        "{place} closes the connection without a word: too many clients are there, or too many \
        wrong tokens came from this address, which then waits a minute ('show management-api' \
        there counts them)"
    )]
    TurnedAway {
        /// `HOST:PORT`.
        place: String,
    },
    /// Any other fault of the connection.
    #[error("cannot talk to the daemon: {0}")]
    Io(#[from] io::Error),
    /// No answer in time.
    #[error("the daemon did not answer within {} s: is it busy or stopped?", PATIENCE.as_secs())]
    TimedOut,
    /// The connection ended without an answer.
    #[error("the daemon closed the connection before it answered")]
    Closed,
    /// The request would not be read.
    #[error("the command is too long: a request has at most {MAX_REQUEST} octets")]
    TooLong,
    /// The answer exceeds what a client reads.
    #[error("the answer is longer than {MAX_ANSWER} octets: ask for less, e.g. for one nai")]
    AnswerTooLong,
    /// The answer is not one of ours.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// An answer to something else.
    #[error("the daemon answered request {theirs}, not {ours}")]
    OutOfStep {
        /// The request that was sent.
        ours: u64,
        /// The request that was answered.
        theirs: u64,
    },
}

impl Client {
    /// Connects to a daemon, wherever it is.
    pub fn open(daemon: &Daemon) -> Result<Self, ClientError> {
        match daemon {
            Daemon::Local(path) => Self::connect(path),
            Daemon::Remote(remote) => Self::connect_remote(remote),
        }
    }

    /// Connects to the daemon's socket.
    pub fn connect(path: &Path) -> Result<Self, ClientError> {
        let stream = UnixStream::connect(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
                ClientError::NoDaemon { path: path.to_owned() }
            }
            ErrorKind::PermissionDenied => ClientError::Denied { path: path.to_owned() },
            _ => ClientError::Io(error),
        })?;
        Ok(Self::on(Frames::new(Bounded::new(stream), MAX_ANSWER)))
    }

    /// Connects to a daemon behind a TCP port and says who we are.
    fn connect_remote(remote: &Remote) -> Result<Self, ClientError> {
        let place = || remote.place.clone();
        let token = read_token(&remote.token)?;
        let config = Arc::new(trusting(&remote.ca)?);
        let unreachable = |reason: String| ClientError::Unreachable { place: place(), reason };
        let (host, _) = remote
            .place
            .rsplit_once(':')
            .ok_or_else(|| unreachable("HOST:PORT is needed".to_owned()))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|error| unreachable(error.to_string()))?;
        let stream = reach(&remote.place).map_err(|error| unreachable(private::reason(&error)))?;
        let connection = ClientConnection::new(config, name)
            .map_err(|cause| ClientError::Insecure { place: place(), cause })?;
        let stream = StreamOwned::new(connection, Bounded::new(stream));
        let mut client = Self::on(Frames::new(stream, MAX_ANSWER));
        let login = Login { id: client.next_id, token };
        client.next_id += 1;
        let said = client.exchange(&login.encode()).map_err(|error| match error {
            ClientError::Closed => ClientError::TurnedAway { place: place() },
            ClientError::Io(error) if error.kind() == ErrorKind::UnexpectedEof => {
                ClientError::TurnedAway { place: place() }
            }
            ClientError::Io(error) => match error.downcast::<rustls::Error>() {
                Ok(cause) => ClientError::Insecure { place: place(), cause },
                Err(error) => ClientError::Io(error),
            },
            other => other,
        })?;
        match Answer::decode(&said)?.outcome {
            Ok(_) => Ok(client),
            Err(refusal) => Err(ClientError::Refused { place: place(), reason: refusal.message }),
        }
    }

    fn on(frames: Frames) -> Self {
        Self { frames, next_id: 1, mode: None }
    }

    /// Whether the daemon has hung up, as far as can be seen without asking it.
    pub fn is_closed(&self) -> bool {
        self.frames.is_closed()
    }

    /// Sends a request and waits for its outcome.
    pub fn request(&mut self, ask: Ask) -> Result<Outcome, ClientError> {
        let request = Request { id: self.next_id, ask };
        self.next_id += 1;
        let answer = Answer::decode(&self.exchange(&request.encode())?)?;
        let about_the_connection = answer.id == 0 && answer.outcome.is_err();
        if answer.id != request.id && !about_the_connection {
            return Err(ClientError::OutOfStep { ours: request.id, theirs: answer.id });
        }
        self.mode = answer.mode;
        Ok(answer.outcome)
    }

    /// Sends a line, newline included, and waits for the one that answers it, as it comes.
    pub fn exchange(&mut self, line: &[u8]) -> Result<Vec<u8>, ClientError> {
        if line.len() > MAX_REQUEST {
            return Err(ClientError::TooLong);
        }
        match self.frames.write_line(line, PATIENCE) {
            // A server that turns us away may have said why before it closed: read on.
            Err(error) if is_hangup(&error) => {}
            other => other.map_err(timed_out)?,
        }
        loop {
            return match self.frames.read_line(PATIENCE) {
                Ok(Line::Complete(line)) if line.is_empty() => continue,
                Ok(Line::Complete(line)) => Ok(line),
                Ok(Line::End) => Err(ClientError::Closed),
                Ok(Line::TooLong | Line::NoRoom) => Err(ClientError::AnswerTooLong),
                Err(error) if is_hangup(&error) => Err(ClientError::Closed),
                Err(error) => Err(timed_out(error)),
            };
        }
    }

    /// The configuration mode that the last answer left the connection in, see [`Answer::mode`].
    pub fn mode(&self) -> Option<&str> {
        self.mode.as_deref()
    }
}

/// The token that a file holds.
fn read_token(path: &Path) -> Result<String, ClientError> {
    let text = private::read(path)
        .map_err(|error| ClientError::File { path: path.to_owned(), reason: error.to_string() })?;
    Ok(text.trim().to_owned())
}

/// TLS that trusts what comes from these certificates, and nothing else.
fn trusting(ca: &Path) -> Result<ClientConfig, ClientError> {
    let wrong = |reason: String| ClientError::File { path: ca.to_owned(), reason };
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(ca).and_then(Iterator::collect);
    let certificates: Vec<_> = certificates.map_err(|error| match error {
        pem::Error::Io(error) => wrong(format!("cannot be read: {}", private::reason(&error))),
        error => wrong(error.to_string()),
    })?;
    for certificate in certificates {
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(wrong("no certificate is in it".to_owned()));
    }
    Ok(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

/// Connects to the first address of `place` that answers.
fn reach(place: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::from(ErrorKind::AddrNotAvailable);
    for address in place.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECTING) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// What is wrong with the other side's TLS. Of a certificate whose time is not now, rustls gives
/// seconds since 1970.
fn plainly(cause: &rustls::Error) -> String {
    let days =
        |from: &UnixTime, to: &UnixTime| to.as_secs().saturating_sub(from.as_secs()) / 86_400;
    match cause {
        rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { time, not_after }) => {
            format!("its certificate has expired, {} days ago", days(not_after, time))
        }
        rustls::Error::InvalidCertificate(CertificateError::NotValidYetContext {
            time,
            not_before,
        }) => format!(
            "its certificate is not valid yet, for {} more days: is a clock wrong?",
            days(time, not_before)
        ),
        other => other.to_string(),
    }
}

fn is_hangup(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
}

fn timed_out(error: io::Error) -> ClientError {
    match error.kind() {
        ErrorKind::TimedOut => ClientError::TimedOut,
        _ => ClientError::Io(error),
    }
}

fn directory(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}
