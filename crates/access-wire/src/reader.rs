//! The one reader: it never indexes, never runs over, and knows where it is.

use std::net::{Ipv4Addr, Ipv6Addr};

use kedge_model::MacAddr;

use crate::{DecodeError, Fault};

/// Octets that are still to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    octets: &'a [u8],
    /// Where `octets` starts in the frame.
    offset: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Self {
        Self { octets, offset: 0 }
    }

    /// The octets that are left, without taking them.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.octets
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// The next `count` octets as a reader of their own.
    pub(crate) fn sub(&mut self, count: usize, field: &'static str) -> Result<Self, DecodeError> {
        let offset = self.offset;
        let octets = self.take(count, field)?;
        Ok(Self { octets, offset })
    }

    pub(crate) fn take(
        &mut self,
        count: usize,
        field: &'static str,
    ) -> Result<&'a [u8], DecodeError> {
        let Some((taken, left)) = self.octets.split_at_checked(count) else {
            let fault = Fault::Truncated { need: count, have: self.octets.len() };
            return Err(DecodeError { offset: self.offset, field, fault });
        };
        self.octets = left;
        self.offset += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, field)?);
        Ok(array)
    }

    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        self.array(field).map(|[octet]| octet)
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        self.array(field).map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.array(field).map(u32::from_be_bytes)
    }

    pub(crate) fn mac(&mut self, field: &'static str) -> Result<MacAddr, DecodeError> {
        self.array(field).map(MacAddr)
    }

    pub(crate) fn ipv4(&mut self, field: &'static str) -> Result<Ipv4Addr, DecodeError> {
        self.array::<4>(field).map(Ipv4Addr::from)
    }

    pub(crate) fn ipv6(&mut self, field: &'static str) -> Result<Ipv6Addr, DecodeError> {
        self.array::<16>(field).map(Ipv6Addr::from)
    }

    /// Reads a 16-bit field that has one allowed value.
    pub(crate) fn expect_u16(
        &mut self,
        field: &'static str,
        expected: u16,
    ) -> Result<(), DecodeError> {
        let at = *self;
        let value = self.u16(field)?;
        if value == expected { Ok(()) } else { Err(at.invalid(field, value.into())) }
    }

    /// Reads an octet that has one allowed value.
    pub(crate) fn expect_u8(
        &mut self,
        field: &'static str,
        expected: u8,
    ) -> Result<(), DecodeError> {
        let at = *self;
        let value = self.u8(field)?;
        if value == expected { Ok(()) } else { Err(at.invalid(field, value.into())) }
    }

    /// The error that a field starting here has a value it must not have.
    pub(crate) fn invalid(&self, field: &'static str, value: u64) -> DecodeError {
        self.error(field, Fault::Invalid { value })
    }

    /// An error at this place.
    pub(crate) fn error(&self, field: &'static str, fault: Fault) -> DecodeError {
        DecodeError { offset: self.offset, field, fault }
    }
}
