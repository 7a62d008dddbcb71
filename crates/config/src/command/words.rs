//! The words that operational commands are made of.

use kedge_grammar::table::{arg_help, word};
use kedge_grammar::{Part, Value};

pub const SHOW: Part = word("show", "Show what is configured and what happens");
pub const CLEAR: Part = word("clear", "End bindings, or set counters back to zero");
pub const IPV6: Part = word("ipv6", "Internet Protocol version 6");
pub const MOBILE: Part = word("mobile", "Mobility services");
pub const PMIPV6: Part = word("pmipv6", "Proxy Mobile IPv6");
pub const LMA: Part = word("lma", "The local mobility anchor");
pub const MAG: Part = word("mag", "The mobile access gateway");
pub const LMA_SERVICE: Part = word("lma-service", "The local mobility anchor");
pub const MAG_SERVICE: Part = word("mag-service", "The mobile access gateway");
pub const ASKED: &str = "The RADIUS servers, and what they were asked";
pub const RADIUS: Part = word("radius", ASKED);
pub const OF_NODE: Part = word("nai", "Of one subscriber");
pub const ONE_NODE: Part = arg_help("NAI", Value::Nai, "the subscriber's identifier");
pub const NAI: &[Part] = &[OF_NODE, ONE_NODE];
pub const OF_NODES: &[Part] = &[
    word("nai", "Of one subscriber, or of a realm"),
    arg_help("NAI", Value::Nai, "the subscriber's identifier, or @REALM"),
];
pub const OF_IMSI: &[Part] = &[
    word("imsi", "Of one subscriber, whose identifier is made of its IMSI"),
    arg_help("IMSI", Value::Name { max: 15 }, "the IMSI, 6 to 15 digits"),
];
pub const SERVICE: &[Part] = &[
    word("name", "Of one service"),
    arg_help("NAME", Value::Name { max: 125 }, "the service's identifier"),
];
pub const DETAIL: &[Part] = &[Part::Flag { word: "detail", help: "All there is to say of each" }];
pub const FROM: &[Part] = &[
    word("from", "From one on, where there are more than an answer holds"),
    arg_help(
        "N",
        Value::Integer { min: 1, max: u32::MAX as u64, unit: "" },
        "which one, counted from 1",
    ),
];
/// Whose bindings, and how much of them.
pub const LMA_BINDINGS: Part =
    Part::AnyOrder(&[OF_CUSTOMER, &[Part::OneOf(&[OF_NODES, OF_IMSI, OF_MAG])], DETAIL, FROM]);
pub const LAST: &[Part] = &[
    word("last", "The newest only"),
    arg_help("COUNT", Value::Integer { min: 1, max: 100_000, unit: "" }, "how many at most"),
];
pub const SINCE: &[Part] = &[
    word("since", "Those behind one"),
    arg_help(
        "NUMBER",
        Value::Integer { min: 0, max: u64::MAX, unit: "" },
        "the number of the last that is known",
    ),
];
pub const EITHER_ROLE: &[Part] = &[Part::OneOf(&[
    &[Part::Flag { word: "lma", help: "Of the local mobility anchor" }],
    &[Part::Flag { word: "mag", help: "Of the mobile access gateway" }],
])];
/// Whose events.
pub const MONITORED: Part = Part::AnyOrder(&[EITHER_ROLE, OF_CUSTOMER, NAI, SINCE]);
pub const OF_PEER: &[Part] = &[
    word("peer", "Messages from and to one peer"),
    Part::OneOf(&[
        &[arg_help("IPV4", Value::Ipv4, "the peer's address")],
        &[arg_help("IPV6", Value::Ipv6, "the peer's address")],
    ]),
];
pub const TARGET: Part = Part::OneOf(&[NAI, OF_PEER]);
/// Whom an anchor's messages are from and to: a customer's are all of its subscribers' and peers'.
pub const LMA_TARGET: Part = Part::OneOf(&[
    &[OF_ONE_CUSTOMER, ONE_CUSTOMER, Part::Optional(&[TARGET])],
    &[TARGET, CUSTOMER],
]);
pub const DEBUG: Part = word("debug", "Show the messages of a subscriber, a peer or a customer");
pub const NO: Part = word("no", "End it");
pub const CAPTURE: Part = word("capture", "Signalling messages into a file");
pub const MONITOR: Part = word("monitor", "What happens, as it happens, until Ctrl-C");
pub const OF_ONE_CUSTOMER: Part = word("customer", "Of one customer");
pub const ONE_CUSTOMER: Part =
    arg_help("CUSTOMER", Value::Known { what: "customer", max: 32 }, "customer");
pub const OF_CUSTOMER: &[Part] = &[OF_ONE_CUSTOMER, ONE_CUSTOMER];
pub const CUSTOMER: Part = Part::Optional(OF_CUSTOMER);
pub const OF_ALL_OR_CUSTOMER: Part =
    Part::Optional(&[Part::OneOf(&[&[word("global", "Of all customers together")], OF_CUSTOMER])]);
pub const WHATEVER: Part =
    Part::Optional(&[arg_help("WORDS", Value::Line { max: 250 }, "what of it")]);
pub const OF_ONE_MAG: Part = word("mag", "Of one gateway");
pub const ONE_MAG: Part = arg_help(
    "ID",
    Value::Known { what: "gateway", max: 125 },
    "the gateway's name, or an address of its",
);
pub const OF_MAG: &[Part] = &[OF_ONE_MAG, ONE_MAG];

/// As many words as tell the sections of a configuration apart.
pub const WORDS: [&str; 6] = ["WORD1", "WORD2", "WORD3", "WORD4", "WORD5", "WORD6"];
pub const SECTION: &[Part] = &[
    section_word(0),
    Part::Optional(&[
        section_word(1),
        Part::Optional(&[
            section_word(2),
            Part::Optional(&[
                section_word(3),
                Part::Optional(&[section_word(4), Part::Optional(&[section_word(5)])]),
            ]),
        ]),
    ]),
];

const fn section_word(place: usize) -> Part {
    arg_help(WORDS[place], Value::Name { max: 125 }, "the first words of what is wanted")
}
