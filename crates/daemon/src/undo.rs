//! A commit that was not confirmed in time: what ran before it comes into force again.

use std::sync::Arc;
use std::time::Duration;

use kedge_config::Config;
use kedge_sansio::Now;
use tracing::{error, warn};

use crate::commits::Unconfirmed;
use crate::committing::{Committing, Purpose, Stage};
use crate::prepared::{Devices, Preparing, Removing};
use crate::shell::Shell;

/// Begins to undo a commit that was not confirmed in time.
pub fn expire(shell: &mut Shell, now: Now) {
    let is_due = shell.commits.due().is_some_and(|until| until <= now.mono);
    if !is_due || shell.committing.is_some() {
        return;
    }
    let Some(Unconfirmed { number, before, .. }) = shell.commits.unconfirmed.take() else { return };
    warn!(number, "the commit was not confirmed in time and is undone");
    let preparing = shell.plan(&before).map_err(|cause| cause.to_string()).and_then(|plan| {
        shell.begin_preparing(plan, Devices::Awaited).map_err(|error| error.to_string())
    });
    match preparing {
        Ok(preparing) => {
            let stage = Stage::Preparing(before, Box::new(preparing));
            let purpose = Purpose::Undo { number };
            shell.committing = Some(Committing { stage, purpose, asker: None });
        }
        Err(cause) => put_off(shell, number, before, &cause, now),
    }
}

/// Undoes a commit for which the host is prepared, and gives what it leaves behind; puts it off if
/// the host is not.
pub fn undo(
    shell: &mut Shell,
    number: u64,
    before: Arc<Config>,
    prepared: Result<Preparing, String>,
    now: Now,
) -> Option<Removing> {
    let prepared = match prepared {
        Ok(preparing) => preparing.into_prepared(),
        Err(cause) => {
            put_off(shell, number, before, &cause, now);
            return None;
        }
    };
    let text = kedge_config::render(&before);
    let removing = shell.put_in_force(before, prepared, now);
    let comment = format!("commit {number} was not confirmed");
    let history = &mut shell.commits.history;
    match history.record(&text, "kedged", Some(&comment), now.wall) {
        Ok(_) => history.prune(),
        Err(error) => error!("the history cannot be written: {error}"),
    }
    Some(removing)
}

/// Undoes a commit later, if the host does not play along.
fn put_off(shell: &mut Shell, number: u64, before: Arc<Config>, cause: &str, now: Now) {
    const AGAIN: Duration = Duration::from_secs(10);
    error!(number, "the commit cannot be undone yet: {cause}");
    let until = now.mono + AGAIN;
    shell.commits.unconfirmed = Some(Unconfirmed { number, before, until });
}
