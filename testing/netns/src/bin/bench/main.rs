//! `kedge-bench`: Kedge against the kernel and against a bare echo server, in one run.
//!
//! Every path is set up at the same time, and the measurements go round by round from one to the
//! next, so that what the machine does besides falls on all of them. The table shows medians; a
//! ratio is the median of the ratios of each round, so it need not be the quotient of two medians.
//!
//! Forwarding, one line of hosts for each path, the same inner MTU in all:
//!
//! ```text
//!   cn eth0 ──── core0 lma tp0 ════ tp0 mag acc0 ──── eth0 mn
//!                        │   at most    │
//!                        └ 1500 octets ─┘   plain routes, VXLAN, or kedged at both ends
//! ```
//!
//! Where fastd is installed, its tunnel stands beside them.
//!
//! TCP is one iperf3 stream. Small packets have 64 octets of payload, are sent by the batch, and
//! dropped and counted where they enter the mobile node. They cross the wire and the last link one
//! by one on every path, and the measurement fails where they did not. The kernel forwards them in
//! the sender's thread and so on one processor; a user's process has the others, too.
//!
//! Signalling: authenticated updates of few and of very many bindings over a veth pair, kedged
//! against an echo server under the same load. What the anchor's machine does without sockets, the
//! example `scale` of kedge-lma measures.
//!
//! AAA: what a registration costs more when a RADIUS server is told of it, or asked.
//!
//! Customers: what one notices of another's flood, and how long an operator of so many waits.
//!
//! Looks: what signalling notices of an operator who looks at very many bindings, or clears them.

mod aaa;
mod customers;
mod devices;
mod fastd;
mod forwarding;
mod looks;
mod signalling;
mod table;
mod tenants;

use std::{error::Error, process::ExitCode};

use kedge_lab::{LabError, interrupted, programs};

/// Rounds over all paths.
const ROUNDS: usize = 5;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let part = std::env::args().nth(1);
    host();
    let done = match part.as_deref() {
        None => programs::find("kedged")
            .map_err(Into::into)
            .and_then(|_| forwarding::measure(true))
            .and_then(|()| signalling::measure())
            .and_then(|()| aaa::measure())
            .and_then(|()| customers::measure())
            .and_then(|()| looks::measure()),
        Some("forwarding") => forwarding::measure(true),
        // What the machine itself does, without Kedge.
        Some("kernel") => forwarding::measure(false),
        Some("signalling") => signalling::measure(),
        Some("aaa") => aaa::measure(),
        Some("customers") => customers::measure(),
        Some("looks") => looks::measure(),
        Some(_) => Err("usage: kedge-bench \
             [forwarding | kernel | signalling | aaa | customers | looks]"
            .into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) if interrupted() => loop {
            std::thread::park();
        },
        Err(error) => {
            eprintln!("kedge-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What the figures were measured on.
fn host() {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let (kernel, processor) = (read("/proc/sys/kernel/osrelease"), read("/proc/cpuinfo"));
    let model =
        processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let count = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "{count} processors ({}), Linux {}",
        model.map_or("of unknown make", |(_, model)| model),
        kernel.trim_end()
    );
}

/// The number after `key` in what a program printed.
fn number(printed: &str, key: &str) -> Result<f64, LabError> {
    let after = printed.split_once(key).map_or("", |(_, rest)| rest);
    let word = after.split_whitespace().next().unwrap_or("");
    word.parse().map_err(|_| LabError::Unexpected(format!("no {key} in {printed:?}")))
}
