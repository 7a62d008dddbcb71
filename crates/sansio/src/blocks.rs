//! Entries that never move: blocks of which each is twice as long as the one before.
//!
//! Growing copies nothing, a table of a few entries is small, and one of a million lies in few
//! large pieces, for which the kernel can be asked for huge pages. A `Vec` that grows to that size
//! is moved by the kernel, page by page, which takes its huge pages apart.

/// A list that only grows.
#[derive(Debug)]
pub struct Blocks<T> {
    blocks: Vec<Vec<T>>,
}

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self { blocks: Vec::new() }
    }
}

impl<T> Blocks<T> {
    /// The length of the first block, a power of two.
    const FIRST: usize = 32;
    /// How many blocks 2^32 entries take.
    pub const MOST: usize = 28;

    /// The entry in a place.
    pub fn get(&self, at: usize) -> Option<&T> {
        let (block, offset) = Self::place(at);
        self.blocks.get(block)?.get(offset)
    }

    /// The entry in a place, to change it.
    pub fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        let (block, offset) = Self::place(at);
        self.blocks.get_mut(block)?.get_mut(offset)
    }

    /// Adds an entry and says which one it is.
    pub fn push(&mut self, entry: T) -> usize {
        if self.blocks.last().is_none_or(|last| last.len() == Self::length(self.blocks.len() - 1)) {
            self.blocks.push(Vec::with_capacity(Self::length(self.blocks.len())));
        }
        let block = self.blocks.len() - 1;
        let last = &mut self.blocks[block];
        last.push(entry);
        Self::length(block) - Self::FIRST + last.len() - 1
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.blocks.iter().flatten()
    }

    /// The block of an entry, and where it is there: the blocks before are as long together as
    /// their block, less the first.
    pub fn place(at: usize) -> (usize, usize) {
        let shifted = at + Self::FIRST;
        let block = (shifted.ilog2() - Self::FIRST.ilog2()) as usize;
        (block, shifted - Self::length(block))
    }

    /// How many entries a block holds.
    pub fn length(block: usize) -> usize {
        Self::FIRST << block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_where_it_was_put() {
        let mut blocks = Blocks::default();
        assert_eq!(blocks.get(0), None);
        for at in 0..10_000 {
            assert_eq!(blocks.push(at), at);
            assert_eq!(blocks.get(at + 1), None);
        }
        assert!((0..10_000).all(|at| blocks.get(at) == Some(&at)));
        assert!(blocks.iter().copied().eq(0..10_000));
        *blocks.get_mut(95).unwrap() = 7;
        assert_eq!(
            (blocks.get(94), blocks.get(95), blocks.get(96)),
            (Some(&94), Some(&7), Some(&96))
        );
        assert_eq!(Blocks::<u32>::place(u32::MAX as usize).0, Blocks::<u32>::MOST - 1);
    }
}
