//! The conversation with the daemon: one connection, for a candidate configuration belongs to it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use kedge_api::{Ask, Client, ClientError, Format, Outcome, Refusal, Reply, Word};

/// A connection that was silent for longer is not used again: the daemon closes it after ten
/// minutes, and a command that got no answer must not be sent twice.
const FRESH: Duration = Duration::from_secs(570);

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

    /// The configuration mode the conversation is in.
    pub(crate) fn mode(&self) -> Option<&str> {
        self.client.as_ref().and_then(|(client, _)| client.mode())
    }

    /// The form in which answers are wanted.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Runs a command.
    pub(crate) fn command(&mut self, line: &str) -> Result<Outcome, ClientError> {
        self.command_with(line, None)
    }

    /// Runs a command that is about a text.
    pub(crate) fn command_with(
        &mut self,
        line: &str,
        text: Option<String>,
    ) -> Result<Outcome, ClientError> {
        let (line, format, width) = (line.to_owned(), self.format, self.width);
        self.ask(Ask::Command { line, text, format, width })
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
        let mut client = match self.client.take() {
            Some((client, used)) if used.elapsed() < FRESH => client,
            Some((client, _)) if client.mode().is_some() => {
                return Ok(Err(Refusal::new(
                    "the session has ended after ten minutes without a command; \
                     what was not committed is lost",
                )));
            }
            _ => Client::connect(&self.socket)?,
        };
        let outcome = client.request(ask)?;
        self.client = Some((client, Instant::now()));
        Ok(outcome)
    }
}
