//! The one writer: appends big-endian fields to a buffer of the caller's.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Appends fields one after the other.
#[derive(Debug)]
pub struct Writer<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> Writer<'o> {
    /// A writer that appends to `out`.
    pub fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out }
    }

    /// An 8-bit number.
    pub fn u8(&mut self, value: u8) {
        self.out.push(value);
    }

    /// A 16-bit number.
    pub fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    /// A 32-bit number.
    pub fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    /// A 64-bit number.
    pub fn u64(&mut self, value: u64) {
        self.bytes(&value.to_be_bytes());
    }

    /// An IPv4 address.
    pub fn ipv4(&mut self, value: Ipv4Addr) {
        self.bytes(&value.octets());
    }

    /// An IPv6 address.
    pub fn ipv6(&mut self, value: Ipv6Addr) {
        self.bytes(&value.octets());
    }

    /// Octets as they are.
    pub fn bytes(&mut self, value: &[u8]) {
        self.out.extend_from_slice(value);
    }
}
