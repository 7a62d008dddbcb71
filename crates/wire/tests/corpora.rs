//! The fuzz targets over their committed corpora, without a fuzzer.

#[path = "../../../fuzz/src/wire.rs"]
mod targets;

use std::fs;
use std::path::Path;

#[test]
fn the_corpus_of_packets_passes() {
    replay("wire_packet", targets::packet);
}

#[test]
fn the_corpus_of_options_passes() {
    replay("wire_options", targets::options);
}

#[test]
fn the_corpus_of_authenticated_messages_passes() {
    replay("wire_auth", targets::auth);
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
