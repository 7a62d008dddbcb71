//! `kedge api`: what travels between a client and the daemon, for whoever writes one.

use std::io::{BufRead, Write, stdin, stdout};

use kedge_api::{Answer, Ask, Client, Daemon, Format, Request};

use crate::failure::Failure;

/// The request for a command.
pub(crate) fn request(line: String) -> Vec<u8> {
    let ask = Ask::Command { line, text: None, format: Format::Json, width: None };
    Request { id: 1, ask }.encode()
}

/// Shows a request.
pub(crate) fn show(line: String) -> Result<(), Failure> {
    Ok(stdout().write_all(&request(line))?)
}

/// Sends a request and shows its answer as it comes.
pub(crate) fn send(line: String, daemon: &Daemon) -> Result<(), Failure> {
    exchange(&mut Client::open(daemon)?, &request(line))
}

/// Sends the requests of standard input, each after the answer to the one before.
pub(crate) fn relay(daemon: &Daemon) -> Result<(), Failure> {
    let mut client = Client::open(daemon)?;
    for line in stdin().lock().lines() {
        let place = "standard input".to_owned();
        let mut line = line.map_err(|error| Failure::Input { place, error })?;
        line.push('\n');
        exchange(&mut client, line.as_bytes())?;
    }
    Ok(())
}

fn exchange(client: &mut Client, request: &[u8]) -> Result<(), Failure> {
    let mut answer = client.exchange(request)?;
    answer.push(b'\n');
    let mut out = stdout().lock();
    out.write_all(&answer)?;
    out.flush()?;
    match Answer::decode(&answer).map_err(kedge_api::ClientError::from)?.outcome {
        Ok(_) => Ok(()),
        // The answer says it; the exit status repeats it.
        Err(_) => Err(Failure::Told),
    }
}
