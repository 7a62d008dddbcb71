//! The words of a configuration session: `commit`, `show configuration`, `load`, `rollback` and
//! the ways out. They stand beside the configuration's own commands and change none of it.

mod table;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use kedge_grammar::Hint;
use kedge_grammar::table::Block;
use table::{INSIDE, Key, OUTSIDE};

use crate::CommandError;

/// What is asked of a session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SessionCommand {
    /// `configure [exclusive | terminal]`
    Configure {
        /// Nobody else may commit while this session lasts.
        exclusive: bool,
    },
    /// `commit [check | confirmed MINUTES] [comment TEXT]`
    Commit {
        /// How.
        how: CommitKind,
        /// Why, in the words of who commits.
        comment: Option<String>,
    },
    /// `show configuration`: what the candidate changes.
    ShowChanges,
    /// `show configuration merge`: the whole candidate.
    ShowCandidate,
    /// `show configuration commit list`
    ShowCommits,
    /// `show configuration commit changes {N | since N | last COUNT}`
    ShowCommitChanges(Which),
    /// `show configuration sessions`
    ShowSessions,
    /// `clear configuration sessions N`: end somebody's session.
    ClearSession(u64),
    /// `rollback configuration [to] N`
    Rollback(u64),
    /// `rollback configuration last N`: to what held before the last N commits.
    RollbackLast(u64),
    /// `load {FILE | terminal} [merge | replace]`; the text comes with the request.
    Load {
        /// The file's name, for messages; `terminal` for a text that is typed.
        file: String,
        /// Whether it takes the place of what there is.
        replace: bool,
    },
    /// `save FILE`: the running configuration, for the client to keep.
    Save,
    /// `clear`: forget the changes.
    Clear,
    /// `abort`: forget the changes and leave.
    Abort,
    /// `end`
    End,
    /// `exit`: leave the innermost mode.
    Exit,
    /// `pwd`: where in the configuration the session is.
    Where,
    /// `enable`: everybody who gets here may do everything.
    Enable,
    /// `write`, `copy running-config startup-config`: what a commit has done already.
    Keep,
    /// `terminal {length | width} N`: the terminal's own affair, which has read it too.
    Terminal,
    /// `terminal [no] monitor`: other commands do that here.
    TerminalMonitor {
        /// It begins, or ends.
        on: bool,
    },
}

/// Commits whose changes are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    /// That of this number.
    One(u64),
    /// That of this number and all later ones, together.
    Since(u64),
    /// So many of the newest, together.
    Last(u64),
}

/// The kinds of commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommitKind {
    /// For good.
    Final,
    /// Not at all: only said whether it could be done, and what it would do.
    Check,
    /// For this many minutes, unless another commit confirms it.
    Confirmed {
        /// 1 to 65535.
        minutes: u16,
    },
}

/// Reads a line as a command about sessions; `inside` says whether one is open.
pub fn parse_session_command(
    line: &str,
    inside: bool,
) -> Result<SessionCommand, Box<CommandError>> {
    let line = if inside { line.into() } else { misprinted(line) };
    let (key, args) = kedge_grammar::read_command(block(inside), &line, "command").map_err(
        |error| -> Box<CommandError> {
            let (place, fault) = *error;
            Box::new(CommandError { place, fault })
        },
    )?;
    let number = args.integer("N").unwrap_or_default();
    Ok(match key {
        Key::Configure => SessionCommand::Configure { exclusive: args.has("exclusive") },
        Key::Commit => {
            let how = match (args.has("check"), args.integer("MINUTES")) {
                (true, _) => CommitKind::Check,
                (false, Some(minutes)) => CommitKind::Confirmed { minutes },
                (false, None) => CommitKind::Final,
            };
            SessionCommand::Commit { how, comment: args.text("TEXT").map(str::to_owned) }
        }
        Key::Changes => SessionCommand::ShowChanges,
        Key::Candidate => SessionCommand::ShowCandidate,
        Key::Commits => SessionCommand::ShowCommits,
        Key::CommitChanges => {
            let last = args.integer("COUNT").map(Which::Last);
            let since = args.integer("FIRST").map(Which::Since);
            SessionCommand::ShowCommitChanges(last.or(since).unwrap_or(Which::One(number)))
        }
        Key::Sessions => SessionCommand::ShowSessions,
        Key::ClearSession => SessionCommand::ClearSession(number),
        Key::Rollback => match args.integer("COUNT") {
            Some(count) => SessionCommand::RollbackLast(count),
            None => SessionCommand::Rollback(number),
        },
        Key::Load => SessionCommand::Load {
            file: args.text("FILE").unwrap_or_default().to_owned(),
            replace: args.has("replace"),
        },
        Key::Save => SessionCommand::Save,
        Key::Clear => SessionCommand::Clear,
        Key::Abort => SessionCommand::Abort,
        Key::End => SessionCommand::End,
        Key::Exit => SessionCommand::Exit,
        Key::Where => SessionCommand::Where,
        Key::Enable => SessionCommand::Enable,
        Key::Keep => SessionCommand::Keep,
        Key::Terminal => SessionCommand::Terminal,
        Key::TerminalMonitor => SessionCommand::TerminalMonitor { on: !args.has("no") },
    })
}

/// The words that may stand before a line of the configuration, and the one before other lines.
const BEFORE: [(&str, &str); 3] = [
    ("no", "Take a command away, or turn off what is on by default"),
    ("default", "Go back to what holds without a command"),
    ("do", "A command from outside of the configuration"),
];

/// Whether a line within a session can be more than a line of the configuration: its first word is
/// that of a command about the session, or may be short for one.
pub fn may_be_about_session(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    let is_before = BEFORE.iter().any(|(word, _)| word.starts_with(&first));
    is_before && !matches!(first.as_str(), "no" | "default")
        || kedge_grammar::begins_command(&INSIDE, line)
}

/// The documents print `configuration terminal` for `configure terminal`. A row of the table for
/// it would make `conf` ambiguous.
fn misprinted(line: &str) -> Cow<'_, str> {
    const MISPRINT: &str = "configuration";
    match line.trim_start().split_at_checked(MISPRINT.len()) {
        Some((word, rest))
            if word.eq_ignore_ascii_case(MISPRINT) && !rest.starts_with(char::is_alphabetic) =>
        {
            format!("configure{rest}").into()
        }
        _ => line.into(),
    }
}

/// What of these commands may stand where `line` ends, and the words that may stand before those of
/// the configuration.
pub fn complete_session(line: &str, inside: bool) -> Vec<Hint> {
    let is_first = !line.trim_start().contains(char::is_whitespace);
    let first = line.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    if !is_first && BEFORE.iter().any(|(word, _)| *word == first) {
        return Vec::new();
    }
    let mut hints = kedge_grammar::complete(block(inside), line, &|_| Vec::new());
    if inside && is_first {
        let begun = BEFORE.iter().filter(|(word, _)| word.starts_with(&first));
        hints.extend(begun.map(|(word, help)| Hint::new(word, help)));
    }
    hints
}

fn block(inside: bool) -> &'static Block<Key> {
    if inside { &INSIDE } else { &OUTSIDE }
}
