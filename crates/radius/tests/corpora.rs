//! The fuzz target over its committed corpus, without a fuzzer. What once broke the reader is in
//! the corpus under a name that says what it was.

#[path = "../../../fuzz/src/radius.rs"]
mod targets;

use std::fs;
use std::path::Path;

#[test]
fn the_corpus_of_packets_passes() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/radius");
    let mut seeds = 0;
    for file in fs::read_dir(&corpus).unwrap() {
        targets::packet(&fs::read(file.unwrap().path()).unwrap());
        seeds += 1;
    }
    assert!(seeds > 0, "{} is empty", corpus.display());
}
