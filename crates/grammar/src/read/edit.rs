//! A configuration that lines are added to and taken from, one by one or as whole texts.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Notes, Reader};
use crate::diagnostic::{Hint, Place};
use crate::mask::Mask;
use crate::tree::{Identity, Keys};
use crate::{Args, Block, Item, Repeats, Row, command, tree};

/// A configuration in the making, and the block that the next line belongs to.
#[derive(Clone, Debug)]
pub struct Editor<K: 'static> {
    pub(super) global: &'static Block<K>,
    pub(super) mask: Mask,
    items: Vec<Item<K>>,
    /// For each block that is in `items`: its lines, and where each is. The global one's first.
    known: Vec<HashMap<Identity, usize>>,
    /// The open blocks, outermost first.
    pub(super) open: Vec<Open<K>>,
}

/// A block that lines may be added to.
#[derive(Clone, Debug)]
pub(super) struct Open<K: 'static> {
    pub(super) block: &'static Block<K>,
    /// The opening line's index among its siblings; `None` when the line was wrong, or is inside
    /// the block of one that was: what stands in such a block goes nowhere.
    index: Option<usize>,
    /// Where [`Editor::known`] has its lines.
    known: usize,
    /// The opening line's indentation.
    pub(super) indent: usize,
    /// Whether a line of the block was indented deeper than the opening line.
    pub(super) indented: bool,
    /// The opening lines from the outermost on, as they would be written.
    path: Arc<str>,
}

impl<K: Copy + PartialEq> Editor<K> {
    /// An empty configuration.
    pub fn new(global: &'static Block<K>) -> Self {
        let (items, known, open) = (Vec::new(), vec![HashMap::new()], Vec::new());
        Self { global, mask: Mask::of(global), items, known, open }
    }

    /// Reads a whole text into what is there. `origin` names the text in messages.
    pub fn read(&mut self, text: &str, origin: &str) -> Notes {
        self.open.clear();
        let mut reader = Reader::new(self, origin, false);
        reader.text(text);
        let notes = reader.notes;
        self.open.clear();
        notes
    }

    /// Reads one line that was typed, in the block that is open. With a mistake in it, nothing
    /// has changed.
    pub fn line(&mut self, text: &str, origin: &str) -> Notes {
        let open = self.open.clone();
        let mut reader = Reader::new(self, origin, true);
        reader.text(text);
        let notes = reader.notes;
        if !notes.faults.is_empty() {
            self.open = open;
        }
        notes
    }

    /// The block that the next line belongs to.
    pub fn mode(&self) -> &'static Block<K> {
        self.block_at(self.open.len())
    }

    /// The lines that opened that block, outermost first; empty outside of all blocks.
    pub fn path(&self) -> Arc<str> {
        self.open.last().map(|open| open.path.clone()).unwrap_or_default()
    }

    /// Leaves all blocks.
    pub fn leave(&mut self) {
        self.open.clear();
    }

    /// What may stand where `text` ends. The commands of the enclosing blocks are understood too,
    /// but offered only when the innermost one has nothing to offer.
    pub fn complete(&self, text: &str, names: &dyn Fn(&str) -> Vec<String>) -> Vec<Hint> {
        let depths = (0..=self.open.len()).rev();
        let mut hints = depths.map(|at| command::complete(self.block_at(at), text, names));
        hints.find(|hints| !hints.is_empty()).unwrap_or_default()
    }

    /// What the configuration says, sorted.
    pub fn into_items(self) -> Vec<Item<K>> {
        let mut items = self.items;
        sort(self.global, &mut items);
        items
    }

    pub(super) fn block_at(&self, depth: usize) -> &'static Block<K> {
        depth.checked_sub(1).map_or(self.global, |at| self.open[at].block)
    }

    /// Closes the blocks that a line with this indentation is not in.
    pub(super) fn close_by_indentation(&mut self, indent: usize) -> Vec<Open<K>> {
        let outside =
            |open: &Open<K>| indent < open.indent || indent == open.indent && open.indented;
        let inside = self.open.iter().rposition(|open| !outside(open)).map_or(0, |at| at + 1);
        self.open.split_off(inside)
    }

    /// Opens the block of a line that was wrong.
    pub(super) fn enter_scrap(&mut self, block: &'static Block<K>, indent: usize, line: &str) {
        self.enter(block, None, 0, indent, line);
    }

    fn enter(
        &mut self,
        block: &'static Block<K>,
        index: Option<usize>,
        known: usize,
        indent: usize,
        line: &str,
    ) {
        let outer = self.open.last().map(|open| format!("{} > ", open.path)).unwrap_or_default();
        let path = (outer + line).into();
        self.open.push(Open { block, index, known, indent, indented: false, path });
    }

    /// Puts a line among its siblings and opens its block. Returns the place of the line that it
    /// takes the place of, if that said something else; one that may stand once stays.
    pub(super) fn insert(&mut self, item: Item<K>, indent: usize) -> Option<Place> {
        let Some(known) = self.innermost() else {
            if let Some(block) = item.row.body {
                self.enter_scrap(block, indent, &tree::line(&item, Keys::Starred));
            }
            return None;
        };
        let identity = item.identity(self.mode());
        let opens = item.row.body.map(|block| (block, tree::line(&item, Keys::Starred)));
        let (index, block, replaced) = match self.known[known].get(&identity).copied() {
            Some(index) => {
                let other = &mut self.siblings()[index];
                let same = other.args == item.args && other.negated == item.negated;
                let place = other.place.clone();
                let block = other.block;
                if same || item.row.repeats != Repeats::Once {
                    let body = std::mem::take(&mut other.body);
                    *other = Item { body, block, ..item };
                }
                (index, block, (!same).then_some(place))
            }
            None => {
                let block = self.known.len();
                if opens.is_some() {
                    self.known.push(HashMap::new());
                }
                let siblings = self.siblings();
                let index = siblings.len();
                siblings.push(Item { block, ..item });
                self.known[known].insert(identity, index);
                (index, block, None)
            }
        };
        if let Some((body, line)) = opens {
            self.enter(body, Some(index), block, indent, &line);
        }
        replaced
    }

    /// Takes away the lines of a command that have these arguments.
    pub(super) fn remove(&mut self, row: &'static Row<K>, args: &Args) {
        let Some(known) = self.innermost() else { return };
        let block = self.mode();
        let siblings = self.siblings();
        let before = siblings.len();
        siblings.retain(|item| !(item.row.is_same_command(row) && args.agrees_with(&item.args)));
        if siblings.len() != before {
            let lines = siblings.iter().map(|item| item.identity(block)).zip(0..).collect();
            self.known[known] = lines;
        }
    }

    /// Where [`Self::known`] has the lines of the innermost block; `None` when they go nowhere.
    fn innermost(&self) -> Option<usize> {
        let real = self.open.iter().all(|open| open.index.is_some());
        real.then(|| self.open.last().map_or(0, |open| open.known))
    }

    fn siblings(&mut self) -> &mut Vec<Item<K>> {
        let path = self.open.iter().filter_map(|open| open.index);
        path.fold(&mut self.items, |items, index| &mut items[index].body)
    }
}

fn sort<K: Copy + PartialEq>(block: &'static Block<K>, items: &mut [Item<K>]) {
    tree::sort(block, items);
    for item in items {
        if let Some(block) = item.row.body {
            sort(block, &mut item.body);
        }
    }
}
