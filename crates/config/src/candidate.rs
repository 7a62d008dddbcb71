//! A configuration in the making: what a session has typed and loaded since it began, on top of
//! the configuration that runs.

use std::cell::OnceCell;
use std::sync::Arc;

use kedge_grammar::{Editor, Hint, Notes};

use crate::key::Key;
use crate::{
    Config, ConfigError, ConfigFault, Warning, checked, render, resequence, table, warnings,
};

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
    /// has changed. It costs what it changes, however long the configuration is.
    ///
    /// A line behind a router's prompt that ends too early is a warning, because the documents
    /// print long lines in two. When the next line is not its end, the error comes with that one,
    /// which is read all the same.
    pub fn line(&mut self, text: &str) -> Result<Vec<Warning>, Vec<ConfigError>> {
        const ORIGIN: &str = "";
        let renumbering = resequence::may_be(text).then(|| resequence::parse(text));
        if let Some(Ok(renumbering)) = renumbering {
            let items = self.editor.clone().into_items();
            let commands = renumbering.commands(&items, text).map_err(|error| vec![*error])?;
            return self.merge(&commands, ORIGIN);
        }
        if text.lines().nth(1).is_some() {
            return self.all_or_nothing(|editor| editor.line(text, ORIGIN));
        }
        match (outcome(self.editor.line(text, ORIGIN)), renumbering) {
            // The line understood further is what was meant.
            (Err(errors), Some(Err(other)))
                if other.0.spot.column > errors[0].place.spot.column =>
            {
                let (place, fault) = *other;
                Err(vec![ConfigError { place, fault: ConfigFault::Syntax(fault) }])
            }
            (outcome, _) => outcome,
        }
    }

    /// Whether a line that is typed belongs to the text of a router's banner that an earlier one
    /// began: it is no command, whatever it looks like.
    pub fn is_banners(&mut self, text: &str) -> bool {
        self.editor.is_banners(text)
    }

    /// No line goes on with the last one: its error, if it ended too early.
    pub fn finish(&mut self) -> Result<Vec<Warning>, Vec<ConfigError>> {
        outcome(self.editor.finish())
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
        let unfinished = self.editor.unfinished().cloned().unwrap_or_default();
        checked(self.editor.clone().into_items(), unfinished)
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
        // Most places ask for no name, and reading the whole takes a while.
        let config = OnceCell::new();
        let read = || self.config().map(|(config, _)| config).unwrap_or_default();
        let names = |kind: &str| {
            let mut known = config.get_or_init(read).names(kind);
            known.extend(names(kind));
            known
        };
        let mut hints = self.editor.complete(text, &names);
        if self.mode().is_empty() {
            for hint in resequence::complete(text, &names) {
                if !hints.iter().any(|known| known.what == hint.what) {
                    hints.push(hint);
                }
            }
        }
        hints
    }

    fn all_or_nothing(
        &mut self,
        read: impl FnOnce(&mut Editor<Key>) -> Notes,
    ) -> Result<Vec<Warning>, Vec<ConfigError>> {
        let mut editor = self.editor.clone();
        let outcome = outcome(read(&mut editor));
        if outcome.is_ok() {
            self.editor = editor;
        }
        outcome
    }
}

fn outcome(Notes { faults, remarks }: Notes) -> Result<Vec<Warning>, Vec<ConfigError>> {
    if faults.is_empty() {
        return Ok(warnings(remarks));
    }
    let error = |(place, fault)| ConfigError { place, fault: ConfigFault::Syntax(fault) };
    Err(faults.into_iter().map(error).collect())
}
