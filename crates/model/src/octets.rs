//! Short strings of octets, kept in place.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// Octets that never change. Up to `INLINE` of them stand in the value itself, so that comparing
/// those of a million values reads no other memory; more are shared by the value's clones.
#[derive(Clone)]
pub(crate) enum Octets<const INLINE: usize> {
    Inline { len: u8, octets: [u8; INLINE] },
    Shared(Arc<[u8]>),
}

impl<const INLINE: usize> From<&[u8]> for Octets<INLINE> {
    fn from(octets: &[u8]) -> Self {
        let mut inline = [0; INLINE];
        match (inline.get_mut(..octets.len()), u8::try_from(octets.len())) {
            (Some(place), Ok(len)) => {
                place.copy_from_slice(octets);
                Self::Inline { len, octets: inline }
            }
            _ => Self::Shared(octets.into()),
        }
    }
}

impl<const INLINE: usize> Deref for Octets<INLINE> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Inline { len, octets } => &octets[..usize::from(*len).min(INLINE)],
            Self::Shared(octets) => octets,
        }
    }
}

impl<const INLINE: usize> PartialEq for Octets<INLINE> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<const INLINE: usize> Eq for Octets<INLINE> {}

impl<const INLINE: usize> PartialOrd for Octets<INLINE> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<const INLINE: usize> Ord for Octets<INLINE> {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl<const INLINE: usize> Hash for Octets<INLINE> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_of_any_length_are_kept_and_ordered_as_slices_are() {
        let all: Vec<Vec<u8>> = (0..20_u8)
            .flat_map(|len| [0, 1, 255].map(|last| [vec![7; len.into()], vec![last]].concat()))
            .collect();
        for one in &all {
            let kept = Octets::<8>::from(&one[..]);
            assert_eq!(*kept, one[..]);
            assert_eq!(matches!(kept, Octets::Inline { .. }), one.len() <= 8);
            for other in &all {
                assert_eq!(kept.cmp(&other[..].into()), one.cmp(other));
                assert_eq!(kept == other[..].into(), one == other);
            }
        }
    }
}
