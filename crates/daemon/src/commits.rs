//! What is known of the commits: those that were, and the one that waits.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kedge_api::Refusal;
use kedge_config::Config;
use kedge_sansio::Now;
use tracing::warn;

use crate::history::{self, History};

/// The configurations that were in force, and the one that must be confirmed.
pub struct Commits {
    /// What the daemon starts from.
    pub file: PathBuf,
    /// What is kept of the commits.
    pub history: History,
    /// The commit that is undone unless it is confirmed.
    pub unconfirmed: Option<Unconfirmed>,
    /// `file` is to be read again when the commit under way is done.
    pub read_again: bool,
}

/// A commit that waits for its confirmation.
pub struct Unconfirmed {
    /// Its number.
    pub number: u64,
    /// What was in force before.
    pub before: Arc<Config>,
    /// When it is undone.
    pub until: Instant,
}

impl Unconfirmed {
    /// How long there is left to confirm it.
    pub fn left(&self, now: Now) -> Duration {
        self.until.saturating_duration_since(now.mono)
    }
}

impl Commits {
    /// The commits of a daemon that runs what it has read from `file`: `text`. If that is not
    /// what was committed last, somebody has written the file, which is a commit as any other; on
    /// a disk that is full it is not kept, and the service runs all the same.
    pub fn begin(file: &Path, directory: PathBuf, text: &str, now: Now) -> io::Result<Self> {
        let mut history = History::open(directory)?;
        let read = |text: &str| kedge_config::parse(text, "").map(|(config, _)| config).ok();
        let newest = history.newest().map(|commit| commit.number);
        let last = newest.and_then(|number| history.text(number).ok());
        let wanted = read(text);
        if let Some(config) = &wanted
            && last.and_then(|last| read(&last)) != wanted
        {
            // FILE may have keys as they are; the history has none.
            let rendered = kedge_config::render(config);
            let mut comment = format!("read from {} at start", file.display());
            // So that somebody sees that what came after it was never confirmed.
            if let Some(number) = history.find(&rendered) {
                comment.push_str(&format!(", as commit {number} was"));
            }
            match history.record(&rendered, "kedged", Some(&comment), now.wall) {
                Ok(_) => history.prune(),
                Err(error) => warn!("the history does not have this configuration: {error}"),
            }
        }
        Ok(Self { file: file.to_owned(), history, unconfirmed: None, read_again: false })
    }

    /// When an unconfirmed commit is undone.
    pub fn due(&self) -> Option<Instant> {
        self.unconfirmed.as_ref().map(|unconfirmed| unconfirmed.until)
    }

    /// What reads the configuration of a commit, wherever that is done: a large one takes a while.
    pub fn reader(&self, number: u64) -> impl FnOnce() -> Result<Config, Refusal> + Send + 'static {
        let file = self.history.file(number);
        move || read(&file, number)
    }
}

fn read(file: &Path, number: u64) -> Result<Config, Refusal> {
    let text = history::text(file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Refusal::new(format!(
            "there is no commit {number}; 'show configuration commit list' shows what is kept"
        )),
        _ => Refusal::new(format!("commit {number} cannot be read: {error}")),
    })?;
    let origin = format!("commit {number}");
    kedge_config::parse(&text, &origin).map(|(config, _)| config).map_err(|errors| {
        let first = errors.first().map(ToString::to_string).unwrap_or_default();
        Refusal::new(format!("commit {number} does not read any more: {}", first.trim_end()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_with_what_was_confirmed_last_says_which_commit_that_was() {
        let dir = tempfile::tempdir().unwrap();
        let now = Now { mono: Instant::now(), wall: std::time::SystemTime::now() };
        let begin = |domain: &str| {
            let text = format!("ipv6 mobile pmipv6-domain {domain}\n!\n");
            let file = Path::new("kedge.conf");
            Commits::begin(file, dir.path().join("commits"), &text, now).expect("it starts").history
        };
        begin("one");
        // As a commit that nobody has confirmed when the daemon is killed.
        begin("two");
        let history = begin("one");
        let comments: Vec<_> = history.iter().map(|commit| commit.comment.as_deref()).collect();
        let read = "read from kedge.conf at start";
        assert_eq!(comments, [Some(&*format!("{read}, as commit 1 was")), Some(read), Some(read)]);
        assert_eq!(begin("one").iter().count(), 3, "nothing has changed");
    }

    #[test]
    fn a_start_whose_commit_cannot_be_written_goes_on_without_it() {
        let dir = tempfile::tempdir().unwrap();
        let directory = dir.path().join("commits");
        // A directory of the name that the first commit's file is to get: no file replaces it.
        std::fs::create_dir_all(directory.join("0000000001.conf")).unwrap();
        let now = Now { mono: Instant::now(), wall: std::time::SystemTime::now() };
        let begin = || Commits::begin(Path::new("kedge.conf"), directory.clone(), "", now);
        assert_eq!(begin().expect("it starts").history.iter().count(), 0);
        std::fs::remove_dir(directory.join("0000000001.conf")).unwrap();
        assert_eq!(begin().expect("it starts").history.iter().count(), 1);
    }
}
