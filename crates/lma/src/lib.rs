//! The local mobility anchor of Proxy Mobile IPv6 (RFC 5213 §5, RFC 5844 to RFC 5847, RFC 7148) as
//! a machine without input and output.
//!
//! This crate is pure: it opens no socket, reads no clock, starts no thread. Messages, commands
//! and time go in; messages, wanted forwarding and events come out. The contract is one sentence:
//! **after every input, drain [`Lma::poll_output`] until it is empty, then wait until
//! [`Lma::poll_timeout`] or the next input.**
//!
//! ```
//! # use kedge_lma::{Lma, Now, Output, Settings};
//! # use kedge_model::Datagram;
//! # fn shell(received: &[Datagram<'_>], now: Now) {
//! let mut lma = Lma::new(Settings::default(), 0x5eed);
//! for datagram in received {
//!     if let Err(rejection) = lma.handle_datagram(*datagram, now) {
//!         println!("{}: {rejection}", datagram.path.peer);
//!     }
//! }
//! lma.handle_timeout(now);
//! while let Some(output) = lma.poll_output() {
//!     match output {
//!         Output::Send { bytes, .. } => lma.reclaim(bytes), // once it is sent
//!         Output::Forward { binding, want } => println!("{binding:?}: {want:?}"),
//!         Output::Authorize(question) => println!("who is {}?", question.mn_id),
//!         Output::Event(event) => println!("{event:?}"),
//!     }
//! }
//! let _sleep_until = lma.poll_timeout();
//! # }
//! ```
//!
//! The walk of an update: [`Lma::handle_datagram`] checks the checksum and decodes;
//! `admission` asks whether it may be; `lookup` which session it is about; `authorization` asks AAA
//! about a node that nothing is known about; `registration` and `deregistration` change that
//! session; `assignment` and `delegation` take its addresses and the prefixes of its networks from
//! `networks`; `answer` writes the acknowledgement. A refresh that changes nothing allocates nothing.
//!
//! The machine owns its nodes wholly and shares nothing, so that several can stand side by side,
//! each with a part of the nodes and of the pools.

mod addresses;
mod admission;
mod answer;
mod assignment;
mod authorization;
mod binding;
mod bitmap;
mod cache;
mod claims;
mod class;
mod customers;
mod delegation;
mod deregistration;
mod dscp;
mod encapsulation;
mod event;
mod farewell;
mod heart;
mod heartbeat;
mod learning;
mod lifetime;
mod lookup;
mod mobile_networks;
mod networks;
mod ntp;
mod other_denials;
mod overload;
mod paths;
mod peers;
mod pools;
mod question;
mod ranges;
mod reconfigure;
mod registration;
mod rejection;
mod request;
mod revocation;
mod service;
mod settings;
mod signalling;
mod slot;
mod statistics;
mod update;
mod usage;
mod waiting;

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Instant;

use kedge_model::{CustomerId, Datagram, MnId, Sequence};
use kedge_sansio::{Buffers, RateLimit, Rng, TimerId, Timers};
use kedge_telemetry::Group;
use kedge_wire::registry::MhType;
use kedge_wire::{Fault, Message, PacketRef, verify_checksum};

use authorization::Authorizations;
use cache::{Cache, NodeKey, Slot};
use farewell::Farewell;
use lookup::Decision;
use networks::Networks;
use peers::{PeerIndex, Peers};
use request::Request;
use revocation::{Revocations, Sweep};
use statistics::Statistics;
use waiting::Waiting;

pub use addresses::{HomeAddresses, Ipv4Home, Prefixes};
pub use binding::{Binding, State};
pub use customers::{
    Customer, CustomerSettings, Customers, CustomersSettings, Dispatch, Entitlement, Peak, Refused,
};
pub use event::{Event, Output, Release, What};
pub use heart::{Heart, Life};
pub use kedge_sansio::{Now, Rhythm};
pub use networks::Delegated;
pub use overload::Load;
pub use paths::{BindingPath, Paths};
pub use peers::{PeerCounters, PeerState};
pub use question::{Authorized, Change, NoProfile, Question, Ticket};
pub use rejection::{Denial, Discard, Rejection};
pub use settings::{
    Authentication, AuthenticationHome, Dscp, EncapsulationPolicy, Ipv4Pool, Ipv6Pool, MnpMaximum,
    MobileNetworkPool, Network, Peer, Profile, Revocation, Service, Settings, Unchecked,
};
pub use usage::Usage;

/// What a timer is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Timer {
    /// The granted lifetime ran out, unless a refresh moved its end.
    Lifetime(Slot),
    /// MinDelayBeforeBCEDelete passed, and no gateway took over (RFC 5213 §5.3.5). Why it began.
    Delete(Slot, Release),
    /// MaxDelayBeforeNewBCEAssign passed without a de-registration (RFC 5213 §5.4.1.2 (4)).
    Create(Slot),
    /// An indication was not answered (RFC 5846 §6.3).
    Revocation(Sequence),
    /// A gateway is to be asked, or has not answered (RFC 5847 §3.1).
    Heartbeat(PeerIndex),
    /// AAA has not answered, and neither has the shell.
    Authorization(Ticket),
    /// A learned gateway has had no bindings for an hour.
    Forget,
    /// An order about very many bindings goes on.
    Sweep,
}

/// A local mobility anchor.
///
/// Getters take `&self`. Inputs are the `handle_*` methods and the commands [`Lma::clear`],
/// [`Lma::clear_all`] and [`Lma::apply`]; after each, drain [`Lma::poll_output`].
#[derive(Debug)]
pub struct Lma {
    settings: Settings,
    peers: Peers,
    networks: Networks,
    cache: Cache,
    timers: Timers<Timer>,
    /// By the session that is waited for.
    waiting: BTreeMap<Slot, Waiting>,
    authorizations: Authorizations,
    revocations: Revocations,
    sweeps: VecDeque<Sweep>,
    farewells: VecDeque<Farewell>,
    statistics: Statistics,
    output: VecDeque<Output>,
    buffers: Buffers,
    binding_errors: RateLimit,
    gre_keys_given: u32,
    load: Load,
    /// Bindings of other customers.
    others: u32,
    /// Until the next learned gateway is forgotten.
    forgetting: Option<TimerId>,
    forwarding_stopped: bool,
}

impl Lma {
    /// An anchor without bindings. `seed` is random: it keeps peers from choosing identifiers
    /// that collide, and GRE keys of two runs apart.
    pub fn new(settings: Settings, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let mut networks = Networks::default();
        networks.replace(&settings, std::iter::empty());
        Self {
            peers: Peers::new(&settings, rng.next_u64()),
            networks,
            cache: Cache::new(rng.next_u64()),
            timers: Timers::default(),
            waiting: BTreeMap::new(),
            authorizations: Authorizations::new(rng.next_u32()),
            revocations: Revocations::new(rng.next_u32() as u16),
            sweeps: VecDeque::new(),
            farewells: VecDeque::new(),
            statistics: Statistics::default(),
            output: VecDeque::new(),
            buffers: Buffers::default(),
            binding_errors: RateLimit::default(),
            gre_keys_given: rng.next_u32(),
            load: Load::Normal,
            others: 0,
            forgetting: None,
            forwarding_stopped: false,
            settings,
        }
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How many bindings there are, lingering ones included.
    pub fn len(&self) -> u32 {
        self.cache.len()
    }

    /// Whether there is no binding.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every binding; the order does not change while bindings stay.
    pub fn bindings(&self) -> impl Iterator<Item = &Binding> {
        self.cache.iter().map(|(_, binding)| binding)
    }

    /// The bindings of one node, the latest first.
    pub fn find<'a>(
        &'a self,
        customer: CustomerId,
        mn_id: &MnId,
    ) -> impl Iterator<Item = &'a Binding> + use<'a> {
        self.cache.of_node(NodeKey::new(customer, mn_id)).map(|(_, binding)| binding)
    }

    /// The name of a binding's gateway; `None` for one that was learned.
    pub fn peer_name(&self, path: &BindingPath) -> Option<&str> {
        self.peers.get(path.peer).name.as_deref()
    }

    /// The gateways, configured and learned.
    pub fn peers(&self) -> impl Iterator<Item = &PeerState> {
        self.peers.iter()
    }

    /// One gateway, by the name it is configured under or an address of its.
    pub fn peer(&self, id: &str) -> Option<&PeerState> {
        self.peers.named(id).map(|peer| self.peers.get(peer))
    }

    /// Says of a binding whether it is at a gateway, named as for [`Self::peer`].
    pub fn is_of_peer(&self, id: &str) -> impl Fn(&Binding) -> bool + use<> {
        let peer = self.peers.named(id);
        move |binding| binding.paths.iter().any(|path| Some(path.peer) == peer)
    }

    /// How many places for bindings there are. Who looks through them by the slice sees a binding
    /// in the same place for as long as it lives.
    pub fn places(&self) -> u32 {
        self.cache.slots()
    }

    /// The binding in a place, if there is one.
    pub fn binding_at(&self, place: u32) -> Option<&Binding> {
        self.cache.at(place).map(|(_, binding)| binding)
    }

    /// Sets the counters of every gateway back to zero.
    pub fn clear_peer_counters(&mut self) {
        self.peers.clear_counters();
    }

    /// How busy the anchor was told to be.
    pub fn load(&self) -> Load {
        self.load
    }

    /// Tells how many bindings other customers hold of those that
    /// [`bce_maximum`](Settings::bce_maximum) allows the anchor.
    pub fn set_others(&mut self, bindings: u32) {
        self.others = bindings;
    }

    /// How much of a network's pools is in use, of IPv4 and of IPv6.
    pub fn usage(&self, network: &str) -> Option<(Option<Usage>, Option<Usage>)> {
        Some(self.networks.pools(self.networks.id(network)?)?.usage())
    }

    /// How much of each of a network's pools for mobile networks is in use.
    pub fn delegated_usage(
        &self,
        network: &str,
    ) -> impl Iterator<Item = (MobileNetworkPool, Usage)> + '_ {
        let pools = self.networks.id(network).and_then(|id| self.networks.pools(id));
        pools.into_iter().flat_map(|pools| pools.delegated_usage())
    }

    /// How many prefixes mobile networks hold, of pools and of none.
    pub fn delegated(&self) -> Delegated {
        self.networks.delegated()
    }

    /// How many updates wait for another gateway's de-registration or for AAA; with these, the updates
    /// received are the accepted, the denied and the discarded ones.
    pub fn pending(&self) -> usize {
        self.waiting.len() + self.authorizations.updates()
    }

    /// The counter groups of `show lma-service statistics` in their order, but for those of the
    /// tunnels, which are the data plane's and stand before `disconnects`.
    pub fn statistics(&self) -> Vec<Group> {
        self.statistics.groups()
    }

    /// Looks ahead at messages that come next to [`Self::handle_datagram`]. Nothing changes but how
    /// long those take: a shell that reads many at a time shows them here first.
    pub fn look_ahead<'d>(&self, datagrams: impl Iterator<Item = Datagram<'d>>) {
        let customer = self.settings.customer;
        let named = datagrams.filter_map(|d| PacketRef::peek_mn_id(d.bytes));
        self.cache.look_ahead(named.map(|option| NodeKey::of_option(customer, option)));
    }

    /// Takes a message as it arrived. The error says how it was counted; whatever answer it gets
    /// is in the output.
    pub fn handle_datagram(&mut self, d: Datagram<'_>, now: Now) -> Result<(), Rejection> {
        let peer = self.peers.find(&d.path);
        let mh_type = d.bytes.get(2).map(|octet| MhType(*octet));
        if mh_type == Some(MhType::BINDING_UPDATE) {
            self.statistics.received.total += 1;
        }
        let packet = match open(d) {
            Ok(packet) => packet,
            Err(discard) => return Err(self.discard(d, discard, peer)),
        };
        let result = match packet.message {
            Message::BindingUpdate(update) => {
                let request = Request::new(d.path, d.dscp, d.bytes, update, packet.options);
                return self.handle_update(&request, peer, now);
            }
            Message::Heartbeat(heartbeat) => {
                self.handle_heartbeat(d, heartbeat, packet.options, peer, now)
            }
            Message::Unknown(unknown) if unknown.mh_type() != MhType::BINDING_REVOCATION => {
                Err(self.handle_unknown(d, unknown.mh_type(), now))
            }
            Message::BindingError(error) => self.handle_binding_error(d, error, peer, now),
            Message::BindingRevocationAcknowledgement(bra) => {
                self.handle_revocation_acknowledgement(d, bra, packet.options, peer, now)
            }
            Message::BindingRevocationIndication(bri) => {
                self.handle_revocation_indication(d, bri, packet.options, peer, now)
            }
            _ => Err(Discard::Unexpected),
        };
        result.map_err(|discard| self.discard(d, discard, peer))
    }

    /// Does everything that is due.
    pub fn handle_timeout(&mut self, now: Now) {
        for turn in 0_usize.. {
            if turn.is_multiple_of(deregistration::AHEAD) {
                self.look_at_ends(now);
            }
            let Some(timer) = self.timers.pop_expired(now.mono) else { return };
            match timer {
                Timer::Lifetime(slot) => self.lifetime_due(slot, now),
                Timer::Delete(slot, reason) => self.end(slot, reason, now),
                Timer::Create(slot) => self.resume_waiting(slot, Decision::New, now),
                Timer::Revocation(sequence) => self.revocation_due(sequence, now),
                Timer::Heartbeat(peer) => self.heartbeat_due(peer, now),
                Timer::Authorization(ticket) => self.authorization_due(ticket, now),
                Timer::Forget => self.forget_peers(now),
                Timer::Sweep => self.sweep_due(now),
            }
        }
    }

    /// Takes back a message that the transport refused.
    pub fn handle_send_error(&mut self, bytes: Vec<u8>) {
        if bytes.get(2) == Some(&MhType::BINDING_ACKNOWLEDGEMENT.0) {
            self.statistics.acks_sent.send_error += 1;
        }
        self.reclaim(bytes);
    }

    /// The shell has told the sender of a message that its header is wrong.
    pub fn handle_problem_told(&mut self) {
        self.statistics.other_signalling.parameter_problems_sent += 1;
    }

    /// The data plane has stopped for good. Gateways are told so from here on: an anchor that
    /// forwards nothing must not let a node believe it does, and a gateway may know another one.
    pub fn handle_forwarding_stopped(&mut self) {
        self.forwarding_stopped = true;
    }

    /// What to do next.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// When [`Self::handle_timeout`] is to be called, for all that may be due.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        self.timers.next_due()
    }

    /// Takes back the buffer of a message that was sent.
    pub fn reclaim(&mut self, bytes: Vec<u8>) {
        self.buffers.give_back(bytes);
    }

    fn report(&mut self, slot: Slot, what: What) {
        let binding = &self.cache[slot];
        let (customer, mn_id) = (binding.customer, binding.mn_id.clone());
        self.push_event(customer, mn_id, what);
    }

    fn push_event(&mut self, customer: CustomerId, mn_id: MnId, what: What) {
        self.output.push_back(Output::Event(Event { customer, mn_id, what }));
    }
}

/// RFC 6275 §9.2: checksum, then form. Over UDP the checksum field is ignored (RFC 5844
/// §4.1.3.1). What is longer than any message was cut on its way here and has no checksum to
/// verify.
fn open(d: Datagram<'_>) -> Result<PacketRef<'_>, Discard> {
    if d.bytes.len() > kedge_wire::MAX_LEN {
        return Err(Discard::InvalidLength);
    }
    if let (IpAddr::V6(local), IpAddr::V6(peer)) = (d.path.local.ip(), d.path.peer.ip())
        && !verify_checksum(peer, local, d.bytes)
    {
        return Err(Discard::Checksum);
    }
    PacketRef::decode(d.bytes).map_err(|error| match error.fault {
        Fault::Truncated { .. } if error.field == "message data" => Discard::InvalidLength,
        _ => Discard::Malformed(error),
    })
}
