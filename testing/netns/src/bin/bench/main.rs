//! The lab's helper program.
fn main() {}
