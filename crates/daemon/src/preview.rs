//! What a configuration would do, before it does anything.

use std::collections::HashSet;
use std::net::IpAddr;

use kedge_config::Config;
use kedge_model::World;

use crate::addresses;
use crate::answer::plural;
use crate::apply::{self, Plan, Unfit};
use crate::ends::State;
use crate::gateway::{self, Gateway};
use crate::shell::Shell;
use crate::start_error::StartError;

impl Shell {
    /// What a configuration comes down to beside what runs.
    pub fn plan(&mut self, config: &Config) -> Result<Plan, Unfit> {
        let mut plan = apply::plan(config, self.restart_counter, &mut self.numbers)?;
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
        if let Some(&(world, address)) = addresses::lacking(new)?.first() {
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
                gateway::device(&links, name)?;
            }
        }
        Ok(())
    }
}
