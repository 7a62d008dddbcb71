//! Complaints about lines that two tables were asked about: that of the commands about sessions, and
//! that of the terminal's or of the configuration's.

use kedge_api::{Call, Refusal};
use kedge_config::{CommandError, Hint, SyntaxFault, parse_command, parse_session_command};

use crate::hints::words;
use crate::shell::Shell;

/// What there is to say of a first word that neither table knows: what may stand there by both.
pub fn unknown(
    shell: &mut Shell,
    call: &Call,
    about_session: &CommandError,
    line: &str,
) -> Option<Refusal> {
    let Err(asked) = parse_command(line) else { return None };
    let mut error = about_session.clone();
    let SyntaxFault::UnknownCommand { allowed, meant, .. } = &mut error.fault else { return None };
    let SyntaxFault::UnknownCommand { meant: other, .. } = asked.fault else { return None };
    let words = words(shell, call, "").into_iter();
    *allowed = words.map(|word| Hint::new(&word.word, &word.help)).collect();
    *meant = meant.take().or(other);
    Some(refused(&error))
}

/// A complaint about a line of the configuration, with the command about the session that may have
/// been meant: `comit` is none of the configuration's.
pub fn with_meant(mut refusal: Refusal, line: &str) -> Refusal {
    const MEANT: &str = "did you mean";
    if let Err(error) = parse_session_command(line, true)
        && let SyntaxFault::UnknownCommand { meant: Some(meant), .. } = &error.fault
        && !refusal.message.contains(MEANT)
    {
        refusal.message.push_str(&format!("\n  {MEANT} '{meant}'?"));
    }
    refusal
}

/// Of two tables' complaints, that of the one which understood more of the line. A complaint
/// without a place in the line is about what was asked: its table understood all of it.
pub fn nearer(refusal: Refusal, error: &CommandError) -> Refusal {
    let column = u32::try_from(error.place.spot.column).unwrap_or(u32::MAX);
    match refusal.column {
        Some(other) if other < column => refused(error),
        _ => refusal,
    }
}

/// A complaint as it is answered.
pub fn refused(error: &CommandError) -> Refusal {
    let message = error.to_string().trim_end().to_owned();
    Refusal { column: u32::try_from(error.place.spot.column).ok(), ..Refusal::new(message) }
}
