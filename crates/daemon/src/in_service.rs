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

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use kedge_config::Config;
use kedge_mag::InterfaceId;
use kedge_model::{VrfId, World};
use kedge_net::hosts::Wanted;
use kedge_net::netlink::{Link, Rule};
use kedge_net::owned::{Owned, Thing};
use kedge_net::sysctl::Sysctl;
use kedge_sansio::Now;
use tracing::{info, warn};

use crate::aaa::{self, Bound, Cause, Secured};
use crate::anchor::Anchor;
use crate::apply::{self, AnchorPlan, ApplyError, GatewayPlan};
use crate::console::plural;
use crate::ends::{Device, Ends, State};
use crate::gateway::{self, Gateway, Unusable};
use crate::link_mtu;
use crate::shell::{self, Roles, Shell};
use crate::startup::{self, Plan, StartError};

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

/// Roles that were removed and wait for answers.
#[derive(Default)]
pub struct Leaving {
    pub(crate) anchor: Option<(Anchor, Instant)>,
    pub(crate) gateway: Option<(Gateway, Instant)>,
}

impl Shell {
    /// What a configuration comes down to beside what runs.
    pub fn plan(&mut self, config: &Config) -> Result<Plan, ApplyError> {
        let mut plan = startup::plan(config, self.restart_counter, &mut self.numbers)?;
        if let (Some(gateway), Some(plan)) = (&self.gateway, &mut plan.gateway) {
            plan.keep_numbers(gateway.mag().settings());
        }
        Ok(plan)
    }

    /// What a plan would end, a line each.
    pub fn ended_by(&self, plan: &Plan) -> Vec<String> {
        let anchor = match (&self.anchor, &plan.anchor) {
            (Some(anchor), Some(plan)) => anchor.customers().ended_by(&plan.settings),
            (Some(anchor), None) => anchor.customers().len() as usize,
            (None, _) => 0,
        };
        let gateway = match (&self.gateway, &plan.gateway) {
            (Some(gateway), Some(plan)) => gateway.mag().ended_by(&plan.settings),
            (Some(gateway), None) => {
                kedge_mag::Ended { for_good: gateway.mag().sessions(), to_begin_again: 0 }
            }
            (None, _) => kedge_mag::Ended::default(),
        };
        let line = |count: usize, role: &str, what: [&str; 2]| {
            let bindings = plural(count, "binding");
            let what = what[usize::from(count != 1)];
            (count > 0).then(|| format!("{count} {bindings} of the {role} {what}"))
        };
        let lines = [
            line(anchor, "anchor", ["ends", "end"]),
            line(gateway.for_good, "gateway", ["ends", "end"]),
            line(gateway.to_begin_again, "gateway", ["begins again", "begin again"]),
        ];
        lines.into_iter().flatten().collect()
    }

    /// Looks whether the host has what a plan needs, and changes nothing.
    pub fn examine(&mut self, plan: &Plan) -> Result<(), StartError> {
        let held: HashSet<(&World, IpAddr)> =
            self.ends().flat_map(|e| e.state().places()).collect();
        let ends = plan.ends();
        let new = ends.iter().flat_map(State::places).filter(|place| !held.contains(place));
        if let Some(&(world, address)) = startup::lacking(new)?.first() {
            let world = world.clone();
            return Err(StartError::NoSuchAddress { address, world });
        }
        if let Some(plan) = &plan.gateway {
            gateway::examine(plan)??;
            let links = self.hosts.own().netlink().links()?;
            let running = self.gateway.iter().flat_map(Gateway::ports);
            let known: Vec<&str> = running.map(|(_, port)| port.name()).collect();
            let links_only = plan.settings.interfaces.values().filter(|i| !i.logical);
            let interfaces = links_only.map(|interface| &*interface.name);
            for name in interfaces.filter(|name| !known.contains(name)) {
                device(&links, name)?;
            }
        }
        Ok(())
    }

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
                        Anchor::start(plan, seed(), &self.poller, shell::ANCHOR, shell::sample())?;
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
                    let gateway = Gateway::start(plan, seed(), &self.poller, shell::GATEWAY)?;
                    new.gateway = Some(gateway);
                }
            }
            if let Some(gateway) = new.gateway.as_mut().or(self.gateway.as_mut()) {
                let devices = gateway.ends_mut().devices(&mut self.hosts)?;
                new.wanted.extend(Gateway::things(plan, devices));
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
                Devices::Needed => Some(device(&links, name)?),
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

    /// Those of the roles that run.
    fn ends(&self) -> impl Iterator<Item = &Ends> {
        let anchor = self.anchor.iter().map(Anchor::ends);
        anchor.chain(self.gateway.iter().map(Gateway::ends))
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

    /// Names of things that only the daemon knows, by their kind, for completion.
    pub fn names(&mut self) -> BTreeMap<&'static str, Vec<String>> {
        /// Beyond this many, a list helps nobody.
        const MOST: usize = 64;
        let links = self.hosts.own().netlink().links().unwrap_or_default();
        let interfaces = links.into_iter().map(|link| link.name).collect();
        let anchor = || self.anchor.iter().map(Anchor::customers);
        let bindings = anchor().flat_map(|customers| customers.bindings());
        let nodes = bindings.take(MOST).map(|binding| binding.mn_id.to_string()).collect();
        let customers = anchor().flat_map(|customers| customers.iter());
        let names = customers.map(|(_, customer)| customer.name().to_owned());
        let names = names.filter(|name| !name.is_empty()).take(MOST).collect();
        BTreeMap::from([("interface", interfaces), ("node", nodes), ("customer", names)])
    }
}

impl Leaving {
    /// When one of them is to be served or ended.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        let anchor =
            self.anchor.as_mut().map(|(a, by)| a.poll_timeout().map_or(*by, |t| t.min(*by)));
        let gateway =
            self.gateway.as_mut().map(|(g, by)| g.poll_timeout().map_or(*by, |t| t.min(*by)));
        [anchor, gateway].into_iter().flatten().min()
    }

    /// Does what is due, and ends what has waited.
    pub fn handle_timeout(&mut self, host: &mut Owned, now: Now) {
        if let Some((anchor, _)) = &mut self.anchor {
            anchor.handle_timeout(now);
        }
        if let Some((gateway, _)) = &mut self.gateway {
            gateway.handle_timeout(host, now);
        }
        self.anchor.take_if(|(_, by)| *by <= now.mono);
        self.gateway.take_if(|(gateway, by)| gateway.mag().is_idle() || *by <= now.mono);
    }
}

fn device<'a>(links: &'a [Link], name: &str) -> Result<&'a Link, Unusable> {
    links.iter().find(|link| link.name == name).ok_or_else(|| Unusable {
        interface: name.to_owned(),
        why: "this host has no such device".to_owned(),
    })
}

/// What either role wants of the kernel in its worlds, at its addresses and for its devices.
pub fn things(state: &State, devices: &BTreeMap<VrfId, Device>) -> Vec<Wanted> {
    /// VRF devices have their tables looked up at 1000.
    const BEFORE_VRFS: u32 = 521;
    const PRIORITY: u32 = 5211;
    let set = |world: &World, entry, value: &str| {
        Wanted::new(world, Thing::Sysctl { entry, value: value.to_owned() })
    };
    let mut wanted = Vec::new();
    for world in state.worlds.values() {
        if matches!(world, World::Device(_)) {
            // A raw socket outside of all VRF devices would be given their packets, too.
            wanted.push(set(world, Sysctl::ipv4_of_all("raw_l3mdev_accept"), "0"));
        }
        // The kernel lets packets pass between devices.
        for entry in [Sysctl::ipv4("all", "forwarding"), Sysctl::ipv6("all", "forwarding")] {
            wanted.push(set(world, entry, "1"));
        }
    }
    for (world, from) in state.places() {
        // Tunnelled packets reach the forwarder's sockets, and the kernel's own tunnel drivers,
        // where they are loaded, find no device for them: the peer is not to hear of that.
        let is_vrf = matches!(world, World::Device(_));
        let (ipv6, priority) = (from.is_ipv6(), if is_vrf { BEFORE_VRFS } else { PRIORITY });
        let rules = [
            Rule::Landing { ipv6, priority: priority + 1 },
            Rule::SkipPortUnreachable { ipv6, priority: priority - 1, target: priority + 1 },
            Rule::NoPortUnreachable { from, priority },
        ];
        wanted.extend(rules.map(|rule| Wanted::new(world, Thing::Rule(rule))));
    }
    for Device { world, link, .. } in devices.values() {
        // Packets of subscribers come out of it from anywhere; the forwarder has checked them.
        for entry in [Sysctl::ipv4(&link.name, "rp_filter"), Sysctl::ipv6(&link.name, "accept_ra")]
        {
            wanted.push(set(world, entry, "0"));
        }
    }
    wanted
}
