//! What is said: the typed request and answer, and the JSON they are written as.
//!
//! The JSON is flat, so that a shell script can write it; the types are not, so that a command
//! with two kinds or an answer that is both right and wrong cannot be held in memory. The `Raw*`
//! structs are the flat form and exist only between the two.
//!
//! A request is read strictly: an unknown version and an unknown member are refused. An answer
//! is read leniently: members added within a version do not disturb an older client.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::VERSION;

/// One line from a client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// Chosen by the client and repeated in the answer; 0 is kept for the server.
    pub id: u64,
    /// What is wanted.
    pub ask: Ask,
}

/// What a client wants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ask {
    /// Run a command, as typed; pipes such as `| include X` belong to the line.
    Command {
        /// The line.
        line: String,
        /// A text of several lines that the command is about, as `load` has one.
        text: Option<String>,
        /// The form of the answer; a `| json` in the line asks for JSON as well.
        format: Format,
        /// Columns of the reader's terminal, if it has one.
        width: Option<u16>,
    },
    /// Say what may stand at the end of this line.
    Complete {
        /// The line up to the cursor.
        line: String,
    },
}

impl Ask {
    /// The command `line`, answered as text of any width.
    pub fn command(line: impl Into<String>) -> Self {
        Self::Command { line: line.into(), text: None, format: Format::Text, width: None }
    }
}

/// The form of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON value.
    Json,
}

/// One line from the daemon.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer {
    /// The request's; 0 speaks about the connection itself.
    pub id: u64,
    /// What became of it.
    pub outcome: Outcome,
    /// The configuration mode that the client is in from now on, as prompts show it, e.g.
    /// `config-pmipv6-lma`; `None` outside of the configuration. It belongs to the connection.
    pub mode: Option<String>,
}

/// What became of a request.
pub type Outcome = Result<Reply, Refusal>;

/// A request that was carried out.
#[derive(Clone, PartialEq, Debug)]
pub enum Reply {
    /// Lines for people, each ended by a newline; empty when there is nothing to say.
    Text(String),
    /// The same facts as a JSON value.
    Data(Value),
    /// The words that may stand at the end of the line.
    Words(Vec<Word>),
}

/// One word that may stand at a place, with its help.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Word {
    /// The word, the name of a value, or `<cr>` where the line may end.
    pub word: String,
    /// One line of help.
    pub help: String,
    /// Whether it stands for a value, and is not itself the word to type.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub placeholder: bool,
}

impl Word {
    /// Whether the word can be typed as it is.
    pub fn is_literal(&self) -> bool {
        !self.placeholder && self.word != "<cr>"
    }
}

/// A request that was not carried out, and why.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Refusal {
    /// One line: what is wrong and, where there is one, the way out.
    pub message: String,
    /// The line at fault, from 1, of input that has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The character at fault, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The line at fault and, below it, a caret under the word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caret: Option<String>,
    /// What may stand there instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
}

impl Refusal {
    /// A refusal that is about no particular word.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }
}

/// Why a line is no request of ours. The `id` is the client's where it could be read, else 0.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RequestError {
    /// Another version of this API, or none given.
    #[error("API version {} is not spoken here, only {VERSION}", shown(*version))]
    Version {
        /// The client's.
        id: u64,
        /// The version it named.
        version: Option<u64>,
    },
    /// Not the JSON that a request is.
    #[error("not a request: {detail}")]
    Malformed {
        /// The client's.
        id: u64,
        /// What the reader objected to.
        detail: String,
    },
}

impl RequestError {
    /// The request to answer.
    pub fn id(&self) -> u64 {
        match self {
            Self::Version { id, .. } | Self::Malformed { id, .. } => *id,
        }
    }
}

/// Why a line is no answer of ours.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AnswerError {
    /// The daemon is of another release.
    #[error(
        "the daemon speaks API version {}, this program {VERSION}: use the kedge of its release",
        shown(*.0)
    )]
    Version(Option<u64>),
    /// Not the JSON that an answer is.
    #[error("not an answer: {0}")]
    Malformed(String),
}

fn shown(version: Option<u64>) -> String {
    version.map_or_else(|| "(none)".to_owned(), |version| version.to_string())
}

/// The part that every version of the API shares.
#[derive(Deserialize)]
struct Envelope {
    version: Option<u64>,
    id: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRequest {
    version: u32,
    id: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    complete: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    format: Option<Format>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    width: Option<u16>,
}

impl Request {
    /// Reads one line, with or without its newline.
    pub fn decode(line: &[u8]) -> Result<Self, RequestError> {
        let malformed = |id, detail: String| RequestError::Malformed { id, detail };
        // The reader would take an array for the members in their order.
        if !line.trim_ascii_start().starts_with(b"{") {
            return Err(malformed(0, "a request is a JSON object".to_owned()));
        }
        let envelope: Envelope =
            serde_json::from_slice(line).map_err(|error| malformed(0, error.to_string()))?;
        let id = envelope.id.unwrap_or(0);
        if envelope.version != Some(u64::from(VERSION)) {
            return Err(RequestError::Version { id, version: envelope.version });
        }
        let raw: RawRequest =
            serde_json::from_slice(line).map_err(|error| malformed(id, error.to_string()))?;
        let ask = match (raw.command, raw.complete) {
            (Some(line), None) => Ask::Command {
                line,
                text: raw.text,
                format: raw.format.unwrap_or_default(),
                width: raw.width,
            },
            (None, Some(line)) => Ask::Complete { line },
            _ => return Err(malformed(id, "one of `command` and `complete` is needed".to_owned())),
        };
        Ok(Self { id, ask })
    }

    /// Writes the line, newline included.
    pub fn encode(&self) -> Vec<u8> {
        let mut raw = RawRequest {
            version: VERSION,
            id: self.id,
            command: None,
            complete: None,
            text: None,
            format: None,
            width: None,
        };
        match &self.ask {
            Ask::Command { line, text, format, width } => {
                raw.command = Some(line.clone());
                raw.text.clone_from(text);
                raw.format = Some(*format);
                raw.width = *width;
            }
            Ask::Complete { line } => raw.complete = Some(line.clone()),
        }
        to_line(&raw)
    }
}

/// The first line of a client that comes over TCP: the proof of who it is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Login {
    /// As [`Request::id`].
    pub(crate) id: u64,
    /// The secret.
    pub(crate) token: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLogin {
    version: u32,
    id: u64,
    token: String,
}

impl Login {
    /// Reads one line, with or without its newline. What is wrong is not repeated: it may hold
    /// a secret.
    pub(crate) fn decode(line: &[u8]) -> Result<Self, RequestError> {
        let raw: Option<RawLogin> = serde_json::from_slice(line).ok();
        let known = raw.filter(|raw| raw.version == VERSION);
        known.map(|RawLogin { id, token, .. }| Self { id, token }).ok_or_else(|| {
            let detail = format!("the first line over TCP holds version {VERSION}, id and token");
            RequestError::Malformed { id: 0, detail }
        })
    }

    /// Writes the line, newline included.
    pub(crate) fn encode(&self) -> Vec<u8> {
        to_line(&RawLogin { version: VERSION, id: self.id, token: self.token.clone() })
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Error,
}

#[derive(Serialize, Deserialize)]
struct RawAnswer {
    version: u32,
    id: u64,
    status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    words: Option<Vec<Word>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<Refusal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
}

impl Answer {
    /// Reads one line, with or without its newline.
    pub fn decode(line: &[u8]) -> Result<Self, AnswerError> {
        let malformed = |error: serde_json::Error| AnswerError::Malformed(error.to_string());
        let envelope: Envelope = serde_json::from_slice(line).map_err(malformed)?;
        if envelope.version != Some(u64::from(VERSION)) {
            return Err(AnswerError::Version(envelope.version));
        }
        let raw: RawAnswer = serde_json::from_slice(line).map_err(malformed)?;
        let outcome = match (raw.status, raw.error, raw.text, raw.data, raw.words) {
            (Status::Error, Some(refusal), ..) => Err(refusal),
            (Status::Ok, None, Some(text), None, None) => Ok(Reply::Text(text)),
            (Status::Ok, None, None, data, None) => Ok(Reply::Data(data.unwrap_or(Value::Null))),
            (Status::Ok, None, None, None, Some(words)) => Ok(Reply::Words(words)),
            _ => {
                let detail = "the status and the members do not agree".to_owned();
                return Err(AnswerError::Malformed(detail));
            }
        };
        Ok(Self { id: raw.id, outcome, mode: raw.mode })
    }

    /// Writes the line, newline included.
    pub fn encode(self) -> Vec<u8> {
        let mut raw = RawAnswer {
            version: VERSION,
            id: self.id,
            status: Status::Ok,
            text: None,
            data: None,
            words: None,
            error: None,
            mode: self.mode,
        };
        match self.outcome {
            Ok(Reply::Text(text)) => raw.text = Some(text),
            Ok(Reply::Data(data)) => raw.data = Some(data),
            Ok(Reply::Words(words)) => raw.words = Some(words),
            Err(refusal) => {
                raw.status = Status::Error;
                raw.error = Some(refusal);
            }
        }
        to_line(&raw)
    }
}

/// One line of JSON. A newline inside a string is escaped, so the line ends where it ends.
fn to_line(raw: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(raw).expect("strings and numbers always serialise");
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests;
