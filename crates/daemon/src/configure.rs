//! Configuration sessions: each management connection may have one, with a candidate of its own.
//!
//! ```text
//!   configure ──► candidate ── lines, load ──► candidate ── commit ──► running, history, FILE
//!                    │  ▲                                     │
//!                    │  └────────── stays open ◄──────────────┘
//!                    └── end, exit, abort, the terminal goes, ──► nothing is left of it
//!                        somebody clears it
//! ```
//!
//! A session changes what it touched and nothing else: if another one has committed meanwhile,
//! the changes are carried out on what runs by then, and the person is told.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use kedge_api::{ClientId, Refusal, Reply};
use kedge_config::{Candidate, Config, ConfigError, Hint, Secret, Warning};

/// All sessions.
#[derive(Default)]
pub struct Sessions {
    open: BTreeMap<ClientId, Opened>,
    /// Whose session has the configuration for itself.
    lock: Option<ClientId>,
    /// Who does not know yet that somebody has ended their session, and who that was.
    cleared: BTreeMap<ClientId, String>,
    /// Who is within a comment that a line has begun and none has ended yet.
    in_comment: BTreeSet<ClientId>,
}

/// A session, and whose it is.
struct Opened {
    by: String,
    since: String,
    /// `None` while the client's own thread has it.
    session: Option<Session>,
}

/// What there is to say of a session.
pub struct Listed<'a> {
    /// Its number: that of its client.
    pub number: u64,
    /// The user.
    pub by: &'a str,
    /// When it began.
    pub since: &'a str,
    /// It has the configuration for itself.
    pub exclusive: bool,
    /// It is that of who asks.
    pub own: bool,
}

/// One session.
pub struct Session {
    candidate: Candidate,
    /// What ran when the candidate was last one with it.
    base: Config,
}

impl Sessions {
    /// Opens a session on what runs, for user `by`, at the time `since`.
    pub fn enter(
        &mut self,
        client: ClientId,
        running: &Config,
        by: String,
        since: String,
    ) -> Result<(), Refusal> {
        self.check_lock(client)?;
        let session = Some(Session::on(running));
        self.open.insert(client, Opened { by, since, session });
        Ok(())
    }

    /// The same for one who wants the configuration for itself.
    pub fn enter_alone(
        &mut self,
        client: ClientId,
        running: &Config,
        by: String,
        since: String,
    ) -> Result<(), Refusal> {
        self.check_lock(client)?;
        if self.open.keys().any(|other| *other != client) {
            return Err(Refusal::new(
                "another session is changing the configuration: try again without 'exclusive'",
            ));
        }
        self.enter(client, running, by, since)?;
        self.lock = Some(client);
        Ok(())
    }

    /// Begins a session again with what runs.
    pub fn restart(&mut self, client: ClientId, running: &Config) -> Result<(), Refusal> {
        self.check_lock(client)?;
        if let Some(opened) = self.open.get_mut(&client) {
            opened.session = Some(Session::on(running));
        }
        Ok(())
    }

    /// The session of a client.
    pub fn get(&mut self, client: ClientId) -> Option<&mut Session> {
        self.open.get_mut(&client)?.session.as_mut()
    }

    /// The session of a client who must have one.
    pub fn need(&mut self, client: ClientId) -> Result<&mut Session, Refusal> {
        let none = || Refusal::new("no session is open: 'configure' opens one");
        self.get(client).ok_or_else(none)
    }

    /// Lends the session of a client to its own thread, which waits for nobody meanwhile.
    pub fn lend(&mut self, client: ClientId) -> Result<Session, Refusal> {
        self.need(client)?;
        let lent = self.open.get_mut(&client).and_then(|opened| opened.session.take());
        lent.ok_or_else(|| Refusal::new("the session is busy"))
    }

    /// Takes back what was lent, unless it is over.
    pub fn take_back(&mut self, client: ClientId, session: Session) {
        if let Some(opened) = self.open.get_mut(&client) {
            opened.session = Some(session);
        }
    }

    /// Refuses a client whom another session keeps from changing the configuration, and says whose
    /// that is.
    pub fn check_lock(&self, client: ClientId) -> Result<(), Refusal> {
        let holder = self.lock.filter(|holder| *holder != client);
        let Some((holder, Opened { by, since, .. })) =
            holder.and_then(|holder| self.open.get_key_value(&holder))
        else {
            return Ok(());
        };
        Err(Refusal::new(format!(
            "another session has the configuration for itself: that of {by}, since {since} \
             ('clear configuration sessions {}' ends it)",
            holder.number()
        )))
    }

    /// All that are open, to be shown to a client.
    pub fn list(&self, client: ClientId) -> impl Iterator<Item = Listed<'_>> {
        self.open.iter().map(move |(&id, Opened { by, since, .. })| {
            let (exclusive, own) = (self.lock == Some(id), id == client);
            Listed { number: id.number(), by, since, exclusive, own }
        })
    }

    /// Ends the session of this number, for user `by`, who is `client`. Its own client is told when
    /// it goes on with it.
    pub fn clear(&mut self, number: u64, client: ClientId, by: String) -> Result<(), Refusal> {
        let id = self.open.keys().copied().find(|id| id.number() == number);
        let none = || {
            let message = format!("there is no session {number}");
            Refusal::new(message + "; 'show configuration sessions' shows those there are")
        };
        let id = id.ok_or_else(none)?;
        if id == client {
            return Err(Refusal::new("that is this session: 'abort' ends it"));
        }
        self.leave(id);
        self.cleared.insert(id, by);
        Ok(())
    }

    /// What a client is told once whose session somebody has ended.
    pub fn take_end(&mut self, client: ClientId) -> Option<Refusal> {
        let by = self.cleared.remove(&client)?;
        Some(Refusal::new(format!(
            "the session has ended, and what was not committed is lost: {by} has cleared it"
        )))
    }

    /// Whether a line of a client says nothing: it is empty, a separator, or part of a comment or
    /// of a banner that may have several lines.
    pub fn skips(&mut self, client: ClientId, line: &str) -> bool {
        if self.get(client).is_some_and(|session| session.candidate.is_banners(line)) {
            return true;
        }
        let line = line.trim_start();
        let within = self.in_comment.remove(&client);
        if !within && !line.starts_with("/*") {
            return line.is_empty() || line.starts_with('!');
        }
        if !line.contains("*/") {
            self.in_comment.insert(client);
        }
        true
    }

    /// Forgets a client that has gone.
    pub fn forget(&mut self, client: ClientId) {
        self.leave(client);
        self.in_comment.remove(&client);
        self.cleared.remove(&client);
    }

    /// Whether a session keeps everybody else from committing.
    pub fn is_exclusive(&self) -> bool {
        self.lock.is_some()
    }

    /// Closes a session, if there is one; its changes are forgotten.
    pub fn leave(&mut self, client: ClientId) {
        self.open.remove(&client);
        self.lock.take_if(|holder| *holder == client);
    }

    /// The mode of a client, as its prompt shows it.
    pub fn mode(&self, client: ClientId) -> Option<String> {
        let session = self.open.get(&client)?.session.as_ref()?;
        Some(match session.candidate.mode() {
            "" => "config".to_owned(),
            mode => format!("config-{mode}"),
        })
    }
}

impl Session {
    fn on(running: &Config) -> Self {
        Self { candidate: Candidate::of(running), base: as_read(running) }
    }

    /// Reads a line of the configuration.
    pub fn line(&mut self, text: &str) -> Result<Reply, Refusal> {
        self.candidate.line(text).map(|warnings| said(&warnings)).map_err(|e| refusal(&e))
    }

    /// Reads a text; messages name the file that it came from.
    pub fn load(&mut self, text: &str, file: &str, replace: bool) -> Result<Reply, Refusal> {
        let outcome = match replace {
            true => self.candidate.replace(text, file),
            false => self.candidate.merge(text, file),
        };
        self.candidate.leave();
        outcome.map(|warnings| said(&warnings)).map_err(|errors| refusal(&errors))
    }

    /// What the candidate says, if it is consistent.
    pub fn config(&self) -> Result<Config, Refusal> {
        self.candidate.config().map(|(config, _)| config).map_err(|errors| refusal(&errors))
    }

    /// The session's changes as a person reads them; empty without any.
    pub fn changes(&self) -> Result<String, Refusal> {
        Ok(kedge_config::compare(&self.base, &self.config()?))
    }

    /// Whether something has been changed. What cannot be read as a configuration has.
    pub fn is_changed(&self) -> bool {
        self.config().map_or(true, |config| !says_the_same(&config, &self.base))
    }

    /// The session's changes carried out on `running`, and whether that is another one than the
    /// session began with.
    pub fn onto(&self, running: &Config) -> Result<(Config, bool), Refusal> {
        let wanted = self.config()?;
        if as_read(running) == self.base {
            return Ok((wanted, false));
        }
        let mut candidate = Candidate::of(running);
        let changes = kedge_config::commands(&self.base, &wanted);
        let conflict = |errors: Vec<ConfigError>| {
            let mut refusal = refusal(&errors);
            refusal.message.insert_str(
                0,
                "another session has committed, and the changes do not fit what runs now:\n",
            );
            refusal
        };
        candidate.merge(&changes, "change").map_err(conflict)?;
        let (config, _) = candidate.config().map_err(conflict)?;
        Ok((config, true))
    }

    /// Begins again from what runs, in the mode it is in when nothing else has changed.
    pub fn rebase(&mut self, running: &Config) {
        let base = as_read(running);
        let candidate = match self.config().is_ok_and(|config| config == base) {
            true => self.candidate.clone(),
            false => Candidate::of(running),
        };
        *self = Self { candidate, base };
    }

    /// Where the session is: the lines that opened its mode.
    pub fn place(&self) -> String {
        self.candidate.path().to_string()
    }

    /// Leaves the innermost mode; says whether there was one. It is left, too, when the line before
    /// turns out to have ended too early.
    pub fn exit(&mut self) -> Result<bool, Refusal> {
        if self.candidate.mode().is_empty() {
            return self.finish_line().map(|()| false);
        }
        // The language itself has this word.
        self.candidate.line("exit").map(|_| true).map_err(|errors| refusal(&errors))
    }

    /// No line goes on with the last one, which may have ended too early.
    pub fn finish_line(&mut self) -> Result<(), Refusal> {
        self.candidate.finish().map(drop).map_err(|errors| refusal(&errors))
    }

    /// What may stand where a line ends.
    pub fn complete(&self, line: &str, names: &dyn Fn(&str) -> Vec<String>) -> Vec<Hint> {
        self.candidate.complete(line, names)
    }
}

/// A configuration as its text says it: without the keys that are in files.
fn as_read(config: &Config) -> Config {
    let mut config = config.clone();
    let Ok(()) = config.read_key_files(|_| Ok::<_, Infallible>(Secret::new([])));
    config
}

/// The answer to a line or a text that was read.
fn said(warnings: &[Warning]) -> Reply {
    let lines = kedge_config::listed(warnings).into_iter().map(|warning| warning + "\n");
    Reply::Text(lines.collect())
}

/// Every mistake of a text.
fn refusal(errors: &[ConfigError]) -> Refusal {
    let mistakes = kedge_config::listed(errors);
    let mistakes: Vec<&str> = mistakes.iter().map(|mistake| mistake.trim_end()).collect();
    Refusal::new(mistakes.join("\n"))
}

/// Whether two configurations are one text. What is in a key file is no part of it, and only what
/// runs has read it.
fn says_the_same(one: &Config, other: &Config) -> bool {
    kedge_config::compare(one, other).is_empty()
}
