//! The commits that are kept, and the one that waits to be confirmed, for people to read.

use kedge_sansio::Now;

use crate::shell::Shell;
use crate::show;

/// `show configuration commit list`
pub fn commits(shell: &Shell, now: Now) -> String {
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

/// What whoever begins is to know: that what runs may be taken back before long.
pub fn pending(shell: &Shell, now: Now) -> String {
    let Some(waits) = &shell.commits.unconfirmed else { return String::new() };
    let left = show::span(waits.left(now));
    format!("commit {} is undone in {left} unless 'commit' confirms it\n", waits.number)
}
