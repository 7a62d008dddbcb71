//! What the host must have for a new configuration is made before anything else changes, a slice a
//! turn of the loop.
//!
//! ```text
//!   begin ──► worlds entered ──► addresses, devices ──► looked at ──► routes, rules, sysctls ──► ports
//!                │                     │                                 │                        │
//!                └─────────────────────┴── the host refuses ─────────────┴── abandon: as before ──┘
//! ```
//!
//! A thousand customers take the kernel a second or more, in which those that are there are served.
//! What is made is beside what runs, and nothing of that knows it before it is put into force.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::time::Instant;

use kedge_model::World;
use kedge_net::hosts::Wanted;
use tracing::{info, warn};

use crate::aaa;
use crate::anchor::Anchor;
use crate::apply::{self, Plan};
use crate::clock;
use crate::ends::Ends;
use crate::gateway::{self, Gateway};
use crate::link_mtu;
use crate::prepared::{Devices, Prepared, Preparing, Step};
use crate::shell::Shell;
use crate::start_error::StartError;
use crate::tokens;

/// Addresses and devices that are made together: the forwarder is asked once to take them.
const TOGETHER: usize = 8;

impl Shell {
    /// Makes what is new in a plan. On an error, nothing has changed.
    pub fn prepare(&mut self, plan: Plan, devices: Devices) -> Result<Prepared, StartError> {
        let mut preparing = self.begin_preparing(plan, devices)?;
        while let Some(step) = preparing.steps.pop_front() {
            if let Err(error) = self.take_step(&mut preparing, step) {
                self.abandon(preparing.new);
                return Err(error);
            }
        }
        Ok(preparing.new)
    }

    /// Begins to make what is new in a plan; [`Self::go_on_preparing`] does it. On an error, nothing
    /// has changed.
    pub fn begin_preparing(
        &mut self,
        mut plan: Plan,
        devices: Devices,
    ) -> Result<Preparing, StartError> {
        if let Some(plan) = &mut plan.gateway
            && let Some(mtu) = gateway::examine(plan)??
        {
            plan.fit(mtu);
        }
        if let Some(plan) = &mut plan.anchor {
            plan.fit(&link_mtu::of_addresses(&plan.ends())?);
        }
        let radius = aaa::secure(&plan.radius.servers)?;
        let dynamic = plan.radius.dynamic.as_ref();
        let dynamic = self.dynamic.prepare(dynamic).map_err(|cause| StartError::DynamicAuthor {
            port: dynamic.map_or(0, |plan| plan.port),
            cause,
        })?;
        let seed = || RandomState::new().hash_one(Instant::now());
        let (mut anchor, mut gateway) = (None, None);
        if let (Some(plan), None) = (&plan.anchor, &self.anchor) {
            // It has the device's name.
            self.leaving.anchor = None;
            let now = clock::sample();
            anchor = Some(Anchor::start(plan, seed(), &self.poller, tokens::ANCHOR, now)?);
        }
        if let (Some(plan), None) = (&plan.gateway, &self.gateway) {
            self.leaving.gateway = None;
            gateway = Some(Gateway::start(plan, seed(), &self.poller, tokens::GATEWAY)?);
        }
        let had = |ends: &Ends| ends.state().clone();
        let mut new = Prepared {
            anchor_was: self.anchor.as_ref().map(|anchor| had(anchor.ends())),
            gateway_was: self.gateway.as_ref().map(|gateway| had(gateway.ends())),
            plan,
            anchor,
            gateway,
            radius,
            dynamic,
            made: Vec::new(),
            ports: Vec::new(),
            wanted: Vec::new(),
        };
        let steps = self.steps(&mut new);
        Ok(Preparing { new, devices, steps })
    }

    fn steps(&mut self, new: &mut Prepared) -> VecDeque<Step> {
        let worlds: BTreeSet<World> =
            new.plan.ends().into_iter().flat_map(|state| state.worlds.into_values()).collect();
        let mut steps: VecDeque<Step> = worlds.into_iter().map(Step::Enter).collect();
        let anchor = new.anchor.as_mut().or(self.anchor.as_mut());
        if let (Some(plan), Some(anchor)) = (&new.plan.anchor, anchor) {
            let ends = plan.ends();
            let lacks = anchor.ends_mut().lacks(&ends);
            steps.extend(lacks.chunks(TOGETHER).map(|ends| Step::Anchor(ends.to_vec())));
            steps.extend(ends.devices.into_keys().map(Step::Look));
        }
        let gateway = new.gateway.as_mut().or(self.gateway.as_mut());
        if let (Some(plan), Some(gateway)) = (&new.plan.gateway, gateway) {
            let lacks = gateway.ends_mut().lacks(&plan.ends());
            steps.extend(lacks.chunks(TOGETHER).map(|ends| Step::Gateway(ends.to_vec())));
        }
        steps.extend([Step::Want, Step::Ports]);
        steps
    }

    /// Makes more of what is new, until this moment; says whether all of it is there. On an error,
    /// [`Self::abandon`] must follow.
    pub fn go_on_preparing(
        &mut self,
        preparing: &mut Preparing,
        until: Instant,
    ) -> Result<bool, StartError> {
        while let Some(step) = preparing.steps.pop_front() {
            self.take_step(preparing, step)?;
            if Instant::now() >= until {
                break;
            }
        }
        Ok(preparing.steps.is_empty())
    }

    fn take_step(&mut self, preparing: &mut Preparing, step: Step) -> Result<(), StartError> {
        let new = &mut preparing.new;
        match step {
            Step::Enter(world) => self.enter_world(&world)?,
            Step::Anchor(ends) => {
                if let Some(anchor) = new.anchor.as_mut().or(self.anchor.as_mut()) {
                    anchor.ends_mut().add(&ends, &self.poller)?;
                }
            }
            Step::Gateway(ends) => {
                if let Some(gateway) = new.gateway.as_mut().or(self.gateway.as_mut()) {
                    gateway.ends_mut().add(&ends, &self.poller)?;
                }
            }
            Step::Look(vrf) => {
                if let Some(anchor) = new.anchor.as_mut().or(self.anchor.as_mut()) {
                    anchor.look_at(vrf, &mut self.hosts)?;
                }
            }
            Step::Want => {
                let anchor = new.anchor.as_ref().or(self.anchor.as_ref());
                if let (Some(anchor), Some(plan)) = (anchor, &new.plan.anchor) {
                    new.wanted.extend(anchor.wants(plan));
                }
                let gateway = new.gateway.as_mut().or(self.gateway.as_mut());
                if let (Some(gateway), Some(plan)) = (gateway, &new.plan.gateway) {
                    new.wanted.extend(gateway.place(plan, &mut self.hosts)?);
                }
                let there: HashSet<&Wanted> = self.things.iter().collect();
                let lacking = new.wanted.iter().filter(|wanted| !there.contains(wanted));
                let lacking: Vec<Step> = lacking.cloned().map(Step::Make).collect();
                lacking.into_iter().rev().for_each(|step| preparing.steps.push_front(step));
            }
            Step::Make(wanted) => {
                self.hosts.make(&wanted)?;
                new.made.push(wanted);
            }
            Step::Ports => {
                let devices = preparing.devices;
                self.add_ports(new, devices)?;
                self.server.set_remote(new.plan.management.as_ref())?;
            }
        }
        Ok(())
    }

    fn enter_world(&mut self, world: &World) -> Result<(), StartError> {
        // Before a device is made there: what has its mark is of an earlier run.
        for left in self.hosts.enter(world)? {
            info!("undid what an earlier run left behind in {world}: {left}");
        }
        if self.hosts.is_made_anew(world) {
            warn!(
                "{world} was made anew, and kedged works in the one before until what is there is \
                 removed by a commit; another one adds it where it is then"
            );
        }
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
}
