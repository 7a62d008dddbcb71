//! Lines that are typed or pasted at a terminal, one at a time.
//!
//! A line with a mistake changes nothing, and a line costs what it changes, however long the
//! configuration is. A page of a document that is pasted has prompts, and its long lines are
//! printed in two: the second part comes without a prompt, and only then is it known what the first
//! one was. So a line behind a prompt is remembered until the next one has come.

use super::edit::{Begun, Editor};
use super::notes::Notes;
use super::reader::{Reader, is_session};
use crate::diagnostic::{SyntaxFault, SyntaxRemark};
use crate::lex::{self, Line};

impl<K: Copy + PartialEq> Editor<K> {
    /// Reads one line that was typed, in the block that is open. With a mistake in it, nothing has
    /// changed. A line behind a prompt that ends too early is a remark at first; when the next one
    /// does not go on with it, its fault is reported with that one, which is read all the same.
    pub fn line(&mut self, text: &str, origin: &str) -> Notes {
        let mut notes = Notes::default();
        for line in lex::lines(text) {
            let said = match self.begun.take() {
                Some(begun) => self.second(begun, &line, origin),
                None => self.single(&line, origin),
            };
            notes.faults.extend(said.faults);
            notes.remarks.extend(said.remarks);
        }
        notes
    }

    /// No line goes on with the last one: what is wrong with it as it stands.
    pub fn finish(&mut self) -> Notes {
        self.begun.take().map(|begun| begun.notes).unwrap_or_default()
    }

    /// What is wrong with a line that ended too early and that no line went on with.
    pub fn unfinished(&self) -> Option<&Notes> {
        self.begun.as_ref().map(|begun| &begun.notes).filter(|notes| !notes.faults.is_empty())
    }

    fn single(&mut self, line: &Line, origin: &str) -> Notes {
        let open = self.open.clone();
        let mut reader = Reader::new(self, origin, true);
        reader.line(line);
        let (notes, done) = (std::mem::take(&mut reader.notes), reader.done.take());
        if !notes.faults.is_empty() {
            self.open.clone_from(&open);
        }
        if !line.prompted {
            return notes;
        }
        let early = |(_, fault): &(_, SyntaxFault)| matches!(fault, SyntaxFault::Incomplete { .. });
        if !notes.faults.is_empty() && notes.faults.iter().all(early) {
            let remark = |(place, _): &(crate::Place, _)| (place.clone(), SyntaxRemark::Unfinished);
            let remarks = notes.faults.iter().map(remark).collect();
            self.begun = Some(Begun { line: line.clone(), open, notes, done });
            return Notes { faults: Vec::new(), remarks };
        }
        if notes.faults.is_empty() {
            let notes = Notes::default();
            self.begun = Some(Begun { line: line.clone(), open, notes, done });
        }
        notes
    }

    /// A line behind one that it may go on with.
    fn second(&mut self, begun: Begun<K>, line: &Line, origin: &str) -> Notes {
        let candidate = !line.prompted && line.fault.is_none() && !is_session(&line.texts());
        if candidate && Reader::new(self, origin, true).resolve(&line.texts()).is_err() {
            let joined = begun.line.joined(line);
            let after = std::mem::replace(&mut self.open, begun.open.clone());
            if Reader::new(self, origin, true).resolve(&joined.texts()).is_ok() {
                if let Some((row, done)) = begun.done {
                    self.open = after;
                    self.take_back(row, done);
                    self.open = begun.open;
                }
                return self.single(&joined, origin);
            }
            self.open = after;
        }
        let mut notes = begun.notes;
        let said = self.single(line, origin);
        notes.faults.extend(said.faults);
        notes.remarks.extend(said.remarks);
        notes
    }
}
