//! How full pools are.

/// The most addresses a pool holds.
pub(crate) const CAPACITY: u64 = 1 << 24;

/// How much of a pool is in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Usage {
    /// Addresses that bindings hold.
    pub taken: u32,
    /// Addresses that can be handed out.
    pub size: u32,
}

impl Usage {
    /// Of both pools.
    pub(crate) fn with(self, other: Self) -> Self {
        let taken = self.taken.saturating_add(other.taken);
        Self { taken, size: self.size.saturating_add(other.size) }
    }
}
