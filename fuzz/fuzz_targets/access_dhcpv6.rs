#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| kedge_fuzz::access::dhcpv6(octets));
