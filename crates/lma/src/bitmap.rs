//! Which numbers of a range are taken.
//!
//! A tree of 64-bit words: in the lowest level a set bit is a taken number, in each level above
//! it a word without a free bit below. Finding the lowest free number reads one word a level, and
//! four levels hold 2^24 numbers. Nothing is touched before it is needed: the words start as
//! zeroed memory, so a large pool costs what is used of it.

use crate::usage::Usage;

/// A set of numbers below a fixed size.
#[derive(Debug)]
pub(crate) struct Bitmap {
    /// The lowest level first; the last one is a single word.
    levels: Vec<Vec<u64>>,
    size: u32,
    taken: u32,
}

impl Bitmap {
    /// All numbers below `size`, none of them taken.
    pub fn new(size: u32) -> Self {
        let mut levels = Vec::new();
        let mut bits = size;
        loop {
            let words = bits.div_ceil(64).max(1);
            let mut level = vec![0; words as usize];
            // Bits behind the end are never free.
            if bits < words * 64 {
                level[words as usize - 1] = u64::MAX << (bits % 64);
            }
            levels.push(level);
            if words == 1 {
                break;
            }
            bits = words;
        }
        Self { levels, size, taken: 0 }
    }

    /// How many of the numbers are taken.
    pub fn usage(&self) -> Usage {
        Usage { taken: self.taken, size: self.size }
    }

    /// Whether `number` is taken; a number outside of the range never is.
    pub fn is_taken(&self, number: u32) -> bool {
        number < self.size && self.levels[0][number as usize / 64] & (1 << (number % 64)) != 0
    }

    /// Takes the lowest free number.
    pub fn take_lowest(&mut self) -> Option<u32> {
        let mut number = 0;
        for level in self.levels.iter().rev() {
            let word = level[number as usize];
            if word == u64::MAX {
                // Only the top word can be full here: a full word below it is marked above.
                return None;
            }
            number = number * 64 + word.trailing_ones();
        }
        self.take(number).then_some(number)
    }

    /// Takes `number` and says whether it was free.
    pub fn take(&mut self, number: u32) -> bool {
        if number >= self.size || self.is_taken(number) {
            return false;
        }
        let mut at = number;
        for level in &mut self.levels {
            let word = &mut level[at as usize / 64];
            *word |= 1 << (at % 64);
            if *word != u64::MAX {
                break;
            }
            at /= 64;
        }
        self.taken += 1;
        true
    }

    /// Frees `number` and says whether it was taken.
    pub fn release(&mut self, number: u32) -> bool {
        if !self.is_taken(number) {
            return false;
        }
        let mut at = number;
        for level in &mut self.levels {
            let word = &mut level[at as usize / 64];
            let was_full = *word == u64::MAX;
            *word &= !(1 << (at % 64));
            if !was_full {
                break;
            }
            at /= 64;
        }
        self.taken -= 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        TakeLowest,
        Take(u32),
        Release(u32),
    }

    fn steps(size: u32) -> impl Strategy<Value = Vec<Step>> {
        let number = 0..size + 70;
        let step = prop_oneof![
            3 => Just(Step::TakeLowest),
            1 => number.clone().prop_map(Step::Take),
            2 => number.prop_map(Step::Release),
        ];
        prop::collection::vec(step, 0..400)
    }

    proptest! {
        #[test]
        fn the_bitmap_agrees_with_a_set(
            (size, steps) in prop_oneof![Just(0_u32), Just(1), Just(63), Just(64), Just(65), 0..300_u32, Just(4097)]
                .prop_flat_map(|size| (Just(size), steps(size)))
        ) {
            let mut bitmap = Bitmap::new(size);
            let mut set = BTreeSet::new();
            for step in steps {
                match step {
                    Step::TakeLowest => {
                        let lowest = (0..size).find(|n| !set.contains(n));
                        prop_assert_eq!(bitmap.take_lowest(), lowest);
                        set.extend(lowest);
                    }
                    Step::Take(n) => {
                        prop_assert_eq!(bitmap.take(n), n < size && set.insert(n));
                    }
                    Step::Release(n) => prop_assert_eq!(bitmap.release(n), set.remove(&n)),
                }
                prop_assert_eq!(bitmap.usage().taken as usize, set.len());
            }
            for n in 0..size + 70 {
                prop_assert_eq!(bitmap.is_taken(n), set.contains(&n));
            }
        }
    }

    #[test]
    fn a_large_map_is_exhausted_and_refilled_in_order() {
        let size = 64 * 64 * 64 + 1;
        let mut bitmap = Bitmap::new(size);
        for n in 0..size {
            assert_eq!(bitmap.take_lowest(), Some(n));
        }
        assert_eq!(bitmap.take_lowest(), None);
        for n in [size - 1, 4096, 5] {
            assert!(bitmap.release(n));
        }
        assert_eq!([bitmap.take_lowest(), bitmap.take_lowest()], [Some(5), Some(4096)]);
        assert_eq!([bitmap.take_lowest(), bitmap.take_lowest()], [Some(size - 1), None]);
    }
}
