//! What a text said, as a tree of rows and their arguments, before it means anything.
//!
//! Reading makes a tree, rendering writes one, and the language's owner turns a tree into its
//! typed configuration with [`Section`] and back with [`Writer`]. Both know the defaults from the
//! table: a section answers with the default where the text is silent, and a writer leaves out
//! what equals it.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::place::{Place, Spot};
use crate::{Args, Block, Datum, Part, Repeats, Row, matcher};

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
            Part::OneOf(choices) | Part::AnyOrder(choices) => {
                choices.iter().find_map(|parts| first(parts))
            }
            Part::Word { .. } | Part::Flag { .. } => None,
        })
    }
    first(row.syntax).expect("the row has an argument")
}
