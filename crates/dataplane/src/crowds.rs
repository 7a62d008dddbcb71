//! Which bindings an address or an inner world takes with it when it goes.
//!
//! Each path stands in the list of its device and its local, and knows where, so that it leaves
//! without a search; the last of the list takes its place. What goes is found without a look at
//! anything that stays.

use std::collections::{BTreeMap, BTreeSet};

/// The slots with a path from a local into a device, one entry for each path.
#[derive(Debug, Default)]
pub(crate) struct Crowds {
    /// By local, then device; none is empty.
    slots: BTreeMap<(u16, u16), Vec<u32>>,
    /// The same pairs by device, then local.
    of_device: BTreeSet<(u16, u16)>,
}

/// A path that stands in another place of its list now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Moved {
    /// Whose path it is.
    pub slot: u32,
    /// Its place before.
    pub from: u32,
}

impl Crowds {
    /// A path more; gives its place in its list.
    pub fn join(&mut self, device: u16, local: u16, slot: u32) -> u32 {
        let list = self.slots.entry((local, device)).or_insert_with(|| {
            self.of_device.insert((device, local));
            Vec::new()
        });
        list.push(slot);
        u32::try_from(list.len() - 1).expect("fewer than 2^32 paths")
    }

    /// The path in this place is gone. Gives the one that stands there now.
    pub fn leave(&mut self, device: u16, local: u16, place: u32) -> Option<Moved> {
        let list = self.slots.get_mut(&(local, device))?;
        let last = list.len().checked_sub(1)? as u32; // `join` has given it that number
        if place > last {
            return None;
        }
        list.swap_remove(place as usize);
        let moved = list.get(place as usize).map(|slot| Moved { slot: *slot, from: last });
        if list.is_empty() {
            self.slots.remove(&(local, device));
            self.of_device.remove(&(device, local));
        }
        moved
    }

    /// The slots with a path from a local; one with several comes several times.
    pub fn of_local(&self, local: u16) -> Vec<u32> {
        self.slots
            .range((local, 0)..=(local, u16::MAX))
            .flat_map(|(_, list)| list)
            .copied()
            .collect()
    }

    /// The slots of a device, as [`Self::of_local`] gives those of a local.
    pub fn of_device(&self, device: u16) -> Vec<u32> {
        let pairs = self.of_device.range((device, 0)..=(device, u16::MAX));
        let lists = pairs.filter_map(|(device, local)| self.slots.get(&(*local, *device)));
        lists.flatten().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use kedge_sansio::Rng;

    use super::*;

    /// Slot, device, local, place.
    type Path = (u32, u16, u16, u32);

    fn leave(crowds: &mut Crowds, all: &mut Vec<Path>, at: usize) {
        let (_, device, local, place) = all.swap_remove(at);
        if let Some(Moved { slot, from }) = crowds.leave(device, local, place) {
            let moved = all.iter_mut().find(|path| path.0 == slot).unwrap();
            assert_eq!(*moved, (slot, device, local, from));
            moved.3 = place;
        }
    }

    fn slots_of(all: &[Path], is_it: impl Fn(u16, u16) -> bool) -> Vec<u32> {
        let its = all.iter().filter(|(_, device, local, _)| is_it(*device, *local));
        let mut slots: Vec<u32> = its.map(|path| path.0).collect();
        slots.sort_unstable();
        slots
    }

    /// Paths that come and go, against a list that is searched from end to end.
    #[test]
    fn everybody_is_found_by_device_and_by_local_until_they_leave() {
        let mut rng = Rng::new(11);
        let mut crowds = Crowds::default();
        let mut all: Vec<Path> = Vec::new();
        let sorted = |mut slots: Vec<u32>| {
            slots.sort_unstable();
            slots
        };
        for step in 0..20_000 {
            if rng.below(2) == 0 || all.is_empty() {
                let (device, local) = (rng.below(5) as u16, rng.below(7) as u16);
                all.push((step, device, local, crowds.join(device, local, step)));
            } else {
                let at = rng.below(all.len() as u32) as usize;
                leave(&mut crowds, &mut all, at);
            }
            if step % 100 == 0 {
                for number in 0..7 {
                    let of_device = slots_of(&all, |device, _| device == number);
                    assert_eq!(sorted(crowds.of_device(number)), of_device);
                    let of_local = slots_of(&all, |_, local| local == number);
                    assert_eq!(sorted(crowds.of_local(number)), of_local);
                }
            }
        }
        while !all.is_empty() {
            leave(&mut crowds, &mut all, 0);
        }
        assert!(crowds.slots.is_empty() && crowds.of_device.is_empty());
    }
}
