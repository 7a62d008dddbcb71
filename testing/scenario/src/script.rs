//! How a file is read: sentences of words.
//!
//! A sentence begins at the left margin and goes on in the indented lines below it. What follows
//! a `#` is for people. A file begins with a comment that says which rule it shows.

use std::str::FromStr;

/// One sentence, to be read word by word.
#[derive(Clone, Debug)]
pub struct Sentence {
    /// Where it begins, counted from 1.
    pub line: usize,
    lines: Vec<Vec<String>>,
}

/// What is left to read of a sentence.
#[derive(Clone, Debug)]
pub struct Words<'s> {
    words: Vec<&'s str>,
    at: usize,
}

/// Reads a file's text. The error begins with the number of its line.
pub fn sentences(text: &str) -> Result<Vec<Sentence>, String> {
    if !text.starts_with("# ") {
        return Err("1: begins with no comment that says which rule it shows".to_owned());
    }
    let mut sentences: Vec<Sentence> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line_number = number + 1;
        let said = line.find('#').map_or(line, |at| &line[..at]);
        let words: Vec<String> = said.split_whitespace().map(str::to_owned).collect();
        match (words.is_empty(), said.starts_with(' '), sentences.last_mut()) {
            (true, _, _) => {}
            (false, true, Some(sentence)) => sentence.lines.push(words),
            (false, true, None) => {
                return Err(format!("{line_number}: goes on with no sentence"));
            }
            (false, false, _) => {
                sentences.push(Sentence { line: line_number, lines: vec![words] });
            }
        }
    }
    Ok(sentences)
}

impl Sentence {
    /// All its words.
    pub fn words(&self) -> Words<'_> {
        Words { words: self.lines.iter().flatten().map(String::as_str).collect(), at: 0 }
    }

    /// What stands in the indented lines, each line for itself.
    pub fn below(&self) -> impl Iterator<Item = Words<'_>> {
        self.lines.iter().skip(1).map(|line| Words::of(line))
    }

    /// The words of its first line.
    pub fn first_line(&self) -> Words<'_> {
        self.lines.first().map_or_else(|| Words::of(&[]), |line| Words::of(line))
    }
}

impl<'s> Words<'s> {
    fn of(line: &'s [String]) -> Self {
        Self { words: line.iter().map(String::as_str).collect(), at: 0 }
    }

    /// The next word.
    pub fn next(&mut self, what: &str) -> Result<&'s str, String> {
        let word = self.words.get(self.at).ok_or_else(|| format!("{what} is missing"))?;
        self.at += 1;
        Ok(word)
    }

    /// The next word as a value.
    pub fn value<T: FromStr>(&mut self, what: &str) -> Result<T, String> {
        value(self.next(what)?, what)
    }

    /// Takes these words if they are next.
    pub fn take(&mut self, phrase: &str) -> bool {
        let words: Vec<&str> = phrase.split_whitespace().collect();
        let taken = self.words.get(self.at..).is_some_and(|rest| rest.starts_with(&words));
        if taken {
            self.at += words.len();
        }
        taken
    }

    /// Everything that is left, in one.
    pub fn rest(&mut self) -> String {
        let rest = self.words.get(self.at..).unwrap_or_default().join(" ");
        self.at = self.words.len();
        rest
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.at >= self.words.len()
    }

    /// Complains about words that nobody has read.
    pub fn finish(mut self) -> Result<(), String> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(format!("“{}” is not understood", self.rest()))
        }
    }
}

/// A word as a value.
pub fn value<T: FromStr>(word: &str, what: &str) -> Result<T, String> {
    word.parse().map_err(|_| format!("“{word}” is not {what}"))
}
