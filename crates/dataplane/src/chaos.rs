//! A data plane that fails on purpose, as a seed decides.

use kedge_model::BindingId;
use kedge_sansio::Rng;

use crate::{BindingCounters, Change, Dataplane, DataplaneError, Totals};

/// Passes changes on to another data plane and makes some of them fail.
#[derive(Debug)]
pub struct Chaos<D> {
    inner: D,
    rng: Rng,
    /// Changes that fail, of a hundred.
    percent: u32,
}

impl<D: Dataplane> Chaos<D> {
    /// Lets `percent` of a hundred changes to `inner` fail; the same seed fails the same ones.
    pub fn new(inner: D, seed: u64, percent: u32) -> Self {
        Self { inner, rng: Rng::new(seed), percent }
    }

    /// The data plane behind, which says what is really held.
    pub fn inner(&self) -> &D {
        &self.inner
    }
}

impl<D: Dataplane> Dataplane for Chaos<D> {
    fn apply(&mut self, changes: &[Change]) -> Result<(), DataplaneError> {
        for change in changes {
            if self.rng.below(100) < self.percent {
                return Err(DataplaneError::OnPurpose);
            }
            self.inner.apply(std::slice::from_ref(change))?;
        }
        Ok(())
    }

    fn counters(&self, binding: BindingId) -> Option<BindingCounters> {
        self.inner.counters(binding)
    }

    fn totals(&self) -> Totals {
        self.inner.totals()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    fn outcomes(seed: u64, percent: u32) -> Vec<bool> {
        let mut chaos = Chaos::new(Fake::default(), seed, percent);
        (0..200).map(|id| chaos.apply(&[Change::Unbind(BindingId(id))]).is_ok()).collect()
    }

    #[test]
    fn the_seed_decides_which_changes_fail() {
        assert_eq!(outcomes(1, 30), outcomes(1, 30));
        assert_ne!(outcomes(1, 30), outcomes(2, 30));
        assert!(outcomes(1, 0).iter().all(|ok| *ok));
        assert!(outcomes(1, 100).iter().all(|ok| !ok));
    }

    #[test]
    fn the_changes_before_a_failure_are_in_force_and_those_from_it_on_are_not() {
        let changes: Vec<Change> = (0..100).map(|id| Change::Unbind(BindingId(id))).collect();
        let mut chaos = Chaos::new(Fake::default(), 3, 10);
        assert!(chaos.apply(&changes).is_err());
        let made = &chaos.inner().log;
        assert!(!made.is_empty() && made.len() < 100);
        assert_eq!(made[..], changes[..made.len()]);
    }
}
