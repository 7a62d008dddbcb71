//! What goes to standard error: refusals and failures, in words.

use std::io::{Write, stderr};

use kedge_api::{Refusal, Word, fold};

use crate::failure::Failure;
use crate::os_error::{reason, unreadable};
use crate::screen::{table, width};

/// Says to a person at the prompt why a command was refused, in the manner of routers.
pub(crate) fn refuse(refusal: &Refusal) {
    let text = fit(&explain("% ", None, refusal), width());
    // Standard error is the last resort; there is no other to complain to.
    let _ = stderr().lock().write_all(text.as_bytes());
}

/// Folds what is prose in a message, and the help in its tables; other lines that are deep in it
/// have a caret below.
fn fit(text: &str, width: Option<u16>) -> String {
    let Some(width) = width.map(usize::from) else { return text.to_owned() };
    let margin = |line: &str| line.len() - line.trim_start().len();
    let is_wide = |line: &&str| line.chars().count() >= width;
    let mut fitted = String::new();
    let mut lines = text.lines().peekable();
    let mut title = false;
    while let Some(line) = lines.next() {
        if title && margin(line) == 4 {
            let mut rows = vec![line];
            rows.extend(std::iter::from_fn(|| lines.next_if(|line| margin(line) >= 4)));
            if rows.iter().any(is_wide) {
                fitted.push_str(&table_of(&rows, width));
            } else {
                rows.iter().for_each(|row| fitted.push_str(&format!("{row}\n")));
            }
            continue;
        }
        let margin = margin(line);
        title = margin < 4 && line.ends_with(':');
        if !is_wide(&line) || margin >= 4 {
            fitted.push_str(&format!("{line}\n"));
            continue;
        }
        for (index, part) in fold(line, width.saturating_sub(5)).iter().enumerate() {
            let indent = if index == 0 { margin } else { 4 };
            fitted.push_str(&format!("{:indent$}{part}\n", ""));
        }
    }
    fitted
}

/// Rows of a message's table, as narrow as the terminal: a word, two blanks, and its help.
fn table_of(rows: &[&str], width: usize) -> String {
    let words = rows.iter().map(|row| {
        let (word, help) = row.trim_start().split_once("  ").unwrap_or((row.trim_start(), ""));
        Word { word: word.to_owned(), help: help.trim_start().to_owned(), placeholder: false }
    });
    let narrower = u16::try_from(width.saturating_sub(2)).unwrap_or(u16::MAX);
    let table = table(&words.collect::<Vec<_>>(), Some(narrower));
    table.lines().map(|line| format!("  {line}\n")).collect()
}

/// Says on standard error why a run ended; a reader that left needs no explanation.
pub(crate) fn complain(failure: &Failure) {
    let text = match failure {
        Failure::ReaderGone | Failure::Told => return,
        Failure::Refused { place, refusal } => explain("kedge: ", place.as_deref(), refusal),
        Failure::Unanswered(error) => format!("kedge: {error}\n"),
        Failure::Input { place, error } => format!("kedge: {}\n", unreadable(place, error)),
        Failure::Output(error) => format!("kedge: cannot write the answer: {}\n", reason(error)),
    };
    // Standard error is the last resort; there is no other to complain to.
    let _ = stderr().lock().write_all(text.as_bytes());
}

/// A refusal in lines: where and what, the caret, what is allowed.
fn explain(who: &str, place: Option<&str>, refusal: &Refusal) -> String {
    let mut text = who.to_owned();
    if let Some(place) = place {
        text.push_str(place);
        text.push_str(": ");
    }
    text.push_str(&refusal.message);
    text.push('\n');
    for line in refusal.caret.iter().flat_map(|caret| caret.lines()) {
        text.push_str("  ");
        text.push_str(line);
        text.push('\n');
    }
    if !refusal.allowed.is_empty() {
        text.push_str("  allowed: ");
        text.push_str(&refusal.allowed.join(", "));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_shows_its_place_its_caret_and_what_is_allowed() {
        let refusal = Refusal {
            message: "not known here: bogus".into(),
            line: None,
            column: Some(6),
            caret: Some("show bogus\n     ^".into()),
            allowed: vec!["ipv6".into(), "running-config".into()],
        };
        assert_eq!(
            explain("kedge: ", Some("site.txt:3"), &refusal),
            "kedge: site.txt:3: not known here: bogus\n\
             \x20 show bogus\n\
             \x20      ^\n\
             \x20 allowed: ipv6, running-config\n"
        );
    }

    #[test]
    fn prose_is_folded_and_what_a_caret_points_at_is_not() {
        let text =
            "% unknown command 'x'\n    a line that is long\n    ^\n  allowed: one, two, three\n";
        let fitted = "% unknown\n    command 'x'\n    a line that is long\n    ^\n  allowed: one,\n    two, three\n";
        assert_eq!(fit(text, Some(18)), fitted);
        assert_eq!(fit(text, None), text);
    }

    #[test]
    fn the_help_of_what_is_allowed_is_folded_in_its_column() {
        let text = "% not a value for SECONDS\n    bce lifetime 5\n                 ^\n  allowed here:\n    \
                    SECONDS  Longest lifetime granted (10-65535 seconds)\n    min      The first wait\n";
        let fitted = "% not a value for SECONDS\n    bce lifetime 5\n                 ^\n  allowed here:\n    \
                      SECONDS  Longest lifetime granted\n             (10-65535 seconds)\n    min      \
                      The first wait\n";
        assert_eq!(fit(text, Some(40)), fitted);
        assert_eq!(fit(text, Some(80)), text);
    }
}
