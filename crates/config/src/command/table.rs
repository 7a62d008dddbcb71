//! The table of the operational commands.

use kedge_grammar::table::{Block, arg_help, last, row, word};
use kedge_grammar::{Part, Value};

use super::words::{
    ASKED, CAPTURE, CLEAR, CUSTOMER, DEBUG, DETAIL, FROM, IPV6, LAST, LMA, LMA_BINDINGS,
    LMA_SERVICE, LMA_TARGET, MAG, MAG_SERVICE, MOBILE, MONITOR, MONITORED, NAI, NO,
    OF_ALL_OR_CUSTOMER, OF_CUSTOMER, OF_IMSI, OF_MAG, OF_NODE, OF_NODES, OF_ONE_CUSTOMER,
    OF_ONE_MAG, ONE_CUSTOMER, ONE_MAG, ONE_NODE, PMIPV6, RADIUS, SECTION, SERVICE, SHOW, TARGET,
    WHATEVER,
};

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
        row(Key::Radius, &[SHOW, last("radius"), CUSTOMER], ASKED),
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
            &[SHOW, IPV6, MOBILE, PMIPV6, LMA, last("bindings"), LMA_BINDINGS],
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
            &[SHOW, LMA_SERVICE, last("session"), LMA_BINDINGS],
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
                CUSTOMER,
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
                OF_ONE_MAG,
                ONE_MAG,
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
            &[
                SHOW,
                IPV6,
                MOBILE,
                PMIPV6,
                MAG,
                last("bindings"),
                Part::AnyOrder(&[NAI, DETAIL, FROM]),
            ],
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
            &[SHOW, LMA_SERVICE, last("statistics"), Part::AnyOrder(&[SERVICE, OF_CUSTOMER])],
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
                        OF_ONE_CUSTOMER,
                        ONE_CUSTOMER,
                        Part::Optional(&[Part::OneOf(&[OF_NODES, OF_IMSI, OF_MAG])]),
                    ],
                    &[Part::OneOf(&[OF_NODES, OF_IMSI, OF_MAG]), CUSTOMER],
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
            &[CLEAR, LMA_SERVICE, last("statistics"), Part::AnyOrder(&[SERVICE, OF_CUSTOMER])],
            "Set the anchor's counters back to zero",
        ),
        row(
            Key::ClearMagStatistics,
            &[CLEAR, MAG_SERVICE, last("statistics"), Part::Optional(SERVICE)],
            "Set the gateway's counters back to zero",
        ),
        row(
            Key::LmaEvents,
            &[
                SHOW,
                IPV6,
                MOBILE,
                PMIPV6,
                LMA,
                last("events"),
                Part::AnyOrder(&[OF_CUSTOMER, LAST]),
            ],
            "The last events of the anchor",
        ),
        row(
            Key::LmaEvents,
            &[
                SHOW,
                IPV6,
                MOBILE,
                PMIPV6,
                LMA,
                last("trace"),
                OF_NODE,
                ONE_NODE,
                Part::AnyOrder(&[OF_CUSTOMER, LAST]),
            ],
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
            &[SHOW, IPV6, MOBILE, PMIPV6, MAG, last("events"), Part::Optional(LAST)],
            "The last events of the gateway",
        ),
        row(
            Key::MagEvents,
            &[
                SHOW,
                IPV6,
                MOBILE,
                PMIPV6,
                MAG,
                last("trace"),
                OF_NODE,
                ONE_NODE,
                Part::Optional(LAST),
            ],
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
                Part::AnyOrder(&[
                    OF_CUSTOMER,
                    &[TARGET],
                    &[
                        word("file", "Into a file of this name"),
                        arg_help(
                            "FILE",
                            Value::Name { max: 64 },
                            "its name, in the state directory",
                        ),
                    ],
                    &[
                        word("limit", "At most so many packets"),
                        arg_help(
                            "COUNT",
                            Value::Integer { min: 1, max: 1_000_000, unit: "" },
                            "how many; 10000 without it",
                        ),
                    ],
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
            &[MONITOR, last("bindings"), MONITORED],
            "What becomes of bindings",
        ),
        row(Key::MonitorEvents, &[MONITOR, last("events"), MONITORED], "Every event"),
    ],
};
