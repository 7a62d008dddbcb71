//! Lines as a message may show them: without the secrets in them.

use std::collections::BTreeSet;

use crate::lex::{Line, Word};
use crate::place::Spot;
use crate::{Block, Part, Secret};

const STARS: &str = Secret::STARS;

/// How much of a line is hidden.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hide {
    /// The words that follow one that a secret follows somewhere in the table.
    Secrets,
    /// Also whatever is behind the word that is wrong: the line may hold a secret, and nobody
    /// knows where.
    Rest,
    /// Also the word that is wrong.
    WordAndRest,
}

/// The words of a language that come right before a secret.
#[derive(Clone, Debug)]
pub(crate) struct Mask(BTreeSet<&'static str>);

impl Mask {
    /// The words of the table, all its blocks included.
    pub(crate) fn of<K>(global: &'static Block<K>) -> Self {
        let mut words = BTreeSet::new();
        collect_block(global, &mut words);
        Self(words)
    }

    /// The line with its secrets hidden, as a message about word `at` shows it.
    pub(crate) fn show(&self, line: &Line, at: usize, hide: Hide) -> String {
        let characters: Vec<char> = line.text.chars().collect();
        let mut text = String::new();
        let mut done = 0;
        for (index, word) in line.words.iter().enumerate() {
            text.extend(&characters[done..word.column]);
            done = word.column + word.width;
            if self.hides(line, index, at, hide) {
                text.push_str(STARS);
            } else {
                text.extend(&characters[word.column..done]);
            }
        }
        text
    }

    /// Where word `at` is in the line and in what [`Self::show`] makes of it; behind the last
    /// word when there are fewer.
    pub(crate) fn spot(&self, line: &Line, at: usize, hide: Hide) -> Spot {
        let shown = |index: usize, word: &Word| {
            if self.hides(line, index, at, hide) { STARS.len() } else { word.width }
        };
        let before = line.words.iter().take(at).enumerate();
        let (hidden, real) = before.fold((0, 0), |(shorter, real), (index, word)| {
            (shorter + shown(index, word), real + word.width)
        });
        match line.words.get(at) {
            Some(word) => Spot {
                column: word.column + 1,
                caret: word.column + hidden - real,
                width: shown(at, word),
            },
            None => {
                let end = line.words.last().map_or(0, |word| word.column + word.width);
                Spot { column: end + 2, caret: end + hidden - real + 1, width: 1 }
            }
        }
    }

    /// Whether one of the words is one that a secret follows somewhere in the table.
    pub(crate) fn announces(&self, words: &[Word]) -> bool {
        (0..words.len()).any(|index| self.precedes(words, index))
    }

    /// Whether word `index` is hidden in a message about word `at`.
    fn hides(&self, line: &Line, index: usize, at: usize, hide: Hide) -> bool {
        let precedes = |index: usize| self.precedes(&line.words, index);
        // Of `key 7 ascii SECRET`, the words before the secret may all be seen.
        index.checked_sub(1).is_some_and(precedes) && !precedes(index)
            || hide == Hide::Rest && index > at
            || hide == Hide::WordAndRest && index >= at
    }

    /// Whether a secret may follow a word. A digit says so only behind another such word: it is
    /// a number elsewhere.
    fn precedes(&self, words: &[Word], index: usize) -> bool {
        let Some(word) = words.get(index) else { return false };
        let number = word.text.bytes().all(|b| b.is_ascii_digit());
        self.0.contains(word.text.to_ascii_lowercase().as_str())
            && (!number || index.checked_sub(1).is_some_and(|at| self.precedes(words, at)))
    }
}

fn collect_block<K>(block: &'static Block<K>, words: &mut BTreeSet<&'static str>) {
    for row in block.rows {
        collect(row.syntax, Vec::new(), words);
        if let Some(body) = row.body {
            collect_block(body, words);
        }
    }
}

/// Adds the words that come right before a secret; `before` are those that come right before the
/// parts. Returns those that come right before what follows the parts.
fn collect(
    parts: &'static [Part],
    mut before: Vec<&'static str>,
    words: &mut BTreeSet<&'static str>,
) -> Vec<&'static str> {
    for part in parts {
        match part {
            Part::Word { word, .. } | Part::Flag { word, .. } => before = vec![word],
            Part::Arg { value, .. } => {
                if value.is_secret() {
                    words.extend(&before);
                }
                before.clear();
            }
            Part::Optional(inner) => {
                let after = collect(inner, before.clone(), words);
                before.extend(after);
            }
            Part::AnyOrder(each) => {
                // One may stand behind any other.
                let mut after = before.clone();
                for _ in 0..2 {
                    for parts in *each {
                        after.extend(collect(parts, after.clone(), words));
                    }
                }
                before = after;
            }
            Part::OneOf(choices) => {
                let after = choices.iter().map(|parts| collect(parts, before.clone(), words));
                before = after.flatten().collect();
            }
        }
    }
    before
}
