//! The conversation with the daemon: one connection, for a candidate configuration belongs to it.

use std::time::{Duration, Instant};

use kedge_api::{Ask, Client, ClientError, Daemon, Format, Outcome, Refusal, Reply, Word};

use crate::screen;
use crate::setting::Setting;

/// A connection that was silent for longer is not used again: the daemon closes it after ten
/// minutes, and a command that got no answer must not be sent twice.
const FRESH: Duration = Duration::from_secs(570);

/// Where commands go, and in which form the answers come back.
pub(crate) struct Session {
    daemon: Daemon,
    format: Format,
    client: Option<(Client, Instant)>,
    /// What `terminal width` has said; without it, it is the terminal's own.
    width: Option<u16>,
}

impl Session {
    pub(crate) fn new(daemon: Daemon, format: Format) -> Self {
        Self { daemon, format, client: None, width: None }
    }

    /// The configuration mode the conversation is in.
    pub(crate) fn mode(&self) -> Option<&str> {
        self.client.as_ref().and_then(|(client, _)| client.mode())
    }

    /// Sees whether a daemon is there and has a place for us.
    pub(crate) fn begin(&mut self) -> Result<(), ClientError> {
        let outcome = self.ask(Ask::Complete { line: String::new() })?;
        outcome.map(drop).map_err(|refusal| ClientError::Refused {
            place: self.daemon.to_string(),
            reason: refusal.message,
        })
    }

    /// The form in which answers are wanted.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Runs a command.
    pub(crate) fn command(&mut self, line: &str) -> Result<Outcome, ClientError> {
        self.command_with(line, None)
    }

    /// Runs a command whose answer is wanted as data, whatever a person has asked for.
    pub(crate) fn data(&mut self, line: &str) -> Result<Outcome, ClientError> {
        self.ask_for(line, None, Format::Json)
    }

    /// Runs a command that is about a text.
    pub(crate) fn command_with(
        &mut self,
        line: &str,
        text: Option<String>,
    ) -> Result<Outcome, ClientError> {
        self.ask_for(line, text, self.format)
    }

    fn ask_for(
        &mut self,
        line: &str,
        text: Option<String>,
        format: Format,
    ) -> Result<Outcome, ClientError> {
        let width = match self.width {
            None => screen::width(),
            Some(width) => Some(width).filter(|width| *width > 0),
        };
        let command = Ask::Command { line: line.to_owned(), text, format, width };
        let outcome = self.ask(command)?;
        if let (Ok(_), Some(Setting::Width(width))) = (&outcome, Setting::of(line)) {
            self.width = Some(width);
        }
        Ok(outcome)
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
        let earlier = self.client.take().map(|(client, used)| {
            let usable = used.elapsed() < FRESH && !client.is_closed();
            (client, usable)
        });
        let mut client = match earlier {
            Some((client, true)) => client,
            // Not a new connection in silence: the line was meant for the session.
            Some((client, false)) if client.mode().is_some() => {
                return Ok(Err(lost("the daemon was stopped, or ten minutes passed in silence")));
            }
            _ => Client::open(&self.daemon)?,
        };
        let outcome = match client.request(ask) {
            Err(error) if client.mode().is_some() => return Ok(Err(lost(&error.to_string()))),
            outcome => outcome?,
        };
        self.client = Some((client, Instant::now()));
        Ok(outcome)
    }
}

/// A session of the configuration that ended with its connection.
fn lost(why: &str) -> Refusal {
    let consequence = "the session has ended, and what was not committed is lost";
    Refusal::new(format!("{consequence}: {why}"))
}
