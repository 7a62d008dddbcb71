//! Under `ip access-list extended NAME`.

use kedge_grammar::table::{Block, arg, arg_help, row, word};
use kedge_grammar::{Part, Value};

use super::XE;
use crate::Action;
use crate::key::Key;

const PORT: Value = Value::Integer { min: 0, max: 65535, unit: "" };
const NUMBER: Value = Value::Integer { min: 0, max: 255, unit: "" };

/// The mode of an extended access list.
pub(super) static ACCESS_LIST: Block<Key> = Block {
    name: "access-list",
    help: "An extended access list: the first entry that fits a packet decides.",
    rows: &[row(
        Key::AccessEntry,
        &[
            arg("action", Value::Keyword(Action::WORDS)),
            Part::OneOf(&[
                &[
                    arg("protocol", Value::Keyword(&[("tcp", "TCP"), ("udp", "UDP")])),
                    SOURCE,
                    SOURCE_PORTS,
                    DESTINATION,
                    DESTINATION_PORTS,
                ],
                &[
                    Part::OneOf(&[
                        &[arg(
                            "protocol",
                            Value::Keyword(&[
                                ("ip", "Any protocol"),
                                ("icmp", "ICMP"),
                                ("gre", "GRE"),
                            ]),
                        )],
                        &[arg_help("PROTOCOL", NUMBER, "an IP protocol's number")],
                    ]),
                    SOURCE,
                    DESTINATION,
                ],
            ]),
        ],
        "What is done with some packets; packets that no entry fits are denied",
    )
    .each(&[])
    .in_order()
    .from(XE)],
};

const SOURCE: Part = Part::OneOf(&[
    &[
        arg_help("SOURCE", Value::Ipv4, "source"),
        arg_help("SOURCE-WILDCARD", Value::Ipv4, "bits that do not matter"),
    ],
    &[word("host", "One address"), arg_help("SOURCE", Value::Ipv4, "source")],
    &[word("any", "Any address")],
]);
const DESTINATION: Part = Part::OneOf(&[
    &[
        arg_help("DESTINATION", Value::Ipv4, "destination"),
        arg_help("DESTINATION-WILDCARD", Value::Ipv4, "bits that do not matter"),
    ],
    &[word("host", "One address"), arg_help("DESTINATION", Value::Ipv4, "destination")],
    &[word("any", "Any address")],
]);
const SOURCE_PORTS: Part = Part::Optional(&[Part::OneOf(&[
    &[
        word("range", "From some ports"),
        arg_help("SOURCE-PORT", PORT, "first port"),
        arg_help("SOURCE-LAST", PORT, "last port"),
    ],
    &[word("eq", "From one port"), arg_help("SOURCE-PORT", PORT, "port")],
])]);
const DESTINATION_PORTS: Part = Part::Optional(&[Part::OneOf(&[
    &[
        word("range", "To some ports"),
        arg_help("DESTINATION-PORT", PORT, "first port"),
        arg_help("DESTINATION-LAST", PORT, "last port"),
    ],
    &[word("eq", "To one port"), arg_help("DESTINATION-PORT", PORT, "port")],
])]);
