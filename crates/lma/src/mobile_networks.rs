//! Pools of mobile network prefixes: what routers that move are lent for the networks behind
//! them (RFC 7148).
//!
//! Unlike home network prefixes these have the length that the operator chose, a pool has one
//! family, and a network may have several pools of each. A prefix is handed out whole: one that
//! is longer or shorter than the pool's is not of the pool.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use kedge_model::IpNet;

use crate::bitmap::Bitmap;
use crate::settings::MobileNetworkPool;
use crate::usage::{CAPACITY, Usage};

/// The prefixes of one block, and which are taken.
#[derive(Debug)]
pub(crate) struct MobileNetworks {
    range: Range,
    taken: Bitmap,
}

/// Prefixes of one length.
#[derive(Debug)]
struct Range {
    pool: MobileNetworkPool,
    /// The first prefix, its bits at the low end.
    first: u128,
    size: u32,
}

/// Whether a pool hands this prefix out.
pub(crate) fn has(pool: MobileNetworkPool, prefix: IpNet) -> bool {
    Range::of(pool).number(prefix).is_some()
}

impl Range {
    fn of(pool: MobileNetworkPool) -> Self {
        let width = width(pool.start);
        let network_len = pool.network_len.min(width);
        // A pool that is shorter than one of its prefixes is that prefix.
        let pool =
            MobileNetworkPool { pool_len: pool.pool_len.min(network_len), network_len, ..pool };
        let first = upper_bits(pool.start, network_len);
        let free_bits = u32::from(network_len - pool.pool_len);
        let block = 1_u128.checked_shl(free_bits).map_or(u128::MAX, |block| block - 1);
        let behind = (first | block) - first;
        // At most 2^24, which fits.
        let size = behind.min(u128::from(CAPACITY - 1)) as u32 + 1;
        Self { pool, first, size }
    }

    fn prefix(&self, number: u32) -> Option<IpNet> {
        let MobileNetworkPool { start, network_len, .. } = self.pool;
        // A prefix of no bits is the only one of its pool, and begins at zero.
        let shift = u32::from(width(start) - network_len);
        let bits = (self.first + u128::from(number)).checked_shl(shift).unwrap_or(0);
        let address: IpAddr = match start.is_ipv4() {
            true => Ipv4Addr::from_bits(bits as u32).into(), // `first` has at most 32 bits then
            false => Ipv6Addr::from_bits(bits).into(),
        };
        IpNet::new(address, network_len).ok()
    }

    fn number(&self, prefix: IpNet) -> Option<u32> {
        let MobileNetworkPool { start, network_len, .. } = self.pool;
        let same_kind =
            prefix.prefix_len() == network_len && prefix.addr().is_ipv4() == start.is_ipv4();
        let number = upper_bits(prefix.addr(), prefix.prefix_len()).checked_sub(self.first)?;
        u32::try_from(number).ok().filter(|number| same_kind && *number < self.size)
    }
}

impl MobileNetworks {
    pub fn new(pool: MobileNetworkPool) -> Self {
        let range = Range::of(pool);
        Self { taken: Bitmap::new(range.size), range }
    }

    /// What it was made of, and how much of it is in use.
    pub fn usage(&self) -> (MobileNetworkPool, Usage) {
        (self.range.pool, self.taken.usage())
    }

    pub fn is_ipv4(&self) -> bool {
        self.range.pool.start.is_ipv4()
    }

    pub fn take_lowest(&mut self) -> Option<IpNet> {
        self.range.prefix(self.taken.take_lowest()?)
    }

    /// Takes one prefix, if it is of this pool and free.
    pub fn take(&mut self, prefix: IpNet) -> bool {
        self.range.number(prefix).is_some_and(|number| self.taken.take(number))
    }

    /// Frees a prefix and says whether it was of this pool.
    pub fn release(&mut self, prefix: IpNet) -> bool {
        self.range.number(prefix).is_some_and(|number| self.taken.release(number))
    }
}

/// The first `len` bits of an address.
fn upper_bits(address: IpAddr, len: u8) -> u128 {
    let bits = match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    };
    bits.checked_shr(u32::from(width(address).saturating_sub(len))).unwrap_or(0)
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(start: &str, pool_len: u8, network_len: u8) -> MobileNetworks {
        MobileNetworks::new(MobileNetworkPool {
            start: start.parse().unwrap(),
            pool_len,
            network_len,
        })
    }

    fn all(mut pool: MobileNetworks) -> Vec<String> {
        std::iter::from_fn(|| pool.take_lowest()).map(|prefix| prefix.to_string()).collect()
    }

    #[test]
    fn a_pool_hands_out_every_prefix_of_its_block_from_the_start_on() {
        let ipv4 = ["10.0.0.16/28", "10.0.0.32/28", "10.0.0.48/28"];
        assert_eq!(all(pool("10.0.0.16", 26, 28)), ipv4);
        let ipv6 = ["2001:db8:0:200::/56", "2001:db8:0:300::/56"];
        assert_eq!(all(pool("2001:db8:0:200::", 54, 56)), ipv6);
    }

    #[test]
    fn the_extreme_lengths_are_pools() {
        assert_eq!(all(pool("0.0.0.0", 0, 0)), ["0.0.0.0/0"]);
        assert_eq!(all(pool("::", 0, 0)), ["::/0"]);
        assert_eq!(
            all(pool("255.255.255.254", 31, 32)),
            ["255.255.255.254/32", "255.255.255.255/32"]
        );
        assert_eq!(all(pool("2001:db8::", 64, 56)), ["2001:db8::/56"], "longer than its prefixes");
        assert_eq!(pool("::", 0, 128).usage().1.size, 1 << 24);
        assert_eq!(all(pool("ffff::", 200, 255)), ["ffff::/128"]);
    }

    #[test]
    fn only_whole_prefixes_of_the_pool_can_be_taken_and_each_once() {
        let mut pool = pool("2001:db8:0:200::", 54, 56);
        let mut take = |prefix: &str| pool.take(prefix.parse().unwrap());
        for other in ["2001:db8:0:200::/57", "2001:db8:0:200::/55", "2001:db8:0:100::/56"] {
            assert!(!take(other), "{other}");
        }
        assert!(!take("2001:db8:0:400::/56") && !take("10.0.0.0/8"));
        assert!(take("2001:db8:0:300::/56") && !take("2001:db8:0:300::/56"));
        let prefix: IpNet = "2001:db8:0:300::/56".parse().unwrap();
        assert!(pool.release(prefix) && !pool.release(prefix) && pool.take(prefix));
    }
}
