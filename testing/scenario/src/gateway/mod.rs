//! A gateway on its stage, and the sentences about it. What each means is in the README.

mod given;
mod link;

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use kedge_mag::{BindingState, BindingView, InterfaceId, LinkState, Mag, Output, Settings};
use kedge_model::{BindingId, Datagram, Forwarding, SignalPath, VrfId};
use kedge_wire::{Packet, TimestampOption};

use crate::Stage;
use crate::clock::{Clock, duration};
use crate::counters::{Counters, gateway_balance};
use crate::fields::{Fields, mn_id};
use crate::message::{self, Said, usual};
use crate::script::{Sentence, Words, value};
use crate::seen::Seen;

/// The port of signalling over IPv4 (RFC 5844 §4).
const SIGNALLING: u16 = 5436;

/// What a message or a frame takes.
const TRAVEL: Duration = Duration::from_millis(1);

/// A gateway, what it has said and what it was told.
#[derive(Debug)]
pub struct Gateway {
    settings: Settings,
    /// Made by the first sentence that is not `given`.
    mag: Option<Mag>,
    clock: Clock,
    /// What it sent, and no sentence has named yet.
    unsaid: VecDeque<(SignalPath, Vec<u8>)>,
    /// The frames it has sent since something happened last.
    frames: Vec<(InterfaceId, Vec<u8>)>,
    forwarding: BTreeMap<BindingId, Forwarding>,
    counters: Counters,
    /// The message of each kind that was named last: an answer repeats some of it.
    last: BTreeMap<&'static str, Fields>,
    sequence: u16,
}

impl Gateway {
    /// The usual world before anything has happened.
    pub fn new() -> Result<Self, String> {
        Ok(Self {
            settings: given::usual()?,
            mag: None,
            clock: Clock::new(),
            unsaid: VecDeque::new(),
            frames: Vec::new(),
            forwarding: BTreeMap::new(),
            counters: Counters::default(),
            last: BTreeMap::new(),
            sequence: 1,
        })
    }

    fn mag(&mut self) -> &mut Mag {
        self.mag.get_or_insert_with(|| Mag::new(self.settings.clone(), 7))
    }

    fn act(&mut self, subject: &str, words: &mut Words<'_>) -> Result<(), String> {
        self.frames.clear();
        match subject {
            "wait" => self.wait(duration(words.next("a time span")?)?),
            "operator" => self.operate(words)?,
            "link" => {
                let interface = given::interface(words.next("an access interface")?)?;
                let state = match (words.take("goes down"), words.take("comes up")) {
                    (true, _) => LinkState::Down,
                    (_, true) => LinkState::Up,
                    _ => return Err("a link goes down or comes up".to_owned()),
                };
                let now = self.clock.now;
                self.mag().handle_link(interface, state, now);
            }
            node if given::NODES.contains(&node) => {
                let (interface, frame) = link::frame(node, words)?;
                self.clock.advance(TRAVEL);
                let now = self.clock.now;
                self.mag().handle_frame(interface, &frame, now);
            }
            station => self.hear(station, words)?,
        }
        self.drain();
        let now = self.clock.now.mono;
        let is_present = |view: &BindingView| view.state != BindingState::Deregistering;
        let present = self.mag().bindings(now).filter(is_present).count();
        gateway_balance(&self.mag().statistics(), present)
    }

    /// An anchor, or somebody else, says something to the gateway.
    fn hear(&mut self, station: &str, words: &mut Words<'_>) -> Result<(), String> {
        let path = path(station, words)?;
        let answers = words.take("answers");
        if !answers && !words.take("sends") {
            return Err(format!("“{}” is not understood", words.rest()));
        }
        let kind = if answers { "PBA" } else { words.next("a kind of message")? };
        let mut fields = usual(kind);
        if kind == "octets" {
            fields.push("octets", words.next("octets")?);
        } else {
            self.answer_fields(kind, &mut fields);
            if answers {
                fields.take("status");
                fields.push("status", words.next("a status")?);
            }
            fields = fields.changed_by(words)?;
            if kind != "BE" && fields.all("sequence").next().is_none() {
                fields.push("sequence", self.sequence);
                self.sequence = self.sequence.wrapping_add(1);
            }
        }
        self.clock.advance(TRAVEL);
        let (ours, theirs) = (path.local.ip(), path.peer.ip());
        let bytes = message::encode(kind, fields, (theirs, ours), ours, &self.clock)?;
        let now = self.clock.now;
        self.mag().handle_datagram(Datagram { path, dscp: 0, bytes: &bytes }, now);
        Ok(())
    }

    /// What an answer repeats of the message it answers (RFC 5213 §5.3.6).
    fn answer_fields(&self, kind: &str, fields: &mut Fields) {
        let (question, names): (&str, &[&str]) = match kind {
            "PBA" => ("PBU", &["sequence", "nai", "handoff", "att", "llid", "timestamp"]),
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
    fn wait(&mut self, time: Duration) {
        let end = self.clock.now.mono + time;
        loop {
            let due = self.mag().poll_timeout().unwrap_or(end).min(end);
            self.clock.advance(due.saturating_duration_since(self.clock.now.mono));
            let now = self.clock.now;
            self.mag().handle_timeout(now);
            self.drain();
            if now.mono >= end && self.mag().poll_timeout().is_none_or(|due| due > end) {
                return;
            }
        }
    }

    fn operate(&mut self, words: &mut Words<'_>) -> Result<(), String> {
        let now = self.clock.now;
        match words.next("what the operator does")? {
            "sets" => {
                given::set(&mut self.settings, words)?;
                let settings = self.settings.clone();
                self.mag().apply(settings, now);
            }
            "clears" if words.take("everything") => drop(self.mag().clear_all(now)),
            "clears" => {
                let node = mn_id(words.next("a node")?)?;
                self.mag().clear(&node, now);
            }
            "stops" if words.take("the gateway") => self.mag().shutdown(now),
            "announces" if words.take("a restart") => self.mag().announce_restart(),
            other => return Err(format!("an operator does not “{other}”")),
        }
        Ok(())
    }

    fn drain(&mut self) {
        while let Some(output) = self.mag().poll_output() {
            match output {
                Output::Send { path, bytes, .. } => self.unsaid.push_back((path, bytes)),
                Output::Frame { interface, bytes } => self.frames.push((interface, bytes)),
                Output::Forward { binding, want: Some(want) } => {
                    self.forwarding.insert(binding, want);
                }
                Output::Forward { binding, want: None } => drop(self.forwarding.remove(&binding)),
                Output::Access { .. } | Output::Identify { .. } | Output::Event(_) => {}
            }
        }
    }

    fn check(&mut self, words: &mut Words<'_>) -> Result<(), String> {
        match words.next("what the gateway does")? {
            "sends" => {
                let kind = words.next("a kind of message")?.to_owned();
                self.check_sent(&kind, words)?.fields.check(words)
            }
            "says" if words.take("nothing") => self.check_silent(),
            "advertises" => link::check_advertised(&self.frames, words),
            "forwards" => self.check_forwarding(words),
            "does" if words.take("not forward") => {
                let node = words.next("a node")?;
                match self.forwarded(node)?.first() {
                    Some(fields) => Err(format!("of {node} it forwards: {fields}")),
                    None => Ok(()),
                }
            }
            "holds" => self.check_held(words),
            other => Err(format!("a gateway does not “{other}”")),
        }
    }

    fn check_sent(&mut self, kind: &str, words: &mut Words<'_>) -> Result<Said, String> {
        let to = match words.take("to") {
            true => Some(given::anchor(words.next("an anchor")?)?),
            false => None,
        };
        let (path, bytes) = self.unsaid.pop_front().ok_or_else(|| format!("it sent no {kind}"))?;
        let said = message::read(&path, &bytes, &self.clock)?;
        let mut repeated = said.fields.clone();
        // Words are not exact enough for what is repeated to the tick.
        let packet = Packet::decode(&bytes).map_err(|error| error.to_string())?;
        if let Some(TimestampOption(time)) = packet.options.get::<TimestampOption>() {
            repeated.take("timestamp");
            repeated.push("timestamp", format_args!("={}", time.0));
        }
        self.mag().reclaim(bytes);
        self.last.insert(said.kind, repeated);
        if said.kind != kind || to.is_some_and(|to| to != path.peer.ip()) {
            return Err(format!("it sent to {}: {} {}", path.peer, said.kind, said.fields));
        }
        Ok(said)
    }

    /// Whether every message it sent was said.
    fn check_silent(&mut self) -> Result<(), String> {
        let Some((path, bytes)) = self.unsaid.pop_front() else { return Ok(()) };
        let said = message::read(&path, &bytes, &self.clock)?;
        Err(format!("it also sent to {}: {} {}", path.peer, said.kind, said.fields))
    }

    /// `gateway forwards alice to lma1 tunnel ipip address 2001:db8:100::/64`.
    fn check_forwarding(&mut self, words: &mut Words<'_>) -> Result<(), String> {
        let node = words.next("a node")?;
        let to = if words.take("to") { words.next("an anchor")? } else { "any" };
        let forwarded = self.forwarded(node)?;
        let matches = |fields: &&Fields| {
            let there = to == "any" || fields.all("to").any(|other| other == to);
            there && fields.check(&mut words.clone()).is_ok()
        };
        if forwarded.iter().any(|fields| matches(&fields)) {
            words.rest();
            return Ok(());
        }
        Err(format!("of {node} it forwards: {forwarded:?}"))
    }

    fn forwarded(&mut self, node: &str) -> Result<Vec<Fields>, String> {
        let node = mn_id(node)?;
        let now = self.clock.now.mono;
        let sessions: Vec<BindingId> =
            self.mag().bindings(now).filter(|view| view.mn_id == node).map(|v| v.binding).collect();
        let wanted = sessions.iter().filter_map(|id| self.forwarding.get(id));
        Ok(wanted.map(|want| Fields::of_forwarding(want, anchor_name)).collect())
    }

    /// `gateway holds 2 sessions`, `gateway holds alice state active hnp 2001:db8:100::/64`.
    fn check_held(&mut self, words: &mut Words<'_>) -> Result<(), String> {
        let first = words.next("what it holds")?;
        let now = self.clock.now.mono;
        if words.take("sessions") || words.take("session") {
            let number: usize = value(first, "a number")?;
            let held = self.mag().bindings(now).count();
            return match held == number {
                true => Ok(()),
                false => Err(format!("it holds {held} sessions")),
            };
        }
        let node = mn_id(first)?;
        let mut held = Vec::new();
        for view in self.mag().bindings(now).filter(|view| view.mn_id == node) {
            let mut fields = Fields::default();
            fields.push(
                "state",
                match view.state {
                    BindingState::Registering => "registering",
                    BindingState::Active => "active",
                    BindingState::Refreshing => "refreshing",
                    BindingState::Refused(_) => "refused",
                    BindingState::Deregistering => "deregistering",
                },
            );
            fields.push("on", format_args!("access{}", view.interface.0));
            fields.push("at", anchor_name(view.lma));
            view.prefixes.iter().for_each(|prefix| fields.push("hnp", prefix));
            view.ipv4.iter().for_each(|home| fields.push("ipv4", home));
            if let Some((lifetime, _)) = view.lifetime {
                fields.push("lifetime", lifetime.secs());
            }
            held.push(fields);
        }
        if held.iter().any(|fields| fields.check(&mut words.clone()).is_ok()) {
            words.rest();
            return Ok(());
        }
        let all: Vec<String> = held.iter().map(Fields::to_string).collect();
        Err(format!("of {first} it holds: {}", all.join("; ")))
    }
}

impl Stage for Gateway {
    fn say(&mut self, sentence: &Sentence, seen: &mut Seen) -> Result<(), String> {
        let mut words = sentence.words();
        match words.next("a word")? {
            "given" if self.mag.is_some() => {
                return Err("what is given stands before what happens".to_owned());
            }
            "given" => given::set(&mut self.settings, &mut words)?,
            "counters" => {
                let groups = self.mag().statistics();
                if words.take("from here") {
                    self.counters.begin(&groups);
                    return words.finish();
                }
                seen.assertions += 1;
                return self.counters.check(sentence, &groups, seen);
            }
            "gateway" => {
                seen.assertions += 1;
                self.check(&mut words)?;
            }
            subject => {
                self.check_silent()?;
                self.act(subject, &mut words)?;
            }
        }
        words.finish()
    }

    fn finish(&mut self) -> Result<(), String> {
        self.check_silent()
    }
}

/// The name of whoever has an address.
fn anchor_name(address: IpAddr) -> String {
    let text = address.to_string();
    let named = given::ANCHORS.iter().find(|(_, address)| *address == text);
    named.map_or(text, |(name, _)| (*name).to_owned())
}

/// The path between the gateway and an anchor, or `somebody at` an address.
fn path(station: &str, words: &mut Words<'_>) -> Result<SignalPath, String> {
    let peer: IpAddr = match words.take("at") {
        true => words.value("an address")?,
        false => given::anchor(station)?,
    };
    let is_ipv4 = peer.is_ipv4();
    let local: IpAddr = value(given::GATEWAY[usize::from(is_ipv4)], "an address")?;
    let port = if is_ipv4 { SIGNALLING } else { 0 };
    let end = |address: IpAddr| SocketAddr::from((address, port));
    Ok(SignalPath { transport: VrfId::DEFAULT, local: end(local), peer: end(peer) })
}
