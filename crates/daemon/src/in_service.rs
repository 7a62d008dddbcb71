//! A configuration put into force while the daemon runs: what changes, and what does not.

use std::collections::BTreeMap;

use kedge_config::Config;
use kedge_sansio::Now;

use crate::shell::Shell;
use crate::startup::{Plan, StartError};

impl Shell {
    /// How many bindings a plan would end.
    pub fn ended_by(&self, plan: &Plan) -> usize {
        match (&self.anchor, &plan.anchor) {
            (Some(anchor), Some(plan)) => anchor.lma().ended_by(&plan.settings),
            (Some(anchor), None) => anchor.lma().len() as usize,
            (None, _) => 0,
        }
    }

    /// Puts a configuration, which `plan` is made from, into force. On an error, everything is as
    /// it was.
    pub fn put_in_force(&mut self, config: Config, plan: Plan, now: Now) -> Result<(), StartError> {
        // First, for it alone can fail, and then nothing else has changed.
        self.server.set_remote(plan.management.as_ref())?;
        if let (Some(anchor), Some(plan)) = (&mut self.anchor, plan.anchor) {
            anchor.lma_mut().apply(plan.settings, now);
            anchor.settle();
        }
        if let (Some(gateway), Some(plan)) = (&mut self.gateway, plan.gateway) {
            gateway.mag_mut().apply(plan.settings, now);
            gateway.settle(&mut self.host);
        }
        self.config = config;
        Ok(())
    }

    /// Names of things that only the daemon knows, by their kind, for completion.
    pub fn names(&mut self) -> BTreeMap<&'static str, Vec<String>> {
        /// Beyond this many, a list helps nobody.
        const MOST: usize = 64;
        let links = self.host.netlink().links().unwrap_or_default();
        let interfaces = links.into_iter().map(|link| link.name).collect();
        let anchor = self.anchor.iter().flat_map(|anchor| anchor.lma().bindings());
        let nodes = anchor.take(MOST).map(|binding| binding.mn_id.to_string()).collect();
        BTreeMap::from([("interface", interfaces), ("node", nodes)])
    }
}
