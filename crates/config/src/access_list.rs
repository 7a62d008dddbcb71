//! Access lists: which packets pass, and which packets a mobile map's entry is for.

use std::net::Ipv4Addr;

use kedge_grammar::{Args, Datum, Item, Writer};

use crate::key::Key;
use crate::keyword::keywords;
use crate::shared;

/// An extended access list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccessList {
    /// Its name.
    pub name: String,
    /// Its entries: the first that fits a packet decides; a packet that none fits is denied.
    pub entries: Vec<AccessEntry>,
}

/// An entry of an access list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AccessEntry {
    /// What is done with packets that it fits.
    pub action: Action,
    /// The IP protocol; `None` is any.
    pub protocol: Option<u8>,
    /// Where they come from.
    pub source: AddressMatch,
    /// The ports they come from, first and last; `None` is any.
    pub source_ports: Option<(u16, u16)>,
    /// Where they go.
    pub destination: AddressMatch,
    /// The ports they go to, first and last; `None` is any.
    pub destination_ports: Option<(u16, u16)>,
}

keywords! {
    /// What an entry does with packets.
    pub enum Action {
        Permit = "permit", "Let packets pass";
        Deny = "deny", "Drop packets";
    }
}

/// Addresses that differ from one only in bits that do not matter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AddressMatch {
    /// The address; its bits that do not matter are zero.
    pub address: Ipv4Addr,
    /// The bits that do not matter, which a router calls a wildcard.
    pub wildcard: Ipv4Addr,
}

impl AddressMatch {
    /// Every address.
    pub const ANY: Self = Self { address: Ipv4Addr::UNSPECIFIED, wildcard: Ipv4Addr::BROADCAST };

    /// Whether an address is one of them.
    pub fn fits(&self, address: Ipv4Addr) -> bool {
        address & !self.wildcard == self.address
    }

    fn read(args: &Args, address: &str, wildcard: &str) -> Self {
        let Some(address) = args.ipv4(address) else { return Self::ANY };
        let wildcard = args.ipv4(wildcard).unwrap_or(Ipv4Addr::UNSPECIFIED);
        Self { address: address & !wildcard, wildcard }
    }

    fn write(&self, args: &mut Args, address: &'static str, wildcard: &'static str) {
        if *self == Self::ANY {
            return;
        }
        args.push(address, Datum::Ipv4(self.address));
        if !self.wildcard.is_unspecified() {
            args.push(wildcard, Datum::Ipv4(self.wildcard));
        }
    }
}

/// The protocols that have a word, and their numbers.
const PROTOCOLS: &[(&str, u8)] = &[("icmp", 1), ("tcp", 6), ("udp", 17), ("gre", 47)];

impl AccessList {
    pub(crate) fn read(item: &Item<Key>) -> Self {
        let mut entries = Vec::new();
        for item in item.section().each(Key::AccessEntry) {
            let entry = AccessEntry::read(&item.args);
            // In other words it may be there already.
            if !entries.contains(&entry) {
                entries.push(entry);
            }
        }
        Self { name: shared::name(&item.args, "NAME"), entries }
    }

    pub(crate) fn write(&self, writer: &mut Writer<Key>) {
        let name = Args::default().with("NAME", Datum::Text(self.name.clone()));
        writer.block(Key::AccessList, name, |writer| {
            self.entries.iter().for_each(|entry| writer.put(Key::AccessEntry, entry.args()));
        });
    }
}

impl AccessEntry {
    fn read(args: &Args) -> Self {
        let action = args.word("action").and_then(Action::from_word);
        let named = |word: &str| PROTOCOLS.iter().find(|(name, _)| *name == word);
        let named = args.word("protocol").and_then(named).map(|(_, number)| *number);
        let ports = |first: &str, last: &str| {
            let first = args.integer(first)?;
            Some((first, args.integer(last).unwrap_or(first)))
        };
        Self {
            action: action.expect("the table makes it mandatory"),
            protocol: named.or(args.integer("PROTOCOL")),
            source: AddressMatch::read(args, "SOURCE", "SOURCE-WILDCARD"),
            source_ports: ports("SOURCE-PORT", "SOURCE-LAST"),
            destination: AddressMatch::read(args, "DESTINATION", "DESTINATION-WILDCARD"),
            destination_ports: ports("DESTINATION-PORT", "DESTINATION-LAST"),
        }
    }

    fn args(&self) -> Args {
        let mut args = Args::default().with("action", Datum::Word(self.action.word()));
        let word = |number: u8| PROTOCOLS.iter().find(|(_, known)| *known == number);
        match self.protocol {
            None => args.push("protocol", Datum::Word("ip")),
            Some(number) => match word(number) {
                Some((word, _)) => args.push("protocol", Datum::Word(word)),
                None => args.push("PROTOCOL", Datum::Integer(number.into())),
            },
        }
        let ports = |args: &mut Args, ports: Option<(u16, u16)>, first_name, last_name| {
            let Some((first, last)) = ports else { return };
            args.push(first_name, Datum::Integer(first.into()));
            if first != last {
                args.push(last_name, Datum::Integer(last.into()));
            }
        };
        self.source.write(&mut args, "SOURCE", "SOURCE-WILDCARD");
        ports(&mut args, self.source_ports, "SOURCE-PORT", "SOURCE-LAST");
        self.destination.write(&mut args, "DESTINATION", "DESTINATION-WILDCARD");
        ports(&mut args, self.destination_ports, "DESTINATION-PORT", "DESTINATION-LAST");
        args
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_fits_when_it_differs_only_in_bits_that_do_not_matter() {
        let text = "ip access-list extended a\npermit ip 10.1.2.3 0.0.255.255 any\n";
        let (config, _) = crate::parse(text, "t").unwrap();
        let entry = config.access_lists[0].entries[0];
        assert!(entry.source.fits(Ipv4Addr::new(10, 1, 9, 9)));
        assert!(!entry.source.fits(Ipv4Addr::new(10, 2, 2, 3)));
        assert!(entry.destination.fits(Ipv4Addr::new(192, 0, 2, 1)));
        let host = AddressMatch::read(
            &Args::default().with("A", Datum::Ipv4(Ipv4Addr::LOCALHOST)),
            "A",
            "W",
        );
        assert!(host.fits(Ipv4Addr::LOCALHOST) && !host.fits(Ipv4Addr::new(127, 0, 0, 2)));
    }

    #[test]
    fn a_protocol_with_a_word_is_the_same_by_its_number() {
        let of = |line: &str| {
            let text = format!("ip access-list extended a\n{line}\n");
            crate::parse(&text, "t").unwrap().0.access_lists[0].entries[0]
        };
        assert_eq!(of("permit 6 any any"), of("permit tcp any any"));
        assert_eq!(of("deny 89 any any").protocol, Some(89));
        assert_eq!(of("permit udp any range 5 5 any"), of("permit udp any eq 5 any"));
    }
}
