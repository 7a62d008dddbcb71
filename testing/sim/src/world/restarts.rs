//! Stations that start again, and what an operator tells them while they run.

use kedge_mag::LinkState;

use super::{Station, World};
use crate::plan::{AnchorOrders, GatewayOrders, LOGICAL};
use crate::station::{Anchor, Gateway};
use crate::trail::Happened;

impl World {
    /// A gateway forgets everything; its tables and routes are gone with it.
    pub fn restart_gateway(&mut self, n: usize) {
        self.note(Happened::Disturbance(format!("gateway {n} restarts")));
        let old = &self.gateways[n];
        let (restarts, skew, down) = (old.restarts + 1, old.skew, old.down.clone());
        let (orders, branch) = (old.orders, old.branch.clone());
        let seed = self.chance.seed();
        self.gateways[n] = Gateway::new(&self.plan, n, restarts, seed);
        self.gateways[n].skew = skew;
        let now = self.now(Station::Gateway(n));
        let gateway = &mut self.gateways[n];
        gateway.orders = orders;
        gateway.mag.apply(self.plan.gateway(n, restarts, orders), now);
        if self.plan.delegates {
            gateway.mag.handle_branch(LOGICAL, branch.clone(), now);
        }
        gateway.branch = branch;
        self.settle(Station::Gateway(n));
        for interface in self.plan.interfaces() {
            let state = if down.contains(&interface) { LinkState::Down } else { LinkState::Up };
            self.tell_link(n, interface, state);
        }
        if self.plan.heartbeat.is_some() {
            self.gateways[n].mag.announce_restart();
            self.settle(Station::Gateway(n));
        }
    }

    /// An anchor forgets everything.
    pub fn restart_anchor(&mut self, n: usize) {
        self.note(Happened::Disturbance(format!("anchor {n} restarts")));
        let old = &self.anchors[n];
        let (restarts, skew, orders) = (old.restarts + 1, old.skew, old.orders);
        let seed = self.chance.seed();
        let now = self.now(Station::Anchor(n));
        self.anchors[n] = Anchor::new(&self.plan, n, restarts, seed, now);
        self.anchors[n].skew = skew;
        for customer in 0..self.plan.customers {
            self.memory.forget(n, customer);
        }
        self.order_anchor(n, orders);
        if self.plan.heartbeat.is_some() {
            let known = (0..self.gateways.len()).filter(|n| !self.plan.is_translated(*n));
            let paths: Vec<_> = known.map(|gateway| self.plan.signal_path(n, gateway)).collect();
            self.anchors[n].customers.announce_restart(paths);
        }
        self.settle(Station::Anchor(n));
    }

    /// An operator changes the settings of an anchor.
    pub fn order_anchor(&mut self, n: usize, orders: AnchorOrders) {
        let now = self.now(Station::Anchor(n));
        let anchor = &mut self.anchors[n];
        anchor.orders = orders;
        let settings = self.plan.anchor(n, anchor.restarts, orders);
        let foretold = anchor.customers.ended_by(&settings);
        let ended = anchor.customers.apply(settings, now);
        assert_eq!(foretold, ended, "an operator was told another number");
        self.note(Happened::Disturbance(format!("anchor {n}: {orders:?}, {ended} have no place")));
        self.settle(Station::Anchor(n));
    }

    /// An operator changes the settings of a gateway. A link that is served again is told.
    pub fn order_gateway(&mut self, n: usize, orders: GatewayOrders) {
        self.note(Happened::Disturbance(format!("gateway {n}: {orders:?}")));
        let now = self.now(Station::Gateway(n));
        let gateway = &mut self.gateways[n];
        let before = std::mem::replace(&mut gateway.orders, orders);
        gateway.mag.apply(self.plan.gateway(n, gateway.restarts, orders), now);
        self.settle(Station::Gateway(n));
        if let Some(link) = before.without_link.filter(|_| orders.without_link.is_none()) {
            let state = self.gateways[n].link(link);
            self.tell_link(n, link, state);
        }
    }

    /// The networks behind a gateway are others.
    pub fn rebuild_branch(&mut self, n: usize) {
        if !self.plan.delegates {
            return;
        }
        let branch = self.plan.branch(n, &mut self.chance);
        self.note(Happened::Disturbance(format!("gateway {n}: {branch:?}")));
        let now = self.now(Station::Gateway(n));
        self.gateways[n].branch = branch.clone();
        self.gateways[n].mag.handle_branch(LOGICAL, branch, now);
        self.settle(Station::Gateway(n));
    }

    /// The translator of a gateway forgets where it was seen.
    pub fn remap(&mut self, n: usize) {
        let transport = self.plan.transport(self.plan.customer_of_gateway(n));
        let choice = self.chance.index(2);
        let outside = self.translators.map(n, transport, choice);
        self.note(Happened::Disturbance(format!("gateway {n} is seen at {outside}")));
    }
}
