//! The fuzz target over its committed corpus, without a fuzzer. What once broke the gateway is in
//! the corpus under a name that says what it was.

#[path = "../../../fuzz/src/octets.rs"]
mod octets;
#[path = "../../../fuzz/src/gateway.rs"]
mod targets;

use std::fs;
use std::path::Path;

#[test]
fn the_corpus_of_inputs_to_an_gateway_passes() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/gateway");
    let mut seeds = 0;
    for file in fs::read_dir(&corpus).unwrap() {
        targets::gateway(&fs::read(file.unwrap().path()).unwrap());
        seeds += 1;
    }
    assert!(seeds > 0, "{} is empty", corpus.display());
}
