//! Hybrid access: links chosen by their measured performance.

use kedge_grammar::table::{Block, Row, arg, arg_help, last, refused, word};
use kedge_grammar::{Part, Value};

use super::{NAME, XE};
use crate::key::Key;

const PACKETS: Part =
    arg_help("COUNT", Value::Integer { min: 1, max: 100, unit: "packets" }, "packets");

/// How a path is probed, in the words of both spellings that the documents print.
const PROBE: Part = Part::Optional(&[
    Part::OneOf(&[
        &[word("num-packets", "Packets of one probe"), PACKETS],
        &[word("numpackets", "Packets of one probe"), PACKETS],
    ]),
    INTERVAL,
]);
const INTERVAL: Part = Part::Optional(&[
    word("interval", "Time between two packets"),
    arg_help("INTERVAL", Value::Integer { min: 4, max: 6000, unit: "milliseconds" }, "interval"),
    FREQUENCY,
]);
const FREQUENCY: Part = Part::Optional(&[
    word("frequency", "Time between two probes"),
    arg_help("FREQUENCY", Value::Integer { min: 1, max: 604_800, unit: "seconds" }, "frequency"),
]);

const DISABLE_SLA: Row<Key> =
    refused(&[last("disable-sla")], "Paths are not probed").on_by_default().from(XE);
const SLA: Row<Key> = refused(&[last("sla"), PROBE], "How paths are probed").from(XE);
const ENABLE_SLA: Part = word("enable-sla", "Probes of some paths only");
const RATIO: Part = arg("RATIO", Value::Integer { min: 1, max: 15, unit: "" });
const LABEL: Part = word("label", "Of the links of one label");
const BANDWIDTH_RATIO: Row<Key> = refused(
    &[last("bandwidth-ratio"), LABEL, arg_help("LABEL", NAME, "label"), RATIO],
    "Share of flows of the links of one label",
)
.from(XE);
const PROFILE: Row<Key> =
    refused(&[last("profile-definition"), arg_help("NAME", NAME, "profile")], "A traffic profile")
        .opens(&PROFILE_DEFINITION)
        .from(XE);

/// The mode of the service at the anchor.
pub(super) static LMA_HYBRID_ACCESS: Block<Key> = Block {
    name: "pmipv6-lma-haccess-svc",
    help: "Hybrid access at the anchor.",
    rows: &[
        DISABLE_SLA,
        SLA,
        refused(
            &[ENABLE_SLA, last("mag"), arg_help("ID", NAME, "gateway"), PROBE],
            "Probes to one gateway",
        )
        .from(XE),
        refused(
            &[ENABLE_SLA, last("customer"), arg_help("NAME", NAME, "customer"), PROBE],
            "Probes to one customer's gateways",
        )
        .from(XE),
        BANDWIDTH_RATIO,
        refused(
            &[
                last("bandwidth-ratio"),
                word("mag", "Of one gateway"),
                arg_help("ID", NAME, "gateway"),
                LABEL,
                arg_help("LABEL", NAME, "label"),
                RATIO,
            ],
            "Share of flows of a gateway's links of one label",
        )
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
        refused(
            &[word("sla-responder-stats", "Figures for the responder"), last("disable")],
            "The responder is not sent the measured figures",
        )
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
        refused(
            &[
                last("jitter"),
                arg("JITTER", MILLISECONDS),
                Part::Optional(&[LOW_THRESHOLD, arg("LOW", MILLISECONDS)]),
            ],
            "Most jitter",
        )
        .from(XE),
        refused(
            &[last("rtt"), arg("RTT", RTT), Part::Optional(&[LOW_THRESHOLD, arg("LOW", RTT)])],
            "Longest round trip",
        )
        .from(XE),
        refused(
            &[
                last("packet-loss"),
                arg("LOSS", PERCENT),
                Part::Optional(&[LOW_THRESHOLD, arg("LOW", PERCENT)]),
            ],
            "Most loss",
        )
        .from(XE),
        refused(
            &[last("mos"), arg("MOS", MOS), Part::Optional(&[LOW_THRESHOLD, arg("LOW", MOS)])],
            "Least voice quality (mean opinion score times 100)",
        )
        .from(XE),
        refused(&[last("loadbalance")], "Spread flows over all links that are good").from(XE),
    ],
};
