//! The fuzz targets over their committed corpora, without a fuzzer.

#[path = "../../../fuzz/src/access.rs"]
mod targets;

use std::fs;
use std::path::Path;

use kedge_access_wire::{Frame, dhcpv6};

#[test]
fn the_corpus_of_frames_passes_and_its_frames_are_well_formed() {
    replay("access_frame", |octets| {
        targets::frame(octets);
        Frame::decode(octets).unwrap();
    });
}

#[test]
fn the_corpus_of_dhcpv6_messages_passes_and_its_messages_are_well_formed() {
    replay("access_dhcpv6", |octets| {
        targets::dhcpv6(octets);
        dhcpv6::Message::decode(octets).unwrap();
    });
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
