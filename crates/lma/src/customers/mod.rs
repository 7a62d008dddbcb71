//! Many customers behind one anchor: mobile local loop.
//!
//! Each customer has a machine of its own, an [`Lma`], and so its own nodes, pools, gateways, keys
//! and counters: nothing of one can be found, taken or ended through another. What stands in front
//! of them only knows to whom a message is addressed: by the transport routing world it travelled
//! in and the anchor's address it was sent to, which no two customers share.
//!
//! ```text
//!                     (VRF, address)       ┌─► Lma of CUST1 ─┐
//!   handle_datagram ──► which customer? ───┼─► Lma of CUST2 ─┼──► poll_output
//!                        │ nobody's        └─► Lma of CUST3 ─┘
//!                        └─► counted, dropped
//! ```
//!
//! Keys of GRE are each machine's own choice, and two of them may choose the same one: that mixes
//! nothing, because the tunnels of two customers end at different addresses, and a data plane looks
//! a key up at the tunnel's end.
//!
//! What all customers share is here: the most bindings that the anchor holds, and how many its
//! operator is entitled to. An input costs the same with a thousand customers as with one, but for
//! a search in ordered sets.

mod apply;
mod entitlement;
mod sums;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Instant;

use foldhash::quality::FixedState;
use kedge_model::{BindingId, CustomerId, Datagram, SignalPath, VrfId};
use kedge_sansio::{Now, Rng};
use kedge_telemetry::{Group, counters};
use kedge_wire::registry::MhType;

use crate::binding::Binding;
use crate::event::{Event, Output};
use crate::overload::Load;
use crate::rejection::Rejection;
use crate::settings::Settings;
use crate::statistics::Statistics;
use crate::{Lma, cache, revocation};

pub use entitlement::{Entitlement, Peak};

counters! {
    /// What no customer's machine counts; not a group of StarOS's.
    pub struct Dispatch: "Dispatch To Customers", "dispatch" {
        /// Messages dropped because the address they were sent to is no customer's.
        unaddressed: "To No Customer",
    }
}

/// Why nothing came of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// The address that it was sent to is no customer's, or is not any more.
    #[error("discarded: no customer has this address")]
    Unaddressed,
    /// The customer's machine says so.
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

/// Everything an anchor of several customers is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CustomersSettings {
    /// The customers. No two have the same number, or an address in the same routing world.
    pub customers: Vec<CustomerSettings>,
    /// How many bindings the operator is entitled to. More are served all the same.
    pub entitled: u32,
}

/// What an anchor is told about a customer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CustomerSettings {
    /// Its name; empty for the one that has none.
    pub name: String,
    /// What its machine is told. A machine without addresses gets no messages.
    pub settings: Settings,
}

/// A customer and its machine.
#[derive(Debug)]
pub struct Customer {
    name: String,
    lma: Lma,
    /// Its share of all bindings.
    counted: u32,
    /// The most of those.
    peak: Peak,
    /// When its machine wants the time.
    due: Option<Instant>,
    /// Whether it is among those that may have output.
    is_ready: bool,
    /// Whether it is not configured any more, and ends with its last binding.
    leaves: bool,
}

impl Customer {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its machine.
    pub fn lma(&self) -> &Lma {
        &self.lma
    }

    /// The most bindings it has had.
    pub fn peak(&self) -> Peak {
        self.peak
    }
}

/// The machines of all customers as one, with the same contract: after every input, drain
/// [`Customers::poll_output`], then wait until [`Customers::poll_timeout`] or the next input.
#[derive(Debug)]
pub struct Customers {
    list: BTreeMap<CustomerId, Customer>,
    by_address: HashMap<(VrfId, IpAddr), CustomerId, FixedState>,
    /// Whose time comes when, the first first.
    due: BTreeSet<(Instant, CustomerId)>,
    /// Who may have output.
    ready: VecDeque<CustomerId>,
    /// Of all customers together.
    bindings: u32,
    entitlement: Entitlement,
    dispatch: Dispatch,
    /// What the machines of former customers had counted.
    former: Vec<Group>,
    /// What is no machine's.
    output: VecDeque<Output>,
    rng: Rng,
    forwarding_stopped: bool,
}

impl Customers {
    /// An anchor without bindings; `seed` is that of [`Lma::new`].
    pub fn new(settings: CustomersSettings, seed: u64, now: Now) -> Self {
        let mut rng = Rng::new(seed);
        let mut customers = Self {
            list: BTreeMap::new(),
            by_address: HashMap::with_hasher(FixedState::with_seed(rng.next_u64())),
            due: BTreeSet::new(),
            ready: VecDeque::new(),
            bindings: 0,
            entitlement: Entitlement::new(settings.entitled),
            dispatch: Dispatch::default(),
            former: Statistics::default().groups(),
            output: VecDeque::new(),
            rng,
            forwarding_stopped: false,
        };
        customers.apply(settings, now);
        customers
    }

    /// One customer.
    pub fn customer(&self, id: CustomerId) -> Option<&Customer> {
        self.list.get(&id)
    }

    /// The number of the customer of this name.
    pub fn named(&self, name: &str) -> Option<CustomerId> {
        self.list.iter().find(|(_, customer)| customer.name == name).map(|(id, _)| *id)
    }

    /// Whose binding this is, whether it is there or not.
    pub fn holder(&self, binding: BindingId) -> Option<&Customer> {
        self.list.get(&cache::customer_of(binding))
    }

    /// Every customer, those that leave included.
    pub fn iter(&self) -> impl Iterator<Item = (CustomerId, &Customer)> {
        self.list.iter().map(|(id, customer)| (*id, customer))
    }

    /// Whose address this is.
    pub fn at(&self, transport: VrfId, address: IpAddr) -> Option<CustomerId> {
        self.by_address.get(&(transport, address)).copied()
    }

    /// The bindings of all customers.
    pub fn bindings(&self) -> impl Iterator<Item = &Binding> {
        self.list.values().flat_map(|customer| customer.lma.bindings())
    }

    /// How many bindings there are, lingering ones included.
    pub fn len(&self) -> u32 {
        self.bindings
    }

    /// Whether there is no binding.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How the bindings compare with what the operator is entitled to.
    pub fn entitlement(&self) -> &Entitlement {
        &self.entitlement
    }

    /// Looks ahead at the messages of one socket, as [`Lma::look_ahead`] does.
    pub fn look_ahead<'d>(&self, datagrams: impl Iterator<Item = Datagram<'d>>) {
        let mut datagrams = datagrams.peekable();
        let customer = datagrams.peek().and_then(|first| self.of_path(&first.path));
        if let Some(customer) = customer.and_then(|id| self.list.get(&id)) {
            customer.lma.look_ahead(datagrams);
        }
    }

    /// Takes a message as it arrived, for the customer that it was sent to.
    pub fn handle_datagram(&mut self, d: Datagram<'_>, now: Now) -> Result<(), Refused> {
        let customer = self.of_path(&d.path);
        let Some(handled) =
            customer.and_then(|id| self.with(id, |lma| lma.handle_datagram(d, now)))
        else {
            self.dispatch.unaddressed += 1;
            return Err(Refused::Unaddressed);
        };
        Ok(handled?)
    }

    /// Takes a message to an address that is about to be ours no more: it hears the answers to
    /// revocations, and nobody registers there.
    pub fn handle_last_datagram(&mut self, d: Datagram<'_>, now: Now) -> Result<(), Refused> {
        if d.bytes.get(2) == Some(&MhType::BINDING_UPDATE.0) {
            self.dispatch.unaddressed += 1;
            return Err(Refused::Unaddressed);
        }
        self.handle_datagram(d, now)
    }

    /// Does everything that is due.
    pub fn handle_timeout(&mut self, now: Now) {
        let due = self.due.range(..=(now.mono, CustomerId(u32::MAX)));
        let due: Vec<CustomerId> = due.map(|(_, id)| *id).collect();
        for id in due {
            self.with(id, |lma| lma.handle_timeout(now));
        }
    }

    /// Takes back a message that the transport refused.
    pub fn handle_send_error(&mut self, path: &SignalPath, bytes: Vec<u8>) {
        if let Some(id) = self.of_path(path) {
            self.with(id, |lma| lma.handle_send_error(bytes));
        }
    }

    /// The data plane has stopped for good, for everybody.
    pub fn handle_forwarding_stopped(&mut self) {
        self.forwarding_stopped = true;
        self.list.values_mut().for_each(|customer| customer.lma.handle_forwarding_stopped());
    }

    /// Tells how busy the anchor is with one customer, who alone is refused new sessions for it.
    pub fn set_load(&mut self, customer: CustomerId, load: Load) {
        if let Some(customer) = self.list.get_mut(&customer) {
            customer.lma.set_load(load);
        }
    }

    /// Command: does something to the machine of one customer, but for its settings. `None` if
    /// there is no such customer.
    pub fn with<T>(&mut self, id: CustomerId, act: impl FnOnce(&mut Lma) -> T) -> Option<T> {
        let customer = self.list.get_mut(&id)?;
        customer.lma.set_others(self.bindings - customer.counted);
        let outcome = act(&mut customer.lma);
        let counted = customer.lma.len();
        self.bindings = self.bindings - customer.counted + counted;
        customer.counted = counted;
        customer.peak.note(counted);
        let due = customer.lma.poll_timeout();
        if due != customer.due {
            customer.due.map(|was| self.due.remove(&(was, id)));
            due.map(|at| self.due.insert((at, id)));
            customer.due = due;
        }
        if !customer.is_ready {
            customer.is_ready = true;
            self.ready.push_back(id);
        }
        self.watch_entitlement();
        Some(outcome)
    }

    /// Command: takes every binding of every customer back, as [`Lma::clear_all`] does.
    pub fn clear_all(&mut self, now: Now) -> usize {
        let all: Vec<CustomerId> = self.list.keys().copied().collect();
        all.into_iter().filter_map(|id| self.with(id, |lma| lma.clear_all(now))).sum()
    }

    /// Command: tells gateways that this anchor has lost its sessions, each by the customer whose
    /// address is on the path.
    pub fn announce_restart(&mut self, paths: impl IntoIterator<Item = SignalPath>) {
        for path in paths {
            if let Some(id) = self.of_path(&path) {
                self.with(id, |lma| lma.announce_restart([path]));
            }
        }
    }

    /// What to do next.
    pub fn poll_output(&mut self) -> Option<Output> {
        while let Some(&id) = self.ready.front() {
            let Some(customer) = self.list.get_mut(&id) else {
                self.ready.pop_front();
                continue;
            };
            if let Some(output) = customer.lma.poll_output() {
                return Some(output);
            }
            self.ready.pop_front();
            customer.is_ready = false;
            if customer.leaves && customer.lma.is_empty() {
                self.part_with(id);
            }
        }
        self.output.pop_front()
    }

    /// When [`Self::handle_timeout`] is to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes back the buffer of a message that was sent.
    pub fn reclaim(&mut self, path: &SignalPath, bytes: Vec<u8>) {
        let customer = self.of_path(path);
        if let Some(customer) = customer.and_then(|id| self.list.get_mut(&id)) {
            customer.lma.reclaim(bytes);
        }
    }

    fn of_path(&self, path: &SignalPath) -> Option<CustomerId> {
        self.at(path.transport, path.local.ip())
    }

    /// Reports when there begin to be more bindings than the operator is entitled to, and fewer.
    fn watch_entitlement(&mut self) {
        if let Some(what) = self.entitlement.note(self.bindings) {
            let (customer, mn_id) = (CustomerId::DEFAULT, revocation::nobody());
            self.output.push_back(Output::Event(Event { customer, mn_id, what }));
        }
    }
}
