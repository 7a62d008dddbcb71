#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| kedge_fuzz::access::frame(octets));
