//! What a client says, line by line: a command of the terminal, a command about sessions, or,
//! within a session, a line of the configuration.

use std::sync::Arc;

use kedge_api::{Ask, Call, Caller, Carried, Outcome, Refusal, Reply};
use kedge_config::{CommitKind, SessionCommand, parse_session_command, split_pipes};
use kedge_sansio::Now;

use crate::commit;
use crate::commit_list::pending;
use crate::committing::Act;
use crate::complaint::{nearer, refused, unknown, with_meant};
use crate::console::{self, Said};
use crate::errand::{self, Errand};
use crate::hints::{ambiguous, is_show, strip_word, words};
use crate::session_show::shown;
use crate::shell::Shell;
use crate::show;

/// No command is longer, and everybody waits while one is read.
const LONGEST: usize = 16 * 1024;

/// After so many commits of others in the time that one took to be made, it is made here.
const LAST_ROUND: u32 = 3;

/// Answers a call.
pub fn answer(shell: &mut Shell, call: &Call, now: Now) -> Result<Said, Refusal> {
    let (Ask::Complete { line } | Ask::Command { line, .. }) = &call.ask;
    if line.len() > LONGEST {
        let refusal = Refusal::new(format!("a line has {LONGEST} octets at most"));
        return Err(refusal);
    }
    match &call.ask {
        Ask::Complete { line } => Ok(Said::Now(Reply::Words(words(shell, call, line)))),
        Ask::Command { line, .. } => carry_out(shell, call, line, now),
    }
}

/// Goes on with a call whose client's thread comes back with something.
pub fn go_on(shell: &mut Shell, call: &Call, carried: Carried) -> Result<Said, Refusal> {
    let none = |_| Refusal::new("nothing that was asked for");
    match *carried.downcast::<Errand>().map_err(none)? {
        Errand::Answered { session, outcome, ends } => {
            shell.sessions.take_back(call.client, session);
            if ends && outcome.is_ok() {
                shell.sessions.leave(call.client);
            }
            outcome.map(Said::Now)
        }
        Errand::Told(outcome) => outcome.map(Said::Now),
        Errand::Fetched { number, config } => {
            shell.sessions.check_lock(call.client)?;
            let comment = Some(format!("rollback to commit {number}"));
            let by = user(call);
            let act = Act { by, comment, is_in_file: false, remark: "", of_session: false };
            let said = commit::begin(shell, *config?, CommitKind::Final, act)?;
            Ok(said.map_or(Said::WhenCommitted, |said| Said::Now(text(said))))
        }
        Errand::Made { session, on, made, how, comment, round } => {
            let is_stale = !Arc::ptr_eq(&on, &shell.config);
            let made = match is_stale && round == LAST_ROUND {
                // Whoever commits without end would keep a large one from ever being made.
                true => made.and_then(|_| session.onto(&shell.config)),
                false => made.map(|(config, moved)| (*config, moved)),
            };
            shell.sessions.take_back(call.client, session);
            if let Some(ended) = shell.sessions.take_end(call.client) {
                return Err(ended);
            }
            let (config, moved) = made?;
            if is_stale && round < LAST_ROUND {
                return commit_session(shell, call, how, comment.as_deref(), round + 1);
            }
            shell.sessions.check_lock(call.client)?;
            let remark = match moved {
                true => "another session has committed meanwhile; its changes are kept\n",
                false => "",
            };
            let act = Act { by: user(call), comment, is_in_file: false, remark, of_session: true };
            let Some(said) = commit::begin(shell, config, how, act)? else {
                return Ok(Said::WhenCommitted);
            };
            let said = said + remark;
            let rebase = (how != CommitKind::Check)
                .then(|| commit::rebase(shell, call.client, said.clone()))
                .flatten();
            Ok(rebase.map_or(Said::Now(text(said)), Said::Errand))
        }
    }
}

fn carry_out(shell: &mut Shell, call: &Call, line: &str, now: Now) -> Result<Said, Refusal> {
    // What is copied from another terminal has that one's prompts. Behind one, a line of the
    // configuration may go on in the next.
    let pasted = line;
    let line = kedge_config::without_prompt(line);
    if let Some(ended) = shell.sessions.take_end(call.client) {
        return Err(ended);
    }
    if shell.sessions.skips(call.client, line) {
        return Ok(Said::Now(text(String::new())));
    }
    let inside = shell.sessions.get(call.client).is_some();
    // Most lines that are pasted.
    if inside && !kedge_config::may_be_about_session(line) {
        let said = read_line(shell, call, pasted).map(Said::Now);
        return said.map_err(|refusal| with_meant(refusal, line));
    }
    if is_show(line)
        && let Ok((command, pipes)) = split_pipes(line)
        && let Ok(command) = parse_session_command(command, inside)
    {
        return shown(shell, call, &command, &pipes, now);
    }
    if let Some(refusal) = ambiguous(shell, call, line) {
        return Err(refusal);
    }
    let about_session = match parse_session_command(line, inside) {
        Ok(command) => return about(shell, call, &command, now),
        Err(error) => error,
    };
    if is_show(&format!("{line} x")) && !is_show(line) {
        let words = words(shell, call, "show ").into_iter().map(|word| word.word);
        let message = "incomplete command".to_owned();
        return Err(Refusal { message, allowed: words.collect(), ..Refusal::default() });
    }
    let ask = &with_line(&call.ask, line);
    if !inside && let Some(refusal) = unknown(shell, call, &about_session, line) {
        return Err(refusal);
    }
    if !inside {
        return console::carry_out(shell, ask, now)
            .map_err(|refused| nearer(refused, &about_session));
    }
    if let Some(command) = strip_word(line, "do") {
        return from_within(shell, call, command, now);
    }
    if is_show(line) {
        return console::carry_out(shell, ask, now)
            .map_err(|refused| nearer(refused, &about_session));
    }
    // In a file, `commit` says nothing whatever follows it; here, a mistake must not be silent.
    if line.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("commit")) {
        return Err(refused(&about_session));
    }
    match read_line(shell, call, pasted) {
        // The beginning was that of a command about the session.
        Err(_) if about_session.place.spot.column > 1 => Err(refused(&about_session)),
        Err(refusal) => Err(with_meant(refusal, line)),
        outcome => outcome.map(Said::Now),
    }
}

/// A command from outside of the configuration that stands behind `do`. What would begin or leave a
/// session is none.
fn from_within(shell: &mut Shell, call: &Call, command: &str, now: Now) -> Result<Said, Refusal> {
    use SessionCommand::{Configure, End, Exit};
    let (asked, pipes) = match split_pipes(command) {
        Ok(split) if is_show(command) => split,
        _ => (command, Vec::new()),
    };
    match parse_session_command(asked, false) {
        Ok(asked) if is_show(command) => shown(shell, call, &asked, &pipes, now),
        Ok(asked) if !matches!(asked, Configure { .. } | End | Exit) => {
            about(shell, call, &asked, now)
        }
        _ => console::carry_out(shell, &with_line(&call.ask, command), now),
    }
}

/// A line of the configuration.
fn read_line(shell: &mut Shell, call: &Call, line: &str) -> Outcome {
    shell.sessions.need(call.client)?.line(line)
}

/// A command about sessions.
fn about(
    shell: &mut Shell,
    call: &Call,
    command: &SessionCommand,
    now: Now,
) -> Result<Said, Refusal> {
    let client = call.client;
    let inside = shell.sessions.get(client).is_some();
    let outcome = match command {
        SessionCommand::Commit { how, comment } => {
            return commit_session(shell, call, *how, comment.as_deref(), 0);
        }
        SessionCommand::Rollback(number) => return roll_back(shell, call, *number),
        SessionCommand::RollbackLast(count) => {
            let newest = shell.commits.history.newest().map_or(0, |commit| commit.number);
            let number = newest.checked_sub(*count).filter(|number| *number > 0);
            let none = || Refusal::new("there are not so many commits to go back".to_owned());
            return roll_back(shell, call, number.ok_or_else(none)?);
        }
        SessionCommand::Configure { exclusive } => {
            let (by, since) = (user(call), show::utc(now.wall));
            match exclusive {
                true => shell.sessions.enter_alone(client, &shell.config, by, since)?,
                false => shell.sessions.enter(client, &shell.config, by, since)?,
            }
            Ok(text(pending(shell, now)))
        }
        SessionCommand::ShowChanges
        | SessionCommand::ShowCandidate
        | SessionCommand::ShowCommits
        | SessionCommand::ShowSessions
        | SessionCommand::ShowCommitChanges(_) => return shown(shell, call, command, &[], now),
        SessionCommand::Load { file, replace } => {
            let (file, replace) = (file.clone(), *replace);
            let session = shell.sessions.lend(call.client)?;
            return Ok(Said::Errand(errand::answer(
                session,
                false,
                move |session, ask| match ask {
                    Ask::Command { text: Some(loaded), .. } => session.load(loaded, &file, replace),
                    _ => Err(Refusal::new("the request has no text to load")),
                },
            )));
        }
        SessionCommand::Save => Ok(text(kedge_config::render(&shell.config))),
        SessionCommand::Clear => {
            shell.sessions.restart(client, &shell.config)?;
            Ok(text(String::new()))
        }
        SessionCommand::ClearSession(number) => {
            shell.sessions.clear(*number, client, user(call))?;
            Ok(text(format!("session {number} is ended\n")))
        }
        SessionCommand::Abort => {
            shell.sessions.leave(client);
            Ok(text(String::new()))
        }
        // Outside of the configuration it is the terminal that is left, which knows.
        SessionCommand::End | SessionCommand::Exit if !inside => Ok(text(String::new())),
        SessionCommand::Exit if shell.sessions.need(call.client)?.exit()? => {
            Ok(text(String::new()))
        }
        SessionCommand::End | SessionCommand::Exit => {
            let session = shell.sessions.lend(call.client)?;
            return Ok(Said::Errand(errand::answer(session, true, |session, _| {
                session.finish_line()?;
                if session.is_changed() {
                    let allowed = ["commit", "abort"].map(str::to_owned).to_vec();
                    let message = "there are changes that are not committed".to_owned();
                    return Err(Refusal { message, allowed, ..Refusal::default() });
                }
                Ok(text(String::new()))
            })));
        }
        SessionCommand::Keep => {
            Ok(text("every commit is kept already; 'save FILE' writes a copy\n".to_owned()))
        }
        SessionCommand::Enable
        | SessionCommand::Terminal
        | SessionCommand::TerminalMonitor { on: false } => Ok(text(String::new())),
        SessionCommand::TerminalMonitor { on: true } => Err(Refusal::new(
            "'monitor events' shows what happens, until Ctrl-C; 'debug' says what of",
        )),
        SessionCommand::Where => {
            Ok(text(format!("{}\n", shell.sessions.need(call.client)?.place())))
        }
    };
    outcome.map(Said::Now)
}

/// Puts an earlier commit's configuration into force, once the client's thread has read it.
fn roll_back(shell: &Shell, call: &Call, number: u64) -> Result<Said, Refusal> {
    shell.sessions.check_lock(call.client)?;
    Ok(Said::Errand(errand::fetch(number, shell.commits.reader(number))))
}

fn commit_session(
    shell: &mut Shell,
    call: &Call,
    how: CommitKind,
    comment: Option<&str>,
    round: u32,
) -> Result<Said, Refusal> {
    shell.sessions.check_lock(call.client)?;
    let session = shell.sessions.lend(call.client)?;
    let running = Arc::clone(&shell.config);
    Ok(Said::Errand(errand::make(session, running, how, comment.map(str::to_owned), round)))
}

/// Who asks.
fn user(call: &Call) -> String {
    match &call.caller {
        Caller::Token { name } => name.to_string(),
        Caller::Local { user } => user.to_string(),
    }
}

fn with_line(ask: &Ask, line: &str) -> Ask {
    match ask.clone() {
        Ask::Command { text, format, width, .. } => {
            Ask::Command { line: line.to_owned(), text, format, width }
        }
        complete @ Ask::Complete { .. } => complete,
    }
}

fn text(text: String) -> Reply {
    Reply::Text(text)
}
