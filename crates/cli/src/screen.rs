//! What a person or a script sees: answers on standard output, through a pager when both ends
//! are a terminal; complaints on standard error.

use std::env;
use std::io::{self, ErrorKind, IsTerminal, Write, stderr, stdin, stdout};
use std::process::{Child, Command, Stdio};

use kedge_api::{Refusal, Reply, Word};

use crate::batch::Failure;

/// Where answers go.
pub(crate) struct Screen {
    /// Both ends are a terminal, so a person can turn pages.
    paging: bool,
}

impl Screen {
    pub(crate) fn new() -> Self {
        Self { paging: stdin().is_terminal() && stdout().is_terminal() }
    }

    /// The screen for the answer to a line: `| no-more` at its end turns no pages.
    pub(crate) fn for_line(&self, line: &str) -> Self {
        let last = line.rsplit_once('|').map_or("", |(_, pipe)| pipe.trim());
        Self { paging: self.paging && !(last.len() > 1 && "no-more".starts_with(last)) }
    }

    /// Columns of the terminal that answers go to.
    #[expect(clippy::unused_self, reason = "a screen has a width")]
    pub(crate) fn width(&self) -> Option<u16> {
        rustix::termios::tcgetwinsize(stdout()).ok().map(|size| size.ws_col).filter(|&col| col > 0)
    }

    /// Shows an answer; an empty one shows nothing.
    pub(crate) fn show(&self, reply: &Reply) -> io::Result<()> {
        let text = match reply {
            Reply::Text(text) => text.clone(),
            Reply::Data(data) => format!("{data:#}\n"),
            Reply::Words(words) => table(words),
        };
        if self.paging && page(&text)? {
            return Ok(());
        }
        let mut out = stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

/// Says on standard error why a run ended; a reader that left needs no explanation.
pub(crate) fn complain(failure: &Failure) {
    let text = match failure {
        Failure::ReaderGone => return,
        Failure::Refused { place, refusal } => explain(place.as_deref(), refusal),
        Failure::Unanswered(error) => format!("kedge: {error}\n"),
        Failure::Input { place, error } => format!("kedge: cannot read {place}: {error}\n"),
        Failure::Output(error) => format!("kedge: cannot write the answer: {error}\n"),
    };
    // Standard error is the last resort; there is no other to complain to.
    let _ = stderr().lock().write_all(text.as_bytes());
}

/// A refusal in lines: where and what, the caret, what is allowed.
fn explain(place: Option<&str>, refusal: &Refusal) -> String {
    let mut text = String::from("kedge: ");
    if let Some(place) = place {
        text.push_str(place);
        text.push_str(": ");
    }
    text.push_str(&refusal.message);
    text.push('\n');
    for line in refusal.caret.iter().flat_map(|caret| caret.lines()) {
        text.push_str("  ");
        text.push_str(line);
        text.push('\n');
    }
    if !refusal.allowed.is_empty() {
        text.push_str("  allowed: ");
        text.push_str(&refusal.allowed.join(", "));
        text.push('\n');
    }
    text
}

/// Words and their help in two columns.
pub(crate) fn table(words: &[Word]) -> String {
    let width = words.iter().map(|word| word.word.chars().count()).max().unwrap_or(0);
    words.iter().map(|Word { word, help, .. }| format!("  {word:width$}  {help}\n")).collect()
}

/// Shows `text` in the pager; false when there is none.
fn page(text: &str) -> io::Result<bool> {
    let mut child = match pager().stdin(Stdio::piped()).spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let written = feed(&mut child, text);
    child.wait()?;
    match written {
        // The reader has left the pager before the end.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(true),
        other => other.map(|()| true),
    }
}

/// `$PAGER` as the shell reads it, or `less` that leaves by itself when one screen is enough.
fn pager() -> Command {
    if let Some(line) = env::var_os("PAGER").filter(|line| !line.is_empty()) {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(line);
        return shell;
    }
    let mut less = Command::new("less");
    if env::var_os("LESS").is_none() {
        less.env("LESS", "FRX");
    }
    less
}

fn feed(child: &mut Child, text: &str) -> io::Result<()> {
    // Taken, so that the pager sees the end of its input.
    let Some(mut input) = child.stdin.take() else { return Ok(()) };
    input.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_shows_its_place_its_caret_and_what_is_allowed() {
        let refusal = Refusal {
            message: "not known here: bogus".into(),
            line: None,
            column: Some(6),
            caret: Some("show bogus\n     ^".into()),
            allowed: vec!["ipv6".into(), "running-config".into()],
        };
        assert_eq!(
            explain(Some("site.txt:3"), &refusal),
            "kedge: site.txt:3: not known here: bogus\n\
             \x20 show bogus\n\
             \x20      ^\n\
             \x20 allowed: ipv6, running-config\n"
        );
    }

    #[test]
    fn words_stand_in_columns() {
        let words = [("ipv6", "IPv6"), ("<cr>", "Its end")].map(|(word, help)| Word {
            word: word.into(),
            help: help.into(),
            placeholder: false,
        });
        assert_eq!(table(&words), "  ipv6  IPv6\n  <cr>  Its end\n");
    }
}
