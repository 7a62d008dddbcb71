//! A configuration in the making: what a session has typed and loaded since it began, on top of
//! the configuration that runs.

use std::sync::Arc;

use kedge_grammar::{Editor, Hint, Notes};

use crate::key::Key;
use crate::{Config, ConfigError, ConfigFault, Warning, checked, render, table, warnings};

/// How messages name the configuration that a candidate began with.
const RUNNING: &str = "running-config";

/// A configuration in the making. It may be inconsistent between two lines; [`Self::config`] says
/// whether it is.
#[derive(Clone, Debug)]
pub struct Candidate {
    editor: Editor<Key>,
}

impl Candidate {
    /// One that says what `running` says.
    pub fn of(running: &Config) -> Self {
        let mut editor = Editor::new(&table::GLOBAL);
        editor.read(&render(running), RUNNING);
        Self { editor }
    }

    /// Reads one line that was typed, in the block that is open. With a mistake in it, nothing
    /// has changed.
    pub fn line(&mut self, text: &str) -> Result<Vec<Warning>, Vec<ConfigError>> {
        if text.contains('\n') {
            return self.all_or_nothing(|editor| editor.line(text, ""));
        }
        // The editor keeps a wrong line out by itself, and a pasted text has many lines.
        outcome(self.editor.line(text, ""))
    }

    /// Adds a whole text to what is there. With a mistake in it, nothing has changed.
    pub fn merge(&mut self, text: &str, origin: &str) -> Result<Vec<Warning>, Vec<ConfigError>> {
        self.all_or_nothing(|editor| editor.read(text, origin))
    }

    /// Puts a whole text in the place of what is there. With a mistake in it, nothing has changed.
    pub fn replace(&mut self, text: &str, origin: &str) -> Result<Vec<Warning>, Vec<ConfigError>> {
        self.all_or_nothing(|editor| {
            *editor = Editor::new(&table::GLOBAL);
            editor.read(text, origin)
        })
    }

    /// What it says, if that is consistent; all that is wrong, if not. Warnings are about the
    /// whole, also about what runs already.
    pub fn config(&self) -> Result<(Config, Vec<Warning>), Vec<ConfigError>> {
        checked(self.editor.clone().into_items(), Notes::default())
    }

    /// The mode that the next line is read in, as a prompt names it: `pmipv6-lma`; empty outside
    /// of all blocks.
    pub fn mode(&self) -> &'static str {
        if self.editor.path().is_empty() { "" } else { self.editor.mode().name }
    }

    /// The lines that opened the mode, outermost first, with ` > ` between them.
    pub fn path(&self) -> Arc<str> {
        self.editor.path()
    }

    /// Leaves all modes, as `end` and Ctrl-Z do.
    pub fn leave(&mut self) {
        self.editor.leave();
    }

    /// What may stand where `text` ends, in the mode that is open. `names` gives the names of the
    /// things of a kind that only the host knows, as "interface"; those that the candidate itself
    /// has are known.
    pub fn complete(&self, text: &str, names: &dyn Fn(&str) -> Vec<String>) -> Vec<Hint> {
        let config = self.config().map(|(config, _)| config).unwrap_or_default();
        self.editor.complete(text, &|kind| {
            let mut known = config.names(kind);
            known.extend(names(kind));
            known
        })
    }

    fn all_or_nothing(
        &mut self,
        read: impl FnOnce(&mut Editor<Key>) -> Notes,
    ) -> Result<Vec<Warning>, Vec<ConfigError>> {
        let mut editor = self.editor.clone();
        let warnings = outcome(read(&mut editor))?;
        self.editor = editor;
        Ok(warnings)
    }
}

fn outcome(notes: Notes) -> Result<Vec<Warning>, Vec<ConfigError>> {
    let Notes { faults, remarks } = notes;
    if faults.is_empty() {
        return Ok(warnings(remarks));
    }
    let error = |(place, fault)| ConfigError { place, fault: ConfigFault::Syntax(fault) };
    Err(faults.into_iter().map(error).collect())
}
