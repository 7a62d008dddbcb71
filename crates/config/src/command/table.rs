//! The table of the operational commands.

use kedge_grammar::table::{Block, arg_help, last, row, word};
use kedge_grammar::{Part, Value};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Key {
    RunningConfig,
    Version,
    ManagementApi,
    Radius,
    RadiusAccounting,
    RadiusDeadCriteria,
    ClearRadius,
    LmaBindings,
    LmaGlobals,
    LmaHeartbeats,
    LmaTunnels,
    LmaPeerStatistics,
    LmaLicense,
    MagBindings,
    MagLogicalMn,
    MagGlobals,
    MagHeartbeats,
    MagTunnels,
    LmaStatistics,
    MagStatistics,
    ClearLmaBindings,
    ClearMagBindings,
    ClearLmaStatistics,
    ClearMagStatistics,
    LmaEvents,
    MagEvents,
    MonitorBindings,
    MonitorEvents,
    DebugLma,
    DebugMag,
    NoDebugLma,
    NoDebugMag,
    UndebugAll,
    ShowDebug,
    CaptureStart,
    CaptureStop,
    ShowCapture,
    TechSupport,
    StandbyService,
    OneLmaService,
    DebugEverything,
}

const SHOW: Part = word("show", "Show what is configured and what happens");
const CLEAR: Part = word("clear", "End bindings, or set counters back to zero");
const IPV6: Part = word("ipv6", "Internet Protocol version 6");
const MOBILE: Part = word("mobile", "Mobility services");
const PMIPV6: Part = word("pmipv6", "Proxy Mobile IPv6");
const LMA: Part = word("lma", "The local mobility anchor");
const MAG: Part = word("mag", "The mobile access gateway");
const LMA_SERVICE: Part = word("lma-service", "The local mobility anchor");
const MAG_SERVICE: Part = word("mag-service", "The mobile access gateway");
const ASKED: &str = "The RADIUS servers, and what they were asked";
const RADIUS: Part = word("radius", ASKED);
const OF_NODE: Part = word("nai", "Of one subscriber");
const ONE_NODE: Part = arg_help("NAI", Value::Nai, "the subscriber's identifier");
const NAI: &[Part] = &[OF_NODE, ONE_NODE];
const OF_NODES: &[Part] = &[
    word("nai", "Of one subscriber, or of a realm"),
    arg_help("NAI", Value::Nai, "the subscriber's identifier, or @REALM"),
];
const OF_IMSI: &[Part] = &[
    word("imsi", "Of one subscriber, whose identifier is made of its IMSI"),
    arg_help("IMSI", Value::Name { max: 15 }, "the IMSI, 6 to 15 digits"),
];
const SERVICE: &[Part] = &[
    word("name", "Of one service"),
    arg_help("NAME", Value::Name { max: 125 }, "the service's identifier"),
];
const DETAIL: Part =
    Part::Optional(&[Part::Flag { word: "detail", help: "All there is to say of each" }]);
const FROM: Part = Part::Optional(&[
    word("from", "From one on, where there are more than an answer holds"),
    arg_help(
        "N",
        Value::Integer { min: 1, max: u32::MAX as u64, unit: "" },
        "which one, counted from 1",
    ),
]);
const LAST: Part = Part::Optional(&[
    word("last", "The newest only"),
    arg_help("COUNT", Value::Integer { min: 1, max: 100_000, unit: "" }, "how many at most"),
]);
const SINCE: Part = Part::Optional(&[
    word("since", "Those behind one"),
    arg_help(
        "NUMBER",
        Value::Integer { min: 0, max: u64::MAX, unit: "" },
        "the number of the last that is known",
    ),
]);
const EITHER_ROLE: Part = Part::Optional(&[Part::OneOf(&[
    &[Part::Flag { word: "lma", help: "Of the local mobility anchor" }],
    &[Part::Flag { word: "mag", help: "Of the mobile access gateway" }],
])]);
const OF_PEER: &[Part] = &[
    word("peer", "Messages from and to one peer"),
    Part::OneOf(&[
        &[arg_help("IPV4", Value::Ipv4, "the peer's address")],
        &[arg_help("IPV6", Value::Ipv6, "the peer's address")],
    ]),
];
const TARGET: Part = Part::OneOf(&[NAI, OF_PEER]);
/// Whom an anchor's messages are from and to: a customer's are all of its subscribers' and peers'.
const LMA_TARGET: Part = Part::OneOf(&[
    &[
        word("customer", "Of one customer"),
        arg_help("CUSTOMER", Value::Known { what: "customer", max: 32 }, "customer"),
        Part::Optional(&[TARGET]),
    ],
    NAI,
    OF_PEER,
]);
const DEBUG: Part = word("debug", "Show the messages of a subscriber, a peer or a customer");
const NO: Part = word("no", "End it");
const CAPTURE: Part = word("capture", "Signalling messages into a file");
const MONITOR: Part = word("monitor", "What happens, as it happens, until Ctrl-C");
const OF_CUSTOMER: &[Part] = &[
    word("customer", "Of one customer"),
    arg_help("CUSTOMER", Value::Known { what: "customer", max: 32 }, "customer"),
];
const CUSTOMER: Part = Part::Optional(OF_CUSTOMER);
const OF_ALL_OR_CUSTOMER: Part =
    Part::Optional(&[Part::OneOf(&[&[word("global", "Of all customers together")], OF_CUSTOMER])]);
const WHATEVER: Part = Part::Optional(&[arg_help("WORDS", Value::Line { max: 250 }, "what of it")]);
const OF_MAG: &[Part] = &[
    word("mag", "Of one gateway"),
    arg_help("ID", Value::Name { max: 125 }, "the gateway's name, or an address of its"),
];

/// As many words as tell the sections of a configuration apart.
pub(super) const WORDS: [&str; 6] = ["WORD1", "WORD2", "WORD3", "WORD4", "WORD5", "WORD6"];
const SECTION: &[Part] = &[
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

pub(super) static COMMANDS: Block<Key> = Block {
    name: "commands",
    help: "Commands of the terminal.",
    rows: &[
        row(
            Key::RunningConfig,
            &[SHOW, last("running-config"), Part::Optional(SECTION)],
            "The configuration that holds",
        ),
        row(Key::Version, &[SHOW, last("version")], "The version of this program"),
        row(
            Key::ManagementApi,
            &[SHOW, last("management-api")],
            "Management clients of other hosts",
        ),
        row(Key::Radius, &[SHOW, last("radius")], ASKED),
        row(
            Key::RadiusAccounting,
            &[SHOW, RADIUS, last("accounting"), CUSTOMER],
            "Sessions that are accounted for, and records that wait for a server",
        ),
        row(
            Key::RadiusDeadCriteria,
            &[SHOW, RADIUS, last("dead-criteria")],
            "When a RADIUS server is taken for dead, and for how long",
        ),
        row(
            Key::ClearRadius,
            &[CLEAR, RADIUS, last("statistics"), CUSTOMER],
            "Set the counters of RADIUS back to zero, or those of one customer's accounting",
        ),
        row(
            Key::LmaBindings,
            &[
                SHOW,
                IPV6,
                MOBILE,
                PMIPV6,
                LMA,
                last("bindings"),
                CUSTOMER,
                Part::Optional(&[Part::OneOf(&[OF_NODES, OF_IMSI, OF_MAG])]),
                DETAIL,
                FROM,
            ],
            "The anchor's bindings",
        ),
        row(
            Key::LmaGlobals,
            &[SHOW, IPV6, MOBILE, PMIPV6, LMA, last("globals"), CUSTOMER],
            "The anchor's settings and state",
        ),
        row(
            Key::LmaHeartbeats,
            &[SHOW, IPV6, MOBILE, PMIPV6, LMA, last("heartbeats"), CUSTOMER],
            "Whether the gateways live",
        ),
        row(
            Key::LmaStatistics,
            &[SHOW, IPV6, MOBILE, PMIPV6, LMA, last("statistics"), OF_ALL_OR_CUSTOMER],
            "Every counter of the anchor",
        ),
        row(
            Key::LmaStatistics,
            &[SHOW, IPV6, MOBILE, PMIPV6, LMA, last("stats"), OF_ALL_OR_CUSTOMER],
            "Every counter of the anchor",
        )
        .hidden(),
        row(
            Key::LmaGlobals,
            &[SHOW, LMA_SERVICE, last("all"), CUSTOMER],
            "The anchor's settings and state",
        )
        .hidden(),
        row(
            Key::LmaBindings,
            &[
                SHOW,
                LMA_SERVICE,
                last("session"),
                CUSTOMER,
                Part::Optional(&[Part::OneOf(&[OF_NODES, OF_IMSI, OF_MAG])]),
                DETAIL,
                FROM,
            ],
            "The anchor's bindings",
        )
        .hidden(),
        row(
            Key::LmaLicense,
            &[
                SHOW,
                IPV6,
                MOBILE,
                PMIPV6,
                LMA,
                word("statistics", "Every counter of the anchor"),
                last("license"),
            ],
            "The bindings that the operator is entitled to, and those there are",
        ),
        row(
            Key::LmaPeerStatistics,
            &[
                SHOW,
                IPV6,
                MOBILE,
                PMIPV6,
                LMA,
                word("statistics", "Every counter of the anchor"),
                word("mag", "Of one gateway"),
                arg_help(
                    "ID",
                    Value::Name { max: 125 },
                    "the gateway's name, or an address of its",
                ),
                CUSTOMER,
            ],
            "What one gateway has sent and was sent",
        ),
        row(
            Key::LmaTunnels,
            &[SHOW, IPV6, MOBILE, PMIPV6, LMA, last("tunnels"), CUSTOMER],
            "The anchor's tunnels to gateways",
        ),
        row(
            Key::MagBindings,
            &[SHOW, IPV6, MOBILE, PMIPV6, MAG, last("bindings"), Part::Optional(NAI), DETAIL, FROM],
            "The gateway's bindings",
        ),
        row(
            Key::MagLogicalMn,
            &[SHOW, IPV6, MOBILE, PMIPV6, MAG, last("logical-mn"), Part::Optional(NAI)],
            "The gateway as a mobile node, and the networks behind it",
        ),
        row(
            Key::MagGlobals,
            &[SHOW, IPV6, MOBILE, PMIPV6, MAG, last("globals")],
            "The gateway's settings and state",
        ),
        row(
            Key::MagHeartbeats,
            &[SHOW, IPV6, MOBILE, PMIPV6, MAG, last("heartbeats")],
            "Whether the anchors live",
        ),
        row(
            Key::MagStatistics,
            &[SHOW, IPV6, MOBILE, PMIPV6, MAG, last("statistics")],
            "Every counter of the gateway",
        ),
        row(
            Key::MagStatistics,
            &[SHOW, IPV6, MOBILE, PMIPV6, MAG, last("stats")],
            "Every counter of the gateway",
        )
        .hidden(),
        row(
            Key::MagTunnels,
            &[SHOW, IPV6, MOBILE, PMIPV6, MAG, last("tunnels")],
            "The gateway's tunnels to anchors",
        ),
        row(
            Key::LmaStatistics,
            &[SHOW, LMA_SERVICE, last("statistics"), Part::Optional(SERVICE), CUSTOMER],
            "Every counter of the anchor",
        ),
        row(
            Key::MagStatistics,
            &[SHOW, MAG_SERVICE, last("statistics"), Part::Optional(SERVICE)],
            "Every counter of the gateway",
        ),
        row(
            Key::ClearLmaBindings,
            &[
                CLEAR,
                IPV6,
                MOBILE,
                PMIPV6,
                LMA,
                last("bindings"),
                Part::OneOf(&[
                    &[word("all", "Every one")],
                    &[
                        word("customer", "Of one customer"),
                        arg_help(
                            "CUSTOMER",
                            Value::Known { what: "customer", max: 32 },
                            "customer",
                        ),
                        Part::Optional(&[Part::OneOf(&[OF_NODES, OF_IMSI, OF_MAG])]),
                    ],
                    OF_NODES,
                    OF_IMSI,
                    OF_MAG,
                ]),
            ],
            "End bindings of the anchor",
        ),
        row(
            Key::ClearMagBindings,
            &[
                CLEAR,
                IPV6,
                MOBILE,
                PMIPV6,
                MAG,
                last("bindings"),
                Part::OneOf(&[&[word("all", "Every one")], NAI]),
            ],
            "End bindings of the gateway",
        ),
        row(
            Key::ClearLmaStatistics,
            &[CLEAR, IPV6, MOBILE, PMIPV6, LMA, last("statistics"), CUSTOMER],
            "Set the anchor's counters back to zero",
        ),
        row(
            Key::ClearLmaStatistics,
            &[CLEAR, IPV6, MOBILE, PMIPV6, LMA, last("stats"), CUSTOMER],
            "Set the anchor's counters back to zero",
        )
        .hidden(),
        row(
            Key::ClearMagStatistics,
            &[CLEAR, IPV6, MOBILE, PMIPV6, MAG, last("stats")],
            "Set the gateway's counters back to zero",
        )
        .hidden(),
        row(
            Key::ClearMagStatistics,
            &[CLEAR, IPV6, MOBILE, PMIPV6, MAG, last("statistics")],
            "Set the gateway's counters back to zero",
        ),
        row(
            Key::ClearLmaStatistics,
            &[CLEAR, LMA_SERVICE, last("statistics"), Part::Optional(SERVICE), CUSTOMER],
            "Set the anchor's counters back to zero",
        ),
        row(
            Key::ClearMagStatistics,
            &[CLEAR, MAG_SERVICE, last("statistics"), Part::Optional(SERVICE)],
            "Set the gateway's counters back to zero",
        ),
        row(
            Key::LmaEvents,
            &[SHOW, IPV6, MOBILE, PMIPV6, LMA, last("events"), CUSTOMER, LAST],
            "The last events of the anchor",
        ),
        row(
            Key::LmaEvents,
            &[SHOW, IPV6, MOBILE, PMIPV6, LMA, last("trace"), OF_NODE, ONE_NODE, CUSTOMER, LAST],
            "The last events of one subscriber",
        ),
        row(
            Key::DebugLma,
            &[DEBUG, IPV6, MOBILE, PMIPV6, LMA, LMA_TARGET],
            "Show the messages of a subscriber, a peer or a customer",
        ),
        row(
            Key::NoDebugLma,
            &[NO, DEBUG, IPV6, MOBILE, PMIPV6, LMA, LMA_TARGET],
            "Show them no longer",
        ),
        row(
            Key::NoDebugLma,
            &[word("undebug", "End debugging"), IPV6, MOBILE, PMIPV6, LMA, LMA_TARGET],
            "Show them no longer",
        ),
        row(
            Key::MagEvents,
            &[SHOW, IPV6, MOBILE, PMIPV6, MAG, last("events"), LAST],
            "The last events of the gateway",
        ),
        row(
            Key::MagEvents,
            &[SHOW, IPV6, MOBILE, PMIPV6, MAG, last("trace"), OF_NODE, ONE_NODE, LAST],
            "The last events of one subscriber",
        ),
        row(
            Key::DebugMag,
            &[DEBUG, IPV6, MOBILE, PMIPV6, MAG, TARGET],
            "Show the messages of a subscriber or of a peer",
        ),
        row(
            Key::NoDebugMag,
            &[NO, DEBUG, IPV6, MOBILE, PMIPV6, MAG, TARGET],
            "Show them no longer",
        ),
        row(
            Key::NoDebugMag,
            &[word("undebug", "End debugging"), IPV6, MOBILE, PMIPV6, MAG, TARGET],
            "Show them no longer",
        ),
        row(Key::UndebugAll, &[word("undebug", "End debugging"), last("all")], "All of it"),
        row(Key::UndebugAll, &[NO, DEBUG, last("all")], "All of it"),
        row(Key::ShowDebug, &[SHOW, last("debug")], "Whose messages are shown"),
        row(Key::ShowCapture, &[SHOW, last("capture")], "The capture, running or ended"),
        row(
            Key::TechSupport,
            &[SHOW, last("tech-support")],
            "Everything that an expert asks for, without secrets",
        ),
        row(
            Key::CaptureStart,
            &[
                CAPTURE,
                last("start"),
                Part::Optional(&[TARGET]),
                Part::Optional(&[
                    word("file", "Into a file of this name"),
                    arg_help("FILE", Value::Name { max: 64 }, "its name, in the state directory"),
                ]),
                Part::Optional(&[
                    word("limit", "At most so many packets"),
                    arg_help(
                        "COUNT",
                        Value::Integer { min: 1, max: 1_000_000, unit: "" },
                        "how many; 10000 without it",
                    ),
                ]),
            ],
            "Begin",
        ),
        row(
            Key::StandbyService,
            &[
                Part::OneOf(&[&[SHOW], &[CLEAR]]),
                word("services", "Those of a standby anchor"),
                last("ha"),
                WHATEVER,
            ],
            "Not supported: there is no standby anchor",
        )
        .hidden(),
        row(
            Key::OneLmaService,
            &[SHOW, LMA_SERVICE, last("name"), WHATEVER],
            "Not supported: a daemon has one, which 'all' shows",
        )
        .hidden(),
        row(
            Key::DebugEverything,
            &[
                DEBUG,
                IPV6,
                MOBILE,
                Part::OneOf(&[
                    &[word("lma", "Not supported: debug one subscriber, peer or customer")],
                    &[word("mag", "Not supported: debug one subscriber or peer")],
                    &[word("packets", "Not supported: 'capture start' takes packets")],
                ]),
                WHATEVER,
            ],
            "Not supported",
        )
        .hidden(),
        row(Key::CaptureStop, &[CAPTURE, last("stop")], "End"),
        row(
            Key::MonitorBindings,
            &[MONITOR, last("bindings"), EITHER_ROLE, CUSTOMER, Part::Optional(NAI), SINCE],
            "What becomes of bindings",
        ),
        row(
            Key::MonitorEvents,
            &[MONITOR, last("events"), EITHER_ROLE, CUSTOMER, Part::Optional(NAI), SINCE],
            "Every event",
        ),
    ],
};
