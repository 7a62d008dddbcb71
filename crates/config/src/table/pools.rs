//! Under `network NAME` of an anchor: pools. A customer's network has the same.

use kedge_grammar::table::{Block, Row, arg_help, last, row, word};
use kedge_grammar::{Part, Value};

use super::{XE, XR, known};
use crate::key::Key;

const POOL: Part = word("pool", "A pool of addresses");
const MOBILE_NODE: Part = word("mobile-node", "For mobile nodes");
const MOBILE_NETWORK: Part = word("mobile-network", "For networks behind mobile nodes");
const START_ADDRESS: Part = word("start-address", "The first address of the pool");
const POOL_PREFIX: Part = word("pool-prefix", "The length of the prefix that is the pool");
const NETWORK_PREFIX: Part = word("network-prefix", "The length of each prefix handed out");

const fn bits(min: u64, max: u64) -> Value {
    Value::Integer { min, max, unit: "bits" }
}

/// IPv4 pool for mobile networks.
pub(super) const NETWORK_POOL_IPV4: Row<Key> = row(
    Key::NetworkPoolIpv4,
    &[
        POOL,
        MOBILE_NETWORK,
        last("ipv4"),
        START_ADDRESS,
        arg_help("ADDRESS", Value::Ipv4, "first address"),
        POOL_PREFIX,
        arg_help("POOL-PREFIX", bits(8, 30), "prefix length"),
        NETWORK_PREFIX,
        arg_help("NETWORK-PREFIX", bits(8, 32), "prefix length"),
    ],
    "Pool of IPv4 prefixes of mobile networks",
)
.each(&["ADDRESS"])
.from(XR);

/// IPv6 pool for mobile networks.
pub(super) const NETWORK_POOL_IPV6: Row<Key> = row(
    Key::NetworkPoolIpv6,
    &[
        POOL,
        MOBILE_NETWORK,
        last("ipv6"),
        START_ADDRESS,
        arg_help("ADDRESS", Value::Ipv6, "first address"),
        POOL_PREFIX,
        arg_help("POOL-PREFIX", bits(8, 64), "prefix length"),
        NETWORK_PREFIX,
        arg_help("NETWORK-PREFIX", bits(8, 64), "prefix length"),
    ],
    "Pool of IPv6 prefixes of mobile networks",
)
.each(&["ADDRESS"])
.from(XR);

/// The pools of a network; a customer's network has the same.
pub(super) const NODE_POOL_IPV4: Row<Key> = row(
    Key::PoolIpv4,
    &[
        POOL,
        MOBILE_NODE,
        last("ipv4"),
        START_ADDRESS,
        arg_help("ADDRESS", Value::Ipv4, "first address"),
        POOL_PREFIX,
        arg_help("POOL-PREFIX", bits(8, 30), "prefix length"),
    ],
    "Pool of IPv4 home addresses",
)
.new_bindings()
.from(XR);

/// The pools of a network; a customer's network has the same.
pub(super) const NODE_POOL_IPV6: Row<Key> = row(
    Key::PoolIpv6,
    &[
        POOL,
        MOBILE_NODE,
        last("ipv6"),
        START_ADDRESS,
        arg_help("ADDRESS", Value::Ipv6, "first address"),
        POOL_PREFIX,
        arg_help("POOL-PREFIX", bits(8, 62), "prefix length"),
    ],
    "Pool of home network prefixes, a /64 each",
)
.new_bindings()
.from(XR);

/// XE's named pools.
pub(super) const NAMED_POOL_IPV4: Row<Key> = row(
    Key::NamedPoolIpv4,
    &[
        POOL,
        last("ipv4"),
        arg_help("POOL", known("local pool"), "name of a local pool"),
        word("pfxlen", "Length of the subnet that the addresses are of, 8 to 30"),
        arg_help("LENGTH", bits(0, 32), "prefix length"),
    ],
    "A pool of IPv4 home addresses that 'ip local pool' defines",
)
.new_bindings()
.from(XE);

/// XE's named pools.
pub(super) const NAMED_POOL_IPV6: Row<Key> = row(
    Key::NamedPoolIpv6,
    &[
        POOL,
        last("ipv6"),
        arg_help("POOL", known("local pool"), "name of a local pool"),
        word("pfxlen", "Length of each prefix handed out; it is 64 whatever this says"),
        arg_help("LENGTH", bits(0, 128), "prefix length"),
    ],
    "A pool of home network prefixes that 'ipv6 local pool' defines",
)
.new_bindings()
.from(XE);

const MOBILE_NETWORK_XE: Part = word("mobile-network", "Networks behind mobile nodes");

/// XE's pools for mobile networks.
pub(super) const MOBILE_NETWORK_IPV4: Row<Key> = row(
    Key::NetworkPoolIpv4,
    &[
        MOBILE_NETWORK_XE,
        // The documents print both words.
        Part::OneOf(&[&[last("pool")], &[last("v4pool")]]),
        arg_help("ADDRESS", Value::Ipv4, "first address"),
        POOL_PREFIX,
        arg_help("POOL-PREFIX", bits(8, 30), "prefix length"),
        NETWORK_PREFIX,
        arg_help("NETWORK-PREFIX", bits(8, 32), "prefix length"),
    ],
    "Pool of IPv4 prefixes of mobile networks",
)
.each(&["ADDRESS"])
.also()
.from(XE);

/// XE's pools for mobile networks.
pub(super) const MOBILE_NETWORK_IPV6: Row<Key> = row(
    Key::NetworkPoolIpv6,
    &[
        MOBILE_NETWORK_XE,
        last("v6pool"),
        arg_help("ADDRESS", Value::Ipv6, "first address"),
        POOL_PREFIX,
        arg_help("POOL-PREFIX", bits(8, 64), "prefix length"),
        NETWORK_PREFIX,
        arg_help("NETWORK-PREFIX", bits(8, 64), "prefix length"),
    ],
    "Pool of IPv6 prefixes of mobile networks",
)
.each(&["ADDRESS"])
.also()
.from(XE);

/// As one of the documents prints it: an IPv6 pool by the word of an IPv4 one.
pub(super) const MOBILE_NETWORK_IPV6_AS_IPV4: Row<Key> = row(
    Key::NetworkPoolIpv6,
    &[
        MOBILE_NETWORK_XE,
        last("pool"),
        arg_help("ADDRESS", Value::Ipv6, "first address"),
        POOL_PREFIX,
        arg_help("POOL-PREFIX", bits(8, 64), "prefix length"),
        NETWORK_PREFIX,
        arg_help("NETWORK-PREFIX", bits(8, 64), "prefix length"),
    ],
    "Pool of IPv6 prefixes of mobile networks",
)
.each(&["ADDRESS"])
.also()
.from(XE);

/// The mode of a set of pools.
pub(crate) static NETWORK: Block<Key> = Block {
    name: "pmipv6-lma-network",
    help: "A set of pools that mobile nodes get their home addresses and prefixes from.",
    rows: &[
        NODE_POOL_IPV4,
        NODE_POOL_IPV6,
        NETWORK_POOL_IPV4,
        NETWORK_POOL_IPV6,
        NAMED_POOL_IPV4,
        NAMED_POOL_IPV6,
        MOBILE_NETWORK_IPV4,
        MOBILE_NETWORK_IPV6,
        MOBILE_NETWORK_IPV6_AS_IPV4,
        row(
            Key::Dns,
            &[
                word("dns", "Name servers"),
                last("ip"),
                arg_help("PRIMARY", Value::Ipv4, "first server"),
                Part::Optional(&[arg_help("SECONDARY", Value::Ipv4, "second server")]),
            ],
            "Name servers for the mobile nodes",
        )
        .no_effect_yet()
        .from(XE),
    ],
};
