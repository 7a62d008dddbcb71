//! The lab's helper program: the parts of an experiment that run as processes of their own.

use std::process::ExitCode;

use kedge_lab::{Lab, transfer};

const USAGE: &str = "\
usage: kedge-lab tcp-send ADDRESS:PORT OCTETS-PER-SECOND
       kedge-lab tcp-receive ADDRESS:PORT
       kedge-lab hold PREFIX";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["hold", prefix] => hold(prefix),
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
    Ok(transfer::send(listen.parse()?, rate.parse()?)?)
}

fn tcp_receive(from: &str) -> Done {
    Ok(transfer::receive(from.parse()?)?)
}

/// Makes a lab with one host and keeps it until a signal comes: what the clean-up tests kill.
fn hold(prefix: &str) -> Done {
    let lab = Lab::new(prefix)?;
    let host = lab.host("held")?;
    let mut sleeper = host.spawn("sleep", "sleep", &["600"])?;
    println!("{}", lab.tag());
    sleeper.wait(std::time::Duration::from_secs(600))?;
    Ok(())
}
