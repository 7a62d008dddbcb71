//! The fuzz targets over their committed corpora, without a fuzzer.

#[path = "../../../fuzz/src/text.rs"]
mod targets;

use std::fs;
use std::path::Path;

#[test]
fn the_corpus_of_configurations_passes() {
    replay("configuration", targets::configuration);
}

#[test]
fn the_corpus_of_commands_passes() {
    replay("command", targets::command);
}

fn replay(target: &str, run: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut seeds = 0;
    for file in fs::read_dir(&corpus).unwrap() {
        run(&fs::read(file.unwrap().path()).unwrap());
        seeds += 1;
    }
    assert!(seeds > 0, "{} is empty", corpus.display());
}
