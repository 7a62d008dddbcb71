//! What there is to see of sessions and of commits: what a session changes, who has one, and what
//! earlier commits were.

use kedge_api::{Ask, Call, ClientId, Format, Refusal, Reply};
use kedge_config::{Config, Pipe, SessionCommand};
use kedge_sansio::Now;
use serde_json::{Value, json};

use crate::commit_list::commits;
use crate::console::{self, Said};
use crate::errand;
use crate::fit::fit;
use crate::shell::Shell;

/// A command that looks at a session or at the commits, with what is to be done with its answer.
pub fn shown(
    shell: &mut Shell,
    call: &Call,
    command: &SessionCommand,
    pipes: &[Pipe],
    now: Now,
) -> Result<Said, Refusal> {
    console::check(pipes)?;
    let (asked, width) = match call.ask {
        Ask::Command { format, width, .. } => (format == Format::Json, width),
        Ask::Complete { .. } => (false, None),
    };
    let pipes = pipes.to_vec();
    let is_data = asked || pipes.contains(&Pipe::Json);
    let dressed = move |key: &str, shown: String| match is_data {
        true => Reply::Data(json!({ key: shown })),
        false => Reply::Text(pipes.iter().fold(shown, |shown, pipe| pipe.apply(&shown))),
    };
    Ok(match command {
        SessionCommand::ShowCommits if is_data => {
            let all = shell.commits.history.iter().collect::<Vec<_>>();
            let waits = shell.commits.unconfirmed.as_ref().map(|waits| {
                json!({ "commit": waits.number, "seconds_left": waits.left(now).as_secs() })
            });
            Said::Now(Reply::Data(json!({ "commits": all, "unconfirmed": waits })))
        }
        SessionCommand::ShowSessions if is_data => {
            Said::Now(Reply::Data(json!({ "sessions": data(shell, call.client) })))
        }
        SessionCommand::ShowSessions => Said::Now(dressed("sessions", table(shell, call.client))),
        SessionCommand::ShowCommits => match (dressed("commits", commits(shell, now)), width) {
            (Reply::Text(shown), Some(width)) => Said::Now(Reply::Text(fit(&shown, width))),
            (reply, _) => Said::Now(reply),
        },
        SessionCommand::ShowCommitChanges(which) => {
            let (before, after) = shell.commits.history.ends(*which)?;
            let after = shell.commits.reader(after);
            let before = before.map(|number| shell.commits.reader(number));
            Said::Errand(errand::tell(move || {
                let after = after()?;
                let before = before.map_or_else(|| Ok(Config::default()), |read| read())?;
                Ok(dressed("changes", kedge_config::compare(&before, &after)))
            }))
        }
        // What may be loaded again stays whole, however wide the terminal is.
        SessionCommand::ShowCandidate => Said::Errand(errand::answer(
            shell.sessions.lend(call.client)?,
            false,
            move |session, _| {
                Ok(dressed("configuration", kedge_config::render(&session.config()?)))
            },
        )),
        _ => Said::Errand(errand::answer(
            shell.sessions.lend(call.client)?,
            false,
            move |session, _| Ok(dressed("changes", session.changes()?)),
        )),
    })
}

/// The sessions as a table for people; a star marks the session of who asks.
fn table(shell: &Shell, client: ClientId) -> String {
    let all = || shell.sessions.list(client);
    let width = all().map(|session| session.by.len()).max().unwrap_or(0).max(4);
    let since = all().map(|session| session.since.len()).max().unwrap_or(0).max(5);
    let mut out = format!("{:>8}  {:<width$}  {:<since$}  Lock\n", "Session", "User", "Since");
    for session in all() {
        let star = if session.own { '*' } else { ' ' };
        let lock = if session.exclusive { "exclusive" } else { "" };
        let (number, by, began) = (session.number, session.by, session.since);
        let line = format!("{star}{number:>7}  {by:<width$}  {began:<since$}  {lock}");
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The same for programs.
fn data(shell: &Shell, client: ClientId) -> Value {
    let all = shell.sessions.list(client).map(|session| {
        json!({
            "session": session.number,
            "user": session.by,
            "since": session.since,
            "exclusive": session.exclusive,
            "own": session.own,
        })
    });
    all.collect()
}
