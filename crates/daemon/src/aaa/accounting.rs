//! Accounting for an anchor: what happens to bindings becomes records.
//!
//! ```text
//!   Event::Bound ────► Start ┐
//!   Event::Released ─► Stop  ├─ node sessions, no interim records
//!   Output::Forward ─► Start, Stop ┐
//!   time ────────────► Interim     ├─ tunnel sessions
//! ```
//!
//! A handover moves a binding to another tunnel and leaves the node's session alone: the binding
//! cache entry is what is accounted for (RFC 6572 §7.1), and it stays. Records go to
//! [`Aaa`](super::Aaa), which brings them to a server.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kedge_dataplane::BindingCounters;
use kedge_lma::{Authorized, Binding, Customer, Customers, Event, HomeAddresses, Release, What};
use kedge_model::{BindingId, CustomerId, Forwarding, IpNet, LinkLayerId, MnId};
use kedge_radius::AttributeType;
use kedge_sansio::Now;

use super::record::{Cause, Draft, Nas, Record, SessionId, SessionIds, Status};
use super::tunnels::{Parties, Tunnels};
use crate::forwarding::Plane;

/// What of accounting the configuration says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountingPlan {
    /// Who we are.
    pub nas: Nas,
    /// The time between two interim records of a tunnel; `None` if there are none.
    pub interim: Option<Duration>,
}

/// An anchor's accounting, while it is on.
#[derive(Debug)]
pub struct Accounting {
    plan: AccountingPlan,
    ids: SessionIds,
    nodes: BTreeMap<BindingId, NodeSession>,
    tunnels: Tunnels,
    records: Vec<Record>,
}

/// A mobile node's session.
#[derive(Debug)]
struct NodeSession {
    id: SessionId,
    began: Instant,
    customer: CustomerId,
    mn_id: MnId,
    link_layer_id: Option<LinkLayerId>,
    addresses: HomeAddresses,
    delegated: Box<[IpNet]>,
    /// What a server has said about the node.
    authorized: Option<Arc<Authorized>>,
}

impl Accounting {
    /// Accounting from here on. Bindings that are there begin their sessions now.
    pub fn start(
        plan: AccountingPlan,
        ids: SessionIds,
        customers: &Customers,
        plane: &Plane,
        now: Now,
    ) -> Self {
        let (nodes, tunnels, records) = (BTreeMap::new(), Tunnels::default(), Vec::new());
        let mut accounting = Self { plan, ids, nodes, tunnels, records };
        for (id, customer) in customers.iter() {
            for binding in customer.lma().bindings() {
                let forwarding = binding.forwarding(customer.lma().settings().vrf);
                accounting.forwarded(binding.id, forwarding.as_ref(), customers, plane, now);
                let session = accounting.session(id, &binding.mn_id, Some(binding), now);
                accounting.began(binding.id, session, customers, now);
            }
        }
        accounting
    }

    /// What the configuration says from here on.
    pub fn apply(&mut self, plan: AccountingPlan, now: Now) {
        if plan.interim != self.plan.interim {
            self.tunnels.set_interim(plan.interim, now);
        }
        self.plan = plan;
    }

    /// Ends every session for a reason.
    pub fn stop(&mut self, cause: Cause, customers: &Customers, plane: &Plane, now: Now) {
        for (binding, session) in std::mem::take(&mut self.nodes) {
            let (status, traffic) = (Status::Stop(cause), carried(plane, binding));
            let customer = customers.customer(session.customer);
            let record = self.node_record(binding, &session, customer, status, traffic, now);
            self.records.push(record);
        }
        let traffic = |binding| carried(plane, binding);
        let ended = self.tunnels.stop_all(&self.plan.nas, cause, traffic, now);
        self.records.extend(ended);
    }

    /// The records that were made since the last time, in their order.
    pub fn take_records(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.records)
    }

    /// What is about to be forwarded for a binding; nothing ends its part in its tunnel.
    pub fn forwarded(
        &mut self,
        binding: BindingId,
        want: Option<&Forwarding>,
        customers: &Customers,
        plane: &Plane,
        now: Now,
    ) {
        let tunnel = want.and_then(|want| want.paths.first()).map(|path| &path.tunnel);
        let customer = customers.holder(binding);
        let parties = |peer: IpAddr| Parties {
            customer: customer.map(|customer| customer.name().to_owned()).unwrap_or_default(),
            gateway: customer
                .and_then(|customer| customer.lma().peer(&peer.to_string()))
                .and_then(|peer| peer.name.as_deref().map(str::to_owned)),
        };
        let AccountingPlan { nas, interim, .. } = &self.plan;
        let world = (nas, &self.ids, *interim, now);
        let records = self.tunnels.place(binding, tunnel, carried(plane, binding), parties, world);
        self.records.extend(records);
    }

    /// What happened to a binding.
    pub fn happened(&mut self, event: &Event, customers: &Customers, plane: &Plane, now: Now) {
        match &event.what {
            What::Bound { binding, addresses, .. } => {
                let customer = customers.customer(event.customer);
                let mut of_node = customer
                    .into_iter()
                    .flat_map(|customer| customer.lma().find(event.customer, &event.mn_id));
                let held = of_node.find(|held| held.id == *binding);
                // The binding may have changed since, or be gone, within one batch of messages.
                let session = self.session(event.customer, &event.mn_id, held, now);
                let session = NodeSession { addresses: *addresses, ..session };
                self.began(*binding, session, customers, now);
            }
            What::Readdressed { binding, addresses } => {
                if let Some(session) = self.nodes.get_mut(binding) {
                    session.addresses = *addresses;
                }
            }
            What::Delegated { binding, prefixes } => {
                if let Some(session) = self.nodes.get_mut(binding) {
                    session.delegated = prefixes.clone();
                }
            }
            What::Released { binding, reason } => {
                let Some(session) = self.nodes.remove(binding) else { return };
                let ends = session.authorized.as_ref().and_then(|authorized| authorized.ends);
                let cause = match ends {
                    Some(ends) if *reason == Release::Expired && ends <= now.mono => {
                        Cause::SessionTimeout
                    }
                    _ => cause(*reason),
                };
                let (status, traffic) = (Status::Stop(cause), carried(plane, *binding));
                let customer = customers.customer(session.customer);
                let record = self.node_record(*binding, &session, customer, status, traffic, now);
                self.records.push(record);
            }
            _ => {}
        }
    }

    /// A server has changed what it said about the node of these bindings.
    pub fn reauthorized<'a>(&mut self, bindings: impl Iterator<Item = &'a Binding>) {
        for binding in bindings {
            if let Some(session) = self.nodes.get_mut(&binding.id) {
                session.authorized.clone_from(&binding.authorized);
            }
        }
    }

    fn session(
        &self,
        customer: CustomerId,
        mn_id: &MnId,
        held: Option<&Binding>,
        now: Now,
    ) -> NodeSession {
        NodeSession {
            id: self.ids.next(),
            began: now.mono,
            customer,
            mn_id: mn_id.clone(),
            link_layer_id: held.and_then(|held| held.link_layer_id.clone()),
            addresses: held.map(|held| held.addresses).unwrap_or_default(),
            delegated: held.map(|held| held.delegated.clone()).unwrap_or_default(),
            authorized: held.and_then(|held| held.authorized.clone()),
        }
    }

    fn began(&mut self, binding: BindingId, session: NodeSession, customers: &Customers, now: Now) {
        let (customer, nothing) =
            (customers.customer(session.customer), BindingCounters::default());
        let record = self.node_record(binding, &session, customer, Status::Start, nothing, now);
        self.records.push(record);
        self.nodes.insert(binding, session);
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.tunnels.poll_timeout()
    }

    /// Makes the interim records that are due.
    pub fn handle_timeout(&mut self, plane: &Plane, now: Now) {
        let AccountingPlan { nas, interim, .. } = &self.plan;
        let Some(interval) = *interim else { return };
        let traffic = |binding| carried(plane, binding);
        while let Some(record) = self.tunnels.interim(nas, interval, traffic, now) {
            self.records.push(record);
        }
    }

    /// The time between two interim records.
    pub fn interim(&self) -> Option<Duration> {
        self.plan.interim
    }

    /// The number of a binding's session.
    pub fn session_of(&self, binding: BindingId) -> Option<SessionId> {
        self.nodes.get(&binding).map(|session| session.id)
    }

    /// How many sessions of nodes there are.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The sessions of tunnels.
    pub fn tunnels(&self) -> &Tunnels {
        &self.tunnels
    }

    fn node_record(
        &self,
        binding: BindingId,
        session: &NodeSession,
        customer: Option<&Customer>,
        status: Status,
        traffic: BindingCounters,
        now: Now,
    ) -> Record {
        const SERVICE_FRAMED: u32 = 2;
        const PORT_VIRTUAL: u32 = 5;
        const AUTHENTIC_RADIUS: u32 = 1;
        const AUTHENTIC_LOCAL: u32 = 2;
        let NodeSession { id, began, mn_id, link_layer_id, addresses, .. } = session;
        let NodeSession { delegated, authorized, .. } = session;
        let mut draft = Draft::new(&self.plan.nas, status, *id, now);
        draft.octets(AttributeType::USER_NAME, mn_id.octets());
        draft.octets(AttributeType::MOBILE_NODE_IDENTIFIER, mn_id.octets());
        draft.integer(AttributeType::SERVICE_TYPE, SERVICE_FRAMED);
        draft.integer(AttributeType::NAS_PORT_TYPE, PORT_VIRTUAL);
        let authentic = if authorized.is_some() { AUTHENTIC_RADIUS } else { AUTHENTIC_LOCAL };
        draft.integer(AttributeType::ACCT_AUTHENTIC, authentic);
        if let Some(authorized) = authorized {
            // Unmodified, in their order (RFC 2865 §5.25, RFC 6572 §4.19).
            let profile = &authorized.profile;
            profile.class.iter().for_each(|class| draft.octets(AttributeType::CLASS, class));
            if let Some(user) = &profile.chargeable_user {
                draft.octets(AttributeType::CHARGEABLE_USER_IDENTITY, user);
            }
        }
        if let Some(id) = link_layer_id {
            draft.octets(AttributeType::CALLING_STATION_ID, id.to_string().as_bytes());
        }
        let name = customer.map_or("", Customer::name);
        draft.octets(AttributeType::TUNNEL_PRIVATE_GROUP_ID, name.as_bytes());
        if let Some(home) = addresses.ipv4 {
            draft.address(AttributeType::FRAMED_IP_ADDRESS, home.address.into());
            let (address, len) = (home.address, home.prefix_len);
            draft.ipv4_home(AttributeType::PMIP6_HOME_IPV4_HOA, address, len);
        }
        for prefix in addresses.prefixes.iter() {
            draft.prefix(AttributeType::FRAMED_IPV6_PREFIX, prefix);
            draft.prefix(AttributeType::PMIP6_HOME_HN_PREFIX, prefix);
        }
        delegated.iter().for_each(|net| draft.network(*net));
        // Where the node's gateways find the anchor, which is the customer's own.
        let ours = customer.into_iter().flat_map(|customer| &customer.lma().settings().addresses);
        for (_, address) in ours {
            let kind = match address.is_ipv4() {
                true => AttributeType::PMIP6_HOME_LMA_IPV4_ADDRESS,
                false => AttributeType::PMIP6_HOME_LMA_IPV6_ADDRESS,
            };
            draft.address(kind, *address);
        }
        if let Some((tunnel, connection)) = self.tunnels.of(binding) {
            tunnel.describe(&mut draft, connection);
        }
        if status != Status::Start {
            draft.usage(now.mono.saturating_duration_since(*began), traffic);
        }
        draft.finish()
    }
}

fn carried(plane: &Plane, binding: BindingId) -> BindingCounters {
    plane.counters(binding).unwrap_or_default()
}

/// Why a session ended, in the words of RADIUS.
fn cause(reason: Release) -> Cause {
    match reason {
        Release::Expired => Cause::LostService,
        Release::Deregistered => Cause::UserRequest,
        Release::Cleared => Cause::AdminReset,
        Release::PeerLost => Cause::LostCarrier,
        Release::Revoked => Cause::NasRequest,
    }
}
