//! Where something stands in a text, and how a message shows it.

use std::fmt;
use std::sync::Arc;

/// The longest part of a line that a message shows, in characters.
const EXCERPT: usize = 160;
/// The longest word that a message repeats, in characters.
pub(crate) const QUOTE: usize = 60;

/// A place in a text.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Place {
    /// The text's name, as its file name.
    pub origin: Arc<str>,
    /// Counted from 1; 0 when the place is nowhere in particular.
    pub line: usize,
    /// The word in the line.
    pub spot: Spot,
    /// The line, fit to be shown.
    pub text: Arc<str>,
    /// The blocks the line stands in, as they were opened; empty outside of all blocks.
    pub block: Arc<str>,
    /// Which of all lines it is that were read into one configuration, whatever texts they are of.
    pub nth: usize,
}

/// A word's place in its line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Spot {
    /// Its first character in the text, counted from 1.
    pub column: usize,
    /// Its first character in the line as it is shown, counted from 0.
    pub caret: usize,
    /// How many characters it has there.
    pub width: usize,
}

/// Where another line is that a message is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Elsewhere {
    /// In the same text.
    Line(usize),
    /// In another text.
    Text {
        /// Its name.
        origin: Arc<str>,
        /// Counted from 1.
        line: usize,
    },
    /// It was typed, and has no number.
    Typed,
}

/// `ORIGIN:LINE:COLUMN`, the beginning of a message.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.origin, self.line, self.spot.column)
    }
}

impl fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "on line {line}"),
            Self::Text { origin, line } => write!(f, "on line {line} of {origin}"),
            Self::Typed => f.write_str("among the lines typed before"),
        }
    }
}

impl Place {
    /// Where this place is for a reader of `other`.
    pub fn seen_from(&self, other: &Self) -> Elsewhere {
        match (&*self.origin, self.line) {
            ("", _) => Elsewhere::Typed,
            (_, line) if self.origin == other.origin => Elsewhere::Line(line),
            (_, line) => Elsewhere::Text { origin: self.origin.clone(), line },
        }
    }

    /// Writes the line and a caret under the word.
    pub fn write_excerpt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A long line is shown from a little before the word on.
        let skipped = if self.spot.caret < EXCERPT / 2 { 0 } else { self.spot.caret - EXCERPT / 4 };
        let text: String = self.text.chars().skip(skipped).take(EXCERPT).map(visible).collect();
        let before = self.spot.caret - skipped;
        let carets = self.spot.width.clamp(1, QUOTE);
        writeln!(f, "    {text}")?;
        writeln!(f, "    {:before$}{}", "", "^".repeat(carets))
    }
}

/// A word of a text that someone else wrote, fit for a terminal.
pub(crate) struct Quote<'a>(pub(crate) &'a str);

impl fmt::Display for Quote<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.0.chars();
        for c in characters.by_ref().take(QUOTE) {
            write!(f, "{}", visible(c))?;
        }
        if characters.next().is_some() { f.write_str("...") } else { Ok(()) }
    }
}

/// A character that takes one column and moves no cursor.
fn visible(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() => '?',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_line_moves_no_cursor_and_floods_no_terminal() {
        struct Excerpt(Place);
        impl fmt::Display for Excerpt {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.write_excerpt(f)
            }
        }
        let text = format!("\x1b[2J{}", "x".repeat(100_000));
        let spot = Spot { column: 50_001, caret: 50_000, width: 50_000 };
        let place = Place { spot, text: text.into(), ..Place::default() };
        let shown = Excerpt(place).to_string();
        assert!(shown.len() < 400 && !shown.contains('\x1b'), "{shown}");
    }

    #[test]
    fn a_line_is_named_as_the_reader_of_another_one_finds_it() {
        let at = |origin: &str, line| Place { origin: origin.into(), line, ..Place::default() };
        let named = |place: Place, from: Place| place.seen_from(&from).to_string();
        assert_eq!(named(at("a.conf", 4), at("a.conf", 9)), "on line 4");
        assert_eq!(named(at("running-config", 4), at("", 1)), "on line 4 of running-config");
        assert_eq!(named(at("", 1), at("", 1)), "among the lines typed before");
    }
}
