//! The commit: from a configuration that reads well to one that runs and that survives.
//!
//! ```text
//!   plan ──► host prepared ──► history ──► FILE ──► in force, acknowledged
//!    │            │               │          │
//!    └────────────┴───────────────┴──────────┴── a failure: as before, and why
//! ```
//!
//! What may be refused for what it says is refused first, then what the host has not got. Then the
//! configuration is brought to the disk, and then into force, which cannot fail any more. A kill
//! in between leaves FILE with the old text or the new one, and nothing was acknowledged yet.

use std::fmt;
use std::io;
use std::time::Duration;

use kedge_api::Refusal;
use kedge_config::{CommitKind, Config};
use kedge_sansio::Now;
use tracing::{error, info, warn};

use crate::answer::plural;
use crate::apply::Plan;
use crate::commits::Unconfirmed;
use crate::config_file;
use crate::in_service::Devices;
use crate::key_file;
use crate::os_error::reason;
use crate::shell::Shell;
use crate::state_dir;

/// Who commits, why, and when.
pub struct Act<'a> {
    /// The user.
    pub by: &'a str,
    /// The reason given.
    pub comment: Option<&'a str>,
    /// FILE says so already.
    pub is_in_file: bool,
    /// The time.
    pub now: Now,
}

/// What a commit would do, in the words of an operator.
fn preview(shell: &Shell, config: &Config, plan: &Plan) -> String {
    let mut lines = shell.ended_by(plan);
    let idle = config.without_effect();
    if !idle.is_empty() {
        lines.push(format!("no effect yet: {}", idle.join(", ")));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Puts a configuration into force and makes it last.
pub fn commit(
    shell: &mut Shell,
    config: Config,
    how: CommitKind,
    act: &Act<'_>,
) -> Result<String, Refusal> {
    let refused = |cause: &dyn fmt::Display| Refusal::new(format!("nothing is committed: {cause}"));
    let mut config = config;
    config.read_key_files(key_file::read).map_err(|cause| refused(&cause))?;
    let plan = shell.plan(&config).map_err(|cause| refused(&cause))?;
    let said = preview(shell, &config, &plan);
    if how == CommitKind::Check {
        shell.examine(&plan).map_err(|cause| Refusal::new(cause.to_string()))?;
        return Ok(format!("it can be committed\n{said}"));
    }
    if config == shell.config {
        return confirm(shell);
    }
    let prepared = shell.prepare(plan, Devices::Needed).map_err(|cause| refused(&cause))?;
    let number = match keep(shell, &config, how, act) {
        Ok(number) => number,
        Err(refusal) => {
            shell.abandon(prepared);
            return Err(refusal);
        }
    };
    let before = shell.config.clone();
    shell.put_in_force(config, prepared, act.now);
    let commits = &mut shell.commits;
    commits.history.prune();
    let mut answer = format!("commit {number}\n{said}");
    match how {
        CommitKind::Confirmed { minutes } => {
            // Several unconfirmed commits in a row go back to what was confirmed.
            let before = commits.unconfirmed.take().map_or(before, |earlier| earlier.before);
            let until = act.now.mono + Duration::from_secs(u64::from(minutes) * 60);
            commits.unconfirmed = Some(Unconfirmed { number, before, until });
            let minutes = format!("{minutes} {}", plural(minutes.into(), "minute"));
            answer.push_str(&format!("it is undone in {minutes} unless 'commit' confirms it\n"));
        }
        CommitKind::Final | CommitKind::Check => {
            if let Some(Unconfirmed { number, .. }) = commits.unconfirmed.take() {
                answer.push_str(&format!("commit {number} needs no confirmation any more\n"));
            }
        }
    }
    info!(number, by = act.by, "configuration committed");
    Ok(answer)
}

/// Brings a configuration to the disk. On an error, nothing is there that was not before.
fn keep(
    shell: &mut Shell,
    config: &Config,
    how: CommitKind,
    act: &Act<'_>,
) -> Result<u64, Refusal> {
    let failed = |what: &str, error: &io::Error| {
        Refusal::new(format!("nothing is committed: {what}: {}", reason(error)))
    };
    let rendered = kedge_config::render(config);
    let commits = &mut shell.commits;
    let number = commits
        .history
        .record(&rendered, act.by, act.comment, act.now.wall)
        .map_err(|error| failed("the history cannot be written", &error))?;
    // What was read from FILE is there.
    if how == CommitKind::Final
        && !act.is_in_file
        && let Err(error) = state_dir::replace(&commits.file, rendered.as_bytes())
    {
        if let Err(error) = commits.history.withdraw(number) {
            error!(number, "the commit is still in the history: {error}");
        }
        return Err(failed(&format!("{} cannot be written", commits.file.display()), &error));
    }
    Ok(number)
}

/// Reads FILE again, as SIGHUP asks, and commits what it says.
pub fn read_again(shell: &mut Shell, now: Now) {
    let file = shell.commits.file.clone();
    if shell.sessions.is_exclusive() {
        let file = file.display();
        return warn!("{file} is not read again: a session has the configuration for itself");
    }
    let (config, _) = match config_file::read_again(&file) {
        Ok(read) => read,
        Err(error) => return error!("nothing has changed: {error}"),
    };
    let comment = format!("read from {} again", file.display());
    let act = Act { by: "kedged", comment: Some(&comment), is_in_file: true, now };
    // FILE holds: an earlier commit that waits to be confirmed is over.
    if config == shell.config && shell.commits.unconfirmed.take().is_none() {
        return info!("{} says what is in force", file.display());
    }
    match commit(shell, config, CommitKind::Final, &act) {
        Ok(said) => info!("{}", said.trim_end().replace('\n', "; ")),
        Err(refusal) => error!("{}: {}", file.display(), refusal.message),
    }
}

/// A commit without changes confirms the one that waits for it.
fn confirm(shell: &mut Shell) -> Result<String, Refusal> {
    let Some(unconfirmed) = &shell.commits.unconfirmed else {
        return Ok("nothing to commit\n".to_owned());
    };
    let number = unconfirmed.number;
    let text = kedge_config::render(&shell.config);
    state_dir::replace(&shell.commits.file, text.as_bytes()).map_err(|error| {
        let file = shell.commits.file.display();
        let reason = reason(&error);
        Refusal::new(format!("not confirmed: {file} cannot be written: {reason}"))
    })?;
    shell.commits.unconfirmed = None;
    info!(number, "configuration confirmed");
    Ok(format!("commit {number} is confirmed\n"))
}

/// Undoes a commit that was not confirmed in time.
pub fn expire(shell: &mut Shell, now: Now) {
    /// After this long it is tried again, if the host does not play along.
    const AGAIN: Duration = Duration::from_secs(10);
    let due = shell.commits.due().is_some_and(|until| until <= now.mono);
    let Some(unconfirmed) = shell.commits.unconfirmed.take_if(|_| due) else { return };
    let Unconfirmed { number, before, .. } = unconfirmed;
    warn!(number, "the commit was not confirmed in time and is undone");
    let prepared = shell
        .plan(&before)
        .map_err(|cause| cause.to_string())
        .and_then(|plan| shell.prepare(plan, Devices::Awaited).map_err(|e| e.to_string()));
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            error!(number, "the commit cannot be undone yet: {error}");
            let until = now.mono + AGAIN;
            shell.commits.unconfirmed = Some(Unconfirmed { number, before, until });
            return;
        }
    };
    let text = kedge_config::render(&before);
    shell.put_in_force(before, prepared, now);
    let comment = format!("commit {number} was not confirmed");
    let history = &mut shell.commits.history;
    match history.record(&text, "kedged", Some(&comment), now.wall) {
        Ok(_) => history.prune(),
        Err(error) => error!("the history cannot be written: {error}"),
    }
}
