//! One client's thread: reads a line, hands it over, waits for the outcome, writes it.
//!
//! Everything here has an end: a client that is silent, that does not read, or that asks while
//! the daemon's loop is stuck costs its own thread for a bounded time, and nobody else anything.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use super::{Call, MAX_CONNECTIONS};
use crate::frame::{Frames, Line};
use crate::{Answer, Ask, MAX_REQUEST, Outcome, Refusal, Request};

/// How long a client may be silent. A terminal connects anew for each line.
const IDLE: Duration = Duration::from_secs(60);

/// How long a client may take to read an answer.
const WRITING: Duration = Duration::from_secs(30);

/// How long the daemon's loop may take for one request.
const ANSWERING: Duration = Duration::from_secs(30);

/// How long a client that is turned away may take to read why; a fresh socket's buffer holds it.
const TURNING_AWAY: Duration = Duration::from_millis(100);

/// Serves a client until it leaves, errs or is silent for too long.
pub(super) fn serve(stream: UnixStream, queue: &SyncSender<Call>, wake: &dyn Fn()) {
    let mut frames = Frames::new(stream, MAX_REQUEST);
    if let Err(error) = converse(&mut frames, queue, wake) {
        tracing::debug!(%error, "a management client was dropped");
    }
}

/// Tells a client that there is no place for it.
pub(super) fn turn_away(stream: UnixStream) {
    let refusal = Refusal::new(format!(
        "{MAX_CONNECTIONS} management clients are connected already: close one, or try again"
    ));
    let line = Answer { id: 0, outcome: Err(refusal) }.encode();
    // Whether the client still reads is its own affair.
    let _ = Frames::new(stream, MAX_REQUEST).write_line(&line, TURNING_AWAY);
}

fn converse(frames: &mut Frames, queue: &SyncSender<Call>, wake: &dyn Fn()) -> io::Result<()> {
    loop {
        let (answer, usable) = match frames.read_line(IDLE)? {
            Line::End => return Ok(()),
            Line::TooLong => {
                let text = format!("the request is too long: at most {MAX_REQUEST} octets");
                (Answer { id: 0, outcome: Err(Refusal::new(text)) }, false)
            }
            Line::Complete(line) => (respond(&line, queue, wake), true),
        };
        frames.write_line(&answer.encode(), WRITING)?;
        if !usable {
            return Ok(());
        }
    }
}

fn respond(line: &[u8], queue: &SyncSender<Call>, wake: &dyn Fn()) -> Answer {
    match Request::decode(line) {
        Ok(Request { id, ask }) => Answer { id, outcome: hand_over(ask, queue, wake) },
        Err(error) => Answer { id: error.id(), outcome: Err(Refusal::new(error.to_string())) },
    }
}

fn hand_over(ask: Ask, queue: &SyncSender<Call>, wake: &dyn Fn()) -> Outcome {
    // Room for the one outcome, so that the daemon's send never waits.
    let (reply, outcome) = sync_channel(1);
    match queue.try_send(Call { ask, reply }) {
        Ok(()) => wake(),
        Err(TrySendError::Full(_)) => return Err(Refusal::new("the daemon is busy: try again")),
        Err(TrySendError::Disconnected(_)) => return Err(stopping()),
    }
    match outcome.recv_timeout(ANSWERING) {
        Ok(outcome) => outcome,
        Err(RecvTimeoutError::Disconnected) => Err(stopping()),
        Err(RecvTimeoutError::Timeout) => Err(Refusal::new(format!(
            "the daemon took the request and did not answer within {} s",
            ANSWERING.as_secs()
        ))),
    }
}

fn stopping() -> Refusal {
    Refusal::new("the daemon is stopping")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reply;

    #[test]
    fn a_request_beyond_the_queue_is_told_that_the_daemon_is_busy() {
        let (queue, calls) = sync_channel(1);
        let (reply, _outcome) = sync_channel(1);
        queue.send(Call { ask: Ask::command("show one"), reply }).unwrap();
        let outcome = hand_over(Ask::command("show two"), &queue, &|| panic!("nothing queued"));
        assert_eq!(outcome, Err(Refusal::new("the daemon is busy: try again")));
        assert_eq!(calls.try_iter().count(), 1);
    }

    #[test]
    fn the_daemon_does_not_wait_for_a_client_that_gave_up() {
        let (reply, outcome) = sync_channel(1);
        drop(outcome);
        Call { ask: Ask::command("show"), reply }.answer(Ok(Reply::Text(String::new())));
    }
}
