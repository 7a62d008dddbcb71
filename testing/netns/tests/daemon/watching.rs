//! What an operator watches: events, the trace of one subscriber, messages, captures.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use kedge_lab::domain::{KEY, NAI, Plan};
use kedge_lab::{Daemon, Recording, programs};

use crate::stage::{Site, Talk, complaint, json, turn, until};

fn show(role: &str, what: &str) -> String {
    format!("show ipv6 mobile pmipv6 {role} {what}")
}

#[test]
fn the_trace_of_a_subscriber_tells_its_story_at_both_ends() {
    let _turn = turn();
    let mut site = Site::set(Plan::default());
    site.attach();
    site.lma.kedge(&format!("clear ipv6 mobile pmipv6 lma bindings nai {NAI}")).expect("cleared");
    let story = |daemon: &Daemon, role: &str| -> Vec<String> {
        let answer = json(daemon, &show(role, &format!("trace nai {NAI}")));
        let events = answer["events"].as_array().expect("events");
        events.iter().map(|event| event["what"].as_str().expect("words").to_owned()).collect()
    };
    until("the anchor's story", || {
        let told = story(&site.lma, "lma");
        let whole = told.first().is_some_and(|first| first.starts_with("bound at "))
            && told.iter().any(|what| what == "released: cleared by an operator");
        if whole { Ok(()) } else { Err(format!("{told:?}")) }
    });
    until("the gateway's story", || {
        let told = story(&site.mag, "mag");
        let begins = |what: &str| told.iter().position(|told| told.starts_with(what));
        match (begins("attached: "), begins("registered with "), begins("revoked by the anchor")) {
            (Some(a), Some(b), Some(c)) if a < b && b < c => Ok(()),
            _ => Err(format!("{told:?}")),
        }
    });
    let text = site.lma.kedge(&show("lma", &format!("trace nai {NAI} last 1"))).expect("a trace");
    let line = text.lines().nth(1).expect("a line").trim();
    let (at, rest) = line.split_once("  ").expect("a time in front");
    assert!(at.len() == "2026-01-01T00:00:00.000Z".len() && at.ends_with('Z'), "{line}");
    assert!(rest.starts_with(NAI), "{line}");
    let log = site.lma.log();
    assert!(log.contains("released: cleared by an operator"), "the log has the same words: {log}");
    let other = json(&site.lma, &show("lma", "trace nai nobody@example.net"));
    assert_eq!(other["events"].as_array().map(Vec::len), Some(0));
}

#[test]
fn debug_shows_each_message_of_one_subscriber_until_it_is_ended() {
    let _turn = turn();
    let mut site = Site::set(Plan::default());
    let debug = format!("debug ipv6 mobile pmipv6 lma nai {NAI}");
    site.lma.kedge(&debug).expect("debugged");
    assert_eq!(site.lma.kedge("show debug").expect("listed"), format!("lma nai {NAI}\n"));
    site.attach();
    let messages = || -> Vec<String> {
        let answer = json(&site.lma, &show("lma", &format!("trace nai {NAI}")));
        let events = answer["events"].as_array().expect("events").clone();
        let messages = events.into_iter().filter(|event| event["kind"] == "message");
        messages.map(|event| event["what"].as_str().expect("words").to_owned()).collect()
    };
    let shown = messages();
    let update = shown.iter().find(|what| what.contains(": Binding Update, ")).expect("an update");
    assert!(update.starts_with("from ") && update.contains(NAI), "{update}");
    assert!(update.contains("; taken; binding "), "what became of it: {update}");
    let acknowledged = shown
        .iter()
        .any(|what| what.starts_with("to ") && what.contains("Binding Acknowledgement, status 0 "));
    assert!(acknowledged, "{shown:?}");
    assert!(site.lma.log().contains("Binding Acknowledgement, status 0 "), "{}", site.lma.log());
    site.lma.kedge("undebug all").expect("ended");
    assert_eq!(site.lma.kedge("show debug").expect("listed"), "nothing is debugged\n");
    let before = messages().len();
    site.lma.kedge(&format!("clear ipv6 mobile pmipv6 lma bindings nai {NAI}")).expect("cleared");
    until("the release", || {
        let told = site.lma.kedge(&show("lma", &format!("trace nai {NAI}"))).expect("a trace");
        if told.contains("released: ") { Ok(()) } else { Err(told) }
    });
    assert_eq!(messages().len(), before, "nothing is shown any more");
    let everybody = complaint(site.lma.kedge("debug ipv6 mobile pmipv6 lma"));
    assert!(everybody.contains("incomplete command"), "{everybody}");
}

#[test]
fn tshark_reads_a_capture_of_one_subscriber_and_no_key_is_in_it() {
    let _turn = turn();
    let mut site = Site::set(Plan::default());
    site.lma.kedge(&format!("capture start nai {NAI} file one")).expect("started");
    let second = complaint(site.lma.kedge("capture start"));
    assert!(second.contains("a capture is running"), "{second}");
    site.attach();
    let said = json(&site.lma, "show capture");
    assert_eq!((&said["running"], said["packets"].as_u64() > Some(1)), (&true.into(), true));
    let file = said["file"].as_str().expect("a path").to_owned();
    site.lma.kedge("capture stop").expect("stopped");
    let file = Path::new(&file);
    let mode = fs::metadata(file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let recording = Recording::open(file);
    let fields = ["mip6.mhtype", "frame.comment"];
    let updates = recording.decode("mip6.mhtype == 5", &fields).expect("tshark reads it");
    assert!(
        updates.iter().any(|row| row[1].contains(NAI) && row[1].contains("taken")),
        "{updates:?}"
    );
    let answers = recording.decode("mip6.mhtype == 6", &fields).expect("tshark reads it");
    assert!(answers.iter().any(|row| row[1].contains("status 0 ")), "{answers:?}");
    assert_eq!(recording.count("mip6.mhtype == 13").expect("tshark"), 0, "no heartbeats");
    assert_eq!(recording.count("_ws.malformed").expect("tshark"), 0);
    let directions = ["frame.packet_flags_direction", "frame.time_epoch"];
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
    for (kind, direction) in [(5, "0x00000001"), (6, "0x00000002")] {
        let rows = recording.decode(&format!("mip6.mhtype == {kind}"), &directions);
        for row in rows.expect("tshark reads it") {
            assert_eq!(row[0], direction, "message {kind}");
            let at: f64 = row[1].parse().expect("a time");
            assert!((now - 600.0..=now).contains(&at), "{at} and {now}");
        }
    }
    let octets = fs::read(file).expect("the file");
    assert!(!octets.windows(KEY.1.len()).any(|window| window == KEY.1.as_bytes()));
    for name in ["../x", "a/b", ".x"] {
        let refused = complaint(site.lma.kedge(&format!("capture start file {name}")));
        assert!(refused.contains("a capture's name has"), "{name}: {refused}");
    }
    assert!(complaint(site.lma.kedge("capture stop")).contains("no capture is running"));
}

#[test]
fn tech_support_has_every_section_and_no_key() {
    let _turn = turn();
    let mut site = Site::set(Plan::default());
    site.attach();
    for (daemon, role) in [(&site.lma, "lma"), (&site.mag, "mag")] {
        let text = daemon.kedge("show tech-support").expect("an answer");
        for heading in [
            "show version".to_owned(),
            show(role, "globals"),
            show(role, "heartbeats"),
            show(role, "tunnels"),
            show(role, "events"),
            show(role, "bindings"),
            format!("show {role}-service statistics"),
            "running configuration".to_owned(),
            "commits".to_owned(),
            "what was made in the host".to_owned(),
            "interfaces of the host".to_owned(),
            "host".to_owned(),
        ] {
            assert!(text.contains(&format!("======== {heading} ========\n")), "{heading}: {text}");
        }
        assert!(text.contains(NAI) && text.contains("Linux "), "{text}");
        assert!(!text.contains(KEY.1), "the key: {text}");
        let running = daemon.kedge("show running-config | include key").expect("lines");
        let obfuscated = running.split_whitespace().last().expect("a key");
        assert!(obfuscated.len() > 8 && !text.contains(obfuscated), "nor obfuscated: {text}");
        let data = json(daemon, "show tech-support");
        assert!(data["host"].as_str().is_some_and(|host| host.contains("MemTotal")), "{data}");
    }
}

#[test]
fn monitor_prints_lines_through_a_pipe_as_things_happen() {
    let _turn = turn();
    let mut site = Site::set(Plan::default());
    let program = programs::find("kedge").expect("kedge");
    let mut kedge = Command::new(program)
        .arg("--socket")
        .arg(site.lma.socket())
        .args(["-c", "monitor bindings since 0"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("kedge");
    site.attach();
    let mut out = BufReader::new(kedge.stdout.take().expect("a pipe"));
    let mut line = String::new();
    out.read_line(&mut line).expect("a line");
    assert!(line.contains(NAI) && line.contains(": bound at "), "{line}");
    // What happens now it cannot have known when it was asked.
    site.lma.kedge(&format!("clear ipv6 mobile pmipv6 lma bindings nai {NAI}")).expect("cleared");
    let released = out.lines().map(|line| line.expect("a line")).find(|l| l.contains(": released"));
    assert!(released.is_some_and(|line| line.contains(NAI)));
    let id = nix::unistd::Pid::from_raw(kedge.id() as i32);
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGINT).expect("Ctrl-C");
    assert!(kedge.wait().expect("its end").success(), "Ctrl-C is how it ends");
}

#[test]
fn denied_strangers_leave_the_events_of_a_subscriber_alone() {
    let _turn = turn();
    let talk = Talk::set(|config| config.replace("bce maximum 1000", "bce maximum 2"));
    talk.play("fill", &[]);
    let events = json(&talk.daemon, &show("lma", "events"));
    let kinds = |kind: &str| {
        let events = events["events"].as_array().expect("events");
        events.iter().filter(|event| event["kind"] == kind).count()
    };
    assert!(kinds("binding") >= 2 && kinds("attempt") >= 1, "{events}");
    let denied = talk.daemon.kedge(&(show("lma", "events") + " | include denied with status"));
    assert!(denied.expect("lines").lines().count() >= 1);
}

#[test]
fn regular_expressions_choose_lines_and_several_pipes_follow_each_other() {
    let _turn = turn();
    let talk = Talk::set(|config| config);
    let ask = |line: &str| talk.daemon.kedge(line).expect(line);
    let whole = ask("show running-config");
    let lines = whole.lines().filter(|line| line.starts_with("ipv6")).count();
    assert!(lines > 0);
    assert_eq!(ask("show running-config | include ^ipv6 | count"), format!("{lines}\n"));
    assert_eq!(ask("show running-config | include ^ipv6 | exclude . | no-more"), "");
    // JSON has no lines: what would choose some is not passed over in silence.
    for of_lines in
        ["show version | include Up | json", "show configuration commit list | json | count"]
    {
        let wrong = complaint(talk.daemon.kedge(of_lines));
        assert!(wrong.contains("'| json' goes with '| no-more' alone"), "{wrong}");
    }
    ask("show version | json | no-more");
    let wrong = complaint(talk.daemon.kedge("show version | include a(b"));
    assert!(wrong.contains("unclosed group"), "{wrong}");
}
