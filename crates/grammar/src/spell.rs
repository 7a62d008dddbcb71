//! Lines as they would be typed.

use crate::args::Args;
use crate::table::{Part, Row};
use crate::tree::Item;
use crate::{Datum, Secret};

/// How secrets are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keys {
    /// In the obfuscated form, which can be read back.
    Obfuscated,
    /// As stars.
    Starred,
}

/// The line that an item is, as it would be typed.
pub(crate) fn line<K>(item: &Item<K>, keys: Keys) -> String {
    spelled(item.row, &item.args, item.negated, keys)
}

/// The line of a command with these arguments.
pub(crate) fn spelled<K>(row: &Row<K>, args: &Args, negated: bool, keys: Keys) -> String {
    let mut line = String::new();
    if negated {
        line.push_str("no");
    }
    spell(row.syntax, args, keys, &mut line);
    line
}

fn spell(parts: &[Part], args: &Args, keys: Keys, line: &mut String) {
    let add = |line: &mut String, word: &str| {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    };
    for part in parts {
        match part {
            Part::Word { word, .. } => add(line, word),
            Part::Flag { word, .. } => {
                if args.has(word) {
                    add(line, word);
                }
            }
            Part::Arg { name, value, .. } => match args.get(name) {
                Some(Datum::Secret(_)) if keys == Keys::Starred => {
                    add(line, Secret::STARS);
                }
                Some(datum) => add(line, &value.print(datum)),
                None => {}
            },
            Part::Optional(inner) => {
                if says_something(inner, args) {
                    spell(inner, args, keys, line);
                }
            }
            Part::AnyOrder(each) => {
                for parts in each.iter().filter(|parts| says_something(parts, args)) {
                    spell(parts, args, keys, line);
                }
            }
            Part::OneOf(choices) => {
                if let Some(choice) = choices.iter().find(|parts| is_said(parts, args)) {
                    spell(choice, args, keys, line);
                }
            }
        }
    }
}

/// Whether `args` hold everything that these parts need.
fn is_said(parts: &[Part], args: &Args) -> bool {
    parts.iter().all(|part| match part {
        Part::Word { .. } | Part::Optional(_) | Part::AnyOrder(_) => true,
        Part::Flag { word, .. } => args.has(word),
        Part::Arg { name, value, .. } => args.get(name).is_some_and(|datum| value.may_be(datum)),
        Part::OneOf(choices) => choices.iter().any(|parts| is_said(parts, args)),
    })
}

/// Whether `args` hold anything of these parts.
fn says_something(parts: &[Part], args: &Args) -> bool {
    parts.iter().any(|part| match part {
        Part::Word { .. } => false,
        Part::Flag { word: name, .. } | Part::Arg { name, .. } => args.has(name),
        Part::Optional(parts) => says_something(parts, args),
        Part::OneOf(choices) | Part::AnyOrder(choices) => {
            choices.iter().any(|parts| says_something(parts, args))
        }
    })
}
