//! Every scenario file as a test of its own, and what they have to show together.

use std::path::Path;

include!(concat!(env!("OUT_DIR"), "/scenarios.rs"));

fn play(file: &str) {
    if let Err(why) = kedge_scenario::play(Path::new(file)) {
        panic!("{why}");
    }
}
