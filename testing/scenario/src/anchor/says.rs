//! What the anchor has to say, and to refuse: `anchor answers …`, `anchor denies with …`.

use kedge_lma::Rejection;

use super::Anchor;
use crate::fields::mn_id;
use crate::message::{self, Said};
use crate::script::{Sentence, Words};

impl Anchor {
    pub(super) fn check(
        &mut self,
        words: &mut Words<'_>,
        sentence: &Sentence,
    ) -> Result<(), String> {
        match words.next("what the anchor does")? {
            "answers" => {
                let status = words.next("a status")?.to_owned();
                if let Some(rejection) = self.refused.take() {
                    return Err(format!("it refused it: {}", refusal(&Some(rejection))));
                }
                let said = self.check_sent("PBA", words)?;
                said.fields.check_one("status", &status)?;
                said.fields.check(words)
            }
            "denies" if words.take("with") => self.check_denial(words, sentence),
            "discards:" => {
                let why = words.rest();
                match self.refused.take() {
                    Some(Rejection::Discarded(discard)) if discard.to_string() == why => Ok(()),
                    other => Err(format!("it did not discard that, but: {}", refusal(&other))),
                }
            }
            "sends" => {
                let kind = words.next("a kind of message")?.to_owned();
                self.check_sent(&kind, words)?.fields.check(words)
            }
            "says" if words.take("nothing") => self.check_silent(),
            "forwards" => self.check_forwarding(words),
            "does" if words.take("not forward") => {
                let node = mn_id(words.next("a node")?)?;
                let held = self.holdings(&node);
                match held.iter().find(|(id, _)| self.forwarding.contains_key(id)) {
                    Some((id, _)) => Err(format!("it forwards {:?}", self.forwarding[id])),
                    None => Ok(()),
                }
            }
            "asks" if words.take("AAA about") => {
                let node = mn_id(words.next("a node")?)?;
                match self.questions.contains_key(&node) {
                    true => Ok(()),
                    false => Err("it did not".to_owned()),
                }
            }
            "holds" => self.check_held(words),
            other => Err(format!("an anchor does not “{other}”")),
        }
    }

    /// `anchor denies with 160: no mobile node identifier option`, and below it what the answer has.
    fn check_denial(&mut self, words: &mut Words<'_>, sentence: &Sentence) -> Result<(), String> {
        let mut first = sentence.first_line();
        first.take("anchor denies with");
        let status = first.next("a status")?.trim_end_matches(':').to_owned();
        let why = first.rest();
        match self.refused.take() {
            Some(Rejection::Denied(denial)) if denial.to_string() == why => {}
            other => return Err(format!("it did not deny that, but: {}", refusal(&other))),
        }
        words.rest();
        let said = self.check_sent("PBA", &mut first)?;
        said.fields.check_one("status", &status)?;
        sentence.below().try_for_each(|mut line| said.fields.check(&mut line))
    }

    /// The next message it sent, which has to be of this kind and to this station, or to the one
    /// that was heard last.
    fn check_sent(&mut self, kind: &str, words: &mut Words<'_>) -> Result<Said, String> {
        let expected = match words.take("to") {
            true => Some(self.path(words.next("a station")?, words)?),
            false => self.heard,
        };
        let (path, bytes) = self.unsaid.pop_front().ok_or_else(|| format!("it sent no {kind}"))?;
        let said = message::read(&path, &bytes, &self.clock)?;
        self.lma().reclaim(bytes);
        self.last.insert(said.kind, said.fields.clone());
        if said.kind != kind || expected.is_some_and(|expected| expected != path) {
            let to = path.peer;
            return Err(format!("it sent this to {to}: {} {}", said.kind, said.fields));
        }
        Ok(said)
    }

    /// Whether everything it sent, and what it refused, was said.
    pub(super) fn check_silent(&mut self) -> Result<(), String> {
        if let Some(rejection) = self.refused.take() {
            return Err(format!("it refused the message before: {rejection}"));
        }
        match self.unsaid.pop_front() {
            Some((path, bytes)) => {
                let said = message::read(&path, &bytes, &self.clock)?;
                Err(format!("it also sent to {}: {} {}", path.peer, said.kind, said.fields))
            }
            None => Ok(()),
        }
    }
}

/// Why a message was refused, as scenarios write it.
fn refusal(refused: &Option<Rejection>) -> String {
    match refused {
        None => "it accepted it".to_owned(),
        Some(Rejection::Denied(denial)) => format!("denies with {}: {denial}", denial.status().0),
        Some(Rejection::Discarded(discard)) => format!("discards: {discard}"),
    }
}
