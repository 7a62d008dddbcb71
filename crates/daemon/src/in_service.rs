//! A configuration put into force while the daemon runs: what changes, and what does not.
//!
//! ```text
//!   plan ──► prepare: what is new is made ──► put in force: machines told, what is old unmade
//!              │ the host refuses
//!              └──► abandon: what was made is unmade; nothing has changed
//! ```
//!
//! Everything that the host may refuse is in the first step, so that the second cannot fail. The
//! daemon's start is the same: the change from nothing.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use kedge_config::Config;
use kedge_mag::InterfaceId;
use kedge_net::hosts::Wanted;
use kedge_sansio::Now;
use tracing::{info, warn};

use crate::aaa::{self, Bound, Cause, Secured};
use crate::anchor::Anchor;
use crate::apply::{self, AnchorPlan, GatewayPlan, Plan};
use crate::clock;
use crate::ends::State;
use crate::gateway::{self, Gateway};
use crate::link_mtu;
use crate::shell::{Roles, Shell};
use crate::start_error::StartError;
use crate::tokens;

/// For how long a role or an address that was removed hears answers to what it said last.
const LEAVING: Duration = Duration::from_secs(3);

/// What becomes of an access interface whose device is not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Devices {
    /// It is refused: who names a device by hand may have misspelt it.
    Needed,
    /// It may come later, as when a host starts.
    Awaited,
}

/// A change that the host has everything for.
pub struct Prepared {
    plan: Plan,
    /// A role that is new.
    anchor: Option<Anchor>,
    gateway: Option<Gateway>,
    /// What the roles that stay had.
    anchor_was: Option<State>,
    gateway_was: Option<State>,
    /// RADIUS servers with what they are secured with.
    radius: Secured,
    /// Where they ask for changes.
    dynamic: Bound,
    /// What is new, in the order of making.
    made: Vec<Wanted>,
    ports: Vec<InterfaceId>,
    /// All that is wanted of the kernel.
    wanted: Vec<Wanted>,
}

impl Shell {
    /// Makes what is new in a plan. On an error, nothing has changed.
    pub fn prepare(&mut self, mut plan: Plan, devices: Devices) -> Result<Prepared, StartError> {
        if let Some(plan) = &mut plan.gateway
            && let Some(mtu) = gateway::examine(plan)??
        {
            plan.fit(mtu);
        }
        if let Some(plan) = &mut plan.anchor {
            plan.fit(&link_mtu::of_addresses(&plan.ends())?);
        }
        let mut prepared = Prepared {
            plan,
            anchor: None,
            gateway: None,
            anchor_was: None,
            gateway_was: None,
            radius: Secured::default(),
            dynamic: Bound::default(),
            made: Vec::new(),
            ports: Vec::new(),
            wanted: Vec::new(),
        };
        match self.try_prepare(&mut prepared, devices) {
            Ok(()) => Ok(prepared),
            Err(error) => {
                self.abandon(prepared);
                Err(error)
            }
        }
    }

    fn try_prepare(&mut self, new: &mut Prepared, devices: Devices) -> Result<(), StartError> {
        new.radius = aaa::secure(&new.plan.radius.servers)?;
        let dynamic = new.plan.radius.dynamic.as_ref();
        new.dynamic = self.dynamic.prepare(dynamic).map_err(|cause| StartError::DynamicAuthor {
            port: dynamic.map_or(0, |plan| plan.port),
            cause,
        })?;
        let seed = || RandomState::new().hash_one(Instant::now());
        for state in new.plan.ends() {
            for world in state.worlds.values() {
                // Before a device is made there: what has its mark is of an earlier run.
                for left in self.hosts.enter(world)? {
                    info!("undid what an earlier run left behind in {world}: {left}");
                }
                if self.hosts.is_made_anew(world) {
                    warn!(
                        "{world} was made anew, and kedged works in the one before until what is \
                         there is removed by a commit; another one adds it where it is then"
                    );
                }
            }
        }
        if let Some(plan) = &new.plan.anchor {
            match &mut self.anchor {
                Some(anchor) => {
                    let was = anchor.ends_mut().state().clone();
                    anchor.ends_mut().extend(plan.ends(), &self.poller)?;
                    new.anchor_was = Some(was);
                }
                None => {
                    // It has the device's name.
                    self.leaving.anchor = None;
                    let anchor =
                        Anchor::start(plan, seed(), &self.poller, tokens::ANCHOR, clock::sample())?;
                    new.anchor = Some(anchor);
                }
            }
            if let Some(anchor) = new.anchor.as_mut().or(self.anchor.as_mut()) {
                new.wanted.extend(anchor.place(plan, &mut self.hosts)?);
            }
        }
        if let Some(plan) = &new.plan.gateway {
            match &mut self.gateway {
                Some(gateway) => {
                    let was = gateway.ends_mut().state().clone();
                    gateway.ends_mut().extend(plan.ends(), &self.poller)?;
                    new.gateway_was = Some(was);
                }
                None => {
                    self.leaving.gateway = None;
                    let gateway = Gateway::start(plan, seed(), &self.poller, tokens::GATEWAY)?;
                    new.gateway = Some(gateway);
                }
            }
            if let Some(gateway) = new.gateway.as_mut().or(self.gateway.as_mut()) {
                new.wanted.extend(gateway.place(plan, &mut self.hosts)?);
            }
        }
        let there: HashSet<&Wanted> = self.things.iter().collect();
        for wanted in new.wanted.iter().filter(|wanted| !there.contains(wanted)) {
            self.hosts.make(wanted)?;
            new.made.push(wanted.clone());
        }
        self.add_ports(new, devices)?;
        self.server.set_remote(new.plan.management.as_ref())?;
        Ok(())
    }

    fn add_ports(&mut self, new: &mut Prepared, devices: Devices) -> Result<(), StartError> {
        let gateway = new.gateway.as_mut().or(self.gateway.as_mut());
        let (Some(gateway), Some(plan)) = (gateway, &new.plan.gateway) else { return Ok(()) };
        let links = self.hosts.own().netlink().links()?;
        for (&id, interface) in plan.settings.interfaces.iter().filter(|(_, i)| !i.logical) {
            if gateway.ports().any(|(known, _)| *known == id) {
                continue;
            }
            let name = &interface.name;
            let link = match devices {
                Devices::Awaited => None,
                Devices::Needed => Some(gateway::device(&links, name)?),
            };
            gateway.add_port(id, name, link, &self.poller, self.hosts.own())?;
            new.ports.push(id);
        }
        Ok(())
    }

    /// Unmakes what [`Self::prepare`] made.
    pub fn abandon(&mut self, prepared: Prepared) {
        let Prepared { mut gateway, anchor, anchor_was, gateway_was, made, ports, .. } = prepared;
        if let Some(gateway) = gateway.as_mut().or(self.gateway.as_mut()) {
            for id in ports {
                gateway.remove_port(id, self.hosts.own());
            }
        }
        self.unmake(made);
        self.admit_as_before();
        // Their devices go with them.
        drop((anchor, gateway));
        if let (Some(anchor), Some(was)) = (&mut self.anchor, anchor_was) {
            anchor.restore(was);
        }
        if let (Some(gateway), Some(was)) = (&mut self.gateway, gateway_was) {
            gateway.ends_mut().restore(was);
        }
        self.leave_worlds();
    }

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
    fn leave_worlds(&mut self) {
        let worlds = self.ends().flat_map(|ends| ends.state().worlds.values()).cloned().collect();
        for failure in self.hosts.retain(&worlds) {
            warn!("{failure}");
        }
    }

    /// Lets in from other hosts whom the configuration that runs lets in.
    fn admit_as_before(&mut self) {
        let before = self.config.management_api.as_ref().map(apply::management).transpose();
        let admitted = before
            .map_err(|error| error.to_string())
            .and_then(|a| self.server.set_remote(a.as_ref()).map_err(|error| error.to_string()));
        if let Err(error) = admitted {
            warn!("management-api: {error}");
        }
    }

    /// Puts a configuration into force that was prepared for.
    pub fn put_in_force(&mut self, config: Config, prepared: Prepared, now: Now) {
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
        self.unmake(gone);
        // The devices last: while the kernel is busy with them, all else would have to wait.
        if let (Some(anchor), Some(ends)) = (&mut self.anchor, ends) {
            anchor.leave(ends, leave_by);
        }
        self.leave_worlds();
        match self.hosts.put_back() {
            Ok(changed) => {
                for changed in changed {
                    info!("undid what an earlier run left behind: {changed}");
                }
            }
            Err(error) => warn!("{error}"),
        }
        self.things = wanted;
        self.config = config;
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
    fn unmake(&mut self, things: Vec<Wanted>) {
        for thing in things.iter().rev() {
            if let Err(error) = self.hosts.unmake(thing) {
                warn!("{error}");
            }
        }
    }
}
