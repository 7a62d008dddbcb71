//! What the kernel says when it refuses, for people to read.

use std::io;

/// The reason, without the number that std appends and that tells nobody anything.
pub fn reason(cause: &io::Error) -> String {
    let text = cause.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}
