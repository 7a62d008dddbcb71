//! What goes to standard error: refusals and failures, in words.

use std::io::{Write, stderr};

use kedge_api::{Refusal, fold};

use crate::failure::Failure;
use crate::screen::width;

/// Says to a person at the prompt why a command was refused, in the manner of routers.
pub(crate) fn refuse(refusal: &Refusal) {
    let text = fit(&explain("% ", None, refusal), width());
    // Standard error is the last resort; there is no other to complain to.
    let _ = stderr().lock().write_all(text.as_bytes());
}

/// Folds what is prose in a message; lines that are deep in it are tables, or have a caret below.
fn fit(text: &str, width: Option<u16>) -> String {
    let Some(width) = width.map(usize::from) else { return text.to_owned() };
    let mut fitted = String::new();
    for line in text.lines() {
        let margin = line.len() - line.trim_start().len();
        if line.chars().count() < width || margin >= 4 {
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

/// Says on standard error why a run ended; a reader that left needs no explanation.
pub(crate) fn complain(failure: &Failure) {
    let text = match failure {
        Failure::ReaderGone | Failure::Told => return,
        Failure::Refused { place, refusal } => explain("kedge: ", place.as_deref(), refusal),
        Failure::Unanswered(error) => format!("kedge: {error}\n"),
        Failure::Input { place, error } => format!("kedge: cannot read {place}: {error}\n"),
        Failure::Output(error) => format!("kedge: cannot write the answer: {error}\n"),
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
}
