#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| kedge_fuzz::gateway::gateway(octets));
