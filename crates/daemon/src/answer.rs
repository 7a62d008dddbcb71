//! What a command is answered with.

use serde_json::{Value, json};

/// An answer in the two forms it is asked for; each is made only if it is.
pub struct Answer<'a> {
    text: Box<dyn FnOnce(Option<u16>) -> String + 'a>,
    data: Box<dyn FnOnce() -> Value + 'a>,
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
        Self { text: Box::new(text), data: Box::new(data) }
    }

    /// The answer for scripts.
    pub fn into_data(self) -> Value {
        (self.data)()
    }

    /// The answer for people.
    pub fn into_text(self, width: Option<u16>) -> String {
        (self.text)(width)
    }
}

/// The answer to a command that has none.
pub fn done() -> Answer<'static> {
    Answer::new(String::new, || json!({}))
}

/// The word for this many things.
pub fn plural(count: usize, thing: &str) -> String {
    if count == 1 { thing.to_owned() } else { format!("{thing}s") }
}
