//! One client's thread: reads a line, hands it over, waits for the outcome, writes it.
//!
//! Everything here has an end: a client that is silent, that does not read, or that asks while
//! the daemon's loop is stuck costs its own thread for a bounded time, and nobody else anything.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use super::call::{Answered, Call, Caller, Progress, Turn};
use super::{ClientId, MAX_CONNECTIONS};
use crate::frame::{self, Frames};
use crate::{Answer, Ask, MAX_REQUEST, Refusal, Request};

/// How long a client may be silent, as the terminal lines of routers have it by default.
const IDLE: Duration = Duration::from_secs(600);

/// How long a client may take to read an answer.
const WRITING: Duration = Duration::from_secs(30);

/// How often a client that waits is told that the daemon is at its request.
const SIGN: Duration = Duration::from_secs(10);

/// How many times in a row the loop may have nothing to show for a request.
const SILENT: u32 = 3;

/// How long a client that is turned away may take to read why; a fresh socket's buffer holds it.
const TURNING_AWAY: Duration = Duration::from_millis(100);

/// The way from one client to the daemon's loop.
pub(super) struct Line {
    pub(super) client: ClientId,
    pub(super) caller: Caller,
    pub(super) queue: SyncSender<Call>,
    pub(super) wake: Arc<dyn Fn() + Send + Sync>,
}

/// Whether a client may ask on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    Admitted,
    /// Its token is none any more, which it is told.
    Expelled,
    /// The port that it came through is closed.
    Dismissed,
}

/// Serves a client until it leaves, errs, is silent for too long, or may not be here any more.
pub(super) fn serve(frames: &mut Frames, line: &Line, standing: &dyn Fn() -> Standing) {
    if let Err(error) = converse(frames, line, standing) {
        if error.kind() == io::ErrorKind::TimedOut {
            let text = format!("closed after {} s without a command", IDLE.as_secs());
            // Whether the client still reads is its own affair.
            let _ = frames.write_line(&refuse(text).encode(), TURNING_AWAY);
        }
        tracing::debug!(%error, "a management client was dropped");
    }
}

/// Tells a client that there is no place for it.
pub(super) fn turn_away(frames: &mut Frames) {
    let line = refuse(format!(
        "{MAX_CONNECTIONS} management clients are connected already: close one, or try again"
    ))
    .encode();
    // Whether the client still reads is its own affair.
    let _ = frames.write_line(&line, TURNING_AWAY);
}

/// An answer about the connection itself.
pub(super) fn refuse(text: String) -> Answer {
    Answer { id: 0, outcome: Err(Refusal::new(text)), mode: None }
}

fn converse(frames: &mut Frames, line: &Line, standing: &dyn Fn() -> Standing) -> io::Result<()> {
    loop {
        let (answer, usable) = match frames.read_line(IDLE)? {
            frame::Line::End => return Ok(()),
            frame::Line::TooLong => {
                let text = format!("the request is too long: at most {MAX_REQUEST} octets");
                (refuse(text), false)
            }
            frame::Line::NoRoom => {
                let text = "other clients' long requests fill the memory: try again";
                (refuse(text.to_owned()), false)
            }
            frame::Line::Complete(request) => match standing() {
                Standing::Admitted => {
                    let mut sign = || frames.write_line(b"\n", WRITING);
                    (respond(&request, line, &mut sign)?, true)
                }
                Standing::Expelled => (refuse("the token is not valid any more".to_owned()), false),
                Standing::Dismissed => return Ok(()),
            },
        };
        frames.write_line(&answer.encode(), WRITING)?;
        if !usable {
            return Ok(());
        }
    }
}

fn respond(
    request: &[u8],
    line: &Line,
    sign: &mut dyn FnMut() -> io::Result<()>,
) -> io::Result<Answer> {
    Ok(match Request::decode(request) {
        Ok(Request { id, ask }) => {
            let Answered { outcome, mode } = hand_over(ask, line, SIGN, sign)?;
            Answer { id, outcome, mode }
        }
        Err(error) => {
            Answer { id: error.id(), outcome: Err(Refusal::new(error.to_string())), mode: None }
        }
    })
}

/// What the loop answers. Each time that `every` has passed and the loop was at it, the client is
/// given a sign; fails if that does.
fn hand_over(
    ask: Ask,
    line: &Line,
    every: Duration,
    sign: &mut dyn FnMut() -> io::Result<()>,
) -> io::Result<Answered> {
    let refused = |text: String| Answered { outcome: Err(Refusal::new(text)), mode: None };
    // Room for the one answer, so that the daemon's send never waits.
    let (reply, answer) = sync_channel(1);
    let caller = line.caller.clone();
    let progress = Progress::default();
    let call = Call {
        ask,
        client: line.client,
        caller,
        carried: None,
        progress: Arc::clone(&progress),
        reply,
    };
    match line.queue.try_send(call) {
        Ok(()) => (line.wake)(),
        Err(TrySendError::Full(_)) => {
            return Ok(refused("the daemon is busy: try again".to_owned()));
        }
        Err(TrySendError::Disconnected(_)) => return Ok(refused(STOPPING.to_owned())),
    }
    let (mut seen, mut silent) = (0, 0);
    loop {
        match answer.recv_timeout(every) {
            Ok(Turn::Answered(answered)) => return Ok(answered),
            Ok(Turn::Work(mut call, work)) => {
                call.carried = Some(work(&call.ask));
                // What came of it may be the only one of its kind: it waits for room.
                if line.queue.send(*call).is_err() {
                    return Ok(refused(STOPPING.to_owned()));
                }
                (line.wake)();
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(refused(STOPPING.to_owned())),
            Err(RecvTimeoutError::Timeout) => {
                let now = progress.load(Ordering::Relaxed);
                if now != seen {
                    (seen, silent) = (now, 0);
                    sign()?;
                    continue;
                }
                silent += 1;
                if silent == SILENT {
                    return Ok(refused(format!(
                        "the daemon took the request and did not answer within {} s",
                        (every * SILENT).as_secs()
                    )));
                }
            }
        }
    }
}

const STOPPING: &str = "the daemon is stopping";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reply;

    /// A request of a client that is told nothing before its answer.
    fn ask_alone(command: &str, line: &Line) -> Answered {
        let mut no_sign = || panic!("the answer comes first");
        hand_over(Ask::command(command), line, SIGN, &mut no_sign).unwrap()
    }

    #[test]
    fn a_request_beyond_the_queue_is_told_that_the_daemon_is_busy() {
        let (queue, calls) = sync_channel(1);
        let (reply, _answer) = sync_channel(1);
        let client = ClientId(0);
        let caller = Caller::Local { user: "unknown".into() };
        let ask = Ask::command("show one");
        let progress = Progress::default();
        let call = Call { ask, client, caller: caller.clone(), carried: None, progress, reply };
        queue.send(call).unwrap();
        let line = Line { client, caller, queue, wake: Arc::new(|| panic!("nothing queued")) };
        let answered = ask_alone("show two", &line);
        assert_eq!(answered.outcome, Err(Refusal::new("the daemon is busy: try again")));
        assert_eq!(calls.try_iter().count(), 1);
    }

    #[test]
    fn the_daemon_does_not_wait_for_a_client_that_gave_up() {
        let (reply, answer) = sync_channel(1);
        drop(answer);
        let caller = Caller::Local { user: "unknown".into() };
        let ask = Ask::command("show");
        let progress = Progress::default();
        let call = Call { ask, client: ClientId(0), caller, carried: None, progress, reply };
        call.answer(Ok(Reply::Text(String::new())), None);
    }

    #[test]
    fn work_is_done_on_the_clients_thread_and_comes_to_the_loop_with_its_call() {
        let (queue, calls) = sync_channel(1);
        let caller = Caller::Local { user: "unknown".into() };
        let line = Line { client: ClientId(7), caller, queue, wake: Arc::new(|| {}) };
        let client =
            std::thread::spawn(move || (std::thread::current().id(), ask_alone("load", &line)));
        calls.recv().unwrap().work(Box::new(|ask| {
            let Ask::Command { line, .. } = ask else { panic!("{ask:?}") };
            Box::new((std::thread::current().id(), line.clone()))
        }));
        let mut call = calls.recv().unwrap();
        assert_eq!(call.client, ClientId(7));
        let carried = call.take_carried().expect("what came of it").downcast().unwrap();
        let (worker, line): (std::thread::ThreadId, String) = *carried;
        call.answer(Ok(Reply::Text(line)), Some("config".to_owned()));
        let (thread, answered) = client.join().unwrap();
        assert_eq!(thread, worker);
        let mode = Some("config".to_owned());
        assert_eq!(answered, Answered { outcome: Ok(Reply::Text("load".to_owned())), mode });
    }

    #[test]
    fn a_client_waits_as_long_as_the_loop_is_at_its_request_and_not_for_a_loop_that_is_stuck() {
        // Long enough for a loop that gets no time for a while not to be taken for a stuck one.
        let every = Duration::from_millis(500);
        let (queue, calls) = sync_channel::<Call>(1);
        let caller = Caller::Local { user: "unknown".into() };
        let line = Line { client: ClientId(7), caller, queue, wake: Arc::new(|| {}) };
        let (signs, signed) = sync_channel(100);
        let mut sign = move || signs.send(()).map_err(io::Error::other);
        let client = std::thread::spawn(move || {
            let one = hand_over(Ask::command("commit"), &line, every, &mut sign).unwrap();
            (one, hand_over(Ask::command("commit"), &line, every, &mut sign).unwrap())
        });
        let call = calls.recv().unwrap();
        // Twice as long as a silent loop is waited for.
        for _ in 0..2 * SILENT {
            while signed.try_recv().is_err() {
                call.is_under_way();
                std::thread::yield_now();
            }
        }
        call.answer(Ok(Reply::Text("done".to_owned())), None);
        let stuck = calls.recv().unwrap();
        let (one, other) = client.join().unwrap();
        assert_eq!(one.outcome, Ok(Reply::Text("done".to_owned())));
        assert!(other.outcome.unwrap_err().message.contains("did not answer within"));
        drop(stuck);
    }

    #[test]
    fn a_call_that_is_dropped_after_its_work_is_told_that_the_daemon_stops() {
        let (queue, calls) = sync_channel(1);
        let caller = Caller::Local { user: "unknown".into() };
        let line = Line { client: ClientId(7), caller, queue, wake: Arc::new(|| {}) };
        let client = std::thread::spawn(move || ask_alone("load", &line));
        calls.recv().unwrap().work(Box::new(|_| Box::new(())));
        drop(calls.recv().unwrap());
        assert_eq!(client.join().unwrap().outcome, Err(Refusal::new(STOPPING)));
    }
}
