//! Runs of the simulator: always the same seeds, and fresh ones when they are asked for.
//!
//! `KEDGE_SIM_STEPS` goes on with fresh seeds until that many steps are made (`make sim`);
//! `KEDGE_SIM_SEED` runs one seed alone, and `KEDGE_SIM_TRAIL` prints all that happens in it.

use std::env;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::time::Instant;

use kedge_sim::Report;

/// Seeds that every run has, a million steps. The first are plain; the others once showed a fault.
const FIXED: &[u64] = &[
    2,
    5,
    1,
    1055,
    2009,
    2019,
    20_060,
    20_081,
    20_091,
    3_922_439_813_813_321_114,
    1_537_106_390_507_036_612,
];

#[test]
fn domains_come_to_rest_after_storms_and_nothing_is_left_in_the_end() {
    if let Some(seed) = number("KEDGE_SIM_SEED") {
        run(seed);
        return;
    }
    let budget = number("KEDGE_SIM_STEPS").unwrap_or(0);
    let mut steps: u64 = FIXED.iter().map(|seed| run(*seed).steps).sum();
    let fresh = RandomState::new();
    for number in 0_u64.. {
        if steps >= budget {
            break;
        }
        steps += run(fresh.hash_one(number)).steps;
    }
}

#[test]
fn a_seed_is_one_run() {
    assert_eq!(kedge_sim::run(2019), kedge_sim::run(2019));
}

/// Runs a seed, and says so even where the output of tests is hidden: a run that hangs or is
/// killed leaves its seed behind.
fn run(seed: u64) -> Report {
    let mut log = io::stderr();
    let _unwritten = write!(log, "KEDGE_SIM_SEED={seed}: ");
    let begun = Instant::now();
    let report = kedge_sim::run(seed);
    let rate = report.steps as f64 / begun.elapsed().as_secs_f64();
    let _unwritten = writeln!(log, "{report:?}, {rate:.0} steps a second");
    report
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}
