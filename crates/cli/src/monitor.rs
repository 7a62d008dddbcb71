//! `monitor`: the daemon is asked each second what has happened since, until Ctrl-C.
//!
//! Lines are written as they come, so it works through a pipe and over any connection. The daemon
//! keeps no list of who watches, and a terminal that stands still costs it nothing.

use std::io::{Write, stdout};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use kedge_api::{Format, Outcome, Refusal, Reply};
use serde_json::Value;
use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;

use crate::failure::Failure;
use crate::session::Session;

/// Between two questions.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether a line asks for it.
pub(crate) fn is_asked_for(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    first.len() >= 2 && "monitor".starts_with(&first)
}

/// Watches until Ctrl-C. A refusal of the first question is the answer; one of a later question
/// ends it, too.
pub(crate) fn run(line: &str, session: &mut Session) -> Result<Outcome, Failure> {
    if line.contains('|') {
        let why = "monitor has no '|': from a shell, kedge -c 'monitor events' | grep … has";
        return Ok(Err(Refusal::new(why)));
    }
    let mut signals = Signals::new([SIGINT])?;
    let (handle, (stop, stopped)) = (signals.handle(), channel());
    let waiter = thread::spawn(move || {
        if signals.forever().next().is_some() {
            // Whoever waited may have left by itself.
            let _ = stop.send(());
        }
    });
    let outcome = watch(line, session, &stopped);
    handle.close();
    let _ = waiter.join();
    outcome
}

fn watch(line: &str, session: &mut Session, stopped: &Receiver<()>) -> Result<Outcome, Failure> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let since = words.iter().position(|word| *word == "since");
    let base = words[..since.unwrap_or(words.len())].join(" ");
    let mut question = format!("{line} | json");
    loop {
        let data = match session.command(&question)? {
            Ok(Reply::Data(data)) => data,
            Ok(_) => return Ok(Err(Refusal::new("the daemon does not answer with events"))),
            Err(refusal) => return Ok(Err(refusal)),
        };
        write(&data, session.format())?;
        let newest = data["newest"].as_u64().unwrap_or_default();
        question = format!("{base} since {newest} | json");
        if stopped.recv_timeout(PAUSE) != Err(RecvTimeoutError::Timeout) {
            return Ok(Ok(Reply::Text(String::new())));
        }
    }
}

fn write(data: &Value, format: Format) -> Result<(), Failure> {
    let mut out = stdout().lock();
    for event in data["events"].as_array().into_iter().flatten() {
        match format {
            Format::Json => writeln!(out, "{event}")?,
            Format::Text => writeln!(out, "{}", event["line"].as_str().unwrap_or_default())?,
        }
    }
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abbreviations_are_known_and_other_commands_are_not() {
        assert!(is_asked_for("monitor events") && is_asked_for(" mon ev"));
        for other in ["", "m", "show events", "monitors"] {
            assert!(!is_asked_for(other), "{other}");
        }
    }
}
