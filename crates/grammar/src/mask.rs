//! Lines as a message may show them: without the secrets in them.

use std::collections::BTreeSet;

use crate::lex::Line;
use crate::{Block, Part};

/// What stands in a message for a secret of any length.
const STARS: &str = "******";

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
#[derive(Debug)]
pub(crate) struct Mask(BTreeSet<&'static str>);

impl Mask {
    /// The words of the table, all its blocks included.
    pub(crate) fn of<K>(global: &'static Block<K>) -> Self {
        let mut words = BTreeSet::new();
        collect_block(global, &mut words);
        Self(words)
    }

    /// The line with its secrets hidden, and where word `at` begins in it and how long it is.
    pub(crate) fn show(&self, line: &Line, at: usize, hide: Hide) -> (String, usize, usize) {
        let mut text = String::new();
        let mut length = 0;
        let mut done = 0;
        let mut place = None;
        let original: Vec<char> = line.text.chars().collect();
        for (index, word) in line.words.iter().enumerate() {
            let before: String = original[done..word.column].iter().collect();
            length += word.column - done;
            text.push_str(&before);
            done = word.column + word.width;
            let follows = index.checked_sub(1).is_some_and(|i| self.precedes(&line.words[i].text));
            let hidden = follows
                || hide == Hide::Rest && index > at
                || hide == Hide::WordAndRest && index >= at;
            let width = if hidden { STARS.len() } else { word.width };
            if index == at {
                place = Some((length, width));
            }
            if hidden {
                text.push_str(STARS);
            } else {
                text.extend(&original[word.column..done]);
            }
            length += width;
        }
        let (caret, width) = place.unwrap_or((length + 1, 1));
        (text, caret, width)
    }

    fn precedes(&self, word: &str) -> bool {
        self.0.contains(word.to_ascii_lowercase().as_str())
    }
}

fn collect_block<K>(block: &'static Block<K>, words: &mut BTreeSet<&'static str>) {
    for row in block.rows {
        collect(row.syntax, None, words);
        if let Some(body) = row.body {
            collect_block(body, words);
        }
    }
}

fn collect(
    parts: &'static [Part],
    mut before: Option<&'static str>,
    words: &mut BTreeSet<&'static str>,
) {
    for part in parts {
        match part {
            Part::Word { word, .. } | Part::Flag { word, .. } => before = Some(word),
            Part::Arg { value, .. } => {
                if value.is_secret() {
                    words.extend(before);
                }
                before = None;
            }
            Part::Optional(inner) => collect(inner, before, words),
            Part::OneOf(choices) => {
                choices.iter().for_each(|parts| collect(parts, before, words));
            }
        }
    }
}
