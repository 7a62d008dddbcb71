//! What signalling notices of an operator who looks at very many bindings, or ends them all.
//!
//! One node is refreshed at a steady pace and every answer is timed, first alone, then while one
//! command after the other is carried out. The kernel lets the refreshes and kedged run before
//! whatever else the machine does. The memory is the most that kedged had in use during the
//! command, beyond what it had before.

use std::{
    fs,
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use kedge_lab::{
    Daemon,
    load::{Paced, Step, nai},
    wait,
};

use crate::{
    Outcome,
    customers::first_served,
    signalling::{Pair, Server, config},
};

const SIZES: [usize; 2] = [128_000, 1_000_000];
/// Nodes that come while the others are cleared.
const OTHERS: usize = 40_000;
const PACE: Duration = Duration::from_micros(500);
/// Time for refreshes before and behind a command.
const AROUND: Duration = Duration::from_millis(100);

/// Every subscriber of the load is of one realm, and at one gateway.
fn commands(size: usize) -> Vec<String> {
    let bindings = "show ipv6 mobile pmipv6 lma bindings";
    let last = size - 1;
    vec![
        bindings.to_owned(),
        format!("{bindings} | count"),
        format!("{bindings} | json"),
        format!("{bindings} detail"),
        format!("{bindings} from {last}"),
        format!("{bindings} nai {}", nai(last, "example.net")),
        format!("{bindings} nai @example.net"),
        format!("{bindings} nai @example.net from {last}"),
        format!("{bindings} imsi 001010123456789"),
        format!("{bindings} mag mag1"),
        format!("{bindings} mag mag2"),
        "show ipv6 mobile pmipv6 lma globals".to_owned(),
        "show lma-service statistics".to_owned(),
        "clear ipv6 mobile pmipv6 lma bindings all".to_owned(),
    ]
}

pub fn measure() -> Outcome<()> {
    for size in SIZES {
        eprintln!("looks, {size} bindings");
        let mut pair = Pair::set(size + OTHERS, |anchor| {
            Ok(Server::Kedged(Daemon::start_quietly(anchor, &config(size + OTHERS))?))
        })?;
        let before = status(pair.server.id(), "VmRSS")?;
        pair.rate(Step::Register, 0..size)?;
        let octets = (status(pair.server.id(), "VmRSS")? - before) * 1024 / size as i64;
        first_served("--all-tasks", pair.server.id())?;
        println!(
            "\nRefreshes while an operator looks at {size} bindings\n\n  {:<66}{:>9}{:>10}{:>11}{:>9}{:>8}",
            "", "took, ms", "octets", "memory, k", "99 %, us", "most, ms"
        );
        let (alone, _) =
            pair.served_during(Step::Refresh, 0..size, |_| wait::pause(Duration::from_secs(1)))?;
        println!("  octets a binding: {octets}");
        row("nobody looks", "", &alone);
        for command in commands(size) {
            let server = pair.server.id();
            fs::write(format!("/proc/{server}/clear_refs"), "5")?;
            let before = status(server, "VmHWM")?;
            // What is cleared is not refreshed any more.
            let (step, nodes) = match command.starts_with("clear") {
                true => (Step::Register, size..size + OTHERS),
                false => (Step::Refresh, 0..size),
            };
            let (paced, (took, said)) = pair.served_during(step, nodes, |server| {
                let start = Instant::now();
                let said = match server {
                    Server::Kedged(daemon) => daemon.kedge(&command),
                    Server::Echo(_) => Ok(String::new()),
                };
                (start.elapsed(), said)
            })?;
            let more = status(server, "VmHWM")? - before;
            let octets = said.map_or_else(|e| e.to_string(), |said| said.len().to_string());
            let millis = took.as_secs_f64() * 1e3;
            row(&command, &format!("{millis:>9.1}{octets:>10}{more:>11}"), &paced);
        }
    }
    Ok(())
}

fn row(name: &str, middle: &str, paced: &Paced) {
    let micros = |share| paced.within(share).as_secs_f64() * 1e6;
    let unanswered = match paced.sent - paced.took.len() as u64 {
        0 => String::new(),
        lost => format!("  {lost} not answered in 200 ms"),
    };
    let most = micros(1.0) / 1e3;
    println!("  {name:<66}{middle:>30}{:>9.0}{most:>8.1}{unanswered}", micros(0.99));
}

/// A line of proc_pid_status(5), in kibioctets.
fn status(process: u32, key: &str) -> Outcome<i64> {
    let text = fs::read_to_string(format!("/proc/{process}/status"))?;
    Ok(crate::number(&text, &format!("{key}:"))? as i64)
}

impl Pair {
    /// Updates at a steady pace from before something until after it.
    fn served_during<T: Send>(
        &mut self,
        step: Step,
        nodes: Range<usize>,
        work: impl FnOnce(&Server) -> T + Send,
    ) -> Outcome<(Paced, T)> {
        let Self { gateways, server, .. } = self;
        let over = AtomicBool::new(false);
        first_served("-f", nix::unistd::gettid().as_raw().cast_unsigned())?;
        thread::scope(|scope| {
            let working = scope.spawn(|| {
                wait::pause(AROUND);
                let made = work(server);
                wait::pause(AROUND);
                over.store(true, Ordering::Relaxed);
                made
            });
            let paced = gateways.pace_until(step, nodes, PACE, || over.load(Ordering::Relaxed))?;
            let made = working.join().map_err(|_| "a thread panicked")?;
            Ok((paced, made))
        })
    }
}
