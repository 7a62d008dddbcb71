//! Pools outside of the anchor, which its networks name.

use kedge_grammar::table::{Row, arg_help, last, row, word};
use kedge_grammar::{Part, Value};

use super::{IPV6, XE, known};
use crate::key::Key;

const LOCAL: Part = word("local", "Of this host");
const POOL: Part = arg_help("POOL", known("local pool"), "name of the pool");

/// A range of IPv4 addresses.
pub(super) const IPV4_POOL: Row<Key> = row(
    Key::LocalPoolIpv4,
    &[
        word("ip", "Internet Protocol version 4"),
        LOCAL,
        last("pool"),
        POOL,
        arg_help("FIRST", Value::Ipv4, "first address"),
        Part::Optional(&[arg_help("LAST", Value::Ipv4, "last address; without it there is one")]),
    ],
    "A pool of IPv4 addresses, which 'pool ipv4' of a network names",
)
.each(&["POOL", "FIRST"])
.new_bindings()
.from(XE);

/// A block of IPv6 prefixes.
pub(super) const IPV6_POOL: Row<Key> = row(
    Key::LocalPoolIpv6,
    &[
        IPV6,
        LOCAL,
        last("pool"),
        POOL,
        arg_help("PREFIX", Value::Ipv6Prefix, "the block"),
        arg_help(
            "ASSIGNED",
            Value::Integer { min: 1, max: 128, unit: "bits" },
            "length of each prefix handed out; 64 for home network prefixes",
        ),
    ],
    "A pool of IPv6 prefixes, which 'pool ipv6' of a network names",
)
.each(&["POOL", "PREFIX"])
.new_bindings()
.from(XE);
