//! A second daemon is refused in one line, and the first goes on.

use kedge_lab::{Daemon, programs};

use crate::stage::{ANCHOR, SOON, Single, json, look, turn, until};

#[test]
fn a_second_daemon_in_the_same_network_namespace_is_refused() {
    let _turn = turn();
    let stage = Single::set();
    second(&stage, &stage.host, "--socket other.sock --state-dir other", "network namespace");
}

#[test]
fn a_second_daemon_with_the_same_state_directory_is_refused() {
    let _turn = turn();
    let stage = Single::set();
    let elsewhere = stage.another("two");
    let words = "one.state is in use by another kedged";
    second(&stage, &elsewhere, "--socket other.sock --state-dir one.state", words);
}

#[test]
fn a_second_daemon_on_the_same_socket_is_refused() {
    let _turn = turn();
    let stage = Single::set();
    let elsewhere = stage.another("two");
    let words = "another daemon answers at one.sock";
    second(&stage, &elsewhere, "--socket one.sock --state-dir other", words);
}

#[test]
fn the_socket_and_the_claims_of_a_killed_daemon_are_taken_over() {
    let _turn = turn();
    let stage = Single::set();
    let mut first = Daemon::start(&stage.host, ANCHOR).expect("kedged");
    first.kill().expect("kill");
    assert!(stage.file("one.sock").exists(), "nobody could remove it");
    let (kedged, file) = (programs::find("kedged").expect("kedged"), |name| stage.file(name));
    let files = [("--config", "one.conf"), ("--socket", "one.sock"), ("--state-dir", "one.state")];
    let words = files.map(|(option, name)| [option.to_owned(), file(name).display().to_string()]);
    let words: Vec<&str> = words.iter().flatten().map(String::as_str).collect();
    let mut next = stage.host.spawn("next", &kedged.to_string_lossy(), &words).expect("kedged");
    until("the next one", || match next.errors() {
        log if log.contains("ready") => Ok(()),
        log => Err(log),
    });
    assert!(next.stop(SOON).expect("its end").success(), "{}", next.errors());
    assert!(!stage.file("one.sock").exists());
}

/// A daemon runs on the stage's host; a second one with `files` on `host` is refused with `words`.
fn second(stage: &Single, host: &kedge_lab::Host, files: &str, words: &str) {
    let mut first = Daemon::start(&stage.host, ANCHOR).expect("kedged");
    json(&first, "show version"); // Once it answers, it has made everything.
    let (mine, theirs) = (look(&stage.host), look(host));
    stage.write("conf", ANCHOR);
    let ended = stage.run_on(host, &format!("timeout 60 $KEDGED --config conf {files}"));
    assert_eq!(ended.status, Some(1), "{ended:?}");
    let errors: Vec<&str> = ended.err.lines().filter(|l| l.contains("ERROR")).collect();
    let [line] = errors[..] else { panic!("one line of error in {ended:?}") };
    assert!(line.contains(words), "{line}");
    assert_eq!((look(&stage.host), look(host)), (mine, theirs));
    assert!(first.alive());
    assert_eq!(json(&first, "show version")["restart_counter"], 1, "the first answers");
    first.stop().expect("a clean stop");
}
