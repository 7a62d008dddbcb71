//! One line typed at a terminal, read as a command.

use crate::diagnostic::SyntaxError;
use crate::matcher::Match;
use crate::{Args, Block, lex, read};

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
