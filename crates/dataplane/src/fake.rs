//! A data plane that remembers what it was told and forwards nothing.

use std::collections::BTreeMap;

use kedge_model::{BindingId, Forwarding, VrfId};

use crate::{BindingCounters, Change, Dataplane, DataplaneError, Local, Policy, Totals};

/// Remembers what it holds; a test looks into it and moves its counters.
#[derive(Debug, Default)]
pub struct Fake {
    /// What is held for each binding.
    pub held: BTreeMap<BindingId, Forwarding>,
    /// What [`Dataplane::counters`] answers for a binding that is held.
    pub counters: BTreeMap<BindingId, BindingCounters>,
    /// What [`Dataplane::totals`] answers.
    pub totals: Totals,
    /// Whether it was told to route between subscribers itself.
    pub routes_locally: bool,
    /// The addresses at which tunnels may start, of those that were added.
    pub locals: Vec<Local>,
    /// The MTU of each device that was added or given another.
    pub mtus: BTreeMap<VrfId, u16>,
    /// What was last said about the packets of each world.
    pub policies: BTreeMap<VrfId, Policy>,
    /// Every change in the order in which it was made.
    pub log: Vec<Change>,
}

impl Dataplane for Fake {
    fn apply(&mut self, changes: &[Change]) -> Result<(), DataplaneError> {
        for change in changes {
            match change {
                Change::Bind { binding, want } => {
                    if want.paths.iter().all(|path| path.weight == 0) {
                        return Err(DataplaneError::NoPath { binding: *binding });
                    }
                    self.held.insert(*binding, want.clone());
                }
                Change::Unbind(binding) => {
                    self.held.remove(binding);
                    self.counters.remove(binding);
                }
                Change::RouteLocally(on) => self.routes_locally = *on,
                Change::AddLocal { local, .. } => self.locals.push(*local),
                Change::AddDevice { vrf, mtu, .. } => {
                    self.mtus.insert(*vrf, *mtu);
                }
                Change::RemoveDevice(vrf) => {
                    self.mtus.remove(vrf);
                    self.held.retain(|_, held| held.vrf != *vrf);
                }
                Change::RemoveLocal { vrf, address } => {
                    self.locals.retain(|local| (local.vrf, local.address) != (*vrf, *address));
                }
                Change::SetMtu { vrf, mtu } => {
                    self.mtus.insert(*vrf, *mtu);
                }
                Change::SetPolicy { vrf, policy } => {
                    self.policies.insert(*vrf, policy.clone());
                }
            }
            self.log.push(change.clone());
        }
        Ok(())
    }

    fn counters(&self, binding: BindingId) -> Option<BindingCounters> {
        self.held.get(&binding)?;
        Some(self.counters.get(&binding).copied().unwrap_or_default())
    }

    fn totals(&self) -> Totals {
        self.totals
    }
}
