//! What the kernel says of files, for people to read.

use std::io::{self, ErrorKind};

/// Why a file cannot be read.
pub(crate) fn unreadable(file: &str, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => format!("there is no file {file}"),
        ErrorKind::PermissionDenied => format!("this user may not read {file}"),
        ErrorKind::IsADirectory => format!("{file} is a directory, not a file"),
        _ => format!("{file} cannot be read: {}", reason(error)),
    }
}

/// What the kernel said, without the number that std appends.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_there_is_told_in_a_plain_sentence() {
        let error = std::fs::read("/nowhere/at/all").unwrap_err();
        assert_eq!(unreadable("nowhere", &error), "there is no file nowhere");
        let error = std::fs::read("/").unwrap_err();
        assert_eq!(unreadable("/", &error), "/ is a directory, not a file");
        assert_eq!(reason(&io::Error::from_raw_os_error(28)), "No space left on device");
    }
}
