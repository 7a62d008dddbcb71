//! Which counters an event moves, and which no event has moved yet.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::world::World;

/// A counter: its group and its key.
pub type Counter = (&'static str, &'static str);

/// By how much counters moved.
pub type Counts = BTreeMap<Counter, u64>;

thread_local! {
    /// Every counter that an event moved in a test on this thread.
    static MOVED: RefCell<BTreeSet<Counter>> = const { RefCell::new(BTreeSet::new()) };
}

/// What an event moved in these groups.
pub fn moved(world: &mut World, groups: &[&str], event: impl FnOnce(&mut World)) -> Counts {
    let before = counts(world, groups);
    event(world);
    let mut after = counts(world, groups);
    after.iter_mut().for_each(|(key, value)| *value -= before[key]);
    after.retain(|_, value| *value > 0);
    MOVED.with_borrow_mut(|moved| moved.extend(after.keys()));
    after
}

/// An event moves exactly these counters of these groups, each by one.
#[track_caller]
pub fn moves(
    world: &mut World,
    groups: &[&str],
    expected: &[(&'static str, &[&'static str])],
    event: impl FnOnce(&mut World),
) {
    let one = |(group, keys): &(&'static str, &[&'static str])| {
        keys.iter().map(|key| ((*group, *key), 1)).collect::<Vec<_>>()
    };
    let expected: Counts = expected.iter().flat_map(one).collect();
    assert_eq!(moved(world, groups, event), expected);
}

/// The counters of a gateway that none of these tests moves.
pub fn never_moved(tests: &[fn()]) -> BTreeSet<Counter> {
    tests.iter().for_each(|test| test());
    let world = World::new(crate::world::settings());
    let groups = world.mag.statistics();
    let all = groups.iter().flat_map(|group| group.rows.iter().map(|row| (group.key, row.key)));
    MOVED.with_borrow(|moved| all.filter(|counter| !moved.contains(counter)).collect())
}

fn counts(world: &World, groups: &[&str]) -> Counts {
    let all = world.mag.statistics();
    let asked = all.iter().filter(|group| groups.contains(&group.key));
    asked.flat_map(|g| g.rows.iter().map(|row| ((g.key, row.key), row.value))).collect()
}
