//! The client: one connection, one request at a time, each within a time limit.

use std::io::{self, ErrorKind};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::frame::{Frames, Line};
use crate::{Answer, AnswerError, Ask, MAX_ANSWER, MAX_REQUEST, Outcome, Request};

/// How long the daemon may take for one answer. It is longer than the server's own patience
/// with the daemon's loop, so that the server's explanation arrives.
const PATIENCE: Duration = Duration::from_secs(60);

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
    /// Connects to the daemon's socket.
    pub fn connect(path: &Path) -> Result<Self, ClientError> {
        let stream = UnixStream::connect(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
                ClientError::NoDaemon { path: path.to_owned() }
            }
            ErrorKind::PermissionDenied => ClientError::Denied { path: path.to_owned() },
            _ => ClientError::Io(error),
        })?;
        Ok(Self { frames: Frames::new(stream, MAX_ANSWER), next_id: 1, mode: None })
    }

    /// Sends a request and waits for its outcome.
    pub fn request(&mut self, ask: Ask) -> Result<Outcome, ClientError> {
        let request = Request { id: self.next_id, ask };
        self.next_id += 1;
        let line = request.encode();
        if line.len() > MAX_REQUEST {
            return Err(ClientError::TooLong);
        }
        match self.frames.write_line(&line, PATIENCE) {
            // A server that turns us away may have said why before it closed: read on.
            Err(error) if is_hangup(&error) => {}
            other => other.map_err(timed_out)?,
        }
        let answer = match self.frames.read_line(PATIENCE) {
            Ok(Line::Complete(line)) => Answer::decode(&line)?,
            Ok(Line::End) => return Err(ClientError::Closed),
            Ok(Line::TooLong) => return Err(ClientError::AnswerTooLong),
            Err(error) if is_hangup(&error) => return Err(ClientError::Closed),
            Err(error) => return Err(timed_out(error)),
        };
        let about_the_connection = answer.id == 0 && answer.outcome.is_err();
        if answer.id != request.id && !about_the_connection {
            return Err(ClientError::OutOfStep { ours: request.id, theirs: answer.id });
        }
        self.mode = answer.mode;
        Ok(answer.outcome)
    }

    /// The configuration mode that the last answer left the connection in, see [`Answer::mode`].
    pub fn mode(&self) -> Option<&str> {
        self.mode.as_deref()
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
