//! `show … events`, the trace of a subscriber, and what `monitor` asks for again and again.

use std::fmt::Write;
use std::time::SystemTime;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::observe::Observer;
use crate::trace::{Entry, Wanted};

/// An answer has at most so many events; an answer that named no number has fewer.
pub const MOST: usize = 5_000;
pub const USUAL: usize = 200;

/// The events that are wanted, the newest last.
pub fn events(observer: &Observer, wanted: Wanted) -> Answer<'_> {
    let listed = wanted.clone();
    Answer::new(move || text(observer, &wanted), move || data(observer, &listed))
}

fn text(observer: &Observer, wanted: &Wanted) -> String {
    let trail = &observer.trail;
    let entries = trail.select(wanted);
    let mut out = format!("Events: {}", entries.len());
    match trail.forgotten() {
        0 => out.push('\n'),
        n => {
            let _ = writeln!(out, " ({n} older ones are forgotten)");
        }
    }
    for entry in entries {
        let _ = writeln!(out, "  {}", line(observer, entry));
    }
    out
}

/// Time, whose, what: one line.
fn line(observer: &Observer, entry: &Entry) -> String {
    let (at, note) = (utc(entry.at), &entry.note);
    let customer = observer.customer(note.customer());
    let whose = customer.map_or(String::new(), |customer| format!("{customer} "));
    match (note.mn_id(), note.peer()) {
        (Some(mn_id), _) => format!("{at}  {whose}{mn_id}: {note}"),
        (None, Some(peer)) => format!("{at}  {whose}{peer}: {note}"),
        (None, None) => format!("{at}  {whose}{note}"),
    }
}

fn data(observer: &Observer, wanted: &Wanted) -> Value {
    let trail = &observer.trail;
    let entries = trail.select(wanted);
    let events = entries.into_iter().map(|entry| {
        json!({
            "number": entry.number,
            "at": utc(entry.at),
            "kind": entry.note.kind().word(),
            "customer": observer.customer(entry.note.customer()),
            "mn_id": entry.note.mn_id().map(ToString::to_string),
            "peer": entry.note.peer(),
            "what": entry.note.to_string(),
            "line": line(observer, entry),
        })
    });
    json!({
        "newest": trail.newest(),
        "forgotten": trail.forgotten(),
        "events": events.collect::<Vec<_>>(),
    })
}

/// A time in UTC, to the millisecond.
pub fn utc(at: SystemTime) -> String {
    Timestamp::try_from(at).map_or_else(|_| "-".to_owned(), |at| format!("{at:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Note;
    use kedge_model::CustomerId;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn an_event_is_a_line_with_its_time_in_utc_to_the_millisecond() {
        let mut observer = Observer::default();
        let at = UNIX_EPOCH + Duration::from_millis(1_700_000_000_007);
        let peer = "192.0.2.1".parse().expect("an address");
        let customer = CustomerId::DEFAULT;
        let note = Note::Message { customer, mn_id: None, peer, text: "hello".into() };
        observer.trail.keep(note, true, at);
        assert_eq!(
            text(&observer, &Wanted::default()),
            "Events: 1\n  2023-11-14T22:13:20.007Z  192.0.2.1: hello\n"
        );
        let data = data(&observer, &Wanted::default());
        assert_eq!((&data["newest"], &data["events"][0]["kind"]), (&json!(1), &json!("message")));
    }
}
