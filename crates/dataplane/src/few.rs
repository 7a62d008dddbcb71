//! Short lists, kept in place.

use std::ops::{Deref, DerefMut};

/// A list that never grows or shrinks. Up to `INLINE` items stand in the value itself, so that a
/// packet's look at a binding reads no other memory; a longer list is elsewhere.
#[derive(Clone, Debug)]
pub enum Few<T, const INLINE: usize> {
    /// In the value itself.
    Inline {
        /// How many of the items there are.
        len: u8,
        /// They, and some of them again behind the last.
        items: [T; INLINE],
    },
    /// Elsewhere: none, or more than have room in place.
    Apart(Box<[T]>),
}

impl<T: Copy, const INLINE: usize> From<&[T]> for Few<T, INLINE> {
    fn from(items: &[T]) -> Self {
        match (items, u8::try_from(items.len())) {
            ([first, ..], Ok(len)) if items.len() <= INLINE => {
                let item = |at| items.get(at).copied().unwrap_or(*first);
                Self::Inline { len, items: std::array::from_fn(item) }
            }
            _ => Self::Apart(items.into()),
        }
    }
}

impl<T, const INLINE: usize> Deref for Few<T, INLINE> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Self::Inline { len, items } => &items[..usize::from(*len).min(INLINE)],
            Self::Apart(items) => items,
        }
    }
}

impl<T, const INLINE: usize> DerefMut for Few<T, INLINE> {
    fn deref_mut(&mut self) -> &mut [T] {
        match self {
            Self::Inline { len, items } => &mut items[..usize::from(*len).min(INLINE)],
            Self::Apart(items) => items,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_any_length_is_kept_and_a_short_one_in_place() {
        let all: Vec<u32> = (0..300).collect();
        for len in 0..all.len() {
            let few = Few::<u32, 2>::from(&all[..len]);
            assert_eq!(*few, all[..len]);
            assert_eq!(matches!(few, Few::Inline { .. }), (1..=2).contains(&len));
        }
    }
}
