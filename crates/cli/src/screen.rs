//! What a person or a script sees: answers on standard output, through a pager when both ends
//! are a terminal.

use std::cell::Cell;
use std::env;
use std::ffi::OsStr;
use std::io::{self, ErrorKind, IsTerminal, Write, stdin, stdout};
use std::process::{Child, Command, Stdio};

use kedge_api::{Reply, Word, fold};

use crate::setting::Setting;

/// Where answers go.
pub(crate) struct Screen {
    /// Both ends are a terminal, so a person can turn pages.
    paging: bool,
    /// What `terminal length` has said; without it, the pager knows how long a page is.
    length: Cell<Option<usize>>,
    /// Standard output is a terminal that shows colours, and they are wanted.
    colours: bool,
}

impl Screen {
    pub(crate) fn new() -> Self {
        let unwanted =
            |name, value: fn(&OsStr) -> bool| env::var_os(name).is_some_and(|v| value(&v));
        // https://no-color.org: whatever it says, if it says anything.
        let plain = unwanted("NO_COLOR", |value| !value.is_empty())
            || unwanted("TERM", |value| value == "dumb");
        Self {
            paging: stdin().is_terminal() && stdout().is_terminal(),
            length: Cell::new(None),
            colours: stdout().is_terminal() && !plain,
        }
    }

    /// Shows the answer to `line`; an empty one shows nothing.
    pub(crate) fn show(&self, line: &str, reply: &Reply) -> io::Result<()> {
        if let Some(Setting::Length(lines)) = Setting::of(line) {
            self.length.set(Some(lines));
        }
        let text = match reply {
            Reply::Text(text) if self.colours && shows_changes(line) => coloured(text),
            Reply::Text(text) => text.clone(),
            Reply::Data(data) => format!("{data:#}\n"),
            Reply::Words(words) => table(words, width()),
        };
        let long = match self.length.get() {
            None => !text.is_empty(),
            Some(0) => false,
            Some(length) => text.lines().count() > length,
        };
        if self.paging && long && !wants_no_pages(line) && page(&text)? {
            return Ok(());
        }
        let mut out = stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

/// Columns of the terminal that answers go to, if it is one.
pub(crate) fn width() -> Option<u16> {
    rustix::termios::tcgetwinsize(stdout()).ok().map(|size| size.ws_col).filter(|&col| col > 0)
}

/// Whether the answer to a command shows what comes and what goes.
fn shows_changes(line: &str) -> bool {
    let command = line.split('|').next().unwrap_or_default();
    let words: Vec<String> = command.split_whitespace().map(str::to_ascii_lowercase).collect();
    let is = |at: usize, whole: &str| {
        words.get(at).is_some_and(|word| word.len() >= 2 && whole.starts_with(word.as_str()))
    };
    let changes = words.len() == 2 || is(2, "commit") && is(3, "changes");
    is(0, "show") && is(1, "configuration") && changes || is(0, "commit")
}

/// What comes in green, what goes in red.
fn coloured(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let colour = match line.as_bytes().first() {
            Some(b'+') => "\x1b[32m",
            Some(b'-') => "\x1b[31m",
            _ => "",
        };
        let end = if colour.is_empty() { "" } else { "\x1b[0m" };
        out.push_str(&format!("{colour}{line}{end}\n"));
    }
    out
}

/// Whether a command ends in `| no-more`.
fn wants_no_pages(line: &str) -> bool {
    line.rsplit_once('|').is_some_and(|(_, pipe)| pipe.trim() == "no-more")
}

/// Words and their help in two columns, the second one as wide as the terminal lets it be.
pub(crate) fn table(words: &[Word], width: Option<u16>) -> String {
    /// Help that gets less room than this goes below its word.
    const NARROWEST: usize = 16;
    let longest = words.iter().map(|word| word.word.chars().count()).max().unwrap_or(0);
    // Two blanks before each column; the last column of a terminal stays free.
    let room = width.map_or(usize::MAX, |width| usize::from(width).saturating_sub(1));
    let below = room.saturating_sub(longest + 4) < NARROWEST;
    let indent = if below { 6 } else { longest + 4 };
    let mut text = String::new();
    for Word { word, help, .. } in words {
        let mut lines = fold(help, room.saturating_sub(indent).max(NARROWEST)).into_iter();
        let first = if below { None } else { lines.next() };
        match first {
            Some(first) => text.push_str(&format!("  {word:longest$}  {first}\n")),
            None => text.push_str(&format!("  {word}\n")),
        }
        lines.for_each(|line| text.push_str(&format!("{:indent$}{line}\n", "")));
    }
    text
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
    let mut pager = match env::var_os("PAGER").filter(|line| !line.is_empty()) {
        Some(line) => {
            let mut shell = Command::new("sh");
            shell.arg("-c").arg(line);
            shell
        }
        None => Command::new("less"),
    };
    if env::var_os("LESS").is_none() {
        // Its prompt is that of routers.
        pager.env("LESS", "FRXPs --More-- $");
    }
    // What is typed while a page is shown was meant for the prompt: no key of a pager may start
    // another program.
    pager.env("LESSSECURE", "1");
    pager
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
    fn words_stand_in_columns() {
        let words = [("ipv6", "IPv6"), ("<cr>", "Its end")].map(|(word, help)| Word {
            word: word.into(),
            help: help.into(),
            placeholder: false,
        });
        assert_eq!(table(&words, None), "  ipv6  IPv6\n  <cr>  Its end\n");
    }

    #[test]
    fn help_is_folded_to_the_width_of_the_terminal_and_goes_below_long_words() {
        let word = |word: &str| Word {
            word: word.into(),
            help: "Longest lifetime granted to a node".into(),
            placeholder: false,
        };
        assert_eq!(
            table(&[word("lifetime")], Some(37)),
            "  lifetime  Longest lifetime granted\n            to a node\n"
        );
        assert_eq!(
            table(&[word("a-very-long-word-of-the-language")], Some(36)),
            "  a-very-long-word-of-the-language\n      Longest lifetime granted to a\n      node\n"
        );
    }

    #[test]
    fn what_comes_is_green_and_what_goes_is_red_where_changes_are_shown() {
        assert_eq!(coloured(" a\n-  b\n+  c\n"), " a\n\x1b[31m-  b\x1b[0m\n\x1b[32m+  c\x1b[0m\n");
        for line in ["show configuration", "sh conf", "show configuration commit changes 2"] {
            assert!(shows_changes(line), "{line}");
        }
        for line in ["show configuration merge", "show configuration commit list", "show version"] {
            assert!(!shows_changes(line), "{line}");
        }
    }

    #[test]
    fn only_its_last_pipe_asks_for_no_pages() {
        assert!(wants_no_pages("show version | include x |no-more "));
        assert!(!wants_no_pages("show version | include no-more"));
        assert!(!wants_no_pages("no-more"));
    }
}
