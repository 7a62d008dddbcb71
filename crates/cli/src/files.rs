//! The two commands that are about files of the person at the terminal: the daemon neither reads
//! nor writes them, so nobody gets at a file through it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;

use kedge_api::{ClientError, Outcome, Refusal, Reply};

use crate::os_error::{reason, unreadable};
use crate::session::Session;

/// Runs a command; `load FILE` sends the file's text along, `save FILE` keeps the answer in it.
pub(crate) fn run(line: &str, session: &mut Session) -> Result<Outcome, ClientError> {
    let words: Vec<&str> = line.split_whitespace().collect();
    // Within the configuration, what may stand outside of it stands behind this word.
    let words = words.strip_prefix(&["do"]).unwrap_or(&words);
    match words[..] {
        [command, file, ..] if is("load", command) && session.mode().is_some() => {
            match fs::read(file) {
                // An octet that is no UTF-8 becomes a character that no word has.
                Ok(text) => {
                    session.command_with(line, Some(String::from_utf8_lossy(&text).into_owned()))
                }
                Err(error) => Ok(Err(Refusal::new(unreadable(file, &error)))),
            }
        }
        [command, file] if is("save", command) => match session.command(line)? {
            Ok(Reply::Text(text)) => Ok(match keep(file, &text) {
                Ok(()) => Ok(Reply::Text(format!("{} lines in {file}\n", text.lines().count()))),
                Err(error) => {
                    Err(Refusal::new(format!("{file} cannot be written: {}", reason(&error))))
                }
            }),
            other => Ok(other),
        },
        _ => session.command(line),
    }
}

/// Whether a line asks for a text that is typed, until a line with nothing but a dot.
pub(crate) fn wants_typed(line: &str, session: &Session) -> bool {
    let mut words = line.split_whitespace();
    let begins = |word: Option<&str>, whole: &str| word.is_some_and(|word| is(whole, word));
    session.mode().is_some() && begins(words.next(), "load") && begins(words.next(), "terminal")
}

/// Whether a word is this one, as far as it is typed.
fn is(whole: &str, typed: &str) -> bool {
    typed.len() >= 2 && whole.starts_with(&typed.to_ascii_lowercase())
}

/// Keys are in it, obfuscated: a new file is its owner's alone.
fn keep(file: &str, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(file)?.write_all(text.as_bytes())
}
