//! A row that is being followed through a line: where in its syntax it is, and what it has so far.
//!
//! Where a part may be left out, is one of several, or stands in any order, a thread is unfolded
//! into one for each way to go on, so that each of them waits for one word or for nothing.

use crate::args::Args;
use crate::{Datum, Part, Row, Value};

/// A line that is a command.
#[derive(Debug)]
pub(crate) struct Match<K: 'static> {
    pub(crate) row: &'static Row<K>,
    pub(crate) args: Args,
    /// Which word each argument is.
    pub(crate) spots: Vec<(&'static str, usize)>,
    /// Whether it has an obfuscated secret.
    pub(crate) obfuscated: bool,
    /// Whether the line may end where it does; behind `no` it may end earlier.
    pub(crate) whole: bool,
}

/// A row that all words so far fit, and what it waits for.
#[derive(Clone, Debug)]
pub(crate) struct Thread<K: 'static> {
    pub(crate) row: &'static Row<K>,
    pub(crate) args: Args,
    /// What is still to come, innermost last.
    rest: Vec<Rest>,
    spots: Vec<(&'static str, usize)>,
    obfuscated: bool,
}

/// What is still to come of a piece of syntax.
#[derive(Clone, Copy, Debug)]
enum Rest {
    /// These parts, one after the other.
    Parts(&'static [Part]),
    /// Of these, those whose bits are set.
    AnyOrder { of: &'static [&'static [Part]], left: u32 },
}

/// The threads of rows of which nothing was read.
pub(crate) fn begin<K: Copy + PartialEq>(
    rows: impl Iterator<Item = &'static Row<K>>,
) -> Vec<Thread<K>> {
    let mut threads = Vec::new();
    for row in rows {
        let (rest, args, spots) = (vec![Rest::Parts(row.syntax)], Args::default(), Vec::new());
        Thread { row, args, rest, spots, obfuscated: false }.unfold(&mut threads);
    }
    threads
}

impl<K: Copy + PartialEq> Thread<K> {
    pub(crate) fn is_offered(&self) -> bool {
        !self.row.hidden
    }

    /// The part it waits for; `None` when the command may end here.
    pub(crate) fn next(&self) -> Option<&'static Part> {
        match self.rest.last() {
            Some(Rest::Parts(parts)) => parts.first(),
            Some(Rest::AnyOrder { .. }) | None => None,
        }
    }

    /// Past [`Self::next`], as if it had been there.
    fn skip(&self) -> Self {
        let mut after = self.clone();
        if let Some(Rest::Parts(parts)) = after.rest.last_mut() {
            *parts = &parts[1..];
        }
        after
    }

    /// The threads behind [`Self::next`].
    pub(crate) fn unfold_behind(&self, into: &mut Vec<Self>) {
        self.skip().unfold(into);
    }

    pub(crate) fn matched(&self) -> Match<K> {
        let (args, spots) = (self.args.clone(), self.spots.clone());
        let whole = self.next().is_none();
        Match { row: self.row, args, spots, obfuscated: self.obfuscated, whole }
    }

    /// Goes past `part`, which is [`Self::next`], with the word at index `at`.
    pub(crate) fn take(&self, at: usize, part: &Part, datum: Option<Datum>, into: &mut Vec<Self>) {
        let mut after = self.skip();
        let obfuscated = matches!(part, Part::Arg { value: Value::SecretObfuscated, .. });
        after.obfuscated |= obfuscated;
        match (part, datum) {
            // An interface's name in two words is one name.
            (Part::Arg { value: Value::InterfaceNumber, .. }, Some(Datum::Text(number))) => {
                after.args.append(&number);
            }
            (Part::Arg { name, .. } | Part::Flag { word: name, .. }, Some(datum)) => {
                after.args.push(name, datum);
                after.spots.push((name, at));
            }
            _ => {}
        }
        after.unfold(into);
    }

    /// Unfolds what may be left out, what is a choice and what has no order, until each thread waits
    /// for a word, or for nothing.
    fn unfold(mut self, into: &mut Vec<Self>) {
        while matches!(self.rest.last(), Some(Rest::Parts([]))) {
            self.rest.pop();
        }
        match self.rest.last_mut() {
            None => into.push(self),
            Some(Rest::Parts(parts)) => match parts[0] {
                Part::Optional(inner) => {
                    *parts = &parts[1..];
                    self.with(inner).unfold(into);
                    self.unfold(into);
                }
                Part::OneOf(choices) => {
                    *parts = &parts[1..];
                    choices.iter().for_each(|choice| self.with(choice).unfold(into));
                }
                Part::AnyOrder(of) => {
                    *parts = &parts[1..];
                    let left = of.iter().fold(0, |bits: u32, _| bits << 1 | 1);
                    self.rest.push(Rest::AnyOrder { of, left });
                    self.unfold(into);
                }
                Part::Word { .. } | Part::Flag { .. } | Part::Arg { .. } => into.push(self),
            },
            Some(Rest::AnyOrder { of, left }) => {
                let (of, all) = (*of, *left);
                for (place, parts) in of.iter().enumerate().filter(|(at, _)| all >> at & 1 == 1) {
                    let mut with = self.with(parts);
                    let under = with.rest.len() - 2;
                    with.rest[under] = Rest::AnyOrder { of, left: all & !(1 << place) };
                    with.unfold(into);
                }
                self.rest.pop();
                self.unfold(into);
            }
        }
    }

    /// The same with these parts to come first.
    fn with(&self, parts: &'static [Part]) -> Self {
        let mut with = self.clone();
        with.rest.push(Rest::Parts(parts));
        with
    }
}
