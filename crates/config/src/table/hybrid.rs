//! Hybrid access: links chosen by their measured performance.

use kedge_grammar::table::{Block, Row, arg, arg_help, last, row, word};
use kedge_grammar::{Part, Value};

use super::common::MOBILITY_SERVICE;
use super::{XE, known};
use crate::key::Key;

const PACKETS: Part =
    arg_help("COUNT", Value::Integer { min: 1, max: 100, unit: "packets" }, "packets");
const FREQUENCY: Part = Part::Optional(&[
    word("frequency", "Time between two probes"),
    arg_help("FREQUENCY", Value::Integer { min: 1, max: 604_800, unit: "seconds" }, "frequency"),
]);

/// How a path is probed, in the words of both spellings that the documents print.
const PROBE: &[Part] = &[
    Part::Optional(&[Part::OneOf(&[
        &[word("num-packets", "Packets of one probe"), PACKETS],
        &[word("numpackets", "Packets of one probe"), PACKETS],
    ])]),
    Part::Optional(&[
        word("interval", "Time between two packets"),
        arg_help(
            "INTERVAL",
            Value::Integer { min: 4, max: 6000, unit: "milliseconds" },
            "interval",
        ),
    ]),
    FREQUENCY,
];

const DISABLE_SLA: Row<Key> = row(Key::DisableSla, &[last("disable-sla")], "Paths are not probed")
    .on_by_default()
    .no_effect_yet()
    .from(XE);
const SLA: Row<Key> = row(Key::Sla, &[last("sla"), Part::OneOf(&[PROBE])], "How paths are probed")
    .default("num-packets 10 interval 100 frequency 60")
    .no_effect_yet()
    .from(XE);
const ENABLE_SLA: Part = word("enable-sla", "Probes of some paths only");
/// It is the anchor's; one of the documents enters the gateway's mode before it.
const ENABLE_SLA_MAG: Row<Key> = row(
    Key::EnableSlaMag,
    &[ENABLE_SLA, last("mag"), arg_help("ID", known("gateway"), "gateway"), Part::OneOf(&[PROBE])],
    "Probes to one gateway",
)
.each(&["ID"])
.no_effect_yet()
.from(XE);
const ENABLE_SLA_CUSTOMER: Row<Key> = row(
    Key::EnableSlaCustomer,
    &[
        ENABLE_SLA,
        last("customer"),
        arg_help("NAME", known("customer"), "customer"),
        Part::OneOf(&[PROBE]),
    ],
    "Probes to one customer's gateways",
)
.each(&["NAME"])
.no_effect_yet()
.from(XE);
const RATIO: Part = arg("RATIO", Value::Integer { min: 1, max: 15, unit: "" });
const LABEL: Part = word("label", "Of the links of one label");
const BANDWIDTH_RATIO: Row<Key> = row(
    Key::BandwidthRatio,
    &[last("bandwidth-ratio"), LABEL, arg_help("LABEL", known("label"), "label"), RATIO],
    "Share of flows of the links of one label",
)
.each(&["LABEL"])
.no_effect_yet()
.from(XE);
const PROFILE: Row<Key> = row(
    Key::TrafficProfile,
    &[last("profile-definition"), arg_help("NAME", known("traffic profile"), "profile")],
    "A traffic profile",
)
.opens(&PROFILE_DEFINITION)
.no_effect_yet()
.from(XE);

/// The service; its mode is another at the anchor and at the gateway.
pub(super) const HYBRID_ACCESS: Row<Key> = row(
    Key::HybridAccess,
    &[MOBILITY_SERVICE, last("hybrid-access")],
    "Links chosen by their performance",
)
.no_effect_yet()
.from(XE);

/// As one of the documents prints it, its hyphen lost at the end of a line.
pub(super) const HYBRID_ACCESS_UNHYPHENATED: Row<Key> = row(
    Key::HybridAccess,
    &[MOBILITY_SERVICE, last("hybridaccess")],
    "Links chosen by their performance",
)
.no_effect_yet()
.also()
.from(XE);

/// The mode of the service at the anchor.
pub(super) static LMA_HYBRID_ACCESS: Block<Key> = Block {
    name: "pmipv6-lma-haccess-svc",
    help: "Hybrid access at the anchor.",
    rows: &[
        DISABLE_SLA,
        SLA,
        ENABLE_SLA_MAG,
        ENABLE_SLA_CUSTOMER,
        BANDWIDTH_RATIO,
        row(
            Key::BandwidthRatioOfMag,
            &[
                last("bandwidth-ratio"),
                word("mag", "Of one gateway"),
                arg_help("ID", known("gateway"), "gateway"),
                LABEL,
                arg_help("LABEL", known("label"), "label"),
                RATIO,
            ],
            "Share of flows of a gateway's links of one label",
        )
        .each(&["ID", "LABEL"])
        .no_effect_yet()
        .from(XE),
        PROFILE,
    ],
};

/// The mode of the service at the gateway.
pub(super) static MAG_HYBRID_ACCESS: Block<Key> = Block {
    name: "pmipv6-mag-haccess-svc",
    help: "Hybrid access at the gateway.",
    rows: &[
        DISABLE_SLA,
        SLA,
        ENABLE_SLA_MAG,
        ENABLE_SLA_CUSTOMER,
        row(
            Key::ResponderStats,
            &[word("sla-responder-stats", "Figures for the responder"), last("disable")],
            "The responder is not sent the measured figures",
        )
        .no_effect_yet()
        .from(XE),
        BANDWIDTH_RATIO,
        PROFILE,
    ],
};

const MILLISECONDS: Value = Value::Integer { min: 1, max: 1000, unit: "milliseconds" };
const RTT: Value = Value::Integer { min: 1, max: 5000, unit: "milliseconds" };
const PERCENT: Value = Value::Integer { min: 1, max: 100, unit: "percent" };
const MOS: Value = Value::Integer { min: 1, max: 60000, unit: "hundredths" };
const LOW_THRESHOLD: Part = word("low-threshold", "When a link is good again");

static PROFILE_DEFINITION: Block<Key> = Block {
    name: "pmipv6-haccess-profile",
    help: "A traffic profile: what a link must be like to be used.",
    rows: &[
        row(
            Key::Jitter,
            &[
                last("jitter"),
                arg("VALUE", MILLISECONDS),
                Part::Optional(&[LOW_THRESHOLD, arg("LOW", MILLISECONDS)]),
            ],
            "Most jitter",
        )
        .no_effect_yet()
        .from(XE),
        row(
            Key::RoundTrip,
            &[last("rtt"), arg("VALUE", RTT), Part::Optional(&[LOW_THRESHOLD, arg("LOW", RTT)])],
            "Longest round trip",
        )
        .no_effect_yet()
        .from(XE),
        row(
            Key::PacketLoss,
            &[
                last("packet-loss"),
                arg("VALUE", PERCENT),
                Part::Optional(&[LOW_THRESHOLD, arg("LOW", PERCENT)]),
            ],
            "Most loss",
        )
        .no_effect_yet()
        .from(XE),
        row(
            Key::Mos,
            &[last("mos"), arg("VALUE", MOS), Part::Optional(&[LOW_THRESHOLD, arg("LOW", MOS)])],
            "Least voice quality (mean opinion score times 100)",
        )
        .no_effect_yet()
        .from(XE),
        row(Key::Loadbalance, &[last("loadbalance")], "Spread flows over all links that are good")
            .no_effect_yet()
            .from(XE),
    ],
};
