//! The one reader. It cannot run over, and it knows where it is.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::{DecodeError, Fault};

/// Reads big-endian fields one after the other.
///
/// Every read names its field, so that an error says which field of the message was cut short
/// and at which octet. A reader for an option's body counts its offsets on from the message.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    /// Octets from the start of the Mobility Header to `rest`.
    offset: usize,
    /// Where the field read last began.
    field_at: usize,
}

impl<'a> Reader<'a> {
    /// A reader whose first octet stands `offset` octets behind the start of the message.
    pub fn new(bytes: &'a [u8], offset: usize) -> Self {
        Self { rest: bytes, offset, field_at: offset }
    }

    /// Octets from the start of the Mobility Header to the next field.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The octets that are left.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next `len` octets.
    pub fn take(&mut self, len: usize, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let Some((taken, rest)) = self.rest.split_at_checked(len) else {
            let fault = Fault::Truncated { need: len, have: self.rest.len() };
            return Err(DecodeError { offset: self.offset, field, fault });
        };
        self.field_at = self.offset;
        self.offset += len;
        self.rest = rest;
        Ok(taken)
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        self.field_at = self.offset;
        self.offset += self.rest.len();
        std::mem::take(&mut self.rest)
    }

    /// A reader for the next `len` octets.
    pub fn sub(&mut self, len: usize, field: &'static str) -> Result<Self, DecodeError> {
        let offset = self.offset;
        Ok(Self::new(self.take(len, field)?, offset))
    }

    /// Passes over octets whose value is ignored.
    pub fn skip(&mut self, len: usize, field: &'static str) -> Result<(), DecodeError> {
        self.take(len, field).map(|_| ())
    }

    /// An 8-bit number.
    pub fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        self.array(field).map(|[octet]| octet)
    }

    /// A 16-bit number.
    pub fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        self.array(field).map(u16::from_be_bytes)
    }

    /// A 32-bit number.
    pub fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.array(field).map(u32::from_be_bytes)
    }

    /// A 64-bit number.
    pub fn u64(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        self.array(field).map(u64::from_be_bytes)
    }

    /// An IPv4 address.
    pub fn ipv4(&mut self, field: &'static str) -> Result<Ipv4Addr, DecodeError> {
        self.array(field).map(Ipv4Addr::from_octets)
    }

    /// An IPv6 address.
    pub fn ipv6(&mut self, field: &'static str) -> Result<Ipv6Addr, DecodeError> {
        self.array(field).map(Ipv6Addr::from_octets)
    }

    /// The error for a field whose value, read last, is ruled out.
    pub fn invalid(&self, field: &'static str, value: u64) -> DecodeError {
        DecodeError { offset: self.field_at, field, fault: Fault::Invalid { value } }
    }

    /// Complains about leftovers.
    pub fn finish(self, field: &'static str) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        let fault = Fault::Trailing { left: self.rest.len() };
        Err(DecodeError { offset: self.offset, field, fault })
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let Some((taken, _)) = self.rest.split_first_chunk::<N>() else {
            let fault = Fault::Truncated { need: N, have: self.rest.len() };
            return Err(DecodeError { offset: self.offset, field, fault });
        };
        self.take(N, field)?;
        Ok(*taken)
    }
}
