//! The lines that were typed, for the arrow keys and for the next time. Secrets are not among
//! them: a line that may hold one is forgotten at once, and so is what is typed as a text or as
//! the answer to a question.

use std::env;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reedline::{
    FileBackedHistory, History, HistoryItem, HistoryItemId, HistorySessionId, Result, SearchQuery,
};

/// Lines that are kept.
const MOST: usize = 1000;

/// What Ctrl-Z leaves behind a line, as routers show it. It is no part of the line.
pub(crate) const CTRL_Z: &str = "^Z";

/// The words that a secret may follow.
const BEFORE_SECRETS: [&str; 4] = ["key", "password", "secret", "token"];

/// The history of commands.
pub(crate) struct Kept {
    lines: FileBackedHistory,
    /// Whether commands are being typed.
    commands: Arc<AtomicBool>,
}

impl Kept {
    /// The lines of earlier times and those to come while `commands` holds. Without a place of
    /// its own, the history lasts as long as the process.
    pub(crate) fn open(commands: Arc<AtomicBool>) -> Self {
        let lines = path().and_then(|path| open(&path).ok()).unwrap_or_else(|| {
            FileBackedHistory::new(MOST).expect("a thousand lines are not too many")
        });
        Self { lines, commands }
    }
}

fn open(path: &Path) -> Result<FileBackedHistory> {
    close_to_others(path)?;
    FileBackedHistory::with_file(MOST, path.to_owned())
}

/// `$XDG_STATE_HOME/kedge/history`, which is `~/.local/state/kedge/history` by default.
fn path() -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("kedge/history"))
}

/// Makes the file, or takes it away from everybody else.
fn close_to_others(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))
}

/// Whether a line may hold a secret: something follows a word that may be short for one of
/// [`BEFORE_SECRETS`]. The daemon's language knows better, but a line that is mistyped is not of
/// that language.
fn may_hold_secret(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    // A prompt may have been pasted along, and words may be in quotes.
    let words: Vec<&str> = line
        .split(|c: char| c.is_whitespace() || matches!(c, '"' | '#' | '>'))
        .filter(|word| !word.is_empty())
        .collect();
    let may_introduce = |word: &&str| BEFORE_SECRETS.iter().any(|whole| whole.starts_with(*word));
    words.split_last().is_some_and(|(_, others)| others.iter().any(may_introduce))
}

impl History for Kept {
    fn save(&mut self, mut item: HistoryItem) -> Result<HistoryItem> {
        if let Some(line) = item.command_line.strip_suffix(CTRL_Z) {
            item.command_line = line.to_owned();
        }
        let keep = self.commands.load(Ordering::Relaxed);
        if !keep || may_hold_secret(&item.command_line) {
            return Ok(item);
        }
        self.lines.save(item)
    }

    fn load(&self, id: HistoryItemId) -> Result<HistoryItem> {
        self.lines.load(id)
    }

    fn count(&self, query: SearchQuery) -> Result<i64> {
        self.lines.count(query)
    }

    fn search(&self, query: SearchQuery) -> Result<Vec<HistoryItem>> {
        self.lines.search(query)
    }

    fn update(
        &mut self,
        id: HistoryItemId,
        updater: &dyn Fn(HistoryItem) -> HistoryItem,
    ) -> Result<()> {
        self.lines.update(id, updater)
    }

    fn clear(&mut self) -> Result<()> {
        self.lines.clear()
    }

    fn delete(&mut self, id: HistoryItemId) -> Result<()> {
        self.lines.delete(id)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.lines.sync()
    }

    fn session(&self) -> Option<HistorySessionId> {
        self.lines.session()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(lines: &[&str], commands: bool) -> Vec<String> {
        let history = FileBackedHistory::new(MOST).unwrap();
        let mut kept = Kept { lines: history, commands: Arc::new(AtomicBool::new(commands)) };
        for line in lines {
            kept.save(HistoryItem::from_command_line(*line)).unwrap();
        }
        let all = SearchQuery::everything(reedline::SearchDirection::Forward, None);
        kept.search(all).unwrap().into_iter().map(|item| item.command_line).collect()
    }

    #[test]
    fn lines_with_secrets_are_not_kept_however_they_are_abbreviated_or_mistyped() {
        let secrets = [
            "auth-option spi 100 key ascii sesame",
            "auth spi 100 k asci sesame",
            "RP/0/RSP0/CPU0:router(config-pmipv6-lma)#key 0 sesame",
            "KEY sesame",
            "oops \"key\" sesame",
        ];
        assert_eq!(saved(&secrets, true), [""; 0]);
        assert_eq!(saved(&["bce lifetime 100^Z", "^Z"], true), ["bce lifetime 100"]);
        let plain = ["show version", "bce lifetime 100", "key", "no auth-option"];
        assert_eq!(saved(&plain, true), plain);
    }

    #[test]
    fn what_is_no_command_is_not_kept() {
        assert_eq!(saved(&["yes", "pool of a text"], false), [""; 0]);
    }

    #[test]
    fn the_file_is_its_owners_alone_also_if_it_was_not() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("state/kedge/history");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        open(&path).unwrap();
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        open(&path).unwrap();
        assert_eq!(mode(), 0o600);
    }
}
