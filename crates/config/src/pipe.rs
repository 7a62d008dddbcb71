//! What is done with an answer behind `|`: lines chosen by a regular expression, counted, or the
//! answer as JSON.
//!
//! Expressions are those that router users type (`^interface`, `10\.1\.`, `lma|mag`), with or
//! without quotes: `include State active` is one expression. They run in time that grows
//! with the answer and not beyond, whatever is typed, and an expression that would take too much
//! memory is refused.

use std::fmt;

use regex::{Regex, RegexBuilder};

/// The memory that one expression may take.
const ROOM: usize = 1 << 20;

/// A regular expression that was read.
#[derive(Clone)]
pub struct Pattern(Regex);

impl Pattern {
    /// Reads an expression; what is wrong with it otherwise.
    pub fn new(text: &str) -> Result<Self, String> {
        let built = RegexBuilder::new(text).size_limit(ROOM).dfa_size_limit(ROOM).build();
        built.map(Self).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "the expression is too large".to_owned(),
            error => {
                let text = error.to_string();
                // The last line says what; those before it draw the expression again.
                let last = text.lines().last().unwrap_or_default();
                last.trim_start_matches("error: ").to_owned()
            }
        })
    }

    fn is_in(&self, line: &str) -> bool {
        self.0.is_match(line)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0.as_str(), f)
    }
}

/// What is done with an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Pipe {
    /// The answer as JSON.
    Json,
    /// Lines that match.
    Include(Pattern),
    /// Lines that do not match.
    Exclude(Pattern),
    /// Lines from the first that matches on.
    Begin(Pattern),
    /// Lines that match, and the lines below them that are indented further.
    Section(Pattern),
    /// How many lines there are.
    Count,
    /// The terminal does not stop at each page. The terminal's affair: nothing changes here.
    NoMore,
}

impl Pipe {
    /// The lines of `text` that this pipe lets through. JSON is made from the answer itself, not
    /// from its text: [`Pipe::Json`] changes nothing here.
    pub fn apply(&self, text: &str) -> String {
        let mut out = String::new();
        let mut keep = |line: &str| {
            out.push_str(line);
            out.push('\n');
        };
        match self {
            Self::Json | Self::NoMore => return text.to_owned(),
            Self::Count => return format!("{}\n", text.lines().count()),
            Self::Include(pattern) => {
                text.lines().filter(|line| pattern.is_in(line)).for_each(&mut keep);
            }
            Self::Exclude(pattern) => {
                text.lines().filter(|line| !pattern.is_in(line)).for_each(&mut keep);
            }
            Self::Begin(pattern) => {
                text.lines().skip_while(|line| !pattern.is_in(line)).for_each(&mut keep);
            }
            Self::Section(pattern) => {
                let mut inside: Option<usize> = None;
                for line in text.lines() {
                    let depth = line.len() - line.trim_start().len();
                    if inside.is_none_or(|top| depth <= top) {
                        inside = pattern.is_in(line).then_some(depth);
                    }
                    if inside.is_some() {
                        keep(line);
                    }
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text).expect("an expression")
    }

    #[test]
    fn expressions_choose_lines() {
        let text = "one\ntwo\nthree\n";
        assert_eq!(Pipe::Include(pattern("^t")).apply(text), "two\nthree\n");
        assert_eq!(Pipe::Exclude(pattern("o$|e$")).apply(text), "");
        assert_eq!(Pipe::Exclude(pattern("t")).apply(text), "one\n");
        assert_eq!(Pipe::Begin(pattern("tw.")).apply(text), "two\nthree\n");
        assert_eq!(Pipe::Count.apply(text), "3\n");
        assert_eq!(Pipe::NoMore.apply(text), text);
    }

    #[test]
    fn a_section_is_a_line_and_what_is_indented_below_it() {
        let text = "a\n lma x\n  y\n  z\n mag\n  v\nlma\n w\nend\n";
        assert_eq!(Pipe::Section(pattern("lma")).apply(text), " lma x\n  y\n  z\nlma\n w\n");
        assert_eq!(Pipe::Section(pattern("^a")).apply(text), "a\n lma x\n  y\n  z\n mag\n  v\n");
    }

    #[test]
    fn an_expression_that_would_take_too_much_is_refused() {
        assert_eq!(
            Pattern::new(r"(\w{1000}){1000}"),
            Err("the expression is too large".to_owned())
        );
        assert_eq!(Pattern::new("a(b"), Err("unclosed group".to_owned()));
        assert_eq!(Pattern::new("*"), Err("repetition operator missing expression".to_owned()));
    }

    #[test]
    fn expressions_that_ruin_backtracking_engines_take_linear_time() {
        let line = "a".repeat(1 << 16);
        assert_eq!(Pipe::Include(pattern("^(a+)+$")).apply(&line).len(), line.len() + 1);
        assert_eq!(Pipe::Include(pattern("^(a|aa)+b$")).apply(&line), "");
    }
}
