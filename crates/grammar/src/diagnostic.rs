//! How a mistake is shown: the line, a caret under the word, what is allowed, what was meant.
//!
//! ```text
//! lma.conf:3:14: not a value for SECONDS
//!     bce lifetime 5
//!                  ^
//!   allowed here:
//!     SECONDS  longest lifetime granted (10-65535 seconds)
//! ```
//!
//! Nothing secret is in it: the line is kept with its secrets, and whatever might be one, starred
//! out.

use std::fmt;

use crate::place::{Elsewhere, Place, Quote};

/// Something that may stand at a place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hint {
    /// The word, or the name of an argument.
    pub what: String,
    /// What it is.
    pub help: String,
    /// Whether it stands for a value, and is not itself the word to type.
    pub placeholder: bool,
}

/// What is wrong with a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SyntaxFault {
    /// No command of this block or an enclosing one begins like this.
    UnknownCommand {
        /// The word.
        word: String,
        /// The commands of the block.
        allowed: Vec<Hint>,
        /// A command that is spelled nearly like this.
        meant: Option<String>,
        /// The blocks that have such a command.
        elsewhere: Vec<&'static str>,
    },
    /// The command is one of routers, about the router itself.
    Foreign {
        /// The words that say so.
        name: String,
        /// How many lines below it are passed over with it.
        below: usize,
        /// The blocks that have such a command.
        elsewhere: Vec<&'static str>,
    },
    /// The command does not go on like this.
    Unexpected {
        /// The word; `None` when it may be a secret.
        word: Option<String>,
        /// What may stand there; nothing when the command ends before it.
        allowed: Vec<Hint>,
        /// A word that is spelled nearly like this.
        meant: Option<String>,
    },
    /// An argument is left out: the word would be right behind it.
    Missing {
        /// The argument's name.
        argument: &'static str,
        /// The word.
        word: &'static str,
        /// What may stand there.
        allowed: Vec<Hint>,
    },
    /// A fixed word stands a second time.
    Doubled {
        /// The word.
        word: String,
        /// What may stand there.
        allowed: Vec<Hint>,
    },
    /// The word is the beginning of several.
    Ambiguous {
        /// The word.
        word: String,
        /// The words it may begin.
        candidates: Vec<Hint>,
    },
    /// The command ends too early.
    Incomplete {
        /// What is missing.
        allowed: Vec<Hint>,
    },
    /// The command may stand once, and stands elsewhere with other arguments.
    AlreadyGiven {
        /// Its name.
        command: String,
        /// Where the other one is.
        at: Elsewhere,
    },
    /// The line has no number, and those behind the last one's are used up.
    NoNumberLeft {
        /// The command's name.
        command: String,
    },
    /// The text is read no further.
    TooMany,
    /// A double quote is not closed.
    OpenQuote,
    /// A quote as typesetters have it.
    CurlyQuote,
    /// A comment is not closed.
    OpenComment,
}

/// A mistake and where it is; boxed, because most lines have none.
pub type SyntaxError = Box<(Place, SyntaxFault)>;

/// Something to know about a line that is accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SyntaxRemark {
    /// The command is read and kept, and nothing comes of it in this version; said once a text.
    NoEffectYet {
        /// Its name.
        command: String,
    },
    /// The line has a key in the obfuscated form; said once a text.
    Obfuscated,
    /// The line ends too early; it is read with the next one.
    Unfinished,
    /// The line takes the place of another one.
    Replaces {
        /// Its name.
        command: String,
        /// Where the other one is.
        at: Elsewhere,
    },
}

impl Hint {
    /// A word and its help.
    pub fn new(what: &str, help: &str) -> Self {
        Self { what: what.to_owned(), help: help.to_owned(), placeholder: false }
    }
}

/// The first line of a message.
impl fmt::Display for SyntaxFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCommand { word, .. } => write!(f, "unknown command '{}'", Quote(word)),
            Self::Foreign { name, below, elsewhere } => {
                write!(f, "'{}'", Quote(name))?;
                match below {
                    0 => f.write_str(" is")?,
                    1 => f.write_str(" and the line below it are")?,
                    below => write!(f, " and the {below} lines below it are")?,
                }
                f.write_str(" about the router itself, not about Kedge")?;
                match elsewhere.as_slice() {
                    [_, ..] if *below == 0 => {
                        write!(f, " (it is a command of: {})", elsewhere.join(", "))
                    }
                    _ => Ok(()),
                }
            }
            Self::Unexpected { word: Some(word), allowed, .. } if allowed.is_empty() => {
                write!(f, "the command ends before '{}'", Quote(word))
            }
            Self::Unexpected { allowed, .. } => match allowed.as_slice() {
                [one] if one.placeholder => write!(f, "not a value for {}", one.what),
                _ => f.write_str("unexpected word"),
            },
            Self::Missing { argument, word, .. } => {
                write!(f, "{argument} is missing before '{word}'")
            }
            Self::Doubled { word, .. } => write!(f, "'{}' stands here again", Quote(word)),
            Self::Ambiguous { word, .. } => write!(f, "'{}' is ambiguous", Quote(word)),
            Self::Incomplete { .. } => f.write_str("incomplete command"),
            Self::AlreadyGiven { command, at } => {
                write!(f, "only one '{command}' is possible; another is {at}")
            }
            Self::NoNumberLeft { command } => {
                write!(f, "no number is left for '{command}' behind the last line's: give one")
            }
            Self::TooMany => f.write_str("there is too much to say about this text: it ends here"),
            Self::OpenQuote => f.write_str("the quote that begins here does not end"),
            Self::CurlyQuote => f.write_str("a quote is the plain one, \" in ASCII"),
            Self::OpenComment => f.write_str("the comment that begins here does not end"),
        }
    }
}

impl SyntaxFault {
    /// Writes the lines below the caret: what was meant, what is allowed.
    pub fn write_advice(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCommand { word, .. }
                if word.starts_with('#') || word.starts_with("//") =>
            {
                writeln!(f, "  a remark begins with '!'")
            }
            Self::UnknownCommand { allowed, meant, elsewhere, .. } => {
                if !elsewhere.is_empty() {
                    writeln!(f, "  it is a command of: {}", elsewhere.join(", "))?;
                }
                write_meant(f, meant.as_deref())?;
                let mut words: Vec<&str> = allowed.iter().map(|hint| hint.what.as_str()).collect();
                words.dedup();
                writeln!(f, "  commands here: {}", words.join(", "))
            }
            Self::Unexpected { allowed, meant, .. } => {
                write_meant(f, meant.as_deref())?;
                write_hints(f, "allowed here", allowed)
            }
            Self::Missing { allowed, .. } | Self::Doubled { allowed, .. } => {
                write_hints(f, "allowed here", allowed)
            }
            Self::Incomplete { allowed } => write_hints(f, "to come", allowed),
            Self::Ambiguous { candidates, .. } => write_hints(f, "it may begin", candidates),
            Self::Foreign { .. }
            | Self::AlreadyGiven { .. }
            | Self::NoNumberLeft { .. }
            | Self::TooMany
            | Self::OpenQuote
            | Self::CurlyQuote
            | Self::OpenComment => Ok(()),
        }
    }
}

fn write_meant(f: &mut fmt::Formatter<'_>, meant: Option<&str>) -> fmt::Result {
    meant.map_or(Ok(()), |meant| writeln!(f, "  did you mean '{meant}'?"))
}

fn write_hints(f: &mut fmt::Formatter<'_>, title: &str, hints: &[Hint]) -> fmt::Result {
    if hints.is_empty() {
        return Ok(());
    }
    writeln!(f, "  {title}:")?;
    let width = hints.iter().map(|hint| hint.what.len()).max().unwrap_or(0);
    hints.iter().try_for_each(|hint| writeln!(f, "    {:width$}  {}", hint.what, hint.help))
}

impl fmt::Display for SyntaxRemark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEffectYet { command } => {
                write!(f, "'{command}' is accepted; it has no effect yet")
            }
            Self::Obfuscated => f.write_str(
                "an obfuscated key is not encrypted: whoever reads this text can have it",
            ),
            Self::Unfinished => {
                f.write_str("the line ends too early: it is read with the next one")
            }
            Self::Replaces { command, at } => {
                write!(f, "this '{command}' takes the place of the one {at}")
            }
        }
    }
}
