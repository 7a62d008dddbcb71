//! The commits: what was in force, since when, by whose hand, and why.
//!
//! ```text
//!   STATE_DIR/commits/0000000017.conf
//!     ! {"number":17,"at":"2026-03-01T12:00:00Z","by":"root","comment":"second pool"}
//!     ipv6 mobile pmipv6-domain D1
//!     ...
//! ```
//!
//! Each is a whole configuration with one comment line before it, so that it can be read, loaded
//! and compared with the tools of every day. A file is written under another name, brought to the
//! disk, and then given its name: one that has its name is whole. The newest [`KEPT`] are kept.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;
use kedge_api::Refusal;
use kedge_config::Which;
use serde::{Deserialize, Serialize};

use crate::state_dir::replace;

/// How many commits are kept, as routers of the vendor keep them.
pub const KEPT: usize = 100;

/// What is known of a commit beside its text.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Commit {
    /// Its number; the next one's is higher by one.
    pub number: u64,
    /// When it was made.
    pub at: Timestamp,
    /// Who made it.
    pub by: String,
    /// Why, in the words of who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// The commits of one daemon, on its disk.
#[derive(Debug)]
pub struct History {
    directory: PathBuf,
    commits: BTreeMap<u64, Commit>,
}

impl History {
    /// Opens what is there, and makes the directory if it is missing. A file that is no commit is
    /// left alone and not listed.
    pub fn open(directory: PathBuf) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
        let mut commits = BTreeMap::new();
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            if let Some(commit) = read_head(&path)
                && path == file(&directory, commit.number)
            {
                commits.insert(commit.number, commit);
            }
        }
        Ok(Self { directory, commits })
    }

    /// The commits, the newest first.
    pub fn iter(&self) -> impl Iterator<Item = &Commit> {
        self.commits.values().rev()
    }

    /// The newest commit.
    pub fn newest(&self) -> Option<&Commit> {
        self.iter().next()
    }

    /// The commit of this number.
    pub fn get(&self, number: u64) -> Option<&Commit> {
        self.commits.get(&number)
    }

    /// The commits between which something changed: the one before, `None` if there was nothing
    /// before it, and the last one.
    pub fn ends(&self, which: Which) -> Result<(Option<u64>, u64), Refusal> {
        let newest = self.newest().map_or(0, |commit| commit.number);
        let (first, last) = match which {
            Which::One(number) => (number, number),
            Which::Since(number) => (number, newest),
            Which::Last(count) => {
                // Numbers are without gaps.
                let kept = self.commits.len() as u64;
                let first = (newest + 1).checked_sub(count).filter(|_| count <= kept);
                let none = || Refusal::new(format!("only {kept} commits are kept"));
                (first.ok_or_else(none)?, newest)
            }
        };
        if self.get(first).is_none() || self.get(last).is_none() {
            return Err(Refusal::new(format!(
                "there is no commit {first}; 'show configuration commit list' shows what is kept"
            )));
        }
        let before = first.checked_sub(1).filter(|before| *before > 0);
        if let Some(before) = before.filter(|before| self.get(*before).is_none()) {
            return Err(Refusal::new(format!(
                "commit {before} is not kept any more, so what commit {first} changed is not known"
            )));
        }
        Ok((before, last))
    }

    /// Where a commit is.
    pub fn file(&self, number: u64) -> PathBuf {
        file(&self.directory, number)
    }

    /// The configuration of a commit.
    pub fn text(&self, number: u64) -> io::Result<String> {
        text(&self.file(number))
    }

    /// The newest commit with this configuration.
    pub fn find(&self, text: &str) -> Option<u64> {
        let is_it = |number: &u64| self.text(*number).is_ok_and(|kept| kept == text);
        self.iter().map(|commit| commit.number).find(is_it)
    }

    /// Keeps a configuration that is in force from now on. When this returns, it is on the disk.
    pub fn record(
        &mut self,
        text: &str,
        by: &str,
        comment: Option<&str>,
        now: SystemTime,
    ) -> io::Result<u64> {
        let number = self.newest().map_or(1, |commit| commit.number + 1);
        // A clock that stands before 1970 or far in the future is not worth a refusal.
        let at = Timestamp::try_from(now).unwrap_or(Timestamp::UNIX_EPOCH);
        let comment = comment.map(str::to_owned);
        let commit = Commit { number, at, by: by.to_owned(), comment };
        let head = serde_json::to_string(&commit)?;
        replace(&file(&self.directory, number), format!("! {head}\n{text}").as_bytes())?;
        self.commits.insert(number, commit);
        Ok(number)
    }

    /// Forgets the oldest beyond [`KEPT`], once the newest is in force.
    pub fn prune(&mut self) {
        while self.commits.len() > KEPT {
            let Some((oldest, _)) = self.commits.pop_first() else { break };
            // One that cannot be removed is listed again at the next start, and no harm is done.
            let _ = fs::remove_file(file(&self.directory, oldest));
        }
    }

    /// Takes the newest commit back: what it records has not come into force.
    pub fn withdraw(&mut self, number: u64) -> io::Result<()> {
        self.commits.remove(&number);
        fs::remove_file(file(&self.directory, number))?;
        File::open(&self.directory)?.sync_all()
    }
}

/// The configuration of the commit in a file.
pub fn text(file: &Path) -> io::Result<String> {
    let text = fs::read_to_string(file)?;
    Ok(text.split_once('\n').map_or(String::new(), |(_, rest)| rest.to_owned()))
}

fn file(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:010}.conf"))
}

fn read_head(path: &Path) -> Option<Commit> {
    let text = fs::read_to_string(path).ok()?;
    serde_json::from_str(text.lines().next()?.strip_prefix("! ")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(history: &mut History, text: &str) -> u64 {
        history.record(text, "root", None, SystemTime::now()).unwrap()
    }

    #[test]
    fn commits_are_there_again_after_a_restart_the_newest_first() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = History::open(dir.path().join("commits")).unwrap();
        assert_eq!(history.newest(), None);
        assert_eq!(record(&mut history, "one\n"), 1);
        let now = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(86_400);
        history.record("two\n", "anna", Some("a \"second\"\npool"), now).unwrap();
        let again = History::open(dir.path().join("commits")).unwrap();
        assert_eq!(again.iter().map(|c| c.number).collect::<Vec<_>>(), [2, 1]);
        let newest = again.newest().unwrap();
        assert_eq!(newest, history.newest().unwrap());
        assert_eq!(newest.at.to_string(), "1970-01-02T00:00:00Z");
        assert_eq!(newest.comment.as_deref(), Some("a \"second\"\npool"));
        assert_eq!(again.text(2).unwrap(), "two\n");
        assert_eq!(again.text(1).unwrap(), "one\n");
        assert_eq!(again.text(3).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn the_newest_hundred_are_kept_and_numbers_are_not_used_twice() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = History::open(dir.path().to_owned()).unwrap();
        for _ in 0..KEPT + 3 {
            record(&mut history, "x\n");
        }
        history.prune();
        assert_eq!(history.iter().count(), KEPT);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), KEPT);
        assert_eq!(history.iter().last().unwrap().number, 4);
        assert_eq!(record(&mut history, "x\n"), KEPT as u64 + 4);
    }

    #[test]
    fn changes_are_those_between_two_commits_that_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = History::open(dir.path().to_owned()).unwrap();
        let refused = |history: &History, which| history.ends(which).unwrap_err().message;
        assert_eq!(refused(&history, Which::Last(1)), "only 0 commits are kept");
        for _ in 0..5 {
            record(&mut history, "x\n");
        }
        for (which, ends) in [
            (Which::One(1), (None, 1)),
            (Which::One(3), (Some(2), 3)),
            (Which::Since(1), (None, 5)),
            (Which::Since(5), (Some(4), 5)),
            (Which::Last(1), (Some(4), 5)),
            (Which::Last(5), (None, 5)),
        ] {
            assert_eq!(history.ends(which), Ok(ends), "{which:?}");
        }
        assert_eq!(refused(&history, Which::Last(6)), "only 5 commits are kept");
        for which in [Which::One(6), Which::Since(6)] {
            assert!(refused(&history, which).starts_with("there is no commit 6;"), "{which:?}");
        }
        for _ in 0..KEPT {
            record(&mut history, "x\n");
        }
        history.prune();
        // Nothing is said to have been there before the oldest one that is kept.
        for which in [Which::One(6), Which::Since(6), Which::Last(100)] {
            let said = refused(&history, which);
            assert!(said.starts_with("commit 5 is not kept any more"), "{which:?}: {said}");
        }
        assert_eq!(history.ends(Which::Last(99)), Ok((Some(6), 105)));
    }

    #[test]
    fn a_commit_that_is_withdrawn_was_never_made() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = History::open(dir.path().to_owned()).unwrap();
        record(&mut history, "one\n");
        let number = record(&mut history, "two\n");
        history.withdraw(number).unwrap();
        assert_eq!(history.newest().unwrap().number, 1);
        assert_eq!(History::open(dir.path().to_owned()).unwrap().iter().count(), 1);
    }

    #[test]
    fn what_a_crash_left_half_written_is_no_commit() {
        let dir = tempfile::tempdir().unwrap();
        record(&mut History::open(dir.path().to_owned()).unwrap(), "one\n");
        fs::write(dir.path().join(".0000000002.conf.new"), "! {\"number\":2,\"at\":\"19").unwrap();
        fs::write(dir.path().join("0000000003.conf"), "! {\"number\":3").unwrap();
        fs::write(dir.path().join("notes.txt"), "\u{0}").unwrap();
        let mut history = History::open(dir.path().to_owned()).unwrap();
        assert_eq!(history.newest().unwrap().number, 1);
        assert_eq!(record(&mut history, "two\n"), 2);
        assert_eq!(history.text(2).unwrap(), "two\n");
    }
}
