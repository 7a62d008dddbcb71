//! Prose in the columns of a terminal: the daemon lays answers out for the width that a client
//! names, and the client what it says itself.

/// A text in lines of at most `room` characters, where its words allow it.
pub fn fold(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_full_and_a_word_that_is_too_long_has_one_of_its_own() {
        assert_eq!(
            fold("one two  three\nincomprehensible four", 9),
            ["one two", "three", "incomprehensible", "four"]
        );
        assert!(fold(" ", 9).is_empty());
    }
}
