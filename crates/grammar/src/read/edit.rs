//! A configuration that lines are added to and taken from, one by one or as whole texts.

use std::collections::HashMap;
use std::sync::Arc;

use super::notes::Notes;
use crate::diagnostic::Hint;
use crate::lex::Line;
use crate::mask::Mask;
use crate::spell::{self, Keys};
use crate::thread::Match;
use crate::tree::{self, Identity};
use crate::{Args, Block, Datum, Item, Repeats, Row, complete, table};

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
    /// The typed line before, if the next one may go on with it.
    pub(super) begun: Option<Begun<K>>,
    /// Lines indented deeper than this belong to a line that is none of the language.
    pub(super) below: Option<usize>,
    /// What ends the banner whose text is being typed.
    text_end: Option<String>,
    /// How many lines were read so far.
    pub(super) lines_read: usize,
}

/// A line behind a prompt, which the next one may go on with.
#[derive(Clone, Debug)]
pub(super) struct Begun<K: 'static> {
    pub(super) line: Line,
    /// The blocks that were open before it.
    pub(super) open: Vec<Open<K>>,
    /// What is wrong with it as it stands.
    pub(super) notes: Notes,
    /// The command that it set, and what that did.
    pub(super) done: Option<(&'static Row<K>, Inserted<K>)>,
}

/// What became of a line that was put among its siblings.
#[derive(Clone, Debug)]
pub(super) enum Inserted<K: 'static> {
    /// It stood there already, or it goes nowhere.
    Nothing,
    /// It is new.
    Added,
    /// It took the place of this one, which said something else.
    Replaced(Box<Item<K>>),
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
        Self {
            global,
            mask: Mask::of(global),
            items,
            known,
            open,
            begun: None,
            below: None,
            text_end: None,
            lines_read: 0,
        }
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
        self.begun = None;
        self.below = None;
    }

    /// Whether a line that is typed belongs to a banner that an earlier one began.
    pub fn is_banners(&mut self, text: &str) -> bool {
        let Some(end) = &self.text_end else { return false };
        if text.contains(end) {
            self.text_end = None;
        }
        true
    }

    /// What is typed next is the text of the banner that a line begins, if it begins one.
    pub(super) fn begin_banner(&mut self, line: &Line) {
        self.text_end.clone_from(&line.text_end);
    }

    /// What may stand where `text` ends. The commands of the enclosing blocks are understood too,
    /// but offered only when the innermost one has nothing to offer.
    pub fn complete(&self, text: &str, names: &dyn Fn(&str) -> Vec<String>) -> Vec<Hint> {
        let depths = (0..=self.open.len()).rev();
        let mut hints = depths.map(|at| complete::complete(self.block_at(at), text, names));
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

    /// The line that stands where this one would, if there is one.
    pub(super) fn standing(&self, item: &Item<K>) -> Option<&Item<K>> {
        let known = &self.known[self.innermost()?];
        let index = *known.get(&item.identity(self.mode()))?;
        let path = self.open.iter().filter_map(|open| open.index);
        path.fold(&self.items, |items, index| &items[index].body).get(index)
    }

    /// Gives a line without a number that of the line which says the same, or else the next one
    /// behind all others. `None` when there is no higher one.
    pub(super) fn number(&mut self, row: &'static Row<K>, args: &mut Args) -> Option<()> {
        let Some(by) = row.numbered.filter(|by| !args.has(by)) else { return Some(()) };
        if self.innermost().is_none() {
            return Some(());
        }
        let numbered = |item: &&Item<K>| item.row.is_same_command(row);
        let siblings: &Vec<Item<K>> = self.siblings();
        let mut last = 0;
        for item in siblings.iter().filter(numbered) {
            let number = item.args.integer(by).unwrap_or(0);
            if item.args.is_but_for_number(args) {
                args.push_front(by, Datum::Integer(number));
                return Some(());
            }
            last = last.max(number);
        }
        let next = Datum::Integer(last.checked_add(Self::STEP)?);
        let mut range = None;
        table::for_each_argument(row.syntax, &mut |name, value, _| {
            if name == by {
                range = range.or(value);
            }
        });
        range?.read(&range?.print(&next))?;
        args.push_front(by, next);
        Some(())
    }

    /// What lies between two lines that are numbered one after the other.
    const STEP: u64 = 10;

    /// Puts a line among its siblings and opens its block.
    pub(super) fn insert(&mut self, item: Item<K>, indent: usize) -> Inserted<K> {
        let Some(known) = self.innermost() else {
            if let Some(block) = item.row.body {
                self.enter_scrap(block, indent, &spell::line(&item, Keys::Starred));
            }
            return Inserted::Nothing;
        };
        let identity = item.identity(self.mode());
        let opens = item.row.body.map(|block| (block, spell::line(&item, Keys::Starred)));
        let (index, block, done) = match self.known[known].get(&identity).copied() {
            Some(index) => {
                let other = &mut self.siblings()[index];
                let same = other.args == item.args && other.negated == item.negated;
                let (body, block) = (std::mem::take(&mut other.body), other.block);
                let other = std::mem::replace(other, Item { body, block, ..item });
                let replaced = || Inserted::Replaced(Box::new(other));
                (index, block, if same { Inserted::Nothing } else { replaced() })
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
                (index, block, Inserted::Added)
            }
        };
        if let Some((body, line)) = opens {
            self.enter(body, Some(index), block, indent, &line);
        }
        done
    }

    /// Takes back what [`Self::insert`] did last, with a line of `row`.
    pub(super) fn take_back(&mut self, row: &'static Row<K>, done: Inserted<K>) {
        if row.body.is_some() {
            self.open.pop();
        }
        let Some(known) = self.innermost() else { return };
        let block = self.mode();
        match done {
            Inserted::Nothing => {}
            Inserted::Added => {
                if let Some(item) = self.siblings().pop() {
                    self.known[known].remove(&item.identity(block));
                }
            }
            Inserted::Replaced(old) => {
                let index = self.known[known].get(&old.identity(block)).copied();
                let siblings = self.siblings();
                if let Some(item) = index.and_then(|index| siblings.get_mut(index)) {
                    let body = std::mem::take(&mut item.body);
                    *item = Item { body, ..*old };
                }
            }
        }
    }

    /// Takes away the lines of a command that have these arguments. Where all arguments tell one
    /// line from another, a whole line means just itself: `no permit tcp any any` leaves `permit
    /// tcp any any eq 80` alone.
    pub(super) fn remove(&mut self, found: &Match<K>) {
        let Match { row, args, whole, .. } = found;
        let numbered = row.numbered.is_some_and(|by| !args.has(by));
        let exact = *whole && row.body.is_none() && matches!(row.repeats, Repeats::Each([]));
        let Some(known) = self.innermost() else { return };
        let block = self.mode();
        let siblings = self.siblings();
        let before = siblings.len();
        let named = |item: &Item<K>| match exact {
            true => args.is_same_as(&item.args),
            false if *whole && numbered => item.args.is_but_for_number(args),
            false => args.agrees_with(&item.args),
        };
        siblings.retain(|item| !(item.row.is_same_command(row) && named(item)));
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
