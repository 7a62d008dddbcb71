//! The program itself against a daemon that a thread plays: what it prints where, and its exit
//! status.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use kedge_api::{Ask, Call, Format, Refusal, Reply, Server};
use serde_json::json;
use tempfile::TempDir;

#[test]
fn commands_are_run_in_order_and_only_answers_go_to_standard_output() {
    let daemon = Daemon::start();
    let output = daemon.kedge(&["-c", "show one", "-c", "show two"], "");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), "show one\nshow two\n");
    assert_eq!(text(&output.stderr), "");
    assert_eq!(daemon.lines(), ["show one", "show two"]);
}

#[test]
fn a_refused_command_gives_status_1_an_explanation_and_ends_the_run() {
    let daemon = Daemon::start();
    let arguments = ["-c", "show one", "-c", "show bogus", "-c", "show two"];
    let output = daemon.kedge(&arguments, "");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "show one\n");
    assert_eq!(
        text(&output.stderr),
        "kedge: not known here: bogus\n  show bogus\n       ^\n  allowed: one, two\n"
    );
    assert_eq!(daemon.lines(), ["show one", "show bogus"]);
}

#[test]
fn no_daemon_gives_status_2_and_names_the_socket_and_the_flag() {
    let place = tempfile::tempdir().unwrap();
    let socket = place.path().join("kedge.sock");
    let output = run(&["--socket", socket.to_str().unwrap(), "-c", "show"], "");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stdout), "");
    assert_eq!(
        text(&output.stderr),
        format!(
            "kedge: no daemon answers at {}: is kedged running? \
             (--socket PATH names another socket)\n",
            socket.display()
        )
    );
}

#[test]
fn wrong_usage_gives_status_2() {
    for arguments in [&["--bogus"][..], &["-c"], &["-c", "show", "-f", "x"], &["show"]] {
        let output = run(arguments, "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(text(&output.stdout), "");
        assert!(text(&output.stderr).contains("try '--help'"), "{arguments:?}");
    }
}

#[test]
fn json_is_asked_for_and_printed_in_the_daemons_order() {
    let daemon = Daemon::start();
    let output = daemon.kedge(&["--json", "-c", "show one"], "");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), "{\n  \"zulu\": 1,\n  \"alpha\": [\n    2\n  ]\n}\n");
}

#[test]
fn api_shows_the_request_of_a_command_and_sends_nothing() {
    let daemon = Daemon::start();
    let output = daemon.kedge(&["api", "show", "one"], "");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        text(&output.stdout),
        "{\"version\":1,\"id\":1,\"command\":\"show one\",\"format\":\"json\"}\n"
    );
    assert_eq!(daemon.lines(), [""; 0]);
}

#[test]
fn api_run_shows_the_answer_as_it_comes_and_the_status_repeats_it() {
    let daemon = Daemon::start();
    let output = daemon.kedge(&["api", "--run", "show", "one"], "");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        text(&output.stdout),
        "{\"version\":1,\"id\":1,\"status\":\"ok\",\"data\":{\"zulu\":1,\"alpha\":[2]}}\n"
    );
    let output = daemon.kedge(&["api", "--run", "show", "bogus"], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("\"status\":\"error\""));
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn api_relays_requests_until_one_is_refused() {
    let daemon = Daemon::start();
    let request = |id: u64, line: &str| {
        format!("{{\"version\":1,\"id\":{id},\"command\":\"show {line}\"}}\n")
    };
    let requests = [request(5, "one"), request(6, "bogus"), request(7, "two")].concat();
    let output = daemon.kedge(&["api"], &requests);
    assert_eq!(output.status.code(), Some(1));
    let answers: Vec<&str> = text(&output.stdout).lines().collect();
    assert_eq!(answers[0], "{\"version\":1,\"id\":5,\"status\":\"ok\",\"text\":\"show one\\n\"}");
    assert!(answers[1].starts_with("{\"version\":1,\"id\":6,\"status\":\"error\""));
    assert_eq!(answers.len(), 2);
    assert_eq!(daemon.lines(), ["show one", "show bogus"]);
}

#[test]
fn a_file_is_run_without_its_comments_and_a_refusal_names_its_line() {
    let daemon = Daemon::start();
    let file = daemon.place.path().join("commands.txt");
    fs::write(&file, "! a comment\n\n  # another\nshow one\nshow bogus\nshow two\n").unwrap();
    let output = daemon.kedge(&["-f", file.to_str().unwrap()], "");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "show one\n");
    let expected = format!("kedge: {}:5: not known here: bogus\n", file.display());
    assert!(text(&output.stderr).starts_with(&expected), "{}", text(&output.stderr));
    assert_eq!(daemon.lines(), ["show one", "show bogus"]);
}

#[test]
fn a_file_that_cannot_be_read_gives_status_2_and_its_name() {
    let daemon = Daemon::start();
    let output = daemon.kedge(&["-f", "/nonexistent/commands"], "");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stderr), "kedge: there is no file /nonexistent/commands\n");
}

#[test]
fn a_pipe_is_read_line_by_line() {
    let daemon = Daemon::start();
    let output = daemon.kedge(&[], "show one\n!\nshow two");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), "show one\nshow two\n");
    let output = daemon.kedge(&[], "show bogus\n");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("kedge: standard input:1: not known here"));
}

#[test]
fn a_reader_that_leaves_early_causes_no_noise_and_no_failure() {
    let daemon = Daemon::start();
    let mut child = kedge(&["-c", "show long"], Some(&daemon)).spawn().unwrap();
    let mut first = [0; 4];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(&first, b"0123");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn an_answer_that_cannot_be_written_gives_status_2() {
    let daemon = Daemon::start();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = kedge(&["-c", "show one"], Some(&daemon)).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).starts_with("kedge: cannot write the answer: "));
}

#[test]
fn a_socket_that_the_file_system_forbids_gives_status_2_and_says_who_may() {
    // Permissions do not bind root: another user's process tries where the test runs as root.
    let daemon = Daemon::start();
    fs::set_permissions(daemon.place.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let open = tempfile::tempdir().unwrap();
    fs::set_permissions(open.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = open.path().join("kedge");
    fs::copy(env!("CARGO_BIN_EXE_kedge"), &program).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
    if fs::metadata(daemon.place.path()).unwrap().uid() != 0 {
        // Without root, the owner shuts itself out.
        fs::set_permissions(daemon.socket(), fs::Permissions::from_mode(0o000)).unwrap();
        command = Command::new(&program);
    }
    let output =
        command.arg("--socket").arg(daemon.socket()).args(["-c", "show one"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).starts_with("kedge: permission denied at "));
    assert!(text(&output.stderr).contains("run as root, or as a member of the socket's group"));
    assert_eq!(daemon.lines(), [""; 0]);
}

/// A thread in the place of a daemon, which knows `show one`, `show two` and `show long`.
struct Daemon {
    place: TempDir,
    seen: Arc<Mutex<Vec<String>>>,
    wake: Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Daemon {
    fn start() -> Self {
        let place = tempfile::tempdir().unwrap();
        let (wake, woken) = channel();
        let ring = wake.clone();
        let socket = place.path().join("kedge.sock");
        let server = Server::bind(&socket, move || {
            // The loop may have ended before the last client left.
            let _ = ring.send(true);
        })
        .unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&seen);
        let thread = thread::spawn(move || {
            while let Ok(true) = woken.recv() {
                while let Some(call) = server.next_call() {
                    answer(call, &notes);
                }
            }
        });
        Self { place, seen, wake, thread: Some(thread) }
    }

    fn socket(&self) -> PathBuf {
        self.place.path().join("kedge.sock")
    }

    fn kedge(&self, arguments: &[&str], input: &str) -> Output {
        feed(kedge(arguments, Some(self)), input)
    }

    fn lines(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.wake.send(false).unwrap();
        self.thread.take().unwrap().join().unwrap();
    }
}

fn answer(call: Call, notes: &Mutex<Vec<String>>) {
    let Ask::Command { line, format, width, .. } = call.ask.clone() else {
        return call.answer(Err(Refusal::new("no completion here")), None);
    };
    assert_eq!(width, None, "standard output is no terminal");
    notes.lock().unwrap().push(line.clone());
    let outcome = match (line.as_str(), format) {
        ("show one" | "show two", Format::Text) => Ok(Reply::Text(format!("{line}\n"))),
        ("show one", Format::Json) => Ok(Reply::Data(json!({"zulu": 1, "alpha": [2]}))),
        ("show long", Format::Text) => Ok(Reply::Text("0123456789\n".repeat(100_000))),
        _ => Err(Refusal {
            message: "not known here: bogus".into(),
            line: Some(1),
            column: Some(6),
            caret: Some("show bogus\n     ^".into()),
            allowed: vec!["one".into(), "two".into()],
        }),
    };
    call.answer(outcome, None);
}

fn run(arguments: &[&str], input: &str) -> Output {
    feed(kedge(arguments, None), input)
}

fn kedge(arguments: &[&str], daemon: Option<&Daemon>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kedge"));
    if let Some(daemon) = daemon {
        command.arg("--socket").arg(daemon.socket());
    }
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn feed(mut command: Command, input: &str) -> Output {
    let mut child = command.spawn().unwrap();
    // A program that needs no input may have left before it is given some.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(octets: &[u8]) -> &str {
    std::str::from_utf8(octets).unwrap()
}
