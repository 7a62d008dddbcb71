//! Answers that are made while packets are served: long lists.
//!
//! A look through a million bindings takes longer than a message may wait. So such an answer is made
//! by the slice, one a turn of the loop, and whoever asked has it when it is whole.

use std::collections::VecDeque;

use kedge_api::{Call, Refusal, Reply};
use kedge_config::Pipe;
use kedge_sansio::Now;

use crate::anchor::Anchor;
use crate::answer::Look;
use crate::fit::fit;

/// A long answer, and what is to be done with it when it is made.
pub struct Listing {
    look: Box<dyn Look>,
    pipes: Vec<Pipe>,
    width: Option<u16>,
}

impl Listing {
    /// Nothing of it is made yet.
    pub fn new(look: Box<dyn Look>, pipes: Vec<Pipe>, width: Option<u16>) -> Self {
        Self { look, pipes, width }
    }

    fn finish(self) -> Reply {
        match self.look.finish() {
            Reply::Text(text) => Reply::Text(fitted(text, &self.pipes, self.width)),
            made => made,
        }
    }
}

/// What the pipes leave of a text, for a terminal of so many columns.
pub fn fitted(text: String, pipes: &[Pipe], width: Option<u16>) -> String {
    let text = pipes.iter().fold(text, |text, pipe| pipe.apply(&text));
    match width {
        Some(width) => fit(&text, width),
        None => text,
    }
}

/// The long answers that are being made; each client waits for one at most.
#[derive(Default)]
pub struct Listings {
    list: VecDeque<Waiting>,
}

struct Waiting {
    listing: Listing,
    call: Call,
    /// The mode that the client is in.
    mode: Option<String>,
}

impl Listings {
    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Somebody waits for a long answer.
    pub fn add(&mut self, listing: Listing, call: Call, mode: Option<String>) {
        self.list.push_back(Waiting { listing, call, mode });
    }

    /// Makes a slice of one of them, the next one next time.
    pub fn go_on(&mut self, anchor: Option<&Anchor>, now: Now) {
        let Some(mut waiting) = self.list.pop_front() else { return };
        let Some(anchor) = anchor else {
            let gone = Refusal::new("the anchor has been removed");
            return waiting.call.answer(Err(gone), waiting.mode);
        };
        match waiting.listing.look.go_on(anchor, now) {
            true => waiting.call.answer(Ok(waiting.listing.finish()), waiting.mode),
            false => self.list.push_back(waiting),
        }
    }
}
