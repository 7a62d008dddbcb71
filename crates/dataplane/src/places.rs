//! What has a key, and a place: a small number that is its own for as long as it is there.

use std::hash::Hash;

use foldhash::quality::RandomState;
use hashbrown::HashMap;

/// How many places there are, of addresses as of devices.
pub const MOST_PLACES: usize = 1 << 16;

/// Values by their keys. A place that was left is taken again by the next one.
#[derive(Debug)]
pub(crate) struct Places<K, V> {
    held: HashMap<K, (u16, V), RandomState>,
    left: Vec<u16>,
}

impl<K, V> Default for Places<K, V> {
    fn default() -> Self {
        Self { held: HashMap::default(), left: Vec::new() }
    }
}

impl<K: Eq + Hash, V> Places<K, V> {
    /// Gives a value a place, or the place that its key has had; `None` when all are taken.
    pub fn insert(&mut self, key: K, value: V) -> Option<u16> {
        let place = match (self.held.get(&key), self.left.last()) {
            (Some((place, _)), _) | (None, Some(place)) => *place,
            (None, None) => u16::try_from(self.held.len()).ok()?,
        };
        self.left.pop_if(|left| *left == place);
        self.held.insert(key, (place, value));
        Some(place)
    }

    /// Takes a value away, and gives the place that it leaves.
    pub fn remove(&mut self, key: &K) -> Option<u16> {
        let (place, _) = self.held.remove(key)?;
        self.left.push(place);
        Some(place)
    }

    /// The place and the value of a key.
    pub fn get(&self, key: &K) -> Option<(u16, &V)> {
        self.held.get(key).map(|(place, value)| (*place, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_kept_while_it_is_held_and_given_again_when_it_is_left() {
        let mut places = Places::default();
        assert_eq!([0, 1, 2].map(|key| places.insert(key, ())), [Some(0), Some(1), Some(2)]);
        assert_eq!(places.insert(1, ()), Some(1));
        assert_eq!((places.remove(&1), places.remove(&1)), (Some(1), None));
        assert_eq!(places.insert(2, ()), Some(2));
        assert_eq!((places.insert(7, ()), places.insert(8, ())), (Some(1), Some(3)));
    }

    #[test]
    fn there_are_65536_places() {
        let mut places = Places::default();
        assert!((0..=u32::from(u16::MAX)).all(|key| places.insert(key, ()).is_some()));
        assert_eq!(places.insert(1 << 16, ()), None);
        assert_eq!(places.insert(3, ()), Some(3));
    }
}
