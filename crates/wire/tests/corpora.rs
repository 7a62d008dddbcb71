//! The fuzz targets over their committed corpora, without a fuzzer.

#[path = "../../../fuzz/src/wire.rs"]
mod targets;

#[path = "../../../fuzz/replay.rs"]
mod replay;

use replay::replay;

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
