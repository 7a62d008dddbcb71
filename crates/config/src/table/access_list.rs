//! Under `ip access-list extended NAME`.

use kedge_grammar::table::{Block, arg, arg_help, last, refused, word};
use kedge_grammar::{Part, Value};

use super::XE;
use crate::key::Key;

const PROTOCOL: Part = arg(
    "protocol",
    Value::Keyword(&[
        ("ip", "Any protocol"),
        ("tcp", "TCP"),
        ("udp", "UDP"),
        ("icmp", "ICMP"),
        ("gre", "GRE"),
    ]),
);
const SOURCE: Part = Part::OneOf(&[
    &[word("any", "Any address")],
    &[word("host", "One address"), arg_help("SOURCE", Value::Ipv4, "source")],
    &[
        arg_help("SOURCE", Value::Ipv4, "source"),
        arg_help("SOURCE-WILDCARD", Value::Ipv4, "bits that do not matter"),
    ],
]);
const DESTINATION: Part = Part::OneOf(&[
    &[word("any", "Any address")],
    &[word("host", "One address"), arg_help("DESTINATION", Value::Ipv4, "destination")],
    &[
        arg_help("DESTINATION", Value::Ipv4, "destination"),
        arg_help("DESTINATION-WILDCARD", Value::Ipv4, "bits that do not matter"),
    ],
]);

/// The mode of an extended access list.
pub(super) static ACCESS_LIST: Block<Key> = Block {
    name: "access-list",
    help: "An extended access list: the first entry that fits a packet decides.",
    rows: &[
        refused(&[last("permit"), PROTOCOL, SOURCE, DESTINATION], "Let packets pass").from(XE),
        refused(&[last("deny"), PROTOCOL, SOURCE, DESTINATION], "Drop packets").from(XE),
    ],
};
