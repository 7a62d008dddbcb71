//! Rust text with its comments, strings and tests blanked, so that what is left is code that
//! runs in the product. Lines and columns stay where they were.

use std::ops::Range;

/// The text with comments and the insides of string and character literals as blanks.
pub fn code_only(text: &str) -> String {
    let mut masked: Vec<u8> = text.bytes().collect();
    let mut at = 0;
    while at < masked.len() {
        let end = literal_or_comment(text.as_bytes(), at);
        match end {
            Some(end) => {
                blank(&mut masked, at..end);
                at = end;
            }
            None => at += 1,
        }
    }
    // Multi-byte characters outlive only outside of literals, where Rust has identifiers.
    String::from_utf8_lossy(&masked).into_owned()
}

/// Blanks every item under `#[cfg(test)]`, or everything under `#![cfg(test)]`. Returns the
/// modules of other files (`#[cfg(test)] mod NAME;`), which are tests as well.
pub fn blank_tests(code: &mut String) -> Vec<String> {
    const ITEM: &str = "#[cfg(test)]";
    let mut masked = std::mem::take(code).into_bytes();
    let text = String::from_utf8_lossy(&masked).into_owned();
    if text.contains("#![cfg(test)]") {
        return Vec::new();
    }
    let mut modules = Vec::new();
    let mut from = 0;
    while let Some(found) = text[from..].find(ITEM) {
        let start = from + found;
        let end = item_end(&text, start + ITEM.len());
        let item = &text[start + ITEM.len()..end];
        modules.extend(module_elsewhere(item));
        blank(&mut masked, start..end);
        from = end;
    }
    *code = String::from_utf8_lossy(&masked).into_owned();
    modules
}

fn blank(text: &mut [u8], range: Range<usize>) {
    text[range].iter_mut().filter(|octet| **octet != b'\n').for_each(|octet| *octet = b' ');
}

/// The end of the comment or literal that starts at `at`, if one does.
fn literal_or_comment(text: &[u8], at: usize) -> Option<usize> {
    let rest = &text[at..];
    if rest.starts_with(b"//") {
        return Some(at + rest.iter().position(|&c| c == b'\n').unwrap_or(rest.len()));
    }
    if rest.starts_with(b"/*") {
        return Some(at + block_comment(rest));
    }
    let word_before = at > 0 && (text[at - 1].is_ascii_alphanumeric() || text[at - 1] == b'_');
    if !word_before && (rest[0] == b'r' || rest.starts_with(b"br")) {
        return raw_string(rest).map(|length| at + length);
    }
    match rest[0] {
        b'"' => Some(at + quoted(rest, b'"')),
        b'\'' if is_character(rest) => Some(at + quoted(rest, b'\'')),
        _ => None,
    }
}

fn block_comment(text: &[u8]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        match &text[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of `r"…"`, `r#"…"#`, `br"…"` and so on.
fn raw_string(text: &[u8]) -> Option<usize> {
    let start = text.iter().position(|&c| c == b'r')? + 1;
    let hashes = text[start..].iter().take_while(|&&c| c == b'#').count();
    if text.get(start + hashes) != Some(&b'"') {
        return None;
    }
    let close = [vec![b'"'], vec![b'#'; hashes]].concat();
    let body = start + hashes + 1;
    let end = text[body..].windows(close.len()).position(|window| window == close);
    Some(end.map_or(text.len(), |end| body + end + close.len()))
}

fn quoted(text: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < text.len() && text[at] != quote {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(text.len())
}

/// A quote begins a character, not a lifetime, when it is escaped or closed after one character.
fn is_character(text: &[u8]) -> bool {
    if text.get(1) == Some(&b'\\') {
        return true;
    }
    let Ok(rest) = std::str::from_utf8(&text[1..text.len().min(6)])
        .or_else(|error| std::str::from_utf8(&text[1..=error.valid_up_to()]))
    else {
        return false;
    };
    rest.chars().nth(1) == Some('\'')
}

/// The end of the item that begins at `from`: its closing brace, or its semicolon.
fn item_end(text: &str, from: usize) -> usize {
    let mut depth = 0_usize;
    for (at, character) in text[from..].char_indices() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return from + at + 1;
                }
            }
            ';' if depth == 0 => return from + at + 1,
            _ => {}
        }
    }
    text.len()
}

fn module_elsewhere(item: &str) -> Option<String> {
    let words: Vec<_> = item.trim_end_matches(';').split_whitespace().collect();
    match words[..] {
        [.., "mod", name] if item.ends_with(';') => Some(name.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blank_and_code_is_not() {
        let text = "a(); // b()\n/* c /* d */ e */ f(\"g\\\" h\", 'i', '\\'', r#\"j\"k\"#); l::<'m>(b\"n\");";
        let masked = code_only(text);
        let left: Vec<_> = masked.split(|c: char| !c.is_alphanumeric()).collect();
        let left: Vec<_> = left.into_iter().filter(|word| !word.is_empty()).collect();
        assert_eq!(left, ["a", "f", "l", "m", "b"]);
        assert_eq!(masked.len(), text.len());
        assert_eq!(masked.find('\n'), text.find('\n'));
    }

    #[test]
    fn a_raw_identifier_or_a_name_that_ends_in_r_is_no_string() {
        assert_eq!(code_only("r#type; for_r\"x\" + 1"), "r#type; for_r    + 1");
    }

    #[test]
    fn tests_are_blank_and_what_follows_them_is_not() {
        let mut code = "use a;\n#[cfg(test)]\nmod tests {\n fn b() { c[0]; }\n}\nfn d() {}\n\
                        #[cfg(test)]\nuse e;\nfn f() {}"
            .to_owned();
        assert_eq!(blank_tests(&mut code), [""; 0]);
        let words: Vec<_> = code.split_whitespace().collect();
        assert_eq!(words.join(" "), "use a; fn d() {} fn f() {}");
    }

    #[test]
    fn a_test_module_of_another_file_is_named() {
        let mut code = "#[cfg(test)]\nmod tests;\nmod kept;".to_owned();
        assert_eq!(blank_tests(&mut code), ["tests"]);
        assert_eq!(code.trim(), "mod kept;");
    }

    #[test]
    fn a_file_that_is_all_tests_is_blank() {
        let mut code = "#![cfg(test)]\nfn a() {}".to_owned();
        blank_tests(&mut code);
        assert_eq!(code, "");
    }
}
