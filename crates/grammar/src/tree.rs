//! What a text said, as a tree of rows and their arguments, before it means anything.
//!
//! Reading makes a tree, rendering writes one, and the language's owner turns a tree into its
//! typed configuration with [`Section`] and back with [`Writer`]. Both know the defaults from the
//! table: a section answers with the default where the text is silent, and a writer leaves out
//! what equals it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use kedge_model::MacAddr;

use crate::place::{Place, Spot};
use crate::{Block, Datum, Part, Repeats, Row, Secret, matcher};

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
    fn only(&self, names: &[&str]) -> Self {
        Self(self.0.iter().filter(|(name, _)| names.contains(name)).cloned().collect())
    }
}

/// Two lines of a block with one identity cannot both stand in it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Identity {
    /// The index of the command's first spelling in its block.
    command: Option<usize>,
    /// The arguments that tell one line of it from another.
    args: Args,
}

/// One line of a configuration, with what stands in the block it opens.
#[derive(Clone, Debug)]
pub struct Item<K: 'static> {
    /// The command.
    pub row: &'static Row<K>,
    /// Its arguments.
    pub args: Args,
    /// Whether it is the `no` form of something that is on by default.
    pub negated: bool,
    /// Where it was read: its first word.
    pub place: Place,
    /// Where each argument was read.
    pub(crate) spots: Vec<(&'static str, Spot)>,
    /// The lines of its block.
    pub body: Vec<Item<K>>,
    /// The number under which an editor knows the lines of its block.
    pub(crate) block: usize,
}

impl<K: Copy + PartialEq> Item<K> {
    /// Where an argument was read; the line's first word when it has none of that name.
    pub fn place_of(&self, argument: &str) -> Place {
        let spot = self.spots.iter().find(|(name, _)| *name == argument);
        Place { spot: spot.map_or(self.place.spot, |(_, spot)| *spot), ..self.place.clone() }
    }

    /// What the line has in common with the lines that take its place.
    pub(crate) fn identity(&self, block: &'static Block<K>) -> Identity {
        let command = block.rows.iter().position(|row| row.is_same_command(self.row));
        let args = match self.row.repeats {
            Repeats::Replaces | Repeats::Once => Args::default(),
            Repeats::Each([]) => self.args.clone(),
            Repeats::Each(key) => self.args.only(key),
        };
        Identity { command, args }
    }

    /// The block this line opened.
    pub fn section(&self) -> Section<'_, K> {
        let block = self.row.body.expect("the table opens a block with this row");
        Section { block, items: &self.body }
    }
}

/// A block as its owner reads it.
#[derive(Clone, Copy, Debug)]
pub struct Section<'a, K: 'static> {
    block: &'static Block<K>,
    items: &'a [Item<K>],
}

impl<'a, K: Copy + PartialEq> Section<'a, K> {
    /// The lines `items` of `block`.
    pub fn new(block: &'static Block<K>, items: &'a [Item<K>]) -> Self {
        Self { block, items }
    }

    /// The lines of a command that may repeat.
    pub fn each(&self, key: K) -> impl Iterator<Item = &'a Item<K>> + use<'a, K> {
        self.items.iter().filter(move |item| item.row.key == key)
    }

    /// The line of a command, if there is one.
    pub fn find(&self, key: K) -> Option<&'a Item<K>> {
        self.items.iter().find(|item| item.row.key == key)
    }

    /// The arguments of a command's line, or of its default.
    pub fn args(&self, key: K) -> Option<Args> {
        match self.find(key) {
            Some(item) => Some(item.args.clone()),
            None => default_args(row_of(self.block, key)),
        }
    }

    /// Whether a feature is on.
    pub fn is_on(&self, key: K) -> bool {
        match self.find(key) {
            Some(item) => !item.negated,
            None => row_of(self.block, key).on_by_default,
        }
    }

    /// The number of a command with one numeric argument and a default.
    pub fn number<T: TryFrom<u64>>(&self, key: K) -> T {
        self.optional_number(key).expect("the table gives a default that fits the type")
    }

    /// The number of a command with one numeric argument.
    pub fn optional_number<T: TryFrom<u64>>(&self, key: K) -> Option<T> {
        let name = only_argument(row_of(self.block, key));
        self.args(key)?.integer(name)
    }

    /// The IPv4 address that is the one argument of a command.
    pub fn ipv4(&self, key: K) -> Option<Ipv4Addr> {
        let name = only_argument(row_of(self.block, key));
        self.args(key)?.ipv4(name)
    }

    /// The IPv6 address that is the one argument of a command.
    pub fn ipv6(&self, key: K) -> Option<Ipv6Addr> {
        let name = only_argument(row_of(self.block, key));
        self.args(key)?.ipv6(name)
    }

    /// The name that is the one argument of a command.
    pub fn text(&self, key: K) -> Option<String> {
        let name = only_argument(row_of(self.block, key));
        self.args(key)?.text(name).map(str::to_owned)
    }

    /// The keyword that is the one argument of a command.
    pub fn word(&self, key: K) -> Option<&'static str> {
        let name = only_argument(row_of(self.block, key));
        self.args(key)?.word(name)
    }
}

/// A block as its owner writes it.
#[derive(Debug)]
pub struct Writer<K: 'static> {
    block: &'static Block<K>,
    items: Vec<Item<K>>,
}

impl<K: Copy + PartialEq> Writer<K> {
    /// An empty block.
    pub fn new(block: &'static Block<K>) -> Self {
        Self { block, items: Vec::new() }
    }

    /// The lines, sorted.
    pub fn finish(mut self) -> Vec<Item<K>> {
        sort(self.block, &mut self.items);
        self.items
    }

    /// A line, unless it only says the default.
    pub fn put(&mut self, key: K, args: Args) {
        let row = row_of(self.block, key);
        if default_args(row).as_ref() != Some(&args) {
            self.push(row, args, false, Vec::new());
        }
    }

    /// A line with the block that it opens.
    pub fn block(&mut self, key: K, args: Args, write: impl FnOnce(&mut Self)) {
        let row = row_of(self.block, key);
        let mut inner = Self::new(row.body.expect("the table opens a block with this row"));
        write(&mut inner);
        self.push(row, args, false, inner.finish());
    }

    /// A line with one argument.
    pub fn value(&mut self, key: K, datum: Datum) {
        let name = only_argument(row_of(self.block, key));
        self.put(key, Args::default().with(name, datum));
    }

    /// A line with one numeric argument.
    pub fn number(&mut self, key: K, number: impl Into<u64>) {
        self.value(key, Datum::Integer(number.into()));
    }

    /// A line with one number, if there is one.
    pub fn optional_number(&mut self, key: K, number: Option<impl Into<u64>>) {
        if let Some(number) = number {
            self.number(key, number);
        }
    }

    /// A line with one IPv4 address, if there is one.
    pub fn ipv4(&mut self, key: K, address: Option<Ipv4Addr>) {
        if let Some(address) = address {
            self.value(key, Datum::Ipv4(address));
        }
    }

    /// A line with one IPv6 address, if there is one.
    pub fn ipv6(&mut self, key: K, address: Option<Ipv6Addr>) {
        if let Some(address) = address {
            self.value(key, Datum::Ipv6(address));
        }
    }

    /// A line with one keyword, if there is one.
    pub fn word(&mut self, key: K, word: Option<&'static str>) {
        if let Some(word) = word {
            self.value(key, Datum::Word(word));
        }
    }

    /// A line with one name, if there is one.
    pub fn text(&mut self, key: K, text: Option<&str>) {
        if let Some(text) = text {
            self.value(key, Datum::Text(text.to_owned()));
        }
    }

    /// A feature: its line when it is on, its `no` form when it is off against the default.
    pub fn on(&mut self, key: K, on: bool) {
        let row = row_of(self.block, key);
        if on != row.on_by_default {
            self.push(row, Args::default(), !on, Vec::new());
        }
    }

    fn push(&mut self, row: &'static Row<K>, args: Args, negated: bool, body: Vec<Item<K>>) {
        let place = Place::default();
        self.items.push(Item { row, args, negated, place, spots: Vec::new(), body, block: 0 });
    }
}

/// Sorts the lines of a block: in table order, those of one command by the arguments that tell
/// them apart unless their order means something.
pub(crate) fn sort<K: Copy + PartialEq>(block: &'static Block<K>, items: &mut [Item<K>]) {
    items.sort_by_cached_key(|item| {
        let Identity { command, args } = item.identity(block);
        (command, if item.row.in_order { Args::default() } else { args })
    });
}

/// The row under which `key` is written.
fn row_of<K: Copy + PartialEq>(block: &'static Block<K>, key: K) -> &'static Row<K> {
    let mut rows = block.rows.iter();
    rows.find(|row| row.key == key && !row.also).expect("the block has this command")
}

/// The arguments that the row's default stands for.
pub(crate) fn default_args<K: Copy + PartialEq>(row: &'static Row<K>) -> Option<Args> {
    let mut words: Vec<&str> = row.leading_words().collect();
    words.extend(row.default?.split(' '));
    let found = matcher::find(std::slice::from_ref(row), &words);
    Some(found.ok().expect("the table's default can be read").args)
}

/// The name of the one argument of a row.
fn only_argument<K>(row: &Row<K>) -> &'static str {
    fn first(parts: &'static [Part]) -> Option<&'static str> {
        parts.iter().find_map(|part| match part {
            Part::Arg { name, .. } => Some(*name),
            Part::Optional(parts) => first(parts),
            Part::OneOf(choices) => choices.iter().find_map(|parts| first(parts)),
            Part::Word { .. } | Part::Flag { .. } => None,
        })
    }
    first(row.syntax).expect("the row has an argument")
}

/// How secrets are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keys {
    /// In the obfuscated form, which can be read back.
    Obfuscated,
    /// As stars.
    Starred,
}

/// The line that an item is, as it would be typed.
pub(crate) fn line<K>(item: &Item<K>, keys: Keys) -> String {
    spelled(item.row, &item.args, item.negated, keys)
}

/// The line of a command with these arguments.
pub(crate) fn spelled<K>(row: &Row<K>, args: &Args, negated: bool, keys: Keys) -> String {
    let mut line = String::new();
    if negated {
        line.push_str("no");
    }
    spell(row.syntax, args, keys, &mut line);
    line
}

fn spell(parts: &[Part], args: &Args, keys: Keys, line: &mut String) {
    let add = |line: &mut String, word: &str| {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    };
    for part in parts {
        match part {
            Part::Word { word, .. } => add(line, word),
            Part::Flag { word, .. } => {
                if args.has(word) {
                    add(line, word);
                }
            }
            Part::Arg { name, value, .. } => match args.get(name) {
                Some(Datum::Secret(_)) if keys == Keys::Starred => {
                    add(line, Secret::STARS);
                }
                Some(datum) => add(line, &value.print(datum)),
                None => {}
            },
            Part::Optional(inner) => {
                if says_something(inner, args) {
                    spell(inner, args, keys, line);
                }
            }
            Part::OneOf(choices) => {
                if let Some(choice) = choices.iter().find(|parts| is_said(parts, args)) {
                    spell(choice, args, keys, line);
                }
            }
        }
    }
}

/// Whether `args` hold everything that these parts need.
fn is_said(parts: &[Part], args: &Args) -> bool {
    parts.iter().all(|part| match part {
        Part::Word { .. } | Part::Optional(_) => true,
        Part::Flag { word, .. } => args.has(word),
        Part::Arg { name, value, .. } => args.get(name).is_some_and(|datum| value.may_be(datum)),
        Part::OneOf(choices) => choices.iter().any(|parts| is_said(parts, args)),
    })
}

/// Whether `args` hold anything of these parts.
fn says_something(parts: &[Part], args: &Args) -> bool {
    parts.iter().any(|part| match part {
        Part::Word { .. } => false,
        Part::Flag { word: name, .. } | Part::Arg { name, .. } => args.has(name),
        Part::Optional(parts) => says_something(parts, args),
        Part::OneOf(choices) => choices.iter().any(|parts| says_something(parts, args)),
    })
}
