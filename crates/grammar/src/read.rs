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
//! knows are skipped with it. The block of a command that is not supported is read for its syntax
//! and not complained about again.

use std::sync::Arc;

use crate::diagnostic::{Place, SyntaxError, SyntaxFault, SyntaxRemark, nearest};
use crate::lex::{self, LexFault, Line};
use crate::mask::{Hide, Mask};
use crate::matcher::{self, Match, Miss, Why};
use crate::{Block, Item, Repeats, Row, Support, tree};

/// A text as it was read.
#[derive(Debug)]
pub struct Reading<K: 'static> {
    /// What it says. It means nothing while there are faults.
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
    reader.reading
}

/// Reads one line of `block` alone.
pub(crate) fn one_line<K: Copy + PartialEq>(
    block: &'static Block<K>,
    origin: &str,
    line: &Line,
) -> Result<(Match<K>, Place), SyntaxError> {
    let reader = Reader::new(block, origin);
    if let Some((fault, column)) = line.fault {
        return Err(Box::new(reader.lexical(line, fault, column)));
    }
    let words: Vec<&str> = line.words.iter().map(|word| word.text.as_str()).collect();
    match matcher::find(block.rows, &words) {
        Ok(found) => Ok((found, reader.place(line, 0, Hide::Secrets))),
        Err(miss) => {
            let place = reader.place(line, miss.at, reader.hide(line, miss.at, &miss));
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
    reading: Reading<K>,
}

/// A block that lines may be added to.
struct Open<K: 'static> {
    block: &'static Block<K>,
    /// The opening line's index among its siblings.
    index: usize,
    /// The opening line's indentation.
    indent: usize,
    /// Whether a line of the block was indented deeper than the opening line.
    indented: bool,
    /// The opening line, as it would be written.
    line: Arc<str>,
    /// Whether the block belongs to a command that is not supported, or is inside of one.
    refused: bool,
}

impl<K: Copy + PartialEq> Reader<K> {
    fn new(global: &'static Block<K>, origin: &str) -> Self {
        Self {
            origin: origin.into(),
            global,
            open: Vec::new(),
            below: None,
            mask: Mask::of(global),
            reading: Reading { items: Vec::new(), faults: Vec::new(), remarks: Vec::new() },
        }
    }

    fn line(&mut self, line: &Line) {
        if let Some((fault, column)) = line.fault {
            let fault = self.lexical(line, fault, column);
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
        let find = if negated { matcher::find_negated } else { matcher::find };

        let mut furthest: Option<(usize, Miss<K>)> = None;
        for depth in (0..=self.open.len()).rev() {
            match find(self.block_at(depth).rows, words) {
                Ok(found) => {
                    self.close_to(depth);
                    self.found(line, found, negated);
                    return;
                }
                Err(miss) => {
                    if furthest.as_ref().is_none_or(|(_, best)| miss.at > best.at) {
                        furthest = Some((depth, miss));
                    }
                }
            }
        }
        let (depth, miss) = furthest.expect("the global block was tried");
        self.missed(line, depth, miss, usize::from(negated));
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

    /// Closes blocks until `depth` are open. A line below the innermost that is kept marks it as
    /// indented.
    fn close_to(&mut self, depth: usize) {
        self.open.truncate(depth);
    }

    fn found(&mut self, line: &Line, found: Match<K>, negated: bool) {
        let Match { row, args } = found;
        if let Some(open) = self.open.last_mut() {
            open.indented |= line.indent > open.indent;
        }
        let place = self.place(line, 0, Hide::Secrets);
        let refused = self.open.last().is_some_and(|open| open.refused);
        if negated && !row.on_by_default {
            let none_named = args.is_empty();
            self.siblings().retain(|item| {
                let same = match (row.key(), item.row.key()) {
                    (Some(mine), Some(theirs)) => mine == theirs,
                    _ => std::ptr::eq(row, item.row),
                };
                !same || !none_named && !args.agrees_with(&item.args)
            });
            return;
        }
        if !refused {
            self.remark(&place, row);
        }
        let item = Item { row, args, negated, place, body: Vec::new() };
        let written: Arc<str> = tree::line(&item).into();
        let index = self.insert(item);
        if let Some(block) = row.body {
            self.open.push(Open {
                block,
                index,
                indent: line.indent,
                indented: false,
                line: written,
                refused: refused || row.support == Support::NotYet,
            });
        }
    }

    /// Says what is to be said about a command whatever its arguments are.
    fn remark(&mut self, place: &Place, row: &'static Row<K>) {
        match row.support {
            Support::Yes(_) => {}
            Support::NoEffectYet(_) => {
                let remark = SyntaxRemark::NoEffectYet { command: row.name() };
                self.reading.remarks.push((place.clone(), remark));
            }
            Support::NotYet => {
                let fault = SyntaxFault::NotSupported { command: row.name() };
                self.reading.faults.push((place.clone(), fault));
            }
        }
    }

    /// Puts the item among its siblings, in the place of the line it repeats.
    fn insert(&mut self, item: Item<K>) -> usize {
        let Some(index) = self.siblings().iter().position(|other| item.is_instance_of(other))
        else {
            self.siblings().push(item);
            return self.siblings().len() - 1;
        };
        let other = &self.siblings()[index];
        let (line, same) =
            (other.place.line, other.args == item.args && other.negated == item.negated);
        let (place, command, once) =
            (item.place.clone(), item.row.name(), item.row.repeats == Repeats::Once);
        if !same && once {
            self.reading.faults.push((place, SyntaxFault::AlreadyGiven { command, line }));
        } else if !same {
            self.reading.remarks.push((place, SyntaxRemark::Replaces { command, line }));
        }
        let other = &mut self.siblings()[index];
        let body = std::mem::take(&mut other.body);
        *other = Item { body, ..item };
        index
    }

    fn siblings(&mut self) -> &mut Vec<Item<K>> {
        let mut items = &mut self.reading.items;
        for open in &self.open {
            items = &mut items[open.index].body;
        }
        items
    }

    fn missed(&mut self, line: &Line, depth: usize, miss: Miss<K>, skipped: usize) {
        let at = miss.at + skipped;
        let all_refused = miss.at > 0 && miss.rows.iter().all(|row| row.support == Support::NotYet);
        let hide = self.hide(line, at, &miss);
        let place = self.place(line, at, hide);
        let inside_refused = depth > 0 && self.open[depth - 1].refused;
        let opens: Vec<_> = miss.rows.iter().filter_map(|row| row.body.map(|b| (row, b))).collect();
        let opens = match opens.as_slice() {
            [(row, block), rest @ ..]
                if miss.at > 0 && rest.iter().all(|(_, b)| std::ptr::eq(*b, *block)) =>
            {
                Some((**row, *block))
            }
            _ => None,
        };
        if all_refused && inside_refused {
            // The error about the block says it.
        } else if all_refused {
            let command = miss.rows[0].name();
            self.reading.faults.push((place.clone(), SyntaxFault::NotSupported { command }));
        } else {
            let fault = self.fault(line, at, &miss);
            self.reading.faults.push((place.clone(), fault));
        }
        match opens {
            Some((row, block)) => {
                self.close_to(depth);
                let args = crate::Args::default();
                let item = Item { row, args, negated: false, place, body: Vec::new() };
                let written: Arc<str> = row.name().into();
                self.siblings().push(item);
                let index = self.siblings().len() - 1;
                let refused = inside_refused || all_refused;
                let indent = line.indent;
                self.open.push(Open {
                    block,
                    index,
                    indent,
                    indented: false,
                    line: written,
                    refused,
                });
            }
            None => self.below = Some(line.indent),
        }
    }

    fn fault(&self, line: &Line, at: usize, miss: &Miss<K>) -> SyntaxFault {
        let Some(word) = line.words.get(at) else {
            return SyntaxFault::Incomplete { allowed: miss.allowed.clone() };
        };
        let typed = word.text.clone();
        if miss.why == Why::Ambiguous {
            let begins = |what: &str| {
                what.get(..typed.len()).is_some_and(|start| start.eq_ignore_ascii_case(&typed))
            };
            let mut candidates = miss.allowed.clone();
            candidates.retain(|hint| begins(&hint.what));
            return SyntaxFault::Ambiguous { word: typed, candidates };
        }
        if miss.at > 0 {
            let words = miss.allowed.iter().filter(|hint| !hint.placeholder);
            let meant = nearest(&typed, words.map(|hint| hint.what.as_str()));
            let word = (!miss.secret).then_some(typed);
            return SyntaxFault::Unexpected { word, allowed: miss.allowed.clone(), meant };
        }
        let known = (0..=self.open.len()).rev().flat_map(|depth| self.block_at(depth).rows);
        let meant = nearest(&typed, known.filter_map(|row| row.leading_words().next()));
        SyntaxFault::UnknownCommand { word: typed, allowed: miss.allowed.clone(), meant }
    }

    /// How much of a line that went wrong at word `at` may be shown.
    fn hide(&self, line: &Line, at: usize, miss: &Miss<K>) -> Hide {
        let holds_secret = if miss.at > 0 {
            miss.rows.iter().any(|row| row.has_secret())
        } else {
            let typed = line.words.get(at).map_or("", |word| word.text.as_str());
            let known = || (0..=self.open.len()).flat_map(|depth| self.block_at(depth).rows);
            let meant = nearest(typed, known().filter_map(|row| row.leading_words().next()));
            known().any(|row| row.has_secret() && row.leading_words().next() == meant.as_deref())
        };
        match holds_secret {
            true if miss.secret => Hide::WordAndRest,
            true => Hide::Rest,
            false => Hide::Secrets,
        }
    }

    fn lexical(&self, line: &Line, fault: LexFault, column: usize) -> (Place, SyntaxFault) {
        let place = Place {
            origin: self.origin.clone(),
            line: line.number,
            column: column + 1,
            caret: column,
            width: 1,
            // What is behind an open quote may be a key.
            text: line.text.chars().take(column + 2).collect::<String>().into(),
            block: self.block_line(),
        };
        let fault = match fault {
            LexFault::OpenQuote => SyntaxFault::OpenQuote,
            LexFault::OpenComment => SyntaxFault::OpenComment,
        };
        (place, fault)
    }

    fn block_line(&self) -> Arc<str> {
        self.open.last().map(|open| open.line.clone()).unwrap_or_default()
    }

    /// The place of word `at`, behind the last word when the line has fewer. The line is shown
    /// without what is, or may be, a secret.
    fn place(&self, line: &Line, at: usize, hide: Hide) -> Place {
        let column = match line.words.get(at) {
            Some(word) => word.column + 1,
            None => line.words.last().map_or(0, |word| word.column + word.width) + 2,
        };
        let (text, caret, width) = self.mask.show(line, at, hide);
        Place {
            origin: self.origin.clone(),
            line: line.number,
            column,
            caret,
            width,
            text: text.into(),
            block: self.block_line(),
        }
    }
}
