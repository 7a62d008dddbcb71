//! Who a node is when no table says it: AAA does, asked by its MAC address (RFC 6572 §5).
//!
//! ```text
//!   frame of an unknown MAC ──► asked ──► known: begun, and known while it is attached
//!                                 └─────► refused, or no answer: not asked again for a while
//! ```
//!
//! What was learned goes behind what is configured: the static tables are looked at first, and a
//! node they come to know is theirs. One question runs for a MAC address at a time; a flood of
//! addresses meets a bounded table, whose oldest refusals give way.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use kedge_model::{MacAddr, MnId};
use kedge_sansio::Now;
use tracing::debug;

use crate::{InterfaceId, Mag, Output, Profile, Settings, Trigger};

/// How many addresses are remembered, whatever is known of them.
const MOST: usize = 4_096;
/// How many of them are being asked about at a time.
const MOST_ASKED: usize = 256;
/// How long an answer is waited for, whatever the shell does.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one that was refused is not asked about again.
const REFUSED_FOR: Duration = Duration::from_secs(300);
/// How long one that nobody answered for is not.
const SILENT_FOR: Duration = Duration::from_secs(10);
/// How long a node is known beyond its attachment.
const KNOWN_FOR: Duration = Duration::from_secs(600);

/// Who a node is, by AAA's words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// Its identifier in updates (RFC 6572 §4.2).
    pub mn_id: MnId,
    /// What it gets, where no profile of its own is configured.
    pub profile: Profile,
}

/// Why AAA does not say who a node is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unidentified {
    /// It may not be served.
    Refused,
    /// Nobody has answered.
    Unanswered,
}

#[derive(Debug)]
enum State {
    Asked { interface: InterfaceId, trigger: Trigger },
    Known(Box<Identity>),
    Unknown,
}

#[derive(Debug)]
struct Node {
    state: State,
    until: Instant,
}

/// What AAA was asked, and said.
#[derive(Debug, Default)]
pub(crate) struct Identities {
    nodes: BTreeMap<MacAddr, Node>,
    /// In the order in which they came; those that are gone are passed over.
    order: VecDeque<MacAddr>,
    asked: usize,
}

impl Identities {
    fn set(&mut self, mac: MacAddr, state: State, until: Instant) {
        self.asked += usize::from(matches!(state, State::Asked { .. }));
        match self.nodes.insert(mac, Node { state, until }) {
            Some(before) => self.asked -= usize::from(matches!(before.state, State::Asked { .. })),
            None => self.order.push_back(mac),
        }
    }

    /// Whether there is room for another, once the oldest that is nobody's has given way.
    fn make_room(&mut self) -> bool {
        for _ in 0..self.order.len() {
            if self.nodes.len() < MOST {
                return true;
            }
            let Some(mac) = self.order.pop_front() else { break };
            match self.nodes.get(&mac).map(|node| &node.state) {
                Some(State::Unknown) => drop(self.nodes.remove(&mac)),
                Some(_) => self.order.push_back(mac),
                None => {}
            }
        }
        self.nodes.len() < MOST
    }
}

impl Mag {
    /// Input: AAA's answer about a MAC address. One that was not asked for is none.
    pub fn handle_identity(
        &mut self,
        mac: MacAddr,
        answer: Result<Identity, Unidentified>,
        now: Now,
    ) {
        let asked = self.identities.nodes.get(&mac).map(|node| &node.state);
        let Some(&State::Asked { interface, trigger }) = asked else { return };
        let unknown_for = match answer {
            Ok(identity) => {
                self.stats.access.identified += 1;
                learn(&mut self.settings, mac, &identity);
                self.identities.set(mac, State::Known(Box::new(identity)), now.mono + KNOWN_FOR);
                self.attend(interface, mac, trigger, now);
                return;
            }
            Err(Unidentified::Refused) => {
                self.stats.access.identities_refused += 1;
                REFUSED_FOR
            }
            Err(Unidentified::Unanswered) => {
                self.stats.access.identities_unanswered += 1;
                SILENT_FOR
            }
        };
        self.identities.set(mac, State::Unknown, now.mono + unknown_for);
    }

    /// Asks who a node is that no table knows, unless that is known to be in vain for now.
    pub(crate) fn ask_identity(
        &mut self,
        interface: InterfaceId,
        mac: MacAddr,
        trigger: Trigger,
        now: Now,
    ) {
        if !self.settings.aaa {
            return;
        }
        self.forget_identities(now);
        if self.identities.nodes.get(&mac).is_some_and(|node| now.mono < node.until) {
            return;
        }
        if self.identities.asked >= MOST_ASKED || !self.identities.make_room() {
            debug!(?mac, "too many nodes are being asked about");
            return;
        }
        self.stats.access.identities_asked += 1;
        self.identities.set(mac, State::Asked { interface, trigger }, now.mono + PATIENCE);
        self.out.push_back(Output::Identify { interface, mac });
    }

    /// Settings with what AAA has said behind them.
    pub(crate) fn with_identities(&self, mut settings: Settings) -> Settings {
        if settings.aaa {
            for (mac, node) in &self.identities.nodes {
                if let State::Known(identity) = &node.state {
                    learn(&mut settings, *mac, identity);
                }
            }
        }
        settings
    }

    /// Forgets what has had its time, from the oldest on: looked at when somebody new comes.
    fn forget_identities(&mut self, now: Now) {
        while let Some(mac) = self.identities.order.front().copied() {
            match self.identities.nodes.get_mut(&mac) {
                Some(node) if now.mono < node.until => return,
                // A node is known while it is here.
                Some(node) if self.list.by_mac(mac).is_some() => {
                    node.until = now.mono + KNOWN_FOR;
                    self.identities.order.rotate_left(1);
                    return;
                }
                _ => {}
            }
            self.identities.order.pop_front();
            let Some(node) = self.identities.nodes.remove(&mac) else { continue };
            match node.state {
                State::Known(identity) => {
                    if self.settings.identities.get(&mac) == Some(&identity.mn_id) {
                        self.settings.identities.remove(&mac);
                    }
                    if self.settings.profiles.get(&identity.mn_id) == Some(&identity.profile) {
                        self.settings.profiles.remove(&identity.mn_id);
                    }
                }
                State::Asked { .. } => {
                    self.identities.asked -= 1;
                    self.stats.access.identities_unanswered += 1;
                }
                State::Unknown => {}
            }
        }
    }
}

fn learn(settings: &mut Settings, mac: MacAddr, identity: &Identity) {
    let mn_id = settings.identities.entry(mac).or_insert_with(|| identity.mn_id.clone());
    if *mn_id == identity.mn_id {
        let profile = || identity.profile.clone();
        settings.profiles.entry(identity.mn_id.clone()).or_insert_with(profile);
    }
}
