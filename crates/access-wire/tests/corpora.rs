//! The fuzz targets over their committed corpora, without a fuzzer.

#[path = "../../../fuzz/src/access.rs"]
mod targets;

#[path = "../../../fuzz/replay.rs"]
mod replay;

use replay::replay;

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
