//! What a client says, line by line: a command of the terminal, a command about sessions, or,
//! within a session, a line of the configuration.

use kedge_api::{Ask, Call, Caller, Format, Outcome, Refusal, Reply, Word};
use kedge_config::{
    CommandError, CommitKind, Config, Pipe, SessionCommand, complete_session,
    parse_session_command, split_pipes,
};
use kedge_sansio::Now;
use nix::unistd::{Uid, User};
use serde_json::json;

use crate::commit::{self, Act};
use crate::configure::Session;
use crate::console::{self, Said};
use crate::live_names;
use crate::shell::Shell;
use crate::show;

/// No command is longer, and everybody waits while one is read.
const LONGEST: usize = 16 * 1024;

/// Answers a call: the outcome, and the mode that the client is in from now on.
pub fn answer(shell: &mut Shell, call: &Call, now: Now) -> (Result<Said, Refusal>, Option<String>) {
    let (Ask::Complete { line } | Ask::Command { line, .. }) = &call.ask;
    if line.len() > LONGEST {
        let refusal = Refusal::new(format!("a line has {LONGEST} octets at most"));
        return (Err(refusal), shell.sessions.mode(call.client));
    }
    let outcome = match &call.ask {
        Ask::Complete { line } => Ok(Said::Now(Reply::Words(words(shell, call, line)))),
        Ask::Command { line, .. } => carry_out(shell, call, line, now),
    };
    (outcome, shell.sessions.mode(call.client))
}

fn carry_out(shell: &mut Shell, call: &Call, line: &str, now: Now) -> Result<Said, Refusal> {
    // What is copied from another terminal has that one's prompts. Behind one, a line of the
    // configuration may go on in the next.
    let pasted = line;
    let line = kedge_config::without_prompt(line);
    if shell.sessions.skips(call.client, line) {
        return Ok(Said::Now(text(String::new())));
    }
    let ask = &with_line(&call.ask, line);
    let inside = shell.sessions.get(call.client).is_some();
    if is_show(line)
        && let Ok((command, pipes)) = split_pipes(line)
        && let Ok(command) = parse_session_command(command, inside)
    {
        return shown(shell, call, &command, &pipes, now).map(Said::Now);
    }
    if let Some(refusal) = ambiguous(shell, call, line) {
        return Err(refusal);
    }
    let about_session = match parse_session_command(line, inside) {
        Ok(command) => return about(shell, call, &command, now).map(Said::Now),
        Err(error) => error,
    };
    if is_show(&format!("{line} x")) && !is_show(line) {
        let words = words(shell, call, "show ").into_iter().map(|word| word.word);
        let message = "incomplete command".to_owned();
        return Err(Refusal { message, allowed: words.collect(), ..Refusal::default() });
    }
    if !inside {
        return console::carry_out(shell, ask, now)
            .map_err(|refused| nearer(refused, &about_session));
    }
    if let Some(command) = strip_word(line, "do") {
        return console::carry_out(shell, &with_line(&call.ask, command), now);
    }
    if is_show(line) {
        return console::carry_out(shell, ask, now)
            .map_err(|refused| nearer(refused, &about_session));
    }
    // In a file, `commit` says nothing whatever follows it; here, a mistake must not be silent.
    if line.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("commit")) {
        return Err(refused(&about_session));
    }
    let Some(session) = shell.sessions.get(call.client) else {
        return Ok(Said::Now(text(String::new())));
    };
    match session.line(pasted) {
        Ok(reply) => Ok(Said::Now(reply)),
        // The beginning was that of a command about the session.
        Err(_) if about_session.place.spot.column > 1 => Err(refused(&about_session)),
        Err(refusal) => Err(refusal),
    }
}

/// A command about sessions.
fn about(shell: &mut Shell, call: &Call, command: &SessionCommand, now: Now) -> Outcome {
    let client = call.client;
    let inside = shell.sessions.get(client).is_some();
    match command {
        SessionCommand::Configure { exclusive } => {
            match exclusive {
                true => {
                    let since = show::utc(now.wall);
                    shell.sessions.enter_alone(client, &shell.config, user(call), since)?;
                }
                false => shell.sessions.enter(client, &shell.config)?,
            }
            Ok(text(pending(shell, now)))
        }
        SessionCommand::Commit { how, comment } => {
            let said = commit_session(shell, call, *how, comment.as_deref(), now)?;
            Ok(text(said))
        }
        SessionCommand::ShowChanges
        | SessionCommand::ShowCandidate
        | SessionCommand::ShowCommits
        | SessionCommand::ShowCommitChanges(_) => shown(shell, call, command, &[], now),
        SessionCommand::Rollback(number) => roll_back(shell, call, *number, now),
        SessionCommand::RollbackLast(count) => {
            let newest = shell.commits.history.newest().map_or(0, |commit| commit.number);
            let number = newest.checked_sub(*count).filter(|number| *number > 0);
            let none = || Refusal::new(format!("there are no {count} commits to go back"));
            roll_back(shell, call, number.ok_or_else(none)?, now)
        }
        SessionCommand::Load { file, replace } => {
            let Ask::Command { text: Some(loaded), .. } = &call.ask else {
                return Err(Refusal::new("the request has no text to load"));
            };
            session(shell, call)?.load(loaded, file, *replace)
        }
        SessionCommand::Save => Ok(text(kedge_config::render(&shell.config))),
        SessionCommand::Clear => {
            shell.sessions.restart(client, &shell.config)?;
            Ok(text(String::new()))
        }
        SessionCommand::Abort => {
            shell.sessions.leave(client);
            Ok(text(String::new()))
        }
        // Outside of the configuration it is the terminal that is left, which knows.
        SessionCommand::End | SessionCommand::Exit if !inside => Ok(text(String::new())),
        SessionCommand::Exit if session(shell, call)?.exit()? => Ok(text(String::new())),
        SessionCommand::End | SessionCommand::Exit => {
            session(shell, call)?.finish_line()?;
            if session(shell, call)?.is_changed() {
                let allowed = ["commit", "abort"].map(str::to_owned).to_vec();
                let message = "there are changes that are not committed".to_owned();
                return Err(Refusal { message, allowed, ..Refusal::default() });
            }
            shell.sessions.leave(client);
            Ok(text(String::new()))
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
        SessionCommand::Where => Ok(text(format!("{}\n", session(shell, call)?.place()))),
    }
}

/// Puts an earlier commit's configuration into force.
fn roll_back(shell: &mut Shell, call: &Call, number: u64, now: Now) -> Outcome {
    shell.sessions.check_lock(call.client)?;
    let config = shell.commits.config(number)?;
    let comment = format!("rollback to commit {number}");
    let act = Act { by: &user(call), comment: Some(&comment), is_in_file: false, now };
    commit::commit(shell, config, CommitKind::Final, &act).map(text)
}

/// A command that looks at a session or at the commits, with what is to be done with its answer.
fn shown(
    shell: &mut Shell,
    call: &Call,
    command: &SessionCommand,
    pipes: &[Pipe],
    now: Now,
) -> Outcome {
    console::check(pipes)?;
    let (key, shown) = match command {
        SessionCommand::ShowCandidate => {
            ("configuration", kedge_config::render(&session(shell, call)?.config()?))
        }
        SessionCommand::ShowCommits => ("commits", commits(shell, now)),
        SessionCommand::ShowCommitChanges(number) => {
            let after = shell.commits.config(*number)?;
            let before = match number.checked_sub(1) {
                Some(earlier) if shell.commits.history.get(earlier).is_some() => {
                    shell.commits.config(earlier)?
                }
                _ => Config::default(),
            };
            ("changes", kedge_config::compare(&before, &after))
        }
        _ => ("changes", session(shell, call)?.changes()?),
    };
    let (asked, width) = match call.ask {
        Ask::Command { format, width, .. } => (format == Format::Json, width),
        Ask::Complete { .. } => (false, None),
    };
    if !asked && !pipes.contains(&Pipe::Json) {
        let shown = pipes.iter().fold(shown, |shown, pipe| pipe.apply(&shown));
        return Ok(text(match (command, width) {
            (SessionCommand::ShowCommits, Some(width)) => show::fit(&shown, width),
            // What may be loaded again stays whole.
            _ => shown,
        }));
    }
    Ok(Reply::Data(match command {
        SessionCommand::ShowCommits => {
            let waits = shell.commits.unconfirmed.as_ref().map(|waits| {
                json!({ "commit": waits.number, "seconds_left": waits.left(now).as_secs() })
            });
            json!({ key: shell.commits.history.iter().collect::<Vec<_>>(), "unconfirmed": waits })
        }
        _ => json!({ key: shown }),
    }))
}

fn commit_session(
    shell: &mut Shell,
    call: &Call,
    how: CommitKind,
    comment: Option<&str>,
    now: Now,
) -> Result<String, Refusal> {
    shell.sessions.check_lock(call.client)?;
    session(shell, call)?.finish_line()?;
    let running = shell.config.clone();
    let (config, moved) = session(shell, call)?.onto(&running)?;
    let act = Act { by: &user(call), comment, is_in_file: false, now };
    let mut said = commit::commit(shell, config, how, &act)?;
    if moved {
        said.push_str("another session has committed meanwhile; its changes are kept\n");
    }
    if how != CommitKind::Check {
        let running = shell.config.clone();
        session(shell, call)?.rebase(&running);
    }
    Ok(said)
}

/// What whoever begins is to know: that what runs may be taken back before long.
fn pending(shell: &Shell, now: Now) -> String {
    let Some(waits) = &shell.commits.unconfirmed else { return String::new() };
    let left = show::span(waits.left(now));
    format!("commit {} is undone in {left} unless 'commit' confirms it\n", waits.number)
}

fn session<'a>(shell: &'a mut Shell, call: &Call) -> Result<&'a mut Session, Refusal> {
    let none = || Refusal::new("no session is open: 'configure' opens one");
    shell.sessions.get(call.client).ok_or_else(none)
}

/// `show configuration commit list`
fn commits(shell: &Shell, now: Now) -> String {
    let all = || shell.commits.history.iter();
    let width = all().map(|commit| commit.by.len()).max().unwrap_or(0).max(4);
    let mut out = format!("{:>6}  {:<20}  {:<width$}  Comment\n", "Commit", "Time (UTC)", "User");
    for commit in all() {
        let at = commit.at.strftime("%Y-%m-%d %H:%M:%S").to_string();
        let comment = commit.comment.as_deref().unwrap_or_default();
        let line = format!("{:>6}  {at:<20}  {:<width$}  {comment}", commit.number, commit.by);
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out + &pending(shell, now)
}

fn words(shell: &mut Shell, call: &Call, line: &str) -> Vec<Word> {
    let names = live_names::names(shell);
    let known = |kind: &str| names.get(kind).cloned().unwrap_or_default();
    let inside = shell.sessions.get(call.client).is_some();
    let mut hints = complete_session(line, inside);
    if let Some(command) = strip_word(line, "do").filter(|_| inside) {
        hints = kedge_config::complete(command, &known);
    } else if !inside || is_show(line) {
        hints.extend(kedge_config::complete(line, &known));
    } else if let Some(session) = shell.sessions.get(call.client) {
        hints.extend(session.complete(line, &known));
    }
    let mut words: Vec<Word> = Vec::new();
    for hint in hints {
        if !words.iter().any(|word| word.word == hint.what) {
            let (word, help, placeholder) = (hint.what, hint.help, hint.placeholder);
            words.push(Word { word, help, placeholder });
        }
    }
    words
}

/// Why a first word is not taken for a command about the session: it may be short for another one,
/// too, and what ends a session must be meant.
fn ambiguous(shell: &mut Shell, call: &Call, line: &str) -> Option<Refusal> {
    let first = line.split_whitespace().next()?;
    let inside = shell.sessions.get(call.client).is_some();
    let is_whole = |word: &str| word.eq_ignore_ascii_case(first);
    let about_session = complete_session(first, inside);
    if about_session.is_empty() || about_session.iter().any(|hint| is_whole(&hint.what)) {
        return None;
    }
    let words = words(shell, call, first).into_iter().filter(Word::is_literal);
    let allowed: Vec<String> = words.map(|word| word.word).collect();
    if allowed.len() < 2 || allowed.iter().any(|word| is_whole(word)) {
        return None;
    }
    let message = format!("'{first}' is ambiguous");
    Some(Refusal { message, column: Some(1), allowed, ..Refusal::default() })
}

/// Who asks, by name if the host knows one.
fn user(call: &Call) -> String {
    let uid = match &call.caller {
        Caller::Token { name } => return name.to_string(),
        Caller::Local { uid: None } => return "unknown".to_owned(),
        Caller::Local { uid: Some(uid) } => *uid,
    };
    let known = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    known.map_or_else(|| format!("uid {uid}"), |user| user.name)
}

/// Of two tables' complaints, that of the one which understood more of the line. A complaint
/// without a place in the line is about what was asked: its table understood all of it.
fn nearer(refusal: Refusal, error: &CommandError) -> Refusal {
    let column = u32::try_from(error.place.spot.column).unwrap_or(u32::MAX);
    match refusal.column {
        Some(other) if other < column => refused(error),
        _ => refusal,
    }
}

fn refused(error: &CommandError) -> Refusal {
    let message = error.to_string().trim_end().to_owned();
    Refusal { column: u32::try_from(error.place.spot.column).ok(), ..Refusal::new(message) }
}

fn strip_word<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let rest = line.trim_start().strip_prefix(word)?;
    rest.starts_with(char::is_whitespace).then(|| rest.trim_start())
}

/// Whether a line looks and changes nothing: within the configuration, too, the state is shown.
fn is_show(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    first.len() >= 2 && "show".starts_with(&first) && line.trim_start().len() > first.len()
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
