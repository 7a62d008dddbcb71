//! Under `ipv6 mobile pmipv6-lma ID domain NAME`.

use kedge_grammar::table::{Block, arg, arg_help, flag, last, row, word};
use kedge_grammar::{Part, Value};

use super::common::{
    ADDRESS, ANI, AUTH_OPTION, BCE, BRI_MAX, BRI_MIN, BRI_RETRIES, DSCP, ENCAP, ENCAP_MGRE,
    GENERATE_GREKEY, HEARTBEATS, HEARTBEATS_OF_LABEL, HEARTBEATS_OF_LABEL_XE, IGNORE_GREKEY,
    IGNORE_HOME_ADDRESS, INTERFACE_NAME, MAXIMUM, MOBILE_MAP, MOBILE_MAP_WITH_SEQUENCE,
    MOBILE_ROUTE, MOBILITY_SERVICE, MULTIPATH, PEER_IPV4, PEER_IPV4_XE, PEER_IPV6, PEER_IPV6_XE,
    TUNNEL, TUNNEL_ACL, TUNNEL_ACL_IN, TUNNEL_DSCP, TUNNEL_MSS, TUNNEL_MTU,
};
use super::hybrid::{HYBRID_ACCESS, HYBRID_ACCESS_UNHYPHENATED, LMA_HYBRID_ACCESS};
use super::local_loop::LOCAL_LOOP;
use super::pools::NETWORK;
use super::{BOTH, DOMAIN_NAME, OURS, XE, XR, known};
use crate::key::Key;
use crate::{MobileNetworkCheck, Redistribute};

const AAA: Part = word("aaa", "Authentication, authorization and accounting");

/// A wait of the binding cache in milliseconds: XR begins at 100, XE at 1.
const WAIT: Value = Value::Integer { min: 1, max: 65535, unit: "milliseconds" };

/// The mode of the anchor.
pub(crate) static LMA: Block<Key> = Block {
    name: "pmipv6-lma",
    help: "The local mobility anchor: it holds the bindings and hands out home addresses.",
    rows: &[
        row(
            Key::AddressIpv4,
            &[ADDRESS, word("ipv4", "An IPv4 address"), arg("ADDRESS", Value::Ipv4)],
            "An IPv4 address that the anchor answers on",
        )
        .each(&[])
        .restart()
        .from(BOTH),
        row(
            Key::AddressIpv6,
            &[ADDRESS, word("ipv6", "An IPv6 address"), arg("ADDRESS", Value::Ipv6)],
            "An IPv6 address that the anchor answers on",
        )
        .each(&[])
        .restart()
        .from(BOTH),
        row(
            Key::HnpMaximum,
            &[
                word("hnp", "Home network prefixes"),
                MAXIMUM,
                arg("COUNT", Value::Integer { min: 1, max: 3, unit: "prefixes" }),
            ],
            "Most home network prefixes of one interface of a node",
        )
        .default("1")
        .new_bindings()
        .from(XR),
        HEARTBEATS,
        HEARTBEATS_OF_LABEL,
        HEARTBEATS_OF_LABEL_XE,
        row(
            Key::EnforceHeartbeat,
            &[word("enforce", "Impose on gateways"), last("heartbeat-to-mag")],
            "Gateways take the heartbeat values that are this anchor's for them: each acceptance \
             says them (RFC 8127)",
        )
        .from(BOTH),
        row(
            Key::BceMaximum,
            &[
                BCE,
                MAXIMUM,
                arg("COUNT", Value::Integer { min: 1, max: 16_000_000, unit: "bindings" }),
            ],
            "Most bindings",
        )
        .default("128000")
        .from(BOTH),
        row(
            Key::BceLicense,
            &[
                BCE,
                last("license"),
                arg("COUNT", Value::Integer { min: 1, max: 16_000_000, unit: "bindings" }),
            ],
            "Bindings the operator is entitled to; more are served, and reported",
        )
        .default("128000")
        .from(OURS),
        row(
            Key::BceLifetime,
            &[
                BCE,
                last("lifetime"),
                arg("SECONDS", Value::Integer { min: 10, max: 65535, unit: "seconds" }),
            ],
            "Longest lifetime granted",
        )
        .default("3600")
        .new_bindings()
        .from(BOTH),
        row(
            Key::BceDeleteWait,
            &[BCE, last("delete-wait-time"), arg("MILLISECONDS", WAIT)],
            "How long a de-registered binding is kept for a handover (MinDelayBeforeBCEDelete)",
        )
        .default("10000")
        .from(BOTH),
        row(
            Key::BceCreateWait,
            &[BCE, last("create-wait-time"), arg("MILLISECONDS", WAIT)],
            "How long a new session waits for the old one's end (MaxDelayBeforeNewBCEAssign)",
        )
        .default("1500")
        .from(BOTH),
        row(
            Key::BceRefreshTime,
            &[
                BCE,
                last("refresh-time"),
                arg("SECONDS", Value::Integer { min: 4, max: 65000, unit: "seconds" }),
            ],
            "Refresh interval advised to gateways",
        )
        .from(XR),
        row(
            Key::ReplayWindow,
            &[
                word("replay-protection", "Protection against replayed updates"),
                word("timestamp", "By the Timestamp option (RFC 5213 8.8)"),
                last("window"),
                Part::OneOf(&[
                    &[arg("SECONDS", Value::Integer { min: 1, max: 255, unit: "seconds" })],
                    &[flag("ignore", "Any timestamp is good")],
                ]),
            ],
            "How far a gateway's clock may be from this one; without it the domain's window",
        )
        .from(BOTH),
        row(
            Key::TimestampRequired,
            &[
                word("replay-protection", "Protection against replayed updates"),
                word("timestamp", "By the Timestamp option (RFC 5213 8.8)"),
                last("required"),
            ],
            "Refuse an update that does not say when it was sent, with status 145; without this a \
             sequence number is as good",
        )
        .from(OURS),
        row(
            Key::AcceptForcedUdp,
            &[word("accept", "What updates may ask for"), last("forced-udp-encapsulation")],
            "Grant UDP encapsulation to a gateway that asks for it though no translator is on the \
             path (RFC 5844 5.1); `no` refuses it with status 129",
        )
        .on_by_default()
        .from(OURS),
        row(
            Key::DefaultProfile,
            &[
                word("default", "What holds for others"),
                last("profile"),
                arg("NAME", known("profile")),
            ],
            "Profile of nodes without one of their own: the NAME of a nai of the domain",
        )
        .new_bindings()
        .from(BOTH),
        BRI_MIN,
        BRI_MAX,
        BRI_RETRIES,
        row(
            Key::DynamicMagLearning,
            &[
                word("dynamic", "What need not be configured"),
                word("mag", "Gateways"),
                last("learning"),
            ],
            "Accept gateways that are not configured",
        )
        .from(BOTH),
        row(
            Key::Accounting,
            &[
                AAA,
                last("accounting"),
                Part::Optional(&[
                    word("interim", "Interim records too"),
                    arg_help(
                        "MINUTES",
                        Value::Integer { min: 1, max: 86400, unit: "minutes" },
                        "time between two",
                    ),
                ]),
            ],
            "RADIUS accounting of nodes and tunnels",
        )
        .from(XR),
        row(
            Key::Accounting,
            &[word("enable", "Features"), AAA, last("accounting")],
            "RADIUS accounting of nodes and tunnels",
        )
        .also()
        .from(XE),
        DSCP,
        TUNNEL_MTU,
        TUNNEL_MSS,
        TUNNEL_DSCP,
        TUNNEL_ACL,
        TUNNEL_ACL_IN,
        GENERATE_GREKEY,
        IGNORE_GREKEY,
        IGNORE_HOME_ADDRESS,
        ANI,
        MULTIPATH,
        MOBILE_MAP,
        MOBILE_MAP_WITH_SEQUENCE,
        row(
            Key::CoreInterface,
            &[last("interface"), INTERFACE_NAME],
            "An interface on the correspondents' side, where the mobile map holds",
        )
        .each(&[])
        .no_effect_yet()
        .from(XE),
        row(
            Key::Redistribute,
            &[
                word("redistribute", "Routes given to routing protocols"),
                last("home-address"),
                arg("what", Value::Keyword(Redistribute::WORDS)),
            ],
            "Routes of home addresses given to routing protocols; without it those of the pools",
        )
        .from(XR),
        MOBILE_ROUTE,
        row(
            Key::Rat,
            &[
                last("rat"),
                arg(
                    "technology",
                    Value::Keyword(&[
                        ("VIRTUAL", "A virtual interface"),
                        ("PPP", "The Point-to-Point Protocol"),
                        ("ETHERNET", "Ethernet, IEEE 802.3"),
                        ("WLAN", "Wireless LAN, IEEE 802.11"),
                        ("WIMAX", "WiMAX, IEEE 802.16e"),
                        ("3GPP_GERAN", "3GPP GERAN"),
                        ("3GPP_UTRAN", "3GPP UTRAN"),
                        ("3GPP_E_UTRAN", "3GPP E-UTRAN"),
                        ("3GPP2_EHRPD", "3GPP2 eHRPD"),
                        ("3GPP2_HRPD", "3GPP2 HRPD"),
                        ("3GPP2_1_RTT", "3GPP2 1xRTT"),
                        ("3GPP2_UMB", "3GPP2 UMB"),
                    ]),
                ),
                PRIORITY,
                PRIORITY_VALUE,
            ],
            "Priority of an access technology",
        )
        .each(&["technology"])
        .no_effect_yet()
        .from(XE),
        row(
            Key::Rat,
            &[
                last("rat"),
                Part::OneOf(&[
                    &[arg(
                        "technology",
                        Value::Spelled(&[("wi-max", "WIMAX", "WiMAX, IEEE 802.16e")]),
                    )],
                    &[
                        word("3gpp", "A 3GPP network"),
                        arg(
                            "technology",
                            Value::Spelled(&[
                                ("geran", "3GPP_GERAN", "3GPP GERAN"),
                                ("utran", "3GPP_UTRAN", "3GPP UTRAN"),
                                ("eutran", "3GPP_E_UTRAN", "3GPP E-UTRAN"),
                            ]),
                        ),
                    ],
                    &[
                        word("3gpp2", "A 3GPP2 network"),
                        arg(
                            "technology",
                            Value::Spelled(&[
                                ("ehrpd", "3GPP2_EHRPD", "3GPP2 eHRPD"),
                                ("hrpd", "3GPP2_HRPD", "3GPP2 HRPD"),
                                ("1rtt", "3GPP2_1_RTT", "3GPP2 1xRTT"),
                                ("umb", "3GPP2_UMB", "3GPP2 UMB"),
                            ]),
                        ),
                    ],
                ]),
                PRIORITY,
                PRIORITY_VALUE,
            ],
            "Priority of an access technology",
        )
        .each(&["technology"])
        .no_effect_yet()
        .also()
        .from(XR),
        row(
            Key::Role3gma,
            &[last("role"), word("3gma", "3G mobility anchor")],
            "The anchor's part in a mobile operator's network",
        )
        .no_effect_yet()
        .from(XR),
        row(
            Key::MobileNetworkCheck,
            &[last("mobile-network"), arg("how", Value::Keyword(MobileNetworkCheck::WORDS))],
            "How mobile network prefixes are checked",
        )
        .from(XE),
        row(Key::PgwContinuity, &[last("pgw-subs-cont")], "Continuity of subscribers of a P-GW")
            .no_effect_yet()
            .from(XR),
        row(
            Key::PeerMag,
            &[last("mag"), arg_help("ID", known("gateway"), "gateway"), DOMAIN_NAME],
            "A gateway",
        )
        .opens(&PEER_MAG)
        .from(BOTH),
        row(
            Key::Network,
            &[last("network"), arg_help("NAME", known("network"), "network")],
            "A set of pools",
        )
        .opens(&NETWORK)
        .from(BOTH),
        row(
            Key::LocalLoop,
            &[MOBILITY_SERVICE, last("mobile-local-loop")],
            "Mobile local loop: customers",
        )
        .opens(&LOCAL_LOOP)
        .from(BOTH),
        HYBRID_ACCESS.opens(&LMA_HYBRID_ACCESS),
        HYBRID_ACCESS_UNHYPHENATED.opens(&LMA_HYBRID_ACCESS),
    ],
};

const PRIORITY: Part = word("priority", "Its priority");
const PRIORITY_VALUE: Part = arg("PRIORITY", Value::Integer { min: 1, max: 255, unit: "" });

/// The mode of a gateway that the anchor knows.
pub(crate) static PEER_MAG: Block<Key> = Block {
    name: "pmipv6-lma-mag",
    help: "A gateway that the anchor knows.",
    rows: &[
        PEER_IPV4,
        PEER_IPV6,
        PEER_IPV4_XE.also(),
        PEER_IPV6_XE.also(),
        AUTH_OPTION,
        ENCAP,
        ENCAP_MGRE,
        row(
            Key::TunnelInterface,
            &[TUNNEL, last("interface"), INTERFACE_NAME],
            "A static GRE tunnel to the gateway: no GRE Key option is asked for",
        )
        .new_bindings()
        .from(XR),
        DSCP,
    ],
};
