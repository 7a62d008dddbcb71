//! A configuration as JSON, for automation: what it looks like is in `docs/config/schema.json`.

use std::fmt;

use kedge_grammar::{JsonError, JsonText, read_json};
use serde_json::Value;

use crate::{Config, ConfigError, Warning, parse, table};

/// Why a JSON value is not a configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum JsonMistake {
    /// It has not the form that the schema asks for.
    Form(JsonError),
    /// What it says is wrong as a configuration is.
    Content {
        /// The JSON pointer (RFC 6901) of what is wrong.
        pointer: String,
        /// What is wrong with the line that stands for it in a text.
        error: ConfigError,
    },
}

impl fmt::Display for JsonMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(error) => write!(f, "{error}"),
            Self::Content { pointer, error } => write!(f, "{}: {error}", pointer.escape_debug()),
        }
    }
}

impl std::error::Error for JsonMistake {}

/// The configuration as JSON. Keys are obfuscated in it, which is not encryption.
pub fn to_json(config: &Config) -> Value {
    kedge_grammar::to_json(&table::GLOBAL, &config.write())
}

/// The configuration that a JSON value is, or all that is wrong with it.
pub fn from_json(json: &Value) -> Result<(Config, Vec<Warning>), Vec<JsonMistake>> {
    let JsonText { text, pointers } = read_json(&table::GLOBAL, json)
        .map_err(|errors| errors.into_iter().map(JsonMistake::Form).collect::<Vec<_>>())?;
    let content = |error: ConfigError| {
        let line = error.place.line.checked_sub(1).and_then(|line| pointers.get(line));
        JsonMistake::Content { pointer: line.cloned().unwrap_or_default(), error }
    };
    parse(&text, "json").map_err(|errors| errors.into_iter().map(content).collect())
}

/// The JSON Schema (draft 2020-12) of a configuration.
pub fn json_schema() -> Value {
    kedge_grammar::json_schema(&table::GLOBAL, "Configuration of Kedge")
}
