//! The table: everything that is known about a command is in its row.
//!
//! A language is a [`Block`] of [`Row`]s; a row that opens a block holds that block. Parser,
//! completion, errors, rendering and documentation all read the same rows, so a command cannot
//! be parsed one way and documented another.
//!
//! `K` names the commands for the code that consumes them.

use crate::{Args, Value};

/// One mode of the language: the global one, or what a line opens.
#[derive(Debug)]
pub struct Block<K: 'static> {
    /// Its name in documentation and in file names there.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub help: &'static str,
    /// Its commands, in the order in which they are written back.
    pub rows: &'static [Row<K>],
}

/// One command.
#[derive(Debug)]
pub struct Row<K: 'static> {
    /// Its words and arguments.
    pub syntax: &'static [Part],
    /// What it does, in one phrase.
    pub help: &'static str,
    /// The name under which code consumes it.
    pub key: K,
    /// Whether something comes of it; otherwise it is read, kept and written back, and a warning
    /// says so.
    pub has_effect: bool,
    /// The mode it opens.
    pub body: Option<&'static Block<K>>,
    /// How often it may stand in its block.
    pub repeats: Repeats,
    /// The order of its lines means something: they keep that of the text. Lines of other
    /// commands that repeat are kept sorted, as routers do.
    pub in_order: bool,
    /// The argument that numbers its lines: a line that is typed without one goes behind the
    /// others, unless it stands among them already.
    pub numbered: Option<&'static str>,
    /// Arguments that say the same in other words become these.
    pub canonical: Option<fn(&Args) -> Args>,
    /// What holds without it: the words after its leading ones, as they would be typed.
    pub default: Option<&'static str>,
    /// What a change costs.
    pub takes: Takes,
    /// Where the command comes from.
    pub source: &'static str,
    /// Another spelling of a row with the same key: it is read, the other one is written.
    pub also: bool,
    /// It is read where it is typed whole; an abbreviation does not mean it, and help offers it only
    /// where nothing else fits.
    pub hidden: bool,
    /// The feature is on by default, and the line that says something is the `no` form.
    pub on_by_default: bool,
}

/// A piece of a command's syntax.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// A fixed word. Without a help of its own it has the row's.
    Word {
        /// The word.
        word: &'static str,
        /// What it leads to.
        help: &'static str,
    },
    /// A fixed word whose presence is a value: the argument of the same name.
    Flag {
        /// The word.
        word: &'static str,
        /// What its presence means.
        help: &'static str,
    },
    /// An argument.
    Arg {
        /// Its name, in capitals, as in documentation.
        name: &'static str,
        /// What may stand there.
        value: Value,
        /// What it is; without one it is the row's help.
        help: &'static str,
    },
    /// Something that may be left out.
    Optional(&'static [Part]),
    /// One of several; the first that fits is written.
    OneOf(&'static [&'static [Part]]),
    /// Each of these, at most 32, once or not at all, in any order; they are written in this one. None
    /// of them may be empty.
    AnyOrder(&'static [&'static [Part]]),
}

/// How often a command may stand in its block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Repeats {
    /// A later line replaces an earlier one, as on a router.
    Replaces,
    /// Once; a second line with other arguments is an error.
    Once,
    /// One line for each value of these arguments; with none named, of all of them.
    Each(&'static [&'static str]),
}

/// What a change of a command costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Takes {
    /// Nothing: it holds at once, for what exists too.
    Live,
    /// It holds for bindings made after it.
    NewBindings,
    /// The service starts again.
    Restart,
}

impl<K: Copy + PartialEq> Row<K> {
    /// The words the command begins with, up to the one that its help describes: its name. A command
    /// that begins with a choice of words has all of them for a name.
    pub fn name(&self) -> String {
        let words: Vec<&str> = self.leading_words().take(self.name_len()).collect();
        if words.is_empty() {
            let words: Vec<&str> = self.first_words().collect();
            return words.join("|");
        }
        words.join(" ")
    }

    /// How many words of a line are the command's name: those up to the one that the row's help
    /// describes.
    pub(crate) fn name_len(&self) -> usize {
        let last = |part: &Part| matches!(part, Part::Word { help: "", .. });
        let words = self.leading_words().count().max(1);
        self.syntax.iter().take(words).position(last).map_or(words, |at| at + 1)
    }

    /// Whether `other` is this command or another spelling of it.
    pub(crate) fn is_same_command(&self, other: &Self) -> bool {
        self.key == other.key
    }

    /// The words that a line of the command may begin with.
    pub(crate) fn first_words(&self) -> impl Iterator<Item = &'static str> {
        let mut words = Vec::new();
        for_each_first(self.syntax, &mut |part| match part {
            Part::Word { word, .. } | Part::Flag { word, .. } => words.push(*word),
            Part::Arg { value, .. } => words.extend(value.choices().map(|(word, ..)| word)),
            Part::Optional(_) | Part::OneOf(_) | Part::AnyOrder(_) => {}
        });
        words.into_iter()
    }

    /// Whether a line of the command may begin with `typed`, a word or the beginning of one.
    pub(crate) fn may_begin_with(&self, typed: &str) -> bool {
        let begins = |word: &str| {
            word.get(..typed.len()).is_some_and(|start| start.eq_ignore_ascii_case(typed))
        };
        let mut may = false;
        for_each_first(self.syntax, &mut |part| {
            may |= match part {
                Part::Word { word, .. } | Part::Flag { word, .. } => begins(word),
                Part::Arg { value, .. } if value.is_choice() => {
                    value.choices().any(|(word, ..)| begins(word))
                }
                Part::Arg { value, .. } => value.read(typed).is_some(),
                Part::Optional(_) | Part::OneOf(_) | Part::AnyOrder(_) => false,
            };
        });
        may
    }

    pub(crate) fn leading_words(&self) -> impl Iterator<Item = &'static str> {
        self.syntax.iter().map_while(|part| match part {
            Part::Word { word, .. } => Some(*word),
            _ => None,
        })
    }

    /// Whether a word of the command must not be shown.
    pub(crate) fn has_secret(&self) -> bool {
        holds_secret(self.syntax)
    }
}

/// Visits the parts that a line may begin with; says whether it may have none of them.
fn for_each_first(parts: &'static [Part], visit: &mut dyn FnMut(&'static Part)) -> bool {
    parts.iter().all(|part| match part {
        Part::Word { .. } | Part::Flag { .. } | Part::Arg { .. } => {
            visit(part);
            false
        }
        Part::Optional(inner) => {
            for_each_first(inner, visit);
            true
        }
        Part::OneOf(choices) => {
            // All of them are visited, whichever may be empty.
            choices.iter().filter(|parts| for_each_first(parts, visit)).count() > 0
        }
        Part::AnyOrder(each) => {
            each.iter().for_each(|parts| {
                for_each_first(parts, visit);
            });
            true
        }
    })
}

fn holds_secret(parts: &[Part]) -> bool {
    parts.iter().any(|part| match part {
        Part::Word { .. } | Part::Flag { .. } => false,
        Part::Arg { value, .. } => value.is_secret(),
        Part::Optional(parts) => holds_secret(parts),
        Part::OneOf(choices) | Part::AnyOrder(choices) => {
            choices.iter().any(|parts| holds_secret(parts))
        }
    })
}

/// The fixed words that every line of these parts has.
pub(crate) fn needed_words(parts: &'static [Part]) -> impl Iterator<Item = &'static str> {
    parts.iter().filter_map(|part| match part {
        Part::Word { word, .. } => Some(*word),
        _ => None,
    })
}

/// Visits the arguments and the words whose presence is one, with their help: of an argument
/// that has several forms, each. Words have no value.
pub(crate) fn for_each_argument(
    parts: &'static [Part],
    visit: &mut dyn FnMut(&'static str, Option<&'static Value>, &'static str),
) {
    for part in parts {
        match part {
            Part::Word { .. } => {}
            Part::Flag { word, help } => visit(word, None, help),
            Part::Arg { name, value, help } => visit(name, Some(value), help),
            Part::Optional(parts) => for_each_argument(parts, visit),
            Part::OneOf(choices) | Part::AnyOrder(choices) => {
                choices.iter().for_each(|parts| for_each_argument(parts, visit));
            }
        }
    }
}

/// Whether every line of these parts has an argument of that name.
pub(crate) fn needs(parts: &[Part], argument: &str) -> bool {
    parts.iter().any(|part| match part {
        Part::Arg { name, .. } => *name == argument,
        Part::OneOf(choices) => choices.iter().all(|parts| needs(parts, argument)),
        Part::Word { .. } | Part::Flag { .. } | Part::Optional(_) | Part::AnyOrder(_) => false,
    })
}

/// A fixed word with its own help, for the words that several commands share.
pub const fn word(word: &'static str, help: &'static str) -> Part {
    Part::Word { word, help }
}

/// The last word of a command's name, which the row's help describes.
pub const fn last(word: &'static str) -> Part {
    Part::Word { word, help: "" }
}

/// A word whose presence is a value.
pub const fn flag(word: &'static str, help: &'static str) -> Part {
    Part::Flag { word, help }
}

/// An argument that the row's help describes.
pub const fn arg(name: &'static str, value: Value) -> Part {
    Part::Arg { name, value, help: "" }
}

/// An argument with its own help.
pub const fn arg_help(name: &'static str, value: Value, help: &'static str) -> Part {
    Part::Arg { name, value, help }
}

/// A command that code consumes under `key`.
pub const fn row<K: Copy>(key: K, syntax: &'static [Part], help: &'static str) -> Row<K> {
    Row {
        syntax,
        help,
        key,
        has_effect: true,
        body: None,
        repeats: Repeats::Replaces,
        in_order: false,
        numbered: None,
        canonical: None,
        default: None,
        takes: Takes::Live,
        source: "",
        also: false,
        hidden: false,
        on_by_default: false,
    }
}

impl<K: Copy> Row<K> {
    /// It opens `body`, once for each value of its arguments.
    pub const fn opens(self, body: &'static Block<K>) -> Self {
        Self { body: Some(body), repeats: Repeats::Each(&[]), ..self }
    }

    /// It may stand once for each value of the arguments `key`; of all when none is named.
    pub const fn each(self, key: &'static [&'static str]) -> Self {
        Self { repeats: Repeats::Each(key), ..self }
    }

    /// The order of its lines means something.
    pub const fn in_order(self) -> Self {
        Self { in_order: true, ..self }
    }

    /// Its lines are numbered by this argument, and stand in the order of their numbers.
    pub const fn numbered(self, by: &'static str, key: &'static [&'static str]) -> Self {
        Self { numbered: Some(by), repeats: Repeats::Each(key), ..self }
    }

    /// What its arguments are kept as.
    pub const fn kept_as(self, canonical: fn(&Args) -> Args) -> Self {
        Self { canonical: Some(canonical), ..self }
    }

    /// A second one with other arguments is an error.
    pub const fn once(self) -> Self {
        Self { repeats: Repeats::Once, ..self }
    }

    /// What holds without it.
    pub const fn default(self, words: &'static str) -> Self {
        Self { default: Some(words), ..self }
    }

    /// The feature is on by default; `no` is what is said.
    pub const fn on_by_default(self) -> Self {
        Self { on_by_default: true, ..self }
    }

    /// A change holds for bindings made after it.
    pub const fn new_bindings(self) -> Self {
        Self { takes: Takes::NewBindings, ..self }
    }

    /// A change starts the service again.
    pub const fn restart(self) -> Self {
        Self { takes: Takes::Restart, ..self }
    }

    /// Where it comes from.
    pub const fn from(self, source: &'static str) -> Self {
        Self { source, ..self }
    }

    /// In another mode, the command has another help.
    pub const fn help(self, help: &'static str) -> Self {
        Self { help, ..self }
    }

    /// Another spelling of the row with the same key.
    pub const fn also(self) -> Self {
        Self { also: true, ..self }
    }

    /// It is read, and not offered.
    pub const fn hidden(self) -> Self {
        Self { hidden: true, ..self }
    }

    /// It is accepted and has no effect yet.
    pub const fn no_effect_yet(self) -> Self {
        Self { has_effect: false, ..self }
    }
}
