//! A fuzz target over its committed corpus, for tests that run without a fuzzer.

use std::fs;
use std::path::Path;

/// Runs a target over each file of its corpus.
pub fn replay(target: &str, run: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut seeds = 0;
    for file in fs::read_dir(&corpus).unwrap() {
        run(&fs::read(file.unwrap().path()).unwrap());
        seeds += 1;
    }
    assert!(seeds > 0, "{} is empty", corpus.display());
}
