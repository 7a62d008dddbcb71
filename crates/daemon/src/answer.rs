//! What a command is answered with.

use kedge_api::{Format, Reply};
use kedge_sansio::Now;
use serde_json::{Value, json};

use crate::anchor::Anchor;

/// An answer in the two forms it is asked for; each is made only if it is.
pub enum Answer<'a> {
    /// One that is made at once.
    Short {
        /// For people, laid out for as many columns as the terminal has, if it is one.
        text: Box<dyn FnOnce(Option<u16>) -> String + 'a>,
        /// For scripts.
        data: Box<dyn FnOnce() -> Value + 'a>,
    },
    /// One that takes a look through very many bindings, in the form that is said.
    Long(Box<dyn FnOnce(Format) -> Box<dyn Look> + 'a>),
}

/// A look through the anchor's bindings, made by the slice.
pub trait Look {
    /// Looks at some more, and says whether those were the last.
    fn go_on(&mut self, anchor: &Anchor, now: Now) -> bool;

    /// What was seen.
    fn finish(self: Box<Self>) -> Reply;
}

impl<'a> Answer<'a> {
    /// An answer that is written by one of these.
    pub fn new(text: impl FnOnce() -> String + 'a, data: impl FnOnce() -> Value + 'a) -> Self {
        Self::laid_out(|_| text(), data)
    }

    /// The same, laid out for as many columns as the terminal has, if it is one.
    pub fn laid_out(
        text: impl FnOnce(Option<u16>) -> String + 'a,
        data: impl FnOnce() -> Value + 'a,
    ) -> Self {
        Self::Short { text: Box::new(text), data: Box::new(data) }
    }
}

/// The answer to a command that has none.
pub fn done() -> Answer<'static> {
    Answer::new(String::new, || json!({}))
}

/// So many things.
pub fn count(number: u64, thing: &str) -> String {
    format!("{number} {}", plural(usize::try_from(number).unwrap_or(usize::MAX), thing))
}

/// The word for this many things.
pub fn plural(count: usize, thing: &str) -> String {
    if count == 1 { thing.to_owned() } else { format!("{thing}s") }
}
