//! From JSON to the text that it stands for.

use std::fmt;

use serde_json::{Map, Value as Json};

use super::{Shape, datum_json, is_half, is_list, member, properties, shape};
use crate::args::Args;
use crate::near::nearest;
use crate::spell::{self, Keys};
use crate::{Block, Datum, Row, Value, document, matcher, table};

/// The text that a JSON value stands for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct JsonText {
    /// The text.
    pub text: String,
    /// For each line of it, the JSON pointer (RFC 6901) of what it came from.
    pub pointers: Vec<String>,
}

/// What is wrong with a JSON value, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JsonError {
    /// The JSON pointer (RFC 6901) of the value.
    pub pointer: String,
    /// What is wrong with it.
    pub fault: JsonFault,
}

/// What is wrong with a JSON value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum JsonFault {
    /// It must be an object, an array or a truth value, and is something else.
    Type {
        /// What it must be.
        wanted: &'static str,
    },
    /// An object has no such member.
    Unknown {
        /// A member that is spelled nearly like this.
        meant: Option<String>,
        /// The members that there are.
        allowed: Vec<String>,
    },
    /// It is not a value of its argument.
    Value {
        /// What is accepted.
        allowed: String,
    },
    /// The members of the object make no command together: one is missing or too many.
    Command {
        /// The command.
        syntax: String,
    },
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = if self.pointer.is_empty() { "the whole" } else { self.pointer.as_str() };
        write!(f, "{}: ", whole.escape_debug())?;
        match &self.fault {
            JsonFault::Type { wanted } => write!(f, "{wanted} is wanted here"),
            JsonFault::Unknown { meant: Some(meant), .. } => {
                write!(f, "no such member; did you mean '{meant}'?")
            }
            JsonFault::Unknown { allowed, .. } => {
                write!(f, "no such member; there are: {}", allowed.join(", "))
            }
            JsonFault::Value { allowed } => write!(f, "not a value; allowed: {allowed}"),
            JsonFault::Command { syntax } => write!(f, "the members do not make: {syntax}"),
        }
    }
}

impl std::error::Error for JsonError {}

/// The text that `json` stands for in the language of `block`, or all that is wrong with it.
pub fn read_json<K: Copy + PartialEq>(
    block: &'static Block<K>,
    json: &Json,
) -> Result<JsonText, Vec<JsonError>> {
    let mut reader = Reader::default();
    match json {
        Json::Object(members) => reader.block(block, None, members, "", 0),
        _ => reader.fault("", JsonFault::Type { wanted: "an object" }),
    }
    if reader.errors.is_empty() { Ok(reader.text) } else { Err(reader.errors) }
}

#[derive(Default)]
struct Reader {
    text: JsonText,
    errors: Vec<JsonError>,
}

impl Reader {
    fn fault(&mut self, pointer: &str, fault: JsonFault) {
        self.errors.push(JsonError { pointer: pointer.to_owned(), fault });
    }

    /// The members of a block's object; those of `opened_by` are the arguments of the line that
    /// opened it.
    fn block<K: Copy + PartialEq>(
        &mut self,
        block: &'static Block<K>,
        opened_by: Option<&'static Row<K>>,
        members: &Map<String, Json>,
        pointer: &str,
        depth: usize,
    ) {
        let known: Vec<(String, &'static Row<K>)> = properties(block).collect();
        for (name, value) in members {
            if opened_by.is_some_and(|row| has_argument(row, name)) {
                continue;
            }
            let pointer = format!("{pointer}/{}", escaped(name));
            let Some((_, row)) = known.iter().find(|(known, _)| known == name) else {
                let allowed: Vec<String> = known.iter().map(|(name, _)| name.clone()).collect();
                let meant = nearest(name, allowed.iter().map(String::as_str));
                self.fault(&pointer, JsonFault::Unknown { meant, allowed });
                continue;
            };
            match value {
                Json::Array(lines) if is_list(row) => {
                    for (index, line) in lines.iter().enumerate() {
                        self.line(row, line, &format!("{pointer}/{index}"), depth);
                    }
                }
                _ if is_list(row) => self.fault(&pointer, JsonFault::Type { wanted: "an array" }),
                _ => self.line(row, value, &pointer, depth),
            }
        }
    }

    fn line<K: Copy + PartialEq>(
        &mut self,
        row: &'static Row<K>,
        json: &Json,
        pointer: &str,
        depth: usize,
    ) {
        let before = self.errors.len();
        let mut args = Args::default();
        let mut negated = false;
        let mut body = None;
        match (shape(row), json) {
            (Shape::Presence, Json::Bool(on)) => {
                negated = !on;
                // What is off by default, and stays off, needs no line.
                if negated && !row.on_by_default || *on && row.on_by_default {
                    return;
                }
            }
            (Shape::Presence, _) => {
                self.fault(pointer, JsonFault::Type { wanted: "true or false" })
            }
            (Shape::Value, json) => self.argument(row, None, json, pointer, &mut args),
            (Shape::Object, Json::Object(members)) => {
                for (name, json) in members.iter().filter(|(name, _)| has_argument(row, name)) {
                    let pointer = format!("{pointer}/{}", escaped(name));
                    self.argument(row, Some(name), json, &pointer, &mut args);
                }
                if row.body.is_none()
                    && let Some(name) = members.keys().find(|name| !has_argument(row, name))
                {
                    let mut allowed = Vec::new();
                    table::for_each_argument(row.syntax, &mut |name, _, _| {
                        allowed.push(member(name));
                    });
                    allowed.dedup();
                    let meant = nearest(name, allowed.iter().map(String::as_str));
                    let pointer = format!("{pointer}/{}", escaped(name));
                    self.fault(&pointer, JsonFault::Unknown { meant, allowed });
                }
                body = row.body.map(|block| (block, members));
            }
            (Shape::Object, _) => self.fault(pointer, JsonFault::Type { wanted: "an object" }),
        }
        if self.errors.len() == before {
            self.spell(row, &args, negated, pointer, depth);
        }
        if let Some((block, members)) = body {
            self.block(block, Some(row), members, pointer, depth + 1);
        }
    }

    /// Reads an argument: that of the member `name`, or the only one.
    fn argument<K>(
        &mut self,
        row: &'static Row<K>,
        name: Option<&str>,
        json: &Json,
        pointer: &str,
        args: &mut Args,
    ) {
        let mut found = None;
        let mut allowed = Vec::new();
        table::for_each_argument(row.syntax, &mut |argument, value, _| {
            if name.is_some_and(|name| member(argument) != name) {
                return;
            }
            match value {
                Some(value) if is_half(value) => {}
                Some(value) => {
                    found = found.take().or_else(|| Some((argument, value.read_json(json)?)));
                    allowed.push(value.describe());
                }
                None if *json == Json::Bool(true) => {
                    found = Some((argument, Datum::Word(argument)))
                }
                None => allowed.push("true".to_owned()),
            }
        });
        match found {
            Some((argument, datum)) => args.push(argument, datum),
            // A word that is not there.
            None if allowed == ["true"] && *json == Json::Bool(false) => {}
            None => self.fault(pointer, JsonFault::Value { allowed: allowed.join("; or ") }),
        }
    }

    fn spell<K: Copy + PartialEq>(
        &mut self,
        row: &'static Row<K>,
        args: &Args,
        negated: bool,
        pointer: &str,
        depth: usize,
    ) {
        let line = spell::spelled(row, args, negated, Keys::Obfuscated);
        let words = crate::lex::typed(&line);
        let words = words.texts();
        let read = matcher::find(std::slice::from_ref(row), &words[usize::from(negated)..]);
        if read.is_ok_and(|read| read.args.is_same_as(args)) {
            self.text.text.push_str(&format!("{}{line}\n", " ".repeat(depth)));
            self.text.pointers.push(pointer.to_owned());
        } else {
            let syntax = document::syntax(row.syntax);
            self.fault(pointer, JsonFault::Command { syntax });
        }
    }
}

fn has_argument<K>(row: &'static Row<K>, name: &str) -> bool {
    let mut has = false;
    table::for_each_argument(row.syntax, &mut |argument, _, _| has |= member(argument) == name);
    has
}

/// A member's name in a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

impl Value {
    /// Reads a JSON value; `None` when it is not a value of this kind.
    fn read_json(&self, json: &Json) -> Option<Datum> {
        match self {
            Self::Integer { .. } => self.read(&json.as_u64()?.to_string()),
            Self::Hex32 => self.read(&format!("{:X}", json.as_u64()?)),
            Self::Keyword(_) | Self::Spelled(_) | Self::Named(_) => {
                let choice = self.choices().find(|(_, meant, _)| datum_json(meant, false) == *json);
                choice.map(|(_, meant, _)| meant)
            }
            Self::SecretText => self.read(one_member(json, "ascii")?),
            Self::SecretHex => self.read(one_member(json, "hex")?),
            _ => self.read(json.as_str()?),
        }
    }
}

/// The text of an object with one member.
fn one_member<'a>(json: &'a Json, name: &str) -> Option<&'a str> {
    let members = json.as_object()?;
    if members.len() == 1 { members.get(name)?.as_str() } else { None }
}
