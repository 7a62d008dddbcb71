#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kedge_fuzz::radius::packet(bytes));
