//! A configuration put into force while the daemon runs: what changes, and what does not.
//!
//! ```text
//!   plan ──► prepare: what is new is made ──► put in force: machines told ──► remove what is old
//!              │ the host refuses                                               by the slice
//!              └──► abandon: what was made is unmade; nothing has changed
//! ```
//!
//! Everything that the host may refuse is in the first step, so that the second cannot fail. The
//! daemon's start is the same: the change from nothing.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kedge_config::Config;
use kedge_model::World;
use kedge_net::hosts::Wanted;
use kedge_sansio::Now;
use tracing::{info, warn};

use crate::aaa::Cause;
use crate::apply::{AnchorPlan, GatewayPlan};
use crate::prepared::{Prepared, Removing};
use crate::shell::{Roles, Shell};

/// For how long a role or an address that was removed hears answers to what it said last.
const LEAVING: Duration = Duration::from_secs(3);

impl Shell {
    /// Enters the namespaces that an earlier run did not leave. [`Self::leave_worlds`] leaves them
    /// as they were before.
    pub(crate) fn enter_abandoned(&mut self) {
        for world in self.hosts.abandoned() {
            match self.hosts.enter(&world) {
                Ok(swept) => {
                    info!("an earlier run worked in {world}, and this one does not");
                    for left in swept {
                        info!("undid what an earlier run left behind in {world}: {left}");
                    }
                }
                Err(error) => info!("what an earlier run left behind stays: {error}"),
            }
        }
    }

    /// Leaves the namespaces that nothing runs in.
    pub(crate) fn leave_worlds(&mut self) {
        for world in self.hosts.others(&self.worlds()) {
            self.leave_world(&world);
        }
    }

    /// Leaves a routing world.
    pub(crate) fn leave_world(&mut self, world: &World) {
        self.hosts.leave(world).iter().for_each(|failure| warn!("{failure}"));
    }

    /// The worlds that something runs in.
    fn worlds(&self) -> BTreeSet<World> {
        self.ends().flat_map(|ends| ends.state().worlds.values()).cloned().collect()
    }

    /// Puts a configuration into force that was prepared for. Gives what has no place in it, for
    /// [`Self::go_on_removing`].
    pub fn put_in_force(&mut self, config: Arc<Config>, prepared: Prepared, now: Now) -> Removing {
        let Prepared { plan, anchor, gateway, radius, dynamic, wanted, .. } = prepared;
        let leave_by = now.mono + LEAVING;
        if let Some(mut new) = anchor {
            new.announce_restart();
            self.anchor = Some(new);
        }
        if let Some(mut new) = gateway {
            new.announce_restart(self.hosts.own(), now);
            self.gateway = Some(new);
        }
        if config.radius != self.config.radius {
            self.aaa.replace_servers(radius, &self.poller, now);
        }
        self.nas = Roles { anchor: plan.radius.anchor, gateway: plan.radius.gateway };
        self.dynamic.apply(plan.radius.dynamic, dynamic, &self.poller);
        if plan.radius.accounting.is_none() {
            self.stop_accounting(Cause::NasRequest, now);
        }
        let ends = plan.anchor.as_ref().map(AnchorPlan::ends);
        self.change_anchor(plan.anchor, leave_by, now);
        if let Some(accounting) = plan.radius.accounting {
            self.start_accounting(accounting, now);
        }
        self.change_gateway(plan.gateway, leave_by, now);
        let stays: HashSet<&Wanted> = wanted.iter().collect();
        let gone = self.things.iter().filter(|thing| !stays.contains(thing)).cloned().collect();
        let ends = match (&mut self.anchor, ends) {
            (Some(anchor), Some(ends)) => anchor.leave(ends, leave_by).into(),
            _ => VecDeque::new(),
        };
        self.things = wanted;
        self.config = config;
        Removing { things: gone, ends, worlds: self.hosts.others(&self.worlds()) }
    }

    fn change_anchor(&mut self, plan: Option<AnchorPlan>, leave_by: Instant, now: Now) {
        match (&mut self.anchor, plan) {
            (Some(anchor), Some(plan)) => anchor.apply(plan, now),
            (Some(anchor), None) => {
                info!("anchor removed");
                anchor.retire(now);
                self.account(now);
                self.leaving.anchor = self.anchor.take().map(|anchor| (anchor, leave_by));
            }
            (None, _) => {}
        }
    }

    fn change_gateway(&mut self, plan: Option<GatewayPlan>, leave_by: Instant, now: Now) {
        match (&mut self.gateway, plan) {
            (Some(gateway), Some(plan)) => {
                gateway.apply(plan, leave_by, self.hosts.own(), now);
                // Which devices are there, and up.
                if let Err(error) = gateway.resync(&self.poller, self.hosts.own(), now) {
                    warn!("{error}");
                }
            }
            (Some(gateway), None) => {
                info!("gateway removed");
                gateway.retire(self.hosts.own(), now);
                self.leaving.gateway = self.gateway.take().map(|gateway| (gateway, leave_by));
            }
            (None, _) => {}
        }
    }

    /// The last made first.
    pub(crate) fn unmake(&mut self, things: Vec<Wanted>) {
        for thing in things.iter().rev() {
            if let Err(error) = self.hosts.unmake(thing) {
                warn!("{error}");
            }
        }
    }
}
