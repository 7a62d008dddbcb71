//! Slots by hash: an open-addressing table of eight octets an entry.
//!
//! ```text
//!   entry    | tag: 32 bits of the hash | slot + 1 |      0: empty
//!   place    as far along the table as the tag is along its range; if taken, the next one
//! ```
//!
//! Eight entries share a cache line and at most three quarters of them are taken, so finding a
//! slot reads one line of this table, mostly, and the first binding that it looks at is the right
//! one. The tag is all that growing needs: no binding is read for it. An entry that goes is
//! replaced by one that was pushed behind it, so there are no tombstones, and a table that
//! shrinks and grows again is as fast as a new one.

/// The hash of a key as far as the table keeps it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tag(u32);

/// Slots of a table that its owner finds by hash; the keys are in the table, and only there.
#[derive(Debug, Default)]
pub struct HashIndex {
    /// None, or a power of two.
    entries: Vec<u64>,
    len: usize,
}

impl From<u64> for Tag {
    fn from(hash: u64) -> Self {
        Self((hash >> 32) as u32) // the upper half, which the shift leaves
    }
}

impl HashIndex {
    const LEAST: usize = 64;

    /// The first slot of this tag that `is_it` says yes to.
    pub fn find(&self, tag: Tag, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        self.of_tag(tag).map(|(_, slot)| slot).find(|slot| is_it(*slot))
    }

    /// The slot that is most likely the one of this tag; what it is of, nobody has looked at.
    pub fn guess(&self, tag: Tag) -> Option<u32> {
        self.of_tag(tag).next().map(|(_, slot)| slot)
    }

    /// Adds a slot, of which there are fewer than 2^32 - 1.
    pub fn insert(&mut self, tag: Tag, slot: u32) {
        if (self.len + 1) * 4 > self.entries.len() * 3 {
            let larger = (self.entries.len() * 2).max(Self::LEAST);
            let old = std::mem::replace(&mut self.entries, vec![0; larger]);
            old.into_iter().filter(|entry| *entry != 0).for_each(|entry| self.put(entry));
        }
        self.put(entry(tag, slot));
        self.len += 1;
    }

    /// Puts `slot` where `before` is and says whether that was there.
    pub fn replace(&mut self, tag: Tag, before: u32, slot: u32) -> bool {
        let Some((at, _)) = self.of_tag(tag).find(|(_, found)| *found == before) else {
            return false;
        };
        self.entries[at] = entry(tag, slot);
        true
    }

    /// Takes a slot out, if it is there.
    pub fn remove(&mut self, tag: Tag, slot: u32) {
        let Some((mut hole, _)) = self.of_tag(tag).find(|(_, found)| *found == slot) else {
            return;
        };
        let mask = self.entries.len() - 1;
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let entry = self.entries[at];
            if entry == 0 {
                break;
            }
            // It may stand in the hole if that is no farther from it than its own place is.
            let home = self.home(entry);
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(hole) & mask {
                self.entries[hole] = entry;
                hole = at;
            }
        }
        self.entries[hole] = 0;
        self.len -= 1;
    }

    /// Where the entries of a tag stand, with their slots.
    fn of_tag(&self, tag: Tag) -> impl Iterator<Item = (usize, u32)> {
        let mask = self.entries.len().wrapping_sub(1);
        let mut next = self.home(u64::from(tag.0) << 32);
        std::iter::from_fn(move || {
            loop {
                let at = next;
                let entry = *self.entries.get(at).filter(|entry| **entry != 0)?;
                next = (at + 1) & mask;
                if (entry >> 32) as u32 == tag.0 {
                    return Some((at, (entry as u32).wrapping_sub(1)));
                }
            }
        })
    }

    /// Where an entry stands if nothing is in its way.
    fn home(&self, entry: u64) -> usize {
        // The product is below the length.
        ((u128::from(entry >> 32) * self.entries.len() as u128) >> 32) as usize
    }

    fn put(&mut self, entry: u64) {
        let mask = self.entries.len() - 1;
        let mut at = self.home(entry);
        while self.entries[at] != 0 {
            at = (at + 1) & mask;
        }
        self.entries[at] = entry;
    }
}

fn entry(tag: Tag, slot: u32) -> u64 {
    u64::from(tag.0) << 32 | (u64::from(slot) + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Few tags, so that entries stand in each other's way, at the table's end, too.
        #[test]
        fn the_index_agrees_with_a_list(
            steps in prop::collection::vec((0..4_u8, 0..9_u32, 0..300_u32), 0..600)
        ) {
            let mut index = HashIndex::default();
            let mut list: Vec<(Tag, u32)> = Vec::new();
            for (step, tag, slot) in steps {
                let tag = Tag(tag * (u32::MAX / 8));
                let held = list.iter().position(|held| held.1 == slot);
                match (step, held) {
                    (0 | 1, None) => {
                        index.insert(tag, slot);
                        list.push((tag, slot));
                    }
                    (2, Some(at)) => {
                        let (tag, slot) = list.swap_remove(at);
                        index.remove(tag, slot);
                    }
                    (3, Some(at)) => {
                        let other = slot + 1_000;
                        prop_assert!(index.replace(list[at].0, slot, other));
                        prop_assert!(!index.replace(list[at].0, slot, other));
                        prop_assert!(index.replace(list[at].0, other, slot));
                    }
                    _ => index.remove(tag, slot + 2_000),
                }
                prop_assert_eq!(index.len, list.len());
            }
            for tag in (0..10).map(|n| Tag(n * (u32::MAX / 9))).chain(list.iter().map(|(t, _)| *t)) {
                let mut found: Vec<u32> = index.of_tag(tag).map(|(_, slot)| slot).collect();
                let mut expected: Vec<u32> =
                    list.iter().filter(|held| held.0 == tag).map(|held| held.1).collect();
                found.sort_unstable();
                expected.sort_unstable();
                prop_assert_eq!(index.guess(tag).is_some(), !expected.is_empty());
                prop_assert_eq!(found, expected);
            }
        }
    }
}
