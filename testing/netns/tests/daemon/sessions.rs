//! Sessions of the configuration: what each is told, how long a text may be, and who ends one.

use std::fmt::Write as _;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use kedge_lab::Daemon;
use serde_json::Value;

use crate::stage::{self, SOON, Single, complaint, json, turn, until};

const LMA: &str = "ipv6 mobile pmipv6-lma lma1 domain example.net\n";

/// A text of comments of so many octets, as a request counts them, and a line behind it.
fn long_text(octets: usize, last: &str) -> String {
    let comment =
        "! A router's configuration has many lines that say nothing to anybody but its owner\n";
    // A newline is two octets in a request.
    let mut text = comment.repeat((octets - 2 * last.len()) / (comment.len() + 1));
    write!(text, "{LMA}{last}").expect("a string");
    text
}

#[test]
fn a_text_of_sixteen_mebibytes_is_read_while_others_are_answered_and_one_beyond_is_refused() {
    const LIMIT: usize = 16 << 20;
    let _turn = turn();
    let single = Single::set();
    let mut daemon = Daemon::start_quietly(&single.host, stage::ANCHOR).expect("kedged");
    let load = |file: &str| format!("configure\nload {file}\ncommit\n");
    let whole = single.write("whole", &long_text(LIMIT - 1024, " bce maximum 77\n"));
    let is_over = AtomicBool::new(false);
    let mut answered = 0;
    thread::scope(|scope| {
        let loading = scope.spawn(|| {
            let said = daemon.script(&load(&whole));
            is_over.store(true, Ordering::Relaxed);
            said
        });
        while !is_over.load(Ordering::Relaxed) {
            daemon.kedge("show version").expect("an answer");
            answered += usize::from(!is_over.load(Ordering::Relaxed));
        }
        loading.join().expect("no panic").expect("a commit");
    });
    assert!(answered > 2, "{answered} answers while the text was read");
    let running = daemon.kedge("show running-config").expect("text");
    assert!(running.contains("bce maximum 77"), "{running}");

    let text = long_text(LIMIT - 1024, " bce maximum none\n");
    let wrong = single.write("wrong", &text);
    let why = complaint(daemon.script(&load(&wrong)));
    assert!(why.contains(&format!("wrong:{}:14: not a value", text.lines().count())), "{why}");
    let beyond = single.write("beyond", &long_text(LIMIT + 1024, " bce maximum 78\n"));
    let why = complaint(daemon.script(&load(&beyond)));
    assert!(why.contains("a request has at most 16777216 octets"), "{why}");
    let running = daemon.kedge("show running-config").expect("text");
    assert!(running.contains("bce maximum 77"), "{running}");
    daemon.stop().expect("a clean stop");
}

#[test]
fn a_session_that_somebody_clears_is_over_and_its_owner_is_told() {
    let _turn = turn();
    let single = Single::set();
    let daemon = Daemon::start(&single.host, stage::ANCHOR).expect("kedged");
    let kedge = kedge_lab::programs::find("kedge").expect("kedge").display().to_string();
    let socket = daemon.socket().display().to_string();
    let go = single.host.dir().join("go");
    let script = format!(
        "(echo configure exclusive; echo '{}'; echo 'bce lifetime 200'; echo 'show configuration'; \
         until [ -e {} ]; do sleep 0.1; done; echo commit) | {kedge} --socket {socket}",
        LMA.trim_end(),
        go.display()
    );
    let mut holder = single.host.spawn("holder", "sh", &["-c", &script]).expect("a session");
    until("the session's change", || match holder.output() {
        said if said.contains("bce lifetime 200") => Ok(()),
        said => Err(said),
    });
    let shown: Value = json(&daemon, "show configuration sessions");
    let [session] = shown["sessions"].as_array().expect("a list").as_slice() else {
        panic!("{shown}")
    };
    assert_eq!((&session["exclusive"], &session["own"]), (&true.into(), &false.into()), "{shown}");
    let number = session["session"].as_u64().expect("a number");
    let why = complaint(daemon.script("configure\n"));
    assert!(why.contains(&format!("'clear configuration sessions {number}' ends it")), "{why}");
    let why = complaint(daemon.kedge(&format!("clear configuration sessions {}", number + 1000)));
    assert!(why.contains("there is no session"), "{why}");
    daemon.kedge(&format!("clear configuration sessions {number}")).expect("it is ended");
    // Nobody waits for it any more, and what it goes on with is not done.
    let table = daemon.script("configure\nshow configuration sessions\nabort\n").expect("a table");
    assert_eq!(table.lines().count(), 2, "{table}");
    assert!(table.contains('*') && !table.contains("exclusive"), "{table}");
    fs::write(&go, "").expect("a sign");
    assert!(!holder.wait(SOON).expect("its end").success());
    let told = holder.errors();
    assert!(told.contains("what was not committed is lost: root has cleared it"), "{told}");
    let running = daemon.kedge("show running-config").expect("text");
    assert!(!running.contains("bce lifetime"), "{running}");
}
