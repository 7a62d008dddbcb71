//! Clients of the management socket that no terminal would be, while a gateway registers nodes.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    time::Duration,
};

use serde_json::{Value, json};

use crate::stage::{SOON, Talk, turn};

#[test]
fn whatever_clients_send_they_get_a_refusal_and_the_anchor_goes_on() {
    let _turn = turn();
    let mut talk = Talk::set(|config| config);
    for (line, words) in [
        ("nonsense", ""),
        ("{}", ""),
        ("[1,2", ""),
        ("{\"version\":99,\"id\":7,\"command\":\"show version\"}", "version"),
        ("{\"version\":1,\"id\":7,\"comand\":\"show version\"}", ""),
        ("\u{0}\u{1}\u{7f}", ""),
    ] {
        let mut client = connect(&talk);
        client.write_all(format!("{line}\n").as_bytes()).expect("write");
        let answer = answer(&client);
        let said = answer.to_string();
        assert!(answer.get("error").is_some(), "{line}: {said}");
        assert!(said.contains(words), "{line}: {said}");
    }
    let mut long = connect(&talk);
    // One request has room for 16 MiB. It may hang up before it has read all of it.
    let _ = long.write_all(&vec![b'x'; 17 << 20]);
    assert!(answer(&long).to_string().contains("too long"));
    talk.play("one", &[]);
    talk.daemon.stop().expect("a clean stop");
}

#[test]
fn clients_that_never_read_and_clients_beyond_the_limit_do_not_hold_up_the_anchor() {
    let _turn = turn();
    let mut talk = Talk::set(|config| config);
    let ask =
        json!({"version": 1, "id": 1, "command": "show lma-service statistics"}).to_string() + "\n";
    let mut greedy: Vec<UnixStream> = (0..20).map(|_| connect(&talk)).collect();
    for client in &mut greedy {
        client.set_write_timeout(Some(Duration::from_millis(50))).expect("timeout");
        // Until the daemon does not read any more, since nobody takes its answers.
        for _ in 0..400 {
            if client.write_all(ask.as_bytes()).is_err() {
                break;
            }
        }
    }
    let idle: Vec<UnixStream> = (0..12).map(|_| connect(&talk)).collect();
    let turned_away = connect(&talk);
    let said = answer(&turned_away).to_string();
    assert!(said.contains("32 management clients are connected already"), "{said}");
    drop(turned_away);
    talk.play("one", &[]);
    drop(idle);
    crate::stage::until("a place for the next client", || {
        talk.daemon.kedge("show version").map(drop).map_err(|e| e.to_string())
    });
    // Clients that do not read do not keep it from stopping, either.
    talk.daemon.stop().expect("a clean stop");
    drop(greedy);
}

fn connect(talk: &Talk) -> UnixStream {
    let client = UnixStream::connect(talk.daemon.socket()).expect("connect");
    client.set_read_timeout(Some(SOON)).expect("timeout");
    client
}

fn answer(client: &UnixStream) -> Value {
    let mut line = String::new();
    BufReader::new(client.take(1 << 20)).read_line(&mut line).expect("an answer");
    serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e} in {line:?}"))
}
