//! The arguments of a line.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use kedge_model::MacAddr;

use crate::Secret;
use crate::value::Datum;

/// The arguments of one line, by the names the table gives them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Args(Vec<(&'static str, Datum)>);

impl Args {
    /// Adds one.
    pub fn push(&mut self, name: &'static str, datum: Datum) {
        self.0.push((name, datum));
    }

    /// Gives one another value, or adds it.
    pub(crate) fn set(&mut self, name: &'static str, datum: Datum) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = datum,
            None => self.push(name, datum),
        }
    }

    /// Puts one before the others.
    pub(crate) fn push_front(&mut self, name: &'static str, datum: Datum) {
        self.0.insert(0, (name, datum));
    }

    /// Adds to the text of the last one.
    pub(crate) fn append(&mut self, more: &str) {
        if let Some((_, Datum::Text(text))) = self.0.last_mut() {
            text.push_str(more);
        }
    }

    /// With one more.
    #[must_use]
    pub fn with(mut self, name: &'static str, datum: Datum) -> Self {
        self.push(name, datum);
        self
    }

    /// The argument of that name, if the line had it.
    pub fn get(&self, name: &str) -> Option<&Datum> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, datum)| datum)
    }

    /// Whether the line had it.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether the line had none at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A number. The table's range must fit the type that is asked for.
    pub fn integer<T: TryFrom<u64>>(&self, name: &str) -> Option<T> {
        match self.get(name)? {
            Datum::Integer(number) => T::try_from(*number).ok(),
            _ => None,
        }
    }

    /// A name, an identifier or an interface.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Datum::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A keyword.
    pub fn word(&self, name: &str) -> Option<&'static str> {
        match self.get(name)? {
            Datum::Word(word) => Some(word),
            _ => None,
        }
    }

    /// An IPv4 address.
    pub fn ipv4(&self, name: &str) -> Option<Ipv4Addr> {
        match self.get(name)? {
            Datum::Ipv4(address) => Some(*address),
            _ => None,
        }
    }

    /// An IPv6 address.
    pub fn ipv6(&self, name: &str) -> Option<Ipv6Addr> {
        match self.get(name)? {
            Datum::Ipv6(address) => Some(*address),
            _ => None,
        }
    }

    /// An address of either family.
    pub fn ip(&self, name: &str) -> Option<IpAddr> {
        match self.get(name)? {
            Datum::Ipv4(address) => Some(IpAddr::V4(*address)),
            Datum::Ipv6(address) => Some(IpAddr::V6(*address)),
            _ => None,
        }
    }

    /// A prefix: its address, without bits behind its length, and its length.
    pub fn prefix(&self, name: &str) -> Option<(IpAddr, u8)> {
        match self.get(name)? {
            Datum::Prefix(address, length) => Some((*address, *length)),
            _ => None,
        }
    }

    /// An Ethernet address.
    pub fn mac(&self, name: &str) -> Option<MacAddr> {
        match self.get(name)? {
            Datum::Mac(mac) => Some(*mac),
            _ => None,
        }
    }

    /// A secret.
    pub fn secret(&self, name: &str) -> Option<&Secret> {
        match self.get(name)? {
            Datum::Secret(secret) => Some(secret),
            _ => None,
        }
    }

    /// The arguments and their names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(&'static str, Datum)> {
        self.0.iter()
    }

    /// Whether both hold the same, in whatever order.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.agrees_with(other)
    }

    /// Whether every argument in `self` is in `other` with the same value.
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        self.0.iter().all(|(name, datum)| other.get(name) == Some(datum))
    }

    /// Whether `other` is the same without the number, which comes first in `self`.
    pub(crate) fn is_but_for_number(&self, other: &Self) -> bool {
        self.0.get(1..).is_some_and(|args| args == other.0.as_slice())
    }

    /// The arguments of these names.
    pub(crate) fn only(&self, names: &[&str]) -> Self {
        Self(self.0.iter().filter(|(name, _)| names.contains(name)).cloned().collect())
    }
}
