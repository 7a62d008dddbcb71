//! A configuration as JSON, out of the same table as the text.
//!
//! ```text
//! ipv6 mobile pmipv6-lma lma1 domain d      "ipv6-mobile-pmipv6-lma": {
//!  address ipv4 192.0.2.1                     "id": "lma1", "domain": "d",
//!  bce lifetime 600                           "address-ipv4": ["192.0.2.1"],
//!  heartbeat interval 10 retries 3            "bce-lifetime": 600,
//!  no generate grekey                         "heartbeat": { "interval": 10, "retries": 3 },
//!                                             "generate-grekey": false }
//! ```
//!
//! A command's name is the property, with hyphens for blanks. What may stand several times is an
//! array. One mandatory argument is the value itself, several are the members of an object, a word
//! whose presence says something is `true`, and a block's lines are members beside its arguments.
//! Keys are obfuscated, as in the text.
//!
//! [`read_json`] makes the text that a JSON value stands for, so that everything about a
//! configuration is checked in one place, and mistakes are shown where they are in JSON.

mod read;
mod schema;
mod write;

pub use read::{JsonError, JsonFault, JsonText, read_json};
pub use schema::json_schema;
pub use write::to_json;

use crate::table::{self, Block, Part, Repeats, Row};
use crate::{Datum, Value};

/// The properties of a block's object: the rows that are written, each with its name.
fn properties<K: Copy + PartialEq>(
    block: &'static Block<K>,
) -> impl Iterator<Item = (String, &'static Row<K>)> {
    let rows = block.rows.iter().filter(|row| !row.also);
    rows.map(move |row| (property(block, row), row))
}

/// The name of a row's property.
fn property<K: Copy + PartialEq>(block: &'static Block<K>, row: &'static Row<K>) -> String {
    let base = |row: &Row<K>| row.name().replace(' ', "-").replace('|', "-or-");
    let mut name = base(row);
    let is_rival = |other: &&Row<K>| !other.also && other.key != row.key && base(other) == name;
    if let Some(rival) = block.rows.iter().find(is_rival) {
        // Two commands of one name differ in a word that one of them needs.
        let known: Vec<&str> = table::needed_words(rival.syntax).collect();
        let own = table::needed_words(row.syntax).filter(|word| !known.contains(word));
        own.for_each(|word| name = format!("{name}-{word}"));
    }
    name
}

/// The property of an argument.
fn member(argument: &str) -> String {
    argument.to_ascii_lowercase()
}

/// How a line of a row is written.
enum Shape {
    /// `true`; `false` for the `no` form of what is on by default.
    Presence,
    /// The value of its one argument.
    Value,
    /// An object of its arguments and of what its block holds.
    Object,
}

fn shape<K>(row: &Row<K>) -> Shape {
    let mut names = Vec::new();
    table::for_each_argument(row.syntax, &mut |name, value, _| {
        if !value.is_some_and(is_half) && !names.contains(&name) {
            names.push(name);
        }
    });
    match (names.as_slice(), row.body) {
        ([], None) => Shape::Presence,
        ([one], None) if table::needs(row.syntax, one) => Shape::Value,
        _ => Shape::Object,
    }
}

/// Whether a row is an array of its lines.
fn is_list<K>(row: &Row<K>) -> bool {
    let mut arguments = 0;
    table::for_each_argument(row.syntax, &mut |_, _, _| arguments += 1);
    matches!(row.repeats, Repeats::Each(_)) && arguments > 0
}

fn datum_json(datum: &Datum, part_is_flag: bool) -> serde_json::Value {
    match datum {
        Datum::Word(_) if part_is_flag => true.into(),
        Datum::Word(word) => (*word).into(),
        Datum::Text(text) => text.as_str().into(),
        Datum::Integer(number) => (*number).into(),
        Datum::Ipv4(address) => address.to_string().into(),
        Datum::Ipv6(address) => address.to_string().into(),
        Datum::Prefix(address, length) => format!("{address}/{length}").into(),
        Datum::Mac(mac) => mac.to_string().into(),
        Datum::Secret(secret) => secret.obfuscate().into(),
    }
}

/// Whether this argument is the second word of a name that is one string in JSON, or its first.
fn is_half(value: &Value) -> bool {
    matches!(value, Value::InterfaceType | Value::InterfaceNumber)
}

fn is_flag(parts: &[Part], name: &str) -> bool {
    parts.iter().any(|part| match part {
        Part::Flag { word, .. } => *word == name,
        Part::Optional(parts) => is_flag(parts, name),
        Part::OneOf(choices) | Part::AnyOrder(choices) => {
            choices.iter().any(|parts| is_flag(parts, name))
        }
        Part::Word { .. } | Part::Arg { .. } => false,
    })
}
