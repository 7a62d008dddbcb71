//! Runs of the simulator: always the same seeds, and fresh ones every time.
//!
//! A run says its seed before it begins, so that one that hangs leaves it behind too.
//! `KEDGE_SIM_SEED` runs one seed alone, and `KEDGE_SIM_TRAIL` prints all that happens in it;
//! `KEDGE_SIM_STEPS` goes on with fresh seeds until that many steps are made (`make sim`).

use std::env;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::time::{Duration, Instant};

use kedge_sim::Report;

/// Seeds that every run has because they once showed a fault, with the kinds of domains that there
/// are since.
const SHOWN: &[u64] = &[6, 23, 31, 34, 4_128_455_589_375_868_805];

/// Steps that the fixed seeds come to: those above, and then 1, 2, 3 and so on.
const FIXED_STEPS: u64 = 1_000_000;

/// For how long fresh seeds are begun, and how many steps they come to at least on a busy machine,
/// unless `KEDGE_SIM_STEPS` says for how many steps.
const FRESH_TIME: Duration = Duration::from_secs(10);
const FRESH_STEPS: u64 = 200_000;

#[test]
fn domains_come_to_rest_after_storms_and_nothing_is_left_in_the_end() {
    if let Some(seed) = number("KEDGE_SIM_SEED") {
        run(seed);
        return;
    }
    let mut steps: u64 = SHOWN.iter().map(|seed| run(*seed).steps).sum();
    for seed in 1.. {
        if steps >= FIXED_STEPS {
            break;
        }
        steps += run(seed).steps;
    }
}

#[test]
fn so_do_domains_that_nobody_has_seen_before() {
    if number("KEDGE_SIM_SEED").is_some() {
        return;
    }
    let begun = Instant::now();
    let budget = number("KEDGE_SIM_STEPS");
    let fresh = RandomState::new();
    let mut steps = 0;
    for number in 0_u64.. {
        let is_enough = match budget {
            Some(budget) => steps >= budget,
            None => steps >= FRESH_STEPS && begun.elapsed() >= FRESH_TIME,
        };
        if is_enough {
            break;
        }
        steps += run(fresh.hash_one(number)).steps;
    }
}

#[test]
fn a_seed_is_one_run() {
    assert_eq!(kedge_sim::run(2019), kedge_sim::run(2019));
}

/// Runs a seed, and says so even where the output of tests is hidden.
fn run(seed: u64) -> Report {
    let mut log = io::stderr();
    let _unwritten = writeln!(log, "KEDGE_SIM_SEED={seed} begins");
    let begun = Instant::now();
    let report = kedge_sim::run(seed);
    let rate = report.steps as f64 / begun.elapsed().as_secs_f64();
    let _unwritten = writeln!(log, "KEDGE_SIM_SEED={seed}: {report:?}, {rate:.0} steps a second");
    report
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}
