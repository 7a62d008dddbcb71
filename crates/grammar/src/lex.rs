//! From text to words: comments, separators, prompts and quotes.
//!
//! ```text
//! RP/0/RSP0/CPU0:router(config)# address ipv6 2001:DB8::1     a prompt is dropped
//! /* Domain Configuration */                                  so is a comment, over lines too
//! !                                                           a separator says nothing
//!  key ascii "two words"                                      quotes make one word
//! banner motd ^C                                              the text up to the next ^C is no line
//! ```

use crate::banner;

/// One word of a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Word {
    /// What it says, quotes taken off.
    pub(crate) text: String,
    /// Its first character's place in the line, from 0.
    pub(crate) column: usize,
    /// How many characters it takes in the line.
    pub(crate) width: usize,
}

/// A line that says something, or that could not be cut into words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    /// Counted from 1.
    pub(crate) number: usize,
    /// The line as it stands in the text, with blanks in the place of comments.
    pub(crate) text: String,
    /// How far the first word is indented; 0 behind a prompt, where it means nothing.
    pub(crate) indent: usize,
    /// Whether a prompt stood before them.
    pub(crate) prompted: bool,
    /// Its words, at least one.
    pub(crate) words: Vec<Word>,
    /// What is wrong with the line: it is about the last word.
    pub(crate) fault: Option<LexFault>,
    /// How many lines of a banner's text follow it.
    pub(crate) text_lines: usize,
    /// What ends that text, if no line has.
    pub(crate) text_end: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LexFault {
    /// A double quote without its second.
    OpenQuote,
    /// A word that begins with a quote as typesetters have it, which is none here.
    CurlyQuote,
    /// `/*` without `*/` up to the end of the text.
    OpenComment,
}

impl Line {
    /// What its words say.
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.words.iter().map(|word| word.text.as_str()).collect()
    }

    /// What ends the banner that the line begins.
    fn banner(&self) -> Option<String> {
        let rest: String = self.text.chars().skip(self.words.get(2)?.column).collect();
        banner::end_of(&self.texts(), &rest)
    }

    /// This line and the next one as one line.
    pub(crate) fn joined(&self, next: &Self) -> Self {
        let offset = self.text.chars().count() + 1;
        let moved =
            next.words.iter().map(|word| Word { column: word.column + offset, ..word.clone() });
        Self {
            number: self.number,
            text: format!("{} {}", self.text, next.text),
            indent: self.indent,
            prompted: self.prompted,
            words: self.words.iter().cloned().chain(moved).collect(),
            fault: self.fault,
            ..Self::default()
        }
    }
}

/// The lines of a text that say something.
pub(crate) fn lines(text: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut comment = None;
    // Some editors begin a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (number, text) in (1..).zip(text.lines()) {
        if let Some(line) = lines.last_mut()
            && let Some(end) = &line.text_end
        {
            line.text_lines += 1;
            if text.contains(end) {
                line.text_end = None;
            }
            continue;
        }
        let mut characters: Vec<char> = text.chars().collect();
        let blanks = characters.iter().take_while(|c| c.is_whitespace()).count();
        let indent = columns(&characters[..blanks]);
        blank_comments(&mut characters, number, &mut comment);
        let first = characters.iter().take_while(|c| c.is_whitespace()).count();
        let prompt = prompt_end(&characters[first..]);
        let start = first + prompt.unwrap_or(0);
        let (words, fault) = words(&characters, start);
        let separator = words.first().is_none_or(|word| characters[word.column] == '!');
        if !separator {
            let mut line = Line {
                number,
                text: characters.iter().collect(),
                indent: if prompt.is_none() { indent } else { 0 },
                prompted: prompt.is_some(),
                words,
                fault,
                ..Line::default()
            };
            line.text_end = line.banner();
            lines.push(line);
        }
    }
    if let Some(Opening { number, column }) = comment {
        let text = " ".repeat(column) + "/*";
        let fault = Some(LexFault::OpenComment);
        let word = Word { text: "/*".to_owned(), column, width: 2 };
        lines.push(Line { number, text, words: vec![word], fault, ..Line::default() });
    }
    lines
}

/// One line, typed at a terminal: no comments and no prompt in it.
pub(crate) fn typed(text: &str) -> Line {
    let characters: Vec<char> = text.chars().collect();
    let (words, fault) = words(&characters, 0);
    Line { number: 1, text: text.to_owned(), words, fault, ..Line::default() }
}

/// Where a comment that is still open began.
struct Opening {
    number: usize,
    column: usize,
}

/// Puts blanks in the place of `/* */` comments, so that columns stay true. Quotes protect, and
/// a comment begins only where a word could.
fn blank_comments(line: &mut [char], number: usize, open: &mut Option<Opening>) {
    let mut quoted = false;
    let mut at = 0;
    while at < line.len() {
        let pair = (line[at], line.get(at + 1).copied());
        if open.is_some() {
            let closes = pair == ('*', Some('/'));
            line[at] = ' ';
            if closes {
                line[at + 1] = ' ';
                at += 1;
                *open = None;
            }
        } else if quoted {
            match pair.0 {
                '\\' => at += 1,
                '"' => quoted = false,
                _ => {}
            }
        } else {
            let word_start = at == 0 || line[at - 1].is_whitespace();
            if word_start && pair.0 == '!' && line[..at].iter().all(|c| c.is_whitespace()) {
                return;
            }
            if word_start && pair == ('/', Some('*')) {
                *open = Some(Opening { number, column: at });
                line[at] = ' ';
                line[at + 1] = ' ';
                at += 1;
            } else if word_start && pair.0 == '"' {
                quoted = true;
            }
        }
        at += 1;
    }
}

/// A line without the router's prompt that may stand before it, as in what is copied from a
/// terminal.
pub fn without_prompt(line: &str) -> &str {
    let line = line.trim_start();
    let characters: Vec<char> = line.chars().take(LONGEST_PROMPT).collect();
    // All characters of a prompt's name are ASCII, those of its mode need not be.
    let octets = |end: usize| characters[..end].iter().map(|c| c.len_utf8()).sum::<usize>();
    prompt_end(&characters).map_or(line, |end| line[octets(end)..].trim_start())
}

/// The longest prompt that [`without_prompt`] takes for one, in characters.
const LONGEST_PROMPT: usize = 160;

/// The end of a router's prompt at the beginning of a line, if there is one: `NAME#`, `NAME>`,
/// `NAME(MODE)#`. The documents also print `NAME (MODE)#` and, with the sign lost,
/// `NAME(config…)` before a blank.
fn prompt_end(line: &[char]) -> Option<usize> {
    let is_sign = |c: Option<&char>| matches!(c, Some('#' | '>'));
    let name = line
        .iter()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | ':' | '.' | '_' | '-'))
        .count();
    if name == 0 {
        return None;
    }
    if is_sign(line.get(name)) {
        return Some(name + 1);
    }
    let open = if line.get(name) == Some(&' ') { name + 1 } else { name };
    if line.get(open) != Some(&'(') {
        return None;
    }
    let close = open + line[open..].iter().position(|&c| c == ')')?;
    if is_sign(line.get(close + 1)) {
        return Some(close + 2);
    }
    let mode: String = line[open + 1..close].iter().collect();
    let blank = line.get(close + 1).is_none_or(|c| c.is_whitespace());
    (mode.starts_with("config") && blank).then_some(close + 1)
}

/// The words from `start` on, up to the first that is none, and what is wrong with that one.
fn words(line: &[char], start: usize) -> (Vec<Word>, Option<LexFault>) {
    let mut words = Vec::new();
    let mut at = start;
    while at < line.len() {
        if line[at].is_whitespace() {
            at += 1;
            continue;
        }
        let column = at;
        let mut text = String::new();
        if line[at] == '"' {
            at += 1;
            loop {
                match line.get(at) {
                    None => {
                        words.push(Word { text, column, width: at - column });
                        return (words, Some(LexFault::OpenQuote));
                    }
                    Some('"') => break,
                    Some('\\') if matches!(line.get(at + 1), Some('"' | '\\')) => {
                        text.push(line[at + 1]);
                        at += 2;
                    }
                    Some(&c) => {
                        text.push(c);
                        at += 1;
                    }
                }
            }
            at += 1;
        } else {
            while let Some(c) = line.get(at).filter(|c| !c.is_whitespace()) {
                text.push(*c);
                at += 1;
            }
        }
        // What a word processor makes of quotes is none here, and no part of a name or a key.
        let curly = text.starts_with(['\u{201c}', '\u{201d}', '\u{201e}', '\u{2018}', '\u{2019}']);
        words.push(Word { text, column, width: at - column });
        if curly {
            return (words, Some(LexFault::CurlyQuote));
        }
    }
    (words, None)
}

/// Indentation in columns, with a tab stop every 8.
fn columns(blanks: &[char]) -> usize {
    blanks.iter().fold(0, |at, c| if *c == '\t' { (at / 8 + 1) * 8 } else { at + 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<Vec<String>> {
        let words = |line: Line| line.words.into_iter().map(|word| word.text).collect();
        lines(text).into_iter().map(words).collect()
    }

    #[test]
    fn the_prompts_of_the_documents_are_dropped() {
        for prompt in [
            "RP/0/RSP0/CPU0:router(config-pmipv6-lma)# ",
            "Device(config)# ",
            "Device(config)#  ",
            "Device (config-ipv6-pmipv6-lma)# ",
            "Device(config-ipv6-pmipv6- mag)# ",
            "Device(config-ipv6-pmipv6-mag)#",
            "Device(config) ",
            "Device(onfig-ipv6-pmipv6-domain)# ",
            "Device# ",
            "Device> ",
            "",
        ] {
            let read = texts(&format!("{prompt}bce maximum 2500"));
            assert_eq!(read, [["bce", "maximum", "2500"]], "{prompt}");
        }
        assert!(texts("Device#").is_empty());
    }

    #[test]
    fn separators_and_comments_say_nothing() {
        let text = "!\n ! a remark /* not a comment\na /* b\n c */ d\n/**/\n  \t\n";
        assert_eq!(texts(text), [["a"], ["d"]]);
    }

    #[test]
    fn a_typed_line_loses_its_prompt_and_nothing_else() {
        for (line, rest) in [
            ("RP/0/RSP0/CPU0:router(config)# commit", "commit"),
            ("router# show version", "show version"),
            ("router(config-\u{fc}#)#end", "end"),
            ("  bce lifetime 100", "bce lifetime 100"),
            ("router>", ""),
            ("nai user@example.com", "nai user@example.com"),
            ("", ""),
        ] {
            assert_eq!(without_prompt(line), rest, "{line}");
        }
    }

    #[test]
    fn a_word_keeps_its_place_behind_a_comment_and_a_prompt() {
        let lines = lines("Device(config)# /* x */ end");
        assert_eq!((lines[0].words[0].column, lines[0].indent), (24, 0));
    }

    #[test]
    fn quotes_hold_blanks_quotes_and_comment_signs() {
        assert_eq!(texts(r#"key "a \"/* b" c"#), [["key", r#"a "/* b"#, "c"]]);
        assert_eq!(texts("key a!b a/*b"), [["key", "a!b", "a/*b"]]);
    }

    #[test]
    fn what_is_left_open_is_a_fault_where_it_began() {
        let open = lines("key \"a b").pop().unwrap();
        assert_eq!((open.fault, open.words[1].column), (Some(LexFault::OpenQuote), 4));
        let open = lines("a\n  /* b\nc\n").pop().unwrap();
        assert_eq!((open.number, open.fault), (2, Some(LexFault::OpenComment)));
        assert_eq!(open.words[0].column, 2);
    }
}
