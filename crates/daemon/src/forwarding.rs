//! One machine's data plane, and the changes that wait for the end of the turn.

use kedge_dataplane::{BindingCounters, Change, Dataplane, Totals};
use kedge_model::{BindingId, Forwarding};
use tracing::error;

/// Collects what a machine wants while a batch is handled and makes it so in one call.
pub struct Plane {
    backend: Box<dyn Dataplane>,
    waiting: Vec<Change>,
    failures: u64,
}

impl Plane {
    /// Forwards through `backend`.
    pub fn new(backend: Box<dyn Dataplane>) -> Self {
        Self { backend, waiting: Vec::new(), failures: 0 }
    }

    /// Keeps a change until [`Self::commit`].
    pub fn want(&mut self, binding: BindingId, want: Option<Forwarding>) {
        self.waiting.push(match want {
            Some(want) => Change::Bind { binding, want },
            None => Change::Unbind(binding),
        });
    }

    /// Makes the changes so. One that fails leaves its subscriber without traffic and is logged
    /// and counted; those behind it are made all the same.
    pub fn commit(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        if self.backend.apply(&self.waiting).is_err() {
            // Which ones failed, and why, each for itself: what was made already is made again.
            for change in &self.waiting {
                if let Err(failure) = self.backend.apply(std::slice::from_ref(change)) {
                    self.failures += 1;
                    error!("forwarding: {failure}");
                }
            }
        }
        self.waiting.clear();
    }

    /// What a binding's packets added up to.
    pub fn counters(&self, binding: BindingId) -> Option<BindingCounters> {
        self.backend.counters(binding)
    }

    /// Everything that was counted since the start.
    pub fn totals(&self) -> Totals {
        self.backend.totals()
    }

    /// How many changes the data plane has refused since the start.
    pub fn failures(&self) -> u64 {
        self.failures
    }
}
