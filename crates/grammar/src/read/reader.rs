//! Line after line: what each is, in the blocks that are open, and what it does.

use std::sync::Arc;

use super::edit::{Editor, Inserted};
use super::notes::{MOST_NOTES, Notes};
use super::router::{self, is_session};
use crate::diagnostic::{SyntaxFault, SyntaxRemark};
use crate::lex::{self, Line};
use crate::mask::Hide;
use crate::matcher::{self, Miss, Why};
use crate::place::Place;
use crate::spell::{self, Keys};
use crate::thread::Match;
use crate::{Item, Repeats, Row};

/// What a line does with its command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// It says it.
    Set,
    /// It takes it away, or turns off what is on by default.
    No,
    /// It goes back to what holds without it.
    Default,
}

/// A line that is a command of a block that is open.
pub(super) struct Resolved<K: 'static> {
    /// How many blocks are open around it.
    depth: usize,
    form: Form,
    /// The commands that it names; more than one only behind `no` or `default`.
    found: Vec<Match<K>>,
}

/// A line that is none.
pub(super) struct Unresolved<K: 'static> {
    /// The block that it fitted furthest.
    depth: usize,
    miss: Miss<K>,
    /// 1 for the word `no` or `default`.
    skipped: usize,
}

/// Reads lines into an [`Editor`].
pub(super) struct Reader<'a, K: 'static> {
    pub(super) editor: &'a mut Editor<K>,
    origin: Arc<str>,
    /// The lines are typed at a terminal, which indents nothing.
    pub(super) typed: bool,
    /// The commands without an effect that were seen: each is worth one remark.
    without_effect: Vec<String>,
    /// An obfuscated key was seen.
    obfuscated: bool,
    /// The command that the last line set, and what that did.
    pub(super) done: Option<(&'static Row<K>, Inserted<K>)>,
    pub(super) notes: Notes,
}

impl<'a, K: Copy + PartialEq> Reader<'a, K> {
    pub(super) fn new(editor: &'a mut Editor<K>, origin: &str, typed: bool) -> Self {
        let notes = Notes::default();
        Self {
            editor,
            origin: origin.into(),
            typed,
            without_effect: Vec::new(),
            obfuscated: false,
            done: None,
            notes,
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        let lines = lex::lines(text);
        let mut rest = lines.as_slice();
        while let Some((line, after)) = rest.split_first() {
            if self.notes.faults.len().max(self.notes.remarks.len()) >= MOST_NOTES {
                return self.too_many(line);
            }
            rest = after;
            if let Some((next, after)) = rest.split_first()
                && let Some(joined) = self.wrapped(line, next)
            {
                self.line(&joined);
                rest = after;
            } else {
                self.line(line);
            }
        }
    }

    /// The rest of a text is not read.
    fn too_many(&mut self, line: &Line) {
        let place = self.place(line, 0, Hide::WordAndRest);
        self.notes.faults.push((place, SyntaxFault::TooMany));
    }

    /// The two lines as one, if the second is the end of the first.
    fn wrapped(&self, line: &Line, next: &Line) -> Option<Line> {
        let candidate = line.prompted && !next.prompted && next.number == line.number + 1;
        if !candidate || next.fault.is_some() || is_session(&next.texts()) {
            return None;
        }
        let joined = line.joined(next);
        self.resolve(&joined.texts()).ok()?;
        let opened = self.resolve(&line.texts()).ok();
        let opened = opened.and_then(|line| line.found[0].row.body);
        let alone = self.resolve(&next.texts()).is_ok()
            || opened.is_some_and(|block| matcher::find(block.rows, &next.texts()).is_ok());
        (!alone).then_some(joined)
    }

    pub(super) fn line(&mut self, line: &Line) {
        self.editor.lines_read += 1;
        if self.editor.below.is_some_and(|indent| line.indent > indent) {
            return self.passed_over();
        }
        self.editor.below = None;
        if let Some(fault) = line.fault {
            let fault = self.lexical(line, fault);
            self.notes.faults.push(fault);
            return;
        }
        let words = line.texts();
        if router::says_nothing(line) || self.session_word(&words) {
            return;
        }
        let closed = self.editor.close_by_indentation(line.indent);
        let resolved = match self.resolve(&words) {
            // What was pasted may have been indented; what is typed is not. But an interface of the
            // router's, pasted behind a gateway, must not become one of the gateway's.
            Err(_)
                if self.typed
                    && !closed.is_empty()
                    && router::about_the_router(&words, 0).is_none() =>
            {
                self.editor.open.extend(closed);
                self.resolve(&words)
            }
            resolved => resolved,
        };
        match resolved {
            Ok(resolved) => self.found(line, resolved),
            Err(Unresolved { depth, miss, skipped }) => self.missed(line, depth, &miss, skipped),
        }
    }

    /// Words about the session and not about the configuration.
    fn session_word(&mut self, words: &[&str]) -> bool {
        if !is_session(words) {
            // What is typed must not be thought to be kept before it is committed.
            return !self.typed && router::keeps(words);
        }
        if words[0].eq_ignore_ascii_case("exit") {
            self.editor.open.pop();
        } else if !words[0].eq_ignore_ascii_case("enable") {
            self.editor.open.clear();
        }
        true
    }

    pub(super) fn resolve(&self, words: &[&str]) -> Result<Resolved<K>, Unresolved<K>> {
        let (first, rest) = words.split_first().unwrap_or((&"", &[]));
        if first.eq_ignore_ascii_case("no") {
            return self.resolve_as(Form::No, rest);
        }
        let set = self.resolve_as(Form::Set, words);
        if set.is_ok() || !first.eq_ignore_ascii_case("default") || rest.is_empty() {
            return set;
        }
        // `default profile NAME` is a command that begins with the word.
        match (set, self.resolve_as(Form::Default, rest)) {
            (Err(set), Err(back)) if set.miss.at > back.miss.at => Err(set),
            (_, back) => back,
        }
    }

    fn resolve_as(&self, form: Form, words: &[&str]) -> Result<Resolved<K>, Unresolved<K>> {
        let skipped = usize::from(form != Form::Set);
        let mut furthest: Option<Unresolved<K>> = None;
        for depth in (0..=self.editor.open.len()).rev() {
            let rows = self.editor.block_at(depth).rows;
            let found = match form {
                Form::Set => matcher::find(rows, words).map(|found| vec![found]),
                Form::No | Form::Default => matcher::find_negated(rows, words),
            };
            match found {
                Ok(found) => return Ok(Resolved { depth, form, found }),
                Err(miss) => {
                    // An ambiguous word is that of the inner block, whatever the outer ones say.
                    let further = |best: &Unresolved<K>| {
                        miss.at > best.miss.at && best.miss.why != Why::Ambiguous
                    };
                    if furthest.as_ref().is_none_or(further) {
                        furthest = Some(Unresolved { depth, miss, skipped });
                    }
                }
            }
        }
        Err(furthest.expect("the global block was tried"))
    }

    fn found(&mut self, line: &Line, resolved: Resolved<K>) {
        let Resolved { depth, form, mut found } = resolved;
        for found in found.iter_mut().filter(|found| found.whole) {
            if let Some(canonical) = found.row.canonical {
                found.args = canonical(&found.args);
            }
        }
        self.editor.open.truncate(depth);
        if let Some(open) = self.editor.open.last_mut() {
            open.indented |= line.indent > open.indent;
        }
        let takes_away = form == Form::Default || form == Form::No && !found[0].row.on_by_default;
        if takes_away {
            found.iter().for_each(|found| self.editor.remove(found));
            return;
        }
        let Match { row, mut args, spots, obfuscated, .. } = found.swap_remove(0);
        let negated = form == Form::No;
        let place = self.place(line, 0, Hide::Secrets);
        if self.editor.number(row, &mut args).is_none() {
            let fault = SyntaxFault::NoNumberLeft { command: row.name() };
            self.notes.faults.push((place, fault));
            return;
        }
        if !row.has_effect && !self.without_effect.contains(&row.name()) {
            let command = row.name();
            self.without_effect.push(command.clone());
            self.notes.remarks.push((place.clone(), SyntaxRemark::NoEffectYet { command }));
        }
        if obfuscated && !std::mem::replace(&mut self.obfuscated, true) {
            self.notes.remarks.push((place.clone(), SyntaxRemark::Obfuscated));
        }
        let mask = &self.editor.mask;
        let spots = spots
            .into_iter()
            .map(|(name, at)| (name, mask.spot(line, at + usize::from(negated), Hide::Secrets)));
        let item =
            Item { row, args, negated, spots: spots.collect(), place, body: Vec::new(), block: 0 };
        self.insert(item, line.indent);
    }

    /// Adds a line, and says so when it takes the place of another one of the same text.
    fn insert(&mut self, item: Item<K>, indent: usize) {
        let (place, row) = (item.place.clone(), item.row);
        if let Some(other) = self.editor.standing(&item)
            && row.repeats == Repeats::Once
            && (&other.args, other.negated) != (&item.args, item.negated)
        {
            let fault = SyntaxFault::AlreadyGiven {
                command: row.name(),
                at: other.place.seen_from(&place),
            };
            self.notes.faults.push((place, fault));
            if let Some(block) = row.body {
                self.editor.enter_scrap(block, indent, &spell::line(&item, Keys::Starred));
            }
            return;
        }
        let done = self.editor.insert(item, indent);
        if let Inserted::Replaced(other) = &done
            && other.place.origin == place.origin
            && !self.typed
        {
            let (command, at) = (row.name(), other.place.seen_from(&place));
            self.notes.remarks.push((place, SyntaxRemark::Replaces { command, at }));
        }
        self.done = Some((row, done));
    }

    /// The place of word `at`, behind the last word when the line has fewer. The line is shown
    /// without what is, or may be, a secret.
    pub(super) fn place(&self, line: &Line, at: usize, hide: Hide) -> Place {
        Place {
            origin: self.origin.clone(),
            line: line.number,
            spot: self.editor.mask.spot(line, at, hide),
            text: self.editor.mask.show(line, at, hide).into(),
            block: self.editor.path(),
            nth: self.editor.lines_read,
        }
    }
}
