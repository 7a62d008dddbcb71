//! Runs of the simulator: always the same seeds, and fresh ones until the steps are used up.
//!
//! `KEDGE_SIM_STEPS` says how many steps in all; `KEDGE_SIM_SEED` runs one seed alone.

use std::env;
use std::hash::{BuildHasher, RandomState};
use std::time::Instant;

/// As many as a debug build does in a minute or so.
const STEPS: u64 = 200_000;

/// Seeds that every run has.
const FIXED: &[u64] = &[1, 2, 3, 4, 5];

#[test]
fn domains_come_to_rest_after_storms_and_nothing_is_left_in_the_end() {
    if let Some(seed) = number("KEDGE_SIM_SEED") {
        println!("{:?}", run(seed));
        return;
    }
    let budget = number("KEDGE_SIM_STEPS").unwrap_or(STEPS);
    let mut steps = 0;
    for seed in FIXED {
        steps += run(*seed).steps;
    }
    let fresh = RandomState::new();
    for number in 0.. {
        if steps >= budget {
            break;
        }
        steps += run(fresh.hash_one(number)).steps;
    }
}

fn run(seed: u64) -> kedge_sim::Report {
    let begun = Instant::now();
    let report = kedge_sim::run(seed);
    let rate = report.steps as f64 / begun.elapsed().as_secs_f64();
    println!("KEDGE_SIM_SEED={seed}: {report:?}, {rate:.0} steps a second");
    report
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}
