//! The accounting records that no server has acknowledged yet, and which of them goes next.
//!
//! ```text
//!   push ──► held ──► take_next ──► (on its way) ──► acknowledged: gone
//!             ▲                         │
//!             └──── no server answered ─┘
//! ```
//!
//! When no server answers anything, one record at a time is tried at growing intervals, each time
//! another one. When servers answer others, the record that they have ignored waits until those have
//! gone, and of all such records one at a time goes: it keeps nobody else's from being taken.
//!
//! Records go in the order in which they were made, many at once, with two rules. Those of one
//! session follow each other: a Stop waits for the acknowledgement of its Start. And an
//! Accounting-On or -Off is a [gate](Kind::Gate): what was made behind it waits until it is
//! acknowledged, so that it ends no session that began after it. A record is kept until a server
//! acknowledges it (RFC 2866 §2: the client goes on "until it receives an acknowledgement, using
//! some form of backoff").
//!
//! A gate that servers ignore while they answer what is behind it is [given up](Unanswered::GivenUp).
//!
//! What is held is bounded in octets. The last eighth is for Stops: a session of which only the
//! Start is missing can still be billed.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kedge_sansio::Backoff;
use kedge_telemetry::counters;

use crate::gates::Gates;
use crate::ready::Ready;

/// Records on their way at once, as long as servers answer. The client's window is narrower until a
/// server has shown that it takes so many.
const WINDOW: usize = 2_048;
/// How long nothing is sent after no server answered, at first and at most.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(32);
/// What a record takes beside its octets.
const OVERHEAD: usize = 64;

/// What a record is to the order of records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The beginning of a session.
    Start,
    /// News of a session, which a later one makes superfluous: they count from its beginning.
    Interim,
    /// The end of a session.
    Stop,
    /// Accounting-On or Accounting-Off.
    Gate,
}

/// A record that was taken up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pushed {
    /// Its number.
    pub number: u64,
    /// The record whose place it takes.
    pub replaces: Option<u64>,
}

/// A record that waits for its acknowledgement.
#[derive(Clone, Debug)]
pub struct Held {
    /// What it is.
    pub kind: Kind,
    /// When what it says happened.
    pub happened: Instant,
    /// The session it is about, by which records follow each other.
    pub session: u64,
    /// Its attributes, as they are in a packet.
    pub attributes: Arc<[u8]>,
}

/// What it means that nobody has answered a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unanswered {
    /// It waits and goes again.
    Waits,
    /// The same, and servers have ceased to answer anything.
    Silence,
    /// Servers answer, but not this gate: it is given up.
    GivenUp,
}

/// The records of one client.
#[derive(Debug)]
pub struct Queue {
    held: BTreeMap<u64, Held>,
    /// The records of each session, the oldest first; only that one may go.
    chains: HashMap<u64, VecDeque<u64>>,
    /// Those that may go and are not on their way.
    ready: Ready,
    gates: Gates,
    /// Those on their way, with how many had been acknowledged when they went.
    under_way: HashMap<u64, u64>,
    /// How many were acknowledged.
    answers: u64,
    octets: usize,
    limit: usize,
    next: u64,
    pause: Backoff,
    /// Nothing goes before; `None` while servers answer.
    resume: Option<Instant>,
}

counters! {
    /// What became of accounting records.
    pub struct AccountingCounters: "Accounting", "accounting" {
        /// Starts of sessions of nodes and of tunnels.
        starts: "Start Records",
        /// Interim updates of sessions of tunnels.
        interims: "Interim Records",
        /// Stops of sessions of nodes and of tunnels.
        stops: "Stop Records",
        /// Accounting-On and Accounting-Off.
        announcements: "On/Off Records",
        /// Records that a server has acknowledged.
        acknowledged: "Acknowledged",
        /// Times that no server acknowledged a record and it had to wait.
        unanswered: "Unanswered",
        /// Records that were lost: nowhere was room for them, or no server could read them.
        dropped: "Dropped",
    }
}

impl Queue {
    /// An empty queue that holds at most so many octets.
    pub fn new(limit: usize) -> Self {
        Self {
            held: BTreeMap::new(),
            chains: HashMap::new(),
            ready: Ready::default(),
            gates: Gates::default(),
            under_way: HashMap::new(),
            answers: 0,
            octets: 0,
            limit,
            next: 1,
            pause: Backoff::new(PAUSE, LONGEST_PAUSE),
            resume: None,
        }
    }

    /// Takes up a record of an earlier run, under its number; they come in the order of these.
    pub fn restore(&mut self, number: u64, held: Held) {
        self.next = self.next.max(number.saturating_add(1));
        self.insert(number, held);
    }

    /// Takes a record up; `None` if there is no room for it.
    pub fn push(&mut self, held: Held) -> Option<Pushed> {
        let replaces = self.superfluous(&held);
        let freed = replaces.and_then(|number| self.held.get(&number)).map_or(0, size);
        let room = match held.kind {
            Kind::Start | Kind::Interim => self.limit - self.limit / 8,
            Kind::Stop | Kind::Gate => self.limit,
        };
        if self.octets - freed + size(&held) > room {
            return None;
        }
        if let Some(number) = replaces {
            self.take_out(number);
        }
        let number = self.next;
        self.next += 1;
        self.insert(number, held);
        Some(Pushed { number, replaces })
    }

    /// The interim record before this one, if it has not gone yet.
    fn superfluous(&self, held: &Held) -> Option<u64> {
        let chain = self.chains.get(&held.session).filter(|_| held.kind == Kind::Interim)?;
        let last = *chain.back()?;
        let waits = !self.under_way.contains_key(&last);
        (waits && self.held.get(&last)?.kind == Kind::Interim).then_some(last)
    }

    /// Takes the last record of a session out, which waits.
    fn take_out(&mut self, number: u64) {
        let Some(held) = self.held.remove(&number) else { return };
        self.octets -= size(&held);
        self.ready.forget(number);
        if let Some(chain) = self.chains.get_mut(&held.session) {
            chain.pop_back();
            if chain.is_empty() {
                self.chains.remove(&held.session);
            }
        }
    }

    fn insert(&mut self, number: u64, held: Held) {
        self.octets += size(&held);
        let chain = self.chains.entry(held.session).or_default();
        chain.push_back(number);
        if chain.len() == 1 {
            self.ready.add(number);
        }
        if held.kind == Kind::Gate {
            self.gates.add(number);
        }
        self.held.insert(number, held);
    }

    /// The record that is to be sent next, from here on on its way.
    pub fn take_next(&mut self, now: Instant) -> Option<(u64, &Held)> {
        let is_alone = self.resume.is_some() || self.gates.has_probe();
        let window = if is_alone { 1 } else { WINDOW };
        if self.under_way.len() >= window || self.resume.is_some_and(|resume| now < resume) {
            return None;
        }
        let probe = match self.gates.is_turn_of_others() && self.under_way.is_empty() {
            true => self.ready.take_behind(self.gates.waiting()),
            false => None,
        };
        let number = probe.or_else(|| self.ready.take(self.gates.limit()))?;
        self.gates.goes(probe);
        self.under_way.insert(number, self.answers);
        self.held.get(&number).map(|held| (number, held))
    }

    /// Whether a record is on its way ahead of a gate: its acknowledgement is none yet.
    pub fn is_probe(&self, number: u64) -> bool {
        self.gates.is_probe(number)
    }

    /// A server has acknowledged a record that was on its way. Says whether servers answer again,
    /// after none had.
    pub fn acknowledged(&mut self, number: u64) -> bool {
        if self.gates.answered(number) {
            self.under_way.remove(&number);
            self.ready.add(number);
        } else {
            self.remove(number);
        }
        self.answers += 1;
        self.pause = Backoff::new(PAUSE, LONGEST_PAUSE);
        self.resume.take().is_some()
    }

    /// A record that was on its way can go no way at all, and is given up.
    pub fn give_up(&mut self, number: u64) {
        self.remove(number);
    }

    fn remove(&mut self, number: u64) {
        let Some(held) = self.held.remove(&number) else { return };
        self.under_way.remove(&number);
        self.ready.over(number);
        self.octets -= size(&held);
        self.gates.over(number);
        let Some(chain) = self.chains.get_mut(&held.session) else { return };
        chain.pop_front();
        match chain.front() {
            Some(follower) => {
                self.ready.add(*follower);
            }
            None => {
                self.chains.remove(&held.session);
            }
        }
    }

    /// No server has answered a record that was on its way.
    pub fn unanswered(&mut self, number: u64, now: Instant) -> Unanswered {
        let Some(before) = self.under_way.remove(&number) else { return Unanswered::Waits };
        if self.gates.unanswered(number) {
            self.remove(number);
            return Unanswered::GivenUp;
        }
        let ignored = before != self.answers;
        self.ready.put_back(number, ignored);
        if ignored {
            return Unanswered::Waits;
        }
        let news = self.resume.is_none();
        // Those that were on their way together fail together, and are one reason to wait.
        if self.resume.is_none_or(|resume| resume <= now) {
            self.resume = Some(now + self.pause.next_interval());
        }
        if news { Unanswered::Silence } else { Unanswered::Waits }
    }

    /// When [`Self::take_next`] may have something that it has not now.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.resume.filter(|_| self.under_way.is_empty() && !self.ready.is_empty())
    }

    /// Whether no server has answered of late.
    pub fn is_stalled(&self) -> bool {
        self.resume.is_some()
    }

    /// A record that is held.
    pub fn get(&self, number: u64) -> Option<&Held> {
        self.held.get(&number)
    }

    /// The records that are held, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Held> {
        self.held.values()
    }

    /// How many records are held, those on their way among them.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether every record is acknowledged.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// How many records are on their way.
    pub fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// How many octets the records take, and how many they may.
    pub fn octets(&self) -> (usize, usize) {
        (self.octets, self.limit)
    }

    /// When what the oldest record says happened.
    pub fn oldest(&self) -> Option<Instant> {
        self.held.values().next().map(|held| held.happened)
    }
}

fn size(held: &Held) -> usize {
    held.attributes.len() + OVERHEAD
}
