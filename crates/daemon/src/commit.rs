//! The commit: from a configuration that reads well to one that runs and that survives.
//!
//! ```text
//!   plan ──► host prepared ──► history ──► FILE ──► in force ──► old removed, acknowledged
//!    │        by the slice        │          │                    by the slice
//!    └────────────┴───────────────┴──────────┴── a failure: as before, and why
//! ```
//!
//! What may be refused for what it says is refused first, then what the host has not got: while that
//! is made, others are served, and no second commit is begun. Then the configuration is brought to
//! the disk, and then into force, which cannot fail any more; what it has no place for is removed
//! before it is acknowledged. A kill in between leaves FILE with the
//! old text or the new one, and nothing was acknowledged yet.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kedge_api::{Call, ClientId, Refusal, Reply, Work};
use kedge_config::{CommitKind, Config};
use kedge_sansio::Now;
use tracing::{error, info, warn};

use crate::answer::plural;
use crate::apply::Plan;
use crate::commits::Unconfirmed;
use crate::committing::{Act, Committing, Purpose, Stage};
use crate::config_file;
use crate::errand;
use crate::key_file;
use crate::os_error::reason;
use crate::prepared::{Devices, Preparing, Removing};
use crate::shell::Shell;
use crate::state_dir;
use crate::undo;

/// How long what the host needs is made before packets get their turn.
const SLICE: Duration = Duration::from_millis(1);

/// What a commit would do, in the words of an operator.
fn preview(shell: &Shell, config: &Config, plan: &Plan) -> String {
    let mut lines = shell.ended_by(plan);
    let idle = config.without_effect();
    if !idle.is_empty() {
        lines.push(format!("no effect yet: {}", idle.join(", ")));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn refused(cause: &dyn fmt::Display) -> Refusal {
    Refusal::new(format!("nothing is committed: {cause}"))
}

/// Begins to put a configuration into force and to make it last; [`go_on`] does it. What is said
/// at once if there is nothing to be done.
pub fn begin(
    shell: &mut Shell,
    config: Config,
    how: CommitKind,
    act: Act,
) -> Result<Option<String>, Refusal> {
    let mut config = config;
    config.read_key_files(key_file::read).map_err(|cause| refused(&cause))?;
    let plan = shell.plan(&config).map_err(|cause| refused(&cause))?;
    if how == CommitKind::Check {
        shell.examine(&plan).map_err(|cause| Refusal::new(cause.to_string()))?;
        return Ok(Some(format!("it can be committed\n{}", preview(shell, &config, &plan))));
    }
    if shell.committing.is_some() {
        return Err(Refusal::new("another commit is under way: try again when it is done"));
    }
    if config == *shell.config {
        return confirm(shell).map(Some);
    }
    let preparing =
        shell.begin_preparing(plan, Devices::Needed).map_err(|cause| refused(&cause))?;
    let purpose = Purpose::Commit { how, act };
    let stage = Stage::Preparing(Arc::new(config), Box::new(preparing));
    shell.committing = Some(Committing { stage, purpose, asker: None });
    Ok(None)
}

/// Who waits for the commit that was begun.
pub fn set_asker(shell: &mut Shell, call: Call) {
    if let Some(committing) = &mut shell.committing {
        committing.asker = Some(call);
    }
}

/// Goes on with the commit under way, and ends it when the host has everything for it and nothing
/// that it has no place for.
pub fn go_on(shell: &mut Shell, now: Now) {
    let Some(Committing { stage, purpose, asker }) = shell.committing.take() else { return };
    asker.iter().for_each(Call::is_under_way);
    let until = Instant::now() + SLICE;
    match stage {
        Stage::Preparing(config, mut preparing) => {
            let prepared = match shell.go_on_preparing(&mut preparing, until) {
                Ok(false) => {
                    let stage = Stage::Preparing(config, preparing);
                    shell.committing = Some(Committing { stage, purpose, asker });
                    return;
                }
                Ok(true) => Ok(*preparing),
                Err(error) => {
                    shell.abandon(preparing.into_prepared());
                    Err(error.to_string())
                }
            };
            bring_into_force(shell, config, prepared, purpose, asker, now);
        }
        Stage::Removing(mut removing, said) => {
            if !shell.go_on_removing(&mut removing, until) {
                let stage = Stage::Removing(removing, said);
                shell.committing = Some(Committing { stage, purpose, asker });
                return;
            }
            if let Purpose::Commit { act, .. } = purpose {
                conclude(shell, Ok(said + act.remark), asker, act.of_session);
            }
        }
    }
    if shell.committing.is_none() && std::mem::take(&mut shell.commits.read_again) {
        read_again(shell);
    }
}

/// Does what a commit is for, if the host could be prepared for it.
fn bring_into_force(
    shell: &mut Shell,
    config: Arc<Config>,
    prepared: Result<Preparing, String>,
    purpose: Purpose,
    asker: Option<Call>,
    now: Now,
) {
    let outcome = match (&purpose, prepared) {
        (Purpose::Commit { how, act }, Ok(preparing)) => {
            finish(shell, config, preparing, *how, act, now)
        }
        (Purpose::Commit { .. }, Err(cause)) => Err(refused(&cause)),
        (Purpose::Undo { number }, prepared) => {
            let Some(removing) = undo::undo(shell, *number, config, prepared, now) else { return };
            Ok((String::new(), removing))
        }
    };
    match outcome {
        Ok((said, removing)) => {
            let stage = Stage::Removing(removing, said);
            shell.committing = Some(Committing { stage, purpose, asker });
        }
        Err(refusal) => conclude(shell, Err(refusal), asker, false),
    }
}

/// Makes a configuration last whose host is prepared, and puts it into force. Gives what is to be
/// said of it, and what it has no place for.
fn finish(
    shell: &mut Shell,
    config: Arc<Config>,
    preparing: Preparing,
    how: CommitKind,
    act: &Act,
    now: Now,
) -> Result<(String, Removing), Refusal> {
    let said = preview(shell, &config, preparing.plan());
    let prepared = preparing.into_prepared();
    let number = match keep(shell, &config, how, act, now) {
        Ok(number) => number,
        Err(refusal) => {
            shell.abandon(prepared);
            return Err(refusal);
        }
    };
    let before = Arc::clone(&shell.config);
    let removing = shell.put_in_force(config, prepared, now);
    let commits = &mut shell.commits;
    commits.history.prune();
    let mut answer = format!("commit {number}\n{said}");
    match how {
        CommitKind::Confirmed { minutes } => {
            // Several unconfirmed commits in a row go back to what was confirmed.
            let before = commits.unconfirmed.take().map_or(before, |earlier| earlier.before);
            let until = now.mono + Duration::from_secs(u64::from(minutes) * 60);
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
    Ok((answer, removing))
}

/// Says what became of a commit. A session whose commit is done begins again from it.
fn conclude(
    shell: &mut Shell,
    outcome: Result<String, Refusal>,
    asker: Option<Call>,
    of_session: bool,
) {
    let Some(call) = asker else {
        return match outcome {
            Ok(said) => info!("{}", said.trim_end().replace('\n', "; ")),
            Err(refusal) => error!("{}: {}", shell.commits.file.display(), refusal.message),
        };
    };
    if of_session
        && let Ok(said) = &outcome
        && let Some(work) = rebase(shell, call.client, said.clone())
    {
        return call.work(work);
    }
    let mode = shell.sessions.mode(call.client);
    call.answer(outcome.map(Reply::Text), mode);
}

/// Has a session begin again from what runs, before its client is told this.
pub fn rebase(shell: &mut Shell, client: ClientId, said: String) -> Option<Work> {
    let session = shell.sessions.lend(client).ok()?;
    let running = Arc::clone(&shell.config);
    Some(errand::answer(session, false, move |session, _| {
        session.rebase(&running);
        Ok(Reply::Text(said))
    }))
}

/// Brings a configuration to the disk. On an error, nothing is there that was not before.
fn keep(
    shell: &mut Shell,
    config: &Config,
    how: CommitKind,
    act: &Act,
    now: Now,
) -> Result<u64, Refusal> {
    let failed = |what: &str, error: &io::Error| {
        Refusal::new(format!("nothing is committed: {what}: {}", reason(error)))
    };
    let rendered = kedge_config::render(config);
    let commits = &mut shell.commits;
    let number = commits
        .history
        .record(&rendered, &act.by, act.comment.as_deref(), now.wall)
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
pub fn read_again(shell: &mut Shell) {
    let file = shell.commits.file.clone();
    if shell.sessions.is_exclusive() {
        let file = file.display();
        return warn!("{file} is not read again: a session has the configuration for itself");
    }
    if shell.committing.is_some() {
        shell.commits.read_again = true;
        return;
    }
    let (config, _) = match config_file::read_again(&file) {
        Ok(read) => read,
        Err(error) => return error!("nothing has changed: {error}"),
    };
    // FILE holds: an earlier commit that waits to be confirmed is over.
    if config == *shell.config && shell.commits.unconfirmed.take().is_none() {
        return info!("{} says what is in force", file.display());
    }
    let act = Act {
        by: "kedged".to_owned(),
        comment: Some(format!("read from {} again", file.display())),
        is_in_file: true,
        remark: "",
        of_session: false,
    };
    match begin(shell, config, CommitKind::Final, act) {
        Ok(None) => {}
        Ok(Some(said)) => conclude(shell, Ok(said), None, false),
        Err(refusal) => conclude(shell, Err(refusal), None, false),
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
