//! What one pool comes down to: the addresses of a subnet, or the /64 prefixes of a block.

use std::net::Ipv4Addr;

use crate::addresses::{Ipv4Home, upper_half};
use crate::bitmap::Bitmap;
use crate::settings::{Ipv4Pool, Ipv6Pool};
use crate::usage::{CAPACITY, Usage};

/// Whether a pool hands this address out.
pub(crate) fn has_ipv4(pool: Ipv4Pool, address: Ipv4Addr) -> bool {
    let Ipv4Range { first, size, router } = Ipv4Range::of(pool);
    let number = address.to_bits().checked_sub(first);
    address != router && number.is_some_and(|number| number < size)
}

/// Whether a pool hands this prefix out.
pub(crate) fn has_prefix(pool: Ipv6Pool, upper: u64) -> bool {
    let (first, size) = ipv6_range(pool);
    upper.checked_sub(first).is_some_and(|number| number < u64::from(size))
}

/// What an IPv4 pool comes down to.
struct Ipv4Range {
    first: u32,
    size: u32,
    /// The subnet's first host.
    router: Ipv4Addr,
}

impl Ipv4Range {
    fn of(pool: Ipv4Pool) -> Self {
        let host_bits = 32 - u32::from(pool.prefix_len.min(32));
        let hosts = ((1_u64 << host_bits) - 1) as u32;
        let subnet = pool.start.to_bits() & !hosts;
        // Neither the subnet's own address nor the broadcast address is a host.
        let first = pool.start.to_bits().max(subnet.saturating_add(1));
        let broadcast = subnet | hosts;
        let behind = pool.last.map_or(broadcast, |last| last.to_bits().saturating_add(1));
        let size = behind.min(broadcast).saturating_sub(first);
        let size = u64::from(size).min(CAPACITY) as u32;
        Self { first, size, router: Ipv4Addr::from_bits(subnet.saturating_add(1)) }
    }
}

/// The first prefix of a pool, and how many there are.
fn ipv6_range(pool: Ipv6Pool) -> (u64, u32) {
    let first = upper_half(pool.start);
    let free_bits = 64 - u32::from(pool.prefix_len.min(64));
    let last = first | 1_u64.checked_shl(free_bits).map_or(u64::MAX, |block| block - 1);
    // At most 2^24, which fits; the subtraction cannot pass zero, and one more is added last.
    (first, (last - first).min(CAPACITY - 1) as u32 + 1)
}

/// IPv4 home addresses of one subnet.
#[derive(Debug)]
pub(crate) struct Ipv4Addresses {
    first: u32,
    prefix_len: u8,
    /// The subnet's first host. It stays taken in the map if it lies behind `first`.
    router: Ipv4Addr,
    taken: Bitmap,
}

impl Ipv4Addresses {
    pub fn new(pool: Ipv4Pool) -> Self {
        let Ipv4Range { first, size, router } = Ipv4Range::of(pool);
        let mut taken = Bitmap::new(size);
        if let Some(number) = router.to_bits().checked_sub(first) {
            taken.take(number);
        }
        Self { first, prefix_len: pool.prefix_len.min(32), router, taken }
    }

    /// How much is in use. The router's own place in the map is neither free nor a binding's.
    pub fn usage(&self) -> Usage {
        let router = self.router.to_bits().checked_sub(self.first);
        let router = u32::from(router.is_some_and(|number| self.taken.is_taken(number)));
        let Usage { taken, size } = self.taken.usage();
        Usage { taken: taken - router, size: size - router }
    }

    /// Whether a binding holds this address.
    pub fn is_taken(&self, address: Ipv4Addr) -> bool {
        self.number(address).is_some_and(|number| self.taken.is_taken(number))
    }

    pub fn take_lowest(&mut self) -> Option<Ipv4Home> {
        let number = self.taken.take_lowest()?;
        Some(self.home(Ipv4Addr::from_bits(self.first + number)))
    }

    /// Takes one address, if it is of this pool and free.
    pub fn take(&mut self, address: Ipv4Addr) -> Option<Ipv4Home> {
        let number = self.number(address)?;
        self.taken.take(number).then(|| self.home(address))
    }

    /// Frees an address and says whether it was taken of this pool.
    pub fn release(&mut self, address: Ipv4Addr) -> bool {
        self.number(address).is_some_and(|number| self.taken.release(number))
    }

    /// The place of a node's address in the map. The router's is none, though a binding of an
    /// earlier pool may hold it.
    fn number(&self, address: Ipv4Addr) -> Option<u32> {
        let number = address.to_bits().checked_sub(self.first)?;
        (address != self.router).then_some(number)
    }

    fn home(&self, address: Ipv4Addr) -> Ipv4Home {
        Ipv4Home { address, prefix_len: self.prefix_len, router: self.router }
    }
}

/// The /64 prefixes of one block.
#[derive(Debug)]
pub(crate) struct Ipv6Prefixes {
    first: u64,
    taken: Bitmap,
}

impl Ipv6Prefixes {
    pub fn new(pool: Ipv6Pool) -> Self {
        let (first, size) = ipv6_range(pool);
        Self { first, taken: Bitmap::new(size) }
    }

    /// How much is in use.
    pub fn usage(&self) -> Usage {
        self.taken.usage()
    }

    /// Whether a binding holds this prefix.
    pub fn is_taken(&self, upper: u64) -> bool {
        self.number(upper).is_some_and(|number| self.taken.is_taken(number))
    }

    pub fn take_lowest(&mut self) -> Option<u64> {
        let number = self.taken.take_lowest()?;
        Some(self.first + u64::from(number))
    }

    /// Takes one prefix, if it is of this pool and free.
    pub fn take(&mut self, upper: u64) -> bool {
        self.number(upper).is_some_and(|number| self.taken.take(number))
    }

    /// Frees a prefix and says whether it was taken of this pool.
    pub fn release(&mut self, upper: u64) -> bool {
        self.number(upper).is_some_and(|number| self.taken.release(number))
    }

    fn number(&self, upper: u64) -> Option<u32> {
        upper.checked_sub(self.first).and_then(|number| u32::try_from(number).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_ends_with_its_last_address_or_with_its_subnet() {
        let at = |n| Ipv4Addr::new(10, 0, 0, n);
        for (last, size) in [(10, 1), (12, 3), (254, 245), (255, 245)] {
            let pool = Ipv4Pool { start: at(10), last: Some(at(last)), prefix_len: 24 };
            let addresses = Ipv4Addresses::new(pool);
            assert_eq!((addresses.usage().size, addresses.router), (size, at(1)), "{last}");
            assert!(has_ipv4(pool, at(10)) && !has_ipv4(pool, at(9)));
            assert!(has_ipv4(pool, at(last.min(254))) && !has_ipv4(pool, at(last.wrapping_add(1))));
        }
        let with_router = Ipv4Pool { start: at(1), last: Some(at(3)), prefix_len: 24 };
        assert_eq!(Ipv4Addresses::new(with_router).usage().size, 2);
        assert!(!has_ipv4(with_router, at(1)));
        let only_router = Ipv4Pool { start: at(1), last: Some(at(1)), prefix_len: 24 };
        assert_eq!(Ipv4Addresses::new(only_router).usage().size, 0);
    }
}
