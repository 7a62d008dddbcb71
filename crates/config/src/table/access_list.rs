//! Under `ip access-list extended NAME` and `ipv6 access-list NAME`.

mod names;

use kedge_grammar::table::{Block, Row, arg, arg_help, flag, last, row, word};
use kedge_grammar::{Part, Value};

use super::{BOTH, XE, XR, known};
use crate::access_list::{canonical_ipv4, canonical_ipv6};
use crate::key::Key;
use crate::{AccessList, Action};
use names::{
    CODE_POINTS, ICMP_MESSAGES, ICMP_TYPES, ICMPV6_MESSAGES, ICMPV6_TYPES, PRECEDENCES, TCP_PORTS,
    UDP_PORTS,
};

const NAME: Part = arg_help("NAME", known("access list"), "name of the list");
const IPV4_WORD: Part = word("ipv4", "Internet Protocol version 4");
const ACCESS_LIST_WORD: Part = word("access-list", "Access lists");

/// An IPv4 list.
pub(super) const IPV4_LIST: Row<Key> = row(
    Key::AccessList,
    &[word("ip", "Internet Protocol version 4"), ACCESS_LIST_WORD, last("extended"), NAME],
    "An extended access list for IPv4",
)
.opens(&IPV4)
.from(XE);

/// An IPv4 list as XR writes it.
pub(super) const IPV4_LIST_XR: Row<Key> =
    row(Key::AccessList, &[IPV4_WORD, last("access-list"), NAME], "An access list for IPv4")
        .opens(&IPV4)
        .also()
        .from(XR);

/// An IPv6 list.
pub(super) const IPV6_LIST: Row<Key> =
    row(Key::AccessListIpv6, &[super::IPV6, last("access-list"), NAME], "An access list for IPv6")
        .opens(&IPV6)
        .from(BOTH);

static IPV4: Block<Key> = Block {
    name: "access-list",
    help: "An IPv4 access list: the first entry that fits a packet decides.",
    rows: &[entry(&[SEQUENCE, Part::OneOf(&[REMARK_TEXT, IPV4_ENTRY])]).kept_as(canonical_ipv4)],
};

static IPV6: Block<Key> = Block {
    name: "ipv6-access-list",
    help: "An IPv6 access list: the first entry that fits a packet decides.",
    rows: &[entry(&[SEQUENCE, Part::OneOf(&[REMARK_TEXT, IPV6_ENTRY])]).kept_as(canonical_ipv6)],
};

const fn entry(syntax: &'static [Part]) -> Row<Key> {
    const HELP: &str = "What is done with some packets; packets that no entry fits are denied";
    row(Key::AccessEntry, syntax, HELP).numbered("SEQUENCE", &["SEQUENCE"]).from(BOTH)
}

const NUMBER: Part = arg_help(
    "SEQUENCE",
    Value::Integer { min: 1, max: AccessList::LAST as u64, unit: "" },
    "the entry's place in the list; without one behind the last, in steps of 10",
);
const SEQUENCE: Part = Part::Optional(&[Part::OneOf(&[
    &[NUMBER],
    &[word("sequence", "The entry's place in the list"), NUMBER],
])]);
const REMARK_TEXT: &[Part] = &[
    word("remark", "Words about the entries that follow"),
    arg_help("REMARK", Value::Line { max: 255 }, "what there is to say"),
];
const ACTION: Part = arg("action", Value::Keyword(Action::WORDS));
const PROTOCOL_NUMBER: Part =
    arg_help("PROTOCOL", Value::Integer { min: 0, max: 255, unit: "" }, "an IP protocol's number");
const ESTABLISHED: &[Part] = &[flag("established", "Only of connections that are there")];
const MARKED: &[Part] = &[Part::OneOf(&[
    &[
        word("dscp", "Only of one code point"),
        Part::OneOf(&[
            &[arg("DSCP", Value::Named(CODE_POINTS))],
            &[arg_help("DSCP", Value::Integer { min: 0, max: 63, unit: "" }, "code point")],
        ]),
    ],
    &[
        word("precedence", "Only of the eight code points of a precedence"),
        Part::OneOf(&[
            &[arg("PRECEDENCE", Value::Named(PRECEDENCES))],
            &[arg_help("PRECEDENCE", Value::Integer { min: 0, max: 7, unit: "" }, "precedence")],
        ]),
    ],
])];
const LOG: &[Part] = &[Part::OneOf(&[
    &[flag("log", "Log how many packets the entry decides about, every five minutes at most")],
    &[flag("log-input", "The same as 'log'")],
])];
/// What may stand behind the addresses and what belongs to a protocol.
const OPTIONS: Part = Part::AnyOrder(&[MARKED, LOG]);
const TCP_OPTIONS: Part = Part::AnyOrder(&[ESTABLISHED, MARKED, LOG]);
const TCP: Part = arg("protocol", Value::Keyword(&[("tcp", "TCP")]));
const UDP: Part = arg("protocol", Value::Keyword(&[("udp", "UDP")]));

const IPV4_ENTRY: &[Part] = &[
    ACTION,
    Part::OneOf(&[
        &[TCP, SOURCE, TCP_SOURCE_PORTS, DESTINATION, TCP_DESTINATION_PORTS, TCP_OPTIONS],
        &[UDP, SOURCE, UDP_SOURCE_PORTS, DESTINATION, UDP_DESTINATION_PORTS, OPTIONS],
        &[
            arg("protocol", Value::Keyword(&[("icmp", "ICMP")])),
            SOURCE,
            DESTINATION,
            Part::Optional(&[Part::OneOf(&[&[TYPE_NAMED, CODE], &[TYPE, CODE], &[MESSAGE_NAMED]])]),
            OPTIONS,
        ],
        &[
            Part::OneOf(&[
                &[arg(
                    "protocol",
                    Value::Spelled(&[
                        ("ip", "ip", "Any protocol"),
                        ("ipv4", "ip", "Any protocol"),
                        ("igmp", "igmp", "IGMP"),
                        ("ipinip", "ipinip", "IP in IP"),
                        ("gre", "gre", "GRE"),
                        ("esp", "esp", "Encapsulating security payload"),
                        ("ahp", "ahp", "Authentication header"),
                        ("ospf", "ospf", "OSPF"),
                        ("pim", "pim", "PIM"),
                        ("sctp", "sctp", "SCTP"),
                    ]),
                )],
                &[PROTOCOL_NUMBER],
            ]),
            SOURCE,
            DESTINATION,
            OPTIONS,
        ],
    ]),
];

const IPV6_ENTRY: &[Part] = &[
    ACTION,
    Part::OneOf(&[
        &[TCP, SOURCE6, TCP_SOURCE_PORTS, DESTINATION6, TCP_DESTINATION_PORTS, TCP_OPTIONS],
        &[UDP, SOURCE6, UDP_SOURCE_PORTS, DESTINATION6, UDP_DESTINATION_PORTS, OPTIONS],
        &[
            arg(
                "protocol",
                Value::Spelled(&[("icmp", "icmp", "ICMPv6"), ("icmpv6", "icmp", "ICMPv6")]),
            ),
            SOURCE6,
            DESTINATION6,
            Part::Optional(&[Part::OneOf(&[
                &[TYPE6_NAMED, CODE],
                &[TYPE, CODE],
                &[MESSAGE6_NAMED],
            ])]),
            OPTIONS,
        ],
        &[
            Part::OneOf(&[
                &[arg(
                    "protocol",
                    Value::Keyword(&[
                        ("ipv6", "Any protocol"),
                        ("gre", "GRE"),
                        ("esp", "Encapsulating security payload"),
                        ("ahp", "Authentication header"),
                        ("ospf", "OSPF"),
                        ("pim", "PIM"),
                        ("sctp", "SCTP"),
                    ]),
                )],
                &[PROTOCOL_NUMBER],
            ]),
            SOURCE6,
            DESTINATION6,
            OPTIONS,
        ],
    ]),
];

const ANY: &[Part] = &[word("any", "Any address")];
const SOURCE: Part = Part::OneOf(&[
    &[
        arg_help("SOURCE", Value::Ipv4, "address"),
        arg_help("SOURCE-WILDCARD", Value::Ipv4, "bits that do not matter"),
    ],
    &[word("host", "One address"), arg_help("SOURCE", Value::Ipv4, "address")],
    &[arg_help("SOURCE-PREFIX", Value::Ipv4Prefix, "addresses of a prefix")],
    ANY,
]);
const DESTINATION: Part = Part::OneOf(&[
    &[
        arg_help("DESTINATION", Value::Ipv4, "address"),
        arg_help("DESTINATION-WILDCARD", Value::Ipv4, "bits that do not matter"),
    ],
    &[word("host", "One address"), arg_help("DESTINATION", Value::Ipv4, "address")],
    &[arg_help("DESTINATION-PREFIX", Value::Ipv4Prefix, "addresses of a prefix")],
    ANY,
]);
const SOURCE6: Part = Part::OneOf(&[
    &[arg_help("SOURCE-PREFIX", Value::Ipv6Prefix, "addresses of a prefix")],
    &[word("host", "One address"), arg_help("SOURCE", Value::Ipv6, "address")],
    ANY,
]);
const DESTINATION6: Part = Part::OneOf(&[
    &[arg_help("DESTINATION-PREFIX", Value::Ipv6Prefix, "addresses of a prefix")],
    &[word("host", "One address"), arg_help("DESTINATION", Value::Ipv6, "address")],
    ANY,
]);

macro_rules! port {
    ($names:expr, $name:literal) => {
        port!($names, $name, 0, 65535)
    };
    ($names:expr, $name:literal, $min:literal, $max:literal) => {
        Part::OneOf(&[
            &[arg($name, Value::Named($names))],
            &[arg_help($name, Value::Integer { min: $min, max: $max, unit: "" }, "port")],
        ])
    };
}

// The ports of one end, whose arguments have names of their own, of a protocol that names some.
macro_rules! ports {
    ($names:expr, $port:literal, $last:literal, $below:literal, $above:literal, $except:literal) => {
        Part::Optional(&[Part::OneOf(&[
            &[
                word("range", "From one port to another"),
                port!($names, $port),
                port!($names, $last),
            ],
            &[word("eq", "One port"), port!($names, $port)],
            &[word("neq", "All ports but one"), port!($names, $except)],
            &[word("lt", "Ports below one"), port!($names, $below, 1, 65535)],
            &[word("gt", "Ports above one"), port!($names, $above, 0, 65534)],
        ])])
    };
}
macro_rules! source_ports {
    ($names:expr) => {
        ports!(
            $names,
            "SOURCE-PORT",
            "SOURCE-LAST",
            "SOURCE-BELOW",
            "SOURCE-ABOVE",
            "SOURCE-EXCEPT"
        )
    };
}
macro_rules! destination_ports {
    ($names:expr) => {
        ports!(
            $names,
            "DESTINATION-PORT",
            "DESTINATION-LAST",
            "DESTINATION-BELOW",
            "DESTINATION-ABOVE",
            "DESTINATION-EXCEPT"
        )
    };
}

const TCP_SOURCE_PORTS: Part = source_ports!(TCP_PORTS);
const TCP_DESTINATION_PORTS: Part = destination_ports!(TCP_PORTS);
const UDP_SOURCE_PORTS: Part = source_ports!(UDP_PORTS);
const UDP_DESTINATION_PORTS: Part = destination_ports!(UDP_PORTS);

const OCTET: Value = Value::Integer { min: 0, max: 255, unit: "" };
const TYPE: Part = arg_help("TYPE", OCTET, "a message's type");
const CODE: Part = Part::Optional(&[arg_help("CODE", OCTET, "its code")]);
const TYPE_NAMED: Part = arg("TYPE", Value::Named(ICMP_TYPES));
const MESSAGE_NAMED: Part = arg("MESSAGE", Value::Named(ICMP_MESSAGES));
const TYPE6_NAMED: Part = arg("TYPE", Value::Named(ICMPV6_TYPES));
const MESSAGE6_NAMED: Part = arg("MESSAGE", Value::Named(ICMPV6_MESSAGES));
