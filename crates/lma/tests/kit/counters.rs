//! What an input does to the counters: all of them before it and after it, and the difference.
//!
//! ```ignore
//! world.moves(&["binding_revocation.sent", "revocation_triggers_sent.administrative"], |world| {
//!     world.lma.clear(CustomerId::DEFAULT, &mn, world.now);
//! });
//! ```

use std::collections::BTreeMap;

use super::World;

/// Every counter by the name it has in JSON, as it stood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot(BTreeMap<String, u64>);

impl World {
    pub fn snapshot(&self) -> Snapshot {
        let groups = self.lma.statistics();
        let rows = groups.iter().flat_map(|group| {
            group.rows.iter().map(|row| (format!("{}.{}", group.key, row.key), row.value))
        });
        Snapshot(rows.collect())
    }

    /// Does something that moves these counters by one each, one that is named twice by two, and
    /// no other counter of the anchor. Their order does not matter.
    #[track_caller]
    pub fn moves<R>(&mut self, expected: &[&str], input: impl FnOnce(&mut Self) -> R) -> R {
        let before = self.snapshot();
        let result = input(self);
        let moved = self.snapshot().since(&before);
        let mut wanted: BTreeMap<String, u64> = BTreeMap::new();
        for name in expected {
            assert!(before.0.contains_key(*name), "there is no counter {name}");
            *wanted.entry((*name).to_owned()).or_default() += 1;
        }
        assert_eq!(moved, wanted, "what moved, and what was to move");
        result
    }
}

impl Snapshot {
    /// The counters that moved, and how far. None ever goes back.
    #[track_caller]
    pub fn since(&self, before: &Self) -> BTreeMap<String, u64> {
        let step = |(name, value): (&String, &u64)| {
            let earlier = before.0.get(name).copied().unwrap_or(0);
            assert!(*value >= earlier, "{name} went back from {earlier} to {value}");
            (*value > earlier).then(|| (name.clone(), value - earlier))
        };
        self.0.iter().filter_map(step).collect()
    }
}
