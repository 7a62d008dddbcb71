//! The conversation with the daemon: a connection that is kept while it is fresh.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use kedge_api::{Ask, Client, ClientError, Format, Outcome, Reply, Word};

/// A connection that was silent for longer is not used again: the server may have closed it, and
/// a command that got no answer must not be sent twice.
const FRESH: Duration = Duration::from_secs(20);

/// Where commands go, and in which form the answers come back.
pub(crate) struct Session {
    socket: PathBuf,
    format: Format,
    width: Option<u16>,
    client: Option<(Client, Instant)>,
}

impl Session {
    pub(crate) fn new(socket: PathBuf, format: Format, width: Option<u16>) -> Self {
        Self { socket, format, width, client: None }
    }

    /// A second conversation with the same daemon.
    pub(crate) fn another(&self) -> Self {
        Self::new(self.socket.clone(), self.format, self.width)
    }

    /// Runs a command.
    pub(crate) fn command(&mut self, line: &str) -> Result<Outcome, ClientError> {
        self.ask(Ask::Command { line: line.to_owned(), format: self.format, width: self.width })
    }

    /// The words that may stand at the end of `line`.
    pub(crate) fn words(&mut self, line: &str) -> Result<Vec<Word>, ClientError> {
        match self.ask(Ask::Complete { line: line.to_owned() })? {
            Ok(Reply::Words(words)) => Ok(words),
            // A line that is wrong already has nothing to go on with.
            Ok(Reply::Text(_) | Reply::Data(_)) | Err(_) => Ok(Vec::new()),
        }
    }

    fn ask(&mut self, ask: Ask) -> Result<Outcome, ClientError> {
        let kept = self.client.take().filter(|(_, used)| used.elapsed() < FRESH);
        let mut client = match kept {
            Some((client, _)) => client,
            None => Client::connect(&self.socket)?,
        };
        let outcome = client.request(ask)?;
        self.client = Some((client, Instant::now()));
        Ok(outcome)
    }
}
