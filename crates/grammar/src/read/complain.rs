//! What is said about a line that is not one of the language, and how the reader goes on.

use super::edit::Open;
use super::reader::Reader;
use super::router;
use crate::diagnostic::SyntaxFault;
use crate::lex::{LexFault, Line};
use crate::mask::Hide;
use crate::matcher::{Miss, Why};
use crate::near::nearest;
use crate::place::Place;
use crate::{Block, Row};

impl<K: Copy + PartialEq> Reader<'_, K> {
    /// Complains about a line that fitted the block at `depth` furthest. `skipped` is 1 for the
    /// word `no`.
    pub(super) fn missed(&mut self, line: &Line, depth: usize, miss: &Miss<K>, skipped: usize) {
        let at = miss.at + skipped;
        let place = self.place(line, at, self.hide(line, miss));
        let foreign = self.foreign(line, miss, skipped);
        let is_foreign = foreign.is_some();
        let fault = foreign.unwrap_or_else(|| self.fault(line, at, miss));
        self.notes.faults.push((place, fault));
        let opens = if is_foreign { None } else { self.meant_to_open(line, at, depth, miss) };
        match opens {
            Some((block, name)) => {
                self.editor.open.truncate(depth);
                self.editor.enter_scrap(block, line.indent, &name);
            }
            None => {
                if let Some(open) = self.editor.open.last_mut() {
                    open.indented |= line.indent > open.indent;
                }
                // Whoever types does not indent; a blank before a line is a slip.
                let passes_over = is_foreign || !self.typed;
                self.editor.below = passes_over.then_some(line.indent);
            }
        }
    }

    /// What to say of a command that is about the router itself.
    fn foreign(&self, line: &Line, miss: &Miss<K>, skipped: usize) -> Option<SyntaxFault> {
        let texts = line.texts();
        let words = texts.get(skipped..)?;
        let count = router::about_the_router(words, miss.at)?;
        let mut elsewhere = Vec::new();
        if count == 1 {
            blocks_with(self.editor.global, words[0], &mut elsewhere);
        }
        // A block's command may be in the wrong block.
        if !elsewhere.is_empty() && !self.editor.open.is_empty() {
            return None;
        }
        let name = words[..count].join(" ");
        Some(SyntaxFault::Foreign { name, below: line.text_lines, elsewhere })
    }

    /// A line is passed over with the one that it is indented below.
    pub(super) fn passed_over(&mut self) {
        if let Some((_, SyntaxFault::Foreign { below, .. })) = self.notes.faults.last_mut() {
            *below += 1;
        }
    }

    /// The block that a wrong line clearly meant to open, and the command that opens it.
    ///
    /// A line indented into a block that is open is rather a mistake in there than the beginning
    /// of a block outside.
    fn meant_to_open(
        &self,
        line: &Line,
        at: usize,
        depth: usize,
        miss: &Miss<K>,
    ) -> Option<(&'static Block<K>, String)> {
        let indented_into = |open: &Open<K>| line.indent > open.indent;
        if miss.at == 0 || self.editor.open[depth..].iter().any(indented_into) {
            return None;
        }
        let word = line.words.get(at).map_or("", |word| &word.text);
        // `aaa new-model` begins like a command that opens a block, and means another one.
        let is_clear = |row: &&'static Row<K>| {
            miss.at >= row.name_len() || nearest(word, row.leading_words()).is_some()
        };
        let opening = miss.rows().filter(is_clear);
        let mut opening = opening.filter_map(|row| Some((row.body?, row.name())));
        let (block, name) = opening.next()?;
        opening.all(|(other, _)| std::ptr::eq(other, block)).then_some((block, name))
    }

    pub(super) fn fault(&self, line: &Line, at: usize, miss: &Miss<K>) -> SyntaxFault {
        let Some(word) = line.words.get(at) else {
            return SyntaxFault::Incomplete { allowed: miss.allowed() };
        };
        let typed = word.text.clone();
        if miss.why == Why::Ambiguous {
            let begins = |what: &str| {
                what.get(..typed.len()).is_some_and(|start| start.eq_ignore_ascii_case(&typed))
            };
            let mut candidates = miss.allowed();
            candidates.retain(|hint| begins(&hint.what));
            return SyntaxFault::Ambiguous { word: typed, candidates };
        }
        if miss.at > 0 {
            let allowed = miss.allowed();
            if let Some((argument, word)) = miss.left_out(&typed) {
                return SyntaxFault::Missing { argument, word, allowed };
            }
            let before = &line.words[..at];
            let again = before.iter().any(|word| word.text.eq_ignore_ascii_case(&typed));
            if again && !allowed.is_empty() && miss.is_fixed(&typed) {
                return SyntaxFault::Doubled { word: typed, allowed };
            }
            let words = allowed.iter().filter(|hint| !hint.placeholder);
            let meant = nearest(&typed, words.map(|hint| hint.what.as_str()));
            // Where a secret is one word too far left, this word may be its rest.
            let secret = miss.rows().any(|row| row.has_secret());
            let word = (!secret).then_some(typed);
            return SyntaxFault::Unexpected { word, allowed, meant };
        }
        let known = (0..=self.editor.open.len()).rev().flat_map(|at| self.editor.block_at(at).rows);
        let meant = nearest(&typed, known.flat_map(|row| row.first_words()));
        let mut elsewhere = Vec::new();
        blocks_with(self.editor.global, &typed, &mut elsewhere);
        SyntaxFault::UnknownCommand { word: typed, allowed: miss.allowed(), meant, elsewhere }
    }

    /// How much of a line that went wrong may be shown.
    fn hide(&self, line: &Line, miss: &Miss<K>) -> Hide {
        let holds_secret = if miss.at > 0 {
            miss.rows().any(|row| row.has_secret())
        } else {
            // It may be any command of the block, misspelled, or one of another block.
            let mut first = Vec::new();
            secret_commands(self.editor.global, &mut first);
            let is_near = |word: &str| {
                let begins = |known: &&str| {
                    known.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
                };
                word.len() > 1 && first.iter().any(begins)
                    || nearest(word, first.iter().copied()).is_some()
            };
            self.editor.mode().rows.iter().any(|row| row.has_secret())
                || line.words.iter().any(|word| is_near(&word.text))
                || self.editor.mask.announces(&line.words)
        };
        let at = miss.at.min(line.words.len());
        // The word may be the secret, or the second word of one that should be in quotes.
        let is_part = miss.secret() || miss.at > 0 && self.editor.mask.announces(&line.words[..at]);
        match holds_secret {
            true if is_part => Hide::WordAndRest,
            true => Hide::Rest,
            false => Hide::Secrets,
        }
    }

    pub(super) fn lexical(&self, line: &Line, fault: LexFault) -> (Place, SyntaxFault) {
        let (hide, fault) = match fault {
            // What is behind an open quote may be a key.
            LexFault::OpenQuote => (Hide::WordAndRest, SyntaxFault::OpenQuote),
            LexFault::CurlyQuote => (Hide::WordAndRest, SyntaxFault::CurlyQuote),
            LexFault::OpenComment => (Hide::Secrets, SyntaxFault::OpenComment),
        };
        (self.place(line, line.words.len() - 1, hide), fault)
    }
}

/// The words that commands with a secret begin with.
fn secret_commands<K: Copy + PartialEq>(block: &'static Block<K>, found: &mut Vec<&'static str>) {
    for row in block.rows {
        if row.has_secret() {
            found
                .extend(row.first_words().filter(|word| !found.contains(word)).collect::<Vec<_>>());
        }
        if let Some(body) = row.body {
            secret_commands(body, found);
        }
    }
}

/// The blocks that have a command which begins with `word`.
fn blocks_with<K: Copy + PartialEq>(
    block: &'static Block<K>,
    word: &str,
    found: &mut Vec<&'static str>,
) {
    let mut first = block.rows.iter().flat_map(|row| row.first_words());
    if first.any(|first| first.eq_ignore_ascii_case(word)) && !found.contains(&block.name) {
        found.push(block.name);
    }
    for body in block.rows.iter().filter_map(|row| row.body) {
        blocks_with(body, word, found);
    }
}
