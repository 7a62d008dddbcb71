//! One walk over a line for everyone who asks what a line means or what may come next.
//!
//! All rows of a block are followed at once, word by word. Each [`Thread`] is a row and the place
//! reached in its syntax. The threads that are left after the last word are what the line may
//! mean; what they wait for is what `?` prints and what an error says is allowed.
//!
//! Of the words that fit one place, a whole word goes before a value, and a value before an
//! abbreviation of two words: `a` for `address` and `aaa` is ambiguous, as on a router.

use crate::diagnostic::Hint;
use crate::thread::{Match, Thread, begin};
use crate::value::quoted;
use crate::{Datum, Part, Row, Value};

/// A line that is none, and how far it was one.
#[derive(Debug)]
pub(crate) struct Miss<K: 'static> {
    /// The index of the first word that does not fit; the number of words when more is needed.
    pub(crate) at: usize,
    pub(crate) why: Why,
    /// The commands that all words before it fit, each with what it waits for.
    threads: Vec<Thread<K>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Why {
    /// No command goes on like this.
    NoFit,
    /// The word is the beginning of several.
    Ambiguous,
    /// The line ends too early.
    Incomplete,
}

impl<K: Copy + PartialEq> Miss<K> {
    /// What may stand there.
    pub(crate) fn allowed(&self) -> Vec<Hint> {
        hints(&self.threads)
    }

    /// The commands that all words before it fit.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &'static Row<K>> {
        self.threads.iter().map(|thread| thread.row)
    }

    /// The argument that is waited for where `word` stands, and the word, if it would be right
    /// behind the argument.
    pub(crate) fn left_out(&self, word: &str) -> Option<(&'static str, &'static str)> {
        self.threads.iter().find_map(|thread| {
            let Some(Part::Arg { name, value, .. }) = thread.next() else { return None };
            if value.is_choice() {
                return None;
            }
            let mut behind = Vec::new();
            thread.unfold_behind(&mut behind);
            let fits = |part: &Part| match part {
                Part::Word { word: full, .. } | Part::Flag { word: full, .. } => {
                    matches!(fit(full, word), Fit::Whole).then_some(*full)
                }
                _ => None,
            };
            Some((*name, behind.iter().filter_map(Thread::next).find_map(fits)?))
        })
    }

    /// Whether `word` is a fixed word of one of the commands.
    pub(crate) fn is_fixed(&self, word: &str) -> bool {
        self.rows().any(|row| has_word(row.syntax, word))
    }

    /// Whether the word there may be a secret.
    pub(crate) fn secret(&self) -> bool {
        let secret = |part: &Part| matches!(part, Part::Arg { value, .. } if value.is_secret());
        self.threads.iter().filter_map(Thread::next).any(secret)
    }
}

/// Reads a whole line.
pub(crate) fn find<K: Copy + PartialEq>(
    rows: &'static [Row<K>],
    words: &[&str],
) -> Result<Match<K>, Miss<K>> {
    let threads = follow(rows, words)?;
    let complete = threads.iter().find(|thread| thread.next().is_none());
    let found = complete.map(Thread::matched);
    found.ok_or(Miss { at: words.len(), why: Why::Incomplete, threads })
}

/// Reads the line behind `no`, where a command's name is enough: `no bce lifetime` removes it
/// whatever its value is. It may be that of several.
pub(crate) fn find_negated<K: Copy + PartialEq>(
    rows: &'static [Row<K>],
    words: &[&str],
) -> Result<Vec<Match<K>>, Miss<K>> {
    let threads = follow(rows, words)?;
    let complete = |thread: &&Thread<K>| thread.next().is_none();
    let named = |thread: &&Thread<K>| words.len() >= thread.row.name_len();
    let mut found: Vec<Match<K>> = threads.iter().filter(complete).map(Thread::matched).collect();
    if found.is_empty() {
        found.extend(threads.iter().filter(named).map(Thread::matched));
    }
    let nothing = found.is_empty();
    if nothing { Err(Miss { at: words.len(), why: Why::Incomplete, threads }) } else { Ok(found) }
}

/// The commands that begin with `words`.
pub(crate) fn find_begun<K: Copy + PartialEq>(
    rows: &'static [Row<K>],
    words: &[&str],
) -> Result<Vec<Match<K>>, Miss<K>> {
    Ok(follow(rows, words)?.iter().map(Thread::matched).collect())
}

/// What may come after `words`; behind `no`, a command's name is enough.
pub(crate) fn expected<K: Copy + PartialEq>(
    rows: &'static [Row<K>],
    words: &[&str],
    negated: bool,
    names: &dyn Fn(&str) -> Vec<String>,
) -> Vec<Hint> {
    let Ok(threads) = follow(rows, words) else { return Vec::new() };
    let mut expected = hints(&threads);
    for part in threads.iter().filter_map(Thread::next) {
        let Part::Arg { value, .. } = part else { continue };
        let Some(kind) = value.names() else { continue };
        for name in names(kind).iter().map(|name| quoted(name)) {
            let known = expected.iter().any(|hint| hint.what == name);
            if !known {
                expected.push(Hint::new(&name, kind));
            }
        }
    }
    let ends = |thread: &&Thread<K>| {
        thread.next().is_none() || negated && words.len() >= thread.row.name_len()
    };
    if let Some(thread) = threads.iter().find(ends) {
        expected.push(Hint::new("<cr>", thread.row.help));
    }
    expected
}

fn follow<K: Copy + PartialEq>(
    rows: &'static [Row<K>],
    words: &[&str],
) -> Result<Vec<Thread<K>>, Miss<K>> {
    // Most rows begin with another word; only when none fits do all of them matter.
    let likely = |row: &&Row<K>| words.first().is_none_or(|word| row.may_begin_with(word));
    let mut threads = begin(rows.iter().filter(likely));
    for (at, word) in words.iter().enumerate() {
        threads = match step(&threads, at, word) {
            Ok(threads) => threads,
            Err(why) => {
                let threads = if at == 0 { begin(rows.iter()) } else { threads };
                return Err(Miss { at, why, threads });
            }
        };
    }
    Ok(threads)
}

/// The threads that go on with `word`.
fn step<K: Copy + PartialEq>(
    threads: &[Thread<K>],
    at: usize,
    word: &str,
) -> Result<Vec<Thread<K>>, Why> {
    let mut whole = Vec::new();
    let mut others = Vec::new();
    let mut begun: Vec<(&str, Vec<Thread<K>>)> = Vec::new();
    for thread in threads {
        let Some(part) = thread.next() else { continue };
        match part {
            Part::Word { word: full, .. } => match fit(full, word) {
                Fit::Whole => thread.take(at, part, None, &mut whole),
                Fit::Begins => thread.take(at, part, None, slot(&mut begun, full)),
                Fit::Not => {}
            },
            Part::Flag { word: full, .. } => match fit(full, word) {
                Fit::Whole => thread.take(at, part, Some(Datum::Word(full)), &mut whole),
                Fit::Begins => {
                    thread.take(at, part, Some(Datum::Word(full)), slot(&mut begun, full));
                }
                Fit::Not => {}
            },
            Part::Arg { value, .. } if value.is_choice() => {
                for (full, meant, _) in value.choices() {
                    let datum = Some(meant);
                    match fit(full, word) {
                        Fit::Whole => thread.take(at, part, datum, &mut whole),
                        Fit::Begins => thread.take(at, part, datum, slot(&mut begun, full)),
                        Fit::Not => {}
                    }
                }
            }
            Part::Arg { name, value: value @ Value::Line { .. }, .. } => {
                let before = thread.args.text(name).map(|text| format!("{text} "));
                if let Some(datum) = value.read(&(before.unwrap_or_default() + word)) {
                    // The word may be the last one or not.
                    let mut after = thread.clone();
                    after.args.set(name, datum);
                    others.push(after.clone());
                    after.unfold_behind(&mut others);
                }
            }
            Part::Arg { value, .. } => {
                if let Some(datum) = value.read(word) {
                    thread.take(at, part, Some(datum), &mut others);
                }
            }
            Part::Optional(_) | Part::OneOf(_) | Part::AnyOrder(_) => {}
        }
    }
    if !whole.is_empty() {
        return Ok(whole);
    }
    let is_offered = |(_, threads): &(&str, Vec<Thread<K>>)| threads.iter().any(Thread::is_offered);
    if begun.iter().any(is_offered) {
        begun.retain(is_offered);
    }
    match begun.len() {
        0 => {}
        1 => others.extend(begun.into_iter().flat_map(|(_, threads)| threads)),
        _ if others.is_empty() => return Err(Why::Ambiguous),
        _ => {}
    }
    if others.is_empty() { Err(Why::NoFit) } else { Ok(others) }
}

fn has_word(parts: &[Part], typed: &str) -> bool {
    parts.iter().any(|part| match part {
        Part::Word { word, .. } | Part::Flag { word, .. } => matches!(fit(word, typed), Fit::Whole),
        Part::Arg { .. } => false,
        Part::Optional(parts) => has_word(parts, typed),
        Part::OneOf(choices) | Part::AnyOrder(choices) => {
            choices.iter().any(|parts| has_word(parts, typed))
        }
    })
}

/// How what was typed fits a fixed word. Case does not matter.
enum Fit {
    Whole,
    Begins,
    Not,
}

fn fit(word: &str, typed: &str) -> Fit {
    match word.get(..typed.len()) {
        Some(start) if !typed.is_empty() && start.eq_ignore_ascii_case(typed) => {
            if word.len() == typed.len() { Fit::Whole } else { Fit::Begins }
        }
        _ => Fit::Not,
    }
}

/// The threads that took `word` abbreviated.
fn slot<'a, T>(begun: &'a mut Vec<(&'static str, Vec<T>)>, word: &'static str) -> &'a mut Vec<T> {
    let known = begun.iter().position(|(other, _)| *other == word);
    let at = known.unwrap_or_else(|| {
        begun.push((word, Vec::new()));
        begun.len() - 1
    });
    &mut begun[at].1
}

/// What the threads wait for, each thing once, in table order.
fn hints<K: Copy + PartialEq>(threads: &[Thread<K>]) -> Vec<Hint> {
    let mut hints: Vec<Hint> = Vec::new();
    let mut add = |hint: Hint| {
        if !hints.iter().any(|known| known.what == hint.what && known.help == hint.help) {
            hints.push(hint);
        }
    };
    let some_offered = threads.iter().any(Thread::is_offered);
    for thread in threads.iter().filter(|thread| thread.is_offered() || !some_offered) {
        let or_row = |help: &'static str| if help.is_empty() { thread.row.help } else { help };
        match thread.next() {
            Some(Part::Word { word, help } | Part::Flag { word, help }) => {
                add(Hint::new(word, or_row(help)));
            }
            Some(Part::Arg { value, .. }) if value.is_choice() => {
                value.choices().for_each(|(word, _, help)| add(Hint::new(word, help)));
            }
            Some(Part::Arg { name, value, help }) => {
                let help = format!("{} ({})", or_row(help), value.describe());
                add(Hint { what: (*name).to_owned(), help, placeholder: true });
            }
            _ => {}
        }
    }
    hints
}
