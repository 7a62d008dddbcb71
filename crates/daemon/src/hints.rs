//! What may stand where a line ends, and whether a line is short for several commands.

use kedge_api::{Call, Refusal, Word};
use kedge_config::complete_session;

use crate::live_names;
use crate::shell::Shell;

/// What may stand where a line ends.
pub fn words(shell: &mut Shell, call: &Call, line: &str) -> Vec<Word> {
    let names = live_names::names(shell);
    let known = |kind: &str| names.get(kind).cloned().unwrap_or_default();
    let inside = shell.sessions.get(call.client).is_some();
    let mut hints = complete_session(line, inside);
    if let Some(command) = strip_word(line, "do").filter(|_| inside) {
        hints = kedge_config::complete(command, &known);
    } else if !inside || is_show(line) {
        hints.extend(kedge_config::complete(line, &known));
    } else if let Some(session) = shell.sessions.get(call.client) {
        hints.extend(session.complete(line, &known));
    }
    let mut words: Vec<Word> = Vec::new();
    for hint in hints {
        if !words.iter().any(|word| word.word == hint.what) {
            let (word, help, placeholder) = (hint.what, hint.help, hint.placeholder);
            words.push(Word { word, help, placeholder });
        }
    }
    words
}

/// Why a first word is not taken for a command about the session: it may be short for another one,
/// too, and what ends a session must be meant.
pub fn ambiguous(shell: &mut Shell, call: &Call, line: &str) -> Option<Refusal> {
    let first = line.split_whitespace().next()?;
    let inside = shell.sessions.get(call.client).is_some();
    let is_whole = |word: &str| word.eq_ignore_ascii_case(first);
    let about_session = complete_session(first, inside);
    if about_session.is_empty() || about_session.iter().any(|hint| is_whole(&hint.what)) {
        return None;
    }
    let words = words(shell, call, first).into_iter().filter(Word::is_literal);
    let allowed: Vec<String> = words.map(|word| word.word).collect();
    if allowed.len() < 2 || allowed.iter().any(|word| is_whole(word)) {
        return None;
    }
    let message = format!("'{first}' is ambiguous");
    Some(Refusal { message, column: Some(1), allowed, ..Refusal::default() })
}

/// What follows a first word.
pub fn strip_word<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let rest = line.trim_start().strip_prefix(word)?;
    rest.starts_with(char::is_whitespace).then(|| rest.trim_start())
}

/// Whether a line looks and changes nothing: within the configuration, too, the state is shown.
pub fn is_show(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    first.len() >= 2 && "show".starts_with(&first) && line.trim_start().len() > first.len()
}
