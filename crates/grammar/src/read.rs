//! From a text to a tree, with every mistake of the text and not only the first.
//!
//! **Nesting.** A line belongs to the innermost open block that knows it; a line unknown there is
//! looked for in the enclosing ones, so a flat text works. Indentation decides where it says
//! something: a line that stands further left than the line that opened a block is not in that
//! block, and neither is one just as far left once the block has had an indented line. `!` closes
//! nothing; `exit` closes one block, `end` and `commit` close all.
//!
//! **Three forms.** A command sets something; `no` before it takes that away, or turns off what is
//! on by default; `default` before it goes back to what holds without it.
//!
//! **Wrapped lines.** The documents print some long lines in two, the second without a prompt.
//! Such a line is read with the one before it, if that makes a command and it makes none alone.
//!
//! **After a mistake** the reader goes on. When the line clearly meant to open a block, that block
//! is opened all the same, so that one slip is one error. Lines indented below a line that nobody
//! knows are passed over with it.

mod complain;
mod edit;
mod notes;
mod reader;
mod router;
mod typed;

use crate::diagnostic::{SyntaxError, SyntaxFault, SyntaxRemark};
use crate::lex::Line;
use crate::matcher;
use crate::place::Place;
use crate::thread::Match;
use crate::{Block, Item};
use reader::Reader;

pub use edit::Editor;
pub use notes::{MOST_NOTES, Notes};

/// A text as it was read.
#[derive(Debug)]
pub struct Reading<K: 'static> {
    /// What it says, without what could not be read.
    pub items: Vec<Item<K>>,
    /// What is wrong with it, in the order of its lines.
    pub faults: Vec<(Place, SyntaxFault)>,
    /// What else to know, in the order of its lines.
    pub remarks: Vec<(Place, SyntaxRemark)>,
}

/// Reads a text in the language of `global`. `origin` names the text in messages.
pub fn read<K: Copy + PartialEq>(
    global: &'static Block<K>,
    text: &str,
    origin: &str,
) -> Reading<K> {
    let mut editor = Editor::new(global);
    let Notes { faults, remarks } = editor.read(text, origin);
    Reading { items: editor.into_items(), faults, remarks }
}

/// Reads one line of `block` alone.
pub(crate) fn one_line<K: Copy + PartialEq>(
    block: &'static Block<K>,
    origin: &str,
    line: &Line,
) -> Result<Match<K>, SyntaxError> {
    let mut editor = Editor::new(block);
    let mut reader = Reader::new(&mut editor, origin, true);
    if let Some(fault) = line.fault {
        return Err(Box::new(reader.lexical(line, fault)));
    }
    let words = line.texts();
    matcher::find(block.rows, &words).map_err(|miss| {
        reader.missed(line, 0, &miss, 0);
        Box::new(reader.notes.faults.swap_remove(0))
    })
}

impl<K: Copy + PartialEq> Editor<K> {
    /// Reads a whole text into what is there. `origin` names the text in messages.
    pub fn read(&mut self, text: &str, origin: &str) -> Notes {
        self.leave();
        let mut reader = Reader::new(self, origin, false);
        reader.text(text);
        let notes = reader.notes;
        self.leave();
        notes
    }
}
