//! How an anchor grows: time per operation and octets per binding, the machine alone.
//!
//! ```text
//! cargo run --release -p kedge-lma --example scale
//! ```
//!
//! Anchors of three sizes stand side by side, and the measurements go round by round from one to
//! the next. What the computer does besides can only make a round slower, so each figure is the
//! best of its rounds. Every round refreshes, hands over, de-registers and registers the same
//! number of nodes at each anchor, as many at a time as the smallest has, in an order that no cache
//! foresees, and at the larger ones each step other nodes, of which nothing was heard for long:
//! those in the beginning, the quarter, the half and behind the end of a row, along which all of
//! them move from cycle to cycle.
//!
//! As in the daemon, updates come in batches of 16. Each is authenticated, dual stack, over UDP.
//! Writing and signing them is not part of what is timed; the end of a de-registered binding,
//! when the delete wait is over, is.

mod gateway;

use std::time::{Duration, Instant};

use kedge_wire::registry::HandoffIndicatorValue as Handoff;

use gateway::{Bench, Step};

/// The daemon's.
#[global_allocator]
static MEMORY: kedge_net::memory::HugePages = kedge_net::memory::HugePages;

const SIZES: [u32; 3] = [1_000, 100_000, 1_000_000];
const ROUNDS: u32 = 40;
const CYCLES: u32 = 8;
/// Operations of each kind in a cycle.
const NODES: u32 = SIZES[0];

/// With the quarter of the row in which nodes take it.
const STEPS: [(&str, Step, u32); 4] = [
    ("refresh", Step { handoff: Handoff::NOT_CHANGED, moves: false, leaves: false }, 2),
    ("handover", Step { handoff: Handoff::BETWEEN_GATEWAYS, moves: true, leaves: false }, 1),
    ("de-registration", Step { handoff: Handoff::UNKNOWN, moves: false, leaves: true }, 0),
    ("initial registration", gateway::COMES, 4),
];

fn main() {
    let mut octets = Vec::new();
    let mut benches: Vec<Bench> = SIZES
        .iter()
        .map(|size| {
            let before = resident();
            let bench = Bench::new(*size);
            octets.push((resident() - before) as f64 / f64::from(*size));
            bench
        })
        .collect();
    // By step and size, in thousands a second.
    let mut best = [[0.0_f64; SIZES.len()]; STEPS.len()];
    for round in 0..ROUNDS {
        for (size, bench) in benches.iter_mut().enumerate() {
            let mut busy = [Duration::ZERO; STEPS.len()];
            for cycle in 0..CYCLES {
                let begin = (round * CYCLES + cycle) * NODES;
                for ((_, step, quarter), busy) in STEPS.iter().zip(&mut busy) {
                    *busy += bench.run(begin, SIZES[size] / 4 * quarter, NODES, step);
                }
            }
            let done = f64::from(CYCLES * NODES);
            for (best, busy) in best.iter_mut().zip(busy) {
                best[size] = best[size].max(done / busy.as_secs_f64() / 1e3);
            }
        }
    }

    print!("The anchor's machine alone, thousands a second (ratio to {} bindings)\n\n", SIZES[0]);
    print!("  {:<24}", "bindings");
    SIZES.iter().for_each(|size| print!("{size:>18}"));
    for ((name, ..), rates) in STEPS.iter().zip(best) {
        print!("\n  {name:<24}");
        rates.iter().for_each(|own| print!("{own:>11.0} ({:.2})", own / rates[0]));
    }
    print!("\n  {:<24}{:>18}", "octets a binding", ""); // too few to tell at the smallest size
    octets.iter().skip(1).for_each(|octets| print!("{octets:>18.0}"));
    println!();
}

/// The memory that this process has in use, in octets (proc_pid_statm(5)).
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("/proc is there");
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.expect("statm has a second number") * 4_096
}

/// Times `work`.
fn timed(work: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    work();
    begin.elapsed()
}
