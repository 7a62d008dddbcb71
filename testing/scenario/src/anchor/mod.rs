//! An anchor on its stage, and the sentences about it. What each means is in the README.

mod given;
mod holds;
mod says;

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use kedge_lma::{Change, Lma, Load, NoProfile, Output, Rejection, Settings, Ticket};
use kedge_model::{BindingId, CustomerId, Datagram, Forwarding, MnId, SignalPath, VrfId};
use kedge_telemetry::Group;
use kedge_wire::registry::RevocationTrigger;

use crate::Stage;
use crate::clock::{Clock, duration};
use crate::counters::{Counters, anchor_balance, peer_balance};
use crate::fields::{Fields, mn_id};
use crate::message::{self, usual};
use crate::script::{Sentence, Words, value};
use crate::seen::Seen;

/// The port of signalling over IPv4 (RFC 5844 §4).
const SIGNALLING: u16 = 5436;

/// An anchor, what it has said and what it was told.
#[derive(Debug)]
pub struct Anchor {
    settings: Settings,
    /// Made by the first sentence that is not `given`.
    lma: Option<Lma>,
    clock: Clock,
    /// What it sent, and no sentence has named yet.
    unsaid: VecDeque<(SignalPath, Vec<u8>)>,
    /// Why it refused the last message, if no sentence has said so yet.
    refused: Option<Rejection>,
    forwarding: BTreeMap<BindingId, Forwarding>,
    counters: Counters,
    /// Those of each gateway that a sentence has named.
    counters_of: BTreeMap<String, Counters>,
    /// What it asked AAA, and no sentence has answered yet.
    questions: BTreeMap<MnId, Ticket>,
    /// Where the last message came from.
    heard: Option<SignalPath>,
    /// What it sent last, by kind: an answer repeats some of it.
    last: BTreeMap<&'static str, Fields>,
    /// The number of the next message to it.
    sequence: u16,
}

impl Anchor {
    /// The usual world before anything has happened.
    pub fn new() -> Self {
        Self {
            settings: given::usual(),
            lma: None,
            clock: Clock::new(),
            unsaid: VecDeque::new(),
            refused: None,
            forwarding: BTreeMap::new(),
            counters: Counters::default(),
            counters_of: BTreeMap::new(),
            questions: BTreeMap::new(),
            heard: None,
            last: BTreeMap::new(),
            sequence: 1,
        }
    }

    fn lma(&mut self) -> &mut Lma {
        self.lma.get_or_insert_with(|| Lma::new(self.settings.clone(), 7))
    }

    fn act(&mut self, subject: &str, words: &mut Words<'_>) -> Result<(), String> {
        match subject {
            "wait" => self.wait(duration(words.next("a time span")?)?)?,
            "operator" => self.operate(words)?,
            "AAA" => self.hear_aaa(words)?,
            "load" if words.take("becomes") => {
                let load = match words.next("a load")? {
                    "normal" => Load::Normal,
                    "busy" => Load::Busy,
                    "saturated" => Load::Saturated,
                    other => return Err(format!("“{other}” is no load")),
                };
                self.lma().set_load(load);
            }
            "forwarding" if words.take("stops") => self.lma().handle_forwarding_stopped(),
            "transport" if words.take("refuses") => self.refuse_transport(words)?,
            "transport" if words.take("answers with a Parameter Problem") => {
                self.lma().handle_problem_told();
            }
            station => {
                let path = self.path(station, words)?;
                if !words.take("sends") {
                    return Err(format!("“{}” is not understood", words.rest()));
                }
                self.hear(path, words)?;
            }
        }
        self.drain();
        let pending = self.lma().pending();
        let peers = self.lma().peers().map(|peer| Group::of(&peer.counters));
        peers.collect::<Vec<_>>().into_iter().try_for_each(|group| peer_balance(&[group]))?;
        anchor_balance(&self.lma().statistics(), pending)
    }

    /// A station says something to the anchor.
    fn hear(&mut self, path: SignalPath, words: &mut Words<'_>) -> Result<(), String> {
        self.clock.advance(Duration::from_millis(1));
        let kind = words.next("a kind of message")?;
        let mut dscp = 0;
        let mut fields = usual(kind);
        if kind == "octets" {
            fields.push("octets", words.next("octets")?);
        } else {
            self.answer_fields(kind, &mut fields);
            fields = fields.changed_by(words)?;
            dscp = fields.take("dscp").map_or(Ok(0), |word| value(&word, "a code point"))?;
            if kind != "BE" && fields.all("sequence").next().is_none() {
                fields.push("sequence", self.sequence);
                self.sequence = self.sequence.wrapping_add(1);
            }
        }
        let ends = (path.peer.ip(), path.local.ip());
        let bytes = message::encode(kind, fields, ends, path.peer.ip(), &self.clock)?;
        self.heard = Some(path);
        let now = self.clock.now;
        self.refused =
            self.lma().handle_datagram(Datagram { path, dscp, bytes: &bytes }, now).err();
        Ok(())
    }

    /// What an answer repeats of the message it answers.
    fn answer_fields(&self, kind: &str, fields: &mut Fields) {
        let (question, names): (&str, &[&str]) = match kind {
            "BRA" => ("BRI", &["sequence", "flags"]),
            "heartbeat" => ("heartbeat", &["sequence"]),
            _ => return,
        };
        let asked = self.last.get(question);
        for (name, value) in asked.into_iter().flat_map(|asked| &asked.0) {
            if names.contains(&name.as_str()) {
                fields.push(name, value);
            }
        }
    }

    /// Lets time pass; what comes due on the way is done when it comes due.
    fn wait(&mut self, time: Duration) -> Result<(), String> {
        let end = self.clock.now.mono + time;
        loop {
            let due = self.lma().poll_timeout().unwrap_or(end).min(end);
            self.clock.advance(due.saturating_duration_since(self.clock.now.mono));
            let now = self.clock.now;
            self.lma().handle_timeout(now);
            self.drain();
            if now.mono >= end && self.lma().poll_timeout().is_none_or(|due| due > end) {
                return Ok(());
            }
        }
    }

    fn operate(&mut self, words: &mut Words<'_>) -> Result<(), String> {
        let now = self.clock.now;
        let customer = CustomerId::DEFAULT;
        match words.next("what the operator does")? {
            "sets" => {
                given::set(&mut self.settings, words)?;
                let settings = self.settings.clone();
                self.lma().apply(settings, now);
            }
            "clears" if words.take("everything") => drop(self.lma().clear_all(now)),
            "clears" if words.take("realm") => {
                let realm = words.next("a realm")?.to_owned();
                self.lma().clear_realm(customer, &realm, now);
            }
            "clears" if words.take("gateway") => {
                let name = words.next("a gateway")?.to_owned();
                self.lma().clear_peer(&name, now);
            }
            "clears" => {
                let node = mn_id(words.next("a node")?)?;
                self.lma().clear(customer, &node, now);
            }
            "revokes" => {
                let ipv4 = words.take("IPv4 of");
                let node = mn_id(words.next("a node")?)?;
                let trigger = match words.take("with trigger") {
                    true => RevocationTrigger(words.value("a number")?),
                    false => RevocationTrigger::ADMINISTRATIVE_REASON,
                };
                match ipv4 {
                    true => self.lma().revoke_ipv4(customer, &node, trigger, now),
                    false => self.lma().revoke(customer, &node, trigger, now),
                };
            }
            "announces" if words.take("a restart to") => {
                let path = self.path(words.next("a station")?, words)?;
                self.lma().announce_restart([path]);
            }
            other => return Err(format!("an operator does not “{other}”")),
        }
        Ok(())
    }

    /// AAA says something about a node: `AAA accepts alice dual`, `AAA refuses alice`,
    /// `AAA does not answer for alice`, `AAA cannot be asked about alice`, and of a node that has
    /// sessions `AAA lets alice stay 30s`.
    fn hear_aaa(&mut self, words: &mut Words<'_>) -> Result<(), String> {
        let now = self.clock.now;
        if words.take("lets") {
            let node = mn_id(words.next("a node")?)?;
            words.take("stay");
            let session = Some(duration(words.next("a time span")?)?);
            let change = Change { session, class: None };
            return match self.lma().change_authorization(CustomerId::DEFAULT, &node, &change, now) {
                0 => Err("it knows nothing of that node by AAA".to_owned()),
                _ => Ok(()),
            };
        }
        let silent = match () {
            () if words.take("refuses") => Some(NoProfile::Refused),
            () if words.take("does not answer for") => Some(NoProfile::Unreachable),
            () if words.take("cannot be asked about") => Some(NoProfile::Failed),
            () if words.take("accepts") => None,
            () => return Err(format!("AAA does not “{}”", words.rest())),
        };
        let node = mn_id(words.next("a node")?)?;
        let answer = match silent {
            Some(why) => Err(why),
            None => Ok(given::profile_of_aaa(words)?),
        };
        let ticket = self.questions.remove(&node).ok_or("AAA was not asked about that node")?;
        self.refused = self.lma().handle_authorization(ticket, answer, now).err();
        Ok(())
    }

    /// The transport does not take what the anchor sent: `transport refuses the answer`.
    fn refuse_transport(&mut self, words: &mut Words<'_>) -> Result<(), String> {
        let _what = words.rest();
        let (_, bytes) = self.unsaid.pop_front().ok_or("there is nothing to refuse")?;
        self.lma().handle_send_error(bytes);
        Ok(())
    }

    fn drain(&mut self) {
        while let Some(output) = self.lma().poll_output() {
            match output {
                Output::Send { path, bytes, .. } => self.unsaid.push_back((path, bytes)),
                Output::Forward { binding, want: Some(want) } => {
                    self.forwarding.insert(binding, want);
                }
                Output::Forward { binding, want: None } => drop(self.forwarding.remove(&binding)),
                Output::Authorize(question) => {
                    self.questions.insert(question.mn_id, question.ticket);
                }
                Output::Event(_) => {}
            }
        }
    }

    /// The path between the anchor and a station: `mag1`, `mag1 over IPv4`, `mag1 at 192.0.2.9:77`.
    fn path(&self, station: &str, words: &mut Words<'_>) -> Result<SignalPath, String> {
        let over_ipv4 = words.take("over IPv4");
        let peer = match words.take("at") {
            true => {
                let word = words.next("an address")?;
                let alone = word.parse::<IpAddr>().map(|address| (address, SIGNALLING).into());
                word.parse::<SocketAddr>()
                    .or(alone)
                    .map_err(|_| format!("“{word}” is no address"))?
            }
            false => (given::address(station, over_ipv4)?, SIGNALLING).into(),
        };
        let ipv4 = peer.is_ipv4();
        let port = if ipv4 { peer.port() } else { 0 };
        let local: IpAddr = value(given::ANCHOR[usize::from(ipv4)], "an address")?;
        Ok(SignalPath {
            transport: VrfId::DEFAULT,
            local: (local, if ipv4 { SIGNALLING } else { 0 }).into(),
            peer: (peer.ip(), port).into(),
        })
    }
}

impl Stage for Anchor {
    fn say(&mut self, sentence: &Sentence, seen: &mut Seen) -> Result<(), String> {
        let mut words = sentence.words();
        match words.next("a word")? {
            "given" if self.lma.is_some() => {
                return Err("what is given stands before what happens".to_owned());
            }
            "given" => given::set(&mut self.settings, &mut words)?,
            "counters" if words.take("of") => {
                let gateway = words.next("a gateway")?.to_owned();
                let group =
                    Group::of(&self.lma().peer(&gateway).ok_or("it is not known")?.counters);
                seen.assertions += 1;
                let counters = self.counters_of.entry(gateway).or_default();
                return counters.check(sentence, &[group], seen);
            }
            "counters" => {
                let groups = self.lma().statistics();
                if words.take("from here") {
                    self.counters.begin(&groups);
                    return words.finish();
                }
                seen.assertions += 1;
                return self.counters.check(sentence, &groups, seen);
            }
            "anchor" => {
                seen.assertions += 1;
                self.check(&mut words, sentence)?;
            }
            subject => {
                if subject != "transport" {
                    self.check_silent()?;
                }
                self.act(subject, &mut words)?;
                if let Some(rejection) = &self.refused {
                    seen.rejection(rejection);
                }
            }
        }
        words.finish()
    }

    fn finish(&mut self) -> Result<(), String> {
        self.check_silent()
    }
}
