//! The anchor in its shell: the machines of its customers, their sockets, their data plane, their
//! routes.

mod aaa;
mod kernel;
mod statistics;
mod turn;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Instant;

use kedge_dataplane::{BindingCounters, Change, Side};
use kedge_lma::{Binding, BindingPath, Customers, CustomersSettings, Lma, Question, Settings};
use kedge_model::{BindingId, CustomerId, SignalPath, VrfId};
use kedge_net::hosts::{Hosts, Wanted};
use kedge_net::netlink::Netlink;
use kedge_net::place::Place;
use kedge_net::poll::{Poller, Token};
use kedge_net::signalling::PORT;
use kedge_sansio::Now;
use tracing::warn;

use crate::aaa::Accounting;
use crate::apply::{AnchorPlan, RoutePlan};
use crate::counters::{Baseline, CustomerData};
use crate::ends::{self, Device, Ends, EndsError};
use crate::forwarding::Plane;
use crate::observe::Observer;
use crate::routes::{Outlet, Routes};

/// A running anchor.
pub struct Anchor {
    customers: Customers,
    ends: Ends,
    baseline: Baseline,
    /// Of customers whose counters were cleared on their own.
    baselines: BTreeMap<CustomerId, Baseline>,
    /// What bindings of each customer carried that are over.
    carried: BTreeMap<CustomerId, CustomerData>,
    observer: Observer,
    routes: Routes,
    accounting: Option<Accounting>,
    questions: Vec<Question>,
}

impl Anchor {
    /// An anchor that is ready to be asked. The poller knows its sockets as `first` and those
    /// behind it.
    pub fn start(
        plan: &AnchorPlan,
        seed: u64,
        poller: &Poller,
        first: Token,
        now: Now,
    ) -> Result<Self, EndsError> {
        let ends = Ends::start(Side::Anchor, poller, first)?;
        let customers = Customers::new(plan.settings.clone(), seed, now);
        let (baseline, baselines) = (Baseline::default(), BTreeMap::new());
        let carried = BTreeMap::new();
        let mut observer = Observer::default();
        observer.know(&plan.settings);
        let (routes, accounting, questions) = (Routes::default(), None, Vec::new());
        Ok(Self {
            customers,
            ends,
            baseline,
            baselines,
            carried,
            observer,
            routes,
            accounting,
            questions,
        })
    }

    /// Looks at the device of an inner world: routes to bindings are made there.
    pub fn look_at(&mut self, vrf: VrfId, hosts: &mut Hosts) -> Result<(), EndsError> {
        let Some(Device { world, link, table }) = self.ends.look_at(vrf, hosts)? else {
            return Ok(());
        };
        let outlet = Outlet { device: link.index, table: *table };
        let kernel = || Ok(Box::new(Place::find(world)?.within(Netlink::open)??) as _);
        Ok(self.routes.place(vrf, outlet, kernel)?)
    }

    /// What it wants of the kernel beside its devices, all of which were looked at.
    pub fn wants(&self, plan: &AnchorPlan) -> Vec<Wanted> {
        kernel::things(plan, self.ends.devices())
    }

    fn plan_routes(&mut self, plans: &BTreeMap<VrfId, RoutePlan>) {
        let mut changed: BTreeSet<VrfId> = BTreeSet::new();
        for (vrf, plan) in plans {
            if self.routes.plan(*vrf, plan) {
                changed.insert(*vrf);
            }
        }
        let machines = self.customers.iter().map(|(_, customer)| customer.lma());
        for lma in machines.filter(|lma| changed.contains(&lma.settings().vrf)) {
            for binding in lma.bindings() {
                let want = binding.forwarding(lma.settings().vrf);
                self.routes.want(binding.id, want.as_ref());
            }
        }
    }

    /// Its sockets and data plane.
    pub fn ends(&self) -> &Ends {
        &self.ends
    }

    /// Its sockets and data plane, to be prepared for a change.
    pub fn ends_mut(&mut self) -> &mut Ends {
        &mut self.ends
    }

    /// Takes back what it was prepared for.
    pub fn restore(&mut self, was: ends::State) {
        self.ends.restore(was);
        let devices = &self.ends.state().devices;
        self.routes.leave(|vrf| !devices.contains_key(&vrf));
    }

    /// Does what a plan says that [`Self::ends_mut`] is prepared for. Bindings that have no place
    /// any more are revoked. [`Self::leave`] must follow.
    pub fn apply(&mut self, plan: AnchorPlan, now: Now) {
        // Before anybody is served in a world that is new.
        if let Err(error) = self.ends.set_policy(plan.policy) {
            warn!("forwarding: {error}");
        }
        self.observer.know(&plan.settings);
        self.customers.apply(plan.settings, now);
        self.plan_routes(&plan.routes);
        self.settle();
    }

    /// Leaves the addresses and devices that it has no more; gives the changes that remove them.
    pub fn leave(&mut self, ends: ends::State, leave_by: Instant) -> Vec<Change> {
        self.routes.leave(|vrf| !ends.devices.contains_key(&vrf));
        self.ends.reduce(ends, leave_by)
    }

    /// Revokes all bindings, and accepts no others. Their sessions end at once, as they do.
    pub fn retire(&mut self, now: Now) {
        if let Some(accounting) = &mut self.accounting {
            accounting.finish(&self.customers, &self.ends.plane, now);
        }
        let entitled = self.customers.entitlement().entitled;
        self.customers.apply(CustomersSettings { customers: Vec::new(), entitled }, now);
        self.settle();
    }

    /// Tells the configured gateways that sessions of an earlier run are lost (RFC 5847 §3.2), if
    /// heartbeats are on and there was one.
    pub fn announce_restart(&mut self) {
        let machines: Vec<_> = self.customers.iter().map(|(_, c)| c.lma().settings()).collect();
        let announcing =
            |settings: &&&Settings| settings.heartbeat.is_some() && settings.restart_counter > 1;
        let mut paths = Vec::new();
        for settings in machines.iter().filter(announcing) {
            for (transport, peer) in
                settings.peers.iter().flat_map(|p| p.addresses.iter().map(|a| (p.transport, *a)))
            {
                let port = if peer.is_ipv4() { PORT } else { 0 };
                let reaches = |(vrf, local): &&(VrfId, std::net::IpAddr)| {
                    *vrf == transport && local.is_ipv4() == peer.is_ipv4()
                };
                if let Some((_, local)) = settings.addresses.iter().find(reaches) {
                    let (local, peer) =
                        (SocketAddr::new(*local, port), SocketAddr::new(peer, port));
                    paths.push(SignalPath { transport, local, peer });
                }
            }
        }
        self.customers.announce_restart(paths);
        self.settle();
    }

    /// The machines, to look at.
    pub fn customers(&self) -> &Customers {
        &self.customers
    }

    /// The machines, for a command; [`Self::settle`] must follow.
    pub fn customers_mut(&mut self) -> &mut Customers {
        &mut self.customers
    }

    /// The machines that a command is about: one customer's, or all.
    pub fn machines(&self, only: Option<CustomerId>) -> impl Iterator<Item = (CustomerId, &Lma)> {
        let wanted = move |(id, _): &(CustomerId, _)| only.is_none_or(|only| only == *id);
        self.customers.iter().filter(wanted).map(|(id, customer)| (id, customer.lma()))
    }

    /// Whether there are customers, and not only what the anchor serves at its own addresses.
    pub fn has_customers(&self) -> bool {
        self.customers.iter().any(|(id, _)| id != CustomerId::DEFAULT)
    }

    /// The name of a customer; `None` for the one that has none.
    pub fn customer_name(&self, id: CustomerId) -> Option<&str> {
        self.observer.customer(id)
    }

    /// The name of a binding's gateway; `None` for one that was learned.
    pub fn peer_name(&self, binding: &Binding, path: &BindingPath) -> Option<&str> {
        self.customers.customer(binding.customer)?.lma().peer_name(path)
    }

    /// What an operator watches.
    pub fn observer(&self) -> &Observer {
        &self.observer
    }

    /// What an operator watches, to change it.
    pub fn observer_mut(&mut self) -> &mut Observer {
        &mut self.observer
    }

    /// What forwards its packets, to look at.
    pub fn plane(&self) -> &Plane {
        &self.ends.plane
    }

    /// What a binding's packets added up to.
    pub fn traffic(&self, binding: BindingId) -> Option<BindingCounters> {
        self.ends.plane.counters(binding)
    }

    /// How many signalling messages were lost because they were not read in time.
    pub fn overruns(&self) -> u64 {
        self.ends.signalling.overruns()
    }

    /// Whether its packets are forwarded no more.
    pub fn has_stopped(&self) -> bool {
        self.ends.plane.has_stopped()
    }

    /// The routes to bindings.
    pub fn routes(&self) -> &Routes {
        &self.routes
    }

    /// How many changes of the forwarding were refused by the host.
    pub fn forwarding_failures(&self) -> u64 {
        self.ends.plane.failures()
    }

    /// Whose socket is in this place.
    pub fn party(&self, place: usize) -> Option<CustomerId> {
        let (vrf, address) = self.ends.signalling.local(place)?;
        self.customers.at(vrf, address)
    }
}
