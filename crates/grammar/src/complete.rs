//! One line typed at a terminal, completed.

use crate::diagnostic::Hint;
use crate::{Block, lex, matcher};

/// What may stand where `text` ends: the words that its last word begins, or, behind a blank,
/// all that may come next. `<cr>` says that the line may end. `names` gives the names of the
/// things of a kind ([`Value::Known`](crate::Value::Known), "interface", "node").
pub fn complete<K: Copy + PartialEq>(
    block: &'static Block<K>,
    text: &str,
    names: &dyn Fn(&str) -> Vec<String>,
) -> Vec<Hint> {
    let line = lex::typed(text);
    let mut words = line.texts();
    let begun = if text.ends_with(char::is_whitespace) { None } else { words.pop() };
    let negated = words.first().is_some_and(|word| word.eq_ignore_ascii_case("no"));
    let mut hints = matcher::expected(block.rows, &words[usize::from(negated)..], negated, names);
    if let Some(begun) = begun {
        hints.retain(|hint| {
            let start = hint.what.get(..begun.len());
            hint.placeholder || start.is_some_and(|start| start.eq_ignore_ascii_case(begun))
        });
    }
    hints
}
