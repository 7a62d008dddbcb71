//! The mobile access gateway (RFC 5213 §6, RFC 5844 §3.2-3.4 and §4.2, RFC 5845 §4, RFC 5846 §9,
//! RFC 5847, RFC 6543, RFC 7148 §5.1) as a machine: messages, frames, commands and time go in;
//! messages, frames, the forwarding state that is wanted and events come out.
//!
//! The crate is pure: no socket, no clock, no thread, and its randomness is a seed.
//!
//! # What it does
//!
//! A node that is heard on an access link, or that a static interface always has, is looked up in
//! the identity tables and registered with its anchor by a Proxy Binding Update. Once the anchor has accepted, the gateway wants a tunnel for the node
//! ([`Output::Forward`]) and routes to it ([`Output::Access`]), advertises the home network
//! prefixes to the node alone, and hands the IPv4 home address out by DHCP, and prefixes for the
//! network behind a node by DHCPv6. It refreshes the binding while the node is there, takes it to
//! another anchor when its own falls silent, and ends it when the node has left.
//!
//! | file | what is in it |
//! |---|---|
//! | `list` | the Binding Update List: entries, their states, how they are found |
//! | `attach`, `detach` | how nodes come and go |
//! | `turned_away` | static nodes that wait for room |
//! | `lan` | what the hosts of those networks are told |
//! | `branch` | the router that is a mobile node itself, with networks behind it |
//! | `update`, `acknowledgement` | the registration with the anchor |
//! | `rejection` | what each status of an anchor that says no leads to |
//! | `pace` | how fast updates are sent |
//! | `anchors`, `choice` | which anchors answer, and which one a session is with |
//! | `tunnel` | which encapsulation was agreed on |
//! | `signal` | messages in and out, checksum, authentication |
//! | `heartbeat` | whether the anchors live, and whether they remember |
//! | `revocation` | bindings that the anchor takes back |
//! | `indication` | bindings that the gateway gives back all at once |
//! | `access` | frames: router advertisements, DHCP, prefix delegation, neighbours, probes |
//! | `wanted` | what the data plane and the kernel should hold |
//! | `reconfigure` | what a change of the settings means for nodes that are here |
//!
//! # How to drive it
//!
//! **After every input, drain [`Mag::poll_output`] until it is empty, then wait until
//! [`Mag::poll_timeout`] or the next input.**
//!
//! ```text
//! loop {
//!     while let Some(output) = mag.poll_output() { /* do it; mag.reclaim(bytes) */ }
//!     match wait_until(mag.poll_timeout()) {
//!         Input::Datagram(datagram) => { mag.handle_datagram(datagram, now); }
//!         Input::Frame(interface, octets) => mag.handle_frame(interface, octets, now),
//!         Input::Link(interface, state) => mag.handle_link(interface, state, now),
//!         Input::Timeout => mag.handle_timeout(now),
//!     }
//! }
//! ```

mod access;
mod acknowledgement;
mod anchors;
mod attach;
mod branch;
mod choice;
mod delegated;
mod detach;
mod entry;
mod heartbeat;
mod identity;
mod indication;
mod lan;
mod list;
mod output;
mod pace;
mod pending;
mod rate;
mod reconfigure;
mod rejection;
mod revocation;
mod settings;
mod show;
mod signal;
mod stats;
mod tunnel;
mod turned_away;
mod update;
mod wanted;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Instant;

use kedge_model::{BindingId, GreKey, Sequence, Timestamp};
use kedge_sansio::{Buffers, Now, Rng, TimerId, Timers};
use kedge_telemetry::Group;

pub use branch::Branch;
pub use heartbeat::HeartView;
pub use identity::{Identity, Unidentified};
pub use lan::{Lan, LeaseView, NetworkHosts, Served};
pub use output::{
    AccessNode, DetachReason, Event, InterfaceId, LinkState, Output, Refusal, Trigger,
};
pub use reconfigure::Ended;
pub use settings::{
    Auth, AuthHome, CareOf, DetachDiscovery, Dscp, Interface, Lma, Profile, Registration, Replay,
    Revocation, Service, Settings, TunnelMode,
};
pub use show::{AnchorView, BindingState, BindingView};
pub use stats::{
    Access, AcknowledgementsReceived, Denied, Dhcp, Discards, OtherSignalling,
    RevocationStatusReceived, RevocationStatusSent, RevocationTriggers, Revocations, UpdatesSent,
};

use anchors::Anchors;
use entry::Entry;
use heartbeat::Hearts;
use identity::Identities;
use list::UpdateList;
use stats::Statistics;
use turned_away::TurnedAway;

/// The gateway.
///
/// Four kinds of methods: inputs are called `handle_…`; commands ([`attach`](Self::attach),
/// [`clear`](Self::clear), [`apply`](Self::apply), [`shutdown`](Self::shutdown) and their like)
/// are inputs too; outputs are called `poll_…`; the others only look.
#[derive(Debug)]
pub struct Mag {
    settings: Settings,
    list: UpdateList,
    timers: Timers<(BindingId, Timer)>,
    hearts: Hearts,
    anchors: Anchors,
    identities: Identities,
    turned_away: TurnedAway,
    /// Links whose state the shell has told; one that it has not is taken for up.
    links: BTreeMap<InterfaceId, LinkState>,
    /// What this router asks for where it is a mobile node itself.
    branches: BTreeMap<InterfaceId, branch::Told>,
    /// The largest packets of the links that the shell has told.
    mtus: BTreeMap<InterfaceId, u16>,
    /// What the ways to anchors were found to carry, where that is less than their first links do.
    narrow: BTreeMap<IpAddr, u16>,
    /// Anchors that accepted an update and ignored its GRE Key option (RFC 5845 §4.2).
    without_gre: BTreeSet<IpAddr>,
    /// The counter of RFC 5213 §6.9.1.1 (6), shared by all sessions.
    sequence: Sequence,
    /// The last timestamp sent; the next one is later, if only by a tick.
    timestamp: Timestamp,
    /// The last number of a revocation (RFC 5846 §5.1).
    revocation_sequence: Sequence,
    /// When a Binding Error was sent last.
    last_binding_error: Option<Instant>,
    /// The last downlink key that was given to a session (RFC 5845 §3.3.1).
    gre_key: GreKey,
    rng: Rng,
    out: VecDeque<Output>,
    buffers: Buffers,
    stats: Statistics,
}

/// The counters of a gateway that has done nothing: their titles, labels, keys and meanings.
pub fn counter_groups() -> Vec<Group> {
    let mut groups = Statistics::default().groups();
    groups.push(Group::of(&NetworkHosts::default()));
    groups
}

/// What a timer is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Timer {
    /// Send what comes next in signalling: a retransmission, a refresh, another attempt.
    Signal,
    /// The granted lifetime ran out (RFC 5213 §6.9.1.3).
    Lifetime,
    /// The next router advertisement is due (RFC 4861 §6.2.4).
    Advertise,
    /// The node has been silent, or has not answered a question (RFC 5213 §6.13).
    Probe,
    /// The node had time to show that it has not left (RFC 5846 §9.1).
    Verify,
    /// Another anchor may be the better one.
    Move,
}

impl Mag {
    /// A gateway that serves nobody yet. Links count as up until [`Self::handle_link`] says
    /// otherwise; static nodes are attached once it has said that their link is up.
    pub fn new(settings: Settings, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let sequence = Sequence(rng.next_u32() as u16);
        Self {
            settings,
            list: UpdateList::default(),
            timers: Timers::default(),
            hearts: Hearts::default(),
            anchors: Anchors::default(),
            identities: Identities::default(),
            turned_away: TurnedAway::default(),
            links: BTreeMap::new(),
            branches: BTreeMap::new(),
            mtus: BTreeMap::new(),
            narrow: BTreeMap::new(),
            without_gre: BTreeSet::new(),
            sequence,
            timestamp: Timestamp::default(),
            revocation_sequence: Sequence(rng.next_u32() as u16),
            last_binding_error: None,
            gre_key: rng.next_u32(),
            rng,
            out: VecDeque::new(),
            buffers: Buffers::default(),
            stats: Statistics::default(),
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Now) {
        // What one timer does can be what another one waits for, at once.
        while self.fire(now) {}
    }

    /// Does what one timer that is due is for. `false` if none is.
    fn fire(&mut self, now: Now) -> bool {
        if let Some((id, timer)) = self.timers.pop_expired(now.mono) {
            if let Some(entry) = self.list.get_mut(id) {
                *slot(entry, timer) = None;
            }
            match timer {
                Timer::Signal => self.signal_due(id, now),
                Timer::Lifetime => self.expire(id, now),
                Timer::Advertise => self.advertise(id, now),
                Timer::Probe => self.probe_due(id, now),
                Timer::Verify => self.verify_due(id, now),
                Timer::Move => self.move_due(id, now),
            }
        } else if let Some((anchor, timer)) = self.anchors.pop_expired(now.mono) {
            self.anchor_due(anchor, timer, now);
        } else if let Some(anchor) = self.hearts.timers.pop_expired(now.mono) {
            self.heartbeat_due(anchor, now);
        } else {
            return self.retry_turned_away(now);
        }
        true
    }

    /// The next thing to do, in the order in which it is to be done.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When [`Self::handle_timeout`] is to be called.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        let heartbeat = self.hearts.timers.next_due();
        let anchor = self.anchors.next_due();
        let turned_away = self.turned_away.next_due();
        [self.timers.next_due(), heartbeat, anchor, turned_away].into_iter().flatten().min()
    }

    /// Takes back the octets of a message or frame that has been sent.
    pub fn reclaim(&mut self, bytes: Vec<u8>) {
        self.buffers.give_back(bytes);
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How many sessions there are, with those that the anchor is still being told the end of.
    pub fn sessions(&self) -> usize {
        self.list.len()
    }

    /// Whether no session is left, not even one that the anchor is still being told about.
    pub fn is_idle(&self) -> bool {
        self.list.len() == 0
    }

    /// All counters since the start.
    pub fn statistics(&self) -> Vec<Group> {
        self.stats.groups()
    }

    /// Starts or moves a timer of a session.
    fn set_timer(&mut self, id: BindingId, timer: Timer, due: Instant) {
        let Some(entry) = self.list.get_mut(id) else { return };
        let slot = slot(entry, timer);
        match *slot {
            Some(running) => self.timers.reschedule(running, due),
            None => *slot = Some(self.timers.insert(due, (id, timer))),
        }
    }

    fn stop_timer(&mut self, id: BindingId, timer: Timer) {
        let Some(entry) = self.list.get_mut(id) else { return };
        if let Some(running) = slot(entry, timer).take() {
            self.timers.remove(running);
        }
    }

    fn stop_timers(&mut self, id: BindingId) {
        for timer in [
            Timer::Signal,
            Timer::Lifetime,
            Timer::Advertise,
            Timer::Probe,
            Timer::Verify,
            Timer::Move,
        ] {
            self.stop_timer(id, timer);
        }
    }

    fn event(&mut self, event: Event) {
        self.out.push_back(Output::Event(event));
    }
}

/// Where an entry keeps the name of its timer.
fn slot(entry: &mut Entry, timer: Timer) -> &mut Option<TimerId> {
    match timer {
        Timer::Signal => &mut entry.signal_timer,
        Timer::Lifetime => &mut entry.lifetime_timer,
        Timer::Advertise => &mut entry.advertise_timer,
        Timer::Probe => &mut entry.probe_timer,
        Timer::Verify => &mut entry.verify_timer,
        Timer::Move => &mut entry.move_timer,
    }
}
