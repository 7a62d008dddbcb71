//! The lab's helper program: the parts of an experiment that run as processes of their own.

use std::{process::ExitCode, str::FromStr, time::Duration};

use kedge_lab::{Lab, load, transfer};

const USAGE: &str = "\
usage: kedge-lab tcp-send ADDRESS:PORT OCTETS-PER-SECOND
       kedge-lab tcp-receive ADDRESS:PORT
       kedge-lab udp-flood ADDRESS:PORT MILLISECONDS
       kedge-lab udp-echo ADDRESS:PORT
       kedge-lab hold PREFIX";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["hold", prefix] => hold(prefix),
        ["udp-flood", to, ms] => udp_flood(to, ms),
        ["udp-echo", listen] => udp_echo(listen),
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
