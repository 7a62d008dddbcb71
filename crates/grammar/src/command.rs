//! One line typed at a terminal, read as a command.

use crate::diagnostic::SyntaxError;
use crate::thread::Match;
use crate::{Args, Block, lex, read};

/// Whether the first word of a line is that of a command of `block`, or begins one. Reading a line
/// that is none takes the whole complaint about it.
pub fn begins_command<K: Copy + PartialEq>(block: &'static Block<K>, text: &str) -> bool {
    let first = text.split_whitespace().next();
    first.is_some_and(|word| block.rows.iter().any(|row| row.may_begin_with(word)))
}

/// Reads one line as a command of `block`; `origin` names it in messages.
pub fn read_command<K: Copy + PartialEq>(
    block: &'static Block<K>,
    text: &str,
    origin: &str,
) -> Result<(K, Args), SyntaxError> {
    let line = lex::typed(text);
    let Match { row, args, .. } = read::one_line(block, origin, &line)?;
    Ok((row.key, args))
}
