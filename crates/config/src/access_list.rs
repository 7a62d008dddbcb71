//! Access lists: which packets pass, and which packets a mobile map's entry is for.
//!
//! A list is about the packets of one family; packets of the other one are none of its business.
//! An IPv4 list and an IPv6 list may have one name, as on routers: then what names it means both.

mod entry;
mod line;
#[cfg(test)]
mod tests;

use kedge_grammar::{Args, Datum, Item, Writer};

pub use entry::{AccessEntry, Action, AddressMatch, Family, IcmpMatch, PortMatch, Remark};
use line::{canonical, entry_args, read_entry, read_remark, remark_args};

use crate::key::Key;
use crate::shared;

/// An extended access list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccessList {
    /// Its name.
    pub name: String,
    /// The family of the packets that it is about.
    pub family: Family,
    /// Its entries in the order of their numbers: the first that fits a packet decides; a packet
    /// of the list's family that none fits is denied.
    pub entries: Vec<AccessEntry>,
    /// What is said about them, by the same numbers.
    pub remarks: Vec<Remark>,
}

impl AccessList {
    /// The highest number of a line.
    pub const LAST: u32 = 2_147_483_647;

    /// Gives the lines new numbers in their order; `None`, and nothing has changed, if they do not
    /// suffice.
    pub(crate) fn renumber(&mut self, start: u32, step: u32) -> Option<()> {
        let entries = self.entries.iter_mut().map(|entry| &mut entry.sequence);
        let remarks = self.remarks.iter_mut().map(|remark| &mut remark.sequence);
        let mut lines: Vec<&mut u32> = entries.chain(remarks).collect();
        let steps = u32::try_from(lines.len()).ok()?.saturating_sub(1);
        step.checked_mul(steps)?.checked_add(start).filter(|last| *last <= Self::LAST)?;
        lines.sort();
        for (line, number) in lines.into_iter().zip((start..).step_by(step as usize)) {
            *line = number;
        }
        Some(())
    }

    pub(crate) fn read(item: &Item<Key>) -> Self {
        let family = match item.row.key {
            Key::AccessListIpv6 => Family::Ipv6,
            _ => Family::Ipv4,
        };
        let (mut entries, mut remarks) = (Vec::new(), Vec::new());
        for item in item.section().each(Key::AccessEntry) {
            match read_remark(&item.args) {
                Some(remark) => remarks.push(remark),
                None => entries.push(read_entry(&item.args, family)),
            }
        }
        Self { name: shared::name(&item.args, "NAME"), family, entries, remarks }
    }

    pub(crate) fn write(&self, writer: &mut Writer<Key>) {
        let name = Args::default().with("NAME", Datum::Text(self.name.clone()));
        let key = match self.family {
            Family::Ipv4 => Key::AccessList,
            Family::Ipv6 => Key::AccessListIpv6,
        };
        writer.block(key, name, |writer| {
            for entry in &self.entries {
                writer.put(Key::AccessEntry, entry_args(entry, Some(entry.sequence)));
            }
            for remark in &self.remarks {
                writer.put(Key::AccessEntry, remark_args(&remark.text, Some(remark.sequence)));
            }
        });
    }
}

/// A line of an IPv4 list in the one spelling that is kept and written.
pub(crate) fn canonical_ipv4(args: &Args) -> Args {
    canonical(args, Family::Ipv4)
}

/// A line of an IPv6 list in the one spelling that is kept and written.
pub(crate) fn canonical_ipv6(args: &Args) -> Args {
    canonical(args, Family::Ipv6)
}
