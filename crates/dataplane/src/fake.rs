//! A data plane that remembers what it was told and forwards nothing.

use std::collections::BTreeMap;

use kedge_model::{BindingId, Forwarding};

use crate::{BindingCounters, Change, Dataplane, DataplaneError, Totals};

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
