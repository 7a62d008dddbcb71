//! The fuzz targets over their committed corpora, without a fuzzer.

#[path = "../../../fuzz/src/text.rs"]
mod targets;

#[path = "../../../fuzz/replay.rs"]
mod replay;

use replay::replay;

#[test]
fn the_corpus_of_configurations_passes() {
    replay("configuration", targets::configuration);
}

#[test]
fn the_corpus_of_commands_passes() {
    replay("command", targets::command);
}
