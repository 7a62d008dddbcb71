//! What the machine says on its second serial port: a line for each thing that happened.
//!
//! ```text
//!   note 6.1.0-56-amd64
//!   pass gre_without_key_over_ipv4
//!   fail ip_in_ip_over_ipv4 ping 10.64.0.5: no answer\nsent 3, received 0
//!   done
//! ```

use std::collections::BTreeMap;
use std::fmt;

/// One line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Line {
    /// Something worth knowing.
    Note(String),
    /// A scenario held.
    Pass(String),
    /// A scenario did not hold, and why.
    Fail(String, String),
    /// All scenarios have been run.
    Done,
}

impl Line {
    /// Reads a line; `None` is for one that is not ours.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let line = line.trim_end_matches(['\r', '\n']);
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "note" => Some(Self::Note(unescape(rest))),
            "pass" => Some(Self::Pass(rest.to_owned())),
            "fail" => {
                let (scenario, why) = rest.split_once(' ')?;
                Some(Self::Fail(scenario.to_owned(), unescape(why)))
            }
            "done" => Some(Self::Done),
            _ => None,
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Note(text) => write!(f, "note {}", escape(text)),
            Self::Pass(scenario) => write!(f, "pass {scenario}"),
            Self::Fail(scenario, why) => write!(f, "fail {scenario} {}", escape(why)),
            Self::Done => f.write_str("done"),
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "")
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push(if chars.next() == Some('n') { '\n' } else { '\\' }),
            c => out.push(c),
        }
    }
    out
}

/// What a whole run came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What was noted, in order.
    pub notes: Vec<String>,
    /// The scenarios that were run; an error is why one did not hold.
    pub results: BTreeMap<String, Result<(), String>>,
    /// Whether the machine came to its end.
    pub complete: bool,
}

impl Report {
    /// Takes in a line.
    pub fn add(&mut self, line: Line) {
        match line {
            Line::Note(text) => self.notes.push(text),
            Line::Pass(scenario) => drop(self.results.insert(scenario, Ok(()))),
            Line::Fail(scenario, why) => drop(self.results.insert(scenario, Err(why))),
            Line::Done => self.complete = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_back_as_it_was_written() {
        let fail = Line::Fail("a_scenario".into(), "two\nlines, a \\n and a \\".into());
        for line in [Line::Note("6.1".into()), Line::Pass("x".into()), fail, Line::Done] {
            let text = line.to_string();
            assert!(!text.contains('\n'));
            assert_eq!(Line::parse(&format!("{text}\r\n")), Some(line));
        }
    }

    #[test]
    fn what_is_not_ours_is_no_line() {
        for text in ["", "passing by", "fail nameless", "[    0.5] Kernel panic"] {
            assert_eq!(Line::parse(text), None, "{text}");
        }
    }
}
