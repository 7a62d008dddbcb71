//! From a text to a tree, with every mistake of the text and not only the first.
//!
//! **Nesting.** A line belongs to the innermost open block that knows it; a line unknown there is
//! looked for in the enclosing ones, so a flat text works. Indentation decides where it says
//! something: a line that stands further left than the line that opened a block is not in that
//! block, and neither is one just as far left once the block has had an indented line. `!` closes
//! nothing; `exit` closes one block, `end` and `commit` close all.
//!
//! **After a mistake** the reader goes on. When the line clearly meant to open a block, that block
//! is opened all the same, so that one slip is one error. Lines indented below a line that nobody
//! knows are skipped with it.

mod complain;

use std::collections::HashMap;
use std::sync::Arc;

use crate::diagnostic::{Place, SyntaxError, SyntaxFault, SyntaxRemark};
use crate::lex::{self, Line};
use crate::mask::{Hide, Mask};
use crate::matcher::{self, Match, Miss, Why};
use crate::tree::Identity;
use crate::{Args, Block, Item, Repeats, Row, tree};

/// A text as it was read.
#[derive(Debug)]
pub struct Reading<K: 'static> {
    /// What it says, without what could not be read.
    pub items: Vec<Item<K>>,
    /// What is wrong with it, in the order of its lines.
    pub faults: Vec<(Place, SyntaxFault)>,
    /// What else to know, in the order of its lines.
    pub remarks: Vec<(Place, SyntaxRemark)>,
}

/// Reads a text in the language of `global`. `origin` names the text in messages.
pub fn read<K: Copy + PartialEq>(
    global: &'static Block<K>,
    text: &str,
    origin: &str,
) -> Reading<K> {
    let mut reader = Reader::new(global, origin);
    for line in lex::lines(text) {
        reader.line(&line);
    }
    sort(global, &mut reader.reading.items);
    reader.reading
}

fn sort<K: Copy + PartialEq>(block: &'static Block<K>, items: &mut [Item<K>]) {
    tree::sort(block, items);
    for item in items {
        if let Some(block) = item.row.body {
            sort(block, &mut item.body);
        }
    }
}

/// Reads one line of `block` alone.
pub(crate) fn one_line<K: Copy + PartialEq>(
    block: &'static Block<K>,
    origin: &str,
    line: &Line,
) -> Result<Match<K>, SyntaxError> {
    let reader = Reader::new(block, origin);
    if let Some(fault) = line.fault {
        return Err(Box::new(reader.lexical(line, fault)));
    }
    let words: Vec<&str> = line.words.iter().map(|word| word.text.as_str()).collect();
    match matcher::find(block.rows, &words) {
        Ok(found) => Ok(found),
        Err(miss) => {
            let place = reader.place(line, miss.at, reader.hide(&miss));
            Err(Box::new((place, reader.fault(line, miss.at, &miss))))
        }
    }
}

struct Reader<K: 'static> {
    origin: Arc<str>,
    global: &'static Block<K>,
    /// The open blocks, outermost first.
    open: Vec<Open<K>>,
    /// Lines indented deeper than this belong to a line that nobody knew.
    below: Option<usize>,
    mask: Mask,
    /// The lines outside of all blocks, and where each is.
    known: HashMap<Identity, usize>,
    /// What stands in the blocks of lines that were wrong.
    scrap: Vec<Item<K>>,
    reading: Reading<K>,
}

/// A block that lines may be added to.
struct Open<K: 'static> {
    block: &'static Block<K>,
    /// The opening line's index among its siblings; `None` when the line was wrong, or is inside
    /// the block of one that was.
    index: Option<usize>,
    /// The opening line's indentation.
    indent: usize,
    /// Whether a line of the block was indented deeper than the opening line.
    indented: bool,
    /// The opening lines from the outermost on, as they would be written.
    path: Arc<str>,
    /// The lines of the block, and where each is.
    known: HashMap<Identity, usize>,
}

impl<K: Copy + PartialEq> Reader<K> {
    fn new(global: &'static Block<K>, origin: &str) -> Self {
        Self {
            origin: origin.into(),
            global,
            open: Vec::new(),
            below: None,
            mask: Mask::of(global),
            known: HashMap::new(),
            scrap: Vec::new(),
            reading: Reading { items: Vec::new(), faults: Vec::new(), remarks: Vec::new() },
        }
    }

    fn line(&mut self, line: &Line) {
        if let Some(fault) = line.fault {
            let fault = self.lexical(line, fault);
            self.reading.faults.push(fault);
            return;
        }
        let words: Vec<&str> = line.words.iter().map(|word| word.text.as_str()).collect();
        if self.session_word(&words) {
            return;
        }
        match self.below {
            Some(indent) if line.indent > indent => return,
            _ => self.below = None,
        }
        self.close_by_indentation(line.indent);
        let (negated, words) = match words.split_first() {
            Some((first, rest)) if first.eq_ignore_ascii_case("no") => (true, rest),
            _ => (false, words.as_slice()),
        };
        let find = |rows| match negated {
            true => matcher::find_negated(rows, words),
            false => matcher::find(rows, words).map(|found| vec![found]),
        };
        let mut furthest: Option<(usize, Miss<K>)> = None;
        for depth in (0..=self.open.len()).rev() {
            match find(self.block_at(depth).rows) {
                Ok(found) => {
                    self.open.truncate(depth);
                    self.found(line, found, negated);
                    return;
                }
                Err(miss) => {
                    // An ambiguous word is that of the inner block, whatever the outer ones say.
                    let further = |(_, best): &(usize, Miss<K>)| {
                        miss.at > best.at && best.why != Why::Ambiguous
                    };
                    if furthest.as_ref().is_none_or(further) {
                        furthest = Some((depth, miss));
                    }
                }
            }
        }
        let (depth, miss) = furthest.expect("the global block was tried");
        self.missed(line, depth, &miss, usize::from(negated));
    }

    /// Words about the session and not about the configuration.
    fn session_word(&mut self, words: &[&str]) -> bool {
        let is =
            |at: usize, word: &str| words.get(at).is_some_and(|w| w.eq_ignore_ascii_case(word));
        let one = words.len() == 1;
        if one && is(0, "exit") {
            self.open.pop();
        } else if one && (is(0, "end") || is(0, "root")) || is(0, "commit") {
            self.open.clear();
        } else if is(0, "configure") || is(0, "configuration") || is(0, "conf") {
            let terminal = words.get(1).is_none_or(|word| {
                !word.is_empty() && "terminal".starts_with(&word.to_ascii_lowercase())
            });
            if !terminal || words.len() > 2 {
                return false;
            }
            self.open.clear();
        } else if !(one && is(0, "enable")) {
            return false;
        }
        self.below = None;
        true
    }

    fn close_by_indentation(&mut self, indent: usize) {
        while let Some(open) = self.open.last() {
            if indent < open.indent || indent == open.indent && open.indented {
                self.open.pop();
            } else {
                break;
            }
        }
    }

    fn block_at(&self, depth: usize) -> &'static Block<K> {
        depth.checked_sub(1).map_or(self.global, |at| self.open[at].block)
    }

    fn found(&mut self, line: &Line, mut found: Vec<Match<K>>, negated: bool) {
        if let Some(open) = self.open.last_mut() {
            open.indented |= line.indent > open.indent;
        }
        if negated && !found[0].row.on_by_default {
            found.iter().for_each(|found| self.remove(found.row, &found.args));
            return;
        }
        let Match { row, args, spots } = found.swap_remove(0);
        let place = self.place(line, 0, Hide::Secrets);
        if !row.has_effect {
            let remark = SyntaxRemark::NoEffectYet { command: row.name() };
            self.reading.remarks.push((place.clone(), remark));
        }
        let spots = spots.into_iter().map(|(name, at)| {
            (name, self.mask.spot(line, at + usize::from(negated), Hide::Secrets))
        });
        let item = Item { row, args, negated, spots: spots.collect(), place, body: Vec::new() };
        let text = tree::line(&item);
        let index = Some(self.insert(item));
        if let Some(block) = row.body {
            self.enter(block, index, line.indent, text);
        }
    }

    /// Opens a block whose opening line is `text`.
    fn enter(
        &mut self,
        block: &'static Block<K>,
        index: Option<usize>,
        indent: usize,
        text: String,
    ) {
        let outer = self.open.last().map(|open| format!("{} > ", open.path)).unwrap_or_default();
        let path = (outer + &text).into();
        let known = HashMap::new();
        self.open.push(Open { block, index, indent, indented: false, path, known });
        self.learn();
    }

    /// Notes the lines that the innermost block has.
    fn learn(&mut self) {
        if self.in_scrap() {
            return;
        }
        let block = self.block_at(self.open.len());
        let lines = self.siblings().iter().map(|item| item.identity(block)).zip(0..).collect();
        *self.known() = lines;
    }

    fn known(&mut self) -> &mut HashMap<Identity, usize> {
        self.open.last_mut().map_or(&mut self.known, |open| &mut open.known)
    }

    /// Takes away the lines that `no` names: all of the command, or those with these arguments.
    fn remove(&mut self, row: &'static Row<K>, args: &Args) {
        if self.in_scrap() {
            return;
        }
        self.siblings()
            .retain(|item| !(item.row.is_same_command(row) && args.agrees_with(&item.args)));
        self.learn();
    }

    /// Puts the item among its siblings, in the place of the line it repeats.
    fn insert(&mut self, item: Item<K>) -> usize {
        let identity = item.identity(self.block_at(self.open.len()));
        let Some(index) = self.known().get(&identity).copied() else {
            let siblings = self.siblings();
            siblings.push(item);
            let index = siblings.len() - 1;
            self.known().insert(identity, index);
            return index;
        };
        let other = &mut self.siblings()[index];
        let same = other.args == item.args && other.negated == item.negated;
        let (line, place) = (other.place.line, item.place.clone());
        let (command, once) = (item.row.name(), item.row.repeats == Repeats::Once);
        let body = std::mem::take(&mut other.body);
        *other = Item { body, ..item };
        if !same && once {
            self.reading.faults.push((place, SyntaxFault::AlreadyGiven { command, line }));
        } else if !same {
            self.reading.remarks.push((place, SyntaxRemark::Replaces { command, line }));
        }
        index
    }

    /// Whether lines go nowhere, because they are in the block of a line that was wrong.
    fn in_scrap(&self) -> bool {
        self.open.iter().any(|open| open.index.is_none())
    }

    fn siblings(&mut self) -> &mut Vec<Item<K>> {
        if self.in_scrap() {
            return &mut self.scrap;
        }
        let path = self.open.iter().filter_map(|open| open.index);
        path.fold(&mut self.reading.items, |items, index| &mut items[index].body)
    }
}
