//! The lab's helper program: the parts of an experiment that run as processes of their own.

use std::{process::ExitCode, str::FromStr, time::Duration};

use kedge_lab::{
    Lab,
    domain::{KEY, REALM},
    load::{self, Load, Updates},
    transfer,
};
use kedge_wire::auth::Key;

const USAGE: &str = "\
usage: kedge-lab tcp-send ADDRESS:PORT OCTETS-PER-SECOND
       kedge-lab tcp-receive ADDRESS:PORT
       kedge-lab udp-flood ADDRESS:PORT MILLISECONDS
       kedge-lab udp-echo ADDRESS:PORT
       kedge-lab pbu-load LOCAL:PORT ANCHOR:PORT BINDINGS UPDATES
       kedge-lab hold PREFIX";

/// Updates that may be unanswered: enough to keep both ends busy, little enough for a socket's
/// default queue.
const WINDOW: usize = 256;
/// Prepared updates carry the time they were written at, and an anchor's window is seven seconds.
const LONGEST: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["hold", prefix] => hold(prefix),
        ["udp-flood", to, ms] => udp_flood(to, ms),
        ["udp-echo", listen] => udp_echo(listen),
        ["pbu-load", local, anchor, bindings, updates] => {
            pbu_load(local, anchor, bindings, updates)
        }
        ["tcp-send", listen, rate] => tcp_send(listen, rate),
        ["tcp-receive", from] => tcp_receive(from),
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kedge-lab: {error}");
            ExitCode::FAILURE
        }
    }
}

type Done = Result<(), Box<dyn std::error::Error>>;

fn tcp_send(listen: &str, rate: &str) -> Done {
    Ok(transfer::send(parse(listen)?, parse(rate)?)?)
}

fn tcp_receive(from: &str) -> Done {
    Ok(transfer::receive(parse(from)?)?)
}

fn udp_echo(listen: &str) -> Done {
    Ok(load::echo(parse(listen)?)?)
}

fn udp_flood(to: &str, ms: &str) -> Done {
    println!("sent={}", load::flood(parse(to)?, milliseconds(ms)?)?);
    Ok(())
}

/// Registers, refreshes, prints the count of the refreshes.
fn pbu_load(local: &str, anchor: &str, bindings: &str, updates: &str) -> Done {
    let mut gateway = Updates::new(Load {
        local: parse(local)?,
        anchor: parse(anchor)?,
        bindings: parse(bindings)?,
        window: WINDOW,
        realm: REALM.to_owned(),
        key: Key::new(KEY.0, KEY.1.as_bytes()),
    })?;
    let registered = gateway.register()?;
    let refreshed = gateway.refresh(parse(updates)?, LONGEST)?;
    gateway.leave()?;
    println!(
        "registered={} sent={} answered={} accepted={} micros={}",
        registered.accepted,
        refreshed.sent,
        refreshed.answered,
        refreshed.accepted,
        refreshed.took.as_micros()
    );
    Ok(())
}

fn parse<T: FromStr>(word: &str) -> Result<T, String> {
    word.parse().map_err(|_| format!("{word:?} does not fit\n{USAGE}"))
}

fn milliseconds(word: &str) -> Result<Duration, String> {
    parse(word).map(Duration::from_millis)
}

/// Makes a lab with one host and keeps it until a signal comes: what the clean-up tests kill.
fn hold(prefix: &str) -> Done {
    let lab = Lab::new(prefix)?;
    let host = lab.host("held")?;
    let mut sleeper = host.spawn("sleep", "sleep", &["600"])?;
    println!("{}", lab.tag());
    sleeper.wait(Duration::from_secs(600))?;
    Ok(())
}
